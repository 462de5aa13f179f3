//! A finished prompt: frames of 20 ms that are only copied from here on.
//!
//! A [`Sound`] is made once by the loader and then shared by every call that plays it. It is either samples at one of our
//! rates, for mixing and for volumes, or the payload of one codec, packet by packet. A codec that remembers what it said
//! (Opus, G.722) encodes the whole sound as one stream from a fresh start; a listener who begins in the middle hears its
//! decoder settle for a few milliseconds. Nobody changes a sound.

use std::sync::Arc;
use std::time::Duration;

use crate::codec::{Kind, Settings};
use crate::frame::{FRAME, Rate};

/// As what a sound is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Samples, to be mixed, made louder or encoded by whoever plays them.
    Samples(Rate),
    /// Packets of a codec, ready to be sent.
    Payload(Kind),
}

impl Form {
    /// The rate of the sound inside.
    #[must_use]
    pub fn rate(self) -> Rate {
        match self {
            Self::Samples(rate) => rate,
            Self::Payload(kind) => kind.rate(),
        }
    }
}

/// A sound that is ready to be played.
#[derive(Debug)]
pub struct Sound {
    name: Arc<str>,
    form: Form,
    frames: Frames,
}

#[derive(Debug)]
enum Frames {
    Samples(Box<[i16]>),
    Payload {
        bytes: Box<[u8]>,
        /// Where each packet ends; it begins where the one before it ended.
        ends: Box<[u32]>,
    },
}

impl Sound {
    /// Samples at a rate; the last frame is filled with silence.
    #[must_use]
    pub fn of_samples(name: &str, rate: Rate, mut samples: Vec<i16>) -> Self {
        samples.resize(samples.len().next_multiple_of(rate.samples()), 0);
        Self { name: name.into(), form: Form::Samples(rate), frames: Frames::Samples(samples.into_boxed_slice()) }
    }

    /// The same sound as packets of a codec. `None` when this is no sound of samples at the codec's rate, or the codec is one
    /// that is only passed on.
    #[must_use]
    pub fn encoded(&self, kind: Kind) -> Option<Self> {
        let Frames::Samples(samples) = &self.frames else { return None };
        if self.form.rate() != kind.rate() {
            return None;
        }
        // A prompt is encoded once and heard often, so it may cost what it wants. It must not fall silent by itself:
        // every frame is a packet.
        // Whoever loses packets hears it too.
        let settings =
            Settings { complexity: 10, discontinuous: false, expected_loss_percent: 10, ..Settings::default() };
        let mut encoder = kind.encoder(&settings)?;
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(self.frames()));
        for frame in samples.chunks_exact(kind.rate().samples()) {
            encoder.encode(frame, &mut bytes);
            ends.push(u32::try_from(bytes.len()).ok()?);
        }
        let frames = Frames::Payload { bytes: bytes.into_boxed_slice(), ends: ends.into_boxed_slice() };
        Some(Self { name: Arc::clone(&self.name), form: Form::Payload(kind), frames })
    }

    /// The name it was asked for by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As what it is kept.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// How many frames it has.
    #[must_use]
    pub fn frames(&self) -> usize {
        match &self.frames {
            Frames::Samples(samples) => samples.len() / self.form.rate().samples(),
            Frames::Payload { ends, .. } => ends.len(),
        }
    }

    /// How long it plays.
    #[must_use]
    pub fn duration(&self) -> Duration {
        FRAME * u32::try_from(self.frames()).unwrap_or(u32::MAX)
    }

    /// The samples of a frame; `None` behind the end, and for a sound of packets.
    #[must_use]
    pub fn samples(&self, frame: usize) -> Option<&[i16]> {
        let Frames::Samples(samples) = &self.frames else { return None };
        samples.chunks_exact(self.form.rate().samples()).nth(frame)
    }

    /// The packet of a frame; `None` behind the end, and for a sound of samples.
    #[must_use]
    pub fn payload(&self, frame: usize) -> Option<&[u8]> {
        let Frames::Payload { bytes, ends } = &self.frames else { return None };
        let end = *ends.get(frame)? as usize;
        let start = frame.checked_sub(1).map_or(0, |before| ends[before] as usize);
        Some(&bytes[start..end])
    }

    /// What it takes of memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.frames {
            Frames::Samples(samples) => size_of_val(&**samples),
            Frames::Payload { bytes, ends } => bytes.len() + size_of_val(&**ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(samples: usize) -> Sound {
        Sound::of_samples("ramp", Rate::Narrow, (0..samples).map(|n| n as i16 * 8).collect())
    }

    #[test]
    fn the_last_frame_is_filled_with_silence() {
        let sound = ramp(161);
        assert_eq!((sound.frames(), sound.duration()), (2, 2 * FRAME));
        assert_eq!(sound.samples(1).unwrap()[..2], [160 * 8, 0]);
        assert_eq!(sound.samples(2), None);
        assert_eq!(sound.payload(0), None, "it is no sound of packets");
    }

    #[test]
    fn packets_hold_what_the_codec_makes_of_each_frame() {
        let sound = ramp(800);
        for kind in [Kind::Pcmu, Kind::Pcma, Kind::L16(Rate::Narrow)] {
            let packets = sound.encoded(kind).unwrap();
            assert_eq!((packets.frames(), packets.form(), packets.name()), (5, Form::Payload(kind), "ramp"));
            let (mut encoder, mut wanted) = (kind.encoder(&Settings::default()).unwrap(), Vec::new());
            encoder.encode(sound.samples(3).unwrap(), &mut wanted);
            assert_eq!(packets.payload(3), Some(&wanted[..]), "{kind:?}");
            assert_eq!(packets.payload(5), None);
            assert_eq!(packets.samples(0), None);
        }
    }

    #[test]
    fn a_codec_of_another_rate_and_one_that_is_only_passed_on_make_no_packets() {
        assert!(ramp(800).encoded(Kind::G722).is_none());
        assert!(ramp(800).encoded(Kind::G729).is_none());
        assert!(ramp(800).encoded(Kind::Pcmu).unwrap().encoded(Kind::Pcmu).is_none());
    }
}
