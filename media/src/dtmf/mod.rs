//! Keys by RFC 4733 and in the sound: heard, sent, and each reported once.
//!
//! | file | what it knows |
//! |---|---|
//! | `key` | a [`Key`], a [`Press`] of it, and by which way it came |
//! | [`event`] | the four bytes of an event in RTP |
//! | [`receiver`], [`sender`] | events heard and sent |
//! | [`inband`], [`tones`] | the sound of keys, heard and made |
//! | [`once`] | one report of each press, when several ways carry it |

pub mod event;
pub mod inband;
mod key;
pub mod once;
pub mod receiver;
pub mod sender;
pub mod tones;

pub use inband::Detector;
pub use key::{Key, News, Press, Via};
pub use once::Once;
pub use receiver::Receiver;
pub use sender::Sender;
