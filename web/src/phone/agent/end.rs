//! Why a talk is over, in a word that programs read and a sentence that people read.

use patchcord_sip::{Headers, Name};

use crate::phone::words::Why;

/// Longest sentence that is passed on.
const MAX_REASON: usize = 200;

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
        Self {
            code,
            reason: reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect(),
            status: Some(status),
        }
    }

    /// The other side hung up.
    pub fn hung_up(bye: &Headers) -> Self {
        let reason = said(bye).unwrap_or_else(|| "the other side hung up".into());
        Self { code: "hung_up", reason, status: None }
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
    let text = headers.all(Name::Reason).find_map(|reason| reason.split_once("text=\"")?.1.split('"').next());
    let text: String = text?.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
    Some(text).filter(|text| !text.is_empty())
}
