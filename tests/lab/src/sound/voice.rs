//! The tone by which each phone is told from all others.
//!
//! Every voice is a whole multiple of 5 Hz, so it repeats after ten frames exactly. The first two hundred are so chosen
//! that a skipped or doubled frame bends the sine by a third of a turn or more, which is heard as a click. None lies near
//! a frequency of the keys, and neighbours in the order lie far apart.

use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

use patchcord_media::codec::level;
use patchcord_media::frame::Rate;

/// How loud every phone speaks: as a person does, with room for three of them in one mix.
pub const SPOKEN_DBM0: f32 = -13.0;

/// A voice repeats after this many frames.
pub(crate) const ROUND: usize = 10;

const STEP_HZ: u32 = 5;
const LOWEST_HZ: u32 = 400;
/// The band that every path in the house keeps whole ends at 3.3 kHz.
const HIGHEST_HZ: u32 = 3200;
const KEYS_HZ: [u32; 8] = [697, 770, 852, 941, 1209, 1336, 1477, 1633];

/// Who speaks: a name and a tone.
#[derive(Clone)]
pub struct Voice {
    name: Arc<str>,
    number: usize,
    hz: u32,
}

impl Voice {
    /// The voice of that number. After some four hundred they begin again: so many phones make load and are not told apart.
    pub(crate) fn numbered(number: usize, name: &str) -> Self {
        let all = frequencies();
        Self { name: name.into(), number, hz: all[number % all.len()] }
    }

    /// Whose it is.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its frequency.
    pub fn hz(&self) -> u32 {
        self.hz
    }

    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Its angle from sample to sample.
    pub(crate) fn step(&self, rate: Rate) -> f64 {
        TAU * f64::from(self.hz) / f64::from(rate.hz())
    }

    /// One round of it, [`ROUND`] frames, which joins itself without a seam.
    pub(crate) fn round(&self, rate: Rate) -> Vec<i16> {
        let (peak, step) = (f64::from(level::peak_of_tone(SPOKEN_DBM0)), self.step(rate));
        (0..ROUND * rate.samples()).map(|n| (peak * (n as f64 * step).sin()).round() as i16).collect()
    }
}

impl PartialEq for Voice {
    fn eq(&self, other: &Self) -> bool {
        self.hz == other.hz && self.name == other.name
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} Hz)", self.name, self.hz)
    }
}

/// All of them, in the order in which they are given out.
fn frequencies() -> Vec<u32> {
    let usable = |hz: &u32| KEYS_HZ.iter().all(|key| hz.abs_diff(*key) * 25 > *key);
    let all = (LOWEST_HZ..=HIGHEST_HZ).step_by(STEP_HZ as usize).filter(usable);
    // The part of a turn that a frame of 20 ms is too much: a skip of one is heard where that is far from a whole.
    let (mut best, rest): (Vec<u32>, Vec<u32>) = all.partition(|hz| (15..=35).contains(&(hz % 50)));
    best = spread(best);
    best.extend(spread(rest));
    best
}

/// In golden steps, so that however many are taken from the front, they lie far apart.
fn spread(list: Vec<u32>) -> Vec<u32> {
    let mut step = list.len() * 382 / 1000;
    while !coprime(step, list.len()) {
        step += 1;
    }
    (0..list.len()).map(|n| list[n * step % list.len()]).collect()
}

fn coprime(a: usize, b: usize) -> bool {
    if b == 0 { a == 1 } else { coprime(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_four_hundred_voices_are_the_same() {
        let mut all = frequencies();
        let count = all.len();
        assert!(count > 400, "{count}");
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn the_first_voices_lie_far_apart_and_bend_at_a_lost_frame() {
        let first = &frequencies()[..12];
        for (n, hz) in first.iter().enumerate() {
            assert!((15..=35).contains(&(hz % 50)), "{hz}");
            assert!(first[..n].iter().all(|other| other.abs_diff(*hz) >= 90), "{first:?}");
        }
    }

    #[test]
    fn a_round_joins_itself() {
        let voice = Voice::numbered(3, "carol");
        for rate in [Rate::Narrow, Rate::Wide, Rate::Full] {
            let round = voice.round(rate);
            assert_eq!(round.len(), rate.samples() * ROUND);
            let (first, last) = (f64::from(round[1]), f64::from(*round.last().expect("a sample")));
            assert!((first + last).abs() < 2.0, "{first} after {last}");
        }
    }
}
