//! What both tables write into: what comes out, when they want to be woken, and what is counted.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::news::{Heard, Output, Sender};
use super::tally::Tally;
use super::timers::{Pace, TimerSet};
use crate::hop::Hop;
use crate::wheel::{Handle, Wheel};

/// Whose timer it is; the number is the place in its table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Alarm {
    Server(u32),
    Client(u32),
}

pub(super) struct Outbox {
    pub timers: TimerSet,
    pub wheel: Wheel<Alarm>,
    pub output: VecDeque<Output>,
    pub tally: Tally,
    /// Bytes of messages that the requests of others keep.
    pub held: usize,
}

impl Outbox {
    pub fn tell(&mut self, heard: Heard) {
        self.output.push_back(Output::Heard(heard));
    }

    pub fn send(&mut self, hop: Hop, bytes: Bytes, sender: Sender) {
        self.output.push_back(Output::Send { hop, otherwise: None, bytes, sender });
    }

    /// Sets the one timer of a transaction to its next deadline.
    pub fn arm(&mut self, timer: &mut Option<Handle>, deadline: Option<Instant>, alarm: Alarm) {
        match (*timer, deadline) {
            (Some(handle), Some(deadline)) => {
                self.wheel.move_to(handle, deadline);
            }
            (Some(handle), None) => {
                self.wheel.cancel(handle);
                *timer = None;
            }
            (None, Some(deadline)) => {
                let handle = self.wheel.insert(deadline, alarm);
                *timer = Some(handle.expect("the wheel has a place for each place in both tables"));
            }
            (None, None) => {}
        }
    }

    /// The times over this transport.
    pub fn pace(timers: &TimerSet, hop: Hop) -> Pace<'_> {
        Pace { timers, reliable: hop.transport.is_reliable() }
    }
}
