//! The only clock of the house. Everybody else is handed the time.

use std::time::{Instant, SystemTime};

/// Where a shard has its time from: this machine, or in tests whoever turns the hands.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    #[cfg(test)]
    turned: std::sync::Mutex<Option<Turned>>,
}

#[cfg(test)]
#[derive(Clone, Copy, Debug)]
struct Turned {
    start: Instant,
    now: Instant,
}

#[cfg(not(test))]
impl Clock {
    pub fn now(&self) -> Instant {
        now()
    }

    pub fn wall(&self) -> SystemTime {
        wall()
    }
}

#[cfg(test)]
impl Clock {
    pub fn now(&self) -> Instant {
        self.turned().map_or_else(now, |turned| turned.now)
    }

    pub fn wall(&self) -> SystemTime {
        const BEGINNING: std::time::Duration = std::time::Duration::from_secs(1_800_000_000);
        self.turned().map_or_else(wall, |turned| SystemTime::UNIX_EPOCH + BEGINNING + (turned.now - turned.start))
    }

    /// From the first time on nobody but the caller moves it.
    pub fn turn(&self, to: Instant) {
        let mut turned = self.turned.lock().expect("nobody breaks while turning");
        let start = turned.map_or(to, |turned| turned.start);
        *turned = Some(Turned { start, now: to });
    }

    fn turned(&self) -> Option<Turned> {
        *self.turned.lock().expect("nobody breaks while turning")
    }
}

/// Time that only moves forward: for timers.
#[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else is told to ask")]
pub fn now() -> Instant {
    Instant::now()
}

/// Time as people read it: for what is written down.
#[allow(clippy::disallowed_methods, reason = "this is the clock that everybody else is told to ask")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
