//! What people want of calls from elsewhere: that they end, that a party is passed on, that one goes on in a room, or to read on.
//!
//! Nobody reaches into a shard. While it has calls it looks now and then whether somebody wishes one of them over.

use std::time::{Duration, Instant};

use super::talk::Talk;
use super::{Exchange, Number, Turn};
use crate::call::event::{Event, NotFound};
use crate::call::{LegId, NotPassed, cause};
use crate::journal::{CallId, Journal};
use crate::live::{Bringing, NotTransferred, Transferring};
use crate::runtime::Wire;
use crate::switchboard::Switchboard;

/// How often somebody looks: at once, for whoever clicked.
pub const LOOK: Duration = Duration::from_millis(250);

/// How long what a call has noted stays with it: so much of its journal a kill may take away.
const KEPT_BACK: Duration = Duration::from_secs(1);

/// Bytes that wait to be written at which calls keep what they have noted for longer: fewer and larger pieces cost less.
const BUSY: usize = 4 << 20;

impl Exchange {
    /// When somebody looks next; never, while there are no calls.
    pub(super) fn next_look(&self) -> Option<Instant> {
        (!self.talks.is_empty()).then_some(self.look)
    }

    /// Ends the calls that somebody wishes over, begins the transfers that somebody wants, and brings parties into rooms.
    pub(super) fn look_for_wishes(&mut self, wire: &mut Wire<'_>) {
        let now = wire.now();
        if self.look > now {
            return;
        }
        self.look = now + LOOK;
        self.board.rooms.wake(now);
        let call = |number: &Number| self.talks.get(number)?.chronicle.journal.as_ref().map(Journal::call);
        let read = self.board.live.read_now(self.talks.keys().filter_map(call));
        let is_busy = self.board.clerk.waiting_bytes() >= BUSY;
        for talk in self.talks.values_mut().filter(|_| !read.is_empty() || !is_busy) {
            talk.hand_out_now(&read, is_busy, now, &self.board);
        }
        self.board.live.were_read(&read);
        let call = |number: &Number| self.talks.get(number)?.chronicle.journal.as_ref().map(Journal::call);
        let wished = self.board.live.wished(self.talks.keys().filter_map(call));
        let ours = |id| self.talks.keys().any(|number| call(number) == Some(id));
        let transfers = self.board.live.transfers(ours);
        let brought = self.board.live.brought(ours);
        if wished.is_empty() && transfers.is_empty() && brought.is_empty() {
            return;
        }
        let of = |id| self.talks.keys().copied().find(|number| call(number) == Some(id));
        let brought: Vec<_> = brought.into_iter().filter_map(|wish| Some((of(wish.call)?, wish))).collect();
        let transfers: Vec<_> = transfers.into_iter().filter_map(|wish| Some((of(wish.call)?, wish))).collect();
        for (number, wish) in transfers {
            self.with(number, wire, |talk, turn| talk.transfer(wish, turn));
        }
        for (number, Bringing { leg, room, .. }) in brought {
            let meets = Event::Meet { leg: LegId(leg.0), room, comes: false };
            self.with(number, wire, |talk, turn| talk.call.hear(meets, turn.now()));
        }
        let call = |number: &Number| self.talks.get(number)?.chronicle.journal.as_ref().map(Journal::call);
        let is_wished = |number: &Number| call(number).is_some_and(|call| wished.contains(&call));
        for number in self.talks.keys().copied().filter(|number| is_wished(number)).collect::<Vec<_>>() {
            self.with(number, wire, |talk, turn| talk.stop(cause::HUNG_UP_OUTSIDE, cause::CLEARED, turn));
        }
    }
}

impl Talk {
    /// Leaves what it has noted so far, where it is one of these, or has kept it long enough.
    fn hand_out_now(&mut self, read: &[CallId], is_busy: bool, now: Instant, board: &Switchboard) {
        // What a service is asked may be worth no record at all, and what is over is written in a moment.
        let goes_on = self.question.is_none() && self.over_since.is_none();
        let at = self.chronicle.at(now);
        let is_due = |journal: &&mut Journal| {
            let is_old = |since| at.saturating_sub(since) >= KEPT_BACK;
            read.contains(&journal.call()) || (goes_on && !is_busy && journal.waits_since().is_some_and(is_old))
        };
        let journal = self.chronicle.journal.as_mut().filter(is_due);
        if let Some(read) = journal.as_ref().filter(|journal| goes_on && read.contains(&journal.call())) {
            board.live.tell(read);
        }
        journal.and_then(Journal::drain).into_iter().for_each(|batch| board.clerk.take(batch));
    }

    /// Begins a transfer that somebody outside wants, if it can be, and tells them.
    fn transfer(&mut self, wish: Transferring, turn: &mut Turn<'_, '_>) {
        let leg = wish.leg.map_or(self.call.first(), |leg| LegId(leg.0));
        let begun = self.call.may_pass_on(leg).map_err(NotTransferred::from).and_then(|()| {
            let to = wish.to.trim();
            match self.locate(to, Some(LegId::NONE), turn) {
                Ok(_) => Ok(()),
                Err(NotFound::Service(_)) if self.call.may_pass_on_to_service(leg) => Ok(()),
                Err(why) => Err(not_found(to, why)),
            }
        });
        if begun.is_ok() {
            self.call.hear(Event::PassOn(leg, wish.to.trim().to_owned()), turn.now());
        }
        wish.tell(begun.map(|()| leg.into()));
    }
}

fn not_found(to: &str, why: NotFound) -> NotTransferred {
    let to = to.to_owned();
    match why {
        NotFound::Forbidden(why) => NotTransferred::Forbidden(to, why),
        NotFound::Unknown => NotTransferred::Nobody(to),
        NotFound::Unreachable | NotFound::Busy => NotTransferred::Unreachable(to),
        NotFound::Service(serving) => NotTransferred::Service(to, serving.service),
    }
}

impl From<NotPassed> for NotTransferred {
    fn from(why: NotPassed) -> Self {
        match why {
            NotPassed::NoLeg => Self::NoLeg,
            NotPassed::NotTalking => Self::NotTalking,
            NotPassed::UnderWay => Self::UnderWay,
        }
    }
}
