//! The clock of the media threads: what time it is, and a tick every 5 ms that does not drift.
//!
//! The kernel keeps the schedule: the timer is absolute and repeats by itself, so a late tick does not delay the next and a
//! missed one is counted. This file says how late a tick came; what to do about it is decided by the thread.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};

use crate::rtp::rtcp::Wall;

/// Ports are spread over this many slots, so that a frame's work is not all done in one burst.
pub const SLOTS: usize = 4;

/// A quarter of a frame.
pub const SLOT: Duration = Duration::from_millis(5);

/// Time that only moves forward.
#[allow(clippy::disallowed_methods, reason = "this is the clock that the media threads hand on as an argument")]
#[must_use]
pub fn now() -> Instant {
    Instant::now()
}

/// The calendar, as reports tell it.
#[allow(clippy::disallowed_methods, reason = "this is the clock that the media threads hand on as an argument")]
#[must_use]
pub fn wall() -> Wall {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Wall::new(now(), unix)
}

/// A tick every [`SLOT`].
pub struct SlotClock {
    timer: OwnedFd,
    /// When tick 0 was due.
    start: Instant,
    /// Ticks that have come.
    ticks: u64,
}

impl SlotClock {
    /// Starts to tick, the first time one slot from now.
    ///
    /// # Errors
    /// When the system gives no timer.
    pub fn start() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let (start, begin) = (now(), clock_gettime(ClockId::Monotonic));
        let slot = Timespec { tv_sec: 0, tv_nsec: SLOT.subsec_nanos().into() };
        let first = begin + slot;
        timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &Itimerspec { it_interval: slot, it_value: first })?;
        Ok(Self { timer, start, ticks: 0 })
    }

    /// The ticks that became due since the last call: the number of the first, and how many.
    pub fn take(&mut self) -> (u64, u64) {
        let mut expired = [0; 8];
        let came = match rustix::io::read(&self.timer, &mut expired) {
            Ok(8) => u64::from_ne_bytes(expired),
            // Nothing is due yet.
            _ => 0,
        };
        let first = self.ticks + 1;
        self.ticks += came;
        (first, came)
    }

    /// When a tick was to come.
    #[must_use]
    pub fn due(&self, tick: u64) -> Instant {
        // Four years of ticks fit 32 bits of slots; a product of nanoseconds fits 64 for five centuries.
        self.start + Duration::from_nanos(tick.saturating_mul(SLOT.subsec_nanos().into()))
    }
}

impl AsFd for SlotClock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    #[test]
    fn ticks_come_one_after_the_other_and_never_early() {
        let mut clock = SlotClock::start().expect("a timer");
        let mut next = 1;
        while next < 4 {
            poll(&mut [PollFd::new(&clock, PollFlags::IN)], None).expect("a descriptor to wait on");
            let (first, came) = clock.take();
            assert_eq!(first, next);
            next += came;
            assert!(now() >= clock.due(next - 1));
        }
        assert_eq!(clock.take().0, next);
    }
}
