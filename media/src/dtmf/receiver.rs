//! Keys out of RFC 4733 packets.
//!
//! A [`Receiver`] is told about the packets of one stream and about time, and tells of each key twice: when it goes down and
//! when it is let go. It reads no clock: whoever owns it calls [`Receiver::expire`] at [`Receiver::deadline`].
//!
//! A key is known by the timestamp of its event, so it does not matter which of its packets come, how often, or in which
//! order. What can be lost:
//!
//! idle ──any packet──▶ down ──end bit──────────────▶ up   the usual way; two more ends follow and are known
//!                        ├──another timestamp──────▶ up   all ends were lost, the next key has begun
//!                        └──nothing for SETTLE─────▶ up   all ends were lost, and no key followed
//!
//! A key that is held longer than 16 bits can count goes on in a new segment (RFC 4733 §2.5.1.3), or, from senders that
//! do not know segments, counts from zero again. Both are one press.

use std::time::{Duration, Instant};

use super::event::{Event, TooShort};
use super::key::{Key, News, Press, Via};

/// A key of which nothing was heard for so long has been let go: six updates of the usual 50 ms.
pub const SETTLE: Duration = Duration::from_millis(300);

/// How many finished events are remembered, to know their late packets: more than fit into any reordering.
const REMEMBERED: usize = 8;

/// The longest segment of an event.
const SEGMENT: u32 = 0xFFFF;

/// A packet with an event in it.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// From its head.
    pub sequence: u16,
    /// From its head: when the key went down.
    pub timestamp: u32,
    /// From its head: whether it says that it is the first of its event.
    pub marker: bool,
    /// The event, still as bytes.
    pub payload: &'a [u8],
}

/// A key that is down.
struct Down {
    key: Key,
    /// Of its present segment.
    timestamp: u32,
    /// Ticks of the segments, or rounds of the counter, that are over.
    before: u64,
    /// Ticks of the present one.
    ticks: u16,
    heard: Instant,
}

/// An event that is over.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Done {
    number: u8,
    timestamp: u32,
}

/// Hears the keys of one stream.
pub struct Receiver {
    clock_hz: u32,
    down: Option<Down>,
    done: [Option<Done>; REMEMBERED],
    oldest: usize,
    /// The newest sequence number so far.
    newest: Option<u16>,
}

impl Receiver {
    /// For a stream whose events count by this clock.
    #[must_use]
    pub const fn new(clock_hz: u32) -> Self {
        let clock_hz = if clock_hz == 0 { 8000 } else { clock_hz };
        Self { clock_hz, down: None, done: [None; REMEMBERED], oldest: 0, newest: None }
    }

    /// When to call [`Receiver::expire`]; `None` while no key is down.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.down.as_ref().map(|down| down.heard + SETTLE)
    }

    /// Takes a packet and tells what it means. Events that are no keys mean nothing.
    ///
    /// # Errors
    /// When there is no event in the packet.
    pub fn hear(&mut self, packet: Packet<'_>, now: Instant, mut tell: impl FnMut(News)) -> Result<(), TooShort> {
        let event = Event::read(packet.payload)?;
        let newer = self.newest.is_none_or(|newest| packet.sequence.wrapping_sub(newest).wrapping_sub(1) < 0x8000);
        if newer {
            self.newest = Some(packet.sequence);
        }
        let Some(key) = Key::of_event(event.number) else { return Ok(()) };
        let done = Done { number: event.number, timestamp: packet.timestamp };
        // A sender whose timestamps stand still says with its marker that this is another press.
        if let Some(known) = self.done.iter_mut().find(|known| **known == Some(done)) {
            if !(packet.marker && newer) {
                return Ok(());
            }
            *known = None;
        }
        if !self.goes_on(key, packet, event, newer) {
            self.let_go(&mut tell);
            tell(News::Down(key));
            self.down = Some(Down { key, timestamp: packet.timestamp, before: 0, ticks: event.duration, heard: now });
        }
        if let Some(down) = &mut self.down {
            down.heard = now;
        }
        if event.end {
            self.let_go(&mut tell);
        }
        Ok(())
    }

    /// Lets go of a key of which nothing has been heard for [`SETTLE`].
    pub fn expire(&mut self, now: Instant, mut tell: impl FnMut(News)) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.let_go(&mut tell);
        }
    }

    /// Forgets the stream, as another one takes its place: a key that is down is let go.
    pub fn restart(&mut self, mut tell: impl FnMut(News)) {
        self.let_go(&mut tell);
        *self = Self::new(self.clock_hz);
    }

    /// Whether the packet is of the key that is down; then that key has lasted as long as it says.
    fn goes_on(&mut self, key: Key, packet: Packet<'_>, event: Event, newer: bool) -> bool {
        let Some(down) = self.down.as_mut().filter(|down| down.key == key) else { return false };
        if packet.timestamp == down.timestamp {
            if event.duration > down.ticks {
                down.ticks = event.duration;
            } else if newer && down.ticks - event.duration > 0x8000 {
                // The counter came round.
                down.before += u64::from(SEGMENT) + 1;
                down.ticks = event.duration;
            }
            return true;
        }
        let follows = packet.timestamp.wrapping_sub(down.timestamp) == SEGMENT && !packet.marker;
        if follows {
            let over = Done { number: key.event(), timestamp: down.timestamp };
            down.before += u64::from(SEGMENT);
            down.timestamp = packet.timestamp;
            down.ticks = event.duration;
            self.remember(over);
        }
        follows
    }

    fn let_go(&mut self, tell: &mut impl FnMut(News)) {
        let Some(down) = self.down.take() else { return };
        self.remember(Done { number: down.key.event(), timestamp: down.timestamp });
        tell(News::Up(self.press(down.key, down.before + u64::from(down.ticks))));
    }

    fn press(&self, key: Key, ticks: u64) -> Press {
        let duration = Duration::from_nanos(ticks.saturating_mul(1_000_000_000) / u64::from(self.clock_hz));
        Press { key, duration, via: Via::Rtp }
    }

    fn remember(&mut self, done: Done) {
        if !self.done.contains(&Some(done)) {
            self.done[self.oldest] = Some(done);
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
    }
}

#[cfg(test)]
mod tests;
