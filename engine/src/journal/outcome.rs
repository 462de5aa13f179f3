//! How a call came out, and whose fault it was.

use serde::{Deserialize, Serialize};

use super::entry::{By, Cause};
use crate::call::cause::{CONGESTED, NO_ROOM, ROUTING_ERROR, STOPPING};

/// That word is none of this vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such word in a record")]
pub struct UnknownWord;

/// A closed set of words: how each is written, and read again.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $word:ident $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$each])* #[serde(rename = $text)] $word,)+
        }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$word),+];

            /// The word, as it is written.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::journal::outcome::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.iter().find(|known| known.word() == text);
                known.copied().ok_or($crate::journal::outcome::UnknownWord)
            }
        }
    };
}
pub(super) use words;

words! {
    /// How a call came out.
    Outcome {
        /// Somebody or something answered it.
        Answered "answered",
        /// Who was called was busy.
        Busy "busy",
        /// It rang and nobody answered.
        NoAnswer "no_answer",
        /// Who was called declined it.
        Rejected "rejected",
        /// The caller gave up before it was answered.
        Cancelled "cancelled",
        /// Who was called could not be reached.
        Unreachable "unreachable",
        /// Nobody has that number.
        NotFound "not_found",
        /// The caller may not call that.
        Forbidden "forbidden",
        /// Who was called heard who it is, and did not take it.
        Screened "screened",
        /// It could not be set up.
        Failed "failed",
        /// A fault of its service, or of ours, ended it.
        Crashed "crashed",
        /// The server ended in the middle of it.
        Interrupted "interrupted",
        /// Nobody called: a service was asked something, and answered.
        Ran "ran",
    }
}

words! {
    /// Whose fault it is that a call did not go as it should.
    Fault {
        /// It went as people wanted it to.
        Nobody "nobody",
        /// What the caller sent or asked for.
        Caller "caller",
        /// The other side: its phone, or the trunk that leads to it.
        Callee "callee",
        /// The service that heard the call.
        Script "script",
        /// This server.
        Server "server",
        /// The way between us and a party.
        Network "network",
    }
}

/// Q.850: destination out of order, network out of order, temporary failure, recovery on timer expiry.
const NETWORK_CAUSES: [u8; 4] = [27, 38, 41, 102];

/// Q.850: no circuit available, switching equipment congested, resource unavailable. Said by us, it is us who lack it.
const LACK_CAUSES: [u8; 3] = [NO_ROOM, CONGESTED, 47];

/// Q.850: normal clearing, and normal for no special reason.
pub(super) const NORMAL_CAUSES: [u8; 2] = [16, 31];

impl Outcome {
    /// What the status of an INVITE that was not answered says, beside whether anybody's phone rang.
    pub fn of_status(status: u16, by: By, rang: bool) -> Self {
        match status {
            200..300 => Self::Answered,
            486 | 600 => Self::Busy,
            487 if by == By::Caller => Self::Cancelled,
            // A phone that rings to its end answers 480 itself; from anybody else it says that nobody is there.
            408 | 480 | 487 if rang => Self::NoAnswer,
            // What we cannot do ourselves says nothing of anybody else.
            500..600 if by == By::System => Self::Failed,
            408 | 480 | 430 | 502..=504 => Self::Unreachable,
            603 | 607 | 608 | 433 => Self::Rejected,
            404 | 410 | 484 | 485 | 604 => Self::NotFound,
            401..=403 | 407 => Self::Forbidden,
            _ => Self::Failed,
        }
    }
}

impl Fault {
    /// Whose fault that end is.
    pub fn of(outcome: Outcome, cause: Option<&Cause>) -> Self {
        match outcome {
            Outcome::Crashed if cause.is_some_and(|cause| cause.by == By::Script) => return Self::Script,
            Outcome::Crashed | Outcome::Interrupted => return Self::Server,
            Outcome::Busy
            | Outcome::NoAnswer
            | Outcome::Rejected
            | Outcome::Cancelled
            | Outcome::Screened
            | Outcome::Ran => {
                return Self::Nobody;
            }
            Outcome::NotFound | Outcome::Forbidden => return Self::Caller,
            Outcome::Answered | Outcome::Unreachable | Outcome::Failed => {}
        }
        let Some(cause) = cause else { return Self::Nobody };
        match cause.by {
            _ if outcome == Outcome::Answered && cause.is_normal() => Self::Nobody,
            // Somebody wanted the stop: it is told, and is no fault.
            By::System if &*cause.reason == STOPPING => Self::Nobody,
            By::System if LACK_CAUSES.contains(&cause.q850) => Self::Server,
            // A phone or a server that says no, or nothing, is there for us to know; only what lies between us is nobody's.
            By::Callee | By::Script if outcome == Outcome::Unreachable && ![27, 38].contains(&cause.q850) => {
                Self::Callee
            }
            _ if NETWORK_CAUSES.contains(&cause.q850) => Self::Network,
            // Whoever forwards in a circle is the one who was called, whatever says so.
            By::Script if cause.q850 == ROUTING_ERROR => Self::Callee,
            By::Caller => Self::Caller,
            By::Callee => Self::Callee,
            By::Script => Self::Script,
            // Whoever is there says at least that it tries.
            By::System if outcome == Outcome::Unreachable && cause.is_in_vain() => Self::Network,
            By::System if outcome == Outcome::Unreachable => Self::Callee,
            By::System => Self::Server,
        }
    }
}
