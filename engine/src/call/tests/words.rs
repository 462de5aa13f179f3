//! The verbs that tests say, with what they say least often left out.

use std::time::Duration;

use super::told::{SECOND, of};
use crate::call::LegId;
use crate::call::verb::{Dial, Gather, Outcome, Play, Record, Status, Verb};

pub(in crate::call) fn prompts(names: &[&str]) -> Play {
    Play { prompts: names.iter().map(|&name| name.to_owned()).collect(), loops: 1, ..Play::default() }
}

pub(in crate::call) fn play(leg: LegId, names: &[&str]) -> Verb {
    Verb::Play(leg, prompts(names))
}

/// Four keys or `#`, five seconds for the first, two for the others, a prompt that a key silences.
pub(in crate::call) fn four_keys() -> Gather {
    Gather {
        prompt: Some(prompts(&["menu"])),
        min: 1,
        max: 4,
        end: vec![of('#')],
        timeout: 5 * SECOND,
        gap: 2 * SECOND,
        barge_in: true,
        tries: 1,
        invalid: None,
        accept: Vec::new(),
        clear_first: false,
        secret: false,
    }
}

pub(in crate::call) fn gather(leg: LegId, rules: Gather) -> Verb {
    Verb::Gather(leg, Box::new(rules))
}

pub(in crate::call) fn gathered(status: Status, digits: &str) -> Outcome {
    Outcome::Gathered { status, digits: digits.into() }
}

pub(in crate::call) fn message() -> Record {
    Record {
        max: 60 * SECOND,
        silence: Some(4 * SECOND),
        end: vec![of('#')],
        beep: true,
        min: 2 * SECOND,
        format: None,
        both: false,
    }
}

/// All at once, twenty seconds each.
pub(in crate::call) fn targets(addresses: &[&str]) -> Dial {
    Dial::new(addresses.iter().map(|&address| address.to_owned()).collect(), 20 * SECOND)
}

pub(in crate::call) fn dial(leg: LegId, addresses: &[&str]) -> Verb {
    Verb::Dial(leg, Box::new(targets(addresses)))
}

pub(in crate::call) fn dialled(status: Status, leg: Option<u32>, sip: u16, talk: Duration) -> Outcome {
    Outcome::Dialled { status, leg: leg.map(LegId), sip, talk }
}
