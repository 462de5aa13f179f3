//! The count of each SSRC: its cycles, guessed from 16 bits (RFC 3711 §3.3.1), and which packets were opened already
//! (§3.3.2). Proves nothing; it is told what was proven.

use super::STREAMS;

/// How far behind the newest a packet may be opened; RFC 3711 asks for 64 at least.
const WINDOW: u64 = 128;

/// Which of the newest numbers have been seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    /// One more than the highest number; 0 while there is none.
    next: u64,
    /// Bit `n`: the number `n` behind the highest.
    seen: u128,
}

impl Window {
    /// Whether this number would be new.
    pub(super) fn is_new(&self, number: u64) -> bool {
        match self.next.checked_sub(number + 1) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen & 1 << behind == 0,
        }
    }

    /// This number was proven.
    pub(super) fn see(&mut self, number: u64) {
        if number >= self.next {
            let ahead = u32::try_from(number + 1 - self.next).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.next = number + 1;
        } else if let Some(behind) = self.next.checked_sub(number + 1).filter(|behind| *behind < WINDOW) {
            self.seen |= 1 << behind;
        }
    }

    /// The full count of a packet with this number; `None` before the first cycle.
    pub(super) fn guess(&self, sequence: u16) -> Option<u64> {
        let Some(highest) = self.next.checked_sub(1) else { return Some(u64::from(sequence)) };
        let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
        highest.checked_add_signed(step)
    }
}

/// What is known of one SSRC.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    ssrc: u32,
    /// Sound.
    pub(super) sound: Window,
    /// Reports, by their own index.
    pub(super) reports: Window,
    /// When it was used last, by a count of uses.
    used: u64,
}

/// The SSRCs of a direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams {
    streams: [Option<Stream>; STREAMS],
    uses: u64,
}

impl Streams {
    /// A copy of what is known of `ssrc`, fresh where nothing is.
    pub(super) fn get(&self, ssrc: u32) -> Stream {
        let known = self.streams.iter().flatten().find(|stream| stream.ssrc == ssrc);
        known.copied().unwrap_or(Stream { ssrc, sound: Window::default(), reports: Window::default(), used: 0 })
    }

    /// Keeps what was learned from a proven packet. The SSRC that was silent longest makes room for a new one.
    pub(super) fn put(&mut self, mut stream: Stream) {
        self.uses += 1;
        stream.used = self.uses;
        let same = self.streams.iter().position(|kept| kept.is_some_and(|kept| kept.ssrc == stream.ssrc));
        let place = same.unwrap_or_else(|| {
            let ages = self.streams.iter().map(|kept| kept.map_or(0, |kept| kept.used));
            ages.enumerate().min_by_key(|(_, used)| *used).map_or(0, |(place, _)| place)
        });
        self.streams[place] = Some(stream);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_count_goes_on_over_the_end_and_back() {
        let mut window = Window::default();
        for number in [65_534u64, 65_535, 65_536, 65_537] {
            assert_eq!(window.guess(number as u16), Some(number));
            window.see(number);
        }
        assert_eq!(window.guess(65_530), Some(65_530));
        assert_eq!(window.guess(2 + 30_000), Some(65_538 + 30_000));
        let mut early = Window::default();
        early.see(3);
        assert_eq!(early.guess(65_535), None);
    }

    #[test]
    fn the_longest_silent_makes_room() {
        let mut streams = Streams::default();
        for ssrc in 0..=STREAMS as u32 {
            let mut stream = streams.get(ssrc);
            stream.sound.see(7);
            streams.put(stream);
        }
        assert!(streams.get(0).sound.is_new(7));
        assert!(!streams.get(1).sound.is_new(7));
    }

    proptest! {
        #[test]
        fn no_number_is_new_twice(numbers in proptest::collection::vec(0..400u64, 1..300)) {
            let mut window = Window::default();
            let (mut seen, mut highest) = (HashSet::new(), 0);
            for number in numbers {
                let old = number + WINDOW <= highest;
                prop_assert_eq!(window.is_new(number), !old && !seen.contains(&number));
                window.see(number);
                seen.insert(number);
                highest = highest.max(number);
            }
        }
    }
}
