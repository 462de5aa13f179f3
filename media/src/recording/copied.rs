//! Packets of Opus brought into a recording as they came, in their order and at their time.
//!
//! Where only one party is recorded and it speaks Opus, nothing has to be decoded and encoded again: its packets are put
//! into the file. A [`Copied`] puts those right that overtook each other, asks the decoder of whoever plays the file to make up
//! what was lost (RFC 7845 §4.1: a packet of nothing but its first byte), and lets the file go on in silence while nothing
//! comes, so that its times stay those of the call. It decodes nothing and knows no file.
//!
//! packet ──next of its count──▶ tap
//!    └──ahead──▶ waits for those before it, 60 ms at most; what has not come then is lost

use std::time::{Duration, Instant};

use super::tap::{TICKS, Tap};
use crate::codec::opus;
use crate::rtp::packet::View;

/// Packets that wait for one before them. More at once is a restart, not a disorder.
const MAX_WAITING: usize = 8;
/// How long they wait.
const PATIENCE: Duration = Duration::from_millis(60);
/// How far the file may stay behind the call before it goes on in silence: the longest packet, and how late it may be.
const BEHIND: u64 = 8 * TICKS;
/// How far it may run ahead: whoever sends faster than time goes by is not recorded any faster.
const AHEAD: u64 = 50 * TICKS;
/// What decoders make up before they have faded out; more is silence.
const MADE_UP: u64 = 5 * TICKS;

/// A packet that waits.
struct Waiting {
    sequence: u16,
    timestamp: u32,
    came: Instant,
    payload: Vec<u8>,
}

/// See the file.
#[derive(Default)]
pub(crate) struct Copied {
    /// The number and the time that come next, and who speaks.
    next: Option<(u16, u32, u32)>,
    /// In the order of their numbers.
    waiting: Vec<Waiting>,
    /// Room of packets that wait no more.
    spare: Vec<Vec<u8>>,
    /// How much time went by, how much of it the file has, and how much of that was silence since the last packet.
    passed: u64,
    put: u64,
    silent: u64,
    /// What a packet begins with that stands for a lost one, and how long it is.
    lost: Option<(u8, u64)>,
}

impl Copied {
    /// A packet came.
    pub fn hear(&mut self, packet: &View<'_>, now: Instant, tap: &mut Tap) {
        if opus::ticks(packet.payload()).is_none() {
            return;
        }
        let (sequence, timestamp) = (packet.sequence(), packet.timestamp());
        let ahead = match self.next {
            Some((next, _, ssrc)) if ssrc == packet.ssrc() => sequence.wrapping_sub(next),
            _ => {
                self.give_all(tap);
                self.next = Some((sequence, timestamp, packet.ssrc()));
                0
            }
        };
        if ahead == 0 {
            self.give(packet.payload(), timestamp, tap);
            return self.give_next(tap);
        }
        // What comes when it has been given up comes too late.
        if ahead <= u16::MAX / 2 {
            self.wait(packet, now);
            if self.waiting.len() == MAX_WAITING {
                self.give_up(tap);
            }
        }
    }

    /// 20 ms went by.
    pub fn round(&mut self, now: Instant, tap: &mut Tap) {
        self.passed += TICKS;
        while self.waiting.first().is_some_and(|first| now.saturating_duration_since(first.came) >= PATIENCE) {
            self.give_up(tap);
        }
        if self.waiting.is_empty() && self.put + BEHIND < self.passed {
            tap.frame(&[], &[]);
            self.put += TICKS;
            self.silent += TICKS;
        }
    }

    fn wait(&mut self, packet: &View<'_>, now: Instant) {
        let Some((next, _, _)) = self.next else { return };
        let (sequence, timestamp) = (packet.sequence(), packet.timestamp());
        let ahead = |sequence: u16| sequence.wrapping_sub(next);
        let at = self.waiting.partition_point(|waiting| ahead(waiting.sequence) < ahead(sequence));
        if self.waiting.get(at).is_some_and(|waiting| waiting.sequence == sequence) {
            return;
        }
        let mut payload = self.spare.pop().unwrap_or_default();
        payload.extend_from_slice(packet.payload());
        self.waiting.insert(at, Waiting { sequence, timestamp, came: now, payload });
    }

    /// Goes on without what is missing before the first that waits.
    fn give_up(&mut self, tap: &mut Tap) {
        if let (Some(first), Some((next, _, _))) = (self.waiting.first(), &mut self.next) {
            *next = first.sequence;
            self.give_next(tap);
        }
    }

    /// Gives what has waited for its turn.
    fn give_next(&mut self, tap: &mut Tap) {
        while let (Some(first), Some((next, _, _))) = (self.waiting.first(), self.next)
            && first.sequence == next
        {
            let mut first = self.waiting.remove(0);
            self.give(&first.payload, first.timestamp, tap);
            first.payload.clear();
            self.spare.push(first.payload);
        }
    }

    /// Gives all that waits: nothing more comes of this count.
    fn give_all(&mut self, tap: &mut Tap) {
        while !self.waiting.is_empty() {
            self.give_up(tap);
        }
    }

    /// Puts a packet into the recording, at its time.
    fn give(&mut self, payload: &[u8], timestamp: u32, tap: &mut Tap) {
        let (Some((next, time, _)), Some(ticks)) = (&mut self.next, opus::ticks(payload)) else { return };
        let missing = timestamp.wrapping_sub(*time);
        *next = next.wrapping_add(1);
        *time = timestamp.wrapping_add(ticks);
        if missing <= u32::MAX / 2 {
            self.fill(u64::from(missing).saturating_sub(self.silent), tap);
        }
        self.silent = 0;
        let (first, frames) = (payload[0], opus::frames(payload).unwrap_or(1));
        self.lost = Some((first & !3, u64::from(ticks) / frames));
        if self.put < self.passed + AHEAD && tap.packet(payload) {
            self.put += u64::from(ticks);
        }
    }

    /// Fills a hole: made up by whoever plays it, then silent; never further than time went by.
    fn fill(&mut self, missing: u64, tap: &mut Tap) {
        let until = (self.put + missing).min(self.passed);
        let made_up = until.min(self.put + MADE_UP);
        if let Some((first, each)) = self.lost.filter(|(_, each)| *each > 0) {
            while self.put + each <= made_up && tap.packet(&[first]) {
                self.put += each;
            }
        }
        while self.put + TICKS <= until {
            tap.frame(&[], &[]);
            self.put += TICKS;
        }
    }
}

#[cfg(test)]
#[path = "copied_tests.rs"]
mod tests;
