//! Two who talk and a third who comes to them: legs that go on in a conference room together, because a party wants it.
//!
//! A room is one for all calls, so that nobody changes calls for it: each leg joins by a verb of the house in its own call.
//!
//! ```text
//!  INVITE with Join ──▶ JoinIn: both who talk and the newcomer  ┐
//!  REFER with Join ───▶ the party, and Meet for the other call  ├──▶ each parts from its partner and joins the room
//!  REFER to a room ───▶ the party; who transferred is there     ┘    out again: its own dial goes on, or it is hung up
//! ```
//!
//! With Replaces of a leg that is in a room, a REFER or an INVITE brings somebody in and that leg out.

use std::time::Instant;

use super::effect::{Effect, LineOrder, Note, Passed, Passer};
use super::event::{Ending, Meets};
use super::leg::Leg;
use super::scope::{self, Story};
use super::transfer::Passing;
use super::verb::Verb;
use super::{Call, LegId, Who, cause};
use crate::room::Join;

impl Call {
    /// A party has called to join two who talk, or who are in a room already.
    pub(super) fn join_in(&mut self, id: LegId, of: LegId, room: String, now: Instant) {
        if id.0 != self.next_leg || self.legs.len() >= self.caller.bounds.legs {
            self.line(id, LineOrder::Refuse(503, None, None));
            return;
        }
        let id = self.add_leg(Leg::of_caller());
        self.note(Note::LegBegan(id, None, None));
        let met = self.room_of_leg(of);
        let other = self.talks(of);
        if met.is_none() && other.is_none() {
            let why = Ending::by(Who::System, 1, Some(481), "nobody is there who could be joined");
            return self.end_leg(id, LineOrder::Refuse(481, None, None), why, now);
        }
        let room = met.unwrap_or(room);
        if let Some(leg) = self.here_mut(id) {
            leg.detached = true;
        }
        for leg in [Some(of), other, Some(id)].into_iter().flatten() {
            self.meets(leg, &room, now);
        }
    }

    /// A party has called to take the place that a leg has in a room.
    pub(super) fn take_place_in(&mut self, room: &str, of: LegId, id: LegId, now: Instant) {
        if let Some(leg) = self.here_mut(id) {
            leg.detached = true;
        }
        // Comes before the other one goes: a room that nobody is in is over.
        self.meets(id, room, now);
        self.hang_up(of, by_transfer(), now);
    }

    /// Whoever talks with that leg goes on in a room, with the leg or without it. A leg that is in one itself only goes.
    pub(super) fn meet(&mut self, leg: LegId, room: &str, comes: bool, now: Instant) {
        if !comes && self.room_of_leg(leg).is_some() {
            return self.hang_up(leg, by_transfer(), now);
        }
        let Some(other) = self.talks(leg) else { return };
        self.meets(other, room, now);
        if comes { self.meets(leg, room, now) } else { self.hang_up(leg, by_transfer(), now) }
    }

    /// A party asks that the one it talks with goes on in a room; whether that was what it asked.
    pub(super) fn wishes_to_meet(&mut self, id: LegId, meets: &Meets, now: Instant) {
        let Some(transferee) = self.talks(id) else { return self.reject_wish(id, 603) };
        let room = match meets {
            Meets::Unfound(_) => return self.reject_wish(id, 481),
            Meets::Abroad(dialog) => {
                let to = self.here_mut(id).and_then(|leg| Some(leg.wish.as_ref()?.to.clone())).unwrap_or_default();
                self.wish_accepted(id);
                return self.call_target(Passing::wished(id, transferee), to, Some(("Join", dialog.clone())), now);
            }
            Meets::Room(room) | Meets::Talk { room, .. } | Meets::Place { room, .. } => room,
        };
        self.wish_accepted(id);
        self.line(id, LineOrder::ReferProgress(200));
        self.note(Note::Passed(Passed { leg: transferee, from: Some(id), to: None, by: Passer::Attending, sip: 200 }));
        // Comes before whoever gives its place up: a room that nobody is in is over.
        self.meets(transferee, room, now);
        let (comes, named) = match meets {
            Meets::Talk { call, leg, .. } => (true, Some((*call, *leg))),
            Meets::Place { call, leg, .. } => (false, Some((*call, *leg))),
            Meets::Room(_) | Meets::Abroad(_) | Meets::Unfound(_) => (false, None),
        };
        match named {
            Some((call, leg)) if call == self.caller.call => self.meet(leg, room, comes, now),
            Some((call, leg)) => self.say(Effect::Meet { call, leg, room: room.clone(), comes }),
            None => {}
        }
        self.hang_up(id, by_transfer(), now);
    }

    /// A member of a room asks that another one of its calls comes in: whom it talks with there. Whether it is a member.
    pub(super) fn brings_in(&mut self, id: LegId, replaced: Option<(u64, LegId)>) -> bool {
        let (Some(room), Some((call, leg))) = (self.room_of_leg(id), replaced) else { return false };
        self.wish_accepted(id);
        self.line(id, LineOrder::ReferProgress(200));
        self.say(Effect::Meet { call, leg, room, comes: false });
        true
    }

    /// A leg goes on in a room.
    fn meets(&mut self, leg: LegId, room: &str, now: Instant) {
        if self.here(leg).is_none() || self.room_of_leg(leg).is_some() {
            return;
        }
        self.unhold(leg, now);
        if let Some(other) = self.part(leg, now) {
            self.leave_dial(other, leg, LegId::NONE);
            self.end_bridge(leg, other, now);
        }
        if let Some(leg) = self.here_mut(leg) {
            leg.detached = true;
        }
        let join = Box::new(Join::to(room));
        let verb = self.house_verb();
        self.note(Note::Verb(verb, Verb::Join(leg, join.clone())));
        self.begin_join(verb, leg, join, false);
        self.line(leg, LineOrder::Focus(room.to_owned()));
    }

    /// A leg is out of the room in which it went on: whoever had dialled goes on with its story, and anybody else has nobody.
    pub(super) fn met(&mut self, leg: LegId, now: Instant) {
        if self.here(leg).is_none() {
            return;
        }
        match self.dial_in_passing(leg) {
            Some(dial) => self.dial_lost(dial, LegId::NONE, now),
            None if leg == self.first && matches!(self.story, Story::Told { .. }) => {}
            None => self.hang_up(leg, scope::other_left(), now),
        }
    }

    /// Whom a leg talks with, where both have answered.
    fn talks(&self, leg: LegId) -> Option<LegId> {
        let partner = self.here(leg).filter(|leg| leg.is_answered())?.partner;
        partner.filter(|&other| self.here(other).is_some_and(Leg::is_answered))
    }
}

fn by_transfer() -> Ending {
    Ending::by(Who::Party, 16, None, cause::TRANSFERRED)
}
