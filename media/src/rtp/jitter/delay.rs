//! How late packets come, and how long to wait for them.
//!
//! The way of a packet is its arrival minus its own time. The shortest way of the last seconds is the base; it follows a
//! clock that runs fast or slow. How far the others lie above it is kept in a histogram that forgets, and the target is
//! the wait that all but a few of them would have met. Waits for nobody itself.

use std::time::{Duration, Instant};

use super::{AHEAD, DEEPEST, DEEPEST_TARGET, SHALLOWEST};

/// Half of the time over which the shortest way is looked for. A clock that is wrong by 500 ppm moves 2 ms in all of it.
const WINDOW: Duration = Duration::from_secs(2);

/// A bin of the histogram, in microseconds.
const BIN: i64 = 5_000;
/// Bins up to the deepest buffer, and one for all beyond.
const BINS: usize = DEEPEST.as_micros() as usize / BIN as usize + 1;
/// What the histogram holds before everything in it is halved: about eight seconds of packets.
const MEMORY: u16 = 400;
/// One packet in so many may come later than the target.
const SPARED: u16 = 100;
/// Packets that a stream is thought to have sent before it began; they lie where the first target is.
const PRIOR: u16 = 16;
/// The first target.
const FIRST: Duration = Duration::from_millis(40);

/// So many packets in a row that no buffer could wait for: the way has become longer, and they are on time.
const BEYOND: u16 = 16;

/// See the file.
#[derive(Debug, Clone)]
pub(super) struct Delay {
    clock_hz: i64,
    /// An arrival, and the time of that packet.
    origin: Option<(Instant, i64)>,
    /// The shortest ways of the window before and of this one, in microseconds.
    shortest: [i64; 2],
    window_end: Instant,
    /// Packets in a row beyond every buffer, and the shortest of their ways.
    beyond: (u16, i64),
    histogram: [u16; BINS],
    total: u16,
    target: Duration,
}

impl Delay {
    pub(super) fn new(clock_hz: u32, now: Instant) -> Self {
        let mut fresh = Self {
            clock_hz: i64::from(clock_hz.max(1)),
            origin: None,
            shortest: [i64::MAX; 2],
            window_end: now,
            beyond: (0, i64::MAX),
            histogram: [0; BINS],
            total: PRIOR,
            target: FIRST,
        };
        fresh.histogram[(FIRST.as_micros() as i64 / BIN) as usize - 1] = PRIOR;
        fresh
    }

    /// Forgets the base and keeps what is known of the spread: the network stays the same when a stream starts afresh.
    pub(super) fn restart(&mut self) {
        self.origin = None;
        self.shortest = [i64::MAX; 2];
        self.beyond = (0, i64::MAX);
    }

    /// How far above the base the way of this packet lies, in microseconds; `None` before the first.
    pub(super) fn above(&self, timestamp: i64, arrival: Instant) -> Option<i64> {
        let base = self.base()?;
        Some(self.way(timestamp, arrival)? - base)
    }

    /// A packet came.
    pub(super) fn hear(&mut self, timestamp: i64, arrival: Instant) {
        if self.origin.is_none() {
            self.origin = Some((arrival, timestamp));
            self.shortest = [i64::MAX; 2];
            self.window_end = arrival + WINDOW;
        }
        let way = self.way(timestamp, arrival).unwrap_or(0);
        if arrival >= self.window_end {
            self.shortest = [self.shortest[1], way];
            self.window_end = arrival + WINDOW;
        }
        self.shortest[1] = self.shortest[1].min(way);
        let above = way - self.shortest[0].min(self.shortest[1]);
        self.lengthen(way, above);
        let bin = (above / BIN).clamp(0, BINS as i64 - 1) as usize;
        self.histogram[bin] += 1;
        self.total += 1;
        if self.total >= MEMORY {
            self.total = 0;
            for count in &mut self.histogram {
                *count /= 2;
                self.total += *count;
            }
        }
        self.aim();
    }

    /// Whether the way has become longer for good.
    fn lengthen(&mut self, way: i64, above: i64) {
        if above <= DEEPEST.as_micros() as i64 {
            self.beyond = (0, i64::MAX);
            return;
        }
        self.beyond = (self.beyond.0 + 1, self.beyond.1.min(way));
        if self.beyond.0 >= BEYOND {
            self.shortest = [self.beyond.1; 2];
            self.beyond = (0, i64::MAX);
            // What they taught about the spread was wrong.
            self.total -= std::mem::take(&mut self.histogram[BINS - 1]);
        }
    }

    fn aim(&mut self) {
        let mut spared = self.total / SPARED;
        let mut bin = BINS;
        while bin > 1 && self.histogram[bin - 1] <= spared {
            bin -= 1;
            spared -= self.histogram[bin];
        }
        let wait = Duration::from_micros((bin as i64 * BIN) as u64) + AHEAD;
        self.target = wait.clamp(SHALLOWEST, DEEPEST_TARGET);
    }

    /// How long a packet of the shortest way waits.
    pub(super) fn target(&self) -> Duration {
        self.target
    }

    /// The time, on the clock of the codec, that a buffer which waits for nothing would play at `now`; `None` before the
    /// first packet.
    pub(super) fn live(&self, now: Instant) -> Option<i64> {
        let (start, timestamp) = self.origin?;
        let elapsed = now.saturating_duration_since(start).as_micros() as i64 - self.base()?;
        Some(timestamp + elapsed * self.clock_hz / 1_000_000)
    }

    /// `duration` on the clock of the codec.
    pub(super) fn ticks(&self, duration: Duration) -> i64 {
        duration.as_micros() as i64 * self.clock_hz / 1_000_000
    }

    /// `ticks` of the clock of the codec as time; nothing when negative.
    pub(super) fn time(&self, ticks: i64) -> Duration {
        Duration::from_micros((ticks.max(0) * 1_000_000 / self.clock_hz) as u64)
    }

    fn base(&self) -> Option<i64> {
        Some(self.shortest[0].min(self.shortest[1])).filter(|base| *base != i64::MAX)
    }

    fn way(&self, timestamp: i64, arrival: Instant) -> Option<i64> {
        let (start, first) = self.origin?;
        // A packet may have come before the one that is the origin was read.
        let elapsed = match arrival.checked_duration_since(start) {
            Some(after) => after.as_micros() as i64,
            None => -(start.duration_since(arrival).as_micros() as i64),
        };
        Some(elapsed - (timestamp - first).saturating_mul(1_000_000) / self.clock_hz)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::start;

    const FRAME: Duration = Duration::from_millis(20);

    /// Hears `count` packets, each `late(step)` milliseconds behind its time.
    fn hear(delay: &mut Delay, count: u64, late: impl Fn(u64) -> u64) {
        let begin = start();
        for step in 0..count {
            delay.hear(step as i64 * 160, begin + FRAME * step as u32 + Duration::from_millis(late(step)));
        }
    }

    #[test]
    fn a_calm_network_gets_the_shallowest_buffer() {
        let mut delay = Delay::new(8000, start());
        hear(&mut delay, 1000, |_| 3);
        assert_eq!(delay.target(), SHALLOWEST);
    }

    #[test]
    fn the_target_covers_what_comes_late_often_and_not_what_comes_late_once() {
        let mut delay = Delay::new(8000, start());
        hear(&mut delay, 500, |step| if step % 10 == 9 { 90 } else { 0 });
        assert_eq!(delay.target(), Duration::from_millis(100));
        let mut delay = Delay::new(8000, start());
        hear(&mut delay, 1500, |step| if step % 200 == 99 { 90 } else { 0 });
        assert_eq!(delay.target(), SHALLOWEST);
    }

    #[test]
    fn the_deepest_buffer_is_a_limit() {
        let mut delay = Delay::new(8000, start());
        hear(&mut delay, 500, |step| step % 2 * 900);
        assert_eq!(delay.target(), DEEPEST_TARGET);
    }

    #[test]
    fn the_base_follows_a_slow_clock() {
        let mut delay = Delay::new(8000, start());
        let begin = start();
        // 500 ppm for an hour: the far clock is 1.8 s behind in the end.
        for step in 0..180_000u32 {
            delay.hear(i64::from(step) * 160, begin + Duration::from_nanos(u64::from(step) * 20_010_000));
        }
        let (last, now) = (179_999 * 160, begin + Duration::from_nanos(179_999 * 20_010_000));
        let apart = delay.live(now).expect("a stream") - last;
        assert!((0..=20).contains(&apart), "{apart} ticks");
        assert_eq!(delay.target(), SHALLOWEST);
    }
}
