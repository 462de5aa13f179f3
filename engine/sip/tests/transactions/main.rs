//! What one table of transactions does with single messages, as its neighbours would notice it.
#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]

mod asking;
mod refusing;
mod serving;
mod shard;
