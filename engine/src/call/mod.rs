//! What a call is: a pure machine.
//!
//! A [`Call`] owns its legs, the verbs under way on them and what they were joined into. It hears [`Event`]s, is told
//! [`Verb`](verb::Verb)s, and says [`Effect`]s; there is no fourth way in or out. It knows no SIP text, no sockets, no sound
//! and no clock: instants are handed in, so each ordering of what may happen at once can be tried.
//!
//! ```text
//!   line, sound, routing ──Event──▶ ┌──────┐ ──Effect::Line──▶ the leg's signalling
//!             program ──Step/Verb──▶ │ Call │ ──Effect::Sound─▶ the leg's port
//!               time ──wake(now)──▶ └──────┘ ──Effect::Resume▶ the program
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `verb` | what a call can be told, and what comes of it |
//! | `event` | what it hears |
//! | `effect` | what it wants done |

pub mod effect;
pub mod event;
pub mod verb;

pub use effect::{Effect, LineOrder, SoundOrder};
pub use event::{Ending, Event, Happening, LegEvent, Who};
pub use verb::{Outcome, Status, Verb};

/// A leg of one call. The first is the caller's, or the one that was called out first; a number is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u32);

impl LegId {
    /// The leg that made the call begin.
    pub const FIRST: Self = Self(0);
}
