//! What a party heard: which tones, how loud, with which gaps.

use std::f64::consts::TAU;

use patchcord_media::frame::Rate;

/// A tone quieter than this below full scale is nobody's voice: quantisation of G.711, leakage of the window.
pub const AUDIBLE_DB: f64 = -40.0;

/// How loud a tone stands in the sound, in decibels below a full-scale sine.
pub fn level_db(sound: &[i16], rate: Rate, hz: f64) -> f64 {
    let length = sound.len() as f64;
    let (mut real, mut imaginary, mut window_sum) = (0.0, 0.0, 0.0);
    for (number, sample) in sound.iter().enumerate() {
        let turn = number as f64 / length;
        // Hann: tones that are not asked for leak nothing.
        let window = 0.5 - 0.5 * (TAU * turn).cos();
        let angle = TAU * hz * number as f64 / f64::from(rate.hz());
        let value = f64::from(*sample) * window;
        real += value * angle.cos();
        imaginary -= value * angle.sin();
        window_sum += window;
    }
    let amplitude = 2.0 * real.hypot(imaginary) / window_sum.max(1.0);
    20.0 * (amplitude.max(1e-9) / f64::from(i16::MAX)).log10()
}

/// The longest stretch in which the sound falls 20 dB below its usual level, in samples. Looks at 5 ms at a time.
pub fn longest_gap(sound: &[i16], rate: Rate) -> usize {
    let step = rate.samples() / 4;
    let power = |piece: &[i16]| piece.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / piece.len() as f64;
    let usual = power(sound);
    let (mut longest, mut gap) = (0, 0);
    for piece in sound.chunks_exact(step) {
        gap = if power(piece) < usual / 100.0 { gap + step } else { 0 };
        longest = longest.max(gap);
    }
    longest
}

/// A tone of this loudness, from sample `start` on.
pub fn tone(rate: Rate, hz: f64, db: f64, start: usize, samples: usize) -> Vec<i16> {
    let amplitude = f64::from(i16::MAX) * 10_f64.powf(db / 20.0);
    let sample = |number: usize| (amplitude * (TAU * hz * number as f64 / f64::from(rate.hz())).sin()).round() as i16;
    (start..start + samples).map(sample).collect()
}

#[test]
fn a_tone_is_as_loud_as_it_was_made_and_others_are_not_there() {
    let sound = tone(Rate::Narrow, 440.0, -12.0, 0, 8000);
    assert!((level_db(&sound, Rate::Narrow, 440.0) + 12.0).abs() < 0.1);
    assert!(level_db(&sound, Rate::Narrow, 550.0) < AUDIBLE_DB);
}

#[test]
fn a_hole_in_a_tone_is_found() {
    let mut sound = tone(Rate::Narrow, 440.0, -12.0, 0, 8000);
    assert_eq!(longest_gap(&sound, Rate::Narrow), 0);
    sound[4000..4160].fill(0);
    assert_eq!(longest_gap(&sound, Rate::Narrow), 160);
}
