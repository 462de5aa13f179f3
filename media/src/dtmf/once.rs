//! Each press once, with the way it came first, when two or three ways carry it.
//!
//! A gateway may send a key as an event, leave its tone in the sound, and tell of it by INFO besides. [`Once`] is shown all
//! presses of a call and lets the first report of each through. Two reports are the same press when they are of one key, came
//! by different ways, and the times between which the key was down meet, give or take [`SLACK`]. Two presses by one way are
//! always two presses, however close, so "55" stays "55" by any number of ways.

use std::time::{Duration, Instant};

use super::key::{Key, Press, Via};

/// How far the ways may be apart: an INFO through two servers, or a jitter buffer and the detector behind it.
pub const SLACK: Duration = Duration::from_millis(600);

/// The longest a way may be behind another, because it tells of a key only when that is let go.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// How many presses are remembered: more than a hand makes while one way is behind another.
const REMEMBERED: usize = 32;

/// A press that was let through, and what is known of it.
#[derive(Clone, Copy)]
struct Known {
    key: Key,
    down: Instant,
    up: Instant,
    /// The ways by which it has come, a bit each.
    ways: u8,
}

/// Lets each press through once.
pub struct Once {
    known: [Option<Known>; REMEMBERED],
    next: usize,
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl Once {
    /// One that has seen no press yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { known: [None; REMEMBERED], next: 0 }
    }

    /// Whether this press, just let go, is one that has not been reported yet.
    pub fn is_new(&mut self, press: &Press, now: Instant) -> bool {
        let held = press.duration.min(LONGEST_HOLD);
        let down = now.checked_sub(held).unwrap_or(now);
        let way = bit(press.via);
        // Oldest first, so that the second report of "55" finds the first five.
        let (newer, older) = self.known.split_at_mut(self.next);
        let same = older.iter_mut().chain(newer).flatten().find(|known| {
            known.key == press.key && known.ways & way == 0 && down <= known.up + SLACK && known.down <= now + SLACK
        });
        if let Some(known) = same {
            known.ways |= way;
            known.down = known.down.min(down);
            return false;
        }
        self.known[self.next] = Some(Known { key: press.key, down, up: now, ways: way });
        self.next = (self.next + 1) % REMEMBERED;
        true
    }
}

const fn bit(via: Via) -> u8 {
    match via {
        Via::Rtp => 1,
        Via::Info => 2,
        Via::Inband => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WAYS: [Via; 3] = [Via::Rtp, Via::Info, Via::Inband];

    fn press(written: char, held: u64, via: Via) -> Press {
        Press { key: Key::of_char(written).unwrap(), duration: Duration::from_millis(held), via }
    }

    /// What is let through of reports: (when in milliseconds, key, held for, way).
    fn let_through(reports: &[(u64, char, u64, Via)]) -> String {
        let (mut once, start) = (Once::new(), crate::rtp::start() + Duration::from_secs(60));
        let new = |&&(at, written, held, via): &&(u64, char, u64, Via)| {
            once.is_new(&press(written, held, via), start + Duration::from_millis(at))
        };
        reports.iter().filter(new).map(|report| report.1).collect()
    }

    #[test]
    fn one_press_by_three_ways_is_one_with_its_first_source() {
        let reports = [(100, '5', 100, Via::Rtp), (140, '5', 110, Via::Inband), (400, '5', 250, Via::Info)];
        assert_eq!(let_through(&reports), "5");
    }

    #[test]
    fn two_quick_presses_by_two_ways_stay_two() {
        let by_turns = [
            (100, '5', 80, Via::Rtp),
            (130, '5', 80, Via::Inband),
            (260, '5', 80, Via::Rtp),
            (290, '5', 80, Via::Inband),
        ];
        assert_eq!(let_through(&by_turns), "55");
        let one_behind =
            [(100, '5', 80, Via::Rtp), (260, '5', 80, Via::Rtp), (400, '5', 80, Via::Info), (560, '5', 80, Via::Info)];
        assert_eq!(let_through(&one_behind), "55");
    }

    #[test]
    fn one_way_alone_is_never_silenced() {
        let fast = [(50, '0', 40, Via::Rtp), (100, '0', 40, Via::Rtp), (150, '0', 40, Via::Rtp)];
        assert_eq!(let_through(&fast), "000");
    }

    #[test]
    fn the_same_key_by_another_way_later_on_is_another_press() {
        assert_eq!(let_through(&[(100, '1', 100, Via::Rtp), (1200, '1', 100, Via::Info)]), "11");
    }

    #[test]
    fn different_keys_at_the_same_time_are_different() {
        assert_eq!(let_through(&[(100, '1', 100, Via::Rtp), (100, '2', 100, Via::Inband)]), "12");
    }

    #[test]
    fn an_info_at_the_beginning_of_a_long_press_is_that_press() {
        assert_eq!(let_through(&[(50, '9', 0, Via::Info), (8000, '9', 7980, Via::Rtp)]), "9");
    }

    proptest! {
        /// However the ways lag, each of them carries the same number, and it is heard once.
        #[test]
        fn a_number_by_several_ways_is_heard_once(
            keys in "[0-9*#]{1,12}",
            lags in prop::collection::vec(0..300u64, 3),
            ways in 1..4usize,
        ) {
            let mut reports = Vec::new();
            for (via, lag) in WAYS.into_iter().zip(lags).take(ways) {
                reports.extend(keys.chars().enumerate().map(|(n, written)| (n as u64 * 200 + lag, written, 100, via)));
            }
            reports.sort_by_key(|report| report.0);
            let mut heard: Vec<char> = let_through(&reports).chars().collect();
            let mut expected: Vec<char> = keys.chars().collect();
            // Ways that lag may change the order of neighbours, never their number.
            heard.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(heard, expected);
        }
    }
}
