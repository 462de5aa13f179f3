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
//! | [`policy`] | what a leg may say and take; how two legs of a call get along without transcoding |
//! | [`plan`] | what we want of each part |
//! | [`negotiate`] | offer and answer of one leg |
//! | [`agreed`] | what came of it, for the media plane |
//! | [`crypto`], [`dtls`], [`ice`] | keys in the description, fingerprints, candidates |

pub mod agreed;
pub mod crypto;
pub mod description;
pub mod direction;
pub mod dtls;
pub mod fmtp;
pub mod format;
pub mod ice;
pub mod negotiate;
pub mod plan;
pub mod policy;
pub mod read;
mod write;

pub use agreed::Agreed;
pub use description::{Description, Media};
pub use direction::Direction;
pub use format::{Codec, Format};
pub use negotiate::{Negotiation, OutOfTurn, Refusal, Session, is_bundled, sound_line_of};
pub use plan::{Part, Place, RelayPlan, SoundPlan, Want};
pub use policy::Policy;
pub use read::Malformed;

#[cfg(test)]
mod tests;
