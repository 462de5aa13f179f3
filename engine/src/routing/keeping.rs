//! How writing behind goes: since when it fails, and what the store refused to keep.
//!
//! Whoever writes says so here, and whoever watches the server asks. It decides nothing.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use super::shelf::Written;

/// How writing behind goes.
#[derive(Debug, Default)]
pub struct Keeping {
    failing_since: Mutex<Option<Instant>>,
    refused: AtomicU64,
}

impl Keeping {
    /// How long no try to write has succeeded; `None` when the last one did.
    pub fn failing_for(&self, now: Instant) -> Option<Duration> {
        self.since().map(|since| now.saturating_duration_since(since))
    }

    /// Bindings that the store would not take for what they hold, and that are therefore not kept over a restart.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// A try to write failed at `now`.
    pub(crate) fn note_failed(&self, now: Instant) {
        self.since().get_or_insert(now);
    }

    /// A try succeeded.
    pub(crate) fn note_written(&self, written: Written) {
        self.refused.fetch_add(written.refused as u64, Relaxed);
        *self.since() = None;
    }

    fn since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.failing_since.lock().expect("nobody panics in there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_as_long_as_its_first_failed_try_is_old() {
        #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let keeping = Keeping::default();
        assert_eq!(keeping.failing_for(start), None);

        keeping.note_failed(start);
        keeping.note_failed(start + 2 * second);
        assert_eq!(keeping.failing_for(start + 3 * second), Some(3 * second));

        keeping.note_written(Written { refused: 2 });
        assert_eq!((keeping.failing_for(start + 4 * second), keeping.refused()), (None, 2));
    }
}
