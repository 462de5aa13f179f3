//! Pictures, which only pass: how much of them may come, and how whoever sends them is asked for a whole one.
//!
//! A picture says only what has changed since the one before, so whoever begins to look needs a whole one. It is asked for
//! when two ports are joined, when terms or keys are new, when a stream begins anew, and when the party at the other side
//! says that it lost one. However often that is, a party is asked twice a second at most.

use std::time::{Duration, Instant};

use super::{Moment, Port};
use crate::rtp::packet::{HEAD, View};
use crate::rtp::rtcp::{ask_for_picture, ask_for_whole_picture};
use crate::sdp::agreed::Asks;

/// Between two times that a party is asked: a whole picture is ten times as large as others.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// How often it is asked where nobody says whether the first time was heard.
const UNPROMPTED: u8 = 2;

/// By which rules pictures pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pictures {
    /// The most that is taken of the party, in kbit/s; a quarter more for what is around them.
    pub kbit: u32,
    /// How the party may be asked for a whole one.
    pub asks: Asks,
}

/// See the file.
pub(super) struct Passing {
    rules: Pictures,
    /// How often the party is still to be asked.
    wanted: u8,
    asked: Option<Instant>,
    /// Which time it is, as RFC 5104 counts.
    number: u8,
    /// Bits that may come at once.
    left: u64,
    filled: Instant,
    /// Whether too much came, and what comes is dropped for a while.
    is_over: bool,
}

impl Passing {
    pub fn new(rules: Pictures, now: Instant) -> Self {
        let left = Self::most(rules);
        Self { rules, wanted: UNPROMPTED, asked: None, number: 0, left, filled: now, is_over: false }
    }

    /// What stays the same goes on.
    pub fn tune(&mut self, rules: Pictures) {
        (self.rules, self.wanted) = (rules, UNPROMPTED);
        self.left = self.left.min(Self::most(rules));
    }

    /// A whole picture comes at once, so that a second's worth may.
    fn most(rules: Pictures) -> u64 {
        u64::from(rules.kbit) * 1250
    }

    /// Whether so many bytes more may come. Who sends too much is not heard until half of what may come at once is free:
    /// a picture of which only some packets come is none.
    fn has_room(&mut self, bytes: usize, now: Instant) -> bool {
        let most = Self::most(self.rules);
        let passed = now.saturating_duration_since(self.filled).as_micros().min(1_000_000) as u64;
        self.left = most.min(self.left + most * passed / 1_000_000);
        self.filled = now;
        let bits = bytes as u64 * 8;
        if self.is_over && self.left >= most / 2 {
            (self.is_over, self.wanted) = (false, self.wanted.max(1));
        }
        self.is_over |= self.left < bits;
        if !self.is_over {
            self.left -= bits;
        }
        !self.is_over
    }
}

impl Port {
    /// Whether the party may send so many bytes of pictures now.
    pub(super) fn has_room(&mut self, bytes: usize, moment: Moment) -> bool {
        self.passing.as_mut().is_none_or(|passing| passing.has_room(bytes, moment.now))
    }

    /// Whoever looks at this party's pictures needs a whole one.
    pub fn want_picture(&mut self) {
        self.want_pictures(UNPROMPTED);
    }

    /// Somebody who looks at them has lost one.
    pub fn want_lost_picture(&mut self) {
        self.want_pictures(1);
    }

    fn want_pictures(&mut self, times: u8) {
        if let Some(passing) = &mut self.passing {
            passing.wanted = passing.wanted.max(times);
        }
    }

    /// Asks the party for a whole picture, where one is wanted and it was not asked just now.
    pub fn ask_for_picture(&mut self, moment: Moment, packet: &mut Vec<u8>) {
        let Some(passing) = &mut self.passing else { return };
        let is_early = passing.asked.is_some_and(|asked| moment.now.saturating_duration_since(asked) < ASK_EVERY);
        // Who has not sent anything begins with a whole one.
        let Some(theirs) = self.source.ssrc().filter(|_| passing.wanted > 0 && !is_early) else { return };
        passing.wanted -= 1;
        passing.asked = Some(moment.now);
        passing.number = passing.number.wrapping_add(1);
        let (ours, asks, number) = (self.forward.ssrc(), passing.rules.asks, passing.number);
        self.write_report(None, &[], false, packet);
        // Who says nothing of feedback mostly understands the first.
        if asks.whole && !asks.lost {
            ask_for_whole_picture(packet, ours, theirs, number);
        } else {
            ask_for_picture(packet, ours, theirs);
        }
        self.dispatch_report(packet);
    }
}

/// Leaves of a packet its head and its payload: what stands between them has numbers that were agreed with its sender only.
/// How long it is then.
pub(super) fn bare(packet: &mut [u8], length: usize) -> usize {
    let Ok(payload) = View::parse(&packet[..length]).map(|view| view.payload_range()) else { return length };
    if payload.start > HEAD || payload.end < length {
        packet[0] = 0x80;
    }
    let bare = HEAD + payload.len();
    packet.copy_within(payload, HEAD);
    bare
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::packet::Head;

    const SECOND: Duration = Duration::from_secs(1);

    fn passing(now: Instant) -> Passing {
        Passing::new(Pictures { kbit: 800, asks: Asks::default() }, now)
    }

    #[test]
    fn a_second_of_pictures_may_come_at_once_and_no_more() {
        let now = crate::rtp::start();
        let mut passing = passing(now);
        let came = (0..1000).filter(|_| passing.has_room(1000, now)).count();
        assert_eq!(came, 125, "800 kbit and a quarter are a million bits");
        assert!(!passing.has_room(1000, now + SECOND / 4), "only some packets of a picture are none");
        assert!(passing.has_room(1000, now + SECOND / 2));
    }

    #[test]
    fn who_keeps_to_what_was_agreed_is_never_dropped() {
        let now = crate::rtp::start();
        let mut passing = passing(now);
        assert!((0..10_000u32).all(|number| passing.has_room(1000, now + SECOND / 125 * number)));
    }

    #[test]
    fn a_packet_loses_its_extension_and_its_padding_and_keeps_its_payload() {
        let mut packet = Vec::new();
        let head = Head { payload_type: 96, marker: true, sequence: 7, timestamp: 9, ssrc: 5 };
        head.packet(&[0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, 1, 2, 3, 0, 0, 3], &mut packet);
        packet[0] |= 0x30;
        let length = packet.len();
        let length = bare(&mut packet, length);
        let view = View::parse(&packet[..length]).expect("a packet");
        assert_eq!((view.payload(), view.extension(), view.head()), (&[1, 2, 3][..], None, head));
    }
}
