//! The clock of reports: seconds since 1900 in 32 bits, and 32 bits behind the point (RFC 3550 §4).
//!
//! Nothing is read here. A [`Wall`] is given one instant and what the calendar said at it, and counts on from there; so
//! a step of the calendar in the middle of a call never looks like a round trip of an hour.

use std::time::{Duration, Instant};

use super::Block;

/// From 1900 to 1970.
const UNIX: u64 = 2_208_988_800;

/// A round trip longer than this is a wrong clock, not a long way.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(60);

/// A time in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ntp(pub u64);

impl Ntp {
    /// The time that is `since` after the first second of 1970.
    #[must_use]
    pub fn from_unix(since: Duration) -> Self {
        let seconds = (since.as_secs() + UNIX) << 32;
        Self(seconds | ((u64::from(since.subsec_nanos()) << 32) / 1_000_000_000))
    }

    /// The middle 32 bits, in which reports point at each other: 65536ths of a second.
    #[must_use]
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// How long a report of ours and this answer to it were on their way together (RFC 3550 §6.4.1); `None` when the far
    /// end has not heard a report of ours yet or its arithmetic cannot be right.
    #[must_use]
    pub fn round_trip(self, block: &Block) -> Option<Duration> {
        if block.last_report == 0 {
            return None;
        }
        let ticks = self.middle().wrapping_sub(block.last_report).wrapping_sub(block.delay);
        // Clocks of a coarse grain make a short way look a little shorter than nothing.
        let ticks = if ticks > u32::MAX - 6554 { 0 } else { ticks };
        let way = Duration::from_nanos((u64::from(ticks) * 1_000_000_000) >> 16);
        (way <= LONGEST_ROUND_TRIP).then_some(way)
    }
}

/// What the calendar says at an instant.
#[derive(Debug, Clone, Copy)]
pub struct Wall {
    start: Instant,
    unix: Duration,
}

impl Wall {
    /// At `start` it was `unix` after the first second of 1970.
    #[must_use]
    pub fn new(start: Instant, unix: Duration) -> Self {
        Self { start, unix }
    }

    /// The time at `now`.
    #[must_use]
    pub fn ntp(&self, now: Instant) -> Ntp {
        Ntp::from_unix(self.unix + now.saturating_duration_since(self.start))
    }
}

/// `elapsed` in 65536ths of a second, as a report says how long ago something was.
pub fn ticks(elapsed: Duration) -> u32 {
    u32::try_from((elapsed.as_nanos() << 16) / 1_000_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc_gives_its_round_trip() {
        // RFC 3550, figure 2: 0xb710:8000 − 0xb705:2000 − 0x5:4000 = 0x6:2000, which is 6.125 s.
        let block = Block { last_report: 0xb705_2000, delay: 0x0005_4000, ..Block::default() };
        let now = Ntp(0xb44d_b710_8000_0000);
        assert_eq!(now.middle(), 0xb710_8000);
        assert_eq!(now.round_trip(&block), Some(Duration::from_millis(6125)));
    }

    #[test]
    fn a_round_trip_needs_a_report_of_ours_and_sane_arithmetic() {
        let now = Ntp(0xb44d_b710_8000_0000);
        assert_eq!(now.round_trip(&Block::default()), None);
        assert_eq!(now.round_trip(&Block { last_report: now.middle() + 1, ..Block::default() }), Some(Duration::ZERO));
        let liar = Block { last_report: now.middle(), delay: 65_536, ..Block::default() };
        assert_eq!(now.round_trip(&liar), None);
    }

    #[test]
    fn the_wall_counts_on_from_where_it_was_put() {
        let start = crate::rtp::start();
        let wall = Wall::new(start, Duration::from_millis(1_000_000_500));
        let later = wall.ntp(start + Duration::from_millis(1500));
        assert_eq!(later.0 >> 32, 1_000_002 + UNIX);
        assert_eq!(later.0 as u32, 0);
        assert_eq!(wall.ntp(start).middle() + ticks(Duration::from_millis(1500)), later.middle());
    }
}
