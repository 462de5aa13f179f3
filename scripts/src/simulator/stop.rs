//! The word by which somebody who has waited long enough ends tests, and how long a test may take at all. What a test and its scripts
//! compute looks at it again and again: between two things that happen, two wishes of a call, and a few hundred steps of a test.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::clock;

/// See the module. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    said: Arc<AtomicBool>,
    /// When it is said of itself, and after how long.
    until: Option<(Instant, Duration)>,
}

impl Stop {
    /// From now on nothing goes on.
    pub fn say(&self) {
        self.said.store(true, Relaxed);
    }

    /// The same word, which is also said of itself when so much time has passed for those who wait, whatever the clock of a test says.
    #[must_use]
    pub fn within(&self, longest: Duration) -> Self {
        let until = (clock::origin() + longest, longest);
        let until = self.until.map_or(until, |earlier| earlier.min(until));
        Self { said: self.said.clone(), until: Some(until) }
    }

    /// Whether it was said.
    #[must_use]
    pub fn is_said(&self) -> bool {
        self.said.load(Relaxed) || self.until.is_some_and(|(until, _)| clock::origin() >= until)
    }

    /// Why nothing goes on, where it was said.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        if self.said.load(Relaxed) {
            return Some("it was stopped".into());
        }
        let (_, longest) = self.until.filter(|(until, _)| clock::origin() >= *until)?;
        Some(format!("it goes on without end, or took longer than the {} s that tests may take", longest.as_secs_f64()))
    }
}
