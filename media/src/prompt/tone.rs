//! Tones that a telephone network makes, as they sound in several countries.
//!
//! A [`Tone`] is a rhythm of one or two sines; a [`Generator`] makes it frame by frame and begins and ends each beat without a
//! click. The figures are those of ITU-T E.180 supplement 2 and ETSI ES 203 021.

use std::f32::consts::TAU;

use super::level::{FULL_DBM0, factor};
use crate::frame::Rate;

/// The most beats of a rhythm; special information tones have four.
pub const MAX_BEATS: usize = 8;
/// How loud a tone is unless it says so: exchanges send between -20 and -10 dBm0.
pub const LEVEL_DBM0: f32 = -13.0;
/// How long a beat takes to swell and to fade; shorter is heard as a click.
const EDGE_MS: u32 = 4;

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
pub struct Tone {
    beats: Vec<Beat>,
    dbm0: f32,
    repeats: bool,
}

impl Tone {
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

/// Makes a tone at one rate, from its start.
#[derive(Debug, Clone)]
pub struct Generator {
    tone: Tone,
    rate: Rate,
    amplitude: f32,
    beat: usize,
    /// Samples of the beat that have been made.
    made: u32,
    /// Where each sine stands, in turns.
    phase: [f32; 2],
    over: bool,
}

impl Generator {
    /// At the start of a tone.
    #[must_use]
    pub fn new(tone: Tone, rate: Rate) -> Self {
        // A sine has half the power of its peak squared.
        let amplitude = factor(tone.dbm0 - FULL_DBM0 + 3.01) * 32_768.0;
        Self { tone, rate, amplitude, beat: 0, made: 0, phase: [0.0; 2], over: false }
    }

    /// The rate it is made at.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How long it sounds in all; `None` when it does not end.
    #[must_use]
    pub fn ms(&self) -> Option<u32> {
        self.tone.ms()
    }

    /// Back to the start.
    pub fn rewind(&mut self) {
        (self.beat, self.made, self.phase, self.over) = (0, 0, [0.0; 2], false);
    }

    /// Appends a frame. False when the tone was over before it; then nothing is appended. A last frame that is begun is
    /// filled with silence.
    pub fn next_frame(&mut self, samples: &mut Vec<i16>) -> bool {
        if self.over {
            return false;
        }
        for _ in 0..self.rate.samples() {
            samples.push(self.next_sample());
        }
        true
    }

    fn next_sample(&mut self) -> i16 {
        if self.over {
            return 0;
        }
        let beat = self.tone.beats[self.beat];
        let per_ms = self.rate.hz() / 1000;
        let length = beat.ms * per_ms;
        let edge = EDGE_MS * per_ms;
        let left = if length == 0 { edge } else { length - self.made };
        let swell = self.made.min(left).min(edge) as f32 / edge as f32;
        let mut sum = 0.0;
        for (phase, hz) in self.phase.iter_mut().zip(beat.hz) {
            if hz > 0.0 {
                sum += (*phase * TAU).sin();
                *phase += hz / self.rate.hz() as f32;
                *phase -= phase.floor();
            }
        }
        self.step(length);
        (sum * self.amplitude * swell) as i16
    }

    fn step(&mut self, length: u32) {
        // Counting may stand still once the edge is behind: an endless beat has no other end.
        self.made = self.made.saturating_add(1);
        if length > 0 && self.made >= length {
            self.beat += 1;
            self.made = 0;
            self.phase = [0.0; 2];
            if self.beat == self.tone.beats.len() {
                self.beat = 0;
                self.over = !self.tone.repeats;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::loudness_dbm0;

    fn made(tone: &Tone, rate: Rate, frames: usize) -> Vec<i16> {
        let mut generator = Generator::new(tone.clone(), rate);
        let mut samples = Vec::new();
        for _ in 0..frames {
            generator.next_frame(&mut samples);
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
            let samples = made(&Tone::named("milliwatt", "us").unwrap(), rate, 50);
            assert_eq!(samples.len(), rate.hz() as usize);
            let floats: Vec<f32> = samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
            let level = loudness_dbm0(&floats, rate).unwrap();
            assert!((level + 10.0).abs() < 0.1, "{level}");
            assert!(share(&samples, 1004.0, rate) > 0.98);
        }
    }

    #[test]
    fn busy_in_america_is_two_tones_half_a_second_on_and_off() {
        let samples = made(&Tone::named("busy", "us").unwrap(), Rate::Narrow, 100);
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
                let samples = made(&Tone::named(name, country).unwrap(), Rate::Narrow, 1000);
                assert_eq!(samples.len(), 160_000, "{name} in {country} goes on");
                assert!(samples.iter().any(|&sample| sample > 3000), "{name} in {country} is heard");
            }
        }
        assert_eq!(Tone::named("disco", "us"), None);
    }

    #[test]
    fn silence_and_a_beep_end_and_can_be_had_again() {
        for (tone, frames) in [(Tone::silence(50), 3), (Tone::named("beep", "").unwrap(), 20)] {
            let mut generator = Generator::new(tone, Rate::Narrow);
            for _ in 0..2 {
                let mut samples = Vec::new();
                while generator.next_frame(&mut samples) {}
                assert_eq!(samples.len(), frames * 160);
                generator.rewind();
            }
        }
    }

    #[test]
    fn no_beat_begins_or_ends_with_a_click() {
        let samples = made(&Tone::named("beep", "").unwrap(), Rate::Full, 21);
        let widest = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
        let steepest = f32::from(*samples.iter().max().unwrap()) * TAU * 1000.0 / 48_000.0;
        assert!(widest as f32 <= steepest + 2.0, "{widest} where the tone itself has {steepest}");
    }

    #[test]
    fn rhythms_that_make_no_sense_are_refused() {
        let beat = |ms| Beat { hz: [440.0, 0.0], ms };
        assert!(Tone::new(vec![], -13.0, true).is_none());
        assert!(Tone::new(vec![beat(1); MAX_BEATS + 1], -13.0, true).is_none());
        assert!(Tone::new(vec![beat(0), beat(5)], -13.0, true).is_none());
        assert!(Tone::new(vec![beat(60_001)], -13.0, true).is_none());
        assert!(Tone::new(vec![beat(5)], 1.0, true).is_none());
        assert!(Tone::new(vec![Beat { hz: [f32::NAN, 0.0], ms: 5 }], -13.0, true).is_none());
    }
}
