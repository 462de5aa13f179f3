//! Who is passed on to somebody else.

use std::time::Instant;

use super::effect::LineOrder;
use super::event::ReferWish;
use super::scope::Story;
use super::verb::{Misuse, Outcome, Status, Verb};
use super::work::Work;
use super::{Call, LegId};
use crate::program::{VerbId, Wake};

impl Call {
    /// A party asks to be transferred.
    pub(super) fn party_wishes(&mut self, id: LegId, wish: ReferWish, _now: Instant) {
        let _ = wish;
        self.line(id, LineOrder::RejectRefer(501));
    }

    /// Verbs that transfer a party, or answer one that wants to.
    pub(super) fn begin_transfer(
        &mut self,
        _id: VerbId,
        verb: Verb,
        _now: Instant,
    ) -> Result<Option<Outcome>, Outcome> {
        match verb {
            Verb::Transfer(..) => Err(Outcome::Transferred { status: Status::Failed, sip: 501 }),
            _ => Err(Outcome::Misuse(Misuse::NoRefer)),
        }
    }

    /// The program has said nothing about a wish for a transfer.
    pub(super) fn decide_wish(&mut self, _id: LegId, _now: Instant) {}

    /// How a transfer goes that we asked a party's phone for.
    pub(super) fn referred(&mut self, id: LegId, sip: u16, now: Instant) {
        if sip < 200 {
            return;
        }
        let status = if sip < 300 { Status::Completed } else { Status::Failed };
        self.refer_over(id, status, sip, now);
    }

    /// A line could not do what it was told: a phone that knows no REFER has not done it.
    pub(super) fn refer_refused(&mut self, id: LegId, sip: u16, now: Instant) {
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

    /// Something that the house did without having been asked has ended.
    pub(super) fn house_finished(&mut self, _verb: VerbId, outcome: Outcome, _now: Instant) {
        if self.story == Story::Unbegun
            && let Outcome::Dialled { status: Status::Answered, leg: Some(leg), .. } = outcome
        {
            self.story = Story::Told { legless: None };
            self.first = leg;
            self.tell(Wake::Begin(leg));
        }
    }
}
