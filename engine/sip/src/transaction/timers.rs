//! The times of RFC 3261 §17: three given ones and all that follow from them.

use std::time::{Duration, Instant};

/// The three times from which every timer of a transaction follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerSet {
    /// How long a message and its answer are believed to travel.
    pub t1: Duration,
    /// The longest pause between repetitions.
    pub t2: Duration,
    /// How long a message may wander about in the network.
    pub t4: Duration,
}

impl Default for TimerSet {
    fn default() -> Self {
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

/// RFC 3261 §17.2.1: the caller hears 100 if the owner says nothing within 200 ms.
pub(super) const TRYING_AFTER: Duration = Duration::from_millis(200);

/// RFC 3261 §17.1.1.2: timer D is at least this on unreliable transports, whatever our T1, for it has to outlast the
/// repetitions of a server whose T1 we do not know.
const SHORTEST_D: Duration = Duration::from_secs(32);

/// The times of one transaction: those of the house, and whether its transport repeats what is lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace<'a> {
    pub timers: &'a TimerSet,
    pub reliable: bool,
}

impl Pace<'_> {
    /// Timers B, F, H, L, M and the life of an unanswered request: 64 times T1.
    pub fn patience(self) -> Duration {
        self.timers.t1 * 64
    }

    /// When to repeat for the first time; never on a reliable transport.
    pub fn first_repeat(self, now: Instant) -> Option<Instant> {
        (!self.reliable).then(|| now + self.timers.t1)
    }

    /// Timer D: how long repetitions of a refusal are acknowledged again.
    pub fn timer_d(self) -> Duration {
        self.unless_reliable(self.patience().max(SHORTEST_D))
    }

    /// Timer J: how long repetitions of an answered request are answered again.
    pub fn timer_j(self) -> Duration {
        self.unless_reliable(self.patience())
    }

    /// Timers I and K: how long what may still wander about in the network is swallowed.
    pub fn wandering(self) -> Duration {
        self.unless_reliable(self.timers.t4)
    }

    /// The pause after a pause of `wait`.
    pub fn doubled(self, wait: Duration) -> Duration {
        (wait * 2).min(self.timers.t2)
    }

    /// RFC 4320: the time until a client's timer E has grown to T2. Before it a request other than INVITE hears no 100
    /// over an unreliable transport; after it, it must.
    pub fn quiet(self) -> Duration {
        let (mut wait, mut sum) = (self.timers.t1, Duration::ZERO);
        while wait < self.timers.t2 {
            sum += wait;
            wait *= 2;
        }
        sum
    }

    fn unless_reliable(self, time: Duration) -> Duration {
        if self.reliable { Duration::ZERO } else { time }
    }
}

/// A message that is repeated with growing pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    pub at: Option<Instant>,
    pub wait: Duration,
}

impl Repeat {
    /// Repeats from T1 on, unless the transport does that itself.
    pub fn new(pace: Pace<'_>, now: Instant) -> Self {
        Self { at: pace.first_repeat(now), wait: pace.timers.t1 }
    }

    /// Whether the moment has come.
    pub fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// It was repeated; the next time is `wait` away.
    pub fn again(&mut self, wait: Duration, now: Instant) {
        self.wait = wait;
        self.at = Some(now + wait);
    }

    /// The earlier of the next repetition and `end`.
    pub fn or(self, end: Instant) -> Option<Instant> {
        Some(self.at.map_or(end, |at| at.min(end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_quiet_for_three_and_a_half_seconds_by_default() {
        let pace = Pace { timers: &TimerSet::default(), reliable: false };
        assert_eq!(pace.quiet(), Duration::from_millis(3500));
    }

    #[test]
    fn reliable_transports_swallow_nothing() {
        let pace = Pace { timers: &TimerSet::default(), reliable: true };
        assert_eq!([pace.timer_d(), pace.timer_j(), pace.wandering()], [Duration::ZERO; 3]);
        assert_eq!(pace.patience(), Duration::from_secs(32));
    }

    #[test]
    fn a_short_t1_does_not_shorten_timer_d() {
        let timers = TimerSet { t1: Duration::from_millis(10), ..TimerSet::default() };
        assert_eq!(Pace { timers: &timers, reliable: false }.timer_d(), Duration::from_secs(32));
    }
}
