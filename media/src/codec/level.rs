//! How loud: dBm0, and back to samples.
//!
//! 0 dBm0 is the level that telephony calls its reference. The loudest tone that µ-law can carry is 3.17 dB above it
//! (ITU-T G.711 table 1), and that is a tone at full scale here.

/// What a tone at full scale measures, in dBm0.
const FULL_SCALE: f32 = 3.17;

/// What silence measures: one bit of noise is some 8 dB louder.
pub const SILENCE: f32 = -95.0;

/// The power of some sound: the mean of its squared samples. Nothing has none.
#[must_use]
pub fn power(samples: &[i16]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    // 20 ms of squares at 48 kHz fit into 40 bits.
    let sum: u64 = samples.iter().map(|&sample| u64::from((i32::from(sample) * i32::from(sample)) as u32)).sum();
    sum as f32 / samples.len() as f32
}

/// The level of some sound.
#[must_use]
pub fn dbm0(samples: &[i16]) -> f32 {
    of_power(power(samples))
}

/// The level of a sound of this power.
#[must_use]
pub fn of_power(power: f32) -> f32 {
    let full_scale_tone = 32_768.0 * 32_768.0 / 2.0;
    (10.0 * (power.max(1e-9) / full_scale_tone).log10() + FULL_SCALE).max(SILENCE)
}

/// The peak of a tone of this level, in samples.
#[must_use]
pub fn peak_of_tone(dbm0: f32) -> f32 {
    32_768.0 * factor(dbm0 - FULL_SCALE)
}

/// What samples are multiplied with to become louder by so many decibels.
#[must_use]
pub fn factor(decibels: f32) -> f32 {
    10f32.powf(decibels / 20.0)
}

#[cfg(test)]
mod tests {
    use super::super::hearing::tone;
    use super::*;
    use crate::frame::Rate;

    #[test]
    fn a_tone_measures_what_it_was_made_with() {
        for wanted in [-3.0, -10.0, -20.0, -40.0] {
            let sound = tone(1000.0, f64::from(peak_of_tone(wanted)), Rate::Narrow, 8000);
            let heard = dbm0(&sound);
            assert!((heard - wanted).abs() < 0.1, "{wanted} became {heard}");
        }
    }

    #[test]
    fn full_scale_and_silence_are_the_ends() {
        let full = tone(1000.0, 32_767.0, Rate::Full, 48_000);
        assert!((dbm0(&full) - FULL_SCALE).abs() < 0.01);
        assert_eq!(dbm0(&[0; 160]), SILENCE);
        assert_eq!(dbm0(&[]), SILENCE);
        assert!((dbm0(&[i16::MIN; 160]) - FULL_SCALE - 3.01).abs() < 0.01);
    }
}
