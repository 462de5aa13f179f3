//! Whom a callee must say yes to before being joined.
//!
//! A mailbox answers as a person does, but it presses no key. While one callee is asked, the others ring on.

use std::time::Instant;

use patchcord_media::dtmf::Key;

use super::Dialling;
use super::target::Screening;
use super::verdict::Verdict;
use crate::call::play::{Owner, Playing};
use crate::call::{Call, LegId, is_due};
use crate::program::VerbId;

impl Dialling {
    /// Whether this callee is being asked.
    pub fn screens(&self, leg: LegId) -> bool {
        let mut branches = self.targets.iter().flat_map(|target| &target.branches);
        branches.any(|branch| branch.leg == Some(leg) && branch.screening.is_some())
    }
}

impl Call {
    pub(super) fn begin_screen(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let Some(prompt) = dialling.dial.screen.as_ref().map(|screen| screen.prompt.clone()) else { return };
        if let Some((_, branch)) = dialling.branch_of(id) {
            branch.screening = Some(Screening { until: None });
        }
        self.early_gone(verb, id, now);
        self.part(id, now);
        self.voice(id, Owner::Verb(verb), Playing::once(&prompt), now);
    }

    /// The question is over.
    pub(in crate::call) fn screen_asked(&mut self, verb: VerbId, id: LegId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let Some(timeout) = dialling.dial.screen.as_ref().map(|screen| screen.timeout) else { return };
        if let Some((_, branch)) = dialling.branch_of(id)
            && let Some(screening) = &mut branch.screening
        {
            screening.until = Some(now + timeout);
        }
    }

    /// A callee that is being asked has pressed a key. Another key than the right one is no answer.
    pub(in crate::call) fn screen_key(&mut self, verb: VerbId, id: LegId, key: Key, now: Instant) {
        let right = self.dialling(verb).and_then(|dialling| dialling.dial.screen.as_ref()).map(|screen| screen.key);
        if right == Some(key) {
            self.hush(id, Owner::Verb(verb), now);
            self.accept(verb, id, now);
        }
    }

    /// Those who did not say yes in time are let go.
    pub(super) fn screen_due(&mut self, verb: VerbId, now: Instant) {
        let Some(dialling) = self.dialling(verb) else { return };
        let branches = dialling.targets.iter().flat_map(|target| &target.branches);
        let due = branches.filter(|b| b.screening.as_ref().is_some_and(|screening| is_due(screening.until, now)));
        let due: Vec<LegId> = due.filter_map(|branch| branch.leg).collect();
        for leg in due {
            let Some(dialling) = self.dialling(verb) else { return };
            dialling.judge(Verdict::SCREENED);
            self.drop_asked(verb, leg, now);
            self.forget_branch(verb, leg);
        }
    }
}
