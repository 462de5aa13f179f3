//! The simulator: scripts are tested in virtual time, without sockets, sound cards or waiting.
//!
//! It drives the engine's own calls with any program, and stands in for all that is around them: phones with a behaviour, a
//! sound model without samples, the world outside, a clock that jumps to whatever is due next. It is told nothing of Rhai. The
//! same seed gives the same result, always.
//!
//! ```text
//! test ──▶ Stage, Phone ──▶ House ──▶ Talk: Call ⇄ Program
//!                             │         └─ lines, sounds: what a call wants done
//!                             └─ Agenda: what is due when; Tale: what has happened
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `stage`, `phone` | what a test says and expects |
//! | `house`, `agenda` | the clock, and what is due |
//! | `talk`, `lines`, `sounds` | one call: what it wants done, by its lines and its ports |
//! | `rooms` | conference rooms |
//! | `party`, `port` | somebody with a telephone; what is heard on a leg |
//! | `whereabouts`, `lengths` | where targets are, how long prompts are |
//! | `double`, `postbox`, `refused` | the world outside, and what it does for nobody |
//! | `records`, `tale`, `failure` | what a call leaves behind, and what is told of it |
//! | `points` | where stories wait, for whoever lets callers hang up there |

mod agenda;
mod clock;
mod double;
mod failure;
mod house;
mod lengths;
pub mod limits;
mod lines;
mod occasions;
mod originate;
mod party;
mod phone;
mod points;
mod port;
mod postbox;
mod records;
mod refused;
mod rooms;
mod sounds;
mod stage;
mod stop;
mod tale;
mod talk;
mod whereabouts;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use double::Reply;
pub use failure::Failure;
pub use phone::Phone;
pub use points::{Point, When};
pub use records::Closed;
pub use stage::{Setting, Stage};
pub use stop::Stop;
pub use tale::Line;

/// When a test begins that says nothing else: Monday, the 2nd of March 2026, at 10:00 UTC.
pub const MONDAY_MORNING: Duration = Duration::from_secs(1_772_445_600);
