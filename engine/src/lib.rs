//! The switch: who registers, who calls whom, and the sockets it is said over.
//!
//! `routing` decides who may do what, `journal` is what a call leaves behind, `runtime` is the only room that knows tokio.

pub mod asked;
pub mod bans;
pub mod bell;
pub mod call;
pub mod door;
pub mod errand;
pub mod exchange;
pub mod journal;
pub mod line;
pub mod live;
pub mod occasion;
pub mod originate;
pub mod passes;
pub mod program;
pub mod redact;
pub mod room;
pub mod rooms;
pub mod routing;
pub mod runtime;
mod seldom;
pub mod spool;
pub mod switchboard;
