//! The side that tells.

use std::time::{Duration, Instant};

use super::{Phase, Reason, SubscriptionState};

/// How long subscriptions last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For who does not ask. Each package has its own; an hour is the usual one.
    pub default: Duration,
    /// Shorter ones are answered 423. A minute keeps the load of refreshing bearable.
    pub minimum: Duration,
    /// Longer ones are cut to this, so that nobody is told for a day who has gone.
    pub maximum: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { default: HOUR, minimum: Duration::from_secs(60), maximum: 2 * HOUR }
    }
}

const HOUR: Duration = Duration::from_secs(3600);

/// The time asked for is below the minimum: 423 with Min-Expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a subscription lasts at least {} s", least.as_secs())]
pub struct TooBrief {
    /// The minimum.
    pub least: Duration,
}

impl Rules {
    /// The time granted for what the Expires of a SUBSCRIBE asks (§4.2.1.1). Zero ends a subscription, or fetches once.
    pub fn grant(&self, asked: Option<u32>) -> Result<Duration, TooBrief> {
        let Some(asked) = asked else { return Ok(self.default.min(self.maximum)) };
        let asked = Duration::from_secs(asked.into());
        // An hour is never too brief, whatever the minimum.
        if asked > Duration::ZERO && asked < self.minimum && asked < HOUR {
            return Err(TooBrief { least: self.minimum });
        }
        Ok(asked.min(self.maximum))
    }
}

/// One subscription to something of ours.
///
/// Every change wants a NOTIFY, and so does every refresh. One is under way at a time: changes meanwhile come together
/// in the next, so a subscriber that is slow is told less often and nothing piles up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notifier {
    phase: Phase,
    ends: Instant,
    reason: Option<Reason>,
    retry_after: Option<Duration>,
    wanted: bool,
    under_way: bool,
    /// The NOTIFY that says so is under way or answered.
    said_over: bool,
}

impl Notifier {
    /// A SUBSCRIBE or REFER was answered 2xx. The first NOTIFY is wanted at once (§4.2.1.2); a subscription for no time
    /// is told once and over.
    pub fn accept(granted: Duration, allowed: bool, now: Instant) -> Self {
        let mut notifier = Self {
            phase: if allowed { Phase::Active } else { Phase::Pending },
            ends: now,
            reason: None,
            retry_after: None,
            wanted: false,
            under_way: false,
            said_over: false,
        };
        notifier.refresh(granted, now);
        notifier
    }

    /// Another SUBSCRIBE in its dialog was answered 2xx; false when the subscription is over, which is a 481.
    pub fn refresh(&mut self, granted: Duration, now: Instant) -> bool {
        if self.phase == Phase::Terminated {
            return false;
        }
        self.ends = now + granted;
        if granted.is_zero() {
            self.terminate(Reason::Timeout, None);
        }
        self.wanted = true;
        true
    }

    /// Somebody has allowed it.
    pub fn activate(&mut self) {
        if self.phase == Phase::Pending {
            self.phase = Phase::Active;
            self.wanted = true;
        }
    }

    /// What it is about has changed.
    pub fn changed(&mut self) {
        if self.phase != Phase::Terminated {
            self.wanted = true;
        }
    }

    /// It is over, and the subscriber is to hear why.
    pub fn terminate(&mut self, reason: Reason, retry_after: Option<Duration>) {
        if self.phase != Phase::Terminated {
            self.phase = Phase::Terminated;
            self.reason = Some(reason);
            self.retry_after = retry_after;
            self.wanted = true;
        }
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether it can be forgotten: it is over, and the subscriber has heard or cannot.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Terminated && !self.wanted && !self.under_way
    }

    /// The Subscription-State of a NOTIFY that is to be sent now. The owner sends it, with the whole state of what it is
    /// about, and tells how it went by [`answered`](Self::answered).
    pub fn poll(&mut self, now: Instant) -> Option<SubscriptionState> {
        if !self.wanted || self.under_way {
            return None;
        }
        (self.wanted, self.under_way) = (false, true);
        let over = self.phase == Phase::Terminated;
        self.said_over = over;
        Some(SubscriptionState {
            phase: self.phase,
            expires: (!over).then(|| self.ends.saturating_duration_since(now)),
            reason: self.reason,
            retry_after: self.retry_after,
        })
    }

    /// The final response to the NOTIFY; `None` when there was none.
    ///
    /// 481 and no answer at all end the subscription without another word, as do other refusals, but for those with
    /// Retry-After and 401 and 407, which the owner answers (§4.2.2).
    pub fn answered(&mut self, status: Option<u16>, retry_after: bool) {
        self.under_way = false;
        let survives = match status {
            None | Some(481) => false,
            Some(200..=299 | 401 | 407) => true,
            Some(_) => retry_after,
        };
        if !survives {
            self.phase = Phase::Terminated;
            self.wanted = false;
        } else if self.said_over {
            self.wanted = false;
        }
    }

    /// When to call [`expire`](Self::expire).
    pub fn deadline(&self) -> Option<Instant> {
        (self.phase != Phase::Terminated).then_some(self.ends)
    }

    /// Ends it when nobody has refreshed it in time; a last NOTIFY is wanted then (§4.2.3). True when it ended now.
    pub fn expire(&mut self, now: Instant) -> bool {
        let ends = self.deadline().is_some_and(|ends| now >= ends);
        if ends {
            self.terminate(Reason::Timeout, None);
        }
        ends
    }
}
