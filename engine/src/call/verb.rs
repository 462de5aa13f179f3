//! What a call can be told to do, and what comes of each.
//!
//! A verb is checked by whoever makes it (units, names, ranges); what is judged here is only whether it fits the state of its
//! leg. Each ends in its own true [`Status`].

use std::time::Duration;

use patchcord_media::dtmf::Key;

use super::{Bounds, LegId, limits};
use crate::errand::{Brought, Errand};
use crate::room::{Denial, Join};

/// What a call is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Tells the caller that it rings (180).
    Ring(LegId),
    /// Opens the sound before the call is answered (183); `ok` as soon as prompts can be heard.
    Progress(LegId),
    /// Answers; `ok` when the answer stands. On a leg that is answered already at once.
    Answer(LegId),
    /// Refuses with a SIP status.
    Reject(LegId, u16, Option<String>),
    /// Sends the caller elsewhere (302).
    Redirect(LegId, String),
    /// Ends a leg, with a cause of Q.850.
    HangUp(LegId, u8),
    /// Plays prompts, one after the other.
    Play(LegId, Play),
    /// The same in the background; ends at once with [`Outcome::Handle`].
    StartPlay(LegId, Play),
    /// Ends what runs in the background. Of a recording it ends with [`Outcome::Recorded`], once its file is closed.
    Stop(Handle),
    /// Collects keys.
    Gather(LegId, Box<Gather>),
    /// Records what the party says.
    Record(LegId, Record),
    /// Records the leg in the background; ends at once with [`Outcome::Handle`]. What came of it is told by
    /// [`Happening::Recorded`](super::Happening).
    StartRecord(LegId, Record),
    /// Leaves silence in a recording, or goes on.
    PauseRecord(Handle, bool),
    /// Calls others and joins the first who answers with the leg, until one of both hangs up.
    Dial(LegId, Box<Dial>),
    /// Calls others without joining them; ends with [`Outcome::Dialled`] when one has answered.
    CallOut(Box<Dial>),
    /// Lets two legs hear each other. It runs on both until they are parted: ends `stopped` by [`Verb::Unbridge`], `done`
    /// when the second one went, `gone` when the first one did.
    Bridge(LegId, LegId),
    /// Ends that; both stay.
    Unbridge(LegId),
    /// Lets the party hear itself, until it hangs up.
    Echo(LegId),
    /// Holds a party: it hears the music, and nobody hears it.
    Hold(LegId, Option<String>),
    /// Takes that back.
    Unhold(LegId),
    /// Transfers the party of the leg to somebody else through us.
    Transfer(LegId, Transfer),
    /// Asks the party's phone to call somebody else (REFER).
    Refer(LegId, String),
    /// Says yes to a party that asked to be transferred ([`Happening::Refer`](super::Happening)).
    AcceptRefer(LegId),
    /// Says no.
    RejectRefer(LegId, u16),
    /// Presses keys towards the party.
    SendKeys(LegId, SendKeys),
    /// Sends a SIP INFO.
    SendInfo(LegId, String, Vec<u8>),
    /// Sends a text.
    SendMessage(LegId, String),
    /// Lets time pass.
    Sleep(Duration),
    /// Tells when so much time has passed; ends at once with [`Outcome::Handle`], and is told by
    /// [`Happening::Ended`](super::Happening).
    After(Duration),
    /// Writes a line into the journal: its kind, and what it says.
    Log(String, String),
    /// Writes a word into the record.
    Tag(String, String),
    /// Lets a leg live on when the story has ended, for as long as it is joined with another one.
    Detach(LegId),
    /// Brings a leg into a conference room, until it is out of it: ends with [`Outcome::Joined`].
    Join(LegId, Box<Join>),
    /// Asks something of the house or of the world outside; ends with [`Outcome::Brought`].
    Errand(Box<Errand>),
}

/// Something in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(pub u32);

/// Prompts to be played.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Play {
    /// Names of files, addresses, or `tone::…`, in their order.
    pub prompts: Vec<String>,
    /// Keys that end it.
    pub stop_keys: Vec<Key>,
    /// Louder or softer, in decibels.
    pub volume_db: i8,
    /// How often; 0 plays until something else ends it.
    pub loops: u32,
    /// Where the first one begins.
    pub from: Duration,
}

/// Keys to be collected.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gather {
    /// What asks for them.
    pub prompt: Option<Play>,
    /// The fewest that are an answer.
    pub min: u32,
    /// The most; the last one ends it.
    pub max: u32,
    /// Keys that end it and do not count.
    pub end: Vec<Key>,
    /// How long to wait for the first, after the prompt.
    pub timeout: Duration,
    /// How long to wait for each further one.
    pub gap: Duration,
    /// Whether a key silences the prompt.
    pub barge_in: bool,
    /// How often to ask in all.
    pub tries: u32,
    /// What is said before asking again.
    pub invalid: Option<Play>,
    /// The only answers that are taken, an `x` standing for any digit; empty: any.
    pub accept: Vec<String>,
    /// Whether keys that were pressed before do not count.
    pub clear_first: bool,
    /// Whether no journal says which keys they are: a PIN, the number of a card.
    pub secret: bool,
}

impl Gather {
    /// How long a key that ends it may still follow an answer that is complete.
    #[must_use]
    pub fn late_end(&self) -> Duration {
        self.gap.min(super::limits::LATE_END)
    }

    /// Whether these digits are an answer.
    #[must_use]
    pub fn takes(&self, digits: &str) -> bool {
        let fits = |pattern: &String| {
            let fits = |(wanted, pressed): (u8, u8)| wanted == pressed || (wanted == b'x' && pressed.is_ascii_digit());
            pattern.len() == digits.len() && pattern.bytes().zip(digits.bytes()).all(fits)
        };
        digits.len() >= self.min as usize && (self.accept.is_empty() || self.accept.iter().any(fits))
    }
}

/// A recording.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The longest.
    pub max: Duration,
    /// How long a silence ends it; `None`: none does.
    pub silence: Option<Duration>,
    /// Keys that end it.
    pub end: Vec<Key>,
    /// Whether a beep comes first.
    pub beep: bool,
    /// Shorter ones are thrown away.
    pub min: Duration,
    /// `wav` or `opus`; none: what the house writes.
    pub format: Option<String>,
    /// Whether both sides are recorded, a channel each; else the party alone.
    pub both: bool,
}

/// A call to others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dial {
    /// `user:alice`, `sip:…`, `tel:…` or a number, in their order.
    pub targets: Vec<String>,
    /// How they ring.
    pub strategy: Strategy,
    /// How long each rings.
    pub ring: Duration,
    /// What the caller hears meanwhile.
    pub ringback: Ringback,
    /// What the callee must press before being joined, and what asks for it.
    pub screen: Option<Screen>,
    /// The number that is shown instead of the caller's.
    pub caller_id: Option<String>,
    /// Whether the caller's number is shown at all.
    pub present: bool,
    /// How long they may talk.
    pub max_talk: Option<Duration>,
    /// How long before that a warning is played to both.
    pub warn_at: Option<Duration>,
    /// Headers for the callee.
    pub headers: Vec<(String, String)>,
    /// Codecs, where not those of the target.
    pub codecs: Vec<String>,
    /// Whether the sound must be protected.
    pub secure: Option<bool>,
    /// Whether what they say to each other is recorded.
    pub record: bool,
}

impl Dial {
    /// To ring these all at once for so long, and to say nothing else of it.
    #[must_use]
    pub fn new(targets: Vec<String>, ring: Duration) -> Self {
        Self {
            targets,
            strategy: Strategy::All,
            ring,
            ringback: Ringback::Pass,
            screen: None,
            caller_id: None,
            present: true,
            max_talk: None,
            warn_at: None,
            headers: Vec::new(),
            codecs: Vec::new(),
            secure: None,
            record: false,
        }
    }
}

/// How several targets ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Strategy {
    /// All at once.
    #[default]
    All,
    /// One after the other.
    OneByOne,
    /// Each so much later than the one before, while the others go on ringing.
    Steps(Duration),
}

/// What a caller hears while it rings elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Ringback {
    /// What the callee's side sends; else its own phone's tone.
    #[default]
    Pass,
    /// A prompt or tone of ours.
    Own(String),
    /// Its own phone's tone, whatever the callee's side sends.
    Phone,
}

/// What a callee is asked before being joined.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Screen {
    /// What asks.
    pub prompt: String,
    /// The key that means yes.
    pub key: Key,
    /// How long to wait for it after the prompt.
    pub timeout: Duration,
}

/// A transfer through us.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transfer {
    /// To whom.
    pub to: String,
    /// Whether the one who transfers stays until it is answered.
    pub attended: bool,
    /// Whether the party comes back when it fails.
    pub return_on_fail: bool,
}

/// Keys for a party.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SendKeys {
    /// Which.
    pub keys: Vec<Key>,
    /// As INFO instead of beside the sound.
    pub by_info: bool,
    /// How long each is held.
    pub held: Duration,
    /// The rest between two.
    pub gap: Duration,
}

/// What came of a verb.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Only how it ended.
    Plain(Status),
    /// It runs in the background under this name.
    Handle(Handle),
    /// Keys that were collected; the ending key is told apart.
    Gathered {
        /// `Digits`, `Timeout`, `Invalid` or `Gone`.
        status: Status,
        /// What was pressed.
        digits: String,
    },
    /// A recording.
    Recorded {
        /// `Kept`, `TooShort`, `Silence`, `Failed` or `Gone`.
        status: Status,
        /// Where it lies, when it was kept.
        file: Option<String>,
        /// How long it is.
        length: Duration,
    },
    /// A call to others.
    Dialled {
        /// How it ended.
        status: Status,
        /// Who answered.
        leg: Option<LegId>,
        /// The last status of SIP.
        sip: u16,
        /// How long they talked.
        talk: Duration,
    },
    /// A transfer.
    Transferred {
        /// `Completed`, `Failed`, `Returned` or `Gone`.
        status: Status,
        /// The last status of SIP.
        sip: u16,
    },
    /// A stay in a conference room.
    Joined {
        /// `Left`, `Kicked`, `Ended`, `Denied` or `Gone`.
        status: Status,
        /// Why it did not come in.
        why: Option<Denial>,
        /// How long it was in.
        stayed: Duration,
    },
    /// What an errand has brought.
    Brought(Box<Brought>),
    /// The verb does not fit: the program made a mistake, and this says which.
    Misuse(Misuse),
}

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Done.
    Ok,
    /// The leg had gone, or went.
    Gone,
    /// Played to the end.
    Done,
    /// Ended by a key, or by who began it.
    Stopped,
    /// There is no such prompt.
    Missing,
    /// Keys were pressed as asked.
    Digits,
    /// Nothing came in time.
    Timeout,
    /// What was pressed is no answer.
    Invalid,
    /// The recording is there.
    Kept,
    /// It was too short to be kept.
    TooShort,
    /// Nobody spoke.
    Silence,
    /// Somebody answered; they have talked.
    Answered,
    /// Busy.
    Busy,
    /// It rang in vain.
    NoAnswer,
    /// Somebody refused.
    Rejected,
    /// Nobody could be reached.
    Unreachable,
    /// The caller gave up first.
    Cancelled,
    /// The callee did not accept.
    Screened,
    /// It may not be called from here.
    Forbidden,
    /// The transfer stands.
    Completed,
    /// It did not come about.
    Failed,
    /// It did not come about, and the party is back.
    Returned,
    /// Out of a room by its own wish.
    Left,
    /// Sent out of it.
    Kicked,
    /// The room ended.
    Ended,
    /// It did not come in.
    Denied,
}

impl Status {
    /// As scripts and journals write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Gone => "gone",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Missing => "missing",
            Self::Digits => "digits",
            Self::Timeout => "timeout",
            Self::Invalid => "invalid",
            Self::Kept => "kept",
            Self::TooShort => "too_short",
            Self::Silence => "silence",
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Rejected => "rejected",
            Self::Unreachable => "unreachable",
            Self::Cancelled => "cancelled",
            Self::Screened => "screened",
            Self::Forbidden => "forbidden",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Returned => "returned",
            Self::Left => "left",
            Self::Kicked => "kicked",
            Self::Ended => "ended",
            Self::Denied => "denied",
        }
    }
}

/// A verb that does not fit the state of its leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Misuse {
    /// No such leg was ever in this call.
    #[error("there is no such leg in this call")]
    NoLeg,
    /// Nothing of that name runs.
    #[error("nothing runs under that handle")]
    NoHandle,
    /// Another verb runs on the leg.
    #[error("another verb runs on this leg; wait for it, or start it in the background")]
    VerbBusy,
    /// The leg is answered already.
    #[error("the leg is answered already")]
    Answered,
    /// The leg is not answered yet.
    #[error("the leg is not answered yet; say answer() or progress() first")]
    NotAnswered,
    /// It is for the caller's leg.
    #[error("this is only for a leg that called us")]
    NotACaller,
    /// Nobody is joined with it.
    #[error("the leg is not joined with another one")]
    NotJoined,
    /// Nobody asked to be transferred.
    #[error("nobody asked for a transfer on this leg")]
    NoRefer,
    /// More legs than a call may have.
    #[error("a call may not have more legs ({} in [limits])", Bounds::LEGS.0)]
    TooManyLegs,
    /// Too much runs already.
    #[error("a call may not have more verbs under way; wait for one of them ({} in [limits])", Bounds::VERBS.0)]
    TooManyVerbs,
    /// Too much runs already in the background.
    #[error("a call may not have more plays and recordings in the background; stop one of them ({} in [limits])", Bounds::BACKGROUND.0)]
    TooMuchBeside,
    /// It wants more of the callees than a call may ask.
    #[error("a dial may not have more targets ({} in [limits])", Bounds::TARGETS.0)]
    TooManyTargets,
    /// More words than anybody could hear: whatever says them never waits.
    #[error("it said more words to the call within {} s than it may ({} in [limits])", limits::SPEECH.as_secs(), Bounds::WORDS.0)]
    TooFast,
}
