//! Somebody outside passes a party on: an operator, a program over the API.
//!
//! As a party's own transfer goes, but nobody asked by REFER: who talks with the party stays until the target has answered, and
//! talks on when it does not. What cannot be is said before anything is done.

use std::time::Instant;

use super::Passing;
use crate::call::leg::Leg;
use crate::call::{Call, LegId};

/// Why a party is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotPassed {
    /// The call has no such leg, or it has gone.
    NoLeg,
    /// The party talks with nobody, so that nobody could be let go for another one.
    NotTalking,
    /// It is being transferred already.
    UnderWay,
}

impl Call {
    /// Whether that party could be passed on now.
    pub fn may_pass_on(&self, leg: LegId) -> Result<(), NotPassed> {
        self.talks_with(leg).map(drop)
    }

    /// Passes that party on, if it still can be.
    pub(in crate::call) fn pass_on(&mut self, leg: LegId, to: String, now: Instant) {
        if let Ok(partner) = self.talks_with(leg) {
            self.call_target(Passing::from_outside(partner, leg), to, None, now);
        }
    }

    fn talks_with(&self, leg: LegId) -> Result<LegId, NotPassed> {
        let party = self.here(leg).ok_or(NotPassed::NoLeg)?;
        let answered = |other: &LegId| self.here(*other).is_some_and(Leg::is_answered);
        let partner = party.partner.filter(|other| party.is_answered() && answered(other));
        let partner = partner.ok_or(NotPassed::NotTalking)?;
        let has_part = |passing: &Passing| {
            [Some(leg), Some(partner)].iter().any(|of| *of == Some(passing.transferee) || *of == passing.transferor)
        };
        match self.passings.values().any(has_part) {
            true => Err(NotPassed::UnderWay),
            false => Ok(partner),
        }
    }
}
