//! What a room and the calls of its members say to each other, and what a room wants done.

use std::sync::Arc;

use serde::Serialize;

use super::keys::{Action, Command};
use super::past::Past;
use super::rules::{Join, Role};
use crate::call::LegId;

/// A member, for as long as the process lives; it keeps its number in whatever room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MemberId(pub u64);

/// One life of a room. A room of the same name that is opened later is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey(pub u64);

/// Where a member's leg is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The shard that its call is on.
    pub shard: usize,
    /// The call, as that shard counts them.
    pub call: u64,
    /// The leg in it.
    pub leg: LegId,
}

/// What a call says to a room for one of its legs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    /// It wants to come in.
    Join(Box<Join>),
    /// The PIN that was pressed; empty where nothing was.
    Pin(String),
    /// The file in which the party says its name; none where it said nothing.
    Name(Option<String>),
    /// It has heard what it was greeted with.
    Ready,
    /// A key of its menu.
    Act(Action),
    /// The party holds us, or no longer: whoever listens to music elsewhere is not heard.
    Held(bool),
    /// Its call records what the party hears, or no longer.
    Recorded(bool),
    /// It leaves.
    Leave,
}

/// What a room says to the call of a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    /// The party is to press the PIN.
    AskPin {
        /// Again, because it was wrong.
        again: bool,
        /// Or the hash key alone: it may come in without one.
        or_none: bool,
    },
    /// The party is to say its name.
    AskName,
    /// It waits, and hears this.
    Wait(Option<String>),
    /// It is about to come in and hears this first.
    Greet(Vec<String>),
    /// It is in.
    In(MemberId),
    /// It alone hears this.
    Say(Vec<String>),
    /// It is held out of the room and hears this, or is back.
    Aside(bool, Option<String>),
    /// It is in that room now.
    Moved(String),
    /// What it says there is recorded, or no longer.
    Recorded(bool),
    /// What its keys do from now on; what was said when it joined, where the room does not say.
    Keys(Option<Arc<[Command]>>),
    /// It is out.
    Out(Leaving),
    /// Something has happened in the room.
    Happened(Box<Happened>),
}

/// How somebody came out of a room, or not in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leaving {
    /// By its own wish.
    Left,
    /// Somebody sent it out.
    Kicked,
    /// The room ended.
    Ended,
    /// It did not come in.
    Denied(Denial),
}

/// Why somebody did not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denial {
    /// The PIN was wrong three times.
    Pin,
    /// The PIN was wrong too often from there lately.
    Throttled,
    /// The room is locked.
    Locked,
    /// It has as many members as it may have; or there are as many rooms.
    Full,
    /// There can be no room of that name.
    Name,
    /// The leg is in a room already.
    Busy,
    /// It has no sound, or its sound could not be brought in.
    NoSound,
}

impl Denial {
    /// By its word.
    pub fn of(word: &str) -> Option<Self> {
        let all = [Self::Pin, Self::Throttled, Self::Locked, Self::Full, Self::Name, Self::Busy, Self::NoSound];
        all.into_iter().find(|why| why.word() == word)
    }

    /// As scripts and journals write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pin => "pin",
            Self::Throttled => "throttled",
            Self::Locked => "locked",
            Self::Full => "full",
            Self::Name => "name",
            Self::Busy => "busy",
            Self::NoSound => "no_sound",
        }
    }
}

/// What happens in a room, for those who look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Somebody came in.
    Join,
    /// Somebody is out.
    Leave,
    /// Somebody began to talk.
    TalkStart,
    /// Somebody stopped.
    TalkStop,
    /// Somebody has the floor.
    Floor,
    /// Somebody raised a hand, or took it down.
    Hand,
    /// It is recorded, or no longer.
    Record,
    /// It is locked, or no longer.
    Lock,
    /// Somebody is heard no more, or again.
    Mute,
    /// Somebody waits to be let in.
    Wait,
    /// Somebody was not let in.
    Denied,
}

impl Kind {
    /// That one of a word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Each of them.
    pub const ALL: [Self; 11] = [
        Self::Join,
        Self::Leave,
        Self::TalkStart,
        Self::TalkStop,
        Self::Floor,
        Self::Hand,
        Self::Record,
        Self::Lock,
        Self::Mute,
        Self::Wait,
        Self::Denied,
    ];

    /// As scripts write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Leave => "leave",
            Self::TalkStart => "talk_start",
            Self::TalkStop => "talk_stop",
            Self::Floor => "floor",
            Self::Hand => "hand",
            Self::Record => "record",
            Self::Lock => "lock",
            Self::Mute => "mute",
            Self::Wait => "wait",
            Self::Denied => "denied",
        }
    }

    /// Whether it is chatter, of which some may be left out when there is too much.
    pub const fn is_chatter(self) -> bool {
        matches!(self, Self::TalkStart | Self::TalkStop | Self::Floor)
    }
}

/// Something that has happened in a room.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Happened {
    /// In which.
    pub room: String,
    /// What.
    pub kind: Kind,
    /// To whom, where to somebody.
    pub who: Option<Person>,
    /// Whether it began or ended, where it does either.
    pub on: bool,
    /// Whether it happened to the very leg that is told of it.
    pub me: bool,
    /// How many members there are now.
    pub members: usize,
}

/// Somebody in a room, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    /// Its number in the house.
    pub member: MemberId,
    /// Its leg, where it is of the same call as whoever is told.
    pub place: Place,
    /// Its name and number.
    pub name: String,
    /// See `name`.
    pub number: String,
    /// What it may do.
    pub role: Role,
}

/// What a room wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call of a member is to hear this.
    Tell(Place, Told),
    /// The sound is to be so.
    Sound(Sound),
    /// All are to hear these prompts; [`House::announced`](super::House::announced) when they have.
    Announce {
        /// In which room, of which a shard takes care.
        room: RoomKey,
        /// See `room`.
        home: usize,
        /// The name of the end.
        tag: u64,
        /// Which.
        prompts: Vec<String>,
    },
    /// What all hear is to be recorded, or no longer.
    Record {
        /// In which room, of which a shard takes care.
        room: RoomKey,
        /// See `room`.
        home: usize,
        /// By what name it is known.
        name: String,
        /// Whether it begins.
        on: bool,
    },
    /// What a member says is to be recorded, or no longer.
    RecordMember(Place, MemberId, bool),
    /// All that is heard and done in a room is to be kept, before anybody is in it.
    KeepLedger {
        /// In which room.
        room: RoomKey,
        /// In which file within the folder of recordings.
        file: String,
    },
    /// Somebody is to be called and brought in.
    Invite {
        /// The shard that does it.
        home: usize,
        /// Whom.
        target: String,
        /// Into which room, and how.
        join: Box<Join>,
    },
    /// A room is over.
    Keep(Box<Past>),
}

/// How the sound of rooms is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// The member is in that room, and in no other; the room is opened where it is not. Mixed with automatic gain or not.
    Enter(MemberId, RoomKey, bool),
    /// The member hears nobody, and nobody it.
    Leave(MemberId),
    /// Whether nobody hears it.
    Muted(MemberId, bool),
    /// Whether it hears nobody.
    Deaf(MemberId, bool),
    /// How loud all hear it, in decibels.
    Gain(MemberId, i8),
    /// Its sound is made clean: what is quieter than so many decibels is not heard, and whether noise is taken out.
    Clean(MemberId, Option<i8>, bool),
    /// How loud one hears another: listener, speaker, decibels; [`SILENT`](super::SILENT) and below is not at all.
    Hears(MemberId, MemberId, i8),
    /// Whether the room is mixed with automatic gain from now on.
    Ruled(RoomKey, bool),
    /// The room is closed.
    Close(RoomKey),
}
