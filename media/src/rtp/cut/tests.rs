//! Whatever comes in, in whatever order: each sample goes out once, at its own time, and no number is used twice.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Packets of G.711 with this many ticks each: every byte says when it was taken.
fn packet(number: u16, ticks: u32) -> (Head, Vec<u8>) {
    let timestamp = 4_294_966_000u32.wrapping_add(u32::from(number) * ticks);
    let head =
        Head { payload_type: 8, marker: number == 0, sequence: 65_530u16.wrapping_add(number), timestamp, ssrc: 1 };
    (head, (0..ticks).map(|at| timestamp.wrapping_add(at) as u8).collect())
}

/// What goes out when these packets of `ticks` come, in packets of `wanted`.
fn cut(numbers: &[u16], ticks: u32, wanted: usize) -> Vec<(Head, Vec<u8>)> {
    let (mut cut, mut went) = (Cut::new(wanted, 1, 8000), Vec::new());
    for number in numbers {
        let (head, payload) = packet(*number, ticks);
        cut.take(&head, &payload, crate::rtp::start(), |head, payload| went.push((*head, payload.to_vec())));
    }
    cut.rest(|head, payload| went.push((*head, payload.to_vec())));
    went
}

fn lengths(went: &[(Head, Vec<u8>)]) -> Vec<usize> {
    went.iter().map(|(_, payload)| payload.len()).collect()
}

#[test]
fn packets_are_joined_and_parted_without_a_trace() {
    for (ticks, wanted, told) in [
        (160, 80, vec![80; 12]),
        (160, 240, vec![240; 4]),
        (160, 320, vec![320; 3]),
        (240, 160, vec![160; 9]),
        (80, 480, vec![480]),
        (160, 700, vec![700, 260]),
    ] {
        let went = cut(&[0, 1, 2, 3, 4, 5], ticks, wanted);
        assert_eq!(lengths(&went), told, "{ticks} made into {wanted}");
        for (at, (head, payload)) in (0u16..).zip(&went) {
            assert_eq!(head.sequence, 65_530u16.wrapping_add(at));
            assert_eq!(head.marker, at == 0, "the first packet of the sentence");
            assert_eq!(payload[0], head.timestamp as u8);
        }
    }
}

#[test]
fn a_lost_packet_leaves_a_number_free_and_what_is_held_leaves_before_it() {
    let went = cut(&[0, 2, 3, 4], 160, 240);
    assert_eq!(lengths(&went), [160, 240, 240]);
    let numbers: Vec<_> = went.iter().map(|(head, _)| head.sequence.wrapping_sub(65_530)).collect();
    assert_eq!(numbers, [0, 2, 3]);
    let times: Vec<_> = went.iter().map(|(head, _)| head.timestamp.wrapping_sub(4_294_966_000)).collect();
    assert_eq!(times, [0, 320, 560]);
}

#[test]
fn a_packet_that_comes_late_takes_its_numbers_and_only_once() {
    for (wanted, told) in [(80, [0, 1, 4, 5, 2, 3].as_slice()), (240, &[0, 2, 1])] {
        let went = cut(&[0, 2, 1, 1, 0], 160, wanted);
        let numbers: Vec<_> = went.iter().map(|(head, _)| head.sequence.wrapping_sub(65_530)).collect();
        let once: Vec<_> = numbers.iter().copied().take(told.len()).collect();
        assert!(once.iter().all(|number| told.contains(number)), "{numbers:?}");
        assert!(went.iter().all(|(head, payload)| payload[0] == head.timestamp as u8), "each at its time");
    }
}

#[test]
fn a_jump_of_their_clock_parts_the_packets_and_leaves_no_number_free() {
    let (mut cut, mut went) = (Cut::new(320, 1, 8000), Vec::new());
    let (head, payload) = packet(0, 160);
    cut.take(&head, &payload, crate::rtp::start(), |head, payload| went.push((*head, payload.len())));
    let later = Head { sequence: head.sequence.wrapping_add(1), timestamp: head.timestamp.wrapping_add(8000), ..head };
    for after in [later, Head { sequence: later.sequence + 1, timestamp: later.timestamp + 160, ..later }] {
        cut.take(&after, &payload, crate::rtp::start(), |head, payload| went.push((*head, payload.len())));
    }
    assert_eq!(
        went.iter().map(|(head, length)| (head.sequence, *length)).collect::<Vec<_>>(),
        [(head.sequence, 160), (head.sequence.wrapping_add(1), 320)]
    );
    assert_eq!(went[1].0.timestamp, later.timestamp);
}

#[test]
fn what_is_held_when_they_stop_speaking_leaves_by_itself() {
    let (mut cut, start) = (Cut::new(240, 1, 8000), crate::rtp::start());
    let (head, payload) = packet(0, 160);
    cut.take(&head, &payload, start, |_, _| panic!("it is not whole"));
    assert!(cut.is_holding() && !cut.is_stale(start + Duration::from_millis(40)));
    assert!(cut.is_stale(start + Duration::from_millis(41)));
    let mut went = 0;
    cut.rest(|_, payload| went = payload.len());
    assert_eq!((went, cut.is_stale(start + Duration::from_secs(9))), (160, false));
}

#[test]
fn a_key_stands_behind_the_sound_before_it_and_in_the_same_count() {
    let (mut cut, mut went) = (Cut::new(240, 1, 8000), Vec::new());
    let now = crate::rtp::start();
    for number in [0, 1] {
        let (head, payload) = packet(number, 160);
        cut.take(&head, &payload, now, |head, _| went.push(head.sequence));
    }
    let (event, _) = packet(2, 160);
    let key = cut.beside(&event, |head, _| went.push(head.sequence));
    let (head, payload) = packet(3, 160);
    let head = Head { timestamp: event.timestamp, ..head };
    cut.take(&head, &payload, now, |head, _| went.push(head.sequence));
    cut.rest(|head, _| went.push(head.sequence));
    let first = went[0];
    assert_eq!(went, [first, first.wrapping_add(1), first.wrapping_add(3)]);
    assert_eq!(key.sequence, first.wrapping_add(2));
}

proptest! {
    #[test]
    fn each_sample_goes_out_at_most_once_and_at_its_own_time(
        lost in proptest::collection::btree_set(1..60u16, 0..20),
        swapped in proptest::collection::btree_set(1..60u16, 0..8),
        ticks in prop_oneof![Just(80u32), Just(160), Just(240), Just(320)],
        wanted in prop_oneof![Just(80usize), Just(160), Just(240), Just(320), Just(480)],
    ) {
        let mut numbers: Vec<u16> = (0..60).filter(|number| !lost.contains(number)).collect();
        for at in swapped {
            let at = usize::from(at);
            if at + 1 < numbers.len() {
                numbers.swap(at, at + 1);
            }
        }
        let went = cut(&numbers, ticks, wanted);
        let (mut used, mut at) = (BTreeSet::new(), BTreeMap::new());
        for (head, payload) in &went {
            prop_assert!(used.insert(head.sequence), "number {} twice", head.sequence);
            prop_assert!(payload.len() <= wanted);
            for (offset, byte) in (0u32..).zip(payload) {
                let time = head.timestamp.wrapping_add(offset);
                prop_assert_eq!(*byte, time as u8, "a byte at a time that is not its own");
                prop_assert!(at.insert(time, ()).is_none(), "a sample twice");
            }
        }
        // What came in order goes out whole; what came late may have found its place taken by a restart only.
        prop_assert!(at.len() <= numbers.len() * ticks as usize);
        prop_assert!(at.len() + 8 * ticks as usize >= numbers.len() * ticks as usize, "{} samples of {}", at.len(), numbers.len() * ticks as usize);
    }
}

proptest! {
    #[test]
    fn no_stream_makes_it_panic_or_hold_more_than_a_packet(
        stream in proptest::collection::vec((any::<u16>(), any::<u32>(), any::<u32>(), 0..2000usize, any::<bool>()), 0..60),
        wanted in 0..3000usize,
        per_tick in 0..5usize,
    ) {
        let (mut cut, now) = (Cut::new(wanted, per_tick, 8000), crate::rtp::start());
        for (sequence, timestamp, ssrc, length, is_key) in stream {
            // Few speakers and numbers near each other, so that streams go on as well as begin.
            let head = Head { payload_type: 0, marker: false, sequence: sequence % 300, timestamp, ssrc: ssrc % 2 };
            if is_key {
                cut.beside(&head, |_, _| {});
            } else {
                cut.take(&head, &vec![0; length], now, |_, payload| assert!(payload.len() <= MOST_BYTES));
            }
            prop_assert!(cut.held.len() < 2 * MOST_BYTES);
        }
    }
}
