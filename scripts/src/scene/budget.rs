//! What a strand may compute: others have their turn after a slice of it, and it is ended when it says nothing for too long, or when
//! everybody has gone whom it could say something to.

use patchcord_engine::call::LegId;
use rhai::Dynamic;

use super::{Scene, Unwound, token};
use crate::limits::Limits;
use crate::strand::{self, Answer, Ask};

/// What a strand has computed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    pub now: u64,
    pub since_verb: u64,
    pub since_breath: u64,
    /// Those at which everybody had gone, where it has said nothing since.
    pub alone_since: Option<u64>,
}

impl Scene {
    /// Rhai has computed so much in this run: others have their turn, and a script that never says anything is ended.
    pub fn progress(&self, operations: u64) -> Option<Dynamic> {
        let mut spent = self.spent.get();
        // A strand begins to count at nothing.
        if operations < spent.now {
            spent = Spent::default();
        }
        spent.now = operations;
        self.spent.set(spent);
        if operations - spent.since_breath < self.limits.slice {
            return None;
        }
        let used = operations - spent.since_verb;
        if used >= self.limits.operations {
            return Some(token(&Unwound::Budget(used)));
        }
        if !strand::is_running() {
            self.spent.set(Spent { since_breath: operations, ..spent });
            return None;
        }
        let answer = strand::ask(Ask::Breath);
        let is_for_nobody = self.for_nobody.get() && !self.outlives_any();
        let alone_since = is_for_nobody.then(|| spent.alone_since.unwrap_or(operations));
        self.spent.set(Spent { since_breath: operations, alone_since, ..spent });
        let is_in_vain = alone_since.is_some_and(|since| operations - since >= Limits::IN_VAIN);
        (is_in_vain || matches!(answer, Answer::Unwind)).then(|| token(&Unwound::Gone))
    }

    /// A strand begins: what others have computed is not its own.
    pub fn begin_strand(&self) {
        self.spent.set(Spent::default());
    }

    /// What a strand has computed, to be put back by [`Scene::go_on`] when it is resumed after another one.
    pub fn pause(&self) -> Paused {
        Paused { spent: self.spent.get(), waits_for: self.waits_for.get(), sleeps: self.sleeps.get() }
    }

    /// A strand goes on.
    pub fn go_on(&self, paused: Paused) {
        self.spent.set(paused.spent);
        self.waits_for.set(paused.waits_for);
        self.sleeps.set(paused.sleeps);
    }
}

/// What belongs to a strand that is not running.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paused {
    spent: Spent,
    /// The leg for whose sake it waits, where it waits for any.
    pub waits_for: Option<LegId>,
    /// Whether it waits for time alone.
    pub sleeps: bool,
}
