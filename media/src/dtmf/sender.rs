//! Keys into RFC 4733 packets.
//!
//! A [`Sender`] is given keys and is asked once a frame what to send now. It has no clock and no sequence numbers: whoever
//! owns it numbers the packets together with those of the sound, and leaves the sound away while a key is sent.
//!
//! waiting ──press──▶ sending, a packet a frame ──last frame──▶ three ends, a frame apart ──pause──▶ waiting
//!
//! The three ends stand within the pause after the key, so they cost no time.

use std::collections::VecDeque;
use std::time::Duration;

use super::event::{Event, LENGTH};
use super::key::Key;
use crate::frame::FRAME;

/// How many keys may wait: more than any number that is dialled by a script at once.
pub const MAX_WAITING: usize = 64;
/// The shortest press: what every receiver must hear (ITU-T Q.24).
pub const SHORTEST: Duration = Duration::from_millis(40);
/// The longest press; longer ones are cut.
pub const LONGEST: Duration = Duration::from_secs(30);
/// The pause after each key.
const PAUSE_FRAMES: u32 = 4;
/// How often the end is said (RFC 4733 §2.5.1.4).
const ENDS: u32 = 3;
/// The loudness that stands in the events, in decibels below 0 dBm0.
const VOLUME: u8 = 10;
/// The longest segment of an event.
const SEGMENT: u64 = 0xFFFF;

/// There are as many keys waiting as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MAX_WAITING} keys are waiting to be sent")]
pub struct Full;

/// What to send in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Out {
    /// The event.
    pub payload: [u8; LENGTH],
    /// The timestamp of its packet, the same for all packets of a key.
    pub timestamp: u32,
    /// Whether the packet is the first of its key.
    pub marker: bool,
}

/// A key that is being sent.
struct Sending {
    key: Key,
    /// When it began, and in which segment it is.
    timestamp: u32,
    segment: u64,
    /// How many frames of it have been sent, and how many it has.
    sent: u32,
    frames: u32,
}

/// Sends keys.
pub struct Sender {
    clock_hz: u32,
    waiting: VecDeque<(Key, u32)>,
    sending: Option<Sending>,
}

impl Sender {
    /// For a stream whose events count by this clock.
    #[must_use]
    pub fn new(clock_hz: u32) -> Self {
        Self { clock_hz, waiting: VecDeque::with_capacity(MAX_WAITING), sending: None }
    }

    /// Whether no key is being sent, waits, or has its pause.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.sending.is_none() && self.waiting.is_empty()
    }

    /// Sends a key behind those that wait, held for so long.
    ///
    /// # Errors
    /// When too many wait.
    pub fn press(&mut self, key: Key, duration: Duration) -> Result<(), Full> {
        if self.waiting.len() == MAX_WAITING {
            return Err(Full);
        }
        let duration = duration.clamp(SHORTEST, LONGEST);
        self.waiting.push_back((key, duration.as_micros().div_ceil(FRAME.as_micros()) as u32));
        Ok(())
    }

    /// Forgets the keys that wait, and tells which those were; the one that is being sent is sent to its end.
    pub fn forget(&mut self) -> impl Iterator<Item = (Key, Duration)> + use<'_> {
        self.waiting.drain(..).map(|(key, frames)| (key, FRAME * frames))
    }

    /// What to send in the frame that begins at this timestamp. Called for every frame, also without a key.
    pub fn next(&mut self, timestamp: u32) -> Option<Out> {
        if self.sending.is_none() {
            let (key, frames) = self.waiting.pop_front()?;
            self.sending = Some(Sending { key, timestamp, segment: 0, sent: 0, frames });
        }
        let ticks = u64::from(self.clock_hz / 50);
        let sending = self.sending.as_mut()?;
        let (marker, at) = (sending.sent == 0, sending.sent + 1);
        sending.sent = at;
        let out = if at < sending.frames {
            Some(sending.beat(ticks, marker))
        } else if at < sending.frames + ENDS {
            Some(sending.end(ticks, marker))
        } else {
            None
        };
        // The first end stands in the key's own last frame.
        if at == sending.frames + PAUSE_FRAMES {
            self.sending = None;
        }
        out
    }
}

impl Sending {
    /// The packet of a frame in which the key stays down.
    fn beat(&mut self, ticks: u64, marker: bool) -> Out {
        let (elapsed, before) = (u64::from(self.sent) * ticks, self.segment * SEGMENT);
        let duration = (elapsed - before).min(SEGMENT);
        let out = self.out(duration as u16, false, marker);
        if duration == SEGMENT {
            self.segment += 1;
        }
        out
    }

    /// The packet that says that the key is up.
    fn end(&self, ticks: u64, marker: bool) -> Out {
        let elapsed = u64::from(self.frames) * ticks;
        self.out((elapsed - self.segment * SEGMENT).min(SEGMENT) as u16, true, marker)
    }

    fn out(&self, duration: u16, end: bool, marker: bool) -> Out {
        let event = Event { number: self.key.event(), end, volume: VOLUME, duration };
        let timestamp = self.timestamp.wrapping_add((self.segment * SEGMENT) as u32);
        Out { payload: event.write(), timestamp, marker }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(written: char) -> Key {
        Key::of_char(written).unwrap()
    }

    /// Everything that is sent within so many frames: the frame, and what is in it.
    fn sent(sender: &mut Sender, frames: u32) -> Vec<(u32, Event, Out)> {
        let ticks = sender.clock_hz / 50;
        (0..frames)
            .filter_map(|frame| {
                sender.next(1000 + frame * ticks).map(|out| (frame, Event::read(&out.payload).unwrap(), out))
            })
            .collect()
    }

    #[test]
    fn a_key_begins_with_a_marker_is_repeated_each_frame_and_ends_three_times() {
        let mut sender = Sender::new(8000);
        sender.press(key('5'), Duration::from_millis(100)).unwrap();
        let sent = sent(&mut sender, 20);

        assert_eq!(sent.iter().map(|(frame, ..)| *frame).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        let durations: Vec<u16> = sent.iter().map(|(_, event, _)| event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let ends: Vec<bool> = sent.iter().map(|(_, event, _)| event.end).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        assert!(
            sent.iter()
                .all(|(frame, event, out)| event.number == 5 && out.timestamp == 1000 && out.marker == (*frame == 0))
        );
    }

    #[test]
    fn between_two_keys_there_is_a_pause() {
        let mut sender = Sender::new(48_000);
        for digit in ['1', '1'] {
            sender.press(key(digit), Duration::from_millis(60)).unwrap();
        }
        let sent = sent(&mut sender, 20);
        let starts: Vec<u32> = sent.iter().filter(|(.., out)| out.marker).map(|(frame, ..)| *frame).collect();
        assert_eq!(starts, [0, 3 + PAUSE_FRAMES]);
        assert_eq!(sent[5].2.timestamp - sent[0].2.timestamp, (3 + PAUSE_FRAMES) * 960);
        assert!(sender.is_idle());
    }

    #[test]
    fn the_shortest_and_the_longest_press_are_bounded() {
        let mut sender = Sender::new(8000);
        sender.press(key('#'), Duration::ZERO).unwrap();
        let sent = sent(&mut sender, 20);
        assert_eq!(sent.last().unwrap().1.duration, 320);

        sender.press(key('#'), Duration::from_secs(9999)).unwrap();
        let mut frames = 0;
        while !sender.is_idle() {
            sender.next(0);
            frames += 1;
        }
        assert_eq!(frames, LONGEST.as_millis() as u32 / 20 + PAUSE_FRAMES);
    }

    #[test]
    fn a_press_that_16_bits_cannot_count_is_sent_in_segments() {
        let mut sender = Sender::new(48_000);
        sender.press(key('*'), Duration::from_secs(3)).unwrap();
        let sent = sent(&mut sender, 200);
        let ends: Vec<_> = sent.iter().filter(|(_, event, _)| event.end).collect();
        assert_eq!(ends.len(), 3);
        assert_eq!(ends[0].2.timestamp, 1000 + 2 * 0xFFFF);
        assert_eq!(u32::from(ends[0].1.duration), 3 * 48_000 - 2 * 0xFFFF);
        assert_eq!(sent.iter().filter(|(.., out)| out.marker).count(), 1);
        assert_eq!(sent.iter().filter(|(_, event, _)| event.duration == 0xFFFF).count(), 2);
    }

    #[test]
    fn too_many_keys_are_refused_and_waiting_ones_can_be_forgotten() {
        let mut sender = Sender::new(8000);
        for _ in 0..MAX_WAITING {
            sender.press(key('0'), SHORTEST).unwrap();
        }
        assert_eq!(sender.press(key('0'), SHORTEST), Err(Full));
        sender.next(0);
        assert_eq!(sender.forget().count(), MAX_WAITING - 1);
        assert_eq!(sent(&mut sender, 20).len(), 3);
        assert!(sender.is_idle());
    }
}
