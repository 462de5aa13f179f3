//! When the next report is due (RFC 3550 §6.2, for two parties): every five seconds, half as much more or less, so that
//! a thousand legs answered at once do not report at once for ever. Sends nothing; the chance is handed in.

use std::time::{Duration, Instant};

/// Reports are this far apart on average; RFC 3550 allows no less without a profile of its own.
const INTERVAL: Duration = Duration::from_secs(5);

/// When the next report is due.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    deadline: Instant,
}

impl Timing {
    /// The first report of a stream that starts at `now` comes after half the time.
    #[must_use]
    pub fn new(now: Instant, random: u32) -> Self {
        Self { deadline: now + stretched(INTERVAL / 2, random) }
    }

    /// When to report.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// A report goes out at `now`.
    pub fn reported(&mut self, now: Instant, random: u32) {
        self.deadline = now + stretched(INTERVAL, random);
    }
}

/// Between half of `interval` and one and a half.
fn stretched(interval: Duration, random: u32) -> Duration {
    interval / 2 + interval.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_two_and_a_half_to_seven_and_a_half_seconds_apart() {
        let start = crate::rtp::start();
        let mut timing = Timing::new(start, 0);
        assert_eq!(timing.deadline(), start + Duration::from_millis(1250));
        assert_eq!(Timing::new(start, u32::MAX).deadline(), start + Duration::from_millis(3750));
        timing.reported(start, 0);
        assert_eq!(timing.deadline(), start + Duration::from_millis(2500));
        timing.reported(start, u32::MAX);
        assert_eq!(timing.deadline(), start + Duration::from_millis(7500));
    }
}
