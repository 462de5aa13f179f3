//! 20 ms of sound, and how many samples that is.
//!
//! Inside the house sound is mono, 16 bits, linear, at one of three rates. A codec with another clock on the wire (G.722
//! says 8000 and means 16000) hides that in its own file.

use std::time::Duration;

/// Everything that makes or takes sound does so in steps of this length.
pub const FRAME: Duration = Duration::from_millis(20);

/// The most samples a frame can have: 20 ms at the highest rate.
pub const MAX_SAMPLES: usize = Rate::Full.samples();

/// Samples a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rate {
    /// 8000 a second: G.711.
    Narrow,
    /// 16000 a second: G.722.
    Wide,
    /// 48000 a second: Opus.
    Full,
}

impl Rate {
    /// Samples a second.
    #[must_use]
    pub const fn hz(self) -> u32 {
        match self {
            Self::Narrow => 8000,
            Self::Wide => 16_000,
            Self::Full => 48_000,
        }
    }

    /// Samples in one frame.
    #[must_use]
    pub const fn samples(self) -> usize {
        self.hz() as usize / 50
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_fiftieth_of_a_second_at_every_rate() {
        assert_eq!([Rate::Narrow, Rate::Wide, Rate::Full].map(Rate::samples), [160, 320, 960]);
    }
}
