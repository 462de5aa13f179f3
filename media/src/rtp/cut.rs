//! Packets of another's length made into packets of ours, without decoding them.
//!
//! Codecs that are samples one after the other can be parted anywhere and joined without a trace. A [`Cut`] is handed what
//! passes from one party to another and gives out packets of the length that the other asked for, in a count of its own:
//! what comes out goes on to a [`Forward`](super::forward::Forward) as if somebody had sent it so. It touches no sample,
//! waits for nobody and makes nothing up.
//!
//! ```text
//! 20 ms in, 30 ms out    aaaa bbbb cccc        ──▶ aaaabb bbcccc
//! b was lost             aaaa      cccc dddd   ──▶ aaaa ····· ccccdd      a number is left free
//! b comes after all                b           ──▶      bbbb              and it takes it
//! ```
//!
//! What is held when a packet is missing, when their clock jumps or when they stop speaking leaves as a shorter packet: the
//! far end then has all that we have, and counts what is missing by its numbers.

use std::time::{Duration, Instant};

use super::packet::Head;

/// Holes that may still be filled by packets that come late. More at once is a network that nobody talks over.
const MAX_HOLES: usize = 4;
/// A step in the count longer than this is another count, not a loss; as in a stream that is passed on as it is.
const DROPOUT: u16 = 3000;
/// Numbers that are left free for one hole. A longer one shows in the time alone.
const MOST_FREE: u16 = 100;
/// The longest packet that is cut; what passes a router whole is shorter.
const MOST_BYTES: usize = 1472;
/// What a packet may be late by beside the time that it plays, before what is held leaves without it.
const PATIENCE: Duration = Duration::from_millis(20);

/// Numbers that were left free for packets that did not come.
#[derive(Debug, Clone, Copy)]
struct Hole {
    /// The first of their numbers that is missing, and how many are.
    theirs: u16,
    packets: u16,
    /// The first of ours that is free, and how many there are for each packet.
    ours: u16,
    each: u16,
}

/// See the file.
#[derive(Debug)]
pub struct Cut {
    /// Bytes of a packet that goes out, and of a tick of the clock.
    bytes: usize,
    per_tick: usize,
    clock_hz: u32,
    /// What came and has not left, and the head under which it will.
    held: Vec<u8>,
    head: Option<Head>,
    /// The number and the time that come next, and the bytes of the packet before.
    expected: (u16, u32),
    before: usize,
    /// Our next number.
    next: u16,
    holes: [Option<Hole>; MAX_HOLES],
    hole: usize,
    came: Option<Instant>,
}

impl Cut {
    /// To make packets of so many bytes, each tick of whose clock has `per_tick`.
    #[must_use]
    pub fn new(bytes: usize, per_tick: usize, clock_hz: u32) -> Self {
        let per_tick = per_tick.max(1);
        Self {
            bytes: (bytes / per_tick * per_tick).clamp(per_tick, MOST_BYTES),
            per_tick,
            clock_hz: clock_hz.max(1),
            held: Vec::with_capacity(2 * MOST_BYTES),
            head: None,
            expected: (0, 0),
            before: 0,
            next: 0,
            holes: [None; MAX_HOLES],
            hole: 0,
            came: None,
        }
    }

    /// Takes a packet of sound, and gives `out` those that are whole now.
    pub fn take(&mut self, head: &Head, payload: &[u8], now: Instant, mut out: impl FnMut(&Head, &[u8])) {
        if payload.is_empty() || payload.len() > MOST_BYTES {
            return;
        }
        let (number, time) = self.expected;
        let is_same = self.head.is_some_and(|known| known.ssrc == head.ssrc);
        let ahead = head.sequence.wrapping_sub(number);
        if is_same && ahead > u16::MAX / 2 {
            return self.fill(head, payload, out);
        }
        if !is_same {
            self.rest(&mut out);
            self.holes = [None; MAX_HOLES];
            self.next = head.sequence;
        } else if ahead != 0 || head.timestamp != time {
            self.rest(&mut out);
            self.leave_free(number, ahead);
        }
        if self.held.is_empty() {
            self.head = Some(*head);
        }
        self.held.extend_from_slice(payload);
        self.expected = (head.sequence.wrapping_add(1), head.timestamp.wrapping_add(self.ticks(payload.len())));
        (self.before, self.came) = (payload.len(), Some(now));
        while self.held.len() >= self.bytes {
            self.give(self.bytes, &mut out);
        }
    }

    /// A packet that is passed on as it is, as one of a key: what is held leaves before it. Its head in our count.
    pub fn beside(&mut self, head: &Head, mut out: impl FnMut(&Head, &[u8])) -> Head {
        self.rest(&mut out);
        if self.head.is_none_or(|known| known.ssrc != head.ssrc) {
            self.next = head.sequence;
            (self.head, self.before) = (Some(*head), self.bytes);
            self.expected.1 = head.timestamp;
        }
        let (number, _) = self.expected;
        if head.sequence.wrapping_sub(number) <= u16::MAX / 2 || self.came.is_none() {
            self.expected.0 = head.sequence.wrapping_add(1);
        }
        Head { sequence: self.number(), ..*head }
    }

    /// Whether something is held that nobody goes on with.
    #[must_use]
    pub fn is_stale(&self, now: Instant) -> bool {
        let plays = |bytes: usize| Duration::from_secs(1) * (self.ticks(bytes) * 1000 / self.clock_hz) / 1000;
        let quiet = |came| now.saturating_duration_since(came) > plays(self.before) + PATIENCE;
        self.is_holding() && self.came.is_some_and(quiet)
    }

    /// Whether something is held.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives out what is held, as a packet of its own.
    pub fn rest(&mut self, mut out: impl FnMut(&Head, &[u8])) {
        if self.is_holding() {
            self.give(self.held.len().min(self.bytes), &mut out);
        }
    }

    /// Throws away what is held: something else is said in its place.
    pub fn forget(&mut self) {
        self.held.clear();
    }

    fn ticks(&self, bytes: usize) -> u32 {
        (bytes / self.per_tick) as u32
    }

    fn number(&mut self) -> u16 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }

    /// Gives out the first `bytes` of what is held.
    fn give(&mut self, bytes: usize, out: &mut impl FnMut(&Head, &[u8])) {
        let sequence = self.number();
        let ticks = self.ticks(bytes);
        if let Some(head) = &mut self.head {
            out(&Head { sequence, ..*head }, &self.held[..bytes]);
            head.timestamp = head.timestamp.wrapping_add(ticks);
            head.marker = false;
        }
        self.held.drain(..bytes);
    }

    /// Leaves numbers free for packets that are missing from `theirs` on.
    fn leave_free(&mut self, theirs: u16, packets: u16) {
        if packets == 0 || packets >= DROPOUT {
            return;
        }
        let each = self.before.div_ceil(self.bytes).max(1) as u16;
        let free = packets.saturating_mul(each).min(MOST_FREE);
        self.holes[self.hole] = Some(Hole { theirs, packets: free / each, ours: self.next, each });
        self.hole = (self.hole + 1) % MAX_HOLES;
        self.next = self.next.wrapping_add(free);
    }

    /// A packet that comes late takes the numbers that were left free for it, once.
    fn fill(&mut self, head: &Head, payload: &[u8], mut out: impl FnMut(&Head, &[u8])) {
        let place = |hole: &Hole| Some(head.sequence.wrapping_sub(hole.theirs)).filter(|place| *place < hole.packets);
        let found = self.holes.iter().flatten().find_map(|hole| Some((*hole, place(hole)?)));
        let Some((hole, place)) = found.filter(|(hole, _)| payload.len().div_ceil(self.bytes) <= hole.each.into())
        else {
            return;
        };
        let (mut number, mut timestamp) = (hole.ours.wrapping_add(place * hole.each), head.timestamp);
        for piece in payload.chunks(self.bytes) {
            out(&Head { sequence: number, timestamp, ..*head }, piece);
            number = number.wrapping_add(1);
            timestamp = timestamp.wrapping_add(self.ticks(piece.len()));
        }
    }
}

#[cfg(test)]
mod tests;
