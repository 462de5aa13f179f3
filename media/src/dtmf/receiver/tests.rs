//! A key is reported once, whatever the network did to its packets.

use proptest::prelude::*;

use super::super::sender::Sender;
use super::*;

const FRAME: Duration = Duration::from_millis(20);

fn key(written: char) -> Key {
    Key::of_char(written).unwrap()
}

/// A packet as it travels.
#[derive(Debug, Clone, Copy)]
struct Sent {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    payload: [u8; 4],
}

/// What a sender makes of these keys, numbered from just before the numbers come round.
fn typed(keys: &str, duration: Duration, clock_hz: u32) -> Vec<Sent> {
    let mut sender = Sender::new(clock_hz);
    for written in keys.chars() {
        sender.press(key(written), duration).unwrap();
    }
    let (mut sequence, mut timestamp) = (u16::MAX - 3, u32::MAX - 1000);
    let mut sent = Vec::new();
    while !sender.is_idle() {
        if let Some(out) = sender.next(timestamp) {
            sent.push(Sent { sequence, timestamp: out.timestamp, marker: out.marker, payload: out.payload });
        }
        sequence = sequence.wrapping_add(1);
        timestamp = timestamp.wrapping_add(clock_hz / 50);
    }
    sent
}

/// A receiver and its virtual time.
struct Line {
    receiver: Receiver,
    now: Instant,
    news: Vec<News>,
}

impl Line {
    fn new(clock_hz: u32) -> Self {
        Self { receiver: Receiver::new(clock_hz), now: crate::rtp::start(), news: Vec::new() }
    }

    fn hear(&mut self, sent: Sent) {
        self.now += FRAME;
        let Sent { sequence, timestamp, marker, payload } = sent;
        let packet = Packet { sequence, timestamp, marker, payload: &payload };
        self.receiver.hear(packet, self.now, |news| self.news.push(news)).unwrap();
    }

    /// Lets time pass until nothing is due, and gives the presses.
    fn presses(mut self) -> Vec<(char, u128)> {
        if let Some(deadline) = self.receiver.deadline() {
            self.receiver.expire(deadline, |news| self.news.push(news));
        }
        assert_eq!(self.receiver.deadline(), None);
        let (mut down, mut presses) = (None, Vec::new());
        for news in self.news {
            match news {
                News::Down(key) => assert_eq!(down.replace(key), None, "two keys are down"),
                News::Up(press) => {
                    assert_eq!(down.take(), Some(press.key), "a key is let go that was not down");
                    assert_eq!(press.via, Via::Rtp);
                    presses.push((press.key.as_char(), press.duration.as_millis()));
                }
            }
        }
        presses
    }
}

fn heard(clock_hz: u32, packets: impl IntoIterator<Item = Sent>) -> Vec<(char, u128)> {
    let mut line = Line::new(clock_hz);
    packets.into_iter().for_each(|sent| line.hear(sent));
    line.presses()
}

const PRESS: Duration = Duration::from_millis(100);

#[test]
fn keys_are_heard_once_each_with_their_length_at_every_clock() {
    for clock_hz in [8000, 16_000, 48_000] {
        let packets = typed("159*#0DD", PRESS, clock_hz);
        let expected: Vec<_> = "159*#0DD".chars().map(|written| (written, 100)).collect();
        assert_eq!(heard(clock_hz, packets), expected);
    }
}

#[test]
fn a_key_is_told_when_it_goes_down() {
    let mut line = Line::new(8000);
    line.hear(typed("7", PRESS, 8000)[0]);
    assert_eq!(line.news, [News::Down(key('7'))]);
}

#[test]
fn lost_ends_still_report_the_key_once() {
    let packets = typed("42", PRESS, 8000);
    let without_ends = packets.iter().copied().filter(|sent| sent.payload[1] & 0x80 == 0);
    // The four is let go by the two, the two by time.
    assert_eq!(heard(8000, without_ends), [('4', 80), ('2', 80)]);
}

#[test]
fn a_key_that_fell_silent_is_let_go_after_the_wait_and_not_before() {
    let mut line = Line::new(8000);
    line.hear(typed("3", PRESS, 8000)[0]);
    let last = line.now;
    line.receiver.expire(last + SETTLE - Duration::from_millis(1), |news| panic!("{news:?}"));
    let mut told = Vec::new();
    line.receiver.expire(last + SETTLE, |news| told.push(news));
    assert_eq!(told, [News::Up(Press { key: key('3'), duration: FRAME, via: Via::Rtp })]);
    // Its end, delayed beyond all patience, is known.
    line.hear(typed("3", PRESS, 8000)[6]);
    assert_eq!(line.presses(), []);
}

#[test]
fn a_single_end_is_enough() {
    let packets = typed("8", PRESS, 8000);
    assert_eq!(heard(8000, packets[6..].to_vec()), [('8', 100)]);
}

#[test]
fn a_lost_beginning_and_a_missing_marker_change_nothing() {
    let packets = typed("66", PRESS, 8000);
    let late = packets.iter().copied().filter(|sent| !sent.marker);
    assert_eq!(heard(8000, late), [('6', 100), ('6', 100)]);
    let unmarked = packets.iter().map(|&sent| Sent { marker: false, ..sent });
    assert_eq!(heard(8000, unmarked), [('6', 100), ('6', 100)]);
}

#[test]
fn a_second_press_of_the_same_key_counts_also_when_timestamps_stand_still() {
    let frozen = typed("99", PRESS, 8000).into_iter().map(|sent| Sent { timestamp: 77, ..sent });
    assert_eq!(heard(8000, frozen), [('9', 100), ('9', 100)]);
}

#[test]
fn a_press_in_segments_is_one_press_also_when_the_joints_are_lost() {
    let packets = typed("1", Duration::from_secs(5), 48_000);
    assert_eq!(heard(48_000, packets.clone()), [('1', 5000)]);
    let joints_lost = packets.into_iter().filter(|sent| sent.payload[2..] != [0xFF, 0xFF]);
    assert_eq!(heard(48_000, joints_lost), [('1', 5000)]);
}

#[test]
fn a_press_whose_counter_comes_round_is_one_press() {
    let beat = |n: u32| {
        let end = n == 499;
        let [.., high, low] = ((n + 1) * 160).to_be_bytes();
        Sent { sequence: n as u16, timestamp: 5, marker: n == 0, payload: [1, if end { 0x8A } else { 10 }, high, low] }
    };
    assert_eq!(heard(8000, (0..500).map(beat)), [('1', 10_000)]);
}

#[test]
fn events_that_are_no_keys_are_passed_over() {
    let flash = Sent { sequence: 1, timestamp: 1, marker: true, payload: [16, 0x8A, 3, 0x20] };
    assert_eq!(heard(8000, [flash]), []);
}

#[test]
fn another_stream_begins_afresh_and_lets_go_of_the_key() {
    let packets = typed("5", PRESS, 8000);
    let mut line = Line::new(8000);
    line.hear(packets[0]);
    line.receiver.restart(|news| line.news.push(news));
    packets.iter().for_each(|&sent| line.hear(sent));
    assert_eq!(line.presses(), [('5', 20), ('5', 100)]);
}

#[test]
fn a_packet_without_an_event_is_refused() {
    let now = crate::rtp::start();
    let packet = Packet { sequence: 0, timestamp: 0, marker: true, payload: &[1, 2] };
    let refused = Receiver::new(8000).hear(packet, now, |news| panic!("{news:?}"));
    assert_eq!(refused, Err(TooShort(2)));
}

proptest! {
    /// Any packet may be lost, come twice or late, as long as one of each key comes: then each key is there, once.
    #[test]
    fn each_key_is_reported_once_through_loss_duplicates_and_reordering(
        keys in "[0-9*#A-D]{1,8}",
        fates in prop::collection::vec((any::<bool>(), 0..2u8, 0..4usize), 120),
    ) {
        let packets = typed(&keys, PRESS, 8000);
        let mut travelled: Vec<(usize, Sent)> = Vec::new();
        for (n, (&sent, &(lost, again, late))) in packets.iter().zip(&fates).enumerate() {
            // The last end of each key comes and is not late, so that the order of keys stays.
            let last_end = n % 7 == 6;
            if last_end || !lost {
                let late = if last_end { 0 } else { late.min(6 - n % 7) };
                travelled.extend(std::iter::repeat_n((n + late, sent), 1 + usize::from(again)));
            }
        }
        travelled.sort_by_key(|&(at, _)| at);
        let presses = heard(8000, travelled.into_iter().map(|(_, sent)| sent));
        prop_assert_eq!(presses.iter().map(|&(written, _)| written).collect::<String>(), keys);
    }

    #[test]
    fn wild_packets_never_leave_a_key_down_for_ever(
        packets in prop::collection::vec((any::<u16>(), 0..4u32, any::<bool>(), any::<[u8; 4]>()), 0..60),
    ) {
        let mut line = Line::new(8000);
        for (sequence, timestamp, marker, mut payload) in packets {
            payload[0] %= 20;
            line.hear(Sent { sequence, timestamp: timestamp.wrapping_sub(2), marker, payload });
        }
        line.presses();
    }
}
