//! The lab's clock, and its beat: a tick every 5 ms that all phones of a lab share.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};

/// What time it is.
#[allow(clippy::disallowed_methods, reason = "this is the clock that the rest of the lab asks")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Phones speak every 20 ms, a quarter of them with each tick, so that hundreds of them do not speak at once.
pub(crate) const TICK: Duration = Duration::from_millis(5);
/// Ticks to a frame of sound.
pub(crate) const TICKS_A_FRAME: usize = 4;

/// The beat. A tick that comes late is made up for, as a sound card does.
pub(crate) fn beat() -> Interval {
    let mut beat = interval(TICK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    beat
}
