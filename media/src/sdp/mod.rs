//! Offer and answer: which codec, which address, which keys.
//!
//! Values only: text in, text out, no sockets and no randomness. Ports, keys, certificates and session numbers are handed
//! in by whoever has them.
//!
//! | file | what it knows |
//! |---|---|
//! | [`description`] | what a description says, in its order |
//! | [`read`], `write` | text to values, with the line of each error, and back |
//! | [`format`], [`fmtp`] | codecs as SDP names them, and what is asked of them |
//! | [`direction`] | which way sound goes |
//! | [`crypto`], [`dtls`], [`ice`] | keys in the description, fingerprints, candidates |

pub mod crypto;
pub mod description;
pub mod direction;
pub mod dtls;
pub mod fmtp;
pub mod format;
pub mod ice;
pub mod read;
mod write;

pub use description::{Description, Media};
pub use direction::Direction;
pub use format::{Codec, Format};
pub use read::Malformed;

#[cfg(test)]
mod tests;
