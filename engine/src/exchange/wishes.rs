//! What people want of calls from elsewhere: that they end.
//!
//! Nobody reaches into a shard. While it has calls it looks now and then whether somebody wishes one of them over.

use std::time::{Duration, Instant};

use super::{Exchange, Number};
use crate::journal::Journal;
use crate::runtime::Wire;

/// How often somebody looks: at once, for whoever clicked.
const LOOK: Duration = Duration::from_millis(250);

impl Exchange {
    /// When somebody looks next; never, while there are no calls.
    pub(super) fn next_look(&self) -> Option<Instant> {
        (!self.talks.is_empty()).then_some(self.look)
    }

    /// Ends the calls that somebody wishes over.
    pub(super) fn look_for_wishes(&mut self, wire: &mut Wire<'_>) {
        let now = wire.now();
        if self.look > now {
            return;
        }
        self.look = now + LOOK;
        self.board.rooms.wake(now);
        let call = |number: &Number| self.talks.get(number)?.chronicle.journal.as_ref().map(Journal::call);
        let wished = self.board.live.wished(self.talks.keys().filter_map(call));
        if wished.is_empty() {
            return;
        }
        let is_wished = |number: &Number| call(number).is_some_and(|call| wished.contains(&call));
        for number in self.talks.keys().copied().filter(|number| is_wished(number)).collect::<Vec<_>>() {
            self.with(number, wire, |talk, turn| talk.stop("hung up by an operator", 16, turn));
        }
    }
}
