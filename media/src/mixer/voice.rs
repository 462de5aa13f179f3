//! Whether a member of a room speaks, in whole numbers.
//!
//! A [`Voice`] is told the power of each frame: the mean of the squared samples. It learns the noise of a line, quickly
//! downwards and slowly upwards, and calls speech what stands well above it. A pause between words is speech as well. What is
//! loud is speech however long it lasts, so that music and tones are never learned away. The codecs' own ear works in
//! decibels; this one counts, because a mix must come out the same wherever it is made again.

/// Speech has eight times the power of the noise: 9 dB.
const ABOVE_NOISE: u32 = 8;
/// Nothing below -50 dB is speech, however quiet the line is.
const LEAST_SPEECH: u32 = 10_800;
/// Everything above -30 dB is speech, however loud the line is.
const SURE_SPEECH: u32 = 1_070_000;
/// Expected of a line that nobody has heard yet: -62 dB.
const USUAL_NOISE: u32 = 680;
/// Expected noise rises by this part of itself in a frame: doubled in four seconds.
const RISE: u32 = 256;
/// And in speech, half as fast.
const RISE_IN_SPEECH: u32 = 512;
/// Frames that a pause may last within speech: 300 ms, longer than the stop before a consonant.
const HOLD: u8 = 15;
/// And after a single loud frame, which may be a click.
const SHORT_HOLD: u8 = 3;
/// Loud frames that make a word.
const WORD: u8 = 3;

/// The power of a frame; nothing has none.
#[must_use]
pub fn power(samples: &[i16]) -> u32 {
    // 960 squares of 15 bits fit 40 bits, and their mean fits 31.
    let sum: u64 = samples.iter().map(|sample| u64::from(i32::from(*sample).pow(2) as u32)).sum();
    (sum / (samples.len() as u64).max(1)) as u32
}

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    noise: u32,
    run: u8,
    hold: u8,
    loudness: u32,
}

impl Default for Voice {
    fn default() -> Self {
        Self { noise: USUAL_NOISE, run: 0, hold: 0, loudness: 0 }
    }
}

impl Voice {
    /// Hears a frame of this power, and says whether it is speech or a pause in it.
    pub fn hear(&mut self, power: u32) -> bool {
        let is_loud = power > SURE_SPEECH || power > LEAST_SPEECH && power / ABOVE_NOISE > self.noise;
        if is_loud {
            self.run = self.run.saturating_add(1);
            self.hold = self.hold.max(if self.run >= WORD { HOLD } else { SHORT_HOLD });
        } else {
            self.run = 0;
            self.hold = self.hold.saturating_sub(1);
        }
        if power < self.noise {
            self.noise -= (self.noise - power).div_ceil(4);
        } else {
            let rise = if is_loud { RISE_IN_SPEECH } else { RISE };
            // Above this a line would only be heard when it is surely speech.
            self.noise = (self.noise + self.noise / rise + 1).min(SURE_SPEECH / ABOVE_NOISE);
        }
        self.loudness = power.max(self.loudness - self.loudness / 8);
        self.is_speaking()
    }

    /// No frame came: the party is silent.
    pub fn miss(&mut self) {
        self.run = 0;
        self.hold = self.hold.saturating_sub(1);
        self.loudness -= self.loudness / 8;
    }

    /// Whether it speaks, or has just spoken.
    #[must_use]
    pub fn is_speaking(&self) -> bool {
        self.hold > 0
    }

    /// How loud it was lately, as power.
    #[must_use]
    pub fn loudness(&self) -> u32 {
        self.loudness
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice at -20 dB.
    const SPEECH: u32 = 10_700_000;
    /// A fan at -45 dB.
    const FAN: u32 = 34_000;

    #[test]
    fn a_word_is_heard_from_its_first_frame_and_held_through_a_pause() {
        let mut voice = Voice::default();
        assert!(!voice.hear(0));
        assert!(voice.hear(SPEECH));
        (0..10).for_each(|_| assert!(voice.hear(SPEECH)));
        (0..HOLD - 1).for_each(|_| assert!(voice.hear(100)));
        assert!(!voice.hear(100));
    }

    #[test]
    fn a_click_does_not_hold_the_floor() {
        let mut voice = Voice::default();
        voice.hear(SPEECH);
        let held = (0..HOLD).take_while(|_| voice.hear(0)).count();
        assert!(held < usize::from(SHORT_HOLD));
    }

    #[test]
    fn a_fan_is_learned_and_speech_over_it_is_heard() {
        let mut voice = Voice::default();
        assert!(voice.hear(FAN), "it may be speech");
        let held = (0..2000).take_while(|_| voice.hear(FAN)).count();
        assert!(held < 1000, "a fan that held the floor for {held} frames");
        assert!(voice.hear(SPEECH));
    }

    #[test]
    fn a_loud_tone_is_never_learned_away() {
        let mut voice = Voice::default();
        (0..10_000).for_each(|_| assert!(voice.hear(SPEECH)));
    }

    #[test]
    fn power_is_the_mean_of_the_squares() {
        assert_eq!(power(&[]), 0);
        assert_eq!(power(&[3, -4, 3, -4]), 12);
        assert_eq!(power(&[i16::MIN; 960]), 1 << 30);
    }
}
