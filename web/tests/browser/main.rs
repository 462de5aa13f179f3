//! The dashboard as a person meets it: a real Chromium walks the pages of a real server.
//!
//! Calls are put into the store as a shard would, so that each page has something to show, also what hostile callers say.

mod chromium;
mod keeping;
#[allow(dead_code, reason = "the doors' tests use more of it")]
#[path = "../doors/lab.rs"]
mod lab;
mod stage;
mod walk;
