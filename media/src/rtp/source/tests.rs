//! Streams as networks really deliver them: cycles, losses, copies, restarts, clocks that are set.

use proptest::prelude::*;

use super::*;

const FRAME: Duration = Duration::from_millis(20);

fn head(ssrc: u32, sequence: u16) -> Head {
    Head { payload_type: 0, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc }
}

/// A source that has heard one packet with this number.
fn speaking(sequence: u16, start: Instant) -> Source {
    let mut source = Source::new(8000);
    assert_eq!(source.hear(&head(1, sequence), start), Heard::Started);
    source
}

#[test]
fn a_stream_is_counted_over_the_end_of_its_numbers() {
    let start = crate::rtp::start();
    let mut source = speaking(65_530, start);
    for step in 1..=100u16 {
        let packet = Head {
            timestamp: 4_294_000_000u32.wrapping_add(u32::from(step) * 160),
            ..head(1, 65_530u16.wrapping_add(step))
        };
        assert_eq!(source.hear(&packet, start + FRAME * u32::from(step)), Heard::Fresh);
    }
    let block = source.block(start).expect("somebody speaks");
    assert_eq!((block.highest, block.lost, block.fraction_lost), (0x1_0000 + 94, 0, 0));
    assert_eq!(source.totals(), Totals { received: 101, ..source.totals() });
    assert_eq!(source.totals().lost, 0);
}

#[test]
fn what_is_missing_is_lost_until_it_comes() {
    let start = crate::rtp::start();
    let mut source = speaking(10, start);
    assert_eq!(source.hear(&head(1, 13), start), Heard::Fresh);
    assert_eq!(source.totals().lost, 2);
    assert_eq!(source.hear(&head(1, 11), start), Heard::Late);
    assert_eq!(source.hear(&head(1, 11), start), Heard::Duplicate);
    assert_eq!(source.hear(&head(1, 13), start), Heard::Duplicate);
    let totals = source.totals();
    assert_eq!((totals.lost, totals.reordered, totals.duplicates, totals.received), (1, 1, 2, 5));
    // RFC 3550 counts copies against losses: 4 expected, 5 received.
    assert_eq!(source.block(start).map(|block| block.lost), Some(-1));
}

#[test]
fn a_packet_from_before_the_first_is_played_too() {
    let start = crate::rtp::start();
    let mut source = speaking(0, start);
    assert_eq!(source.hear(&head(1, 65_535), start), Heard::Late);
    assert_eq!(source.totals().lost, 0);
    assert_eq!(source.hear(&head(1, 1), start), Heard::Fresh);
    assert_eq!(source.totals().lost, 0);
}

#[test]
fn the_fraction_is_that_of_the_period() {
    let start = crate::rtp::start();
    let mut source = speaking(0, start);
    assert_eq!(source.hear(&head(1, 3), start), Heard::Fresh);
    assert_eq!(source.block(start).map(|block| block.fraction_lost), Some(128));
    assert_eq!(source.block(start).map(|block| block.fraction_lost), Some(0));
    assert_eq!(source.hear(&head(1, 7), start), Heard::Fresh);
    assert_eq!(source.block(start).map(|block| (block.fraction_lost, block.lost)), Some((192, 5)));
}

#[test]
fn a_stranger_needs_two_in_a_row_and_then_starts_afresh() {
    let start = crate::rtp::start();
    let mut source = speaking(100, start);
    assert_eq!(source.hear(&head(2, 7), start), Heard::Doubtful);
    assert_eq!(source.hear(&head(1, 101), start), Heard::Fresh);
    // Not in a row: the old stream spoke in between.
    assert_eq!(source.hear(&head(2, 8), start), Heard::Doubtful);
    assert_eq!(source.hear(&head(2, 9), start), Heard::Started);
    assert_eq!(source.ssrc(), Some(2));
    assert_eq!(source.totals().restarts, 1);
    assert_eq!(source.block(start).map(|block| (block.ssrc, block.highest, block.lost)), Some((2, 9, 0)));
}

#[test]
fn a_count_that_starts_afresh_is_followed() {
    let start = crate::rtp::start();
    let mut source = speaking(100, start);
    assert_eq!(source.hear(&head(1, 103), start), Heard::Fresh);
    assert_eq!(source.hear(&head(1, 40_000), start), Heard::Doubtful);
    assert_eq!(source.hear(&head(1, 40_001), start), Heard::Started);
    assert_eq!(source.hear(&head(1, 40_002), start), Heard::Fresh);
    let totals = source.totals();
    assert_eq!((totals.restarts, totals.lost, totals.doubtful), (1, 2, 1));
}

#[test]
fn a_clock_that_was_set_is_counted_and_does_not_spoil_the_jitter() {
    let start = crate::rtp::start();
    let mut source = speaking(0, start);
    for step in 1..50u16 {
        source.hear(&head(1, step), start + FRAME * u32::from(step));
    }
    let wild = Head { timestamp: 0x8000_0000, ..head(1, 50) };
    assert_eq!(source.hear(&wild, start + FRAME * 50), Heard::Fresh);
    assert_eq!((source.totals().time_jumps, source.jitter()), (1, Duration::ZERO));
}

#[test]
fn jitter_follows_the_arrivals_as_in_the_rfc() {
    let start = crate::rtp::start();
    let mut source = speaking(0, start);
    // Each packet comes 5 ms early or late in turn: every step differs by 10 ms, and so does the estimate
    // in the end, but for what whole numbers swallow.
    for step in 1..500u16 {
        let swing = Duration::from_millis(if step % 2 == 0 { 0 } else { 10 });
        source.hear(&head(1, step), start + FRAME * u32::from(step) + swing);
    }
    assert!((9_800..=10_100).contains(&source.jitter().as_micros()), "{:?}", source.jitter());
}

#[test]
fn the_packets_of_one_event_are_no_jitter() {
    let start = crate::rtp::start();
    let mut source = speaking(0, start);
    for step in 1..20u16 {
        source.hear(&Head { timestamp: 0, ..head(1, step) }, start + FRAME * u32::from(step));
    }
    assert_eq!(source.jitter(), Duration::ZERO);
}

#[test]
fn our_report_points_at_theirs() {
    let start = crate::rtp::start();
    let mut source = speaking(0, start);
    source.reported(Ntp(0x1234_5678_9abc_def0), start);
    let block = source.block(start + Duration::from_millis(1500)).expect("somebody speaks");
    assert_eq!((block.last_report, block.delay), (0x5678_9abc, 3 << 15));
}

proptest! {
    #[test]
    fn each_number_is_played_at_most_once_and_the_sums_agree(steps in proptest::collection::vec((0..40u16, any::<bool>()), 1..400)) {
        let start = crate::rtp::start();
        let mut source = speaking(50, start);
        let mut played = std::collections::HashSet::from([50]);
        let mut copies = 0;
        for (index, (back, ahead)) in steps.iter().enumerate() {
            let newest = 50 + index as u16;
            let number = if *ahead { newest } else { newest - back };
            let heard = source.hear(&head(1, number), start);
            prop_assert_eq!(heard.is_played(), played.insert(number), "{} {:?}", number, heard);
            copies += u64::from(heard == Heard::Duplicate);
        }
        let (low, high) = (played.iter().min().expect("some"), played.iter().max().expect("some"));
        let totals = source.totals();
        prop_assert_eq!(totals.lost, u64::from(high - low) + 1 - played.len() as u64);
        prop_assert_eq!(totals.duplicates, copies);
        prop_assert_eq!(totals.received, steps.len() as u64 + 1);
    }

    #[test]
    fn no_stream_makes_it_panic(packets in proptest::collection::vec((0..3u32, any::<u16>(), any::<u32>(), 0..5000u64), 1..300)) {
        let start = crate::rtp::start();
        let mut source = Source::new(48_000);
        for (ssrc, sequence, timestamp, at) in packets {
            let head = Head { timestamp, ..head(ssrc, sequence) };
            let now = start + Duration::from_millis(at);
            source.hear(&head, now);
            source.block(now);
            let totals = source.totals();
            prop_assert!(totals.duplicates <= totals.received);
        }
    }
}
