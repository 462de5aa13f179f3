//! Somebody is passed on to a number that leads to a service: whoever is passed on talks with it, and the one who passed on is let go.
//!
//! A call has one program, and so the story of the call becomes that of the leg that is passed on. Where it is somebody else's who
//! stays in the call, there is nobody to serve it: such a transfer reaches nobody.

use std::time::Instant;

use super::Passing;
use crate::call::event::Serving;
use crate::call::play::Owner;
use crate::call::scope::Story;
use crate::call::verb::{Outcome, Status};
use crate::call::{Call, LegId, LineOrder};
use crate::program::VerbId;

impl Call {
    /// Whether whoever is passed on by that call of the house may go on with a service.
    pub(in crate::call) fn passing_may_be_served(&self, verb: VerbId) -> bool {
        self.passings.get(&verb).is_some_and(|passing| self.may_be_served_alone(passing.transferor, passing.transferee))
    }

    /// Whether the party of that leg, which talks with somebody, may go on with a service instead.
    pub fn may_pass_on_to_service(&self, leg: LegId) -> bool {
        self.may_be_served_alone(self.here(leg).and_then(|leg| leg.partner), leg)
    }

    fn may_be_served_alone(&self, transferor: Option<LegId>, transferee: LegId) -> bool {
        let goes_on = match self.story {
            Story::Told { .. } => transferee == self.first || transferor == Some(self.first),
            // Those who talk on behind a story.
            Story::Ended { cut, .. } => !cut,
            Story::Unbegun | Story::Over => false,
        };
        goes_on && self.here(transferee).is_some() && self.handed_on < self.caller.bounds.services
    }

    /// Whether that dial is a transfer, which then leads to this service.
    pub(in crate::call) fn leads_to_service(&mut self, verb: VerbId, serving: &Serving) -> bool {
        let passing = self.passings.get_mut(&verb);
        passing.map(|passing| passing.serving = Some(serving.clone())).is_some()
    }

    /// The service takes the one who is passed on.
    pub(super) fn served(&mut self, dial: VerbId, passing: &Passing, serving: Serving, now: Instant) {
        let transferee = passing.transferee;
        for owner in [Some(dial), passing.verb].into_iter().flatten() {
            self.hush(transferee, Owner::Ringback(owner), now);
        }
        let transferor = passing.transferor.filter(|&leg| self.here(leg).is_some()).unwrap_or(LegId::NONE);
        if passing.told.is_some() && transferor != LegId::NONE {
            self.line(transferor, LineOrder::ReferProgress(200));
        }
        self.note(passing.came_to(Some(transferee), 200));
        // A dial of the one who passes on does not take the other one along, and the other one's own is over.
        self.leave_dial(transferor, transferee, LegId::NONE);
        self.part(transferee, now);
        self.hang_up(transferor, super::passing::passed_on(passing.by), now);
        if let Some(own) = self.dial_in_passing(transferee) {
            self.dial_lost(own, LegId::NONE, now);
        }
        if let Some(verb) = passing.verb {
            self.finish(verb, Outcome::Transferred { status: Status::Completed, sip: 200 }, now);
        }
        if self.here(transferee).is_none() {
            return;
        }
        self.unhold(transferee, now);
        if let Story::Ended { .. } = self.story {
            self.story = Story::Told { legless: None };
        }
        self.first = transferee;
        self.go_on_as(serving, now);
    }
}
