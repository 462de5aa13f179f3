//! What came in any order lies in the file in the right one, as long as the call.

use std::sync::Arc;

use super::super::plan::{Format, Layout, Plan};
use super::super::tap::{Control, Shared};
use super::*;
use crate::frame::{FRAME, Rate};
use crate::rtp::packet::Head;

/// 20 ms in one frame, and a lost one of the same kind.
const TOC: u8 = 0x78;

struct Story {
    copied: Copied,
    tap: Tap,
    control: Control,
    now: Instant,
    /// What came into the ring: where it begins in frames, and its bytes.
    told: Vec<(u64, Vec<u8>)>,
}

impl Story {
    fn new() -> Self {
        let plan = Plan { layout: Layout::Heard, ..Plan::new("a.opus".into(), Format::OggOpus, Rate::Full) };
        let shared = Shared::new(&plan);
        let (tap, control) = (Tap::new(&plan, Arc::clone(&shared)), Control(shared));
        Self { copied: Copied::default(), tap, control, now: crate::rtp::start(), told: Vec::new() }
    }

    /// A packet comes that says its number.
    fn hear(&mut self, number: u16) {
        self.hear_at(number, u32::from(number) * 960);
    }

    fn hear_at(&mut self, number: u16, time: u32) {
        let sequence = 65_530u16.wrapping_add(number);
        let timestamp = 4_294_960_000u32.wrapping_add(time);
        let head = Head { payload_type: 96, marker: false, sequence, timestamp, ssrc: 1 };
        let mut packet = Vec::new();
        head.packet(&[TOC, number as u8, 7], &mut packet);
        let view = View::parse(&packet).expect("a packet of ours");
        self.copied.hear(&view, self.now, &mut self.tap);
    }

    /// Time goes by.
    fn rounds(&mut self, count: u32) {
        for _ in 0..count {
            self.now += FRAME;
            self.copied.round(self.now, &mut self.tap);
            while let Some(room) = self.control.0.full.pop() {
                self.told.push((room.at / TICKS, room.packet.clone()));
                let _ = self.control.0.empty.push(room);
            }
        }
    }

    /// The numbers that lie in the file, -1 for one that is to be made up, and where.
    fn file(&self) -> Vec<(u64, i32)> {
        self.told.iter().map(|(at, packet)| (*at, packet.get(1).map_or(-1, |number| i32::from(*number)))).collect()
    }
}

#[test]
fn packets_that_overtook_each_other_lie_in_their_order() {
    let mut story = Story::new();
    for number in [0, 2, 1, 1, 4, 3, 5] {
        story.hear(number);
        story.rounds(1);
    }
    assert_eq!(story.file(), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]);
}

#[test]
fn what_was_lost_is_left_to_whoever_plays_it_and_its_time_is_kept() {
    let mut story = Story::new();
    for number in [0, 1, 4, 5, 6, 7, 8] {
        story.hear(number);
        story.rounds(1);
    }
    let wanted = [(0, 0), (1, 1), (2, -1), (3, -1), (4, 4), (5, 5), (6, 6), (7, 7), (8, 8)];
    assert_eq!(story.file(), wanted);
    assert!(story.told.iter().filter(|(_, packet)| packet.len() == 1).all(|(_, packet)| packet == &[TOC]));
}

#[test]
fn a_long_quiet_is_silence_and_the_voice_stands_behind_it_at_its_time() {
    let mut story = Story::new();
    story.hear(0);
    story.rounds(100);
    // Their count goes on, their clock went on meanwhile.
    story.hear_at(1, 100 * 960);
    story.rounds(1);
    let file = story.file();
    assert_eq!(file[0], (0, 0));
    let &(at, number) = file.last().expect("a voice");
    assert_eq!(number, 1);
    assert!((99..=100).contains(&at), "two seconds later: {at}");
    assert!(file.len() < 10, "silence takes no packets: {file:?}");
}

#[test]
fn a_clock_that_jumps_and_a_flood_do_not_make_the_file_longer_than_the_call() {
    let mut story = Story::new();
    story.hear(0);
    story.rounds(10);
    story.hear_at(1, 3_000_000_000);
    story.hear_at(2, 960 * 500_000);
    story.rounds(10);
    assert!(story.control.progress().duration <= FRAME * 22, "{:?}", story.control.progress());
    for number in 3..1000 {
        story.hear(number);
    }
    assert!(story.control.progress().duration <= FRAME * 80, "{:?}", story.control.progress());
}

#[test]
fn another_speaker_goes_on_where_the_file_is() {
    let mut story = Story::new();
    (0..3).for_each(|number| {
        story.hear(number);
        story.rounds(1);
    });
    story.hear(5);
    let head = Head { payload_type: 96, marker: true, sequence: 9, timestamp: 77, ssrc: 2 };
    let mut packet = Vec::new();
    head.packet(&[TOC, 200, 7], &mut packet);
    story.copied.hear(&View::parse(&packet).expect("a packet"), story.now, &mut story.tap);
    story.rounds(1);
    let numbers: Vec<_> = story.file().into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers.first(), Some(&0));
    assert_eq!(numbers[numbers.len() - 2..], [5, 200], "{numbers:?}");
}

proptest::proptest! {
    #[test]
    fn no_stream_makes_a_file_longer_than_its_call_or_hold_more_than_a_few(
        stream in proptest::collection::vec((0..40u16, proptest::prelude::any::<u32>(), 0..3u32), 0..200),
    ) {
        let mut story = Story::new();
        for (number, time, rounds) in &stream {
            story.hear_at(*number, *time);
            story.rounds(*rounds);
            assert!(story.copied.waiting.len() < MAX_WAITING);
        }
        let passed: u32 = stream.iter().map(|(_, _, rounds)| rounds).sum();
        assert!(story.control.progress().duration <= FRAME * (passed + 50 + 6));
    }
}
