//! What the far end hears while prompts, parties and clocks change behind one stream.

use proptest::prelude::*;

use super::*;

const FRAME: Duration = Duration::from_millis(20);

fn theirs(ssrc: u32, sequence: u16, timestamp: u32) -> Head {
    Head { payload_type: 8, marker: false, sequence, timestamp, ssrc }
}

fn ours() -> Forward {
    Forward::new(7, 65_530, 4_294_967_000, 8000)
}

/// Number and time of a head.
fn place(head: Head) -> (u16, u32) {
    (head.sequence, head.timestamp)
}

#[test]
fn packets_of_our_own_follow_one_another() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let first = stream.own(0, 160, start);
    assert_eq!(first, Head { payload_type: 0, marker: true, sequence: 65_530, timestamp: 4_294_967_000, ssrc: 7 });
    for step in 1..20u32 {
        // A thread that is late now and then changes nothing.
        let late = Duration::from_millis(u64::from(step % 3) * 30);
        let head = stream.own(0, 160, start + FRAME * step + late);
        assert_eq!(place(head), (65_530u16.wrapping_add(step as u16), 4_294_967_000u32.wrapping_add(160 * step)));
        assert!(!head.marker);
    }
}

#[test]
fn a_pause_shows_in_the_time_and_not_in_the_number() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let before = stream.own(0, 160, start);
    let after = stream.own(0, 160, start + Duration::from_secs(2));
    assert_eq!(place(after), (before.sequence + 1, before.timestamp.wrapping_add(16_000)));
    assert!(after.marker);
}

#[test]
fn an_event_keeps_its_time_over_several_packets() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let sound = stream.own(0, 160, start);
    let event = stream.own(101, 160, start + FRAME);
    let update = stream.again(101, start + FRAME * 2);
    assert_eq!(event.timestamp, sound.timestamp.wrapping_add(160));
    assert_eq!(place(update), (event.sequence + 1, event.timestamp));
}

#[test]
fn a_prompt_after_a_party_and_a_party_after_a_prompt_are_one_stream() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let mut heads = vec![stream.own(8, 160, start), stream.own(8, 160, start + FRAME)];
    for step in 2..5u16 {
        let packet = theirs(1, 40_000 + step, 9_000_000 + u32::from(step) * 160);
        heads.push(stream.pass(&packet, start + FRAME * u32::from(step)).expect("in order"));
    }
    heads.push(stream.own(8, 160, start + FRAME * 5));
    heads.push(stream.pass(&theirs(2, 3, 77), start + FRAME * 6).expect("in order"));
    for pair in heads.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
        assert_eq!(pair[1].ssrc, 7);
    }
    let markers: Vec<_> = heads.iter().map(|head| head.marker).collect();
    assert_eq!(markers, [true, false, true, false, false, true, true]);
}

#[test]
fn what_a_party_said_while_nobody_was_to_hear_it_is_no_loss() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let before = stream.pass(&theirs(1, 100, 16_000), start).expect("in order");
    stream.part();
    let after = stream.pass(&theirs(1, 130, 20_800), start + FRAME * 30).expect("in order");
    assert_eq!(place(after), (before.sequence.wrapping_add(1), before.timestamp.wrapping_add(4800)));
    assert!(after.marker);
    assert_eq!(stream.pass(&theirs(1, 129, 20_640), start + FRAME * 30), None, "it was said before");
    let last = stream.pass(&theirs(1, 131, 20_960), start + FRAME * 31).expect("in order");
    stream.part();
    let prompt = stream.own(8, 160, start + FRAME * 32);
    assert_eq!(place(prompt), (last.sequence.wrapping_add(1), last.timestamp.wrapping_add(160)));
    assert!(prompt.marker);
}

#[test]
fn noise_that_our_party_does_not_know_leaves_no_hole() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let before = stream.pass(&theirs(1, 100, 16_000), start).expect("in order");
    for (number, left_out) in [(101, 1), (102, 11), (104, 31)] {
        stream.leave_out(&theirs(1, number, 16_000 + 160 * left_out), start + FRAME * left_out);
    }
    let after = stream.pass(&theirs(1, 105, 22_400), start + FRAME * 40).expect("in order");
    // The 103rd is lost, and our party may count it as that.
    assert_eq!(place(after), (before.sequence.wrapping_add(2), before.timestamp.wrapping_add(6400)));
    stream.leave_out(&theirs(2, 106, 22_560), start + FRAME * 41);
    let next = stream.pass(&theirs(1, 106, 22_560), start + FRAME * 41).expect("in order");
    assert_eq!(next.sequence, after.sequence.wrapping_add(1), "what another one says is nothing of this stream");
}

#[test]
fn losses_and_disorder_are_passed_on() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let order = [10u16, 11, 14, 13, 15];
    let passed: Vec<_> = order
        .iter()
        .map(|number| stream.pass(&theirs(1, *number, u32::from(*number) * 160), start).expect("a place").sequence)
        .collect();
    assert_eq!(passed, order.map(|number| 65_530u16.wrapping_add(number - 10)));
    assert_eq!(stream.own(0, 160, start).sequence, 65_530u16.wrapping_add(6));
}

#[test]
fn a_packet_older_than_the_seam_has_no_place() {
    let start = crate::rtp::start();
    let mut stream = ours();
    stream.own(0, 160, start);
    assert!(stream.pass(&theirs(1, 10, 1600), start + FRAME).is_some());
    assert_eq!(stream.pass(&theirs(1, 9, 1440), start + FRAME), None);
}

#[test]
fn a_count_and_a_clock_set_anew_leave_no_seam() {
    let start = crate::rtp::start();
    let mut stream = ours();
    stream.pass(&theirs(1, 10, 1600), start);
    let before = stream.pass(&theirs(1, 11, 1760), start + FRAME).expect("in order");
    let count = stream.pass(&theirs(1, 30_000, 1920), start + FRAME * 2).expect("joined");
    assert_eq!(place(count), (before.sequence.wrapping_add(1), before.timestamp.wrapping_add(160)));
    let clock = stream.pass(&theirs(1, 30_001, 0x9000_0000), start + FRAME * 3).expect("joined");
    assert_eq!(place(clock), (before.sequence.wrapping_add(2), before.timestamp.wrapping_add(320)));
    let after = stream.pass(&theirs(1, 30_002, 0x9000_00a0), start + FRAME * 4).expect("in order");
    assert_eq!(place(after), (before.sequence.wrapping_add(3), before.timestamp.wrapping_add(480)));
}

#[test]
fn a_silence_of_the_party_is_a_silence_of_ours() {
    let start = crate::rtp::start();
    let mut stream = ours();
    let before = stream.pass(&theirs(1, 10, 1600), start).expect("in order");
    let after = stream.pass(&theirs(1, 11, 1600 + 80_000), start + Duration::from_secs(10)).expect("in order");
    assert_eq!(place(after), (before.sequence + 1, before.timestamp.wrapping_add(80_000)));
}

proptest! {
    /// However prompts and parties take turns, no number is used twice, none is left out where nothing was lost, and
    /// time does not go back.
    #[test]
    fn one_stream_whoever_speaks(turns in proptest::collection::vec((0..4u32, any::<u16>(), any::<u32>(), 1..12u32, 0..3u32), 1..40)) {
        let start = crate::rtp::start();
        let mut stream = ours();
        let mut now = start;
        let mut last: Option<Head> = None;
        let mut parted = 0;
        for (who, sequence, timestamp, packets, pause) in turns {
            now += Duration::from_millis(150) * pause;
            for step in 0..packets {
                now += FRAME;
                let head = if who == 0 {
                    stream.own(0, 160, now)
                } else {
                    let packet = theirs(who, sequence.wrapping_add(step as u16), timestamp.wrapping_add(step * 160));
                    match stream.pass(&packet, now) {
                        Some(head) => head,
                        // The same party again with an older count, just behind where it was.
                        None => continue,
                    }
                };
                if let Some(before) = last {
                    let ahead = head.sequence.wrapping_sub(before.sequence);
                    // A party that goes on where it was may repeat itself or leave something out.
                    if ahead == 0 || ahead > u16::MAX - MISORDER {
                        prop_assert!(who != 0 && parted == who, "{before:?} {head:?}");
                        continue;
                    }
                    prop_assert!(ahead == 1 || parted == who && ahead < DROPOUT, "{before:?} {head:?}");
                    prop_assert!(head.timestamp.wrapping_sub(before.timestamp) as i32 >= 0, "{before:?} {head:?}");
                }
                parted = who;
                last = Some(head);
            }
        }
    }
}
