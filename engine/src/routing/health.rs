//! Whether a trunk answers, as its answers to OPTIONS say; and in which order trunks are tried.
//!
//! ```text
//! unknown ──answer──▶ up ──two misses──▶ down ──answer──▶ up
//!    └───────────two misses──────────────▶┘
//! ```
//!
//! A [`Health`] sends nothing and starts no timer: whoever owns it asks the trunk at [`Health::next`] and tells what came.
//! A trunk that is down is tried all the same, after all others: it may have come back a second ago.

use std::time::{Duration, Instant};

use super::Way;

/// How often a trunk is asked that answers.
const WHILE_UP: Duration = Duration::from_secs(30);

/// How soon it is asked again after a miss, and how often while it is down: coming back should be noticed within a call's
/// patience.
const AFTER_MISS: Duration = Duration::from_secs(10);

/// Misses in a row that make it down: one may be a lost packet's whole retry.
const MISSES: u8 = 2;

/// What is known of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing yet: it is taken for good.
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// What became of an OPTIONS, or of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This final answer.
    Answer(u16),
    /// No answer at all, no connection, no address.
    Silence,
    /// The party was called and did not answer in its time.
    RangOut,
}

impl Outcome {
    /// Whether the trunk is there, whatever it thinks of what it was asked. A gateway that answers for a silent or
    /// overloaded one behind it is not.
    pub fn proves_life(self) -> bool {
        match self {
            Self::Answer(status) => !matches!(status, 408 | 502 | 503 | 504),
            Self::RangOut => true,
            Self::Silence => false,
        }
    }

    /// Whether a call goes on to the next trunk: where this one failed, and not where the party was reached or refused.
    pub fn goes_on(self) -> bool {
        match self {
            // 401 and 407 that we cannot answer are about us and not about the party.
            Self::Answer(status) => matches!(status, 401 | 407 | 408 | 500..=599),
            Self::Silence => true,
            Self::RangOut => false,
        }
    }
}

/// Whether a trunk answers.
#[derive(Clone, Debug)]
pub struct Health {
    standing: Standing,
    misses: u8,
    next: Instant,
}

impl Health {
    /// Of a trunk that is to be asked at once.
    pub fn new(now: Instant) -> Self {
        Self { standing: Standing::Unknown, misses: 0, next: now }
    }

    /// What is known.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// When to ask next.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// It is being asked: the next time is set by what comes, or at the latest by this.
    pub fn asked(&mut self, now: Instant) {
        self.next = now + WHILE_UP;
    }

    /// Takes what came, of an OPTIONS or of a call; the new standing when that has changed.
    pub fn hear(&mut self, outcome: Outcome, now: Instant) -> Option<Standing> {
        let before = self.standing;
        if outcome.proves_life() {
            (self.standing, self.misses, self.next) = (Standing::Up, 0, now + WHILE_UP);
        } else {
            self.misses = self.misses.saturating_add(1);
            self.next = now + AFTER_MISS;
            if self.misses >= MISSES {
                self.standing = Standing::Down;
            }
        }
        (self.standing != before).then_some(self.standing)
    }
}

/// The ways in the order in which they are tried: as they were named, but those that are down last.
pub fn in_order(ways: Vec<Way>, standing: impl Fn(&str) -> Standing) -> Vec<Way> {
    let (down, good): (Vec<_>, Vec<_>) = ways.into_iter().partition(|way| standing(&way.trunk.name) == Standing::Down);
    good.into_iter().chain(down).collect()
}

/// What the caller is answered when no way was left: what a trunk said of the call itself, or that none could carry it.
pub fn answer_after(outcomes: &[Outcome]) -> u16 {
    let last = outcomes.last().copied().unwrap_or(Outcome::Silence);
    match last {
        Outcome::RangOut => 480,
        Outcome::Answer(status) if !last.goes_on() => status,
        _ => 503,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::routing::Trunk;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        Instant::now()
    }

    #[test]
    fn a_trunk_is_down_after_two_misses_and_up_with_the_first_answer() {
        let start = start();
        let mut health = Health::new(start);
        assert_eq!((health.standing(), health.next()), (Standing::Unknown, start));

        assert_eq!(health.hear(Outcome::Answer(200), start), Some(Standing::Up));
        assert_eq!(health.next(), start + WHILE_UP);
        let later = start + WHILE_UP;
        assert_eq!(health.hear(Outcome::Silence, later), None, "one may be lost");
        assert_eq!(health.next(), later + AFTER_MISS);
        assert_eq!(health.hear(Outcome::Answer(503), later), Some(Standing::Down));
        assert_eq!(health.hear(Outcome::Silence, later), None, "it is no news");
        assert_eq!(health.hear(Outcome::Answer(404), later), Some(Standing::Up), "who says 404 is there");
    }

    #[test]
    fn an_answer_between_two_misses_forgives_the_first() {
        let start = start();
        let mut health = Health::new(start);
        for _ in 0..10 {
            assert_ne!(health.hear(Outcome::Silence, start), Some(Standing::Down));
            health.hear(Outcome::Answer(405), start);
        }
        assert_eq!(health.standing(), Standing::Up);
    }

    #[test]
    fn a_call_goes_on_where_the_trunk_failed_and_ends_where_the_party_decided() {
        for on in
            [Outcome::Silence, Outcome::Answer(503), Outcome::Answer(500), Outcome::Answer(408), Outcome::Answer(407)]
        {
            assert!(on.goes_on(), "{on:?}");
        }
        for end in
            [Outcome::RangOut, Outcome::Answer(486), Outcome::Answer(404), Outcome::Answer(603), Outcome::Answer(480)]
        {
            assert!(!end.goes_on(), "{end:?}");
        }
    }

    #[test]
    fn whoever_is_down_is_tried_last() {
        let way = |name: &str| {
            let trunk = Arc::new(Trunk::new(name, Vec::new()));
            Way { trunk, number: "1".into(), caller: None }
        };
        let names = |ways: Vec<Way>| ways.iter().map(|way| way.trunk.name.to_string()).collect::<Vec<_>>();
        let ways = || vec![way("north"), way("south"), way("west")];
        let down = |name: &str| if name == "north" { Standing::Down } else { Standing::Unknown };
        assert_eq!(names(in_order(ways(), down)), ["south", "west", "north"]);
        assert_eq!(names(in_order(ways(), |_| Standing::Down)), ["north", "south", "west"]);
    }

    #[test]
    fn the_caller_hears_what_was_said_of_the_call_and_otherwise_that_no_trunk_took_it() {
        assert_eq!(answer_after(&[Outcome::Silence, Outcome::Answer(486)]), 486);
        assert_eq!(answer_after(&[Outcome::Answer(500), Outcome::RangOut]), 480);
        assert_eq!(answer_after(&[Outcome::Answer(500), Outcome::Silence]), 503);
        assert_eq!(answer_after(&[Outcome::Answer(407)]), 503);
        assert_eq!(answer_after(&[]), 503);
    }
}
