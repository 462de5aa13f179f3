//! Slows those down who guess passwords.
//!
//! A name from a source has [`FREE`] wrong guesses; each further one doubles the wait, up to [`LONGEST`]. A source that
//! tries many names has [`FREE_OF_SOURCE`] of them. Nobody else is slowed: whoever guesses at a name locks out neither
//! its owner elsewhere nor others. Reads no clock, and forgets what lies back.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use crate::serve::Source;

/// Wrong guesses at a name that cost nothing: people mistype.
const FREE: u32 = 5;

/// Wrong guesses of a source, at whatever names: an office behind one address has some people.
const FREE_OF_SOURCE: u32 = 50;

/// The first wait.
const FIRST: Duration = Duration::from_secs(2);

/// The longest wait, and how long a wrong guess is remembered.
const LONGEST: Duration = Duration::from_secs(900);

/// Names and sources that are remembered. Beyond it the one that was heard of longest ago is forgotten.
const MOST: usize = 4096;

/// Longest name that is remembered as it is; nobody has a longer one.
const NAME: usize = 64;

#[derive(Clone, Copy)]
struct Guesses {
    wrong: u32,
    last: Instant,
}

/// The wrong guesses of late.
#[derive(Default)]
pub struct Throttle {
    names: HashMap<(Source, String), Guesses>,
    sources: HashMap<Source, Guesses>,
}

impl Throttle {
    /// How long this one must wait before the next guess is looked at; none when it is looked at now. It counts as wrong
    /// until [`Throttle::right`] says otherwise, so that many at once are no more than one after the other.
    pub fn guess(&mut self, source: Source, name: &str, now: Instant) -> Option<Duration> {
        let key = (source, cut(name));
        let waits = [
            self.names.get(&key).and_then(|guesses| left(*guesses, FREE, now)),
            self.sources.get(&source).and_then(|guesses| left(*guesses, FREE_OF_SOURCE, now)),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Some(wait);
        }
        count(&mut self.names, key, now);
        count(&mut self.sources, source, now);
        None
    }

    /// The guess was never compared: it was none.
    pub fn was_none(&mut self, source: Source, name: &str) {
        let counted = [self.names.get_mut(&(source, cut(name))), self.sources.get_mut(&source)];
        for guesses in counted.into_iter().flatten() {
            guesses.wrong = guesses.wrong.saturating_sub(1);
        }
    }

    /// The guess was right.
    pub fn right(&mut self, source: Source, name: &str) {
        self.names.remove(&(source, cut(name)));
        if let Some(guesses) = self.sources.get_mut(&source) {
            guesses.wrong = guesses.wrong.saturating_sub(1);
        }
    }
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(NAME)].to_owned()
}

fn left(guesses: Guesses, free: u32, now: Instant) -> Option<Duration> {
    let beyond = guesses.wrong.checked_sub(free)?;
    let wait = FIRST.saturating_mul(1 << beyond.min(16)).min(LONGEST);
    wait.checked_sub(now.saturating_duration_since(guesses.last)).filter(|left| !left.is_zero())
}

fn count<K: Hash + Eq + Clone>(all: &mut HashMap<K, Guesses>, key: K, now: Instant) {
    if all.len() >= MOST && !all.contains_key(&key) {
        all.retain(|_, guesses| now.saturating_duration_since(guesses.last) < LONGEST);
        if all.len() >= MOST
            && let Some(eldest) = all.iter().min_by_key(|(_, guesses)| guesses.last).map(|(key, _)| key.clone())
        {
            all.remove(&eldest);
        }
    }
    let guesses = all.entry(key).or_insert(Guesses { wrong: 0, last: now });
    if now.saturating_duration_since(guesses.last) >= LONGEST {
        guesses.wrong = 0;
    }
    guesses.wrong = guesses.wrong.saturating_add(1);
    guesses.last = now;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8) -> Source {
        Source::of([198, 51, 100, host].into())
    }

    fn start() -> Instant {
        patchcord_engine::runtime::clock::now()
    }

    #[test]
    fn what_was_never_compared_slows_nobody_down_and_forgives_nothing() {
        let (mut throttle, now) = (Throttle::default(), start());
        assert_eq!(throttle.guess(source(1), "alice", now), None);
        for _ in 0..2 * FREE_OF_SOURCE {
            assert_eq!(throttle.guess(source(1), "alice", now), None);
            throttle.was_none(source(1), "alice");
        }
        (1..FREE).for_each(|_| assert_eq!(throttle.guess(source(1), "alice", now), None));
        assert!(throttle.guess(source(1), "alice", now).is_some(), "those that were compared are counted");
    }

    #[test]
    fn five_wrong_guesses_are_free_and_then_each_waits_twice_as_long() {
        let (mut throttle, mut now) = (Throttle::default(), start());
        for _ in 0..FREE {
            assert_eq!(throttle.guess(source(1), "alice", now), None);
        }
        for wait in [2, 4, 8, 16] {
            assert_eq!(throttle.guess(source(1), "alice", now), Some(Duration::from_secs(wait)));
            now += Duration::from_secs(wait);
            assert_eq!(throttle.guess(source(1), "alice", now), None, "after {wait} s");
        }
    }

    #[test]
    fn the_owner_is_not_locked_out_by_somebody_elsewhere() {
        let (mut throttle, now) = (Throttle::default(), start());
        for _ in 0..100 {
            throttle.guess(source(1), "alice", now);
        }
        assert_eq!(throttle.guess(source(2), "alice", now), None);
        assert_eq!(throttle.guess(source(1), "bob", now), None);
    }

    #[test]
    fn whoever_tries_many_names_is_slowed_too() {
        let (mut throttle, now) = (Throttle::default(), start());
        let refused = (0..FREE_OF_SOURCE + 1).filter(|n| throttle.guess(source(1), &n.to_string(), now).is_some());
        assert_eq!(refused.count(), 1);
    }

    #[test]
    fn a_right_guess_and_a_quarter_of_an_hour_both_forgive() {
        let (mut throttle, now) = (Throttle::default(), start());
        for _ in 0..20 {
            assert_eq!(throttle.guess(source(1), "alice", now), None);
            throttle.right(source(1), "alice");
        }
        for _ in 0..FREE + 1 {
            throttle.guess(source(1), "alice", now);
        }
        assert!(throttle.guess(source(1), "alice", now).is_some());
        assert_eq!(throttle.guess(source(1), "alice", now + LONGEST), None);
        assert_eq!(throttle.guess(source(1), "alice", now + LONGEST), None);
    }

    #[test]
    fn a_crowd_of_names_takes_no_more_than_its_place() {
        let (mut throttle, now) = (Throttle::default(), start());
        for n in 0..2 * MOST {
            let host = Source::of(std::net::Ipv4Addr::from_bits(n as u32 | 1 << 30).into());
            throttle.guess(host, &"x".repeat(1000), now + Duration::from_millis(n as u64));
        }
        assert_eq!((throttle.names.len(), throttle.sources.len()), (MOST, MOST));
        assert!(throttle.names.keys().all(|(_, name)| name.len() == NAME));
    }
}
