//! What the parties of a farm say: who of them talks, and the packets that they send for it, made once.

use std::f64::consts::TAU;

use patchcord_media::codec::{Kind, Settings};

/// Who of many legs talks; the others are silent.
#[derive(Clone, Copy, Debug)]
pub enum Talkers {
    /// So many of a hundred.
    Percent(usize),
    /// So many of each room of this size, each with a tone of its own.
    OfRoom {
        /// Members of a room.
        size: usize,
        /// How many of them talk.
        talkers: usize,
    },
}

impl Talkers {
    /// Which voice that leg has; `None` for one that is silent.
    #[must_use]
    pub fn voice(self, leg: usize) -> Option<usize> {
        match self {
            Self::Percent(percent) => (leg * 37 % 100 < percent).then_some(0),
            Self::OfRoom { size, talkers } => Some(leg % size).filter(|seat| *seat < talkers),
        }
    }

    fn voices(self) -> usize {
        match self {
            Self::Percent(_) => 1,
            Self::OfRoom { talkers, .. } => talkers,
        }
    }
}

/// How loud each talks, of full scale: ten of them at once are not too loud.
pub const LOUDNESS: f64 = 0.07;

/// A voice's tone, which has whole waves in a frame: each frame is like the one before, so that a seam is seen in any.
#[must_use]
pub fn hz_of(voice: usize) -> f64 {
    400.0 + 150.0 * voice as f64
}

/// Frames after which a codec that remembers says the same again: a second.
const ROUND: usize = 50;

/// See the file.
pub struct Choir {
    talkers: Talkers,
    /// By the voice and the frame; the last one is silence.
    packets: Vec<Vec<Vec<u8>>>,
}

impl Choir {
    /// Encodes what each voice says.
    ///
    /// # Panics
    /// When the codec is only passed on.
    #[must_use]
    pub fn new(kind: Kind, talkers: Talkers, settings: &Settings) -> Self {
        let rate = kind.rate();
        let mut packets = Vec::new();
        for voice in 0..=talkers.voices() {
            let is_silent = voice == talkers.voices();
            let loudness = if matches!(talkers, Talkers::Percent(_)) { 0.25 } else { LOUDNESS };
            let mut hiss = 1_u32;
            let mut sample = |number: usize| {
                if is_silent {
                    // Nobody's room is without a noise: -66 dB.
                    hiss = hiss.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    return ((hiss >> 16) as i16) / 1000;
                }
                let turn = TAU * hz_of(voice) * number as f64 / f64::from(rate.hz());
                (turn.sin() * loudness * f64::from(i16::MAX)) as i16
            };
            let mut encoder = kind.encoder(settings).expect("a codec that is spoken");
            let frames = (0..ROUND).map(|frame| {
                let at = frame * rate.samples();
                let sound: Vec<i16> = (at..at + rate.samples()).map(&mut sample).collect();
                let mut packet = Vec::new();
                encoder.encode(&sound, &mut packet);
                packet
            });
            packets.push(frames.collect());
        }
        Self { talkers, packets }
    }

    /// The packet of that leg in that frame.
    #[must_use]
    pub fn says(&self, leg: usize, frame: usize) -> &[u8] {
        let voice = self.talkers.voice(leg).unwrap_or(self.packets.len() - 1);
        &self.packets[voice][frame % ROUND]
    }
}
