//! A result of a journal, as the outcome that a script is told.

use std::time::Duration;

use patchcord_engine::call::verb::{Handle, Misuse};
use patchcord_engine::call::{LegId, Outcome, Status, Verb};
use patchcord_engine::errand::{Brought, Errand};
use patchcord_engine::journal::{CallId, Facts};
use patchcord_engine::originate::{NotBegun, Wanted};
use patchcord_engine::room::Denial;

/// A result that the journal does not hold whole; why, in words.
pub(super) struct Unread(pub String);

/// What came of a verb. The keys of an answer are told apart, because a journal has them where they were pressed.
pub(super) fn outcome(verb: &Verb, status: &str, facts: &Facts, digits: String) -> Result<Outcome, Unread> {
    if status == "misuse" {
        let why = facts.get("why").unwrap_or_default();
        // The key of a limit was not named always, and how many words are too many may be said otherwise.
        let bare = |said: &str| said.split(" (").next().unwrap_or_default().to_owned();
        let too_fast = why.starts_with("it said ").then_some(Misuse::TooFast);
        let misuse = MISUSES.into_iter().find(|misuse| bare(&misuse.to_string()) == bare(why)).or(too_fast);
        return misuse.map(Outcome::Misuse).ok_or_else(|| Unread(format!("it was misuse then: {why}")));
    }
    let number = |name: &str| facts.get(name).and_then(|said| said.parse::<u64>().ok());
    let millis = |name: &str| Duration::from_millis(number(name).unwrap_or(0));
    let sip = number("sip").and_then(|sip| u16::try_from(sip).ok()).unwrap_or(0);
    if let Verb::Errand(errand) = verb {
        return match &**errand {
            Errand::Originate(wanted) => Ok(Outcome::Brought(Box::new(Brought::Begun(begun(wanted, status, facts))))),
            _ => brought(status, facts),
        };
    }
    if status == "started" {
        let handle = number("handle").and_then(|handle| u32::try_from(handle).ok()).unwrap_or(0);
        return Ok(Outcome::Handle(Handle(handle)));
    }
    let status = STATUSES.into_iter().find(|known| known.word() == status);
    let status = status.ok_or_else(|| Unread("a result of the journal is no word of today's".into()))?;
    Ok(match verb {
        Verb::Gather(..) if digits.len() as u64 == number("keys").unwrap_or(0) => Outcome::Gathered { status, digits },
        Verb::Gather(..) => return Err(Unread("the keys that were pressed are not in the journal".into())),
        Verb::Stop(_) if number("ms").is_none() => Outcome::Plain(status),
        Verb::Record(..) | Verb::Stop(_) => {
            Outcome::Recorded { status, file: facts.get("file").map(str::to_owned), length: millis("ms") }
        }
        Verb::Dial(..) | Verb::CallOut(_) => {
            let leg = number("leg").and_then(|leg| u32::try_from(leg).ok()).map(LegId);
            Outcome::Dialled { status, leg, sip, talk: millis("talk_ms") }
        }
        Verb::Join(..) => Outcome::Joined { status, why: facts.get("why").and_then(Denial::of), stayed: millis("ms") },
        Verb::Transfer(..) | Verb::Refer(..) => Outcome::Transferred { status, sip },
        _ => Outcome::Plain(status),
    })
}

/// Whether a call was begun then.
fn begun(wanted: &Wanted, status: &str, facts: &Facts) -> Result<CallId, NotBegun> {
    let why = || facts.get("why").unwrap_or_default().to_owned();
    match (status, facts.get("call").and_then(|call| call.parse().ok())) {
        ("begun", Some(call)) => Ok(call),
        ("no_service", _) => Err(NotBegun::NoService(wanted.target.clone())),
        ("unreachable", _) => {
            let nobody = NotBegun::Nobody(wanted.target.clone());
            Err(if why() == nobody.to_string() { nobody } else { NotBegun::Away(wanted.target.clone()) })
        }
        ("forbidden", _) => Err(NotBegun::Forbidden(wanted.target.clone(), why())),
        ("full", _) => Err(NotBegun::Full(why())),
        _ => Err(NotBegun::Unreadable(why())),
    }
}

fn brought(status: &str, facts: &Facts) -> Result<Outcome, Unread> {
    let answer = match (status, facts.get("why"), facts.get("answer_bytes")) {
        ("failed", why, _) => Err(why.unwrap_or_default().to_owned()),
        (_, _, Some(bytes)) => return Err(Unread(format!("an answer of {bytes} bytes was too long to be kept"))),
        _ => {
            let pieces = facts.iter().filter(|(name, _)| *name == "answer").map(|(_, piece)| piece);
            let mut whole: serde_json::Value = serde_json::from_str(&pieces.collect::<String>())
                .map_err(|_| Unread("what the world answered is not in the journal".into()))?;
            // Headers of a web server are not kept.
            if let Some(reply) = whole.as_object_mut().filter(|reply| reply.contains_key("body")) {
                reply.entry("headers").or_insert_with(|| serde_json::json!({}));
            }
            Ok(whole.to_string())
        }
    };
    Ok(Outcome::Brought(Box::new(Brought::Answer(answer))))
}

const STATUSES: [Status; 26] = [
    Status::Left,
    Status::Kicked,
    Status::Ended,
    Status::Denied,
    Status::Ok,
    Status::Gone,
    Status::Done,
    Status::Stopped,
    Status::Missing,
    Status::Digits,
    Status::Timeout,
    Status::Invalid,
    Status::Kept,
    Status::TooShort,
    Status::Silence,
    Status::Answered,
    Status::Busy,
    Status::NoAnswer,
    Status::Rejected,
    Status::Unreachable,
    Status::Cancelled,
    Status::Screened,
    Status::Forbidden,
    Status::Completed,
    Status::Failed,
    Status::Returned,
];

const MISUSES: [Misuse; 13] = [
    Misuse::NoLeg,
    Misuse::NoHandle,
    Misuse::VerbBusy,
    Misuse::Answered,
    Misuse::NotAnswered,
    Misuse::NotACaller,
    Misuse::NotJoined,
    Misuse::NoRefer,
    Misuse::TooManyLegs,
    Misuse::TooManyVerbs,
    Misuse::TooMuchBeside,
    Misuse::TooManyTargets,
    Misuse::TooFast,
];
