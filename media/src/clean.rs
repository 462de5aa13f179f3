//! A member's sound made clean before it is mixed: noise taken out of speech, and a gate that shuts out whatever is quiet.
//!
//! A [`Cleaner`] is told a frame of 20 ms and gives one back. Its net is RNNoise's (by `nnnoiseless`), which works at 48 kHz on
//! frames of 10 ms and gives each one frame later; where it has heard no speech for a while it lets nothing through. A gate opens
//! within a frame that is loud enough, so that no word loses its beginning, and closes a little behind the last one. Whether
//! somebody speaks is the mixer's to say, not ours.
//!
//! sound ─▶ to 48 kHz ─▶ net ─▶ back ─▶ gate ─▶ clean sound

use std::sync::LazyLock;

use nnnoiseless::{DenoiseState, RnnModel};

use crate::codec::resample::Resampler;
use crate::frame::{MAX_SAMPLES, Rate};
use crate::mixer::{Gain, power, ramp};

/// What a gate may shut out: nothing that is louder than quiet speech.
pub const GATE_DB: std::ops::RangeInclusive<i8> = -60..=-20;

/// Frames that a gate stays open behind the last loud one: a stop within a word.
const HOLD: u8 = 6;

/// An opening gate takes this part of a frame: 2 ms, too short to take anything of a word, too long to click.
const OPENING: usize = 10;

/// The net's own word that somebody may speak, and for how many frames that holds: longer than a pause within a sentence's
/// part, so that no soft ending is lost.
const MAY_SPEAK: f32 = 0.5;
const SPEECH_HOLD: u8 = 12;

/// What the net takes at once.
const PIECE: usize = DenoiseState::FRAME_SIZE;

/// What all nets have learned.
static MODEL: LazyLock<RnnModel> = LazyLock::new(RnnModel::default);

/// See the module.
pub struct Cleaner {
    net: Option<Net>,
    /// What is quieter does not open it.
    gate: Option<(u32, Gate)>,
    sound: Vec<i16>,
}

impl Cleaner {
    /// To shut out what is quieter than so many decibels below the loudest, to take noise out, or both; nothing where neither is
    /// wanted.
    #[must_use]
    pub fn new(gate_db: Option<i8>, takes_noise: bool) -> Option<Box<Self>> {
        if gate_db.is_none() && !takes_noise {
            return None;
        }
        let net = takes_noise.then(Net::new);
        Some(Box::new(Self {
            net,
            gate: gate_db.map(|db| (power_of(db), Gate::default())),
            sound: Vec::with_capacity(MAX_SAMPLES),
        }))
    }

    /// The same sound, clean. What is no frame of that rate stays as it is.
    pub fn clean<'a>(&'a mut self, sound: &'a [i16], rate: Rate) -> &'a [i16] {
        if sound.len() != rate.samples() {
            return sound;
        }
        self.sound.clear();
        match &mut self.net {
            Some(net) => net.clean(sound, rate, &mut self.sound),
            None => self.sound.extend_from_slice(sound),
        }
        if let Some((least, gate)) = &mut self.gate {
            let is_loud = power(&self.sound) >= *least;
            gate.pass(&mut self.sound, is_loud, HOLD);
        }
        &self.sound
    }
}

/// The power of that many decibels.
fn power_of(db: i8) -> u32 {
    let db = db.clamp(*GATE_DB.start(), *GATE_DB.end());
    (f64::from(i16::MAX).powi(2) * 10_f64.powf(f64::from(db) / 10.0)) as u32
}

/// Lets through what is wanted, and so many frames behind it.
#[derive(Default)]
struct Gate {
    hold: u8,
    is_open: bool,
}

impl Gate {
    fn pass(&mut self, sound: &mut [i16], is_wanted: bool, hold: u8) {
        self.hold = if is_wanted { hold } else { self.hold.saturating_sub(1) };
        let was_open = std::mem::replace(&mut self.is_open, self.hold > 0);
        match (was_open, self.is_open) {
            (true, true) => {}
            (false, false) => sound.fill(0),
            (true, false) => ramp(sound, Gain::UNITY, Gain::NONE),
            (false, true) => {
                let opening = sound.len() / OPENING;
                ramp(&mut sound[..opening], Gain::NONE, Gain::UNITY);
            }
        }
    }
}

/// Takes noise out of speech.
struct Net {
    state: Box<DenoiseState<'static>>,
    gate: Gate,
    /// To the net's rate and back; none where that is the sound's own.
    ways: Option<(Resampler, Resampler)>,
    rate: Rate,
    wide: Vec<i16>,
    noisy: [f32; PIECE],
    clean: [f32; PIECE],
}

impl Net {
    fn new() -> Self {
        Self {
            state: DenoiseState::with_model(&MODEL),
            gate: Gate::default(),
            ways: None,
            rate: Rate::Full,
            wide: Vec::with_capacity(MAX_SAMPLES),
            noisy: [0.0; PIECE],
            clean: [0.0; PIECE],
        }
    }

    fn clean(&mut self, sound: &[i16], rate: Rate, out: &mut Vec<i16>) {
        if rate != self.rate {
            self.rate = rate;
            self.ways =
                (rate != Rate::Full).then(|| (Resampler::new(rate, Rate::Full), Resampler::new(Rate::Full, rate)));
        }
        self.wide.clear();
        match &mut self.ways {
            Some((up, _)) => up.resample(sound, &mut self.wide),
            None => self.wide.extend_from_slice(sound),
        }
        let mut speech = 0.0_f32;
        for piece in self.wide.chunks_exact_mut(PIECE) {
            self.noisy.iter_mut().zip(&*piece).for_each(|(noisy, sample)| *noisy = f32::from(*sample));
            speech = speech.max(self.state.process_frame(&mut self.clean, &self.noisy));
            // A cast of a float keeps to the bounds of what it becomes.
            piece.iter_mut().zip(&self.clean).for_each(|(sample, clean)| *sample = clean.round() as i16);
        }
        self.gate.pass(&mut self.wide, speech > MAY_SPEAK, SPEECH_HOLD);
        match &mut self.ways {
            Some((_, down)) => down.resample(&self.wide, out),
            None => out.extend_from_slice(&self.wide),
        }
    }
}

#[cfg(test)]
#[path = "clean_tests.rs"]
mod tests;
