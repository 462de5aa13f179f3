//! The verbs under way, and what runs in the background: what each waits for, and on which legs it runs.

use std::time::Instant;

use patchcord_media::dtmf::Key;

use super::dial::Dialling;
use super::effect::SoundTag;
use super::gather::Gathering;
use super::join::Joining;
use super::keys::Sending;
use super::play::Owner;
use super::record::Recording;
use super::verb::{Handle, Outcome, Status};
use super::{Call, LegId};
use crate::errand::Brought;
use crate::program::{VerbId, Wake};

/// A verb under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Work {
    /// An answer that may not stand.
    Answer(LegId),
    /// Prompts, and the keys that end them.
    Play(LegId, Vec<Key>),
    Gather(LegId, Gathering),
    Record(LegId, Recording),
    Dial(Box<Dialling>),
    Bridge(LegId, LegId),
    Echo(LegId),
    /// A leg in a conference room.
    Join(Box<Joining>),
    Keys(Sending),
    /// A party's phone was asked to call somebody else, and has until then.
    Refer(LegId, Instant),
    /// The party of a leg is passed on.
    Transfer(LegId),
    Sleep(Instant),
    /// A recording in the background was stopped, and its file is being closed: that has a deadline of its own.
    Stop(Handle),
    /// Something was asked outside the call, and is waited for until then.
    Errand(Instant),
}

/// Something in the background.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Back {
    Play(LegId),
    /// A recording; once it was stopped or its leg has gone, until when its file must be closed.
    Record {
        leg: LegId,
        tag: SoundTag,
        /// Whether what the party hears is in it, too.
        both: bool,
        until: Option<Instant>,
    },
    /// The program is told at that instant.
    Timer(Instant),
}

impl Back {
    pub fn is_record_of(&self, id: LegId) -> bool {
        matches!(self, Self::Record { leg, .. } if *leg == id)
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Play(_) => None,
            Self::Record { until, .. } => *until,
            Self::Timer(at) => Some(*at),
        }
    }
}

impl VerbId {
    /// The mark of what the house does without having been asked.
    pub(crate) const HOUSE: u64 = 1 << 63;

    /// Whether it is of something that no program asked for.
    pub fn is_house(self) -> bool {
        self.0 & Self::HOUSE != 0
    }
}

impl Work {
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Gather(_, gathering) => gathering.deadline(),
            Self::Record(_, recording) => recording.deadline(),
            Self::Dial(dialling) => dialling.deadline(),
            Self::Keys(sending) => Some(sending.deadline()),
            Self::Sleep(until) | Self::Refer(_, until) | Self::Errand(until) => Some(*until),
            Self::Answer(_) | Self::Play(..) | Self::Bridge(..) | Self::Echo(_) => None,
            Self::Transfer(_) | Self::Join(_) | Self::Stop(_) => None,
        }
    }

    /// Whether it runs on this leg, so that it cannot go on without it.
    pub fn runs_on(&self, id: LegId) -> bool {
        match self {
            Self::Answer(leg) | Self::Play(leg, _) | Self::Gather(leg, _) | Self::Echo(leg) | Self::Refer(leg, _) => {
                *leg == id
            }
            Self::Record(leg, _) | Self::Transfer(leg) => *leg == id,
            Self::Keys(sending) => sending.leg == id,
            Self::Join(joining) => joining.leg == id,
            Self::Bridge(a, b) => [*a, *b].contains(&id),
            Self::Dial(dialling) => dialling.by == Some(id) || dialling.talks_with(id),
            Self::Sleep(_) | Self::Errand(_) | Self::Stop(_) => false,
        }
    }
}

impl Call {
    /// A verb has ended: everything that it held is let go, and whoever asked is told.
    pub(super) fn finish(&mut self, verb: VerbId, outcome: Outcome, now: Instant) {
        if self.works.remove(&verb).is_none() {
            return;
        }
        let held: Vec<LegId> = self.legs.iter().filter(|(_, leg)| leg.busy == Some(verb)).map(|(id, _)| *id).collect();
        for leg in held {
            self.hush(leg, Owner::Ringback(verb), now);
            self.hush(leg, Owner::Verb(verb), now);
            if let Some(leg) = self.legs.get_mut(&leg) {
                leg.busy = None;
            }
        }
        self.result(verb, outcome, now);
    }

    /// What came of a verb is noted and told.
    pub(super) fn result(&mut self, verb: VerbId, outcome: Outcome, now: Instant) {
        self.note(super::effect::Note::Result(verb, outcome.clone()));
        if verb.is_house() {
            if self.room_helped(verb, &outcome, now) {
                return;
            }
            self.house_finished(verb, outcome, now);
        } else if !self.story.is_cut() {
            self.tell(Wake::Result(verb, outcome));
        }
    }

    /// The prompt of a verb is over.
    pub(super) fn work_said(&mut self, verb: VerbId, id: LegId, status: Status, now: Instant) {
        match self.works.get(&verb) {
            Some(Work::Play(..)) => self.finish(verb, Outcome::Plain(status), now),
            Some(Work::Gather(..)) => self.gather_asked(verb, id, now),
            Some(Work::Record(..)) => self.record_after_beep(verb, id, now),
            Some(Work::Dial(_)) => self.screen_asked(verb, id, now),
            _ => {}
        }
    }

    /// Time is up for what a verb waits for.
    pub(super) fn wake_work(&mut self, verb: VerbId, now: Instant) {
        match self.works.get(&verb) {
            Some(Work::Sleep(_)) => self.finish(verb, Outcome::Plain(Status::Ok), now),
            Some(Work::Gather(..)) => self.gather_expired(verb, now),
            Some(Work::Record(..)) => self.recording_due(verb, now),
            Some(Work::Dial(_)) => self.dial_due(verb, now),
            Some(Work::Keys(_)) => self.keys_due(verb, now),
            Some(Work::Refer(..)) => self.finish(verb, Outcome::Transferred { status: Status::Failed, sip: 408 }, now),
            Some(Work::Errand(_)) => {
                let late = Brought::Answer(Err("no answer came in time".into()));
                self.finish(verb, Outcome::Brought(Box::new(late)), now);
            }
            _ => {}
        }
    }

    /// An errand is done. One that is not waited for any more has come too late.
    pub(super) fn brought(&mut self, verb: VerbId, brought: Box<Brought>, now: Instant) {
        if let Some(Work::Errand(_)) = self.works.get(&verb) {
            self.finish(verb, Outcome::Brought(brought), now);
        }
    }

    /// A leg on which it runs has gone.
    pub(super) fn work_lost(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let outcome = match self.works.get_mut(&verb) {
            Some(Work::Gather(_, gathering)) => gathering.clone().gone(),
            Some(Work::Record(..)) => return self.recording_lost(verb, now),
            Some(Work::Dial(_)) => return self.dial_lost(verb, id, now),
            Some(Work::Join(_)) => return self.leave_room(verb, now),
            Some(Work::Bridge(_, second)) if *second == id => Outcome::Plain(Status::Done),
            Some(Work::Refer(..) | Work::Transfer(_)) => Outcome::Transferred { status: Status::Gone, sip: 0 },
            Some(_) => Outcome::Plain(Status::Gone),
            None => return,
        };
        self.finish(verb, outcome, now);
    }
}
