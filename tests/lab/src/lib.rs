//! The phones and peers that the scenarios drive, and the server under test as a process.
//!
//! Nothing here knows `patchcord-sip`: SIP is text in this crate, framed, digested and picked apart by other
//! code than the server's, so that a fault of the core is noticed and not mirrored. Everything waits for facts,
//! with a deadline, and panics with a sentence when the fact does not come: a panic here is a failed test.
#![forbid(unsafe_code)]

mod ask;
mod digest;
mod line;
mod peers;
mod phone;
mod process;
mod reply;
mod server;
mod swarm;
mod tls;
mod wait;

pub use ask::Ask;
pub use digest::Algorithm;
pub use line::{Carrier, Heard, Line};
pub use peers::{Account, Baresip, Linphone, Sipp, SippCount, Verdict};
pub use phone::{Phone, Wish};
pub use process::{Ended, Process};
pub use reply::Reply;
pub use server::{Server, Setup};
pub use swarm::{Swarm, SwarmCount};
pub use tls::make_certificate;
pub use wait::{PATIENCE, eventually};
