//! How much louder, in whole numbers; and a hand that keeps everybody at one loudness.
//!
//! A gain changes over a frame, never at once, so that no change is heard as a click.

/// Bits behind the point of a gain.
const BITS: u32 = 12;

/// A factor for samples, in 4096ths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gain(pub u16);

impl Gain {
    /// As loud as it is.
    pub const UNITY: Self = Self(1 << BITS);
    /// Not at all.
    pub const NONE: Self = Self(0);
    /// Four times as much: 12 dB.
    pub const MOST: Self = Self(4 << BITS);

    /// Both, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let product = (u32::from(self.0) * u32::from(other.0)) >> BITS;
        Self(product.min(u32::from(Self::MOST.0)) as u16)
    }

    /// A sample made louder or quieter, and kept within its bounds.
    #[must_use]
    pub fn of(self, sample: i16) -> i16 {
        clamp((i32::from(sample) * i32::from(self.0)) >> BITS)
    }
}

/// The nearest sample.
#[must_use]
pub fn clamp(value: i32) -> i16 {
    value.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

/// Moves a frame from one gain to another, evenly over its samples.
pub fn ramp(samples: &mut [i16], from: Gain, to: Gain) {
    if from == Gain::UNITY && to == Gain::UNITY {
        return;
    }
    if from == to {
        samples.iter_mut().for_each(|sample| *sample = to.of(*sample));
        return;
    }
    let length = samples.len() as i32;
    let (start, way) = (i32::from(from.0), i32::from(to.0) - i32::from(from.0));
    for (number, sample) in (1..).zip(samples.iter_mut()) {
        let gain = start + way * number / length;
        *sample = clamp((i32::from(*sample) * gain) >> BITS);
    }
}

/// Speech is brought to this power: -22 dB.
const WANTED: u32 = 6_770_000;
/// Within a third of it nothing moves.
const CLOSE: u32 = WANTED / 3;
/// A frame moves the gain by this part of itself: 2 dB a second up, four times as fast down.
const UP: u16 = 256;
const DOWN: u16 = 64;
/// Nobody is made more than 10 dB louder or quieter.
const LEAST: u16 = 1295;
const MOST: u16 = 12_953;

/// Moves speech towards one loudness, and leaves pauses alone.
#[derive(Debug, Clone, Copy)]
pub struct Hand(Gain);

impl Default for Hand {
    fn default() -> Self {
        Self(Gain::UNITY)
    }
}

impl Hand {
    /// Hears a frame of speech of this power, and says the gain for the next.
    pub fn hear(&mut self, power: u32) {
        let gain = u64::from(self.0.0);
        let becomes = (u64::from(power) * gain * gain) >> (2 * BITS);
        if becomes > u64::from(WANTED + CLOSE) {
            self.0.0 = (self.0.0 - self.0.0.div_ceil(DOWN)).max(LEAST);
        } else if becomes < u64::from(WANTED - CLOSE) {
            self.0.0 = (self.0.0 + self.0.0.div_ceil(UP)).min(MOST);
        }
    }

    /// The gain now.
    #[must_use]
    pub fn gain(&self) -> Gain {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unity_changes_nothing_and_none_leaves_nothing() {
        let mut sound = [i16::MIN, -5, 0, 5, i16::MAX];
        ramp(&mut sound, Gain::UNITY, Gain::UNITY);
        assert_eq!(sound, [i16::MIN, -5, 0, 5, i16::MAX]);
        assert_eq!(sound.map(|sample| Gain::UNITY.of(sample)), sound);
        ramp(&mut sound, Gain::NONE, Gain::NONE);
        assert_eq!(sound, [0; 5]);
    }

    #[test]
    fn a_change_of_gain_is_a_slope_and_ends_where_it_should() {
        let mut sound = [1000; 160];
        ramp(&mut sound, Gain::NONE, Gain::UNITY);
        assert!(sound.windows(2).all(|pair| (0..=7).contains(&(pair[1] - pair[0]))));
        assert_eq!(sound[159], 1000);
    }

    #[test]
    fn what_grows_too_loud_stays_within_bounds() {
        let mut sound = [20_000, -20_000];
        ramp(&mut sound, Gain::MOST, Gain::MOST);
        assert_eq!(sound, [i16::MAX, i16::MIN]);
        assert_eq!(Gain::MOST.and(Gain::MOST), Gain::MOST);
    }

    #[test]
    fn quiet_and_loud_speakers_end_equally_loud() {
        let ends = [600_000_u32, 6_770_000, 60_000_000].map(|power| {
            let mut hand = Hand::default();
            (0..2000).for_each(|_| hand.hear(power));
            let gain = u64::from(hand.gain().0);
            (u64::from(power) * gain * gain) >> 24
        });
        assert!(ends.iter().all(|power| (4_300_000..9_300_000).contains(power)), "{ends:?}");
    }
}
