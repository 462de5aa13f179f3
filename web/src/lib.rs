//! The store, the HTTP doors and the control socket.
//!
//! `store` is the only SQL of the house. Nothing here decides about SIP.
#![forbid(unsafe_code)]

pub mod store;
