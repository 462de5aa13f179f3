//! What a call hears.

use std::time::Duration;

use patchcord_media::dtmf::Press;
use patchcord_media::shard::Played;

use super::LegId;
use super::effect::{SoundTag, Way};
use super::verb::{Handle, Outcome};
use crate::errand::Brought;
use crate::program::{Step, VerbId};
use crate::room::{Happened, Told};

/// What a call hears.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The program was resumed, and said this.
    Program(Step),
    /// Something happened to a leg.
    Leg(LegId, LegEvent),
    /// Where a target of a dial can be found: a branch each that rings at once, and in each branch the ways that are tried
    /// one after the other. The answer to [`Effect::Locate`](super::Effect).
    Located(VerbId, u32, Result<Vec<Vec<Way>>, NotFound>),
    /// A party has called to take the place of a leg (INVITE with Replaces): its line is there and waits for an order. The
    /// number is the one that `Call::next_leg` has said.
    Replace {
        /// The leg of the party that has called.
        leg: LegId,
        /// The one whose place it takes.
        of: LegId,
    },
    /// A party has called to join two who talk (INVITE with Join): as with [`Event::Replace`], but all three go on in that room.
    JoinIn {
        /// The leg of the party that has called.
        leg: LegId,
        /// One of the two.
        of: LegId,
        /// The room.
        room: String,
    },
    /// Whoever talks with a leg goes on in that room; the leg itself comes along, or ends.
    Meet {
        /// The leg.
        leg: LegId,
        /// The room.
        room: String,
        /// Whether it comes along.
        comes: bool,
    },
    /// Another call asks for whoever talks with a leg of this one; the answer is [`Effect::Give`](super::Effect).
    Give {
        /// The leg.
        leg: LegId,
        /// The other call.
        call: u64,
        /// The number that the leg gets there.
        as_leg: LegId,
    },
    /// A leg that was asked for by [`Effect::Take`](super::Effect) is now this call's, with its line and its port; or it does
    /// not come.
    Taken(LegId, bool),
    /// A conference room says something to one of the legs: the answer to [`Effect::Room`](super::Effect), or without having been
    /// asked.
    Room(LegId, Told),
    /// What came of an errand: the answer to [`Effect::Errand`](super::Effect).
    Brought(VerbId, Box<Brought>),
    /// Somebody outside passes the party of a leg on to that target, if it talks with somebody.
    PassOn(LegId, String),
    /// Somebody outside ends the call: an operator, a limit, a stop of the server. For its story all parties have hung up.
    End(Ending),
}

/// Why a target cannot be called.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NotFound {
    /// No route says so; the reason in words.
    Forbidden(String),
    /// There is nobody of that name.
    Unknown,
    /// Registered nowhere, or its trunk is down.
    Unreachable,
    /// As many calls as it may have.
    Busy,
    /// It is no party but a service: the story of who dials it, or is passed on to it, goes on there.
    Service(Serving),
}

/// A service with which a story goes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Serving {
    /// Its name.
    pub service: String,
    /// The number that led to it; none where it was named, and whom the party has called stays as it was.
    pub called: Option<String>,
}

impl Serving {
    /// One that was named.
    pub fn named(service: &str) -> Self {
        Self { service: service.to_owned(), called: None }
    }
}

/// What happens to a leg.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LegEvent {
    /// A called leg rings.
    Ringing,
    /// A called leg sends sound before it answers.
    EarlyMedia,
    /// It has answered, or our answer was acknowledged to stand.
    Answered,
    /// A called leg has refused, or could not be reached. It is gone.
    Refused(Refused),
    /// It has ended. It is gone.
    Ended(Ending),
    /// A key went down.
    KeyDown(patchcord_media::dtmf::Key),
    /// A key was pressed.
    Key(Press),
    /// A prompt is over.
    Played(SoundTag, Played),
    /// A prompt cannot be played: there is none of that name, or it cannot be read.
    NotPlayed(SoundTag, String),
    /// All keys are sent.
    KeysSent,
    /// A recording has ended: where it lies and how long it is, or why it could not be kept.
    Recorded(SoundTag, Result<(String, Duration), String>),
    /// Nobody has spoken for the time that a recording allows.
    Quiet(SoundTag),
    /// The party holds us, or no longer.
    Held(bool),
    /// No packet has come for so long.
    MediaLost(Duration),
    /// Packets come again.
    MediaBack,
    /// Its sound cannot go on: a fault of ours, or terms that no port can run by. The leg is still there; the call hangs it up
    /// for this reason.
    Unusable(Ending),
    /// The party sent INFO that is no key.
    Info(String, Vec<u8>),
    /// The party sent a text.
    Message(String, Vec<u8>),
    /// The party asks to be transferred.
    Refer(ReferWish),
    /// How a transfer goes that we asked the party's phone for: a status of SIP; final when 200 or more.
    ReferProgress(u16),
    /// An order to the line failed: what we offered was refused, the leg goes on as it was.
    LineRefused(u16),
}

/// How a party wants to be transferred.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReferWish {
    /// To whom: an address.
    pub to: String,
    /// A leg of this server that the party is to take the place of, already found: the call that owns it and the leg.
    pub replaces: Option<(u64, LegId)>,
    /// The Replaces value as it was said, when it names a dialog of somebody else.
    pub replaces_elsewhere: Option<String>,
    /// The room in which the party is to go on instead.
    pub meets: Option<Meets>,
}

/// Whom somebody who is passed on is to meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Meets {
    /// Whoever is in that room, as the one who transfers is.
    Room(String),
    /// Two who talk: a leg of a call, and the room in which all go on.
    Talk {
        /// The call.
        call: u64,
        /// The leg that the one who transfers has there.
        leg: LegId,
        /// The room.
        room: String,
    },
    /// A room in which the one who transfers has a place by that leg, and gives it up.
    Place {
        /// The call.
        call: u64,
        /// The leg.
        leg: LegId,
        /// The room.
        room: String,
    },
    /// Two who talk on another shard, as Join names them.
    Abroad(String),
    /// The Join value as it was said, as long as nobody has found what it names.
    Unfound(String),
}

/// A called leg that did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refused {
    /// The status of SIP; 408 where nobody answered, 503 where nobody could be reached.
    pub sip: u16,
    /// What it said.
    pub reason: String,
    /// Where else to go (3xx), in order.
    pub elsewhere: Vec<String>,
    /// Whether nobody was asked at all: it is the house that says so.
    pub by_house: bool,
}

/// How a leg or a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ending {
    /// Whose doing it was.
    pub by: Who,
    /// The cause of Q.850.
    pub cause: u8,
    /// The status of SIP, where there was one.
    pub sip: Option<u16>,
    /// In words.
    pub reason: String,
}

/// Whose doing something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// The party of the leg.
    Party,
    /// The party that it was joined with, or that it was called for.
    Other,
    /// The program.
    Program,
    /// The house: a limit, a time-out, an operator, a fault.
    System,
}

/// What a program is told without having asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Happening {
    /// A key that no verb took. Where the leg is not joined with another one it also waits for the next gather.
    Key(LegId, Press),
    /// INFO that is no key.
    Info(LegId, String, Vec<u8>),
    /// A text.
    Message(LegId, String, Vec<u8>),
    /// A party asks to be transferred. It is answered by what the configuration says unless the program says
    /// `AcceptRefer` or `RejectRefer` before it waits for anything else.
    Refer(LegId, ReferWish),
    /// A party holds or resumes.
    Held(LegId, bool),
    /// What was played in the background is over.
    Ended(Handle),
    /// A recording in the background is over: [`Outcome::Recorded`].
    Recorded(Handle, Outcome),
    /// Something has happened in the room that a leg is in.
    Room(LegId, Box<Happened>),
    /// A leg has gone that called us or had answered; told once, after what came of the verbs that ran on it. Of those
    /// that only rang the program never heard.
    Left(LegId, Ending),
}
