//! What `[[endpoint]]` and `[[trunk]]` say about calls alike: codecs, SRTP, numbers to show, where calls go on.

use std::time::Duration;

use patchcord_engine::routing::{
    Calling, Codec, Forward, ForwardFault, MAX_FORWARDS, RING_RANGE, Srtp, UnknownWord, forward_target, plain,
};
use patchcord_web::accounts::rules;

use super::{problem::Wrong, section::Section};

/// Most calls at once that anything may have.
pub const MOST_CALLS: usize = rules::MOST_CALLS as usize;

/// The call fields of an endpoint.
pub fn read(section: &mut Section<'_>) -> Calling {
    let default = Calling::default();
    Calling {
        codecs: codecs(section).unwrap_or(default.codecs),
        srtp: srtp(section).unwrap_or_default(),
        calls: section.take_number("calls", 1..=MOST_CALLS).map(|calls| calls as u32),
        caller_id: caller_id(section),
        forward: forward(&mut section.take_section("forward")),
    }
}

/// The list of `codecs`, the best first.
pub fn codecs(section: &mut Section<'_>) -> Option<Vec<Codec>> {
    let place = section.place().clone();
    let known = Codec::names().collect::<Vec<_>>().join(", ");
    let codec = |name: &str| {
        name.parse().map_err(|unknown: UnknownWord| Wrong::new(unknown.to_string(), format!("use {known}")))
    };
    let found = section.take_list("codecs", codec)?;
    if found.is_empty() {
        section.object(
            &place,
            "codecs",
            Wrong::new("is empty", "name at least one, or leave it out for all that are usual"),
        );
    }
    if let Some(twice) = (1..found.len()).find(|at| found[..*at].contains(&found[*at])) {
        let reason = format!("{} stands there twice", found[twice]);
        section.object(&place, "codecs", Wrong::new(reason, "remove one"));
    }
    Some(found)
}

/// The key `srtp`.
pub fn srtp(section: &mut Section<'_>) -> Option<Srtp> {
    let read = |text: &str| {
        let remedy = "write \"required\", \"offered\" or \"off\"";
        text.parse().map_err(|unknown: UnknownWord| Wrong::new(unknown.to_string(), remedy))
    };
    section.take_parsed("srtp", read).map(|(srtp, _)| srtp)
}

/// The number to show, as `caller_id`.
pub fn caller_id(section: &mut Section<'_>) -> Option<Box<str>> {
    section.take_parsed("caller_id", number).map(|(number, _)| number)
}

/// A number, without what people write between its digits.
pub fn number(text: &str) -> Result<Box<str>, Wrong> {
    let number = plain(text);
    rules::number(&number).map(|()| number.into()).map_err(|unfit| Wrong::new(unfit.to_string(), unfit.remedy()))
}

fn forward(section: &mut Section<'_>) -> Forward {
    let default = Forward::default();
    let place = section.place().clone();
    let target = |text: &str| {
        let remedy = "write a number, the name of an endpoint, or that of a service, as in \"voicemail\"";
        forward_target(text).map_err(|fault: ForwardFault| Wrong::new(fault.to_string(), remedy))
    };
    let mut targets = |key| {
        let found = section.take_one_or_more(key, target).unwrap_or_default();
        if found.len() > MAX_FORWARDS {
            let reason = format!("there are more than {MAX_FORWARDS}");
            section.object(&place, key, Wrong::new(reason, "nobody waits that long; remove some"));
        }
        found
    };
    let (always, busy) = (targets("always"), targets("busy"));
    let (no_answer, unreachable) = (targets("no_answer"), targets("unreachable"));
    let after = section.take_duration("after", RING_RANGE).unwrap_or(default.after);
    section.close();
    Forward { always, busy, no_answer, unreachable, after: Duration::from_secs(after.as_secs()) }
}
