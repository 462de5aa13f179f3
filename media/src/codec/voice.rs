//! Whether somebody speaks, and a hand on the volume.
//!
//! An [`Ear`] compares each frame with the noise that it has learned to expect from the line. It learns fast that a line
//! has become quieter and slowly that it has become louder, so that speech does not teach it to be deaf. Pauses between words
//! count as speech: it holds on for a moment after the last loud frame.
//!
//! A [`Hand`] moves what an [`Ear`] calls speech towards one loudness, slowly, and leaves the pauses alone.

use super::level;

/// Speech stands so many decibels above the noise of the line.
const ABOVE_NOISE: f32 = 9.0;
/// Nothing below this is speech, however quiet the line is.
const LEAST_SPEECH: f32 = -48.0;
/// Everything above this is speech, however loud the line is.
const SURE_SPEECH: f32 = -22.0;
/// Where the noise of a line may be believed to lie.
const NOISE_RANGE: std::ops::RangeInclusive<f32> = -75.0..=-32.0;
/// What is expected of a line that nobody has heard yet.
const USUAL_NOISE: f32 = -60.0;
/// How fast expected noise rises, in decibels a frame: 4 dB a second, and a quarter of that under speech.
const RISE: f32 = 0.08;
const RISE_UNDER_SPEECH: f32 = 0.02;
/// What part of the way down expected noise goes in a frame.
const FALL: f32 = 0.25;
/// How many frames a pause may last within speech: 300 ms, longer than the stop before a consonant.
const HOLD: u32 = 15;
/// Two frames make speech; one is a click.
const ENOUGH: u32 = 2;

/// What was heard in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Whether somebody speaks, or has just spoken.
    pub speech: bool,
    /// The level of this frame, in dBm0.
    pub level: f32,
}

/// Listens to one line, frame by frame.
#[derive(Debug, Clone)]
pub struct Ear {
    noise: f32,
    loud: u32,
    hold: u32,
}

impl Default for Ear {
    fn default() -> Self {
        Self::new()
    }
}

impl Ear {
    /// One that has heard nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { noise: USUAL_NOISE, loud: 0, hold: 0 }
    }

    /// The level of noise that it expects of the line, in dBm0.
    #[must_use]
    pub const fn noise(&self) -> f32 {
        self.noise
    }

    /// Listens to the next frame, at any rate.
    pub fn hear(&mut self, samples: &[i16]) -> Heard {
        let level = level::dbm0(samples);
        let loud = level > LEAST_SPEECH && level > self.noise + ABOVE_NOISE || level > SURE_SPEECH;
        self.learn(level, loud);
        self.loud = if loud { self.loud + 1 } else { 0 };
        if self.loud >= ENOUGH {
            self.hold = HOLD;
        } else if !loud {
            self.hold = self.hold.saturating_sub(1);
        }
        Heard { speech: self.hold > 0, level }
    }

    fn learn(&mut self, level: f32, loud: bool) {
        let expected = if level < self.noise {
            self.noise + (level - self.noise) * FALL
        } else {
            (self.noise + if loud { RISE_UNDER_SPEECH } else { RISE }).min(level)
        };
        self.noise = expected.clamp(*NOISE_RANGE.start(), *NOISE_RANGE.end());
    }
}

/// Where speech should lie, in dBm0: what a well-spoken telephone gives.
const TARGET: f32 = -19.0;
/// No more than this is added or taken, in decibels.
const MOST_ADDED: f32 = 15.0;
const MOST_TAKEN: f32 = -12.0;
/// How far the volume moves in a frame, in decibels: up 5 dB a second, down twenty.
const UP: f32 = 0.1;
const DOWN: f32 = 0.4;
/// Near the target nothing moves.
const NEAR: f32 = 1.5;
/// How much of the level of speech each of its frames teaches: half in a third of a second.
const LEARN: f32 = 0.04;

/// Keeps one talker at one loudness.
#[derive(Debug, Clone)]
pub struct Hand {
    /// The level of this talker's speech, as far as it is known.
    speech: Option<f32>,
    /// What is added now, in decibels, and as a factor.
    added: f32,
    factor: f32,
}

impl Default for Hand {
    fn default() -> Self {
        Self::new()
    }
}

impl Hand {
    /// One that has changed nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { speech: None, added: 0.0, factor: 1.0 }
    }

    /// What is added now, in decibels.
    #[must_use]
    pub const fn added(&self) -> f32 {
        self.added
    }

    /// Changes the volume of a frame of which this was heard, without a step at its beginning.
    pub fn level(&mut self, samples: &mut [i16], heard: Heard) {
        let before = self.factor;
        self.follow(heard);
        if before == 1.0 && self.factor == 1.0 || samples.is_empty() {
            return;
        }
        let step = (self.factor - before) / samples.len() as f32;
        let mut factor = before;
        for sample in samples {
            factor += step;
            // The conversion cuts what is too loud.
            *sample = (f32::from(*sample) * factor) as i16;
        }
    }

    fn follow(&mut self, heard: Heard) {
        // The held pauses are speech, and say nothing of how loud it is.
        if !heard.speech || self.speech.is_some_and(|speech| heard.level < speech - 15.0) {
            return;
        }
        let speech = self.speech.map_or(heard.level, |speech| speech + (heard.level - speech) * LEARN);
        self.speech = Some(speech);
        let wanted = (TARGET - speech).clamp(MOST_TAKEN, MOST_ADDED);
        if (wanted - self.added).abs() > NEAR {
            self.added += (wanted - self.added).clamp(-DOWN, UP);
            self.factor = level::factor(self.added);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Noise;
    use super::super::hearing::tone;
    use super::*;
    use crate::frame::Rate;

    const FRAME: usize = Rate::Narrow.samples();

    /// Frames of a voice of this level: syllables of 160 ms, with pauses of 80 ms between them.
    fn speech(dbm0: f32, frames: usize) -> Vec<Vec<i16>> {
        let peak = f64::from(level::peak_of_tone(dbm0));
        let voice = tone(220.0, peak, Rate::Narrow, FRAME);
        (0..frames).map(|n| if n % 12 < 8 { voice.clone() } else { vec![0; FRAME] }).collect()
    }

    fn noise(below_full_scale: u8, frames: usize) -> Vec<Vec<i16>> {
        let mut noise = Noise::new(Rate::Narrow);
        noise.hear(&[below_full_scale]).unwrap();
        let frame = |_| {
            let mut samples = Vec::new();
            noise.fill(FRAME, &mut samples);
            samples
        };
        (0..frames).map(frame).collect()
    }

    fn heard(ear: &mut Ear, frames: &[Vec<i16>]) -> Vec<bool> {
        frames.iter().map(|frame| ear.hear(frame).speech).collect()
    }

    #[test]
    fn speech_is_heard_within_two_frames_and_through_its_pauses() {
        for loudness in [-10.0, -25.0, -40.0] {
            let mut ear = Ear::new();
            assert_eq!(heard(&mut ear, &noise(70, 50)), [false; 50]);
            let spoken = heard(&mut ear, &speech(loudness, 100));
            assert_eq!(spoken[0..2], [false, true], "{loudness}");
            assert!(spoken[2..].iter().all(|&speech| speech), "{loudness}");
        }
    }

    #[test]
    fn silence_ends_speech_after_the_hold_and_not_before() {
        let mut ear = Ear::new();
        heard(&mut ear, &speech(-20.0, 8));
        let silence = heard(&mut ear, &noise(70, 40));
        let last = silence.iter().rposition(|&speech| speech).unwrap() as u32;
        assert_eq!(last + 2, HOLD);
    }

    #[test]
    fn a_click_is_no_speech() {
        let mut ear = Ear::new();
        let click = tone(500.0, 8000.0, Rate::Narrow, FRAME);
        assert!(!ear.hear(&click).speech);
        assert_eq!(heard(&mut ear, &noise(70, 20)), [false; 20]);
    }

    #[test]
    fn a_noisy_line_is_learned_and_speech_is_heard_above_it() {
        let mut ear = Ear::new();
        // -39 dB below full scale is -33 dBm0.
        heard(&mut ear, &noise(39, 1000));
        assert_eq!(heard(&mut ear, &noise(39, 100)), [false; 100]);
        let spoken = heard(&mut ear, &speech(-20.0, 30));
        assert!(spoken[1..].iter().all(|&speech| speech));
    }

    #[test]
    fn minutes_of_speech_do_not_make_it_deaf() {
        let mut ear = Ear::new();
        let spoken = heard(&mut ear, &speech(-30.0, 6000));
        assert!(spoken[1..].iter().all(|&speech| speech));
        assert!(ear.noise() < -50.0);
    }

    #[test]
    fn quiet_and_loud_talkers_end_near_the_same_level() {
        for loudness in [-32.0, -25.0, -19.0, -8.0] {
            let (mut ear, mut hand) = (Ear::new(), Hand::new());
            let mut end = level::SILENCE;
            for mut frame in speech(loudness, 400) {
                let heard = ear.hear(&frame);
                hand.level(&mut frame, heard);
                if frame.iter().any(|&sample| sample != 0) {
                    end = level::dbm0(&frame);
                }
            }
            assert!((end - TARGET).abs() < 2.0, "{loudness} became {end}");
        }
    }

    #[test]
    fn the_hand_leaves_noise_alone_and_never_cuts_a_click_into_speech() {
        let (mut ear, mut hand) = (Ear::new(), Hand::new());
        for mut frame in noise(60, 500) {
            let before = frame.clone();
            let heard = ear.hear(&frame);
            hand.level(&mut frame, heard);
            assert_eq!(frame, before);
        }
        let mut last = 0i16;
        let steps = tone(220.0, f64::from(level::peak_of_tone(-30.0)), Rate::Narrow, 100 * FRAME);
        for frame in steps.chunks(FRAME) {
            let mut frame = frame.to_vec();
            let heard = ear.hear(&frame);
            hand.level(&mut frame, heard);
            for &sample in &frame {
                // The tone itself moves by 90 a sample; six times as loud it moves by 540.
                assert!((i32::from(sample) - i32::from(last)).abs() < 560);
                last = sample;
            }
        }
    }
}
