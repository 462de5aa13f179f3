//! The phones and peers that the scenarios drive, and the server under test as a process.
//!
//! There are two kinds of phone. [`Phone`] and [`Swarm`] register and ask; SIP is text to them, framed, digested and picked
//! apart by other code than the server's, so that a fault of the core is noticed and not mirrored. [`Handset`]s call and
//! hear: their transactions, dialogs, codecs and grammars are those of the house, and what they judge by (who is heard, how
//! loud, which key, what an answer may say) is their own. Everything waits for facts, with a deadline, and panics
//! with a sentence when the fact does not come: a panic here is a failed test.
#![forbid(unsafe_code)]

mod ask;
mod call;
mod clock;
mod digest;
mod line;
mod peers;
mod phone;
mod process;
mod reply;
mod server;
mod sound;
mod swarm;
mod tls;
mod wait;

pub use ask::Ask;
pub use call::{Conduct, Ending, Handset, Hold, Invitation, Keypad, Lab, Model, Reliability, Reports, Side, Sounding};
pub use digest::Algorithm;
pub use line::{Carrier, Heard, Line};
pub use patchcord_media::codec::Kind;
pub use patchcord_media::dtmf::{Key, Press, Via};
pub use patchcord_media::frame::Rate;
pub use patchcord_media::sdp::crypto::Suite;
pub use patchcord_sip::Transport;
pub use peers::{
    Account, Baresip, Chromium, Flow, Linphone, Native, Place, Playing, Sipp, SippCount, Verdict, serve_html,
    serve_page,
};
pub use phone::{Phone, Wish};
pub use process::{Ended, Process};
pub use reply::Reply;
pub use server::{Server, Setup};
pub use sound::ear::Reception;
pub use sound::hearing::Hearing;
pub use sound::report::Told;
pub use sound::voice::Voice;
pub use swarm::{Swarm, SwarmCount};
pub use tls::make_certificate;
pub use wait::{PATIENCE, eventually};
