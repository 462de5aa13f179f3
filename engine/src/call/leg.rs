//! One leg: how far it has come, who is on the other side of it and what waits on it. It decides nothing.
//!
//! ```text
//! called us:      Early ─▶ Progressed ─▶ Answering ─▶ Answered ─▶ Ending ─▶ gone
//! called by us:   Asked ─▶ Ringing ─▶ Early ───────▶ Answered ─▶ Ending ─▶ gone
//! ```
//!
//! A leg that is ending is still owed its last word by its line; for everything else it has gone already.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Instant;

use patchcord_media::dtmf::{Key, Press};

use super::effect::{SoundTag, Way};
use super::event::{Ending, ReferWish};
use super::notice::Notice;
use super::play::Sounding;
use super::{Call, LegId, limits};
use crate::program::VerbId;

/// Our link to one party.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leg {
    pub stage: Stage,
    /// Whether the party called us.
    pub called_us: bool,
    /// For whom somebody was called, and on which way.
    pub parent: Option<LegId>,
    pub way: Option<Way>,
    /// The dial that it belongs to, until it is joined or given to the program.
    pub dial: Option<VerbId>,
    /// The foreground verb that runs on it.
    pub busy: Option<VerbId>,
    /// Whom it hears.
    pub partner: Option<LegId>,
    /// Whether whom it heard last was given up, because nothing was heard of it any more.
    pub lost_other: bool,
    /// What is said to the party, the foremost last.
    pub sounds: Vec<Sounding>,
    pub next_tag: u64,
    /// Whether it knows that it is recorded, and whether the house's own words for that were missing.
    pub notice: Notice,
    pub notice_missing: bool,
    /// Whether the room that it is in is recorded.
    pub room_recorded: bool,
    /// Keys that wait for a gather.
    pub keys: VecDeque<Press>,
    /// A key that did its work when it went down, and is not to be told when it comes up.
    pub spent: Option<Key>,
    /// The keys that would have ended an answer which was complete without them, and until when one of them belongs to it.
    pub late_end: LateEnd,
    /// Whether what its party presses is a secret, until something else begins.
    pub secret: bool,
    /// Whether we hold the party, and whether it holds us.
    pub held: bool,
    pub holds: bool,
    /// A transfer that the party asked for and nobody has answered.
    pub wish: Option<Box<ReferWish>>,
    /// Whether it lives on when the story has ended.
    pub detached: bool,
    /// How it came out of a conference room, while nothing else has begun: why it ends if the story now does.
    pub out: Option<&'static str>,
    /// Whether the program knows it: it is told when it leaves.
    pub known: bool,
}

/// The keys that may still follow a full answer, and until when. Two legs that differ only in this are in the same state: which key is
/// taken for which answer changes nothing of what a call owns.
#[derive(Clone, Debug, Default)]
pub(super) struct LateEnd(pub Option<(Vec<Key>, Instant)>);

impl PartialEq for LateEnd {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LateEnd {}

impl Hash for LateEnd {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// How far a leg has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// Called by us; nothing came back.
    Asked,
    /// Called by us; it rings.
    Ringing,
    /// The caller is told that it rings, or nothing yet.
    Calling { told: bool },
    /// Sound flows before the answer, from a caller's side because we let it.
    Early,
    /// We have answered; it is not known yet whether the answer stands.
    Answering,
    /// Answered.
    Answered,
    /// It was told to end, for this reason; its line owes its last word until then.
    Ending { why: Box<Ending>, until: Instant },
}

impl Leg {
    fn new(stage: Stage) -> Self {
        Self {
            called_us: matches!(stage, Stage::Calling { .. }),
            known: matches!(stage, Stage::Calling { .. }),
            stage,
            parent: None,
            way: None,
            dial: None,
            busy: None,
            partner: None,
            lost_other: false,
            sounds: Vec::new(),
            next_tag: 0,
            notice: Notice::default(),
            notice_missing: false,
            room_recorded: false,
            keys: VecDeque::new(),
            spent: None,
            late_end: LateEnd::default(),
            secret: false,
            held: false,
            holds: false,
            wish: None,
            detached: false,
            out: None,
        }
    }

    pub fn of_caller() -> Self {
        Self::new(Stage::Calling { told: false })
    }

    pub fn of_callee(parent: Option<LegId>, way: Way, dial: VerbId) -> Self {
        Self { parent, way: Some(way), dial: Some(dial), busy: Some(dial), ..Self::new(Stage::Asked) }
    }

    /// Whether its line and its port are there for orders.
    pub fn is_here(&self) -> bool {
        !matches!(self.stage, Stage::Ending { .. })
    }

    pub fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Answering | Stage::Answered)
    }

    /// Whether the party can hear us.
    pub fn can_hear(&self) -> bool {
        self.is_answered() || self.stage == Stage::Early
    }

    /// Whether it is a caller whom nobody has answered.
    pub fn waits_for_answer(&self) -> bool {
        self.called_us && self.is_here() && !self.is_answered()
    }

    /// Whether it rings for something that the house does without having been asked.
    pub fn is_house_called(&self) -> bool {
        self.dial.is_some_and(VerbId::is_house)
    }

    pub fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Ending { until, .. } => Some(until),
            _ => None,
        }
    }

    #[cfg(test)]
    pub fn times(&mut self) -> impl Iterator<Item = &mut Instant> {
        let until = match &mut self.stage {
            Stage::Ending { until, .. } => Some(until),
            _ => None,
        };
        until.into_iter().chain(self.late_end.0.iter_mut().map(|(_, until)| until))
    }

    /// Whether that key only ends what was complete already: whatever is pressed next after a full answer is looked at, once.
    pub fn is_late_end(&mut self, key: Key, now: Instant) -> bool {
        self.late_end.0.take().is_some_and(|(keys, until)| now <= until && keys.contains(&key))
    }

    pub fn new_tag(&mut self) -> SoundTag {
        self.next_tag += 1;
        SoundTag(self.next_tag)
    }

    /// Lets a key wait for a gather; one too many is only told.
    pub fn keep_key(&mut self, press: Press) {
        if self.keys.len() < limits::KEYS {
            self.keys.push_back(press);
        }
    }
}

impl LegId {
    /// A number that no leg ever has: where somebody is named by whose rights others are called, it is the house.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

impl Call {
    pub(super) fn add_leg(&mut self, leg: Leg) -> LegId {
        let id = LegId(self.next_leg);
        self.next_leg += 1;
        self.legs.insert(id, leg);
        id
    }

    /// The leg, if it can be given orders.
    pub(super) fn here(&self, leg: LegId) -> Option<&Leg> {
        self.legs.get(&leg).filter(|leg| leg.is_here())
    }

    pub(super) fn here_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        self.legs.get_mut(&leg).filter(|leg| leg.is_here())
    }
}
