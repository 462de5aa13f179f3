//! From one rate to another on the live path, a millisecond later.
//!
//! All three rates are whole multiples of each other, so one short filter at the higher of the two rates does it: it is
//! split into phases on the way up and skips on the way down. A filter of one millisecond's delay is not steep. What it
//! keeps and what it lets through is placed so that the telephone band, up to 3.3 kHz (7.3 kHz for wide sound), stays
//! free of what does not belong there; what remains of it lies between that and half the rate.
//!
//! Files and prompts are resampled by their loader with a long filter; this one is for sound that somebody waits for.

use std::f64::consts::PI;
use std::time::Duration;

use crate::frame::{MAX_SAMPLES, Rate};

/// How far the filter reaches on either side of its middle; this is also its delay.
const HALF_MS: usize = 1;
/// The shape of the Kaiser window: side lobes 52 dB down.
const BETA: f64 = 4.77;
/// Where the filter has lost half, as a part of half the lower rate.
const CUTOFF: f64 = 0.965;
/// Coefficients are fixed-point with so many bits behind the point.
const BITS: u32 = 14;

/// Brings sound from one rate to another, piece by piece.
pub struct Resampler {
    from: Rate,
    to: Rate,
    /// How many times the higher rate is the lower one.
    factor: usize,
    /// On the way up: the taps of each phase behind each other, latest sample last. On the way down: all taps.
    taps: Box<[i16]>,
    /// How many samples of the past a tap looks at.
    reach: usize,
    /// The past, and behind it the piece at hand.
    work: Vec<i16>,
    /// On the way down: samples to go until the next one is made.
    wait: usize,
}

impl Resampler {
    /// One that has heard silence so far.
    #[must_use]
    pub fn new(from: Rate, to: Rate) -> Self {
        let (low, high) = if from < to { (from, to) } else { (to, from) };
        let factor = (high.hz() / low.hz()) as usize;
        let prototype = prototype(factor, HALF_MS * high.hz() as usize / 1000);
        let upwards = from < to;
        let reach = if upwards { prototype.len().div_ceil(factor) } else { prototype.len() };
        let taps: Vec<i16> = if upwards {
            let tap =
                |phase: usize, back: usize| prototype.get(back * factor + phase).map_or(0.0, |tap| tap * factor as f64);
            (0..factor).flat_map(|phase| (0..reach).rev().map(move |back| fixed(tap(phase, back)))).collect()
        } else {
            prototype.iter().map(|&tap| fixed(tap)).collect()
        };
        let mut work = Vec::with_capacity(reach - 1 + MAX_SAMPLES);
        work.resize(reach - 1, 0);
        Self { from, to, factor, taps: taps.into_boxed_slice(), reach, work, wait: 0 }
    }

    /// The rate that goes in, and the rate that comes out.
    #[must_use]
    pub fn rates(&self) -> (Rate, Rate) {
        (self.from, self.to)
    }

    /// How much later a sound comes out than it went in.
    #[must_use]
    pub fn delay(&self) -> Duration {
        if self.from == self.to { Duration::ZERO } else { Duration::from_millis(HALF_MS as u64) }
    }

    /// Appends the sound at the other rate. Pieces may be of any length; a frame makes a frame.
    pub fn resample(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        if self.from == self.to {
            out.extend_from_slice(samples);
            return;
        }
        for piece in samples.chunks(MAX_SAMPLES) {
            self.work.extend_from_slice(piece);
            if self.from < self.to {
                self.upwards(out)
            } else {
                self.downwards(out)
            }
            self.work.copy_within(piece.len().., 0);
            self.work.truncate(self.reach - 1);
        }
    }

    fn upwards(&self, out: &mut Vec<i16>) {
        for past in self.work.windows(self.reach) {
            out.extend(self.taps.chunks_exact(self.reach).map(|phase| weigh(past, phase)));
        }
    }

    fn downwards(&mut self, out: &mut Vec<i16>) {
        let steps = self.work.len() + 1 - self.reach;
        while self.wait < steps {
            out.push(weigh(&self.work[self.wait..self.wait + self.reach], &self.taps));
            self.wait += self.factor;
        }
        self.wait -= steps;
    }
}

/// The sum of the samples, each by its tap.
fn weigh(past: &[i16], taps: &[i16]) -> i16 {
    let sum: i32 = past.iter().zip(taps).map(|(&sample, &tap)| i32::from(sample) * i32::from(tap)).sum();
    let rounded = (sum + (1 << (BITS - 1))) >> BITS;
    rounded.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

fn fixed(tap: f64) -> i16 {
    (tap * f64::from(1 << BITS)).round() as i16
}

/// A low-pass of `2 · half + 1` taps whose sum is one.
fn prototype(factor: usize, half: usize) -> Vec<f64> {
    let cutoff = CUTOFF / factor as f64;
    let tap = |n: usize| {
        let x = n as f64 - half as f64;
        let sinc = if n == half { cutoff } else { (PI * cutoff * x).sin() / (PI * x) };
        let edge = x / (half as f64 + 1.0);
        sinc * bessel(BETA * (1.0 - edge * edge).sqrt()) / bessel(BETA)
    };
    let taps: Vec<f64> = (0..=2 * half).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| tap / sum).collect()
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for n in 1..24 {
        term *= (x / (2.0 * f64::from(n))).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::hearing::{loss_of_tone, tone};
    use super::*;
    use proptest::prelude::*;

    const PAIRS: [(Rate, Rate); 6] = [
        (Rate::Narrow, Rate::Wide),
        (Rate::Narrow, Rate::Full),
        (Rate::Wide, Rate::Full),
        (Rate::Wide, Rate::Narrow),
        (Rate::Full, Rate::Narrow),
        (Rate::Full, Rate::Wide),
    ];

    /// A sound at the other rate, without its first tenth of a second.
    fn resampled(sound: &[i16], from: Rate, to: Rate) -> Vec<i16> {
        let mut out = Vec::new();
        Resampler::new(from, to).resample(sound, &mut out);
        out.split_off(to.samples() * 5)
    }

    /// How loud anything is beside a full tone of the same peak, in decibels.
    fn level(samples: &[i16], peak: f64) -> f64 {
        let power = samples.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * (2.0 * power.max(0.1) / peak.powi(2)).log10()
    }

    #[test]
    fn speech_keeps_its_level_between_all_rates() {
        for (from, to) in PAIRS {
            let edge = f64::from(from.min(to).hz()) / 2.0;
            for part in [0.05, 0.1, 0.25, 0.5, 0.7, 0.8] {
                let hz = part * edge;
                let heard = resampled(&tone(hz, 10_000.0, from, from.hz() as usize / 4), from, to);
                let left = loss_of_tone(&heard, hz, to, 10_000.0);
                let allowed = if part > 0.75 { 1.0 } else { 0.3 };
                assert!(left.loss.abs() < allowed, "{from:?} to {to:?} at {hz:.0} Hz: {:.2} dB", left.loss);
                assert!(left.ratio > 50.0, "{from:?} to {to:?} at {hz:.0} Hz: {:.1} dB above the rest", left.ratio);
            }
        }
    }

    #[test]
    fn what_does_not_fit_into_the_lower_rate_is_50_decibels_down_in_the_telephone_band() {
        for (from, to) in PAIRS.into_iter().filter(|(from, to)| from > to) {
            let edge = f64::from(to.hz()) / 2.0;
            // A tone at `edge + x` comes back as one at `edge - x`: nothing may come back below 3.3 or 7.3 kHz.
            let mut hz = 2.0 * edge - (edge - 700.0);
            while hz < f64::from(from.hz()) / 2.0 {
                let heard = resampled(&tone(hz, 20_000.0, from, from.hz() as usize / 4), from, to);
                let alias = level(&heard, 20_000.0);
                assert!(alias < -50.0, "{from:?} to {to:?}: {hz:.0} Hz is heard at {alias:.1} dB");
                hz += 171.0;
            }
        }
    }

    #[test]
    fn an_impulse_comes_out_a_millisecond_later() {
        for (from, to) in PAIRS {
            let mut sound = vec![0; from.samples()];
            sound[from.samples() / 4] = 30_000;
            let mut out = Vec::new();
            Resampler::new(from, to).resample(&sound, &mut out);
            let loudest = (0..out.len()).max_by_key(|&n| out[n].unsigned_abs()).unwrap();
            let late = loudest as f64 / f64::from(to.hz()) - 0.005;
            assert!((0.0..=0.001_07).contains(&late), "{from:?} to {to:?}: {late}");
        }
    }

    #[test]
    fn the_loudest_sound_is_cut_and_not_turned_over() {
        for (from, to) in PAIRS {
            let square: Vec<i16> =
                (0..from.samples()).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
            let mut out = Vec::new();
            Resampler::new(from, to).resample(&square, &mut out);
            let factor = f64::from(to.hz()) / f64::from(from.hz());
            for (n, &sample) in square.iter().enumerate().filter(|(n, _)| n % 20 == 10 && *n > 40) {
                let at = (n as f64 * factor) as usize + to.hz() as usize / 1000;
                if let Some(heard) = out.get(at) {
                    assert_eq!(heard.signum(), sample.signum(), "{from:?} to {to:?} at {n}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_make_the_same_sound(cuts in prop::collection::vec(0..400usize, 1..12), pair in 0..6usize) {
            let (from, to) = PAIRS[pair];
            let sound = tone(700.0, 9000.0, from, cuts.iter().sum());
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            Resampler::new(from, to).resample(&sound, &mut whole);
            let mut resampler = Resampler::new(from, to);
            let mut rest = &sound[..];
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut);
                resampler.resample(piece, &mut pieces);
                rest = behind;
            }
            prop_assert_eq!(whole, pieces);
        }

        #[test]
        fn a_frame_makes_a_frame(pair in 0..6usize) {
            let (from, to) = PAIRS[pair];
            let mut resampler = Resampler::new(from, to);
            for _ in 0..3 {
                let mut out = Vec::new();
                resampler.resample(&vec![1000; from.samples()], &mut out);
                prop_assert_eq!(out.len(), to.samples());
            }
        }
    }
}
