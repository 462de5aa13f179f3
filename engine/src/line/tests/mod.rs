//! Two lines wired against each other, and strangers who say what they like.

#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]

mod answering;
mod browsers;
mod calling;
mod laws;
mod orders;
mod reliably;
mod session;
mod sound;
mod stranger;
mod telling;
mod world;

use world::{ALICE, BOB, Fate, World};

use super::*;
use crate::call::event::{Refused, Who};
use crate::call::{Ending, LineOrder};

const HANG_UP: LineOrder = LineOrder::HangUp { cause: 16, sip: None, words: None };

/// An ending without its words.
fn ended(by: Who, cause: u8, sip: Option<u16>) -> LegEvent {
    LegEvent::Ended(Ending { by, cause, sip, reason: String::new() })
}

fn refused(sip: u16, reason: &str) -> LegEvent {
    LegEvent::Refused(Refused { sip, reason: reason.into(), elsewhere: Vec::new(), by_house: false })
}
