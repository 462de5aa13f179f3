//! Who is passed on to somebody else: by a party that asks for it, by the program, by an operator, and by a phone that takes a place.
//!
//! Three have a part in it: who transfers, who is passed on, and who is to be reached. However it began, it ends in the same
//! way: the second and the third are joined, and the first is hung up; or it does not come about, and who talked before talks
//! on.
//!
//! ```text
//!  REFER ─▶ wish ─accepted─▶ the target is called ──answers──▶ joined with it, the first one hung up
//!  Verb::Transfer ─────────▶        │             └──does not─▶ as before; returned where they were parted
//!  Replaces ─▶ the leg is there already, in this call, in another one, or it has just called
//! ```
//!
//! | file | what it knows |
//! |---|---|
//! | `wish` | a party that asks, and who may say yes |
//! | `passing` | a transfer whose target is being called, and what becomes of the three |
//! | `outside` | an operator who passes a party on |
//! | `serving` | a target that is a service |
//! | `handover` | legs that change their call, and phones that take a place |

mod handover;
mod outside;
mod passing;
mod serving;
mod wish;

pub(super) use handover::Taking;
pub use outside::NotPassed;
pub(super) use passing::Passing;
