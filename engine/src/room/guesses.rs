//! Who guesses PINs: wrong ones by where they came from, and who has to stay away for a while.
//!
//! A source is whatever a caller cannot change from call to call: an endpoint, a trunk with a number, an address.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Wrong PINs from one source within [`WINDOW`] before it is sent away unheard: three calls of a clumsy person.
const MOST: u32 = 9;

/// Over how long they are counted, and how long a source stays away then.
const WINDOW: Duration = Duration::from_secs(600);

/// Sources that are remembered: a botnet's worth. The one that was wrong longest ago gives way.
const SOURCES: usize = 8192;

#[derive(Clone, Copy, Debug)]
struct Wrong {
    since: Instant,
    count: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Guesses(HashMap<Box<str>, Wrong>);

impl Guesses {
    /// Somebody was wrong.
    pub fn wrong(&mut self, source: &str, now: Instant) {
        if let Some(wrong) = self.0.get_mut(source) {
            if now.saturating_duration_since(wrong.since) >= WINDOW {
                *wrong = Wrong { since: now, count: 0 };
            }
            wrong.count = wrong.count.saturating_add(1);
            if wrong.count == MOST {
                // From here on it stays away for a whole window.
                wrong.since = now;
            }
            return;
        }
        if self.0.len() >= SOURCES {
            let eldest = self.0.iter().min_by_key(|(_, wrong)| wrong.since).map(|(source, _)| source.clone());
            if let Some(eldest) = eldest {
                self.0.remove(&eldest);
            }
        }
        self.0.insert(source.into(), Wrong { since: now, count: 1 });
    }

    /// Whether somebody from there has to stay away.
    pub fn is_away(&self, source: &str, now: Instant) -> bool {
        let counts = |wrong: &Wrong| now.saturating_duration_since(wrong.since) < WINDOW;
        self.0.get(source).is_some_and(|wrong| wrong.count >= MOST && counts(wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_guesses_stays_away_for_a_while_and_nobody_else_does() {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let now = Instant::now();
        let mut guesses = Guesses::default();
        (0..MOST - 1).for_each(|_| guesses.wrong("198.51.100.7", now));
        assert!(!guesses.is_away("198.51.100.7", now));
        guesses.wrong("198.51.100.7", now + WINDOW / 2);
        assert!(guesses.is_away("198.51.100.7", now + WINDOW) && !guesses.is_away("alice", now));
        assert!(!guesses.is_away("198.51.100.7", now + 2 * WINDOW));
        guesses.wrong("198.51.100.7", now + 2 * WINDOW);
        assert!(!guesses.is_away("198.51.100.7", now + 2 * WINDOW));
    }

    #[test]
    fn a_flood_of_sources_takes_no_more_room_than_there_is() {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let now = Instant::now();
        let mut guesses = Guesses::default();
        for number in 0..SOURCES + 100 {
            guesses.wrong(&format!("{number}"), now + Duration::from_micros(number as u64));
        }
        assert_eq!(guesses.0.len(), SOURCES);
    }
}
