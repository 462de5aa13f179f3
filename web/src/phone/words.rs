//! What a page and the server say to each other over `/phone/signal`: JSON, one object a message, its kind in `type`.
//!
//! ```text
//! page   hello dial answer hangup offer accept refuse press transfer message candidate ping
//! server welcome ring progress answered offer accept held transfer message ended error pong
//! ```
//!
//! Each message but `hello`, `ping` and `welcome` carries a number `n`, counted from one by each side, so that what was lost
//! with a socket is said again over the next one and nothing is heard twice. What is said here is documented in docs/browsers.md.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ice;

/// The version that is spoken; a page that speaks another one is told so.
pub const VERSION: u32 = 1;

/// Largest message of a page: an offer with video and a dozen candidates has a quarter of it.
pub const MAX_MESSAGE: usize = 64 << 10;

/// Longest session description within one: what SIP carries for us.
pub const MAX_SDP: usize = 30_000;

/// Longest name of a talk, number, key or the like.
pub const MAX_NAME: usize = 128;

/// Longest text that is sent to somebody.
pub const MAX_TEXT: usize = 4096;

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Said {
    /// First of all: who is there.
    Hello {
        /// Which version it speaks.
        version: u32,
        /// What it shows, unless a cookie came along.
        #[serde(default)]
        token: Option<String>,
        /// The key of a connection that was lost.
        #[serde(default)]
        resume: Option<String>,
        /// The number of the last message that was heard there.
        #[serde(default)]
        heard: u64,
    },
    /// Calls somebody.
    Dial {
        /// How this talk is called from now on; the page chooses.
        talk: String,
        /// Whom.
        to: String,
        /// The offer.
        sdp: String,
    },
    /// Takes a call that rings.
    Answer {
        /// Which.
        talk: String,
        /// The answer; an offer where the ring brought none.
        sdp: String,
    },
    /// Ends a talk, however far it is.
    Hangup {
        /// Which.
        talk: String,
        /// A call that rings is refused as busy.
        #[serde(default)]
        busy: bool,
    },
    /// Another offer: hold, resume, a network that changed.
    Offer {
        /// Of which talk.
        talk: String,
        /// The offer.
        sdp: String,
    },
    /// The answer to an offer of the server.
    Accept {
        /// Of which talk.
        talk: String,
        /// The answer.
        sdp: String,
    },
    /// An offer of the server cannot be answered.
    Refuse {
        /// Of which talk.
        talk: String,
    },
    /// A key, where it cannot go with the sound.
    Press {
        /// In which talk.
        talk: String,
        /// 0 to 9, `*`, `#`, A to D.
        key: char,
        /// For how long, in milliseconds.
        #[serde(default)]
        ms: Option<u16>,
    },
    /// Hands the other party on: to a number, or to the party of another talk.
    Transfer {
        /// Which talk.
        talk: String,
        /// To that number.
        #[serde(default)]
        to: Option<String>,
        /// To whoever that talk is with.
        #[serde(default)]
        with: Option<String>,
    },
    /// A text to the party of a talk, or to a number.
    Message {
        /// In that talk.
        #[serde(default)]
        talk: Option<String>,
        /// To that number.
        #[serde(default)]
        to: Option<String>,
        /// The text.
        text: String,
    },
    /// Another address of the page's, as the browser finds it after its description went out; none is the last.
    Candidate {
        /// In which talk.
        talk: String,
        /// As the browser writes it.
        #[serde(default)]
        candidate: Option<String>,
    },
    /// Is anybody there?
    Ping {},
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told {
    /// Come in.
    Welcome {
        /// Which version is spoken.
        version: u32,
        /// Whom the page speaks for.
        you: You,
        /// As browsers take it.
        ice_servers: Vec<ice::Server>,
        /// By which a lost connection goes on.
        resume: String,
        /// Whether it goes on now: the talks of before are there.
        resumed: bool,
        /// The number of the last message that was heard here.
        heard: u64,
    },
    /// Somebody calls.
    Ring {
        /// How this talk is called.
        talk: String,
        /// The number of who calls; empty where it is hidden.
        from: String,
        /// And the name.
        #[serde(skip_serializing_if = "String::is_empty")]
        name: String,
        /// The offer; absent: the page makes one.
        #[serde(skip_serializing_if = "Option::is_none")]
        sdp: Option<String>,
    },
    /// A call that the page made has come further.
    Progress {
        /// Which.
        talk: String,
        /// `ringing` or `early`: there is sound before the answer.
        state: &'static str,
        /// The answer, where it came early.
        #[serde(skip_serializing_if = "Option::is_none")]
        sdp: Option<String>,
    },
    /// A call that the page made was answered.
    Answered {
        /// Which.
        talk: String,
        /// The answer, where it did not come early.
        #[serde(skip_serializing_if = "Option::is_none")]
        sdp: Option<String>,
    },
    /// The server offers something else.
    Offer {
        /// Of which talk.
        talk: String,
        /// The offer.
        sdp: String,
    },
    /// The answer to an offer of the page.
    Accept {
        /// Of which talk.
        talk: String,
        /// The answer.
        sdp: String,
    },
    /// The other side has put the page on hold, or has come back.
    Held {
        /// In which talk.
        talk: String,
        /// Whether it holds now.
        held: bool,
    },
    /// The talk is with somebody else from now on: either side was passed on.
    Other {
        /// Which.
        talk: String,
        /// The number; empty where it is hidden.
        from: String,
        /// And the name.
        #[serde(skip_serializing_if = "String::is_empty")]
        name: String,
    },
    /// How far a transfer is.
    Transfer {
        /// Of which talk.
        talk: String,
        /// Its status, as SIP has it.
        status: u16,
        /// What that means.
        reason: String,
        /// Whether nothing more will follow.
        done: bool,
    },
    /// A text.
    Message {
        /// From whom.
        from: String,
        /// In which talk.
        #[serde(skip_serializing_if = "Option::is_none")]
        talk: Option<String>,
        /// The text.
        text: String,
    },
    /// A talk is over.
    Ended {
        /// Which.
        talk: String,
        /// Why.
        why: Why,
    },
    /// Something cannot be done.
    Error {
        /// In which talk.
        #[serde(skip_serializing_if = "Option::is_none")]
        talk: Option<String>,
        /// What.
        error: Refusal,
    },
    /// Somebody is.
    Pong {},
}

/// Whom a page speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct You {
    /// `endpoint` or `guest`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The number that rings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The only numbers that it may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<String>>,
}

/// Why a talk is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// In a word; all of them stand in docs/browsers.md.
    pub code: &'static str,
    /// In a sentence.
    pub reason: String,
    /// The status of SIP, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// Why something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// In a word.
    pub code: &'static str,
    /// In a sentence.
    pub reason: String,
}

impl Refusal {
    /// With that word and sentence.
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// As it is told.
    pub fn told(self, talk: Option<&str>) -> Told {
        Told::Error { talk: talk.map(str::to_owned), error: self }
    }
}

/// What a key is.
pub const KEYS: &str = "a key is one of 0 to 9, *, # and A to D";

/// Reads a message of a page; its number, where it has one.
pub fn read(text: &str) -> Result<(Option<u64>, Said), Refusal> {
    if text.len() > MAX_MESSAGE {
        return Err(Refusal::new("too_large", format!("a message has at most {MAX_MESSAGE} bytes")));
    }
    let malformed = |reason: String| Refusal::new("malformed", reason);
    let mut value: Value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        malformed(format!("that is no JSON, from line {line}, column {column} on; a message is one object"))
    })?;
    let Some(object) = value.as_object_mut() else {
        return Err(malformed("a message is one JSON object, its kind in type".into()));
    };
    let number = match object.remove("n") {
        None => None,
        Some(number) => {
            Some(number.as_u64().ok_or_else(|| Refusal::new("malformed", "n is a number that counts messages"))?)
        }
    };
    let said: Said = serde_json::from_value(value).map_err(|error| malformed(in_words(&error.to_string())))?;
    said.fits().map(|()| (number, said))
}

/// What does not fit a message, in words of ours.
fn in_words(told: &str) -> String {
    let told = told.replace('`', "");
    let (what, expected) = told.split_once(", expected ").unwrap_or((&told, ""));
    let there_are = || expected.trim_start_matches("one of ").to_owned();
    if expected == "a character" {
        // The only one that a message has.
        KEYS.into()
    } else if let Some(name) = what.strip_prefix("missing field ") {
        format!("{name} is missing")
    } else if let Some(name) = what.strip_prefix("unknown variant ") {
        format!("{name} is no kind of message; there are {}", there_are())
    } else if let Some(name) = what.strip_prefix("unknown field ") {
        format!("{name} does not belong there; there are {}", there_are())
    } else if let Some(name) = what.strip_prefix("duplicate field ") {
        format!("{name} stands there twice")
    } else {
        told
    }
}

/// Writes a message to a page.
pub fn write(number: Option<u64>, told: &Told) -> String {
    let mut value = serde_json::to_value(told).expect("texts and numbers are JSON");
    if let (Some(number), Some(object)) = (number, value.as_object_mut()) {
        object.insert("n".into(), number.into());
    }
    value.to_string()
}

impl Said {
    /// Whether every text in it has a length that we carry.
    fn fits(&self) -> Result<(), Refusal> {
        let (names, sdp, text): (Vec<&str>, Option<&str>, Option<&str>) = match self {
            // A token that is too long is none of ours, and told so.
            Self::Hello { resume, .. } => (resume.iter().map(String::as_str).collect(), None, None),
            Self::Dial { talk, to, sdp } => (vec![talk, to], Some(sdp), None),
            Self::Answer { talk, sdp } | Self::Offer { talk, sdp } | Self::Accept { talk, sdp } => {
                (vec![talk], Some(sdp), None)
            }
            Self::Hangup { talk, .. } | Self::Refuse { talk } | Self::Press { talk, .. } => (vec![talk], None, None),
            Self::Transfer { talk, to, with } => {
                (std::iter::once(talk).chain(to).chain(with).map(String::as_str).collect(), None, None)
            }
            Self::Message { talk, to, text } => (talk.iter().chain(to).map(String::as_str).collect(), None, Some(text)),
            Self::Candidate { talk, candidate } => (vec![talk], None, candidate.as_deref().filter(|it| !it.is_empty())),
            Self::Ping {} => (Vec::new(), None, None),
        };
        if names.iter().any(|name| name.is_empty() || name.len() > MAX_NAME) {
            return Err(Refusal::new("malformed", format!("a name or number has 1 to {MAX_NAME} bytes")));
        }
        if sdp.is_some_and(|sdp| sdp.trim().is_empty()) {
            return Err(Refusal::new("malformed", "sdp says nothing; it is a session description"));
        }
        if sdp.is_some_and(|sdp| sdp.len() > MAX_SDP) {
            return Err(Refusal::new("too_large", format!("a session description has at most {MAX_SDP} bytes")));
        }
        if text.is_some_and(|text| text.is_empty() || text.len() > MAX_TEXT) {
            return Err(Refusal::new("too_large", format!("a text has 1 to {MAX_TEXT} bytes")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_with_its_number() {
        let (number, said) = read(r#"{"type":"hangup","talk":"a","n":7}"#).expect("a message");
        assert_eq!((number, said), (Some(7), Said::Hangup { talk: "a".into(), busy: false }));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_word_and_a_sentence() {
        for (text, code, reason) in [
            ("", "malformed", "that is no JSON"),
            ("not {json", "malformed", "that is no JSON, from line 1, column 2 on"),
            ("[]", "malformed", "one JSON object"),
            ("{}", "malformed", "type is missing"),
            (r#"{"type":"fly"}"#, "malformed", "fly is no kind of message; there are hello, dial, answer"),
            (r#"{"type":"answer","talk":"a"}"#, "malformed", "sdp is missing"),
            (r#"{"type":"hangup","talk":5}"#, "malformed", "integer 5, expected a string"),
            (r#"{"type":"hangup","talk":"a","n":-1}"#, "malformed", "n is a number"),
            (r#"{"type":"hangup","talk":""}"#, "malformed", "1 to 128 bytes"),
            (
                r#"{"type":"hangup","talk":"a","and":1}"#,
                "malformed",
                "and does not belong there; there are talk or busy",
            ),
            (r#"{"type":"message","text":""}"#, "too_large", "1 to 4096"),
            (r#"{"type":"dial","talk":"a","to":"1","sdp":""}"#, "malformed", "sdp says nothing"),
        ] {
            let refused = read(text).expect_err(text);
            assert!(refused.code == code && refused.reason.contains(reason), "{text}: {refused:?}");
        }
        let long = format!(r#"{{"type":"dial","talk":"a","to":"1","sdp":"{}"}}"#, "x".repeat(MAX_SDP + 1));
        assert_eq!(read(&long).expect_err("too long").code, "too_large");
        assert_eq!(read(&"x".repeat(MAX_MESSAGE + 1)).expect_err("too long").code, "too_large");
    }

    #[test]
    fn what_is_told_carries_its_number_and_leaves_out_what_is_not_there() {
        let told = Told::Answered { talk: "a".into(), sdp: None };
        let value: Value = serde_json::from_str(&write(Some(3), &told)).expect("JSON");
        assert_eq!(value, serde_json::json!({ "type": "answered", "talk": "a", "n": 3 }));
    }
}
