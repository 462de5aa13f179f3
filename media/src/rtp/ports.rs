//! The range of ports that sound comes in on: even ones, each with the odd one above it for reports.
//!
//! A [`Range`] hands out ports in an order that nobody outside can guess, takes them back, and lets each rest before it is
//! handed out again: packets of the call before are still on their way to it. It binds nothing. [`Capacity`] says how many
//! legs fit a range and a limit of descriptors, so that the start can refuse a configuration that cannot work.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a port rests. The last packets of a call arrive within a second, or never.
const REST: Duration = Duration::from_secs(1);

/// How long a port rests that somebody outside this program holds: about one call's length.
const TAKEN_REST: Duration = Duration::from_secs(120);

/// A range without a pair of ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no even port and the one above it between {first} and {last}")]
pub struct BadRange {
    /// The first port of the range.
    pub first: u16,
    /// The last.
    pub last: u16,
}

/// No port is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all {total} port pairs of the range are taken ({taken}) or resting ({resting})")]
pub struct Exhausted {
    /// Pairs in the range.
    pub total: usize,
    /// Handed out.
    pub taken: usize,
    /// Given back a moment ago.
    pub resting: usize,
}

/// See the module.
#[derive(Debug)]
pub struct Range {
    free: VecDeque<u16>,
    /// Given back, until when they rest; not sorted, because some rest longer.
    resting: VecDeque<(Instant, u16)>,
    /// By half the port: whether it is handed out.
    taken: Box<[bool]>,
    total: usize,
}

impl Range {
    /// All pairs between `first` and `last`, shuffled by `random`.
    ///
    /// # Errors
    /// When there is no pair.
    pub fn new(first: u16, last: u16, mut random: impl FnMut() -> u32) -> Result<Self, BadRange> {
        let even = u32::from(first).next_multiple_of(2);
        let mut ports: Vec<u16> = (even..u32::from(last)).step_by(2).map(|port| port as u16).collect();
        // Port 0 means "any".
        ports.retain(|port| *port != 0);
        if ports.is_empty() {
            return Err(BadRange { first, last });
        }
        for end in (1..ports.len()).rev() {
            let other = (u64::from(random()) * (end as u64 + 1)) >> 32;
            ports.swap(end, other as usize);
        }
        let total = ports.len();
        let resting = VecDeque::with_capacity(total);
        Ok(Self { free: ports.into(), resting, taken: vec![false; 1 << 15].into(), total })
    }

    /// Pairs in the range.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Pairs that are handed out.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.total - self.free.len() - self.resting.len()
    }

    /// The next even port; the one above it goes with it.
    ///
    /// # Errors
    /// When none is left.
    pub fn take(&mut self, now: Instant) -> Result<u16, Exhausted> {
        for _ in 0..self.resting.len() {
            match self.resting.pop_front() {
                Some((until, port)) if until <= now => self.free.push_back(port),
                // Those that rest long step behind the others; one that rests short and is not due ends the search.
                Some((until, port)) if until > now + REST => self.resting.push_back((until, port)),
                Some(early) => {
                    self.resting.push_front(early);
                    break;
                }
                None => break,
            }
        }
        let Some(port) = self.free.pop_front() else {
            return Err(Exhausted { total: self.total, taken: self.taken(), resting: self.resting.len() });
        };
        self.taken[usize::from(port / 2)] = true;
        Ok(port)
    }

    /// The leg on `port` is over.
    ///
    /// # Panics
    /// When the port is not handed out: it would be handed out twice.
    pub fn release(&mut self, port: u16, now: Instant) {
        self.rest(port, now + REST);
    }

    /// `port` could not be bound, because somebody outside this program holds it or the one above.
    ///
    /// # Panics
    /// When the port is not handed out.
    pub fn refused(&mut self, port: u16, now: Instant) {
        self.rest(port, now + TAKEN_REST);
    }

    fn rest(&mut self, port: u16, until: Instant) {
        let taken = std::mem::take(&mut self.taken[usize::from(port / 2)]);
        assert!(taken && port.is_multiple_of(2), "port {port} was given back and not taken");
        self.resting.push_back((until, port));
    }
}

/// Descriptors of a leg: a socket for sound and one for reports.
pub const DESCRIPTORS_PER_LEG: usize = 2;

/// How many legs there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Pairs of ports.
    pub by_ports: usize,
    /// What the limit of open files leaves.
    pub by_descriptors: usize,
}

impl Capacity {
    /// Room in `range` when this program may open `limit` files and keeps `kept` of them for everything but sound.
    #[must_use]
    pub fn new(range: &Range, limit: usize, kept: usize) -> Self {
        Self { by_ports: range.total(), by_descriptors: limit.saturating_sub(kept) / DESCRIPTORS_PER_LEG }
    }

    /// The most legs at a time.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.by_ports.min(self.by_descriptors)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::rtp::start;

    /// Chance that is the same each time.
    fn chance(seed: u32) -> impl FnMut() -> u32 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state
        }
    }

    #[test]
    fn every_pair_of_the_range_is_handed_out_once() {
        let mut range = Range::new(10_001, 10_013, chance(1)).expect("pairs");
        let ports: HashSet<_> = (0..range.total()).map(|_| range.take(start()).expect("one left")).collect();
        assert_eq!(ports, HashSet::from([10_002, 10_004, 10_006, 10_008, 10_010, 10_012]));
    }

    #[test]
    fn a_pair_that_would_reach_over_the_end_is_left_out() {
        assert_eq!(Range::new(10_000, 10_004, chance(1)).map(|range| range.total()), Ok(2));
        assert_eq!(Range::new(65_530, 65_535, chance(1)).map(|range| range.total()), Ok(3));
        assert_eq!(Range::new(65_535, 65_535, chance(1)).err(), Some(BadRange { first: 65_535, last: 65_535 }));
        assert_eq!(Range::new(10_000, 10_000, chance(1)).err(), Some(BadRange { first: 10_000, last: 10_000 }));
        assert_eq!(Range::new(0, 1, chance(1)).err(), Some(BadRange { first: 0, last: 1 }));
        assert_eq!(Range::new(5, 4, chance(1)).err(), Some(BadRange { first: 5, last: 4 }));
    }

    #[test]
    fn chance_decides_the_order() {
        let order = |seed| {
            let mut range = Range::new(10_000, 10_999, chance(seed)).expect("pairs");
            (0..20).map(|_| range.take(start()).expect("one left")).collect::<Vec<_>>()
        };
        assert_ne!(order(1), order(2));
        assert!(order(1).windows(2).any(|pair| pair[1] < pair[0]));
    }

    #[test]
    fn an_exhausted_range_says_what_holds_it() {
        let now = start();
        let mut range = Range::new(10_000, 10_003, chance(1)).expect("pairs");
        let port = range.take(now).expect("one left");
        range.take(now).expect("one left");
        assert_eq!(range.take(now), Err(Exhausted { total: 2, taken: 2, resting: 0 }));
        range.release(port, now);
        assert_eq!(range.take(now), Err(Exhausted { total: 2, taken: 1, resting: 1 }));
        assert_eq!(range.take(now + REST), Ok(port));
    }

    #[test]
    fn a_port_that_somebody_else_holds_keeps_nobody_waiting() {
        let now = start();
        let mut range = Range::new(10_000, 10_003, chance(1)).expect("pairs");
        let (held, good) = (range.take(now).expect("one"), range.take(now).expect("another"));
        range.refused(held, now);
        range.release(good, now);
        assert_eq!(range.take(now + REST), Ok(good));
        assert!(range.take(now + TAKEN_REST - REST).is_err());
        assert_eq!(range.take(now + TAKEN_REST), Ok(held));
    }

    #[test]
    #[should_panic(expected = "given back and not taken")]
    fn a_port_is_given_back_once() {
        let mut range = Range::new(10_000, 10_003, chance(1)).expect("pairs");
        let port = range.take(start()).expect("one left");
        range.release(port, start());
        range.release(port, start());
    }

    #[test]
    fn the_narrower_of_ports_and_descriptors_decides() {
        let range = Range::new(10_000, 32_767, chance(1)).expect("pairs");
        assert_eq!(Capacity::new(&range, 20_000, 500), Capacity { by_ports: 11_384, by_descriptors: 9750 });
        assert_eq!(Capacity::new(&range, 20_000, 500).legs(), 9750);
        assert_eq!(Capacity::new(&range, 1_000_000, 500).legs(), 11_384);
        assert_eq!(Capacity::new(&range, 100, 500).legs(), 0);
    }

    proptest! {
        #[test]
        fn no_port_is_with_two_legs_and_none_is_reused_before_it_rested(steps in proptest::collection::vec((0..3u8, 0..800u64), 1..300)) {
            let mut now = start();
            let mut range = Range::new(20_000, 20_019, chance(3)).expect("pairs");
            let (mut out, mut back) = (Vec::new(), std::collections::HashMap::new());
            for (what, wait) in steps {
                now += Duration::from_millis(wait);
                if what == 0 && !out.is_empty() {
                    let port = out.remove(0);
                    range.release(port, now);
                    back.insert(port, now);
                } else if let Ok(port) = range.take(now) {
                    prop_assert!(!out.contains(&port));
                    prop_assert!(back.get(&port).is_none_or(|then| now - *then >= REST));
                    out.push(port);
                } else {
                    prop_assert!(out.len() + back.values().filter(|then| now - **then < REST).count() >= range.total());
                }
                prop_assert_eq!(range.taken(), out.len());
            }
        }
    }
}
