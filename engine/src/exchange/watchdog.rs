//! Who is still there, and who should not be.
//!
//! A leg whose call is over has a minute to say its last words: a BYE, an ACK, an answer to somebody who is slow. What stands
//! longer has leaked. It is counted in a gauge that must read zero, told once with its owner, and let go of.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::refusing::Unkept;
use super::{Exchange, Number, Turn};
use crate::runtime::Wire;

/// How long the last words of a call may take: a BYE that nobody answers takes 32 s, behind a 2xx that nobody acknowledged.
const LAST_WORDS: Duration = Duration::from_secs(90);

/// How often somebody looks.
const ROUND: Duration = Duration::from_secs(10);

/// What calls there are, over all shards.
#[derive(Debug, Default)]
pub struct CallTally {
    /// Calls that have begun since the start.
    pub begun: AtomicU64,
    /// Legs that stand now.
    pub legs: AtomicI64,
    /// Legs that stood longer than anything explains, since the start. Anything but zero is a bug.
    pub leaked_legs: AtomicU64,
    /// Calls that were refused and left no record of their own, because others like them did.
    pub unkept: Unkept,
}

/// When somebody looks next, and what this shard has told of its legs.
#[derive(Default)]
pub(super) struct Watchdog {
    next: Option<Instant>,
    told: i64,
}

impl Exchange {
    /// Tells how many legs there are.
    pub(super) fn count_legs(&mut self) {
        let legs = self.names.legs() as i64;
        let before = std::mem::replace(&mut self.watchdog.told, legs);
        if legs != before {
            self.board.calls_tally.legs.fetch_add(legs - before, Relaxed);
        }
    }

    /// Looks for legs that have leaked, now and then.
    pub(super) fn watch(&mut self, wire: &mut Wire<'_>) {
        let now = wire.now();
        if self.watchdog.next.is_some_and(|next| next > now) {
            return;
        }
        self.watchdog.next = Some(now + ROUND);
        let late = |since: Instant| now.saturating_duration_since(since) > LAST_WORDS;
        let leaked = self.talks.iter().filter(|(_, talk)| talk.over_since.is_some_and(late));
        for number in leaked.map(|(number, _)| *number).collect::<Vec<Number>>() {
            self.let_leaked_go(number, wire);
        }
    }

    fn let_leaked_go(&mut self, number: Number, wire: &mut Wire<'_>) {
        let Some(mut talk) = self.talks.remove(&number) else { return };
        let legs: Vec<_> = talk.ends.iter().map(|end| format!("{:?}", end.line.stage())).collect();
        tracing::error!(
            call = number.0,
            legs = legs.join(", "),
            owns = talk.call.owns().join(", "),
            "legs have leaked"
        );
        self.board.calls_tally.leaked_legs.fetch_add(legs.len() as u64, Relaxed);
        if let Some(due) = talk.due.take() {
            self.due.remove(&(due, number));
        }
        let mut turn = Turn { exchange: self, wire };
        for leg in talk.ends.iter().map(|end| end.leg).collect::<Vec<_>>() {
            talk.drop_end(leg, &mut turn);
        }
        talk.leave(&mut turn);
        self.count_legs();
    }
}
