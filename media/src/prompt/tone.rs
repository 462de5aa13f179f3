//! Tones that a telephone network makes, as they sound in several countries.
//!
//! A [`Rhythm`] says which sines sound for how long; [`crate::tone`] makes them. The figures are those of ITU-T E.180
//! supplement 2 and ETSI ES 203 021.

use std::time::Duration;

use crate::frame::Rate;
use crate::tone::{Partial, Step, Tone};

/// The most beats of a rhythm; special information tones have four.
pub const MAX_BEATS: usize = 8;
/// How loud a tone is unless it says so: exchanges send between -20 and -10 dBm0.
pub const LEVEL_DBM0: f32 = -13.0;

/// One beat of a rhythm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beat {
    /// Its sines in Hz; 0 is none. Both are equally loud.
    pub hz: [f32; 2],
    /// How long it lasts; 0 for ever.
    pub ms: u32,
}

/// A rhythm of beats, and how loud each sine is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rhythm {
    beats: Vec<Beat>,
    dbm0: f32,
    repeats: bool,
}

impl Rhythm {
    /// A rhythm; `None` when it has no beat, too many, or is over at once.
    #[must_use]
    pub fn new(beats: Vec<Beat>, dbm0: f32, repeats: bool) -> Option<Self> {
        let sensible = |beat: &Beat| beat.hz.iter().all(|&hz| (0.0..=4000.0).contains(&hz)) && beat.ms <= 60_000;
        let fits = !beats.is_empty() && beats.len() <= MAX_BEATS && beats.iter().all(sensible);
        // A beat of no length lasts for ever, so only the last may.
        let endless = beats.iter().rev().skip(1).all(|beat| beat.ms > 0);
        (fits && endless && (-60.0..=0.0).contains(&dbm0)).then_some(Self { beats, dbm0, repeats })
    }

    /// Silence for so long.
    #[must_use]
    pub fn silence(ms: u32) -> Self {
        Self { beats: vec![Beat { hz: [0.0; 2], ms: ms.max(1) }], dbm0: LEVEL_DBM0, repeats: false }
    }

    /// A tone by its name in a country, both in small letters. Countries that are not in the table sound as Europe does.
    #[must_use]
    pub fn named(name: &str, country: &str) -> Option<Self> {
        let (beats, dbm0, repeats): (Vec<Beat>, f32, bool) = match name {
            // The test tone of digital networks, and what answering machines say before they record.
            "milliwatt" => (vec![on(1004.0, 0.0, 0)], -10.0, true),
            "beep" => (vec![on(1000.0, 0.0, 400)], LEVEL_DBM0, false),
            "sit" => {
                (vec![on(950.0, 0.0, 330), on(1400.0, 0.0, 330), on(1800.0, 0.0, 330), off(1000)], LEVEL_DBM0, true)
            }
            "waiting" => (vec![on(425.0, 0.0, 200), off(600), on(425.0, 0.0, 200), off(3000)], LEVEL_DBM0, true),
            name => (progress(name, country)?, LEVEL_DBM0, true),
        };
        Self::new(beats, dbm0, repeats)
    }

    /// Whoever makes its sound at a rate, at its start.
    #[must_use]
    pub fn player(&self, rate: Rate) -> Tone {
        let steps = self.beats.iter().map(|beat| {
            let length = (beat.ms > 0).then(|| Duration::from_millis(u64::from(beat.ms)));
            let sines = beat.hz.iter().filter(|&&hz| hz > 0.0).map(|&hz| Partial { hz, dbm0: self.dbm0 });
            Step::sound(&sines.collect::<Vec<_>>(), length)
        });
        Tone::new(rate, steps.collect(), self.repeats)
    }

    /// How long it sounds; `None` when it does not end.
    #[must_use]
    pub fn ms(&self) -> Option<u32> {
        let endless = self.repeats || self.beats.iter().any(|beat| beat.ms == 0);
        (!endless).then(|| self.beats.iter().map(|beat| beat.ms).sum())
    }
}

fn on(low: f32, high: f32, ms: u32) -> Beat {
    Beat { hz: [low, high], ms }
}

fn off(ms: u32) -> Beat {
    Beat { hz: [0.0; 2], ms }
}

/// Dial tone, ringback, busy and congestion.
fn progress(name: &str, country: &str) -> Option<Vec<Beat>> {
    let beats = match (name, country) {
        ("dial", "us" | "ca") => vec![on(350.0, 440.0, 0)],
        ("dial", "gb") => vec![on(350.0, 450.0, 0)],
        ("dial", "fr") => vec![on(440.0, 0.0, 0)],
        ("dial", "jp") => vec![on(400.0, 0.0, 0)],
        ("dial", "it") => vec![on(425.0, 0.0, 200), off(200), on(425.0, 0.0, 600), off(1000)],
        ("dial", _) => vec![on(425.0, 0.0, 0)],
        ("ringback", "us" | "ca") => vec![on(440.0, 480.0, 2000), off(4000)],
        ("ringback", "gb" | "ie") => vec![on(400.0, 450.0, 400), off(200), on(400.0, 450.0, 400), off(2000)],
        ("ringback", "au" | "nz") => vec![on(400.0, 425.0, 400), off(200), on(400.0, 425.0, 400), off(2000)],
        ("ringback", "fr") => vec![on(440.0, 0.0, 1500), off(3500)],
        ("ringback", "es") => vec![on(425.0, 0.0, 1500), off(3000)],
        ("ringback", "jp") => vec![on(384.0, 416.0, 1000), off(2000)],
        ("ringback", _) => vec![on(425.0, 0.0, 1000), off(4000)],
        ("busy", "us" | "ca") => vec![on(480.0, 620.0, 500), off(500)],
        ("busy", "gb") => vec![on(400.0, 0.0, 375), off(375)],
        ("busy", "fr") => vec![on(440.0, 0.0, 500), off(500)],
        ("busy", "jp") => vec![on(400.0, 0.0, 500), off(500)],
        ("busy", "es") => vec![on(425.0, 0.0, 200), off(200)],
        ("busy", "de") => vec![on(425.0, 0.0, 480), off(480)],
        ("busy", _) => vec![on(425.0, 0.0, 500), off(500)],
        ("congestion", "us" | "ca") => vec![on(480.0, 620.0, 250), off(250)],
        ("congestion", "gb") => vec![on(400.0, 0.0, 400), off(350), on(400.0, 0.0, 225), off(525)],
        ("congestion", "fr") => vec![on(440.0, 0.0, 250), off(250)],
        ("congestion", "de") => vec![on(425.0, 0.0, 240), off(240)],
        ("congestion", _) => vec![on(425.0, 0.0, 250), off(250)],
        _ => return None,
    };
    Some(beats)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::level::dbm0;

    fn made(rhythm: &Rhythm, rate: Rate, frames: usize) -> Vec<i16> {
        let (mut player, mut samples) = (rhythm.player(rate), Vec::new());
        for _ in 0..frames {
            player.fill(rate.samples(), &mut samples);
        }
        samples
    }

    /// The share of a tone's power in sound that should be nothing else.
    fn share(samples: &[i16], hz: f32, rate: Rate) -> f32 {
        let step = f64::from(hz) * std::f64::consts::TAU / f64::from(rate.hz());
        let (mut real, mut imaginary, mut power) = (0.0, 0.0, 0.0);
        for (n, &sample) in samples.iter().enumerate() {
            let sample = f64::from(sample);
            real += sample * (step * n as f64).cos();
            imaginary += sample * (step * n as f64).sin();
            power += sample * sample;
        }
        (2.0 * (real * real + imaginary * imaginary) / (power * samples.len() as f64)) as f32
    }

    #[test]
    fn the_test_tone_is_1004_hz_at_minus_ten_dbm0_at_every_rate() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let samples = made(&Rhythm::named("milliwatt", "us").unwrap(), rate, 50);
            assert_eq!(samples.len(), rate.hz() as usize);
            let level = dbm0(&samples);
            assert!((level + 10.0).abs() < 0.1, "{level}");
            assert!(share(&samples, 1004.0, rate) > 0.98);
        }
    }

    #[test]
    fn busy_in_america_is_two_tones_half_a_second_on_and_off() {
        let samples = made(&Rhythm::named("busy", "us").unwrap(), Rate::Narrow, 100);
        for second in samples.chunks(8000) {
            let (on, off) = second.split_at(4000);
            assert!((share(on, 480.0, Rate::Narrow) - 0.5).abs() < 0.02);
            assert!((share(on, 620.0, Rate::Narrow) - 0.5).abs() < 0.02);
            assert!(off.iter().all(|&sample| sample == 0));
        }
    }

    #[test]
    fn every_tone_of_every_country_sounds_and_repeats() {
        for country in ["us", "ca", "gb", "ie", "au", "nz", "fr", "es", "it", "jp", "de", "nl", ""] {
            for name in ["dial", "ringback", "busy", "congestion", "sit", "waiting"] {
                let samples = made(&Rhythm::named(name, country).unwrap(), Rate::Narrow, 1000);
                assert_eq!(samples.len(), 160_000, "{name} in {country} goes on");
                assert!(samples.iter().any(|&sample| sample > 3000), "{name} in {country} is heard");
            }
        }
        assert_eq!(Rhythm::named("disco", "us"), None);
    }

    #[test]
    fn silence_and_a_beep_end() {
        assert_eq!(made(&Rhythm::silence(50), Rate::Narrow, 9), [0; 400]);
        assert_eq!(made(&Rhythm::named("beep", "").unwrap(), Rate::Narrow, 50).len(), 3200);
    }

    #[test]
    fn rhythms_that_make_no_sense_are_refused() {
        let beat = |ms| Beat { hz: [440.0, 0.0], ms };
        assert!(Rhythm::new(vec![], -13.0, true).is_none());
        assert!(Rhythm::new(vec![beat(1); MAX_BEATS + 1], -13.0, true).is_none());
        assert!(Rhythm::new(vec![beat(0), beat(5)], -13.0, true).is_none());
        assert!(Rhythm::new(vec![beat(60_001)], -13.0, true).is_none());
        assert!(Rhythm::new(vec![beat(5)], 1.0, true).is_none());
        assert!(Rhythm::new(vec![Beat { hz: [f32::NAN, 0.0], ms: 5 }], -13.0, true).is_none());
    }
}
