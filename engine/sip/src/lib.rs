//! SIP as values: bytes and instants in, bytes and events out.
//!
//! Nothing in here opens a socket, starts a timer or reads a clock; whoever owns these values does.
#![forbid(unsafe_code)]

pub mod tokens;
pub mod wheel;
