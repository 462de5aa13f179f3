//! Who talks in a room, and who has the floor.
//!
//! The floor stays with whoever had it until somebody else talks and the one who had it does not.

use std::time::Instant;

use super::meeting::{Meeting, Member, Out};
use super::told::{Kind, MemberId};

impl Meeting {
    /// A member talks, so loud; or no longer.
    pub fn speaks(&mut self, id: MemberId, level: Option<u8>, now: Instant, out: &mut Out) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.is_in()) else { return };
        let level = level.filter(|_| !member.is_silent());
        let Some(level) = level else { return self.falls_silent(id, now, out) };
        member.level = Some(level);
        if member.talks_since.is_none() {
            member.talks_since = Some(now);
            self.happened(Kind::TalkStart, Some(id), true, now, out);
            self.pass_floor(now, out);
        }
    }

    /// Nothing has come from a member since then; or again something.
    pub fn unheard(&mut self, id: MemberId, since: Option<Instant>, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let before = std::mem::replace(&mut member.unheard, since);
        if member.is_in() && before.is_some() != since.is_some() {
            self.noted("unheard", Some(id), since.is_some(), "", now);
        }
    }

    /// A member talks no longer, or cannot be heard.
    pub fn falls_silent(&mut self, id: MemberId, now: Instant, out: &mut Out) {
        let at = self.at(now);
        let opened = self.opened;
        let Some(member) = self.members.get_mut(&id) else { return };
        member.level = None;
        let Some(since) = member.talks_since.take() else { return };
        self.past.talked(since.saturating_duration_since(opened), at, id);
        self.happened(Kind::TalkStop, Some(id), false, now, out);
        self.pass_floor(now, out);
    }

    /// Whoever has talked longest has the floor, when its holder is silent.
    pub fn pass_floor(&mut self, now: Instant, out: &mut Out) {
        let talks = |member: &Member| member.talks_since.is_some();
        if self.floor.and_then(|holder| self.members.get(&holder)).is_some_and(talks) {
            return;
        }
        let next = self.members.values().filter(|member| talks(member)).min_by_key(|member| member.talks_since);
        if let Some(next) = next.map(|member| member.id)
            && self.floor != Some(next)
        {
            self.floor = Some(next);
            self.happened(Kind::Floor, Some(next), true, now, out);
        }
    }
}
