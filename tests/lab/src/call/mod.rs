//! The phone that calls: signalling on `patchcord-sip`, one value per phone, sockets around it.
//!
//! | file | what it knows |
//! |---|---|
//! | `lab` | the thread on which all phones of a test live, and their beat |
//! | `model` | what a phone can and how it behaves by itself |
//! | `handset` | what a test tells a phone and asks of it |
//! | `machine` | requests and answers in and out, sorted to calls |
//! | `changes`, `pressing`, `listening` | the same for a call that stands, for keys, for sound |
//! | `leg`, `talk` | a call, and what was agreed about its sound |
//! | `calling`, `called`, `inside`, `transfer`, `register` | what the machine does about each kind of request |
//! | `sounding` | a mouth and ears for whoever signals by other means |
//! | `wire` | UDP, TCP, TLS and WS |

mod called;
mod calling;
mod changes;
mod handset;
mod inside;
mod lab;
mod leg;
mod listening;
mod machine;
mod model;
mod pressing;
mod register;
mod sounding;
mod talk;
mod transfer;
mod wire;

pub use handset::{Handset, Invitation};
pub use lab::Lab;
pub use leg::{Ending, Side};
pub use model::{Conduct, Keypad, Model, Reliability, Reports};
pub use sounding::Sounding;
pub use talk::Hold;
