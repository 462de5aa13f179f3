//! Legs that change their call, and phones that take a place.
//!
//! A call has one owner, and so has a leg. Where the one to whom somebody is passed on talks in another call, that call gives its leg away:
//!
//! ```text
//!  this call ─Effect::Take─▶ owner ─Event::Give─▶ the other call ─Effect::Give─▶ owner ─Event::Taken─▶ this call
//! ```
//!
//! Between the last two the owner moves the line and the port. A leg keeps its dialog; its number changes with its call.

use std::time::Instant;

use crate::call::effect::{Effect, LineOrder, Note, Passed, Passer};
use crate::call::event::Ending;
use crate::call::leg::{Leg, Stage};
use crate::call::{Call, LegId, SoundOrder, Who, is_due, limits, scope};

/// From where the sounds of a leg are counted that came from another call: what still ends there is none of ours.
const TAGS_OF_TAKEN: u64 = 1 << 32;

/// A leg of another call that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::call) struct Taking {
    pub transferor: LegId,
    transferee: LegId,
    /// Until when it has to come.
    until: Instant,
}

impl Taking {
    pub fn deadline(&self) -> Instant {
        self.until
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        std::iter::once(&mut self.until)
    }
}

impl Call {
    /// The number that the next leg gets: for a party that calls to take the place of a leg ([`Event::Replace`](super::super::Event)).
    pub fn next_leg(&self) -> LegId {
        LegId(self.next_leg)
    }

    /// Asks for whoever talks with a leg of another call.
    pub(super) fn take_from(&mut self, call: u64, leg: LegId, by: LegId, transferee: LegId, now: Instant) {
        let as_leg = LegId(self.next_leg);
        self.next_leg += 1;
        let until = now + limits::HANDOVER;
        self.takings.insert(as_leg, Taking { transferor: by, transferee, until });
        self.say(Effect::Take { call, leg, as_leg });
    }

    /// Another call asks for whoever talks with this leg; the leg itself ends.
    pub(in crate::call) fn give(&mut self, leg: LegId, call: u64, as_leg: LegId, now: Instant) {
        let talks = self.here(leg).filter(|leg| leg.is_answered()).and_then(|leg| leg.partner);
        let other = talks.filter(|&other| self.here(other).is_some_and(Leg::is_answered));
        if let Some(other) = other {
            self.quieten(other, now);
        }
        self.say(Effect::Give { leg: other, call, as_leg });
        let Some(other) = other else { return };
        let by = Passer::Attending;
        self.note(Note::Passed(Passed { leg: other, from: Some(leg), to: None, by, sip: 200 }));
        let words = format!("transferred into call {call}");
        self.leg_over(other, Ending::by(Who::Other, 16, None, &words), now);
        self.hang_up(leg, super::passing::passed_on(by), now);
    }

    /// A leg that is given away takes nothing along: no music, no hold, no recording, nobody whom it hears.
    fn quieten(&mut self, id: LegId, now: Instant) {
        self.unhold(id, now);
        self.part(id, now);
        let records = self.backs.iter().filter(|(_, back)| back.is_record_of(id)).map(|(handle, _)| *handle);
        for handle in records.collect::<Vec<_>>() {
            self.stop_back(handle, now);
        }
        let sounds = self.here_mut(id).map(|leg| std::mem::take(&mut leg.sounds)).unwrap_or_default();
        if !sounds.is_empty() {
            self.sound(id, SoundOrder::Stop);
        }
    }

    /// The leg has come, or does not.
    pub(in crate::call) fn taken(&mut self, id: LegId, came: bool, now: Instant) {
        let taking = self.takings.remove(&id);
        if came {
            let next_tag = TAGS_OF_TAKEN;
            let leg = Leg { stage: Stage::Answered, known: true, detached: true, next_tag, ..Leg::of_caller() };
            self.legs.insert(id, leg);
            self.note(Note::LegBegan(id, taking.as_ref().map(|taking| taking.transferee), None));
        }
        match taking {
            Some(taking) => {
                if self.here(taking.transferor).is_some() {
                    self.line(taking.transferor, LineOrder::ReferProgress(if came { 200 } else { 481 }));
                }
                let Taking { transferor, transferee, .. } = taking;
                let (to, sip) = if came { (Some(id), 200) } else { (None, 481) };
                let by = Passer::Attending;
                self.note(Note::Passed(Passed { leg: transferee, from: Some(transferor), to, by, sip }));
                if came {
                    self.pass((taking.transferor, by), taking.transferee, id, now);
                }
            }
            None => self.hang_up(id, scope::other_left(), now),
        }
    }

    /// Legs that do not come are not waited for.
    pub(in crate::call) fn wake_takings(&mut self, now: Instant) {
        let late = self.takings.iter().filter(|(_, taking)| is_due(Some(taking.until), now)).map(|(id, _)| *id);
        for id in late.collect::<Vec<_>>() {
            self.taken(id, false, now);
        }
    }

    /// A party has called to take the place of a leg (INVITE with Replaces).
    pub(in crate::call) fn replace(&mut self, id: LegId, of: LegId, now: Instant) {
        if id.0 != self.next_leg || self.legs.len() >= self.caller.bounds.legs {
            self.line(id, LineOrder::Refuse(503, None, None));
            return;
        }
        let id = self.add_leg(Leg::of_caller());
        self.note(Note::LegBegan(id, None, None));
        if let Some(room) = self.room_of_leg(of) {
            return self.take_place_in(&room, of, id, now);
        }
        let talks = self.here(of).filter(|leg| leg.is_answered()).and_then(|leg| leg.partner);
        let Some(other) = talks.filter(|&other| self.here(other).is_some_and(Leg::is_answered)) else {
            let why = Ending::by(Who::System, 1, Some(481), "nobody is there whose place it could take");
            return self.end_leg(id, LineOrder::Refuse(481, None, None), why, now);
        };
        if let Some(leg) = self.here_mut(id) {
            leg.stage = Stage::Answering;
        }
        self.line(id, LineOrder::Answer);
        let by = Passer::Target;
        self.note(Note::Passed(Passed { leg: other, from: Some(of), to: Some(id), by, sip: 200 }));
        self.pass((of, by), other, id, now);
    }
}
