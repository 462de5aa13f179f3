//! Keys are heard on bad lines, and voices and music are not taken for keys.

use super::super::tones;
use super::*;
use crate::codec::Noise;
use crate::tone::{Partial, Step, Tone};

const MS: Duration = Duration::from_millis(1);

fn pressed(rate: Rate, samples: &[i16]) -> Vec<(char, u128)> {
    let mut detector = Detector::new(rate);
    let (mut down, mut presses) = (None, Vec::new());
    for frame in samples.chunks(rate.samples()) {
        detector.hear(frame, |news| match news {
            News::Down(key) => assert_eq!(down.replace(key), None),
            News::Up(press) => {
                assert_eq!(down.take(), Some(press.key));
                assert_eq!(press.via, Via::Inband);
                presses.push((press.key.as_char(), press.duration.as_millis()));
            }
        });
    }
    assert_eq!(down, None, "a key stays down");
    presses
}

/// The sound of a press of each key, changed: levels of row and column, how far both are beside their frequencies.
struct Line {
    low: f32,
    high: f32,
    detune: f32,
    held: Duration,
}

const GOOD: Line = Line { low: -9.0, high: -7.0, detune: 0.0, held: Duration::from_millis(40) };

impl Line {
    /// All sixteen keys, with pauses of 40 ms, so that they stand differently in the blocks.
    fn sound(&self) -> Vec<i16> {
        let mut steps = Vec::new();
        for (row, column) in (0..16).map(|place| (place / 4, place % 4)) {
            let sine = |hz: f32, dbm0| Partial { hz: hz * (1.0 + self.detune), dbm0 };
            let sines = [sine(ROWS[row], self.low), sine(COLUMNS[column], self.high)];
            steps.extend([Step::silence(40 * MS), Step::sound(&sines, Some(self.held))]);
        }
        steps.push(Step::silence(60 * MS));
        let mut samples = Vec::new();
        Tone::new(Rate::Narrow, steps, false).fill(100_000, &mut samples);
        samples
    }

    fn heard(&self) -> String {
        pressed(Rate::Narrow, &self.sound()).into_iter().map(|(written, _)| written).collect()
    }
}

const ALL: &str = "123A456B789C*0#D";

#[test]
fn every_key_of_40_ms_is_heard_once_at_every_rate() {
    for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
        let keys: Vec<_> = ALL.chars().filter_map(Key::of_char).collect();
        let mut samples = Vec::new();
        tones::sound(rate, &keys, 40 * MS).fill(200_000, &mut samples);
        let heard = pressed(rate, &samples);
        assert_eq!(heard.iter().map(|(written, _)| written).collect::<String>(), ALL, "{rate:?}");
        assert!(heard.iter().all(|(_, held)| (25..=60).contains(held)), "{heard:?}");
    }
}

#[test]
fn a_long_press_is_as_long_as_it_was_and_one() {
    let mut samples = Vec::new();
    tones::sound(Rate::Narrow, &[Key::of_char('8').unwrap()], 700 * MS).fill(20_000, &mut samples);
    // 8 ms are lost on the way, as one concealed frame may lose them.
    samples[3000..3064].fill(0);
    let heard = pressed(Rate::Narrow, &samples);
    assert!(matches!(heard[..], [('8', 680..=720)]), "{heard:?}");
}

#[test]
fn frequencies_may_be_beside_their_place_by_as_much_as_q24_allows_and_no_more() {
    for detune in [-0.015, 0.015] {
        assert_eq!(Line { detune, ..GOOD }.heard(), ALL, "{detune}");
    }
    for detune in [-0.035, 0.035] {
        assert_eq!(Line { detune, held: 100 * MS, ..GOOD }.heard(), "", "{detune}");
    }
}

#[test]
fn levels_may_differ_by_as_much_as_q24_allows_and_not_be_too_weak() {
    for (low, high) in [(-25.0, -25.0), (-3.0, -3.0), (-13.0, -7.0), (-7.0, -13.0)] {
        assert_eq!(Line { low, high, ..GOOD }.heard(), ALL, "{low} and {high} dBm0");
    }
    for (low, high) in [(-35.0, -35.0), (-24.0, -7.0), (-7.0, -24.0)] {
        assert_eq!(Line { low, high, ..GOOD }.heard(), "", "{low} and {high} dBm0");
    }
}

#[test]
fn a_press_too_short_for_a_finger_is_none() {
    assert_eq!(Line { held: 23 * MS, ..GOOD }.heard(), "");
}

#[test]
fn noise_15_decibels_below_hides_no_key() {
    let mut sound = GOOD.sound();
    let (mut noise, mut hiss) = (Noise::new(Rate::Narrow), Vec::new());
    // Never louder than 36 dB below full scale, so the keys come down to it.
    noise.hear(&[36]).unwrap();
    noise.fill(sound.len() + 1600, &mut hiss);
    for (sample, hiss) in sound.iter_mut().zip(&hiss[1600..]) {
        *sample = *sample / 3 + hiss;
    }
    assert_eq!(pressed(Rate::Narrow, &sound).into_iter().map(|(written, _)| written).collect::<String>(), ALL);
}

#[test]
fn tones_of_the_network_are_no_keys() {
    for sines in [
        &[425.0][..],
        &[350.0, 440.0],
        &[440.0, 480.0],
        &[480.0, 620.0],
        &[950.0],
        &[1400.0],
        &[1800.0],
        &[697.0],
        &[1209.0],
    ] {
        let partials: Vec<_> = sines.iter().map(|&hz| Partial { hz, dbm0: -10.0 }).collect();
        let mut samples = Vec::new();
        Tone::new(Rate::Narrow, vec![Step::sound(&partials, Some(500 * MS)), Step::silence(100 * MS)], false)
            .fill(8000, &mut samples);
        assert_eq!(pressed(Rate::Narrow, &samples), [], "{sines:?}");
    }
}

/// Something like a voice: a gliding pitch through three gliding formants, in syllables, with breath.
fn babble(seconds: usize, seed: u32) -> Vec<i16> {
    let mut state = seed;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as f32 / u32::MAX as f32
    };
    let mut resonators = [[0.0f32; 2]; 3];
    let (mut phase, mut pitch, mut formants, mut loudness) = (0.0f32, 120.0, [500.0, 1500.0, 2500.0], 0.0f32);
    let (mut wanted_pitch, mut wanted_formants, mut wanted_loudness) = (pitch, formants, loudness);
    let mut samples = Vec::with_capacity(seconds * 8000);
    for n in 0..seconds * 8000 {
        if n % 1200 == 0 {
            // Another syllable, every third of them a pause.
            wanted_pitch = 90.0 + 160.0 * random();
            wanted_formants = [250.0 + 700.0 * random(), 800.0 + 1500.0 * random(), 2000.0 + 1200.0 * random()];
            wanted_loudness = if random() < 0.3 { 0.0 } else { 0.3 + 0.7 * random() };
        }
        loudness += (wanted_loudness - loudness) * 0.004;
        pitch += (wanted_pitch - pitch) * 0.001;
        for (formant, wanted) in formants.iter_mut().zip(wanted_formants) {
            *formant += (wanted - *formant) * 0.001;
        }
        phase += pitch / 8000.0;
        let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
        phase -= phase.floor();
        let mut sound = pulse + 0.02 * (random() - 0.5);
        for (memory, formant) in resonators.iter_mut().zip(formants) {
            let radius = 0.97f32;
            let turned = 2.0 * radius * (std::f32::consts::TAU * formant / 8000.0).cos();
            sound += turned * memory[0] - radius * radius * memory[1];
            *memory = [sound, memory[0]];
            sound *= 0.4;
        }
        samples.push((sound * loudness * 60_000.0) as i16);
    }
    samples
}

#[test]
fn a_minute_of_babble_is_no_key() {
    // Four hours of text read aloud by espeak-ng and flite, ten voices, gave none either.
    let sound = babble(60, 0x1234_5678);
    let speech = level::dbm0(&sound);
    assert!((-30.0..-5.0).contains(&speech), "the babble is at {speech} dBm0");
    assert_eq!(pressed(Rate::Narrow, &sound), []);
}

#[test]
fn wild_sound_in_wild_pieces_does_no_harm() {
    let mut detector = Detector::new(Rate::Full);
    let square: Vec<i16> = (0..50_000).map(|n| if n / 31 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    for length in [0, 1, 7, 959, 5000, 50_000] {
        detector.hear(&square[..length], |news| panic!("{news:?}"));
    }
}
