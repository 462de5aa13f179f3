//! The side that is told.

use std::time::{Duration, Instant};

use super::{Again, Phase, SubscriptionState};

/// How often T1 fits into Timer N, within which a NOTIFY must come (§4.1.2.4).
const TIMER_N: u32 = 64;

/// How long before its end a subscription is refreshed, unless half of its time is less: a SUBSCRIBE that is lost takes
/// 32 seconds to fail, and a second try shall fit.
const MARGIN: Duration = Duration::from_secs(70);

/// One subscription to something of somebody else's; with a forked SUBSCRIBE one per dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriber {
    wish: Duration,
    timer_n: Duration,
    phase: Fate,
    /// When it ends unless refreshed; not known before the first answer.
    ends: Option<Instant>,
    refresh: Option<Instant>,
    notify_by: Option<Instant>,
    /// We have unsubscribed.
    leaving: bool,
}

/// How a subscription of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A SUBSCRIBE was sent and no NOTIFY has come.
    Asking,
    /// The other side has not decided.
    Pending,
    /// We are told.
    Active,
    /// It is over.
    Over(Again),
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Send a SUBSCRIBE in the dialog, then call [`Subscriber::asked`].
    Refresh,
    /// It is over: the time is up, or the NOTIFY has not come that must follow a SUBSCRIBE.
    Over,
}

impl Subscriber {
    /// A SUBSCRIBE for that time was sent.
    pub fn new(wish: Duration, t1: Duration, now: Instant) -> Self {
        let mut subscriber = Self {
            wish,
            timer_n: TIMER_N * t1,
            phase: Fate::Asking,
            ends: None,
            refresh: None,
            notify_by: None,
            leaving: false,
        };
        subscriber.asked(now);
        subscriber
    }

    /// A SUBSCRIBE was sent, for the first time or to refresh: a NOTIFY must follow.
    pub fn asked(&mut self, now: Instant) {
        self.notify_by = Some(now + self.timer_n);
        self.refresh = None;
    }

    /// A SUBSCRIBE for no time was sent: what is left is to hear the last NOTIFY (§4.1.2.3). Another that is on its way
    /// already prolongs nothing.
    pub fn unsubscribed(&mut self, now: Instant) {
        self.asked(now);
        self.ends = None;
        self.leaving = true;
    }

    /// The 2xx to a SUBSCRIBE with its Expires. It may say less than was asked, and more is not believed (§4.1.2.1).
    pub fn accepted(&mut self, expires: Option<u32>, now: Instant) {
        let granted = expires.map_or(self.wish, |seconds| Duration::from_secs(seconds.into())).min(self.wish);
        // With no time left there is only the last NOTIFY to come.
        if !self.is_over() && !self.leaving && !granted.is_zero() {
            self.lasts(granted, now);
        }
    }

    /// A SUBSCRIBE failed: the first try ends it all, and so does a refresh with 481 and its like; after other failures
    /// the time that was granted before still runs (§4.1.2.2).
    pub fn refused(&mut self, status: u16, retry_after: Option<Duration>) {
        const GONE: [u16; 12] = [404, 405, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501];
        self.notify_by = None;
        if self.phase == Fate::Asking || self.leaving || GONE.contains(&status) || status == 604 {
            let again = match status {
                403 | 405 | 416 | 489 | 501 | 600.. => Again::Never,
                481 => Again::Now,
                _ => Again::Later(retry_after),
            };
            self.over(again);
        }
    }

    /// A NOTIFY came: its word counts more than the 2xx, which it may even overtake (§4.1.3).
    pub fn notified(&mut self, state: &SubscriptionState, now: Instant) {
        if self.is_over() || (self.leaving && state.phase != Phase::Terminated) {
            return;
        }
        self.notify_by = None;
        self.phase = match state.phase {
            Phase::Terminated => return self.over(state.again()),
            Phase::Pending => Fate::Pending,
            Phase::Active => Fate::Active,
        };
        match (state.expires, self.ends) {
            (Some(expires), _) => self.lasts(expires.min(self.wish), now),
            (None, None) => self.lasts(self.wish, now),
            (None, Some(_)) => {}
        }
    }

    fn lasts(&mut self, time: Duration, now: Instant) {
        self.ends = Some(now + time);
        self.refresh = Some(now + time - MARGIN.min(time / 2));
    }

    fn over(&mut self, again: Again) {
        self.phase = Fate::Over(again);
        (self.ends, self.refresh, self.notify_by) = (None, None, None);
    }

    /// How it stands.
    pub fn fate(&self) -> Fate {
        self.phase
    }

    /// Whether it is over. A NOTIFY for it gets 481 then.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Fate::Over(_))
    }

    /// When to call [`expire`](Self::expire).
    pub fn deadline(&self) -> Option<Instant> {
        [self.refresh, self.notify_by, self.ends].into_iter().flatten().min()
    }

    /// What is due by now.
    pub fn expire(&mut self, now: Instant) -> Option<Due> {
        let passed = |at: Option<Instant>| at.is_some_and(|at| now >= at);
        if passed(self.ends) || passed(self.notify_by) {
            self.over(Again::Later(None));
            return Some(Due::Over);
        }
        if passed(self.refresh) {
            self.refresh = None;
            return Some(Due::Refresh);
        }
        None
    }
}
