//! Browsers: how one is met on the network before it is heard (ICE, DTLS).
//!
//! Values only, like the rest of sound: datagrams and instants in, answers and keys out. Whose socket it is, and on which
//! thread what happens, is for [`crate::shard`]. Sound itself is RTP like everybody's, under keys that DTLS gave.
//!
//! | file | what it knows |
//! |---|---|
//! | [`stun`] | checks: reading, proving, answering |
//! | [`credentials`] | the name and the password that a description says |
//! | [`agent`] | our side of ICE: it answers, and where it is full checks |
//! | [`checks`] | the ways that are tried, and which of them is chosen |
//! | [`identity`] | our certificate, and its fingerprint |
//! | [`association`] | a handshake of DTLS, and the keys that come of it |

pub mod agent;
pub mod association;
pub mod checks;
pub mod credentials;
pub mod identity;
pub mod stun;

pub use agent::Agent;
pub use association::{Association, Failure, Role};
pub use checks::Remote;
pub use credentials::Credentials;
pub use identity::Identity;
