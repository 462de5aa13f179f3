//! One address of theirs that may be a way, and the question that is open there.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::browser::stun::Transaction;

/// How long the first answer is waited for; the next one twice as long, and so on (RFC 8445 §14.3).
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// How often a question is said in all: after 500 ms, 1, 2 and 4 s again, and 8 s later nobody answers.
const MOST_TIMES: u32 = 5;

/// How far a way has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It waits for its turn.
    Waiting,
    /// It is tried.
    Asked,
    /// It works.
    Valid,
    /// It does not.
    Failed,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Way {
    pub there: SocketAddr,
    pub worth: u64,
    pub state: State,
    pub ask: Option<Ask>,
    /// When it was last answered there.
    pub proved: Option<Instant>,
    /// Whether the other side wants this one, where it decides.
    pub is_wished: bool,
}

impl Way {
    pub fn new(there: SocketAddr, worth: u64) -> Self {
        Self { there, worth, state: State::Waiting, ask: None, proved: None, is_wished: false }
    }

    pub fn is_asked(&self, transaction: Transaction) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask.transaction == transaction)
    }

    pub fn was_proved_within(&self, time: Duration, now: Instant) -> bool {
        self.proved.is_some_and(|proved| now.saturating_duration_since(proved) < time)
    }

    /// Whether it is being nominated.
    pub fn is_nominated(&self) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask.nominates)
    }

    /// Whether its question is to be said again.
    pub fn is_due(&self, now: Instant) -> bool {
        self.ask.as_ref().is_some_and(|ask| ask.due <= now && !ask.is_over(now))
    }
}

/// A question that is open.
#[derive(Debug)]
pub(super) struct Ask {
    pub transaction: Transaction,
    /// As what we asked.
    pub is_controlling: bool,
    pub nominates: bool,
    /// When it is said again, or given up.
    pub due: Instant,
    said: u32,
    wait: Duration,
}

impl Ask {
    /// A question that is said now; `is_once`: and not again.
    pub fn new(transaction: Transaction, is_controlling: bool, nominates: bool, is_once: bool, now: Instant) -> Self {
        let said = if is_once { MOST_TIMES } else { 1 };
        Self { transaction, is_controlling, nominates, due: now + FIRST_WAIT, said, wait: FIRST_WAIT }
    }

    pub fn repeat(&mut self, now: Instant) {
        self.said += 1;
        self.wait *= 2;
        self.due = now + self.wait;
    }

    /// Whether nobody will answer any more.
    pub fn is_over(&self, now: Instant) -> bool {
        self.due <= now && self.said >= MOST_TIMES
    }
}

/// Whether somebody may be there. A description may name any address, so that nothing is sent to groups, to everybody or to nobody.
pub(super) fn can_be_asked(there: SocketAddr) -> bool {
    let is_everybody = matches!(there.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    there.port() != 0 && !there.ip().is_unspecified() && !there.ip().is_multicast() && !is_everybody
}
