//! The closed vocabulary of a journal: whatever may stand in one.
//!
//! Each entry carries its number and how long after the call's beginning it was. Legs and verbs are named by plain
//! numbers, given by whoever owns the call.

use std::{borrow::Cow, fmt, time::Duration};

use patchcord_sip::hop::Transport;
use serde::{Deserialize, Serialize};

use super::{
    facts::{Facts, shorten},
    outcome::{NORMAL_CAUSES, Outcome, words},
    party::{Account, Began, Party},
    passing::{Forwarded, PassedOn},
    quality::QualitySample,
    record::{GOES_ON, STORY_ENDED, THROWN_AWAY},
    sip_text::SipText,
    stamps,
};
use crate::{
    call::{Ending, LegId, Who, cause},
    program::VerbId,
};

/// A leg within its call, as its [`LegId`] numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LegNumber(pub u32);

impl fmt::Display for LegNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<LegId> for LegNumber {
    fn from(leg: LegId) -> Self {
        Self(leg.0)
    }
}

impl From<VerbId> for VerbNumber {
    fn from(verb: VerbId) -> Self {
        Self(verb.0)
    }
}

impl fmt::Display for VerbNumber {
    /// What the house does unasked is counted for itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 & !VerbId::HOUSE {
            own if own == self.0 => write!(f, "#{own}"),
            house => write!(f, "house #{house}"),
        }
    }
}

/// A verb within its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VerbNumber(pub u64);

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 0 over everything that was noted: where numbers are missing, something was not kept.
    #[serde(rename = "n")]
    pub number: u32,
    /// How long after the call began.
    #[serde(with = "stamps::micros", rename = "at_us")]
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What may happen to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The call began. Always the first.
    Began(Box<Began>),
    /// A leg began: a party calls or is called.
    LegBegan(Box<LegBegan>),
    /// A SIP message came or went.
    Message {
        /// On which leg.
        leg: LegNumber,
        /// Who sent it.
        way: Way,
        /// What it said.
        text: SipText,
    },
    /// The call heard an event.
    Heard {
        /// Of which leg, if of any.
        leg: Option<LegNumber>,
        /// Which, in a word or two.
        event: Cow<'static, str>,
        /// What was told with it.
        facts: Facts,
    },
    /// The script ordered something.
    Verb(Box<Verb>),
    /// What became of an order.
    Result {
        /// Of which.
        verb: VerbNumber,
        /// Its status, out of the verb's set.
        status: Cow<'static, str>,
        /// What was told with it.
        facts: Facts,
    },
    /// The sound of a leg told something.
    Media {
        /// Of which.
        leg: LegNumber,
        /// What.
        notice: Notice,
    },
    /// The party's phone rings, or the caller was told so.
    Rang(LegNumber),
    /// Sound flows before the answer.
    EarlyMedia(LegNumber),
    /// The leg is answered.
    Answered(LegNumber),
    /// Two legs hear each other.
    Bridged(LegNumber, LegNumber),
    /// This one hears its partner no longer.
    Unbridged(LegNumber),
    /// A leg is in that conference room, and no longer in another one.
    EnteredRoom {
        /// Which leg.
        leg: LegNumber,
        /// The name of the room.
        room: Box<str>,
    },
    /// A leg is out of the room that it was in.
    LeftRoom(LegNumber),
    /// A party was passed on, or was to be.
    Passed(Box<PassedOn>),
    /// A leg is called because somebody sent the call on.
    Forwarded {
        /// Which leg.
        leg: LegNumber,
        /// By whom, and why.
        forwarded: Box<Forwarded>,
    },
    /// The party put us on hold.
    Held(LegNumber),
    /// It took us back.
    Resumed(LegNumber),
    /// A recording was begun.
    Recording {
        /// Of which leg; of the call as a whole otherwise.
        leg: Option<LegNumber>,
        /// Where it lies, within the folder of recordings.
        path: Box<str>,
    },
    /// The party has heard that it is recorded.
    ToldRecorded(LegNumber),
    /// The script wrote something into the record.
    Tag {
        /// Under which name; a later value replaces an earlier one.
        key: Box<str>,
        /// What.
        value: Box<str>,
    },
    /// A leg ended.
    LegEnded {
        /// Which.
        leg: LegNumber,
        /// Why.
        cause: Box<Cause>,
    },
    /// The call is over. Always the last.
    Ended(Outcome),
}

/// How a leg begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegBegan {
    /// Its number.
    pub leg: LegNumber,
    /// The leg on whose behalf it was begun; none for the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<LegNumber>,
    /// Who called whom.
    pub direction: Direction,
    /// What we know the party as.
    pub account: Account,
    /// Who calls, as the party is told or tells.
    pub from: Party,
    /// Who is called on it.
    pub to: Party,
    /// What its messages travel by.
    #[serde(with = "transport")]
    pub transport: Transport,
    /// The party's address, as [`Redacted`](crate::redact::Redacted) shows it.
    pub peer: Box<str>,
}

words! {
    /// Who called whom on a leg.
    Direction {
        /// The party calls us.
        Inbound "inbound",
        /// We call the party.
        Outbound "outbound",
    }
}

words! {
    /// Who sent a message.
    Way {
        /// The party.
        Theirs "theirs",
        /// We.
        Ours "ours",
    }
}

words! {
    /// Who wanted a leg or a call to end.
    By {
        /// Who called.
        Caller "caller",
        /// Who was called.
        Callee "callee",
        /// The service that hears the call.
        Script "script",
        /// This server.
        System "system",
    }
}

/// An order of the script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verb {
    /// Its number, which its result repeats.
    pub id: VerbNumber,
    /// The leg that it is about, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegNumber>,
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it was told, as short text.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub arguments: Box<str>,
    /// The options that go with it, and those that it did not name; journals of old do not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Box<str>>,
    /// Where it stands, as `ivr.rhai:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Box<str>>,
}

/// What the sound of a leg tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// The party's sound comes from this address, as [`Redacted`](crate::redact::Redacted) shows it.
    Latched(Box<str>),
    /// Nothing came from the party for so long.
    Silent(#[serde(with = "stamps::micros")] Duration),
    /// Something comes again.
    Resumed,
    /// How well it was heard lately.
    Sampled(Box<QualitySample>),
    /// Anything else, in words.
    Said(Cow<'static, str>),
}

/// Why a leg ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who wanted it: also on the legs that follow, as when the caller's ends because the callee hung up.
    pub by: By,
    /// The cause of Q.850; 16 is a normal end.
    pub q850: u8,
    /// The SIP status, when a final answer ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip: Option<u16>,
    /// In words, for people.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub reason: Box<str>,
    /// What was going on, as `gather, ivr.rhai:12`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "at")]
    pub place: Option<Box<str>>,
}

impl Cause {
    /// A normal end: somebody hung up.
    pub fn normal(by: By) -> Self {
        Self { by, q850: 16, sip: None, reason: "normal clearing".into(), place: None }
    }

    /// How this leg of a call ended: a party is the caller on the first leg, and a callee on any other; the other one of a
    /// callee is the caller.
    pub fn of(leg: LegId, ending: &Ending) -> Self {
        let by = match ending.by {
            Who::Party if leg == LegId::FIRST => By::Caller,
            Who::Other if leg != LegId::FIRST => By::Caller,
            Who::Party | Who::Other => By::Callee,
            Who::Program => By::Script,
            Who::System => By::System,
        };
        Self { by, q850: ending.cause, sip: ending.sip, reason: ending.reason.as_str().into(), place: None }
    }

    /// What an operator did, in a word or two, where it was one.
    pub fn by_operator(&self) -> Option<&str> {
        let known = [cause::HUNG_UP_OUTSIDE, cause::PASSED_ON_OUTSIDE].contains(&&*self.reason);
        (self.by == By::System && known).then(|| self.reason.strip_suffix(" by an operator")).flatten()
    }

    /// Whether nobody said anything, for as long as it was waited.
    pub fn is_in_vain(&self) -> bool {
        self.by == By::System && self.q850 == cause::NO_ANSWER && &*self.reason == cause::IN_VAIN
    }

    /// Whether it is the end that people want.
    pub fn is_normal(&self) -> bool {
        NORMAL_CAUSES.contains(&self.q850)
    }

    /// An end by a final answer of SIP.
    pub fn status(by: By, sip: u16, q850: u8, reason: impl Into<Box<str>>) -> Self {
        Self { by, q850, sip: Some(sip), reason: reason.into(), place: None }
    }
}

impl What {
    /// The leg that it is about, when it is about one.
    pub fn leg(&self) -> Option<LegNumber> {
        match self {
            Self::LegBegan(began) => Some(began.leg),
            Self::Verb(verb) => verb.leg,
            Self::Heard { leg, .. } | Self::Recording { leg, .. } => *leg,
            Self::Passed(passed) => Some(passed.leg),
            Self::Message { leg, .. }
            | Self::Forwarded { leg, .. }
            | Self::EnteredRoom { leg, .. }
            | Self::LeftRoom(leg)
            | Self::Media { leg, .. }
            | Self::Rang(leg)
            | Self::EarlyMedia(leg)
            | Self::Answered(leg)
            | Self::Held(leg)
            | Self::Resumed(leg)
            | Self::ToldRecorded(leg)
            | Self::Unbridged(leg)
            | Self::Bridged(leg, _)
            | Self::LegEnded { leg, .. } => Some(*leg),
            Self::Began(_) | Self::Result { .. } | Self::Tag { .. } | Self::Ended(_) => None,
        }
    }

    /// Whether the record is made of it.
    pub fn is_for_record(&self) -> bool {
        match self {
            Self::Heard { leg: None, event, .. } => [THROWN_AWAY, GOES_ON].contains(&&**event),
            Self::Message { .. } | Self::Heard { .. } | Self::Verb(_) | Self::Result { .. } => false,
            Self::Media { notice, .. } => matches!(notice, Notice::Sampled(_)),
            _ => true,
        }
    }

    /// Whether the fold over the entries is another one behind it, but for their number.
    pub(super) fn changes_the_fold(&self) -> bool {
        self.is_for_record() || matches!(self, Self::Heard { leg: None, event, .. } if **event == *STORY_ENDED)
    }

    /// Whether it ends something: kept whatever else is not.
    pub(super) fn is_an_end(&self) -> bool {
        matches!(self, Self::LegEnded { .. } | Self::Ended(_))
    }

    /// Cuts every text to its bound, and times to what is written down.
    pub(super) fn shorten(&mut self) {
        match self {
            Self::Began(began) => began.shorten(),
            Self::LegBegan(began) => {
                began.account.shorten();
                began.from.shorten();
                began.to.shorten();
                shorten(&mut began.peer);
            }
            Self::Verb(verb) => {
                shorten(&mut verb.arguments);
                verb.terms.iter_mut().for_each(shorten);
                verb.place.iter_mut().for_each(shorten);
            }
            Self::Media { notice: Notice::Silent(time), .. } => *time = stamps::whole_micros(*time),
            Self::Media { notice: Notice::Latched(from), .. } => shorten(from),
            Self::Media { notice: Notice::Sampled(sample), .. } => sample.shorten(),
            Self::Forwarded { forwarded, .. } => forwarded.shorten(),
            Self::Recording { path, .. } => shorten(path),
            Self::EnteredRoom { room, .. } => shorten(room),
            Self::Tag { key, value } => {
                shorten(key);
                shorten(value);
            }
            Self::LegEnded { cause, .. } => {
                shorten(&mut cause.reason);
                cause.place.iter_mut().for_each(shorten);
            }
            _ => {}
        }
    }

    /// Bytes that it takes in memory, nearly.
    pub(super) fn weight(&self) -> usize {
        let beside = match self {
            Self::Began(began) => size_of::<Began>() + began.weight(),
            Self::LegBegan(began) => {
                size_of::<LegBegan>()
                    + began.account.weight()
                    + began.from.weight()
                    + began.to.weight()
                    + began.peer.len()
            }
            Self::Message { text, .. } => text.weight(),
            Self::Heard { event, facts, .. } => event.len() + facts.weight(),
            Self::Verb(verb) => {
                let place = verb.place.as_ref().map_or(0, |place| place.len());
                let terms = verb.terms.as_ref().map_or(0, |terms| terms.len());
                size_of::<Verb>() + verb.name.len() + verb.arguments.len() + terms + place
            }
            Self::Result { status, facts, .. } => status.len() + facts.weight(),
            Self::Media { notice: Notice::Sampled(_), .. } => size_of::<QualitySample>(),
            Self::Media { notice: Notice::Latched(text), .. } => text.len(),
            Self::Media { notice: Notice::Said(text), .. } => text.len(),
            Self::Passed(_) => size_of::<PassedOn>(),
            Self::Forwarded { forwarded, .. } => forwarded.weight(),
            Self::Recording { path, .. } => path.len(),
            Self::EnteredRoom { room, .. } => room.len(),
            Self::Tag { key, value } => key.len() + value.len(),
            Self::LegEnded { cause, .. } => {
                let place = cause.place.as_ref().map_or(0, |place| place.len());
                size_of::<Cause>() + cause.reason.len() + place
            }
            _ => 0,
        };
        size_of::<Entry>() + beside
    }
}

/// A transport by its name.
pub(super) mod transport {
    use serde::{Deserializer, Serializer};

    use super::*;

    pub fn serialize<S: Serializer>(transport: &Transport, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(transport)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Transport, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
