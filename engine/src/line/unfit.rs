//! Why a request of the party cannot be served: an error that knows its answer.

use patchcord_media::sdp::{Malformed, OutOfTurn, Refusal};
use patchcord_sip::message::{Draft, Fault, Headers, Name};
use patchcord_sip::session_timer;

use super::inside::{ACCEPT, ALLOW};
use crate::door::KNOWN_EVENTS;

/// Why a request of the party cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A header is wrong, or what it asks for is not to be had.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The session description cannot be read: 400, and where.
    #[error("the session description cannot be read: {0}")]
    Malformed(#[from] Malformed),
    /// Nothing in the session description is for us: 488, and why.
    #[error("the session description has nothing for us: {0}")]
    Nothing(#[from] Refusal),
    /// It offers out of turn.
    #[error("an offer out of turn: {0}")]
    Turn(#[from] OutOfTurn),
    /// The body is no session description: 415.
    #[error("the body is no session description")]
    Type,
    /// The body is packed: 415.
    #[error("the body is packed")]
    Encoding,
    /// It requires extensions that we have not: 420, and which.
    #[error("extensions are required that nobody here has: {0}")]
    Extension(String),
    /// Its session timer does not suit us: 422.
    #[error(transparent)]
    Session(#[from] session_timer::Refused),
    /// It crosses another one: 491, or 500 with the seconds to wait.
    #[error("it crosses a request that is under way")]
    Crossed(Option<u64>),
    /// The method is known and not served here: 405.
    #[error("the method is not served inside a call")]
    Method,
    /// Nobody knows the method: 501.
    #[error("the method is unknown")]
    Unknown,
    /// There is no address of ours for sound: a fault of this server.
    #[error("no port is open for the sound")]
    NoPlace,
}

impl Unfit {
    /// The status that says so.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Fault(fault) => fault.status(),
            Self::Malformed(_) => 400,
            Self::Nothing(_) => 488,
            Self::Turn(OutOfTurn::OursIsOut) | Self::Crossed(None) => 491,
            Self::Turn(_) | Self::Crossed(Some(_)) | Self::NoPlace => 500,
            Self::Type | Self::Encoding => 415,
            Self::Extension(_) => 420,
            Self::Session(refused) => refused.status(),
            Self::Method => 405,
            Self::Unknown => 501,
        }
    }

    /// Writes the reason, and what a party needs to do better, into a reply of this status.
    #[must_use]
    pub fn write(&self, reply: Draft) -> Draft {
        // RFC 3261 §20.43: who warns is a host, or any name of the server's choice.
        let warn = |code: u16, reply: Draft| {
            reply.header(Name::Warning, format_args!("{code} patchcord \"{}\"", self.to_string().replace('"', "'")))
        };
        match self {
            // RFC 6665 §8.3.2: whoever refuses an event says which it knows.
            Self::Fault(fault) if fault.status() == 489 => {
                reply.phrase(fault.phrase()).text(Name::AllowEvents, KNOWN_EVENTS)
            }
            Self::Fault(fault) => reply.phrase(fault.phrase()),
            Self::Malformed(_) => warn(399, reply.phrase("Bad Session Description")),
            Self::Nothing(Refusal::NoCodec) => warn(305, reply),
            Self::Nothing(Refusal::NoSound) => warn(304, reply),
            Self::Nothing(_) => warn(399, reply),
            Self::Type => reply.text(Name::Accept, ACCEPT),
            Self::Encoding => reply.text(Name::AcceptEncoding, "identity"),
            Self::Extension(unknown) => reply.text(Name::Unsupported, unknown),
            Self::Session(refused) => refused.write(reply),
            Self::Crossed(Some(seconds)) => reply.header(Name::RetryAfter, seconds),
            Self::Turn(OutOfTurn::TheirsIsIn) => reply.header(Name::RetryAfter, 1),
            Self::Method | Self::Unknown => reply.text(Name::Allow, ALLOW),
            Self::Crossed(None) | Self::Turn(_) | Self::NoPlace => reply,
        }
    }
}

/// Extensions that a request inside or before a call may require of us.
const KNOWN: [&str; 7] = ["100rel", "timer", "replaces", "join", "norefersub", "tdialog", "path"];

/// Unknown extensions that a 420 names. More than a few are somebody who wants a long answer.
const MAX_UNSUPPORTED: usize = 16;

/// Whether a request requires something that we have not. `reliable` tells whether 100rel is ours here.
pub(super) fn extensions(request: &Headers, reliable: bool) -> Result<(), Unfit> {
    let known = if reliable { &KNOWN[..] } else { &KNOWN[1..] };
    let unknown: Vec<&str> = request.unknown_extensions(known).take(MAX_UNSUPPORTED).collect();
    if unknown.is_empty() { Ok(()) } else { Err(Unfit::Extension(unknown.join(", "))) }
}
