//! The Rhai host: a script is a value that yields verbs.

pub mod say;
pub mod shipped;
pub mod simulator;
pub mod time;
