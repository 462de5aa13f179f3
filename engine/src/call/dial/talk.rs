//! Who won a dial, and how long they may talk.

use std::time::{Duration, Instant};

use crate::call::effect::LineOrder;
use crate::call::leg::Stage;
use crate::call::play::{Owner, Playing};
use crate::call::verb::Status;
use crate::call::work::Work;
use crate::call::{Call, LegId, is_due, scope};
use crate::program::VerbId;

/// What both hear when they have to come to an end.
const WARNING: &str = "tone::beep";

/// A caller and a callee who talk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Talk {
    pub with: LegId,
    pub since: Instant,
    /// Whether the caller has passed it on to somebody else.
    pub passed: bool,
    /// When they are warned, and when they are parted.
    warn: Option<Instant>,
    end: Option<Instant>,
}

impl Talk {
    pub fn deadline(&self) -> Option<Instant> {
        self.warn.into_iter().chain(self.end).min()
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        std::iter::once(&mut self.since).chain(self.warn.iter_mut()).chain(self.end.iter_mut())
    }
}

impl Call {
    /// This one has won: the others are told that the call was taken elsewhere, the caller is answered and joined with it.
    pub(super) fn accept(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let losers: Vec<LegId> = dialling.asked().filter(|&leg| leg != id).collect();
        dialling.targets = Vec::new();
        dialling.step = None;
        dialling.early = None;
        let (by, max_talk, warn_at) = (dialling.by, dialling.dial.max_talk, dialling.dial.warn_at);
        let record = dialling.dial.record;
        for loser in losers {
            self.let_go(loser);
            self.hang_up(loser, scope::elsewhere(), now);
        }
        if let Some(winner) = self.here_mut(id) {
            winner.dial = None;
        }
        let Some(caller) = by else {
            return self.end_dial(verb, Status::Answered, Some(id), 200, Duration::ZERO, now);
        };
        let end = max_talk.map(|longest| now + longest);
        let warn = end.zip(warn_at).and_then(|(end, before)| end.checked_sub(before)).filter(|&at| at > now);
        if let Some(dialling) = self.dialling(verb) {
            dialling.talk = Some(Talk { with: id, since: now, passed: false, warn, end });
        }
        self.hush(caller, Owner::Ringback(verb), now);
        if let Some(leg) = self.here_mut(caller).filter(|leg| leg.waits_for_answer()) {
            leg.stage = Stage::Answering;
            self.line(caller, LineOrder::Answer);
        }
        self.join(caller, id, now);
        if record {
            // It ends with the leg. Where too much runs beside the call already, nothing more does.
            self.record_talk(id);
        }
    }

    /// The leg is no longer the dial's.
    pub(super) fn let_go(&mut self, id: LegId) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.dial = None;
            leg.busy = None;
        }
    }

    /// The program parts whoever talks because of a dial: that is over, and both stay. Whether there was such a talk.
    pub(in crate::call) fn part_talk(&mut self, leg: LegId, now: Instant) -> bool {
        let found = self.works.iter().find_map(|(verb, work)| match work {
            Work::Dial(dialling) if work.runs_on(leg) => Some((*verb, dialling.talk.clone()?)),
            _ => None,
        });
        let Some((verb, talk)) = found.filter(|(_, talk)| talk.with != LegId::NONE) else { return false };
        self.part(leg, now);
        let length = now.saturating_duration_since(talk.since);
        self.end_dial(verb, Status::Answered, Some(talk.with), 200, length, now);
        true
    }

    /// A talk that has a limit comes to it, or near it.
    pub(super) fn talk_due(&mut self, verb: VerbId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let by = dialling.by;
        let Some(talk) = &mut dialling.talk else { return };
        let with = talk.with;
        let (warn, end) = (is_due(talk.warn, now), is_due(talk.end, now));
        if warn {
            talk.warn = None;
        }
        if end {
            talk.end = None;
            let waits = self.passings.iter().find(|(_, passing)| Some(passing.transferee) == by);
            return match waits.map(|(house, _)| *house).filter(|_| with == LegId::NONE) {
                Some(house) => self.cancel_dial(house, &scope::talked_enough(), now),
                None => self.hang_up(with, scope::talked_enough(), now),
            };
        }
        if warn {
            for leg in by.into_iter().chain([with]) {
                self.voice(leg, Owner::Warning, Playing::once(WARNING), now);
            }
        }
    }
}
