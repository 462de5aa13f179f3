//! What comes back to one party, and whether it is perfect: nothing missing, each frame as loud as the others, each talker as loud
//! as he talks.

use std::f64::consts::TAU;

use patchcord_media::codec::{Decoder, Kind};
use patchcord_media::rtp::packet::View;

use super::talkers::{LOUDNESS, hz_of};

/// Samples that are kept: a minute at a telephone's rate.
const KEPT: usize = 60 * 8000;

/// See the file.
pub struct Ear {
    kind: Kind,
    decoder: Box<dyn Decoder>,
    next: Option<u16>,
    /// Packets that came, and that are missing between those that did.
    pub came: u64,
    /// See `came`.
    pub missing: u64,
    samples: Vec<i16>,
}

/// What is found in what an ear heard.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// How far the level of the talker that is most wrong is off, in decibels.
    pub wrong_db: f64,
    /// How much less the quietest frame has than the usual one, in decibels; a hole has a hundred.
    pub hole_db: f64,
    /// And how much more the loudest.
    pub burst_db: f64,
    /// Frames that were judged.
    pub frames: usize,
}

impl Ear {
    /// One that has heard nothing.
    ///
    /// # Panics
    /// When the codec is only passed on.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let decoder = kind.decoder().expect("a codec that is spoken");
        Self { kind, decoder, next: None, came: 0, missing: 0, samples: Vec::new() }
    }

    /// Hears a packet; what is none, or has no place any more, is left out.
    pub fn hear(&mut self, bytes: &[u8]) {
        let Ok(packet) = View::parse(bytes) else { return };
        if let Some(next) = self.next.replace(packet.sequence().wrapping_add(1)) {
            self.missing += u64::from(packet.sequence().wrapping_sub(next));
        }
        self.came += 1;
        if self.samples.len() < KEPT {
            // A packet of nothing is no sound either.
            let _ = self.decoder.decode(packet.payload(), &mut self.samples);
        }
    }

    /// Judges what it heard, where these voices were to be heard.
    #[must_use]
    pub fn judge(&self, voices: &[usize]) -> Judged {
        let rate = self.kind.rate();
        let frames: Vec<&[i16]> = self.samples.chunks_exact(rate.samples()).collect();
        let power = |frame: &&[i16]| frame.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>().max(1.0);
        let mut powers: Vec<f64> = frames.iter().map(power).collect();
        powers.sort_by(f64::total_cmp);
        let usual = powers.get(powers.len() / 2).copied().unwrap_or(1.0);
        let db = |power: f64| 10.0 * (power / usual).log10();
        let wrong = voices.iter().map(|voice| self.off_db(hz_of(*voice)).abs()).fold(0.0, f64::max);
        Judged {
            wrong_db: wrong,
            hole_db: -db(powers.first().copied().unwrap_or(1e-10)),
            burst_db: db(powers.last().copied().unwrap_or(1e10)),
            frames: frames.len(),
        }
    }

    /// How much louder than spoken a tone is, in decibels.
    fn off_db(&self, hz: f64) -> f64 {
        let step = TAU * hz / f64::from(self.kind.rate().hz());
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (number, sample) in self.samples.iter().enumerate() {
            let turn = step * number as f64;
            sine += turn.sin() * f64::from(*sample);
            cosine += turn.cos() * f64::from(*sample);
        }
        let peak = 2.0 * sine.hypot(cosine) / (self.samples.len() as f64).max(1.0);
        20.0 * (peak.max(1e-3) / (LOUDNESS * f64::from(i16::MAX))).log10()
    }
}
