//! How we register with a carrier: the client side of REGISTER, as a machine.
//!
//! ```text
//! resting ──due──▶ asking ──2xx──▶ resting, registered until …
//!    ▲               │ 401, 407 ─▶ asking with credentials, once
//!    │               │ 423 ──────▶ asking for longer
//!    └──back-off─────┴ refused, silent
//! ```
//!
//! An [`Enrolment`] sends nothing and starts no timer: whoever owns it wakes it at [`Enrolment::due`], sends what it orders
//! and tells it what came. Chance is handed in, from 0 up to 1, so that a thousand trunks do not refresh in one second.
//! A registration stands until the carrier's time for it is over, however its refresh goes.

use std::time::{Duration, Instant};

/// A refresh comes after at least this part of the time granted …
const EARLIEST: f64 = 0.5;

/// … and at most after this one: two tries of 32 seconds fit into the rest of an hour many times over.
const LATEST: f64 = 0.9;

/// The first back-off and the longest (RFC 5626 §4.5).
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(1800);

/// Least wait after wrong credentials: carriers lock whoever keeps guessing.
const AFTER_REFUSAL: Duration = Duration::from_secs(300);

/// Longest wait that a carrier may ask for: beyond it somebody mistook the unit.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Shortest time that a registration is believed to stand: a carrier that grants less would be asked all the time.
const SHORTEST: Duration = Duration::from_secs(10);

/// Longest time that is asked for, whatever a 423 wants.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Most challenges in one try: one, and another when our nonce was stale; the same for 423.
const MOST_TURNS: u8 = 2;

/// What became of a REGISTER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// 2xx, and for how long.
    Granted(Duration),
    /// 401 or 407 that our credentials can answer.
    Challenged {
        /// Whether only the nonce was too old.
        stale: bool,
    },
    /// 423, and the shortest time that is granted.
    TooBrief(Duration),
    /// Any other answer, and when to come back if it says so.
    Refused {
        /// Which.
        status: u16,
        /// Its Retry-After.
        retry_after: Option<Duration>,
    },
    /// No answer, no connection, no address.
    Silence,
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A REGISTER for that long.
    Register {
        /// The Expires of our contact.
        expires: Duration,
        /// Whether it answers the challenge that came last.
        proving: bool,
    },
    /// A REGISTER that takes our contact away.
    Leave {
        /// Whether it answers the challenge that came last.
        proving: bool,
    },
}

/// What has changed for those who call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// We are registered.
    Registered,
    /// We are no longer: the carrier refused it, or its time ran out.
    Lost {
        /// What the carrier said last; `None`: nothing.
        status: Option<u16>,
    },
}

/// What to send and what has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// What to send.
    pub order: Option<Order>,
    /// What has changed.
    pub turn: Option<Turn>,
}

/// Our registration with one carrier.
#[derive(Clone, Debug)]
pub struct Enrolment {
    wished: Duration,
    phase: Phase,
    /// Until when the carrier holds us for registered.
    until: Option<Instant>,
    failures: u32,
    last_status: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Resting { until: Instant },
    Asking { turns: u8 },
    Leaving { turns: u8 },
    Gone,
}

impl Enrolment {
    /// One that is wished for so long, and due at once.
    pub fn new(wished: Duration, now: Instant) -> Self {
        let wished = wished.clamp(SHORTEST, LONGEST);
        Self { wished, phase: Phase::Resting { until: now }, until: None, failures: 0, last_status: None }
    }

    /// Whether the carrier holds us for registered.
    pub fn is_registered(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// When to wake it.
    pub fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Resting { until } => Some(self.until.map_or(until, |end| end.min(until))),
            Phase::Asking { .. } => self.until,
            Phase::Leaving { .. } | Phase::Gone => None,
        }
    }

    /// It is time.
    pub fn wake(&mut self, now: Instant) -> Step {
        let turn = self.until.filter(|until| *until <= now).map(|_| self.lose());
        let order = match self.phase {
            Phase::Resting { until } if until <= now => {
                self.phase = Phase::Asking { turns: 0 };
                Some(Order::Register { expires: self.wished, proving: false })
            }
            _ => None,
        };
        Step { order, turn }
    }

    /// The connection that we registered over is gone, and with it the way back to us: asked anew after a moment.
    pub fn disconnected(&mut self, now: Instant, chance: f64) -> Step {
        if let Phase::Resting { until } = &mut self.phase {
            *until = (*until).min(now + FIRST_WAIT.mul_f64(unit(chance)));
        }
        let turn = self.until.is_some().then(|| self.lose());
        Step { order: None, turn }
    }

    /// We do not want to be registered any more.
    pub fn leave(&mut self) -> Option<Order> {
        let there = self.until.take().is_some() || matches!(self.phase, Phase::Asking { .. });
        self.phase = if there { Phase::Leaving { turns: 0 } } else { Phase::Gone };
        there.then_some(Order::Leave { proving: false })
    }

    /// Takes what became of the last REGISTER.
    pub fn hear(&mut self, reply: Reply, now: Instant, chance: f64) -> Step {
        match self.phase {
            Phase::Asking { turns } => self.hear_asking(reply, turns, now, chance),
            Phase::Leaving { turns } => {
                let again = matches!(reply, Reply::Challenged { stale } if may_turn(turns, stale));
                self.phase = if again { Phase::Leaving { turns: turns + 1 } } else { Phase::Gone };
                Step { order: again.then_some(Order::Leave { proving: true }), turn: None }
            }
            // An answer to something that was given up.
            Phase::Resting { .. } | Phase::Gone => Step::default(),
        }
    }

    fn hear_asking(&mut self, reply: Reply, turns: u8, now: Instant, chance: f64) -> Step {
        let again = |proving| Step { order: Some(Order::Register { expires: self.wished, proving }), turn: None };
        match reply {
            Reply::Challenged { stale } if may_turn(turns, stale) => {
                let step = again(true);
                self.phase = Phase::Asking { turns: turns + 1 };
                step
            }
            Reply::TooBrief(least) if turns < MOST_TURNS && least > self.wished && least <= LONGEST => {
                self.wished = least;
                self.phase = Phase::Asking { turns: turns + 1 };
                // The credentials of a moment ago are good for another Expires.
                Step { order: Some(Order::Register { expires: least, proving: turns > 0 }), turn: None }
            }
            Reply::Granted(granted) if !granted.is_zero() => self.grant(granted, now, chance),
            Reply::Granted(_) => self.fail(None, Duration::ZERO, now, chance),
            Reply::Challenged { .. } => self.refuse(401, AFTER_REFUSAL, now, chance),
            Reply::TooBrief(_) => self.refuse(423, AFTER_REFUSAL, now, chance),
            Reply::Refused { status, retry_after } => {
                let credentials = if matches!(status, 401 | 403 | 404 | 407) { AFTER_REFUSAL } else { Duration::ZERO };
                let wait = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER).max(credentials);
                match status {
                    400..=499 if status != 408 && status != 480 => self.refuse(status, wait, now, chance),
                    _ => self.fail(Some(status), wait, now, chance),
                }
            }
            Reply::Silence => self.fail(None, Duration::ZERO, now, chance),
        }
    }

    fn grant(&mut self, granted: Duration, now: Instant, chance: f64) -> Step {
        let granted = granted.clamp(SHORTEST, LONGEST);
        let before = self.until.replace(now + granted);
        let refresh = granted.mul_f64(EARLIEST + (LATEST - EARLIEST) * unit(chance));
        self.phase = Phase::Resting { until: now + refresh };
        (self.failures, self.last_status) = (0, None);
        Step { order: None, turn: before.is_none().then_some(Turn::Registered) }
    }

    /// The carrier does not want us: whatever stood is not to be relied on.
    fn refuse(&mut self, status: u16, least: Duration, now: Instant, chance: f64) -> Step {
        let step = self.fail(Some(status), least, now, chance);
        Step { turn: self.until.is_some().then(|| self.lose()), ..step }
    }

    /// Nothing was said about us: what stands, stands until its time is over.
    fn fail(&mut self, status: Option<u16>, least: Duration, now: Instant, chance: f64) -> Step {
        self.last_status = status;
        let longer = FIRST_WAIT.saturating_mul(1 << self.failures.min(16)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        let wait = longer.mul_f64(0.5 + 0.5 * unit(chance)).max(least);
        self.phase = Phase::Resting { until: now + wait };
        Step::default()
    }

    fn lose(&mut self) -> Turn {
        self.until = None;
        Turn::Lost { status: self.last_status }
    }
}

fn may_turn(turns: u8, stale: bool) -> bool {
    turns == 0 || (stale && turns < MOST_TURNS)
}

/// Chance, whatever was handed in.
fn unit(chance: f64) -> f64 {
    if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.5 }
}

#[cfg(test)]
mod tests;
