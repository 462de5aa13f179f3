//! Tones made of sines: one, two or four at once, in a cadence, without a click at either end.
//!
//! A [`Tone`] is a list of steps that is played once or for ever. A sine goes on in its phase from frame to frame; each step
//! swells and fades within two milliseconds, so that a ringing tone does not tick. The noise of a quiet line is
//! [`crate::codec::Noise`].

use std::time::Duration;

use crate::codec::level;
use crate::frame::Rate;

/// As many sines as the richest tone of a telephone network has.
pub const MAX_PARTIALS: usize = 4;

/// How long a step swells and fades.
const EDGE_MS: usize = 2;

/// One sine of a tone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Partial {
    /// Its frequency.
    pub hz: f32,
    /// Its level.
    pub dbm0: f32,
}

/// A part of a tone: the same sines for some time, or silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    partials: [Option<Partial>; MAX_PARTIALS],
    /// How long it lasts; `None` for as long as somebody listens.
    length: Option<Duration>,
}

impl Step {
    /// These sines for so long, or without end. Sines beyond [`MAX_PARTIALS`] are not heard.
    #[must_use]
    pub fn sound(partials: &[Partial], length: Option<Duration>) -> Self {
        let mut step = Self { partials: [None; MAX_PARTIALS], length };
        for (place, &partial) in step.partials.iter_mut().zip(partials) {
            *place = Some(partial);
        }
        step
    }

    /// Silence for so long.
    #[must_use]
    pub const fn silence(length: Duration) -> Self {
        Self { partials: [None; MAX_PARTIALS], length: Some(length) }
    }
}

/// A sine that goes on where it was: a vector that turns.
#[derive(Debug, Clone, Copy)]
struct Sine {
    at: (f64, f64),
    turn: (f64, f64),
}

impl Sine {
    const STILL: Self = Self { at: (0.0, 0.0), turn: (1.0, 0.0) };

    /// Starts at zero with this peak.
    fn new(hz: f32, peak: f32, rate: Rate) -> Self {
        let angle = std::f64::consts::TAU * f64::from(hz) / f64::from(rate.hz());
        Self { at: (f64::from(peak), 0.0), turn: (angle.cos(), angle.sin()) }
    }

    fn next(&mut self) -> f32 {
        let ((x, y), (cosine, sine)) = (self.at, self.turn);
        self.at = (x * cosine - y * sine, x * sine + y * cosine);
        y as f32
    }
}

/// Plays steps.
#[derive(Debug, Clone)]
pub struct Tone {
    rate: Rate,
    steps: Vec<Step>,
    repeats: bool,
    /// Which step comes next.
    following: usize,
    sines: [Sine; MAX_PARTIALS],
    /// How many of the sines sound.
    sounding: usize,
    /// How many samples of the present step have been made, and are still to come; `None` for no end.
    made: usize,
    left: Option<usize>,
}

impl Tone {
    /// Plays `steps` once, or again and again.
    ///
    /// Repeated steps that last no time at all together would never make a sample: then they are played once.
    #[must_use]
    pub fn new(rate: Rate, steps: Vec<Step>, repeats: bool) -> Self {
        let lasts = steps.iter().any(|step| step.length.is_none_or(|length| samples_of(length, rate) > 0));
        Self {
            rate,
            repeats: repeats && lasts,
            steps,
            following: 0,
            sines: [Sine::STILL; MAX_PARTIALS],
            sounding: 0,
            made: 0,
            left: Some(0),
        }
    }

    /// The rate it is played at.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Back to the first step.
    pub fn rewind(&mut self) {
        self.following = 0;
        self.left = Some(0);
    }

    /// Sines without end.
    #[must_use]
    pub fn steady(rate: Rate, partials: &[Partial]) -> Self {
        Self::new(rate, vec![Step::sound(partials, None)], false)
    }

    /// Appends up to so many samples; fewer only when the tone has ended. Gives how many there were.
    pub fn fill(&mut self, wanted: usize, samples: &mut Vec<i16>) -> usize {
        let mut made = 0;
        while made < wanted {
            if self.left == Some(0) && !self.advance() {
                break;
            }
            let piece = (wanted - made).min(self.left.unwrap_or(usize::MAX));
            for _ in 0..piece {
                samples.push(self.next());
            }
            made += piece;
        }
        made
    }

    /// Begins the following step. False when there is none.
    fn advance(&mut self) -> bool {
        if self.following == self.steps.len() && self.repeats {
            self.following = 0;
        }
        let Some(step) = self.steps.get(self.following) else { return false };
        self.following += 1;
        self.made = 0;
        self.left = step.length.map(|length| samples_of(length, self.rate));
        self.sounding = 0;
        for (sine, partial) in self.sines.iter_mut().zip(step.partials.iter().flatten()) {
            *sine = Sine::new(partial.hz, level::peak_of_tone(partial.dbm0), self.rate);
            self.sounding += 1;
        }
        true
    }

    fn next(&mut self) -> i16 {
        let edge = EDGE_MS * self.rate.hz() as usize / 1000;
        let from_edge = (self.made + 1).min(self.left.unwrap_or(usize::MAX));
        let gain = if from_edge < edge { from_edge as f32 / edge as f32 } else { 1.0 };
        self.made = self.made.saturating_add(1);
        self.left = self.left.map(|left| left - 1);
        let sum: f32 = self.sines[..self.sounding].iter_mut().map(Sine::next).sum();
        (sum * gain) as i16
    }
}

/// A length in samples; a wild one is cut to what a day has.
fn samples_of(length: Duration, rate: Rate) -> usize {
    let day = Duration::from_secs(86_400);
    (length.min(day).as_micros() * u128::from(rate.hz()) / 1_000_000) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::hearing::loss_of_tone;

    const MS: Duration = Duration::from_millis(1);

    fn partial(hz: f32) -> Partial {
        Partial { hz, dbm0: -10.0 }
    }

    #[test]
    fn a_steady_tone_is_as_loud_as_asked_and_pure_across_frames() {
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let mut tone = Tone::steady(rate, &[partial(425.0)]);
            let mut samples = Vec::new();
            for _ in 0..100 {
                assert_eq!(tone.fill(rate.samples(), &mut samples), rate.samples());
            }
            let peak = f64::from(level::peak_of_tone(-10.0));
            let heard = loss_of_tone(&samples[rate.samples()..], 425.0, rate, peak);
            assert!(heard.loss.abs() < 0.01, "{rate:?}: {}", heard.loss);
            assert!(heard.ratio > 60.0, "{rate:?}: {}", heard.ratio);
        }
    }

    #[test]
    fn a_cadence_sounds_and_pauses_to_the_sample() {
        let steps = vec![Step::sound(&[partial(440.0), partial(480.0)], Some(30 * MS)), Step::silence(50 * MS)];
        let mut tone = Tone::new(Rate::Narrow, steps, true);
        let mut samples = Vec::new();
        assert_eq!(tone.fill(8 * 160, &mut samples), 8 * 160);
        for round in samples.chunks(640) {
            assert!(round[20..220].iter().any(|&sample| sample.abs() > 6000));
            assert!(round[240..].iter().all(|&sample| sample == 0));
        }
    }

    #[test]
    fn both_ends_of_a_step_are_soft() {
        let steps = vec![Step::sound(&[partial(1000.0)], Some(21 * MS)), Step::silence(20 * MS)];
        let mut samples = Vec::new();
        Tone::new(Rate::Full, steps, true).fill(4800, &mut samples);
        let widest = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        // The tone itself, with a peak of 7200, moves by 941 from sample to sample.
        assert!(widest < Some(960), "{widest:?}");
    }

    #[test]
    fn a_tone_that_is_played_once_ends() {
        let mut tone = Tone::new(Rate::Narrow, vec![Step::sound(&[partial(950.0)], Some(25 * MS))], false);
        let mut samples = Vec::new();
        assert_eq!(tone.fill(160, &mut samples), 160);
        assert_eq!(tone.fill(160, &mut samples), 40);
        assert_eq!(tone.fill(160, &mut samples), 0);
    }

    #[test]
    fn steps_of_no_length_end_instead_of_turning_for_ever() {
        let mut samples = Vec::new();
        assert_eq!(Tone::new(Rate::Narrow, vec![Step::silence(Duration::ZERO)], true).fill(160, &mut samples), 0);
        assert_eq!(Tone::new(Rate::Narrow, Vec::new(), true).fill(160, &mut samples), 0);
    }
}
