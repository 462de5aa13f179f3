//! Who hears whom: two legs that are joined, parted, held and taken back.
//!
//! A leg hears at most one other, and then both hear each other. A party that is held stays joined and hears music instead.

use std::time::Instant;

use super::effect::{LineOrder, Note, SoundOrder};
use super::event::Happening;
use super::play::{Owner, Playing};
use super::{Call, LegId, scope};
use crate::program::Wake;

impl Call {
    /// Lets two legs hear each other, and nobody else.
    pub(super) fn join(&mut self, a: LegId, b: LegId, now: Instant) {
        if self.here(a).is_some_and(|leg| leg.partner == Some(b)) {
            return;
        }
        self.part(a, now);
        self.part(b, now);
        let (Some(_), Some(_)) = (self.here(a), self.here(b)) else { return };
        for (leg, other) in [(a, b), (b, a)] {
            if let Some(leg) = self.here_mut(leg) {
                leg.partner = Some(other);
                leg.lost_other = false;
            }
        }
        self.note(Note::Joined(a, b));
        self.sound_bridge(a);
    }

    /// Lets a leg and its partner hear each other, unless one of them is held.
    fn sound_bridge(&mut self, id: LegId) {
        let Some(leg) = self.here(id) else { return };
        let Some(other) = leg.partner else { return };
        let held = leg.held || self.here(other).is_none_or(|other| other.held);
        if !held {
            self.sound(id, SoundOrder::Bridge(other));
        }
    }

    /// Parts a leg from whom it hears; gives back who that was.
    pub(super) fn part(&mut self, id: LegId, now: Instant) -> Option<LegId> {
        let other = self.legs.get_mut(&id)?.partner.take()?;
        if let Some(leg) = self.legs.get_mut(&other) {
            leg.partner = None;
        }
        self.note(Note::Parted(id));
        for leg in [id, other] {
            if self.here(leg).is_some_and(|leg| !leg.held) {
                self.hush(leg, Owner::Music, now);
            }
            if self.here(leg).is_some() {
                self.sound(leg, SoundOrder::Part);
            }
        }
        Some(other)
    }

    /// Lets a party hear itself no more.
    pub(super) fn part_echo(&mut self, id: LegId) {
        if self.here(id).is_some() {
            self.sound(id, SoundOrder::Part);
        }
    }

    /// Puts a party on hold.
    pub(super) fn hold(&mut self, id: LegId, music: Option<String>, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        let first = !std::mem::replace(&mut leg.held, true);
        let joined = leg.partner.is_some();
        if first {
            self.line(id, LineOrder::Hold(true));
            if joined {
                self.sound(id, SoundOrder::Part);
            }
        }
        self.room_held(id);
        if let Some(music) = music.or_else(|| self.caller.music.clone()) {
            self.voice(id, Owner::Music, Playing::endless(&music), now);
        }
    }

    /// Takes it back.
    pub(super) fn unhold(&mut self, id: LegId, now: Instant) {
        let Some(leg) = self.here_mut(id).filter(|leg| leg.held) else { return };
        leg.held = false;
        let held_by_other = leg.partner.is_some_and(|other| self.here(other).is_some_and(|other| other.holds));
        self.line(id, LineOrder::Hold(false));
        if !held_by_other {
            self.hush(id, Owner::Music, now);
        }
        self.sound_bridge(id);
        self.room_held(id);
    }

    /// A party holds us, or no longer: whom it talked with hears music.
    pub(super) fn party_holds(&mut self, id: LegId, holds: bool, now: Instant) {
        let Some(leg) = self.here_mut(id) else { return };
        if std::mem::replace(&mut leg.holds, holds) == holds {
            return;
        }
        let other = leg.partner;
        self.room_held(id);
        if let Some(other) = other.filter(|&other| self.here(other).is_some_and(|other| !other.held)) {
            match self.caller.music.clone() {
                Some(music) if holds => self.voice(other, Owner::Music, Playing::endless(&music), now),
                _ => self.hush(other, Owner::Music, now),
            }
        }
        self.tell(Wake::Heard(Happening::Held(id, holds)));
    }

    /// Who was joined with a leg that has gone, by the house and for no verb, goes with it.
    pub(super) fn left_alone(&mut self, other: LegId, now: Instant) {
        if self.here(other).is_some_and(|leg| leg.busy.is_none()) {
            self.hang_up(other, scope::other_left(), now);
        }
    }
}
