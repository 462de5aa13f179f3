//! Puts packets in order and gives each out when its time has come, 20 to 200 ms after it could have come.
//!
//! A [`Buffer`] is told of each packet when it comes ([`Buffer::push`]) and asked for the next whenever sound runs out
//! ([`Buffer::pull`]). It measures how late packets come and says with each of them whether to play it slower or faster, so
//! that its depth follows the network and the far clock; it decodes nothing. [`Playout`] does that with it, and gives
//! frames.
//!
//! waiting ──time of the first packet──▶ playing ──nothing there──▶ concealing ──too long──▶ waiting
//!    ▲                                     │  ▲                        │
//!    └──the sender was silent by intent────┘  └────a packet comes──────┘

mod delay;
mod playout;
mod stretch;

use std::time::{Duration, Instant};

use delay::Delay;
pub use playout::{Attention, Played, Playout};
pub use stretch::{Stretch, stretch};

use super::packet::View;

/// The shallowest buffer: one frame, because frames are asked for at their own times and not when packets come.
pub const SHALLOWEST: Duration = Duration::from_millis(20);
/// The deepest buffer: more is no conversation.
pub const DEEPEST: Duration = Duration::from_millis(200);

/// The longest wait that is aimed at; what is left to the deepest is for frames that begin late and packets made up.
const DEEPEST_TARGET: Duration = Duration::from_millis(160);

/// Packets held: the deepest buffer in packets of 10 ms, and what comes in a burst behind it. A power of two.
const SLOTS: usize = 32;
/// What is missing is made up for no longer; then there is silence.
const LONGEST_CONCEALED: Duration = Duration::from_millis(100);
/// A time this far from the others is another clock.
const WILD: Duration = Duration::from_secs(2);
/// How far behind its time sound may be before it is played faster: one frame, to which its start is rounded.
const BEHIND: Duration = Duration::from_millis(20);
/// How far before its time it may be before it is played slower: packets come too late for it soon.
const AHEAD: Duration = Duration::from_millis(5);
/// Farther behind than this it is hurried, whatever it sounds like.
const HURRY: Duration = Duration::from_millis(50);
/// What could not be left out unheard for so long is left out all the same: the noise of a street has no two pieces alike, and
/// would stay late for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// What to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled<'a> {
    /// A packet whose time has come.
    Sound {
        /// What it carries.
        payload: &'a [u8],
        /// Which codec.
        payload_type: u8,
        /// How to play it.
        pace: Pace,
    },
    /// A packet is missing whose time has come.
    Lost {
        /// How much sound is missing, on the clock of the codec.
        missing: u32,
        /// The packet right behind it, where it has come already: some codecs repeat there what was lost.
        next: Option<&'a [u8]>,
    },
    /// Nobody speaks.
    Nothing,
}

/// How to play a packet so that the buffer comes to its depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As it is.
    Even,
    /// Leave a little out, where it is not heard.
    Faster,
    /// Leave a little out, heard or not.
    MuchFaster,
    /// Put a little in, where it is not heard.
    Slower,
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Packets given out.
    pub played: u64,
    /// Packets that had not come when their time had.
    pub lost: u64,
    /// Packets of these that came later.
    pub late: u64,
    /// Packets thrown away to stay within the deepest buffer.
    pub discarded: u64,
    /// Packets that came a second time.
    pub refused: u64,
    /// Times that the stream started afresh.
    pub restarts: u64,
    /// Sound made up, on the clock of the codec.
    pub concealed: u64,
    /// Of that, what was not lost but late: the buffer became deeper by it.
    pub stalled: u64,
}

#[derive(Debug, Clone, Default)]
struct Slot {
    /// The number with its cycles; `None` while the slot is empty.
    number: Option<i64>,
    timestamp: i64,
    payload_type: u8,
    /// Whether it is sound at all; keys share the count with it.
    is_sound: bool,
    payload: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Silent; the next packet is played when its time has come.
    Waiting,
    /// In the middle of sound.
    Playing,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Buffer {
    slots: Box<[Slot]>,
    delay: Delay,
    phase: Phase,
    /// The newest number and time, to carry on their cycles; `None` before the first packet.
    newest: Option<(i64, i64)>,
    /// What is to be played next.
    number: i64,
    timestamp: i64,
    /// What a packet lasts.
    step: i64,
    /// Sound still to be made up before the next packet.
    missing: i64,
    /// Sound made up while nothing was there, not yet known to be lost.
    held: i64,
    /// The sender said that it will be silent.
    resting: bool,
    /// Whether anything of this stream has been given out.
    begun: bool,
    /// How far sound is played before its time, on the clock of the codec, smoothed (eight times).
    early: i64,
    /// For how long it has been behind its time, on the clock of the codec, and nothing was left out.
    behind: i64,
    counts: Counts,
}

impl Buffer {
    /// An empty buffer for a codec whose clock runs at `clock_hz`, with room for payloads of `room` bytes; longer ones make
    /// room once.
    #[must_use]
    pub fn new(clock_hz: u32, room: usize, now: Instant) -> Self {
        let slot = || Slot { payload: Vec::with_capacity(room), ..Slot::default() };
        Self {
            slots: std::iter::repeat_with(slot).take(SLOTS).collect(),
            delay: Delay::new(clock_hz, now),
            phase: Phase::Waiting,
            newest: None,
            number: 0,
            timestamp: 0,
            step: i64::from(clock_hz) / 50,
            missing: 0,
            held: 0,
            resting: false,
            begun: false,
            early: 0,
            behind: 0,
            counts: Counts::default(),
        }
    }

    /// Forgets the stream: another one starts. What is known of the network stays.
    pub fn restart(&mut self) {
        for slot in &mut self.slots {
            self.counts.discarded += u64::from(slot.number.take().is_some());
        }
        self.delay.restart();
        self.phase = Phase::Waiting;
        self.newest = None;
        (self.missing, self.held, self.early, self.behind) = (0, 0, 0, 0);
        (self.resting, self.begun) = (false, false);
        self.counts.restarts += 1;
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How long the buffer means to hold a packet of the shortest way.
    #[must_use]
    pub fn target(&self) -> Duration {
        self.delay.target()
    }

    /// How much sound is waiting.
    #[must_use]
    pub fn depth(&self) -> Duration {
        let held = self.slots.iter().filter(|slot| slot.number.is_some()).map(|slot| slot.timestamp).max();
        held.map_or(Duration::ZERO, |newest| self.delay.time(newest + self.step - self.timestamp))
    }

    /// How long sound that would be given out at `now` has waited, with `queued` of it decoded and not yet heard: what the
    /// buffer adds to the shortest way.
    #[must_use]
    pub fn added(&self, now: Instant, queued: u32) -> Duration {
        let position = self.timestamp + self.held - i64::from(queued);
        match self.delay.live(now) {
            Some(live) if self.phase == Phase::Playing => self.delay.time(live - position),
            _ => self.delay.target(),
        }
    }

    /// A packet came. `is_sound` is false for keys and whatever else shares the count with sound: it is noted, so that
    /// nobody misses it, and never given out.
    pub fn push(&mut self, packet: &View<'_>, is_sound: bool, arrival: Instant) {
        let (mut number, mut timestamp) = self.unrolled(packet);
        if is_sound
            && self.delay.above(timestamp, arrival).is_some_and(|above| above.unsigned_abs() > WILD.as_micros() as u64)
        {
            self.restart();
            (number, timestamp) = self.unrolled(packet);
        }
        if self.newest.is_none() {
            (self.number, self.timestamp) = (number, timestamp);
        } else if !self.begun {
            // The first packets may come in disorder.
            (self.number, self.timestamp) = (self.number.min(number), self.timestamp.min(timestamp));
        }
        self.newest = self.newest.max(Some((number, timestamp)));
        if is_sound {
            self.delay.hear(timestamp, arrival);
        }
        if number < self.number {
            self.counts.late += 1;
            return;
        }
        self.make_room(number);
        let slot = &mut self.slots[number as usize % SLOTS];
        // The same again, or so old that a newer one is in its place.
        if slot.number.is_some() {
            self.counts.refused += 1;
            return;
        }
        slot.number = Some(number);
        slot.timestamp = timestamp;
        slot.payload_type = packet.payload_type();
        slot.is_sound = is_sound;
        slot.payload.clear();
        slot.payload.extend_from_slice(packet.payload());
    }

    /// The packet just given out lasts so long, on the clock of the codec.
    pub fn lasted(&mut self, ticks: u32) {
        self.timestamp += i64::from(ticks) - self.step;
        if ticks != 0 {
            self.step = i64::from(ticks);
        }
    }

    /// The packet just given out says that the sender will be silent now (comfort noise): nothing is missed until it speaks.
    pub fn rest(&mut self) {
        self.resting = true;
    }

    /// So much was put in (or left out, when negative) while the last packet was played, on the clock of the codec.
    pub fn stretched(&mut self, ticks: i32) {
        self.early -= i64::from(ticks) * 8;
        if ticks < 0 {
            self.behind = 0;
        }
    }

    /// What is to be played when `queued` of what was given out before has not been heard yet. Ask when sound runs out.
    pub fn pull(&mut self, now: Instant, queued: u32) -> Pulled<'_> {
        self.pass_over();
        self.keep_bounds(now, queued);
        if self.missing > 0 {
            return self.conceal();
        }
        let Some(head) = self.head() else { return self.starve() };
        let (number, timestamp) = head;
        let gap = timestamp - self.timestamp;
        if self.phase == Phase::Playing && number != self.number {
            // Packets are missing; some of them may have been made up for already.
            let lost = number - self.number;
            let made_up = self.held.min(gap).max(0);
            self.counts.lost += lost as u64;
            self.missing = (gap - made_up).clamp(0, (lost * self.step - made_up).max(0));
            self.timestamp += made_up;
            self.counts.stalled += (self.held - made_up) as u64;
            (self.number, self.held) = (number, 0);
            if self.missing > 0 {
                return self.conceal();
            }
        }
        if self.phase == Phase::Playing && timestamp > self.timestamp {
            self.phase = Phase::Waiting;
        }
        if self.phase == Phase::Waiting {
            if !self.is_due(timestamp, now) {
                return Pulled::Nothing;
            }
            let lost = if self.begun { number - self.number } else { 0 };
            self.counts.lost += lost as u64;
            self.held = (self.held - lost * self.step).max(0);
            self.early = 0;
        }
        self.counts.stalled += std::mem::take(&mut self.held) as u64;
        self.give(number, timestamp, now, queued)
    }

    /// The number and time of a packet with their cycles.
    fn unrolled(&self, packet: &View<'_>) -> (i64, i64) {
        match self.newest {
            // Far from zero, so that a packet from before the first has a place.
            None => (0x1_0000 + i64::from(packet.sequence()), (1 << 32) + i64::from(packet.timestamp())),
            Some((number, timestamp)) => (
                number + i64::from(packet.sequence().wrapping_sub(number as u16) as i16),
                timestamp + i64::from(packet.timestamp().wrapping_sub(timestamp as u32) as i32),
            ),
        }
    }

    /// A number too far ahead of what is held pushes the oldest out.
    fn make_room(&mut self, number: i64) {
        let oldest = number - SLOTS as i64 + 1;
        if self.number >= oldest {
            return;
        }
        for slot in &mut self.slots {
            if slot.number.is_some_and(|held| held < oldest) {
                slot.number = None;
                self.counts.discarded += 1;
            }
        }
    }

    /// The first packet that is held.
    fn head(&self) -> Option<(i64, i64)> {
        let first = &self.slots[self.number as usize % SLOTS];
        if first.number == Some(self.number) {
            return Some((self.number, first.timestamp));
        }
        self.slots.iter().filter_map(|slot| Some((slot.number?, slot.timestamp))).min()
    }

    /// Steps over what is no sound.
    fn pass_over(&mut self) {
        while self.missing == 0 {
            let slot = &mut self.slots[self.number as usize % SLOTS];
            if slot.number != Some(self.number) || slot.is_sound {
                return;
            }
            slot.number = None;
            self.number += 1;
            self.resting = true;
        }
    }

    /// Throws away what has waited longer than the deepest buffer.
    fn keep_bounds(&mut self, now: Instant, queued: u32) {
        let (deepest, queued) = (self.delay.ticks(DEEPEST), i64::from(queued));
        let (Some((_, oldest)), Some(live)) = (self.head(), self.delay.live(now)) else { return };
        if live - (oldest - queued) <= deepest {
            return;
        }
        // Not only to the edge of the bounds: each cut is heard, so there is one.
        let keep = live - self.delay.ticks(self.delay.target()) + queued;
        while let Some((number, timestamp)) = self.head().filter(|head| head.1 + self.step <= keep) {
            self.slots[number as usize % SLOTS].number = None;
            self.counts.discarded += 1;
            (self.number, self.timestamp) = (number + 1, timestamp + self.step);
        }
        (self.missing, self.held, self.early) = (0, 0, 0);
        if self.phase == Phase::Playing {
            // The two ends are joined as if one packet were lost between them.
            self.missing = self.step;
            self.timestamp -= self.step;
        }
    }

    /// Whether sound of this time may start now.
    fn is_due(&self, timestamp: i64, now: Instant) -> bool {
        let wait = self.delay.ticks(self.delay.target()) - self.delay.ticks(AHEAD);
        self.delay.live(now).is_some_and(|live| live - wait >= timestamp)
    }

    fn give(&mut self, number: i64, timestamp: i64, now: Instant, queued: u32) -> Pulled<'_> {
        let queued = i64::from(queued);
        let early = self.earliness(timestamp - queued, now);
        self.early += early - self.early / 8;
        let pace = self.pace(queued);
        self.phase = Phase::Playing;
        (self.resting, self.begun) = (false, true);
        (self.number, self.timestamp) = (number + 1, timestamp + self.step);
        self.counts.played += 1;
        let slot = &mut self.slots[number as usize % SLOTS];
        slot.number = None;
        Pulled::Sound { payload: &slot.payload, payload_type: slot.payload_type, pace }
    }

    /// How long before its time sound at `position` is heard, on the clock of the codec.
    fn earliness(&self, position: i64, now: Instant) -> i64 {
        let target = self.delay.ticks(self.delay.target());
        self.delay.live(now).map_or(0, |live| position - (live - target))
    }

    fn pace(&mut self, queued: i64) -> Pace {
        let early = self.early / 8;
        let is_behind = early < -self.delay.ticks(BEHIND);
        self.behind = if is_behind { self.behind + self.step } else { 0 };
        // What is decoded and not yet heard does not help a packet that must have come when it is asked for.
        if early + queued > self.delay.ticks(AHEAD) {
            Pace::Slower
        } else if early < -self.delay.ticks(HURRY) || self.behind > self.delay.ticks(PATIENCE) {
            Pace::MuchFaster
        } else if is_behind {
            Pace::Faster
        } else {
            Pace::Even
        }
    }

    /// Makes up for what is known to be lost.
    fn conceal(&mut self) -> Pulled<'_> {
        let missing = self.missing.min(self.step);
        self.missing -= missing;
        self.timestamp += missing;
        self.counts.concealed += missing as u64;
        let next = &self.slots[self.number as usize % SLOTS];
        let repeats = self.missing == 0 && next.number == Some(self.number) && next.is_sound;
        Pulled::Lost { missing: missing as u32, next: repeats.then_some(&next.payload) }
    }

    /// Nothing is there. What should be may be lost or late; for a while the place is held.
    fn starve(&mut self) -> Pulled<'_> {
        if self.phase == Phase::Playing {
            if !self.resting && self.held < self.delay.ticks(LONGEST_CONCEALED) {
                self.held += self.step;
                self.counts.concealed += self.step as u64;
                return Pulled::Lost { missing: self.step as u32, next: None };
            }
            self.phase = Phase::Waiting;
        }
        Pulled::Nothing
    }
}

#[cfg(test)]
mod dozing_tests;
#[cfg(test)]
mod tests;
