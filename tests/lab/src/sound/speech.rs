//! What a phone says, at the rate of the codec that carries it.

use std::sync::Arc;

use patchcord_media::codec::resample::Resampler;
use patchcord_media::frame::Rate;

use super::voice::Voice;

/// What a phone says.
#[derive(Clone, Debug)]
pub(crate) enum Speech {
    /// Its tone, without end.
    Tone(Voice),
    /// A file, once; then nothing.
    File(Arc<Recorded>),
    /// Silence, and packets of it.
    Silence,
}

/// Sound from a file.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub rate: Rate,
    pub samples: Vec<i16>,
}

/// A speech made ready for one codec.
pub(crate) struct Reel {
    samples: Vec<i16>,
    repeats: bool,
    at: usize,
}

impl Reel {
    pub fn new(speech: &Speech, rate: Rate) -> Self {
        let (samples, repeats) = match speech {
            Speech::Tone(voice) => (voice.round(rate), true),
            Speech::File(file) => (resampled(file, rate), false),
            Speech::Silence => (vec![0; rate.samples()], true),
        };
        Self { samples, repeats, at: 0 }
    }

    /// All of it, when it goes round and round in whole frames.
    pub fn round(&self) -> Option<&[i16]> {
        self.repeats.then_some(self.samples.as_slice())
    }

    /// The next frame; silence behind the end.
    pub fn frame(&mut self, count: usize, frame: &mut Vec<i16>) {
        frame.clear();
        let end = (self.at + count).min(self.samples.len());
        frame.extend_from_slice(&self.samples[self.at..end]);
        frame.resize(count, 0);
        self.at = if self.repeats && end == self.samples.len() { 0 } else { end };
    }

    /// Whether all of it was said.
    pub fn is_over(&self) -> bool {
        !self.repeats && self.at == self.samples.len()
    }
}

fn resampled(file: &Recorded, rate: Rate) -> Vec<i16> {
    if file.rate == rate {
        return file.samples.clone();
    }
    let (mut resampler, mut out) = (Resampler::new(file.rate, rate), Vec::new());
    file.samples.chunks(file.rate.samples()).for_each(|frame| resampler.resample(frame, &mut out));
    out
}
