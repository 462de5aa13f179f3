//! The Rhai host: a script is a value that yields verbs.
//!
//! A published text is compiled on each shard that runs it. For each call a [`Script`] is made, which implements the engine's
//! `Program`: it is resumed with what happened and says what it wants. Inside, the functions of the script run on stacks of
//! their own (strands) and stop inside their verbs; to whoever writes them they read as if they waited.
//!
//! ```text
//! Shelf (texts, versions) ─▶ Host (a shard: compiled) ─▶ Script (a call) ─▶ Strand (a run of a function) ─▶ words
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `shelf` | which text is served under which name, and which version it is |
//! | `imports` | what a service imports: modules of its folder and of the house |
//! | `host`, `language` | the compiled texts of a shard, and the language that they are compiled in |
//! | `script`, `handed` | one call: its story, its side handlers and what they are given, how they end |
//! | `occasion` | what a script is asked outside of any call, and its answers |
//! | `strand`, `running` | a run of a function on a stack of its own, and what it waits for |
//! | `memory` | what it holds, counted by the allocator; with `strand` all that is unsafe |
//! | `scene` | what host functions know of the call while they run |
//! | `words` | everything that a script can say |
//! | `handlers`, `check`, `lints`, `reach`, `endings`, `rehearsal`, `reference` | what is wrong with a text before anybody calls it; the page of all words |
//! | `say`, `time` | numbers and dates as prompts; opening hours and holidays |
//! | `shipped` | services and sounds that are part of the house |
//! | `simulator`, `testing` | a house in virtual time, and tests of scripts that are played in it |
//! | `replay` | a past call against today's scripts |
//! | `fault`, `told`, `fell`, `meant`, `complaints` | what went wrong, and where, in words; what was meant; and how often the log says so |
//!
//! Nothing here opens a socket or a database, or a file but for the lengths of prompts in tests, and nothing reads a clock.

pub mod check;
mod complaints;
mod endings;
pub mod fault;
mod fell;
mod handed;
mod handlers;
mod host;
pub mod imports;
mod language;
pub mod limits;
pub mod lints;
mod meant;
pub mod memory;
mod occasion;
pub mod reach;
pub mod reference;
mod rehearsal;
pub mod replay;
mod running;
pub mod say;
mod scene;
mod script;
mod shelf;
pub mod shipped;
pub mod simulator;
mod strand;
pub mod testing;
#[cfg(test)]
mod tests;
pub mod time;
mod told;
pub mod words;

pub use host::Host;
pub use language::{check_text, engine};
pub use limits::Limits;
pub use script::Script;
pub use shelf::{Broken, Digest, Edition, Shelf};
