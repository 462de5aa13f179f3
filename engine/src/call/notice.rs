//! Parties hear that they are recorded, where the house wants that: each whose voice is in a recording that runs, when it begins
//! or when the party joins. What a story does on that leg meanwhile goes on behind it.
//!
//! A message that a party is asked for (`record`) is announced by whoever asks, and never by the house.
//!
//! ```text
//! Untold ──recorded──▶ Hears ──heard to its end──▶ Told ──no recording has its voice any more──▶ Untold
//!    └──its service played the same──▶ Forewarned ──recorded──▶ Told
//! ```

use std::collections::BTreeSet;
use std::time::Instant;

use super::effect::{Effect, Note};
use super::play::{Owner, Playing};
use super::verb::{Handle, Status};
use super::work::{Back, Work};
use super::{Call, LegId};
use crate::room::Asked;

/// What is heard where the house does not say it in its own words, and where those cannot be played.
pub const CALL_RECORDED: &str = "call-recorded";

/// Whether a party knows that it is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Notice {
    #[default]
    Untold,
    /// It has heard it of its service, and is not recorded yet.
    Forewarned,
    /// It hears it now.
    Hears,
    Told,
}

impl Call {
    /// Whoever has come to be recorded is told, and who is so no more would be told anew.
    pub(super) fn announce_recordings(&mut self, now: Instant) {
        let Some(prompt) = self.caller.announce.clone() else { return };
        self.tell_rooms();
        let recorded = self.recorded_legs();
        for id in self.legs.keys().copied().collect::<Vec<_>>() {
            let Some(leg) = self.here_mut(id) else { continue };
            // Who was called and has not answered hears nothing of ours.
            let hears = leg.is_answered() || (leg.called_us && leg.can_hear());
            let is = recorded.contains(&id) && hears;
            match (leg.notice, is) {
                (Notice::Untold, true) => {
                    leg.notice = Notice::Hears;
                    let prompt = if leg.notice_missing { CALL_RECORDED } else { &prompt };
                    self.voice(id, Owner::Notice, Playing::once(prompt), now);
                }
                (Notice::Forewarned, true) => self.is_told(id),
                (Notice::Hears, false) => {
                    leg.notice = Notice::Untold;
                    self.hush(id, Owner::Notice, now);
                }
                (Notice::Told, false) => leg.notice = Notice::Untold,
                (Notice::Untold | Notice::Forewarned, false) | (Notice::Hears | Notice::Told, true) => {}
            }
        }
    }

    /// Who is recorded, hears us and neither knows nor hears that.
    #[cfg(test)]
    pub(super) fn untold(&self) -> Option<LegId> {
        let untold = |id: &LegId| {
            let leg = self.here(*id).filter(|leg| leg.is_answered());
            leg.is_some_and(|leg| matches!(leg.notice, Notice::Untold | Notice::Forewarned))
        };
        self.recorded_legs().into_iter().find(untold)
    }

    /// Whose voices are in a recording that runs.
    fn recorded_legs(&self) -> BTreeSet<LegId> {
        let own = self.taped().flat_map(|(_, id, both)| {
            let partner = self.here(id).and_then(|leg| leg.partner).filter(|_| both);
            [Some(id), partner].into_iter().flatten()
        });
        let rooms = self.legs.iter().filter(|(_, leg)| leg.room_recorded).map(|(id, _)| *id);
        own.chain(rooms).collect()
    }

    /// The recordings in the background that have not been told to end: which, of whom, and whether of both sides.
    fn taped(&self) -> impl Iterator<Item = (Handle, LegId, bool)> {
        self.backs.iter().filter_map(|(handle, back)| match back {
            Back::Record { leg, both, until: None, .. } => Some((*handle, *leg, *both)),
            _ => None,
        })
    }

    /// What a leg hears is recorded by its call, or no longer: that is everybody else's voice in its room.
    fn tell_rooms(&mut self) {
        let both: BTreeSet<LegId> = self.taped().filter(|taped| taped.2).map(|taped| taped.1).collect();
        let mut said = Vec::new();
        for work in self.works.values_mut() {
            if let Work::Join(joining) = work
                && let Some(on) = joining.taped(both.contains(&joining.leg))
            {
                said.push((joining.leg, on));
            }
        }
        said.into_iter().for_each(|(leg, on)| self.say(Effect::Room(leg, Asked::Recorded(on))));
    }

    /// Its service has told the party itself.
    pub(super) fn forewarned(&mut self, id: LegId) {
        if let Some(leg) = self.here_mut(id).filter(|leg| leg.notice == Notice::Untold) {
            leg.notice = Notice::Forewarned;
        }
    }

    /// The notice is over. What cannot be announced is not recorded.
    pub(super) fn notice_over(&mut self, id: LegId, status: Status, now: Instant) {
        if status == Status::Done {
            return self.is_told(id);
        }
        let own = self.caller.announce.as_deref().is_some_and(|prompt| prompt != CALL_RECORDED);
        if own && self.here(id).is_some_and(|leg| !leg.notice_missing) {
            self.here_mut(id).into_iter().for_each(|leg| leg.notice_missing = true);
            return self.voice(id, Owner::Notice, Playing::once(CALL_RECORDED), now);
        }
        let partner = self.here(id).and_then(|leg| leg.partner);
        let of_it = |(_, leg, both): &(Handle, LegId, bool)| *leg == id || (*both && partner == Some(*leg));
        let taped: Vec<Handle> = self.taped().filter(of_it).map(|taped| taped.0).collect();
        self.note(Note::Unannounced(id));
        taped.into_iter().for_each(|handle| self.stop_back(handle, now));
    }

    fn is_told(&mut self, id: LegId) {
        if let Some(leg) = self.here_mut(id) {
            leg.notice = Notice::Told;
            self.note(Note::ToldRecorded(id));
        }
    }
}
