//! What happened in a call, in one sentence, out of its record.
//!
//! `Alice called 102; Bob's phone rang 6 s and answered; they talked 2 min 3 s; Bob hung up.`
//!
//! It says what a person would tell another, in the order in which it happened, and nothing that the record does not say. Parties stand
//! there by what the house knows them as: the name of an endpoint, a trunk, a number. What they call themselves does not, and what they
//! say of their ends stands in quotes: nobody writes a part of it.

use std::time::Duration;

use super::{
    entry::{By, Cause, Direction, LegNumber},
    facts::cut,
    leg::LegRecord,
    outcome::{Fault, Outcome},
    party::Account,
    passing::{PassedBy, PassedOn},
    record::Record,
};
use crate::call::cause::{self, NO_ROOM};
use crate::routing::NO_SUCH_NAME;

use names::{capital, quoted, word};
pub use names::{claimed, lowered, shown};

/// The tag by which a service says that it took a message down, and how long that is.
const MESSAGE_MS: &str = "message_ms";

/// Legs that are told of one by one; of more, how many.
const TOLD: usize = 4;

/// A leg that is given up this soon before a transfer fails was its target.
const JUST_THEN: Duration = Duration::from_secs(1);

/// Bytes of a name or reason that are shown. What a stranger calls himself must not drown the rest.
const NAME: usize = 60;

/// Reasons of parties that are our words for what they did.
const OURS: [&str; 5] = [
    "normal clearing",
    "nobody acknowledged the answer",
    "its connection was lost",
    "the other party has gone",
    "transferred",
];

/// What happened.
pub fn sentence(record: &Record) -> String {
    let mut parts = vec![opening(record)];
    let called = called(record);
    if called.is_empty() && record.answered.is_some() {
        parts.push(match record.service.as_deref().map(clean) {
            Some(service) => format!("service {service} answered"),
            None => "the server answered".into(),
        });
    }
    let before = before_transfers(record, &called);
    parts.extend(before.iter().take(TOLD).map(|leg| rang(leg, record)));
    phones::told_apart(&mut parts);
    if let Some(more @ 1..) = before.len().checked_sub(TOLD) {
        parts.push(format!("{more} more {} called", if more == 1 { "was" } else { "were" }));
    }
    let talk = talk_before(record);
    if !talk.is_zero() {
        parts.push(match record.outcome {
            Some(_) if record.length_is_known() => format!("they talked {}", long(talk)),
            Some(_) if talk < Duration::from_secs(1) => "they had begun to talk".into(),
            Some(_) => format!("they talked at least {}", long(Duration::from_secs(talk.as_secs()))),
            None => format!("they have talked {} so far", long(talk)),
        });
    }
    parts.extend(record.passed.iter().take(TOLD).map(|passed| transfer(passed, record)));
    parts.push(left(record));
    parts.push(ending(record));
    parts.retain(|part| !part.is_empty());
    format!("{}.", parts.join("; "))
}

/// A length of time, as people say it: rounded, and in thousandths where it is shorter than a second.
pub fn long(time: Duration) -> String {
    let tenths = (time.as_micros() + 50) / 100;
    let seconds = (time.as_millis() + 500) / 1000;
    // Whoever waits for hours counts no seconds.
    let seconds = if seconds < 3600 { seconds } else { (seconds + 30) / 60 * 60 };
    match seconds {
        _ if time.is_zero() => "0 s".into(),
        _ if tenths < 100 => format!("{}.{} ms", tenths.max(1) / 10, tenths.max(1) % 10),
        _ if time.as_micros() < 999_500 => format!("{} ms", (time.as_micros() + 500) / 1000),
        1..60 => format!("{seconds} s"),
        0 | 60..3600 => match seconds % 60 {
            0 => format!("{} min", seconds / 60),
            rest => format!("{} min {rest} s", seconds / 60),
        },
        _ => match seconds / 60 % 60 {
            0 => format!("{} h", seconds / 3600),
            rest => format!("{} h {rest} min", seconds / 3600),
        },
    }
}

/// Whether the house began the call.
fn is_by_house(record: &Record) -> bool {
    record.legs.first().is_some_and(|leg| leg.direction == Direction::Outbound)
}

fn opening(record: &Record) -> String {
    if let Some(handler) =
        record.route.as_deref().filter(|_| record.legs.is_empty()).filter(|route| route.starts_with("on_"))
    {
        return format!("{} asked {} ({})", shown(&record.from), shown(&record.to), clean(handler));
    }
    match is_by_house(record) {
        true => format!("the server called {}", shown(&record.to)),
        false => format!("{} called {}", calling(record), shown(&record.to)),
    }
}

/// Who called, and by which trunk.
fn calling(record: &Record) -> String {
    match by_trunk(record) {
        Some(trunk) => format!("{} by trunk {}", caller(record), clean(trunk)),
        None => caller(record),
    }
}

/// The same without the trunk: an endpoint by its name, anybody else by the number. Where the house has called, whoever answered it.
pub(super) fn caller(record: &Record) -> String {
    match record.legs.first().map(|leg| (leg.direction, &leg.account)) {
        Some((Direction::Inbound, Account::Endpoint(name))) => capital(&clean(name)),
        Some((Direction::Outbound, _)) => first_called(record),
        _ => shown(&record.from),
    }
}

/// Whom the house called first: whoever answered of those that it rang.
fn first_called(record: &Record) -> String {
    let mut rung = record.legs.iter().filter(|leg| leg.direction == Direction::Outbound && leg.parent.is_none());
    let one = rung.clone().find(|leg| leg.answered.is_some()).or_else(|| rung.next());
    one.map_or_else(|| shown(&record.to), who)
}

/// The trunk that the call came by.
fn by_trunk(record: &Record) -> Option<&str> {
    match record.legs.first().map(|leg| (leg.direction, &leg.account)) {
        Some((Direction::Inbound, Account::Trunk(name))) => Some(name),
        _ => None,
    }
}

/// The legs that were called before anybody was passed on, or for other reasons.
fn before_transfers<'a>(record: &Record, called: &[&'a LegRecord]) -> Vec<&'a LegRecord> {
    let of_transfer = |leg: &&&LegRecord| {
        record.passed.iter().any(|passed| passed.partner() == Some(leg.leg) || is_tried(leg, passed))
    };
    called.iter().filter(|leg| !of_transfer(leg)).copied().collect()
}

/// Whether a leg was called for a transfer that did not come about.
fn is_tried(leg: &LegRecord, passed: &PassedOn) -> bool {
    let just_then = |ended: Duration| passed.at.saturating_sub(ended) <= JUST_THEN && ended <= passed.at + JUST_THEN;
    !passed.is_done()
        && leg.direction == Direction::Outbound
        && leg.parent == Some(passed.leg)
        && leg.answered.is_none()
        && leg.ended.is_some_and(just_then)
}

/// How long those talked who talked first: what is talked with the targets of transfers is told with them.
fn talk_before(record: &Record) -> Duration {
    let done = record.passed.iter().filter_map(|passed| passed.partner().filter(|_| passed.is_done()));
    let later: Duration = done.filter_map(|leg| record.leg(leg)?.talk).sum();
    record.talk.saturating_sub(later)
}

/// Who passed whom on to whom, and what came of it.
fn transfer(passed: &PassedOn, record: &Record) -> String {
    let name = |leg: Option<LegNumber>| leg.map_or_else(|| "somebody".into(), |leg| name_of(leg, record));
    let (whom, from) = (name(Some(passed.leg)), name(passed.from));
    let by = match passed.by {
        PassedBy::Partner | PassedBy::Attending => from.clone(),
        PassedBy::Script => "the script".into(),
        PassedBy::Operator => "an operator".into(),
        PassedBy::Target => name(passed.to),
    };
    if !passed.is_done() {
        let tried = record.legs.iter().rfind(|leg| is_tried(leg, passed));
        let why = tried.map_or_else(|| format!("it failed ({})", passed.sip), |leg| ringing(leg, record));
        return format!("{by} tried to transfer {whom}, but {why}");
    }
    let talk = passed.partner().and_then(|to| record.leg(to)?.talk).filter(|talk| !talk.is_zero()).map(long);
    match (passed.to, talk) {
        (None, _) => format!("{by} transferred {whom} into another call"),
        (Some(to), _) if to == passed.leg => match passed.service.as_deref().map(clean) {
            Some(service) => format!("{by} transferred {whom} to service {service}"),
            None => format!("{by} transferred {whom} to a service"),
        },
        (_, talk) if passed.by == PassedBy::Target => {
            let talked = talk.map(|talk| format!(" and talked {talk}"));
            format!("{by} took the place of {from}{}", talked.unwrap_or_default())
        }
        (to, Some(talk)) => format!("{by} transferred {whom} to {}, who talked {talk}", name(to)),
        (to, None) => format!("{by} transferred {whom} to {}", name(to)),
    }
}

/// What whoever talked with a service left there.
fn left(record: &Record) -> String {
    let tagged = record.tags.iter().find(|(key, _)| &**key == MESSAGE_MS).and_then(|(_, ms)| ms.parse().ok());
    let Some(length) = tagged.map(Duration::from_millis).filter(|_| !record.recordings.is_empty()) else {
        return String::new();
    };
    format!("{} left a message of {}", caller(record), long(length))
}

/// Whoever is at the end of a leg.
fn name_of(leg: LegNumber, record: &Record) -> String {
    match record.leg(leg) {
        Some(first) if record.legs.first() == Some(first) && first.direction == Direction::Inbound => caller(record),
        Some(leg) => who(leg),
        None => "somebody".into(),
    }
}

/// The legs that were called on somebody's behalf.
fn called(record: &Record) -> Vec<&LegRecord> {
    record.legs.iter().filter(|leg| leg.direction == Direction::Outbound).collect()
}

/// The same, and who sent the call on to it.
fn rang(leg: &LegRecord, record: &Record) -> String {
    let said = ringing(leg, record);
    let by = leg.forwarded.as_ref().map(|forwarded| match (&forwarded.by, forwarded.leg) {
        (Some(by), _) => capital(&word(by)),
        (None, Some(leg)) => name_of(leg, record),
        (None, None) => "somebody".into(),
    });
    by.map_or_else(|| said.clone(), |by| format!("forwarded by {by}, {said}"))
}

/// What became of one leg before anybody talked on it.
fn ringing(leg: &LegRecord, record: &Record) -> String {
    let name = phone(leg);
    let rings_for = |until: Option<Duration>| match (leg.rang, until) {
        (Some(rang), Some(until)) => format!("rang {}", long(until.saturating_sub(rang))),
        (Some(_), None) => "rings".into(),
        (None, _) => String::new(),
    };
    if leg.answered.is_some() {
        return match leg.rang {
            Some(_) => format!("{name} {} and answered", rings_for(leg.answered)),
            None => format!("{name} answered"),
        };
    }
    let rang = rings_for(leg.ended);
    let Some(cause) = &leg.cause else {
        return match (record.outcome, rang.as_str()) {
            (None, "") => format!("{name} is being called"),
            (_, "") => format!("{name} did not answer"),
            (_, rang) => format!("{name} {rang}"),
        };
    };
    let after = |what: &str| match rang.as_str() {
        "" => format!("{name} {what}"),
        rang => format!("{name} {rang} and {what}"),
    };
    // Q.850: non-selected user clearing, as when somebody else answered.
    if cause.q850 == 26 {
        return after("stopped: it was answered elsewhere");
    }
    if cause.by == By::System && cause.q850 == NO_ROOM {
        return format!("{name} was not called: {}", clean(&cause.reason));
    }
    if let Some(300..400) = cause.sip {
        return after("sent the call elsewhere");
    }
    match cause.sip.map(|sip| (sip, Outcome::of_status(sip, cause.by, leg.rang.is_some()))) {
        Some((_, Outcome::Busy)) => format!("{name} was busy"),
        Some((_, Outcome::NoAnswer)) => after("did not answer"),
        Some((_, Outcome::Rejected)) => after("declined"),
        Some((_, Outcome::Unreachable)) => after("could not be reached"),
        Some((_, Outcome::NotFound)) => after("is not known there"),
        Some((sip, Outcome::Forbidden)) => after(&format!("refused the call as forbidden ({sip})")),
        Some((_, Outcome::Cancelled)) | None if !rang.is_empty() => format!("{name} {rang}"),
        Some((_, Outcome::Cancelled)) | None => format!("{name}{}", phones::NOT_RUNG),
        Some((sip, _)) => after(&format!("refused the call ({})", answer(cause, sip))),
    }
}

/// How it ended.
fn ending(record: &Record) -> String {
    let caller = caller(record);
    let because = || match record.end.as_ref().map(|end| (reason(end), end.place.as_deref())) {
        Some((reason, Some(place))) if !reason.is_empty() => format!(": {reason} (at {})", clean(place)),
        Some((reason, _)) if !reason.is_empty() && reason != "normal clearing" => format!(": {reason}"),
        _ => String::new(),
    };
    match record.outcome {
        None if record.answered.is_some() => "it goes on".into(),
        None => "nobody has answered yet".into(),
        // Who was passed on talks on in the record of another call.
        Some(Outcome::Answered) if record.fault == Some(Fault::Nobody) && is_given_away(record) => String::new(),
        Some(Outcome::Answered) => hung_up(record, &because()),
        Some(Outcome::Unreachable) if record.end.as_ref().is_some_and(Cause::is_in_vain) => {
            format!("no answer came from there{}", blamed(record))
        }
        // The legs have said it; without them, the caller was told so.
        Some(Outcome::Busy | Outcome::NoAnswer | Outcome::Rejected | Outcome::Unreachable)
            if !called(record).is_empty() =>
        {
            String::new()
        }
        Some(Outcome::Busy) => format!("{caller} was told that it is busy"),
        Some(Outcome::NoAnswer) => "nobody answered".into(),
        Some(Outcome::Rejected) => format!("the call was declined{}", because()),
        Some(Outcome::Unreachable) => format!("{} could not be reached{}", shown(&record.to), because()),
        Some(Outcome::Cancelled) if by_operator(record) => {
            format!("it was {} after {}", cause::HUNG_UP_OUTSIDE, long(record.ended.unwrap_or_default()))
        }
        Some(Outcome::Cancelled) if is_by_house(record) => {
            format!("the server gave up after {}", long(record.ended.unwrap_or_default()))
        }
        Some(Outcome::Cancelled) => format!("{caller} gave up after {}", long(record.ended.unwrap_or_default())),
        Some(Outcome::NotFound) if record.end.as_ref().is_some_and(|end| &*end.reason == NO_SUCH_NAME) => {
            "nobody has that name".into()
        }
        Some(Outcome::NotFound) => format!("nobody has that number{}", because()),
        Some(Outcome::Forbidden) => format!("{caller} may not call that{}", because()),
        Some(Outcome::Screened) => "who was called did not take it".into(),
        Some(Outcome::Failed) if record.end.as_ref().is_some_and(is_drained) => {
            "the server was draining and took no new calls".into()
        }
        Some(Outcome::Failed) => format!("it could not be set up{}{}", because(), blamed(record)),
        Some(Outcome::Crashed) if record.fault == Some(Fault::Script) => format!("the script failed{}", because()),
        Some(Outcome::Crashed) => format!("a fault of the server ended it{}", because()),
        Some(Outcome::Ran) => "it answered".into(),
        Some(Outcome::Interrupted) => "the server stopped in the middle of it, so the end is not known".into(),
    }
}

/// Whether it came while the server took no new calls, because somebody wanted that.
fn is_drained(end: &Cause) -> bool {
    end.by == By::System && &*end.reason == cause::DRAINING
}

/// Whether an operator hung it up.
fn by_operator(record: &Record) -> bool {
    record.end.as_ref().is_some_and(|end| end.by == By::System && &*end.reason == cause::HUNG_UP_OUTSIDE)
}

/// Whether the last thing that happened was a transfer into another call.
fn is_given_away(record: &Record) -> bool {
    record.passed.last().is_some_and(|passed| passed.is_done() && passed.to.is_none())
}

fn hung_up(record: &Record, because: &str) -> String {
    if let (Some(leg), Some(Fault::Nobody)) = (record.hung_up, record.fault) {
        return format!("{} hung up", name_of(leg, record));
    }
    if by_operator(record) {
        return format!("it was {}", cause::HUNG_UP_OUTSIDE);
    }
    match record.end.as_ref().map(|end| end.by) {
        // Whom the house called is the caller of its service.
        Some(By::Caller) if record.fault == Some(Fault::Nobody) => format!("{} hung up", caller(record)),
        Some(By::Callee) if record.fault == Some(Fault::Nobody) => format!("{} hung up", callee(record)),
        Some(By::Script) if record.fault == Some(Fault::Nobody) => by_script(record, because),
        Some(By::System) if record.fault == Some(Fault::Nobody) => format!("the server ended it{because}"),
        Some(_) => format!("it broke off{because}{}", blamed(record)),
        None => "it ended".into(),
    }
}

/// A story that came to its end, of itself or with a conference room.
fn by_script(record: &Record, because: &str) -> String {
    match record.end.as_ref().map(|end| &*end.reason) {
        Some(cause::TOLD) => "the script ended it".into(),
        Some(cause::ROOM_CLOSED) => cause::ROOM_CLOSED.into(),
        Some(out @ (cause::REMOVED | cause::NOT_LET_IN | cause::LEFT_ROOM)) => format!("{} {out}", caller(record)),
        _ => format!("the script ended it{because}"),
    }
}

/// Whose fault it was, where it was anybody's.
fn blamed(record: &Record) -> String {
    match record.fault {
        None | Some(Fault::Nobody) => String::new(),
        Some(Fault::Caller) => format!(" (the fault of {}'s side)", caller(record)),
        Some(Fault::Callee) => format!(" (the fault of {}'s side)", callee(record)),
        Some(Fault::Script) => " (the script's fault)".into(),
        Some(Fault::Server) => " (the server's fault)".into(),
        Some(Fault::Network) => " (the network's fault)".into(),
    }
}

/// Who was talked with last, or else who was called.
fn callee(record: &Record) -> String {
    let legs = called(record);
    let talked = legs.iter().rev().find(|leg| leg.talk.is_some()).or(legs.last());
    talked.map_or_else(|| shown(&record.to), |leg| who(leg))
}

/// The party of a leg that was called.
fn who(leg: &LegRecord) -> String {
    match &leg.account {
        Account::Endpoint(name) => capital(&clean(name)),
        Account::Trunk(_) | Account::Stranger => shown(&leg.to),
    }
}

/// What rings at the end of a leg.
fn phone(leg: &LegRecord) -> String {
    match &leg.account {
        Account::Endpoint(name) => format!("{}{}", capital(&clean(name)), phones::PHONE),
        Account::Trunk(trunk) => format!("{} over trunk {}", shown(&leg.to), clean(trunk)),
        Account::Stranger => shown(&leg.to),
    }
}

fn answer(cause: &Cause, sip: u16) -> String {
    match reason(cause) {
        reason if reason.is_empty() => sip.to_string(),
        reason => format!("{sip} {reason}"),
    }
}

/// Why a leg ended: in quotes where a party said so, and as a part of the sentence where the house did.
fn reason(cause: &Cause) -> String {
    let said = clean(&cause.reason);
    match cause.by {
        By::Caller | By::Callee if !said.is_empty() && !OURS.contains(&&*said) => quoted(&said),
        _ => lowered(&said),
    }
}

/// Whether a letter, which nobody sees, makes a line run the other way.
pub fn turns(letter: char) -> bool {
    matches!(letter, '\u{061c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Somebody else's words, on one line and not too many of them.
pub fn clean(text: &str) -> String {
    plain(text, NAME)
}

/// Somebody else's words, on one line and in so many bytes at most.
pub(super) fn plain(text: &str, most: usize) -> String {
    // Controls, and the marks that make a line run the other way.
    let visible = |letter: char| !letter.is_control() && !turns(letter);
    let whole: String = text.chars().map(|letter| if visible(letter) { letter } else { ' ' }).collect();
    let trimmed = whole.trim();
    match trimmed.len() > most {
        true => format!("{}…", cut(trimmed, most).trim_end()),
        false => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod house_tests;
mod names;
mod phones;
#[cfg(test)]
mod tests;
