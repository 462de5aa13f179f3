//! Every prompt equally loud, and none of them clipped.
//!
//! Loudness is the power of what is sounding, as people hear a level meter of a telephone exchange: blocks of 400 ms that
//! overlap by three quarters, of which those count that are not silence and not much softer than the rest (the gates of
//! ITU-R BS.1770, without its filter for loudspeakers). The whole file is then raised or lowered by one factor. The loudest
//! sample sets a bound to that factor: a sound with sharp peaks stays softer than the rest rather than being bent.

use crate::codec::level;
use crate::frame::Rate;

/// How loud a prompt is made: the level of speech that exchanges expect. 0 dBm0 lies 3.17 dB below the loudest sine.
pub const TARGET_DBM0: f32 = -16.0;
/// The power of full scale, whose level [`level`] knows for samples of 16 bits.
const FULL_POWER: f32 = 32_768.0 * 32_768.0;
/// What is softer is silence.
const SILENCE_DBM0: f32 = -60.0;
/// A block this much softer than the mean is a pause.
const PAUSE_DB: f32 = -10.0;
/// A very soft file is raised by this at most; beyond, its noise would be louder than its voice.
const MAX_RAISE_DB: f32 = 24.0;
/// The loudest sample of a levelled file; 1 dB is left for what resampling and codecs add.
const PEAK: f32 = 0.89;
/// Steps of a block.
const STEPS: usize = 4;
/// Steps a second.
const STEPS_HZ: usize = 10;

/// How loud a file is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Loudness {
    /// As loud as every other prompt.
    #[default]
    Levelled,
    /// As it was recorded.
    AsRecorded,
}

/// How loud sound is where it sounds; `None` for silence.
#[must_use]
pub fn loudness_dbm0(samples: &[f32], rate: Rate) -> Option<f32> {
    let step = rate.hz() as usize / STEPS_HZ;
    let powers: Vec<f32> = samples.chunks(step).map(|step| mean(step.iter().map(|sample| sample * sample))).collect();
    let blocks: Vec<f32> = if powers.len() < STEPS {
        vec![mean(samples.iter().map(|sample| sample * sample))]
    } else {
        powers.windows(STEPS).map(|block| mean(block.iter().copied())).collect()
    };
    let sounding = |bound: f32| blocks.iter().copied().filter(move |power| dbm0(*power) > bound);
    let above = dbm0(mean(sounding(SILENCE_DBM0)));
    let level = dbm0(mean(sounding(SILENCE_DBM0.max(above + PAUSE_DB))));
    (level > SILENCE_DBM0).then_some(level)
}

/// The samples as they are played.
pub(super) fn apply(samples: &[f32], rate: Rate, loudness: Loudness) -> Vec<i16> {
    let gain = match loudness {
        Loudness::AsRecorded => 1.0,
        Loudness::Levelled => gain_of(samples, rate),
    };
    samples.iter().map(|sample| (sample * gain * 32_768.0).round() as i16).collect()
}

fn gain_of(samples: &[f32], rate: Rate) -> f32 {
    let Some(loudness) = loudness_dbm0(samples, rate) else { return 1.0 };
    let peak = samples.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    level::factor((TARGET_DBM0 - loudness).min(MAX_RAISE_DB)).min(PEAK / peak)
}

fn dbm0(power: f32) -> f32 {
    level::of_power(power * FULL_POWER)
}

/// Zero for nothing.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0_f64, 0_u32), |(sum, count), value| (sum + f64::from(value), count + 1));
    (sum / f64::from(count.max(1))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::Narrow;

    fn sine(amplitude: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|n| (n as f32 * 1004.0 * std::f32::consts::TAU / 8000.0).sin() * amplitude).collect()
    }

    fn heard(samples: &[i16]) -> f32 {
        let samples: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
        loudness_dbm0(&samples, RATE).unwrap()
    }

    #[test]
    fn the_loudest_sine_measures_as_it_does_elsewhere_in_the_house() {
        let heard = loudness_dbm0(&sine(1.0, 8000), RATE).unwrap();
        assert!((heard - level::dbm0(&[i16::MAX, i16::MIN, 0, 0])).abs() < 0.02, "{heard}");
    }

    #[test]
    fn soft_and_loud_files_become_equally_loud() {
        for amplitude in [0.01, 0.05, 0.3, 1.0, 3.0] {
            for samples in [800, 4000, 40_000] {
                let level = heard(&apply(&sine(amplitude, samples), RATE, Loudness::Levelled));
                assert!((level - TARGET_DBM0).abs() < 0.2, "{amplitude} for {samples} samples: {level}");
            }
        }
    }

    #[test]
    fn pauses_do_not_make_a_voice_louder() {
        let mut speech = sine(0.3, 16_000);
        speech.extend(vec![0.0; 80_000]);
        speech.extend(sine(0.3, 16_000));
        let level = heard(&apply(&speech, RATE, Loudness::Levelled));
        assert!((level - TARGET_DBM0).abs() < 1.0, "{level}");
    }

    #[test]
    fn sharp_peaks_are_never_clipped() {
        let mut clicks = vec![0.0; 16_000];
        clicks.iter_mut().step_by(400).for_each(|sample| *sample = 0.5);
        let levelled = apply(&clicks, RATE, Loudness::Levelled);
        assert_eq!(levelled.iter().max(), Some(&29_164));
    }

    #[test]
    fn silence_stays_silent_and_noise_of_a_bad_line_is_not_made_loud() {
        assert_eq!(loudness_dbm0(&[0.0; 8000], RATE), None);
        assert_eq!(apply(&[0.0; 8000], RATE, Loudness::Levelled), [0; 8000]);
        let level = heard(&apply(&sine(0.0009, 8000), RATE, Loudness::Levelled));
        assert!(level < -30.0, "{level}");
    }

    #[test]
    fn what_was_recorded_too_loud_is_cut_at_full_scale() {
        assert_eq!(apply(&[2.0, -2.0, 0.5], RATE, Loudness::AsRecorded), [i16::MAX, i16::MIN, 16_384]);
    }
}
