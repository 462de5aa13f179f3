//! Passes: by what a call of one shard speaks to another shard for somebody who has proved to be it already.
//!
//! A word that nobody can guess, good once and for a short while. It never leaves the machine: the request that shows it
//! goes from one of our sockets to another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Passes that nobody has shown yet. More transfers than a server begins in the time that one is good.
const MOST: usize = 1024;

/// How long a pass is good: as long as a request is repeated until somebody answers (64·T1).
const GOOD: Duration = Duration::from_secs(32);

/// Who somebody has proved to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An endpoint.
    Endpoint(Arc<str>),
    /// A carrier.
    Trunk(Arc<str>),
}

/// See the module.
#[derive(Default)]
pub struct Passes(Mutex<VecDeque<(Box<str>, Holder, Instant)>>);

impl Passes {
    /// Makes a word a pass. Where too many wait, the eldest is good no longer.
    pub fn issue(&self, word: &str, holder: Holder, now: Instant) {
        let mut passes = self.hold();
        if passes.len() == MOST {
            passes.pop_front();
        }
        passes.push_back((word.into(), holder, now));
    }

    /// Whose pass that is; it is good no longer.
    pub fn take(&self, word: &str, now: Instant) -> Option<Holder> {
        let mut passes = self.hold();
        passes.retain(|(_, _, since)| now.saturating_duration_since(*since) < GOOD);
        let at = passes.iter().position(|(known, ..)| **known == *word)?;
        passes.remove(at).map(|(_, holder, _)| holder)
    }

    /// Whoever panics elsewhere leaves whole passes behind.
    fn hold(&self) -> MutexGuard<'_, VecDeque<(Box<str>, Holder, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    fn alice() -> Holder {
        Holder::Endpoint("alice".into())
    }

    #[test]
    fn a_pass_is_good_once_and_for_a_while() {
        let (passes, now) = (Passes::default(), clock::now());
        passes.issue("one", alice(), now);
        passes.issue("other", Holder::Trunk("north".into()), now);
        assert_eq!(passes.take("another", now), None);
        assert_eq!(passes.take("one", now + GOOD / 2), Some(alice()));
        assert_eq!(passes.take("one", now + GOOD / 2), None);
        assert_eq!(passes.take("other", now + GOOD), None);
    }

    #[test]
    fn passes_that_nobody_shows_fill_no_memory() {
        let (passes, now) = (Passes::default(), clock::now());
        for number in 0..=MOST {
            passes.issue(&number.to_string(), alice(), now);
        }
        assert_eq!(passes.take("0", now), None, "the eldest gave way");
        assert_eq!(passes.take("1", now), Some(alice()));
        assert_eq!(passes.hold().len(), MOST - 1);
    }
}
