//! Keys by RFC 4733 and in the sound: heard, sent, and each reported once.
//!
//! | file | what it knows |
//! |---|---|
//! | `key` | a [`Key`], a [`Press`] of it, and by which way it came |
//! | [`event`] | the four bytes of an event in RTP |
//! | [`receiver`], [`sender`] | events heard and sent |

pub mod event;
mod key;
pub mod receiver;
pub mod sender;

pub use key::{Key, News, Press, Via};
pub use receiver::Receiver;
pub use sender::Sender;
