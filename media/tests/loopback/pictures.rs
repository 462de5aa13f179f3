//! Pictures between two ports: what passes, what is asked for, and how much of it may be.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use patchcord_media::codec::{Kind, Settings};
use patchcord_media::rtp::packet::{Head, View};
use patchcord_media::rtp::rtcp::{Carried, Compound, Piece, Report, ask_for_picture, ask_for_whole_picture};
use patchcord_media::sdp::agreed::Asks;
use patchcord_media::shard::clock::now;
use patchcord_media::shard::{Order, Pictures, PortId, Speaking, Terms};

use super::stage::Stage;

/// Longer than anything here takes, also on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the packets of VP8 begin that the parties send; nobody looks into them.
const VP8: [u8; 4] = [0x10, 0x02, 0x00, 0x9d];

/// Somebody who shows pictures, and what it was sent.
struct Camera {
    socket: UdpSocket,
    port: PortId,
    there: SocketAddr,
    head: Head,
    seen: Vec<(Head, Vec<u8>)>,
    /// The sources that it was asked for a picture of, and whether for a whole one.
    asked: Vec<(u32, bool)>,
}

/// The terms of pictures that go out under one number and come under another.
pub fn terms(out: u8, comes: u8, kbit: u32, asks: Asks) -> Terms {
    Terms {
        mux: true,
        speaking: Some(Speaking::new(Kind::Vp8, out, Settings::default())),
        pictures: Some(Pictures { kbit, asks }),
        ..Terms::plain(Kind::Vp8, comes)
    }
}

impl Camera {
    /// A camera at a port of its own, which knows its pictures by that number.
    fn new(stage: &Stage, number: u8, kbit: u32, asks: Asks) -> Self {
        let opened = stage.open(None);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket that waits");
        let terms = Terms { remote: socket.local_addr().ok(), ..terms(number, number, kbit, asks) };
        stage.order(opened.port, Order::Tune(Box::new(terms)));
        let ssrc = u32::from(number) << 8;
        let head = Head { payload_type: number, marker: false, sequence: 65_000, timestamp: 7, ssrc };
        Self { socket, port: opened.port, there: opened.rtp, head, seen: Vec::new(), asked: Vec::new() }
    }

    /// Sends a packet; the last of a picture is marked.
    fn show(&mut self, payload: &[u8], is_last: bool) {
        self.head.sequence = self.head.sequence.wrapping_add(1);
        self.head.marker = is_last;
        let mut packet = Vec::new();
        self.head.packet(payload, &mut packet);
        self.socket.send_to(&packet, self.there).expect("loopback takes a packet");
        if is_last {
            self.head.timestamp = self.head.timestamp.wrapping_add(3000);
        }
    }

    /// Reports, and says what `write` adds.
    fn report(&self, write: impl FnOnce(&mut Vec<u8>, u32)) {
        let mut report = Vec::new();
        Report { ssrc: self.head.ssrc, sent: None, heard: &[], name: "camera", goodbye: false }.write(&mut report);
        let theirs = self.seen.last().expect("pictures came").0.ssrc;
        write(&mut report, theirs);
        self.socket.send_to(&report, self.there).expect("loopback takes a report");
    }

    /// Keeps what waits in the socket, for a moment.
    fn look(&mut self) {
        let mut buffer = [0; 2048];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let datagram = &buffer[..length];
            if Carried::by(datagram) == Carried::Rtcp {
                for piece in Compound::parse(datagram).expect("a report").pieces() {
                    match piece {
                        Piece::PictureLost { ssrc } => self.asked.push((ssrc, false)),
                        Piece::WholePicture { entries } => {
                            self.asked.extend(entries.iter().next().map(|ssrc| (ssrc, true)))
                        }
                        _ => {}
                    }
                }
            } else if let Ok(view) = View::parse(datagram) {
                self.seen.push((view.head(), view.payload().to_vec()));
            }
        }
    }
}

/// Goes on until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline: Instant = now() + PATIENCE;
    while !is_so() {
        assert!(now() < deadline, "it never came about that {what}");
    }
}

const LOST: Asks = Asks { lost: true, whole: false };
const WHOLE: Asks = Asks { lost: false, whole: true };

/// Two cameras that are joined, and have seen each other.
fn joined(stage: &Stage, kbit: u32) -> (Camera, Camera) {
    let (mut alice, mut bob) = (Camera::new(stage, 96, kbit, LOST), Camera::new(stage, 120, kbit, WHOLE));
    stage.order(alice.port, Order::Bridge(bob.port));
    until("both see the other", || {
        alice.show(&VP8, true);
        bob.show(&VP8, true);
        alice.look();
        bob.look();
        !alice.seen.is_empty() && !bob.seen.is_empty()
    });
    (alice, bob)
}

#[test]
fn pictures_pass_both_ways_under_the_numbers_of_whoever_sees_them() {
    let stage = Stage::new();
    let (mut alice, mut bob) = joined(&stage, 2500);
    alice.seen.clear();
    bob.seen.clear();
    for number in 0..9u8 {
        alice.show(&[VP8[0], VP8[1], VP8[2], number], number % 3 == 2);
    }
    until("all came", || {
        bob.look();
        bob.seen.len() >= 9
    });
    let came: Vec<_> = bob.seen.iter().map(|(head, payload)| (head.payload_type, head.marker, payload[3])).collect();
    let sent: Vec<_> = (0..9u8).map(|number| (120, number % 3 == 2, number)).collect();
    assert_eq!(came, sent, "the last packet of each picture is marked, and no other");
    for pair in bob.seen.windows(2) {
        assert_eq!(pair[1].0.ssrc, pair[0].0.ssrc);
        assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
    }
    assert_ne!(bob.seen[0].0.ssrc, alice.head.ssrc, "each leg has a source of its own");
}

#[test]
fn who_is_joined_is_asked_for_a_whole_picture_in_the_words_that_it_knows() {
    let stage = Stage::new();
    let (mut alice, mut bob) = joined(&stage, 2500);
    until("both are asked", || {
        alice.look();
        bob.look();
        !alice.asked.is_empty() && !bob.asked.is_empty()
    });
    assert_eq!((alice.asked[0], bob.asked[0]), ((alice.head.ssrc, false), (bob.head.ssrc, true)));
}

#[test]
fn a_picture_that_was_lost_is_asked_for_anew_of_who_sent_it_and_not_for_each_complaint() {
    let stage = Stage::new();
    let (mut alice, mut bob) = joined(&stage, 2500);
    // What is asked for at the beginning comes without a complaint.
    until("the beginning is over", || {
        alice.look();
        bob.look();
        alice.asked.len() >= 2 && bob.asked.len() >= 2
    });
    alice.asked.clear();
    for _ in 0..50 {
        bob.report(|report, theirs| ask_for_picture(report, 1, theirs));
        bob.report(|report, theirs| ask_for_whole_picture(report, 1, theirs, 3));
    }
    until("alice is asked", || {
        alice.look();
        !alice.asked.is_empty()
    });
    alice.look();
    assert!(alice.asked.len() < 50, "a hundred complaints are {} questions", alice.asked.len());
    assert!(alice.asked.iter().all(|asked| *asked == (alice.head.ssrc, false)));
}

#[test]
fn who_sends_more_than_was_agreed_is_cut_off_and_comes_back() {
    let stage = Stage::new();
    let (mut alice, mut bob) = joined(&stage, 64);
    let flood = vec![0x10; 1000];
    for number in 0..200 {
        alice.show(&flood, number % 10 == 9);
    }
    bob.look();
    let came: usize = bob.seen.iter().map(|(_, payload)| payload.len()).sum();
    assert!(came < 100_000, "{came} bytes passed where a second has 10 000");
    bob.seen.clear();
    until("alice is seen again", || {
        alice.show(&VP8, true);
        alice.look();
        bob.look();
        bob.seen.iter().any(|(_, payload)| payload.len() == VP8.len())
    });
}
