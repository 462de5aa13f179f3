//! What may never happen, whatever the order: kept in a book of what has begun and has not ended.

use std::collections::BTreeSet;

use super::super::effect::Note;
use super::super::work::Work;
use super::super::{Call, LegId};
use crate::program::VerbId;

/// What has begun and has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Book {
    legs: BTreeSet<LegId>,
    verbs: BTreeSet<VerbId>,
    /// What the program waits for.
    pub wanted: BTreeSet<VerbId>,
    pub over: bool,
    story_ended: bool,
}

impl Book {
    /// A note is entered, if it may be.
    pub fn enter(&mut self, note: &Note) -> Result<(), String> {
        let (right, what) = match note {
            Note::LegBegan(leg, ..) => (self.legs.insert(*leg), "a leg began twice"),
            Note::LegEnded(leg, _) => (self.legs.remove(leg), "a leg ended that had not begun, or twice"),
            Note::Verb(verb, _) => (self.verbs.insert(*verb), "a verb began twice"),
            Note::Result(verb, _) => (self.verbs.remove(verb), "a verb ended that had not begun, or twice"),
            Note::StoryEnded(_) => (!std::mem::replace(&mut self.story_ended, true), "the story ended twice"),
            _ => (true, ""),
        };
        if right { Ok(()) } else { Err(format!("{what}: {note:?}")) }
    }

    /// The call has said that it is over.
    pub fn close(&mut self, call: &Call) -> Result<(), String> {
        if std::mem::replace(&mut self.over, true) {
            return Err("over twice".into());
        }
        if !self.legs.is_empty() {
            return Err(format!("over, with legs that have no end: {:?}", self.legs));
        }
        if !self.verbs.is_empty() {
            return Err(format!("over, with verbs that have no end: {:?}", self.verbs));
        }
        if !call.owns().is_empty() || call.deadline().is_some() {
            return Err(format!("over, but it owns {:?}", call.owns()));
        }
        Ok(())
    }

    pub fn knows(&self, leg: LegId) -> bool {
        self.legs.contains(&leg)
    }
}

/// What holds inside a call between two moves.
pub(super) fn inside(call: &Call) -> Result<(), String> {
    for (id, leg) in call.legs.iter() {
        if let Some(other) = leg.partner {
            let back = call.here(other).and_then(|other| other.partner);
            if back != Some(*id) {
                return Err(format!("leg {id:?} hears {other:?}, which hears {back:?}"));
            }
        }
        if let Some(verb) = leg.busy.filter(|verb| leg.is_here() && !call.works.contains_key(verb)) {
            return Err(format!("leg {id:?} is held by verb {verb:?}, which is none"));
        }
        if let Some(dial) = leg.dial.filter(|dial| !call.works.contains_key(dial)) {
            return Err(format!("leg {id:?} rings for verb {dial:?}, which is none"));
        }
        if let Some(Work::Dial(dialling)) = leg.dial.and_then(|dial| call.works.get(&dial))
            && (!dialling.asked().any(|asked| asked == *id) || !dialling.still_asks())
        {
            return Err(format!("leg {id:?} rings for a dial that does not want it"));
        }
        let alone = leg.partner.is_none() && leg.busy.is_none() && leg.dial.is_none();
        if leg.is_here() && leg.parent.is_some() && alone {
            return Err(format!("leg {id:?} was called for another one, and nobody has it"));
        }
        if !leg.is_here() && (leg.partner.is_some() || !leg.sounds.is_empty()) {
            return Err(format!("leg {id:?} is ending and still joined or played to"));
        }
    }
    if call.caller.announce.is_some()
        && let Some(id) = call.untold()
    {
        return Err(format!("leg {id:?} is recorded and hears nothing of it"));
    }
    match call.passings.keys().find(|verb| !call.works.contains_key(verb)) {
        Some(verb) => Err(format!("a transfer waits for {verb:?}, which is none")),
        None => Ok(()),
    }
}
