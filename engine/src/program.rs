//! What a running script is to the engine: a value that is resumed with what happened and says what it wants.
//!
//! ```text
//! Begin ─▶ Wants(1, Verb) … Result(1, Outcome) ─▶ Wants(2, …) … Heard(Happening) ─▶ Waits … Finished
//! ```
//!
//! A program owns no clock, no socket and no randomness. The engine resumes it for one reason at a time, on one thread, and
//! gets exactly one [`Step`] for it. A verb is answered once, by [`Wake::Result`] with its id. Of the ids it only asks that no
//! two verbs under way have the same. After [`Step::Finished`] the call is taken down; the program is then still told of each
//! leg that leaves ([`Happening::Left`]) and may ask for verbs that need no sound, until the engine's patience ends.

use crate::call::{Happening, LegId, Outcome, Verb};
use crate::occasion::Occasion;

/// A script, a test, or a service written in Rust.
pub trait Program {
    /// Goes on until the program wants something, waits for what it wanted, or has ended.
    fn resume(&mut self, wake: Wake) -> Step;

    /// Where it stands, as a file and a line: for the journal. `None` where it knows no such thing.
    fn place(&self) -> Option<String> {
        None
    }

    /// The name of the service that it is, which its recordings carry.
    fn service(&self) -> Option<&str> {
        None
    }

    /// Whether it may ask for keys that nobody is to read, itself or by whoever it hands the call to: what is pressed before anything
    /// is asked is not written down then.
    fn asks_secrets(&self) -> bool {
        false
    }
}

/// A verb under way, as the program counts them. The numbers with the highest bit are the house's own, for what it does
/// without having been asked; a program never uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerbId(pub u64);

/// Why a program is resumed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The call has come: this leg is the caller's.
    Begin(LegId),
    /// There is no call: this is asked of the program, and what it answers it says by [`Errand::Reply`](crate::errand::Errand).
    Occasion(Box<Occasion>),
    /// A verb has ended.
    Result(VerbId, Outcome),
    /// Something happened that no verb was waiting for.
    Heard(Happening),
    /// It had asked for a breath, and others have had their turn.
    Breathed {
        /// Whether every leg of its call has gone meanwhile: what it computes now is for nobody who could hear of it.
        alone: bool,
    },
    /// The call is being taken down at once: nothing that it wants is done any more. It must answer `Finished`.
    Gone,
}

/// What a program says when it stops for now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// It wants this done, and to hear what came of it.
    Wants(VerbId, Verb),
    /// It waits for what it wanted before, or for something to happen.
    Waits,
    /// It has more to compute than is polite at once.
    Breathe,
    /// Its story is over.
    Finished(End),
}

/// How a story ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It was told to its end.
    Told,
    /// A fault of the program stopped it: what it was, and where.
    Fault(String),
    /// The call is handed to another service.
    ContinueAs(String),
}
