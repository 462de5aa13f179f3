//! Who speaks on a stream, and how well it arrives (RFC 3550 §6.4, appendices A.1, A.3 and A.8).
//!
//! A [`Source`] is told the head of every packet that passed the latch and says whether to play it. It keeps no payload and
//! puts nothing in order (that is the jitter buffer's trade), and it never gives up: a stream that starts afresh, under a
//! new SSRC or with other numbers, is followed as soon as two packets of it stand next to each other. The first stream of
//! a leg is believed at once: the latch has had its doubts already, and a first syllable must not get lost.
//!
//! nobody ──first packet──▶ speaking ──other SSRC, or a number far away──▶ doubt ──two in a row──▶ Started
//!                             └──late, or twice──▶ told and counted

use std::time::{Duration, Instant};

use super::packet::Head;
use super::rtcp::{Block, Ntp, ticks};

/// Packets in a row before a source is believed (RFC 3550 `MIN_SEQUENTIAL`).
const IN_A_ROW: u16 = 2;
/// A step ahead this long is no loss but another count (`MAX_DROPOUT`): a minute of 20 ms packets.
const DROPOUT: u16 = 3000;
/// A step back this long is no reordering but another count (`MAX_MISORDER`): two seconds.
const MISORDER: u16 = 100;
/// How far behind the newest packet a second copy is known as one.
const WINDOW: u64 = 64;
/// A packet whose time is this far from where the arrivals put it comes from a clock that was set.
const WILD: Duration = Duration::from_secs(3);

/// What a packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The next, or one after a few that are missing.
    Fresh,
    /// One that was missing.
    Late,
    /// One that came already, or is older than anybody remembers: not to be played.
    Duplicate,
    /// From somebody who is not believed yet: not to be played.
    Doubtful,
    /// The first of a stream that starts here: play it, and forget what was kept of the one before.
    Started,
}

impl Heard {
    /// Whether the packet is to be played.
    #[must_use]
    pub fn is_played(self) -> bool {
        matches!(self, Self::Fresh | Self::Late | Self::Started)
    }
}

/// What was counted since the start, over all streams that followed one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Totals {
    /// Packets that were not refused, second copies among them.
    pub received: u64,
    /// Packets that never came; those still on their way among them.
    pub lost: u64,
    /// Packets that came behind newer ones.
    pub reordered: u64,
    /// Second copies.
    pub duplicates: u64,
    /// Packets of somebody who was not believed.
    pub doubtful: u64,
    /// Streams that started after the first: other SSRCs and other counts.
    pub restarts: u64,
    /// Times that did not fit the arrivals.
    pub time_jumps: u64,
}

/// The count of a stream that is believed.
#[derive(Debug, Clone, Copy)]
struct Count {
    ssrc: u32,
    /// The first number.
    base: u64,
    /// The highest, with its cycles.
    highest: u64,
    /// Bit `n`: the packet `n` behind the highest has come.
    seen: u64,
    /// As reports count: second copies too.
    received: u64,
    /// As ears count: without them.
    played: u64,
    /// Expected and received at the last report.
    reported: (u64, u64),
}

/// Somebody who may be believed soon.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    ssrc: u32,
    next: u16,
    row: u16,
}

/// See the module. What every packet needs stands in front, in two lines of the cache.
#[derive(Debug, Clone)]
#[repr(C)]
pub struct Source {
    count: Option<Count>,
    /// The last packet's time and arrival.
    last: Option<(u32, Instant)>,
    /// Sixteen times the jitter, on the clock of the codec.
    jitter: u64,
    clock_hz: u32,
    doubt: Option<Doubt>,
    totals: Totals,
    /// Lost in streams that are over.
    lost_before: u64,
    /// The last sender report, and when it came.
    report: Option<(Ntp, Instant)>,
}

impl Source {
    /// Nobody has spoken yet; the codec's clock runs at `clock_hz`.
    #[must_use]
    pub fn new(clock_hz: u32) -> Self {
        Self {
            clock_hz,
            count: None,
            doubt: None,
            totals: Totals::default(),
            lost_before: 0,
            last: None,
            jitter: 0,
            report: None,
        }
    }

    /// Another codec was agreed, with another clock. The count goes on.
    pub fn clock(&mut self, clock_hz: u32) {
        if clock_hz != self.clock_hz {
            self.clock_hz = clock_hz;
            self.last = None;
            self.jitter = 0;
        }
    }

    /// Whose stream it is; `None` until somebody is believed.
    #[must_use]
    pub fn ssrc(&self) -> Option<u32> {
        self.count.map(|count| count.ssrc)
    }

    /// Counts a packet and says what it is.
    pub fn hear(&mut self, head: &Head, arrival: Instant) -> Heard {
        let heard = match self.count {
            Some(count) if count.ssrc == head.ssrc => self.follow(count, head),
            _ => self.doubt(head),
        };
        match heard {
            Heard::Doubtful => self.totals.doubtful += 1,
            Heard::Fresh | Heard::Late => self.time(head, arrival),
            Heard::Started => {
                self.last = None;
                self.jitter = 0;
                self.report = None;
                self.time(head, arrival);
            }
            Heard::Duplicate => {}
        }
        heard
    }

    fn follow(&mut self, mut count: Count, head: &Head) -> Heard {
        let ahead = head.sequence.wrapping_sub(count.highest as u16);
        let heard = if ahead != 0 && ahead < DROPOUT {
            count.highest += u64::from(ahead);
            count.seen = count.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            Heard::Fresh
        } else if ahead == 0 || ahead > u16::MAX - MISORDER {
            let behind = u64::from(ahead.wrapping_neg());
            // The start of the stream is not known: what comes before the first packet is played as well.
            let known = behind >= WINDOW || count.seen & 1 << behind != 0;
            if !known {
                count.seen |= 1 << behind;
                count.base = count.base.min(count.highest.saturating_sub(behind));
                self.totals.reordered += 1;
                Heard::Late
            } else {
                self.totals.duplicates += 1;
                Heard::Duplicate
            }
        } else {
            return self.doubt(head);
        };
        self.doubt = None;
        count.received += 1;
        count.played += u64::from(heard.is_played());
        self.totals.received += 1;
        self.count = Some(count);
        heard
    }

    fn doubt(&mut self, head: &Head) -> Heard {
        let row = match self.doubt {
            Some(doubt) if doubt.ssrc == head.ssrc && doubt.next == head.sequence => doubt.row + 1,
            _ => 1,
        };
        if row < IN_A_ROW && self.count.is_some() {
            self.doubt = Some(Doubt { ssrc: head.ssrc, next: head.sequence.wrapping_add(1), row });
            return Heard::Doubtful;
        }
        self.doubt = None;
        if self.count.is_some() {
            self.lost_before = self.lost();
            self.totals.restarts += 1;
        }
        // One cycle below, so that a packet before the first has a number.
        let first = 0x1_0000 + u64::from(head.sequence);
        self.count = Some(Count {
            ssrc: head.ssrc,
            base: first,
            highest: first,
            seen: 1,
            received: 1,
            played: 1,
            reported: (0, 0),
        });
        self.totals.received += 1;
        Heard::Started
    }

    /// Jitter as in appendix A.8, and clocks that were set.
    fn time(&mut self, head: &Head, arrival: Instant) {
        if let Some((timestamp, before)) = self.last {
            let went = i64::from(head.timestamp.wrapping_sub(timestamp) as i32);
            let elapsed = arrival.saturating_duration_since(before).as_nanos() as i64;
            let elapsed = elapsed.saturating_mul(i64::from(self.clock_hz)) / 1_000_000_000;
            let apart = (elapsed - went).unsigned_abs();
            if apart > WILD.as_secs() * u64::from(self.clock_hz) {
                self.totals.time_jumps += 1;
            } else if went != 0 {
                // Events (RFC 4733) repeat their time while they go on; only packets of a time of their own count.
                self.jitter = (self.jitter + apart).saturating_sub((self.jitter + 8) >> 4);
            }
        }
        self.last = Some((head.timestamp, arrival));
    }

    /// Packets that never came, so far.
    fn lost(&self) -> u64 {
        let now = self.count.map_or(0, |count| count.expected() - count.played);
        self.lost_before + now
    }

    /// What was counted so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals { lost: self.lost(), ..self.totals }
    }

    /// Interarrival jitter.
    #[must_use]
    pub fn jitter(&self) -> Duration {
        Duration::from_micros((self.jitter >> 4) * 1_000_000 / u64::from(self.clock_hz.max(1)))
    }

    /// A sender report of this source came.
    pub fn reported(&mut self, at: Ntp, arrival: Instant) {
        self.report = Some((at, arrival));
    }

    /// What our report says about this source; `None` while nobody is believed. Each call starts a new period.
    pub fn block(&mut self, now: Instant) -> Option<Block> {
        let jitter = (self.jitter >> 4) as u32;
        let count = self.count.as_mut()?;
        let (expected, received) = (count.expected(), count.received);
        let (expected_before, received_before) = std::mem::replace(&mut count.reported, (expected, received));
        let due = expected.saturating_sub(expected_before);
        let lost = due.saturating_sub(received - received_before);
        Some(Block {
            ssrc: count.ssrc,
            fraction_lost: (lost * 256).checked_div(due).map_or(0, |fraction| fraction.min(255) as u8),
            lost: (expected as i64 - received as i64).clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: (count.highest - 0x1_0000) as u32,
            jitter,
            last_report: self.report.map_or(0, |(at, _)| at.middle()),
            delay: self.report.map_or(0, |(_, came)| ticks(now.saturating_duration_since(came))),
        })
    }
}

impl Count {
    fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }
}

#[cfg(test)]
mod tests;
