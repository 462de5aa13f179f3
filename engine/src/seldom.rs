//! Keeps a log readable while somebody makes trouble: one line a second, and how many more there would have been.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long one complaint speaks for all that follow it.
const PAUSE: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub struct Seldom {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: Option<Instant>,
    kept_back: u64,
}

impl Seldom {
    /// Whether it is time to say something again: then how often it was not since the last time.
    pub fn say(&self, now: Instant) -> Option<u64> {
        let mut inner = self.inner.lock().expect("nobody panics in here");
        if inner.next.is_some_and(|next| now < next) {
            inner.kept_back += 1;
            return None;
        }
        inner.next = Some(now + PAUSE);
        Some(std::mem::take(&mut inner.kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_complaints_in_a_second_are_one_line_and_none_is_forgotten() {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let start = Instant::now();
        let seldom = Seldom::default();

        assert_eq!(seldom.say(start), Some(0));
        for _ in 0..999 {
            assert_eq!(seldom.say(start + PAUSE / 2), None);
        }
        assert_eq!(seldom.say(start + PAUSE), Some(999));
        assert_eq!(seldom.say(start + 2 * PAUSE), Some(0));
    }
}
