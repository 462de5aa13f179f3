//! What a call wants done.

use std::time::Duration;

use patchcord_media::dtmf::{Key, Press};

use super::LegId;
use super::event::{Ending, Event, Happening, Serving};
use super::verb::Dial;
use crate::errand::Errand;
use crate::occasion::Occasion;
use crate::program::{VerbId, Wake};
use crate::room::Asked;

/// What a call wants done. In the order in which it says them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The program is to be resumed; its step comes back as [`Event::Program`].
    Resume(Wake),
    /// The line of a leg is to do this.
    Line(LegId, LineOrder),
    /// The port of a leg is to do this.
    Sound(LegId, SoundOrder),
    /// Where this target of a dial is; the answer is [`Event::Located`].
    Locate {
        /// The verb that asks.
        verb: VerbId,
        /// The number of the target in it.
        target: u32,
        /// Who.
        address: String,
        /// On whose behalf, where somebody is called for a party.
        caller: Option<LegId>,
    },
    /// Another call is to give away whoever talks with that leg of it ([`Event::Give`]); the answer is [`Event::Taken`].
    Take {
        /// The other call.
        call: u64,
        /// The leg in it.
        leg: LegId,
        /// The number that the party gets here.
        as_leg: LegId,
    },
    /// That leg is given away, with its line and its port: it belongs to the other call from now on. `None`: nobody talks with
    /// the leg that was named.
    Give {
        /// Who is given away.
        leg: Option<LegId>,
        /// The other call.
        call: u64,
        /// The number there.
        as_leg: LegId,
    },
    /// The story goes on as this service, and is from now on that of this leg: the program of the call is changed for one of
    /// it, and resumed next with [`Wake::Begin`].
    Serve(Serving, LegId),
    /// The story has failed by this where no program can say so any more: the program of the call is changed for one that says
    /// sorry and ends with it, and resumed next with [`Wake::Begin`].
    Apologise(String),
    /// Something is asked for the program; the answer is [`Event::Brought`].
    Errand(VerbId, Box<Errand>),
    /// A conference room is to hear this for a leg; what it says comes as [`Event::Room`].
    Room(LegId, Asked),
    /// Whoever talks with a leg of another call goes on in that room: [`Event::Meet`](super::Event).
    Meet {
        /// The call.
        call: u64,
        /// The leg.
        leg: LegId,
        /// The room.
        room: String,
        /// Whether the leg comes along.
        comes: bool,
    },
    /// A recording that was closed is to be thrown away: too short, or silence alone.
    Discard(String),
    /// A line for the journal.
    Note(Note),
    /// All legs are gone and the program has ended: the call can be forgotten.
    Over,
}

/// What a line does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LineOrder {
    /// Says that it rings.
    Ring,
    /// Opens the sound before the answer.
    Progress,
    /// Answers.
    Answer,
    /// Refuses: status, phrase, and where else to go.
    Refuse(u16, Option<String>, Option<String>),
    /// Calls somebody. This is the first that is heard of the leg.
    Invite(Box<Invitation>),
    /// Ends, whatever state it is in: CANCEL, BYE or a refusal; the end comes as an event. Said again where an answer
    /// crossed it; a line that is ending already does nothing then.
    HangUp {
        /// The cause of Q.850.
        cause: u8,
        /// A status that goes with it, as 200 where the call was answered elsewhere.
        sip: Option<u16>,
        /// What the party is told beside it: why the house ends it.
        words: Option<Box<str>>,
    },
    /// Tells the party that it is held, or no longer.
    Hold(bool),
    /// Sends INFO.
    Info(String, Vec<u8>),
    /// Sends a text.
    Message(String),
    /// Asks the party's phone to call somebody else.
    Refer(String),
    /// Takes a transfer that the party asked for.
    AcceptRefer,
    /// Does not.
    RejectRefer(u16),
    /// Tells the party with whom it talks now.
    Introduce(LegId),
    /// Tells the party that it is in that conference room (RFC 4579).
    Focus(String),
    /// Tells the party how the transfer goes that it asked for: a status of SIP.
    ReferProgress(u16),
}

/// Whom to call, and how.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Invitation {
    /// Where.
    pub way: Way,
    /// On whose behalf: its number is shown, and its codecs come first.
    pub caller: Option<LegId>,
    /// Who has asked for it by a transfer.
    pub referrer: Option<LegId>,
    /// The dial that it belongs to: identity, headers, codecs.
    pub dial: Dial,
}

/// A way to somebody. Made by routing, only carried here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Way {
    /// The address that is asked.
    pub uri: String,
    /// What leads there.
    pub through: Through,
}

/// What leads to somebody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Through {
    /// An endpoint's registration: the user, and which of its bindings.
    Binding(String, u64),
    /// A trunk.
    Trunk(ByTrunk),
    /// Another shard of this server, for that account.
    Within(String),
    /// Whatever DNS says.
    Straight,
}

/// A way that leads through a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct ByTrunk {
    /// Its name.
    pub name: String,
    /// The number that is shown there.
    pub shown: Option<String>,
    /// The endpoint that forwards the call there, and why in routing's words.
    pub forwarded: Option<(String, String)>,
}

/// Names one thing that is played or recorded on a leg. No two of one leg have the same; two legs may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SoundTag(pub u64);

/// What the port of a leg does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SoundOrder {
    /// Plays a prompt in place of whatever else the party would hear.
    Play {
        /// The name of its end.
        tag: SoundTag,
        /// Which.
        prompt: String,
        /// Where it begins.
        from: Duration,
        /// Louder or softer.
        volume_db: i8,
        /// Over and over.
        endless: bool,
        /// What comes behind it, to be made ready meanwhile.
        next: Option<String>,
    },
    /// Stops it.
    Stop,
    /// Lets the leg and this one hear each other.
    Bridge(LegId),
    /// Lets the party hear itself.
    Echo,
    /// Lets the party hear nobody.
    Part,
    /// Presses a key towards the party.
    Press(Key, Duration),
    /// Begins a recording.
    Record {
        /// The name of its end.
        tag: SoundTag,
        /// `wav` or `opus`; none: what the house writes.
        format: Option<String>,
        /// Both sides, or the party alone.
        both: bool,
        /// How long a silence is told.
        silence: Option<Duration>,
        /// The longest.
        max: Duration,
    },
    /// Leaves silence in a recording, or goes on.
    PauseRecord(SoundTag, bool),
    /// Ends a recording; its end comes as an event.
    StopRecord(SoundTag),
}

/// How a target begins that is called because an endpoint forwards there.
pub const FORWARD: &str = "forward:";

/// Who passed a party on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passer {
    /// The one that it talked with.
    Partner,
    /// The same, having talked with the target before.
    Attending,
    /// The program.
    Program,
    /// Somebody outside.
    Operator,
    /// Nobody: the target took the place itself.
    Target,
}

/// A party that was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Passed {
    /// Which.
    pub leg: LegId,
    /// Whom it talked with before.
    pub from: Option<LegId>,
    /// Whom it talks with now; itself where that is a service, none where that is in another call, or nobody.
    pub to: Option<LegId>,
    /// Who wanted it.
    pub by: Passer,
    /// What came of it, as a status of SIP.
    pub sip: u16,
}

/// A line for the journal, as the call knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Note {
    /// Something was heard.
    Heard(Box<Event>),
    /// A key that nobody may read.
    SecretKey(LegId, Press),
    /// A key that was pressed before anything was asked on its leg, and that somebody may ask for who wants a secret.
    EarlyKey(LegId, Press),
    /// A key that was pressed before anything was asked was taken by somebody who wants no secret.
    KeyTaken(LegId, Key),
    /// A verb began.
    Verb(VerbId, super::Verb),
    /// A verb ended.
    Result(VerbId, super::Outcome),
    /// A leg began, for this one.
    LegBegan(LegId, Option<LegId>, Option<Way>),
    /// Two legs hear each other.
    Joined(LegId, LegId),
    /// No longer.
    Parted(LegId),
    /// A leg is in that conference room.
    InRoom(LegId, String),
    /// It is out of it, in this way.
    OutOfRoom(LegId, &'static str),
    /// A party was passed on to somebody else, or was to be.
    Passed(Passed),
    /// A leg is called because somebody sent the call on: the phone of that leg, or an endpoint by its rules, as the target says.
    SentOn(LegId, Option<LegId>, String),
    /// A party has heard that it is recorded.
    ToldRecorded(LegId),
    /// It could not be told.
    Unannounced(LegId),
    /// A leg ended.
    LegEnded(LegId, Ending),
    /// The program was not told of this, because too much waited for it already.
    NotTold(Box<Happening>),
    /// A word for the record.
    Tag(String, String),
    /// A line of the program: its kind, and what it says.
    Log(String, String),
    /// The program is asked this, and there are no legs.
    Occasion(Box<Occasion>),
    /// The story ended.
    StoryEnded(crate::program::End),
}
