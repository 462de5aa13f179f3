//! Keys by RFC 4733 and in the sound: heard, sent, and each reported once.

mod key;

pub use key::{Key, Press, Via};
