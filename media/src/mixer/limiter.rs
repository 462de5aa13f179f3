//! Makes samples of a sum that may be too loud for them, without a click.
//!
//! A [`Limiter`] turns the whole stream down before a peak and lets it rise again slowly. It looks at four pieces of a frame
//! and moves its gain in straight lines between them, each low enough for the pieces on both its sides. Only a peak in the
//! first 5 ms of a frame can come too suddenly for that; what stands out there is cut off.

use super::gain::clamp;

/// Bits behind the point of the limiter's gain.
const BITS: u32 = 15;
const UNITY: i32 = 1 << BITS;
/// The loudest sample that is let through: 1 dB below full scale.
const CEILING: i32 = 29_200;
/// The pieces of a frame.
const PIECES: usize = 4;
/// How much the gain may rise in a piece: from half to unity in 160 ms.
const RISE: i32 = UNITY / 64;

/// One stream's gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limiter {
    gain: i32,
}

impl Default for Limiter {
    fn default() -> Self {
        Self { gain: UNITY }
    }
}

impl Limiter {
    /// Whether the stream is let through as it is.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.gain == UNITY
    }

    /// Makes a frame of samples of a frame of sums; both have the same length.
    pub fn limit(&mut self, sums: &[i32], samples: &mut [i16]) {
        let length = sums.len().div_ceil(PIECES).max(1);
        let mut bearable = [UNITY; PIECES + 1];
        for (gain, piece) in bearable.iter_mut().zip(sums.chunks(length)) {
            *gain = bearable_gain(piece);
        }
        if self.gain == UNITY && bearable == [UNITY; PIECES + 1] {
            samples.iter_mut().zip(sums).for_each(|(sample, sum)| *sample = *sum as i16);
            return;
        }
        for (number, (sums, samples)) in sums.chunks(length).zip(samples.chunks_mut(length)).enumerate() {
            let number = number.min(PIECES - 1);
            let end = bearable[number].min(bearable[number + 1]).min(self.gain + RISE);
            self.slope(sums, samples, end);
        }
    }

    fn slope(&mut self, sums: &[i32], samples: &mut [i16], end: i32) {
        let (start, length) = (self.gain, sums.len() as i32);
        for (number, (sample, sum)) in (1..).zip(samples.iter_mut().zip(sums)) {
            let gain = start + (end - start) * number / length;
            *sample = clamp(((i64::from(*sum) * i64::from(gain)) >> BITS) as i32);
        }
        self.gain = end;
    }
}

/// The highest gain at which no sample of the piece is above the ceiling.
fn bearable_gain(piece: &[i32]) -> i32 {
    let peak = piece.iter().map(|sum| sum.unsigned_abs()).max().unwrap_or_default();
    if peak <= CEILING as u32 { UNITY } else { ((CEILING as u64 * UNITY as u64) / u64::from(peak)) as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_goes_through_untouched() {
        let sums: Vec<i32> = (0..160).map(|number| number * 100).collect();
        let mut samples = [0; 160];
        let mut limiter = Limiter::default();
        limiter.limit(&sums, &mut samples);
        assert!(samples.iter().zip(&sums).all(|(sample, sum)| i32::from(*sample) == *sum));
        assert!(limiter.is_open());
    }

    #[test]
    fn what_is_too_loud_is_turned_down_and_let_up_again() {
        let mut limiter = Limiter::default();
        let mut samples = [0; 160];
        (0..3).for_each(|_| limiter.limit(&[80_000; 160], &mut samples));
        assert!(samples.iter().all(|sample| (29_100..=29_200).contains(sample)));
        let frames = (0..100).take_while(|_| {
            limiter.limit(&[1000; 160], &mut samples);
            !limiter.is_open()
        });
        assert!((4..20).contains(&frames.count()));
        limiter.limit(&[1000; 160], &mut samples);
        assert_eq!(samples, [1000; 160]);
    }

    proptest! {
        #[test]
        fn the_gain_never_jumps(levels in proptest::collection::vec(0..2_000_000_i32, 1..20)) {
            let mut limiter = Limiter::default();
            let mut samples = [0; 160];
            let mut last = None;
            for level in levels {
                limiter.limit(&[level; 160], &mut samples);
                for sample in samples {
                    // Within a frame of even sums the samples follow the gain: 40 steps from one end to the other.
                    if let Some((before, of)) = last && of == level && sample < i16::MAX && before < i16::MAX {
                        prop_assert!((i32::from(sample) - i32::from(before)).abs() <= level / 40 + 2);
                    }
                    last = Some((sample, level));
                }
            }
        }

        #[test]
        fn no_sum_is_too_wild(sums in proptest::collection::vec(any::<i32>(), 0..1000)) {
            let mut samples = vec![0; sums.len()];
            Limiter::default().limit(&sums, &mut samples);
        }
    }
}
