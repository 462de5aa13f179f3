//! A party that asks to be transferred, and a party's phone that we ask.
//!
//! The program is told first. What it says before it waits for anything else is done; if it says nothing, the house decides.

use std::time::Instant;

use super::Passing;
use crate::call::effect::{LineOrder, Note, Passed, Passer};
use crate::call::event::{Happening, ReferWish};
use crate::call::verb::{Misuse, Outcome, Status, Verb};
use crate::call::work::Work;
use crate::call::{Call, LegId};
use crate::program::{VerbId, Wake};

impl Call {
    /// A party asks to pass on the one it talks with.
    pub(in crate::call) fn party_wishes(&mut self, id: LegId, wish: ReferWish, now: Instant) {
        let passes = self.passings.values().any(|passing| passing.transferor == Some(id));
        let takes = self.takings.values().any(|taking| taking.transferor == id);
        let Some(leg) = self.here_mut(id) else { return };
        if leg.wish.is_some() || passes || takes {
            return self.line(id, LineOrder::RejectRefer(491));
        }
        leg.wish = Some(Box::new(wish.clone()));
        if self.story.is_told() {
            self.tell(Wake::Heard(Happening::Refer(id, wish)));
        } else {
            self.decide_wish(id, now);
        }
    }

    /// The program has said nothing about it.
    pub(in crate::call) fn decide_wish(&mut self, id: LegId, now: Instant) {
        if self.caller.transfers { self.accept_wish(id, now) } else { self.reject_wish(id, 403) }
    }

    /// The verbs that transfer a party, or answer one that wants to.
    pub(in crate::call) fn begin_transfer(
        &mut self,
        id: VerbId,
        verb: Verb,
        now: Instant,
    ) -> Result<Option<Outcome>, Outcome> {
        let wished = |leg| self.here(leg).is_some_and(|leg| leg.wish.is_some());
        match verb {
            Verb::AcceptRefer(leg) | Verb::RejectRefer(leg, _) if !wished(leg) => Err(Outcome::Misuse(Misuse::NoRefer)),
            Verb::AcceptRefer(leg) => {
                self.accept_wish(leg, now);
                Ok(Some(Outcome::Plain(Status::Ok)))
            }
            Verb::RejectRefer(leg, sip) => {
                self.reject_wish(leg, sip);
                Ok(Some(Outcome::Plain(Status::Ok)))
            }
            Verb::Transfer(leg, transfer) => self.begin_passing(id, leg, transfer, now),
            _ => Ok(None),
        }
    }

    pub(in crate::call) fn reject_wish(&mut self, id: LegId, sip: u16) {
        if self.here_mut(id).and_then(|leg| leg.wish.take()).is_some() {
            self.line(id, LineOrder::RejectRefer(sip));
        }
    }

    fn accept_wish(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.here(id) else { return };
        let (Some(wish), partner) = (leg.wish.clone(), leg.partner) else { return };
        if let Some(meets) = &wish.meets {
            return self.wishes_to_meet(id, meets, now);
        }
        if self.brings_in(id, wish.replaces) {
            return;
        }
        let partner = partner.filter(|&other| self.here(other).is_some_and(|other| other.is_answered()));
        let Some(transferee) = partner else {
            // There is nobody who could be passed on.
            return self.reject_wish(id, 603);
        };
        let Some((call, replaced)) = wish.replaces else {
            self.wish_accepted(id);
            let passing = Passing::wished(id, transferee);
            let dialog = wish.replaces_elsewhere.map(|dialog| ("Replaces", dialog));
            return self.call_target(passing, wish.to, dialog, now);
        };
        if call != self.caller.call {
            self.wish_accepted(id);
            return self.take_from(call, replaced, id, transferee, now);
        }
        let target = self.here(replaced).and_then(|leg| leg.partner);
        let Some(target) = target.filter(|&target| {
            target != id && replaced != transferee && self.here(target).is_some_and(|leg| leg.is_answered())
        }) else {
            return self.reject_wish(id, 481);
        };
        self.wish_accepted(id);
        self.line(id, LineOrder::ReferProgress(200));
        let by = Passer::Attending;
        self.note(Note::Passed(Passed { leg: transferee, from: Some(id), to: Some(target), by, sip: 200 }));
        self.pass((id, by), transferee, target, now);
        self.hang_up(replaced, super::passing::passed_on(by), now);
    }

    pub(in crate::call) fn wish_accepted(&mut self, id: LegId) {
        if let Some(leg) = self.here_mut(id) {
            leg.wish = None;
            self.line(id, LineOrder::AcceptRefer);
        }
    }

    /// How a transfer goes that we asked a party's phone for.
    pub(in crate::call) fn referred(&mut self, id: LegId, sip: u16, now: Instant) {
        if sip >= 200 {
            let status = if sip < 300 { Status::Completed } else { Status::Failed };
            self.refer_over(id, status, sip, now);
        }
    }

    /// A line could not do what it was told: a phone that knows no REFER has not done it.
    pub(in crate::call) fn refer_refused(&mut self, id: LegId, sip: u16, now: Instant) {
        self.refer_over(id, Status::Failed, sip, now);
    }

    fn refer_over(&mut self, id: LegId, status: Status, sip: u16, now: Instant) {
        let verb = self.works.iter().find_map(|(verb, work)| match work {
            Work::Refer(leg, _) if *leg == id => Some(*verb),
            _ => None,
        });
        if let Some(verb) = verb {
            self.finish(verb, Outcome::Transferred { status, sip }, now);
        }
    }
}
