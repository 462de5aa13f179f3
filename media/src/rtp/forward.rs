//! One continuous stream out of several: what the far end hears has one SSRC, numbers without jumps, and a clock that
//! never goes back, whoever speaks behind it.
//!
//! A [`Forward`] makes the heads of packets of our own ([`Forward::own`]) and rewrites those that are passed on from
//! another leg ([`Forward::pass`]); both may take turns at any time. What got lost or out of order before it came to us
//! is passed on as it is, so that the far end knows. It touches no payload and no payload type of a passed packet's
//! codec: who forwards has agreed on these.
//!
//! silent ──own──▶ own ⇄ passing ──other SSRC, count or clock set anew──▶ passing, joined at the seam

use std::time::{Duration, Instant};

use super::packet::Head;

/// A step in a passed count longer than this is another count, not a loss.
const DROPOUT: u16 = 3000;
/// A passed packet may be this much older than the newest.
const MISORDER: u16 = 100;
/// A passed clock this far from the time that went by was set anew.
const WILD: Duration = Duration::from_secs(3);
/// Longer than this without a packet is a pause, and the time of the next packet says so; shorter is a late thread.
const PAUSE: Duration = Duration::from_millis(200);

/// How a passed stream lies in ours.
#[derive(Debug, Clone, Copy)]
struct Seam {
    ssrc: u32,
    /// Ours minus theirs.
    sequence: u16,
    timestamp: u32,
    /// Our number of the first packet behind the seam: nothing of this stream goes before it.
    first: u16,
    /// Their newest number, and time, and when it came.
    newest: u16,
    time: u32,
    came: Instant,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Forward {
    ssrc: u32,
    clock_hz: u32,
    /// The next number, and the highest time so far.
    next: u16,
    time: u32,
    /// What a packet of the last kind lasts.
    step: u32,
    /// When the last packet went.
    went: Option<Instant>,
    seam: Option<Seam>,
    /// Whoever was passed on was parted from, and nobody followed yet.
    parted: bool,
}

impl Forward {
    /// A stream of ours; numbers and times start where chance says (RFC 3550 §5.1).
    #[must_use]
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32, clock_hz: u32) -> Self {
        Self { ssrc, clock_hz, next: sequence, time: timestamp, step: 0, went: None, seam: None, parted: false }
    }

    /// Whose stream it is.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Another codec was agreed, with another clock. The time goes on from where it is.
    pub fn clock(&mut self, clock_hz: u32) {
        if clock_hz != self.clock_hz {
            self.clock_hz = clock_hz;
            self.step = 0;
            self.seam = None;
        }
    }

    /// What comes next from another leg is a stream of its own, also under the SSRC of the one before: what was not passed on
    /// in between was not lost.
    pub fn part(&mut self) {
        self.parted |= self.seam.take().is_some();
    }

    /// The head of a packet of our own that lasts `duration` on the clock of the codec.
    pub fn own(&mut self, payload_type: u8, duration: u32, now: Instant) -> Head {
        let paused = self.advance(now);
        self.part();
        let marker = std::mem::take(&mut self.parted) || paused;
        self.step = duration;
        Head { marker, ..self.again(payload_type, now) }
    }

    /// The head of a further packet about what the last one of our own began (RFC 4733): the same time, another number.
    pub fn again(&mut self, payload_type: u8, now: Instant) -> Head {
        self.went = Some(now);
        let sequence = self.next;
        self.next = self.next.wrapping_add(1);
        Head { payload_type, marker: false, sequence, timestamp: self.time, ssrc: self.ssrc }
    }

    /// The head that a packet from another leg gets; `None` when its place is taken already, because it is older than the
    /// seam or than anybody waits for.
    pub fn pass(&mut self, head: &Head, now: Instant) -> Option<Head> {
        let mut fresh = false;
        let mut seam = match self.seam.filter(|seam| seam.ssrc == head.ssrc) {
            Some(seam) => seam,
            None => {
                fresh = true;
                self.join(head, now)
            }
        };
        let ahead = head.sequence.wrapping_sub(seam.newest);
        if ahead > u16::MAX - MISORDER {
            let number = head.sequence.wrapping_add(seam.sequence);
            // Older than the seam: that number belongs to what was sent before it.
            if number.wrapping_sub(seam.first) > u16::MAX / 2 {
                return None;
            }
            let timestamp = head.timestamp.wrapping_add(seam.timestamp);
            return Some(Head { sequence: number, timestamp, ssrc: self.ssrc, ..*head });
        }
        if ahead >= DROPOUT && !fresh {
            fresh = true;
            seam = self.join(head, now);
        } else if !fresh && self.is_wild(&seam, head, now) {
            // Their clock was set; the numbers are still theirs.
            fresh = true;
            self.advance(now);
            seam.timestamp = self.time.wrapping_sub(head.timestamp);
        }
        let number = head.sequence.wrapping_add(seam.sequence);
        let timestamp = head.timestamp.wrapping_add(seam.timestamp);
        if ahead != 0 || fresh {
            let step = timestamp.wrapping_sub(self.time);
            if !fresh && step != 0 && ahead == 1 && u64::from(step) <= self.samples(PAUSE) {
                self.step = step;
            }
            self.next = number.wrapping_add(1);
            // An event in a passed stream may carry an older time than the sound before it.
            if (step as i32) > 0 {
                self.time = timestamp;
            }
            self.went = Some(now);
            seam = Seam { newest: head.sequence, time: head.timestamp, came: now, ..seam };
        }
        self.seam = Some(seam);
        self.parted = false;
        Some(Head { marker: head.marker || fresh, sequence: number, timestamp, ssrc: self.ssrc, ..*head })
    }

    /// A packet of another leg's stream is not passed on, because our party does not know what it says: nobody is to miss it.
    pub fn leave_out(&mut self, head: &Head, now: Instant) {
        let Some(seam) = self.seam.as_mut().filter(|seam| seam.ssrc == head.ssrc) else { return };
        if (1..DROPOUT).contains(&head.sequence.wrapping_sub(seam.newest)) {
            seam.sequence = seam.sequence.wrapping_sub(1);
            (seam.newest, seam.time, seam.came) = (head.sequence, head.timestamp, now);
        }
    }

    /// A seam that puts `head` right behind what was sent last.
    fn join(&mut self, head: &Head, now: Instant) -> Seam {
        self.advance(now);
        Seam {
            ssrc: head.ssrc,
            sequence: self.next.wrapping_sub(head.sequence),
            timestamp: self.time.wrapping_sub(head.timestamp),
            first: self.next,
            newest: head.sequence,
            time: head.timestamp,
            came: now,
        }
    }

    fn is_wild(&self, seam: &Seam, head: &Head, now: Instant) -> bool {
        let went = i64::from(head.timestamp.wrapping_sub(seam.time) as i32);
        let elapsed = self.samples(now.saturating_duration_since(seam.came)) as i64;
        (went - elapsed).unsigned_abs() > self.samples(WILD)
    }

    /// Moves the time on to a packet at `now`; whether there was a pause before it.
    fn advance(&mut self, now: Instant) -> bool {
        let Some(went) = self.went else { return true };
        let elapsed = now.saturating_duration_since(went);
        let paused = elapsed > PAUSE;
        let step = if paused { self.samples(elapsed).max(u64::from(self.step)) } else { u64::from(self.step) };
        self.time = self.time.wrapping_add(step as u32);
        paused
    }

    fn samples(&self, duration: Duration) -> u64 {
        // In 64 bits, because every passed packet comes by here: an eternity stays one, and nanoseconds fit.
        let clock_hz = u64::from(self.clock_hz);
        duration.as_secs().saturating_mul(clock_hz) + u64::from(duration.subsec_nanos()) * clock_hz / 1_000_000_000
    }
}

#[cfg(test)]
mod tests;
