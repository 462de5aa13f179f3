//! The only clock of the house. Everybody else is handed the time.

use std::time::{Instant, SystemTime};

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
