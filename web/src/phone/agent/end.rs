//! Why a talk is over, in a word that programs read and a sentence that people read.
//!
//! The sentence is that of whoever ended it. Where there is none, or only the usual phrase of a status, it is said here in words that
//! somebody understands who has never heard of SIP.

use patchcord_engine::{call::cause::FAILURE, journal::lowered, line::cause::Reason};
use patchcord_sip::{Headers, Name, Response, message::phrase};

use crate::phone::words::Why;

/// Longest sentence that is passed on.
const MAX_REASON: usize = 200;

/// What is said of a number to which no route leads.
const LEADS_NOWHERE: &str = "that number leads nowhere from here";

impl Why {
    /// The other side refused with that status.
    pub fn of_status(status: u16, reason: &str) -> Self {
        let code = match status {
            486 | 600 => "busy",
            403 => "forbidden",
            404 | 410 | 484 | 485 | 604 => "not_found",
            408 | 480 => "no_answer",
            487 => "cancelled",
            406 | 415 | 488 | 606 => "unfit",
            603 | 607 | 608 => "refused",
            500.. => "unavailable",
            _ => "refused",
        };
        Self { code, reason: in_words(status, reason), status: Some(status) }
    }

    /// That answer refused the call. Where the two sides do not fit, the house says in a header of its own what does not.
    pub fn of_answer(answer: &Response) -> Self {
        let why = Self::of_status(answer.status().code(), answer.reason());
        let warned = || {
            answer
                .get(Name::Warning)
                .filter(|said| said.starts_with("399 "))
                .and_then(|said| said.split('"').nth(1))
                .map(str::to_owned)
        };
        match said(answer).or_else(warned).filter(|_| why.code == "unfit") {
            Some(words) => Self { reason: words.chars().take(MAX_REASON).collect(), ..why },
            None => why,
        }
    }

    /// The other side hung up, or the house has ended the talk: what that was stands in cause and status.
    pub fn hung_up(bye: &Headers) -> Self {
        let said = Reason::of(bye);
        let (code, usual) = match (said.sip, said.cause) {
            (Some(408), Some(FAILURE)) => ("lost", "nothing was heard of this browser any more"),
            (Some(488), _) => ("unfit", "the server and this browser found no common way for the sound"),
            (Some(500..), _) | (None, Some(34..=47)) => ("unavailable", "something went wrong in the server"),
            _ => ("hung_up", "the other side hung up"),
        };
        let reason = if said.text.is_empty() { usual.into() } else { said.text };
        Self { code, reason, status: said.sip.filter(|_| code != "hung_up") }
    }

    /// The page hung up.
    pub fn by_us() -> Self {
        Self { code: "hung_up", reason: "ended here".into(), status: None }
    }

    /// Whoever called gave up, or somebody else was quicker.
    pub fn given_up(cancel: &Headers) -> Self {
        let elsewhere = cancel.all(Name::Reason).any(|reason| reason.contains("cause=200"));
        let (code, usual) = match elsewhere {
            true => ("answered_elsewhere", "answered elsewhere"),
            false => ("cancelled", "the caller hung up"),
        };
        Self { code, reason: said(cancel).unwrap_or_else(|| usual.into()), status: None }
    }
}

/// The words of a Reason header (RFC 3326).
fn said(headers: &Headers) -> Option<String> {
    Some(Reason::of(headers).text).filter(|text| !text.is_empty())
}

/// Why a call or an errand within it was refused. The usual phrase of a status says little to people; other phrases are somebody's own,
/// and lose the capitals of a headline.
pub fn in_words(status: u16, reason: &str) -> String {
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    if status < 300 {
        return reason;
    }
    if !is_usual(status, &reason) {
        return match &*reason {
            "No Route To That Number" | "No Route From Here To That Number" => LEADS_NOWHERE.into(),
            _ => lowered(&reason),
        };
    }
    let usual = match status {
        486 | 600 => "the other side is busy",
        403 => "that is not allowed",
        404 | 604 => "nobody has that number",
        410 => "that number is not in use any more",
        484 => "the number is not complete",
        480 => "nobody can be reached there now",
        408 => "nobody answered",
        481 => "the other side has left the talk",
        487 => "the call was called off",
        406 | 415 | 488 | 606 => "the two sides have no kind of sound in common",
        603 | 607 | 608 => "the other side declined the call",
        500.. => "calls cannot be put through now",
        _ => "the call was refused",
    };
    usual.into()
}

/// What came of a transfer that was begun: what is said of its target is said as if that had been dialled.
pub fn came_to(status: u16, reason: &str) -> String {
    match status {
        403 if is_usual(status, reason) => LEADS_NOWHERE.into(),
        481 if is_usual(status, reason) => {
            "nobody is there to be joined with: the other talk is with a service, or is over".into()
        }
        _ => in_words(status, reason),
    }
}

/// Why a transfer was not begun.
pub fn not_passed_on(status: u16, reason: &str) -> String {
    match status {
        603 if is_usual(status, reason) => {
            "nobody could be passed on: this talk is with a service, or transfers are declined here".into()
        }
        _ => in_words(status, reason),
    }
}

fn is_usual(status: u16, reason: &str) -> bool {
    reason.is_empty() || reason == phrase(status)
}
