//! How tests hear: a tone through a codec, and how much of it is left beside everything else.

use std::f64::consts::TAU;

use super::{Kind, Settings};
use crate::frame::Rate;

/// What is left of a tone.
pub(crate) struct Tone {
    /// How much stronger the tone is than all the rest together, in decibels.
    pub ratio: f64,
    /// How much weaker it has become, in decibels.
    pub loss: f64,
}

/// A tone of `hz` with this peak.
pub(crate) fn tone(hz: f64, peak: f64, rate: Rate, samples: usize) -> Vec<i16> {
    let step = hz * TAU / f64::from(rate.hz());
    (0..samples).map(|n| (peak * (n as f64 * step).sin()).round() as i16).collect()
}

/// What `frames` of a tone have become behind the encoder and the decoder of a codec.
pub(crate) fn through(kind: Kind, hz: f64, peak: f64, frames: usize) -> Vec<i16> {
    let mut encoder = kind.encoder(&Settings::default()).expect("a codec that is spoken");
    let mut decoder = kind.decoder().expect("a codec that is spoken");
    let (mut payload, mut heard) = (Vec::new(), Vec::new());
    for frame in tone(hz, peak, kind.rate(), frames * kind.rate().samples()).chunks(kind.rate().samples()) {
        payload.clear();
        encoder.encode(frame, &mut payload);
        decoder.decode(&payload, &mut heard).expect("what the encoder made");
    }
    heard
}

/// How much of a tone that had this peak is left: its own power by correlation, everything else as the remainder.
pub(crate) fn loss_of_tone(heard: &[i16], hz: f64, rate: Rate, peak: f64) -> Tone {
    let step = hz * TAU / f64::from(rate.hz());
    let (mut sine, mut cosine, mut whole) = (0.0, 0.0, 0.0);
    for (n, &sample) in heard.iter().enumerate() {
        let phase = n as f64 * step;
        sine += f64::from(sample) * phase.sin();
        cosine += f64::from(sample) * phase.cos();
        whole += f64::from(sample).powi(2);
    }
    let count = heard.len() as f64;
    let amplitude = 2.0 * sine.hypot(cosine) / count;
    let power = amplitude.powi(2) / 2.0;
    let rest = (whole / count - power).max(1e-9);
    Tone { ratio: 10.0 * (power / rest).log10(), loss: 20.0 * (peak / amplitude).log10() }
}
