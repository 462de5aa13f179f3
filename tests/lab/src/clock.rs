//! The lab's clock, and its beat: a tick every 5 ms that all phones of a lab share.

use std::sync::Mutex;
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

/// How late the lab itself is. A machine with too much to do must not look like a server that is late.
pub(crate) struct Sloth(Mutex<Late>);

struct Late {
    beat: Instant,
    worst: Duration,
}

impl Sloth {
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Late { beat: now, worst: Duration::ZERO }))
    }

    /// A tick that was due then has come.
    pub fn beat(&self, due: Instant, now: Instant) {
        let mut late = self.0.lock().expect("nobody panics with a clock in hand");
        // What is a second past is half forgotten: 200 ticks.
        let past = late.worst.mul_f64(0.9965);
        *late = Late { beat: now, worst: past.max(now.saturating_duration_since(due)) };
    }

    /// How late something that comes now may be through the lab's own fault.
    pub fn grace(&self, now: Instant) -> Duration {
        let late = self.0.lock().expect("nobody panics with a clock in hand");
        late.worst.max(now.saturating_duration_since(late.beat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lab_that_was_late_forgives_as_much_and_forgets_it() {
        let start = now();
        let sloth = Sloth::new(start);
        sloth.beat(start, start + Duration::from_millis(300));
        assert_eq!(sloth.grace(start + Duration::from_millis(301)), Duration::from_millis(300));
        let mut at = start + Duration::from_millis(300);
        for _ in 0..1000 {
            at += TICK;
            sloth.beat(at, at);
        }
        assert!(sloth.grace(at) < Duration::from_millis(20));
        assert_eq!(sloth.grace(at + Duration::from_secs(1)), Duration::from_secs(1), "it stands still at this moment");
    }
}
