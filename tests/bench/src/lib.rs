//! What the server costs: ratios beside a floor, bytes a dialog and a registration. See docs/performance.md.
//!
//! ```text
//! bin/floor    the bare loop that everything is measured beside
//! bin/uas      the real runtime, with a desk that answers calls and the real door behind it
//! bin/calls    starts both in turn, lets SIPp call them, and prints the CPU time and its ratio
//! bin/bridge   calls from phone to phone: their cost, what held ones keep, and a soak
//! bin/bridge_desk  the real exchange with a media plane, for `bridge`
//! bin/dry      a call without sockets, beside everything that is remembered for half a minute
//! bin/memory   bytes a dialog and a registration
//! bin/media    sound beside bare loops: bridges, prompts, rooms
//! bin/room     conference rooms: their cost, their sound, and an hour of one in real time
//! bin/records  calls stored beside running ones: whether sound is served later for it
//! bin/parse    nanoseconds and allocations of reading and writing a message
//! ```
//!
//! Times are printed and never asserted. What can be asserted is a test: `tests/steady.rs` counts the allocations of a media
//! thread in its steady state, which are none.

pub mod answering;
pub mod counting;
pub mod people;
pub mod process;
pub mod sipp;
pub mod sound;
pub mod spread;
