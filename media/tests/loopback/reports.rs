//! What the two ends of a stream say about it, through real sockets: who is heard how, by both.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::rtp::rtcp::{Block, Compound, Ntp, Piece, Report, Sent};
use patchcord_media::shard::{Notice, Order, Quality};

use super::party::{Fate, Party};
use super::stage::{Stage, terms};

const SECOND: Duration = Duration::from_secs(1);

/// What the far end's sender report says its time is.
const THEIR_TIME: Ntp = Ntp(0x0123_4567_89ab_cdef);

/// A party with a socket of its own for reports; a tenth of what it says gets lost.
fn party(stage: &mut Stage) -> (usize, UdpSocket) {
    let opened = stage.open(None);
    let socket = |peer: Option<SocketAddr>| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        if let Some(peer) = peer {
            socket.connect(peer).expect("loopback");
        }
        socket
    };
    let reports = socket(opened.rtcp);
    let mut party = Party::new("alice", Kind::Pcmu, 440.0, socket(None), opened.port, opened.rtp);
    party.weather = |number| if number % 10 == 3 { Fate::Lost } else { Fate::Goes };
    let mut terms = terms(&party);
    terms.remote_reports = reports.local_addr().ok();
    stage.order(opened.port, Order::Tune(Box::new(terms)));
    stage.order(opened.port, Order::Echo);
    stage.parties.push(party);
    (stage.parties.len() - 1, reports)
}

/// What a report of ours holds.
#[derive(Debug, Default)]
struct Read {
    ssrc: u32,
    sent: Option<Sent>,
    block: Option<Block>,
    name: Vec<u8>,
    goodbye: bool,
}

fn read(datagram: &[u8]) -> Read {
    let mut read = Read::default();
    for piece in Compound::parse(datagram).expect("a report").pieces() {
        match piece {
            Piece::Sender { ssrc, sent, blocks } => {
                (read.ssrc, read.sent, read.block) = (ssrc, Some(sent), blocks.iter().next());
            }
            Piece::Receiver { ssrc, blocks } => (read.ssrc, read.block) = (ssrc, blocks.iter().next()),
            Piece::Name { name, .. } => read.name = name.to_vec(),
            Piece::Goodbye(sources) => read.goodbye = sources.iter().any(|source| source == read.ssrc),
            other => panic!("{other:?} is nothing that we say"),
        }
    }
    read
}

/// Everybody goes on speaking until a report came.
fn report(stage: &mut Stage, reports: &UdpSocket) -> Read {
    let mut datagram = [0; 1500];
    for _ in 0..100 {
        stage.run(SECOND / 10);
        if let Ok(length) = reports.recv(&mut datagram) {
            return read(&datagram[..length]);
        }
    }
    panic!("no report came; told were {:?}", stage.told);
}

fn quality(stage: &mut Stage) -> Quality {
    match stage.notice("how well it goes", |notice| matches!(notice, Notice::Quality(..))) {
        Notice::Quality(_, quality) => quality,
        other => unreachable!("{other:?} was not asked for"),
    }
}

#[test]
fn both_ends_say_how_they_hear_each_other_and_the_desk_is_told() {
    let mut stage = Stage::new();
    let (alice, reports) = party(&mut stage);
    let first = report(&mut stage, &reports);
    let alices = stage.parties[alice].head.ssrc;
    let block = first.block.expect("alice was heard");
    assert_eq!((block.ssrc, block.last_report), (alices, 0), "she has reported nothing yet");
    // A tenth of 256, as far as a second or two can tell.
    assert!((15..=35).contains(&block.fraction_lost) && block.lost > 0, "{block:?}");
    let sent = first.sent.expect("she was spoken to");
    assert!((sent.packets as usize).abs_diff(stage.parties[alice].heard.len()) < 10, "{sent:?}");
    assert_eq!(sent.octets, sent.packets * 160);
    assert!(first.name.len() == 8 && first.name.iter().all(u8::is_ascii_hexdigit), "it tells nobody an address");
    let before = quality(&mut stage);
    assert_eq!((before.heard_there, before.round_trip, before.mos_there), (None, None, None));

    // She lost a fifth of ours, and answers at once.
    let heard =
        Block { ssrc: first.ssrc, fraction_lost: 51, jitter: 80, last_report: sent.at.middle(), ..Block::default() };
    let sent = Some(Sent { at: THEIR_TIME, timestamp: 0, packets: 1, octets: 160 });
    let mut answer = Vec::new();
    Report { ssrc: alices, sent, heard: &[heard], name: "alice", goodbye: false }.write(&mut answer);
    reports.send(&answer).expect("loopback takes a report");

    let second = report(&mut stage, &reports);
    let block = second.block.expect("alice was heard");
    assert_eq!(block.last_report, THEIR_TIME.middle());
    assert!(block.delay > 65_536, "reports are seconds apart: {block:?}");
    let after = quality(&mut stage);
    let there = after.heard_there.expect("she told us");
    assert_eq!((there.lost_permille, there.jitter), (199, Duration::from_millis(10)));
    let here = after.heard_here.expect("we hear her");
    assert!((60..=140).contains(&here.lost_permille), "{here:?}");
    assert!(after.round_trip.is_some_and(|way| way < SECOND), "{after:?}");
    let (Some(mos_here), Some(mos_there)) = (after.mos_here, after.mos_there) else { panic!("no opinion: {after:?}") };
    assert!(mos_there < mos_here && mos_here < 4.3, "{after:?}");
}

/// Whether a packet of Opus also has what was said before it: one bit behind whether there is a voice (RFC 6716 §4.2.3 f.).
fn has_copy(payload: &[u8]) -> bool {
    payload.len() > 2 && payload[0] >> 3 < 16 && payload[1] & 0x40 != 0
}

#[test]
fn whoever_says_that_packets_are_lost_gets_what_was_said_twice() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Opus, 700.0));
    let port = stage.parties[bob].port;
    let mut muxed = terms(&stage.parties[bob]);
    muxed.mux = true;
    stage.order(port, Order::Tune(Box::new(muxed)));
    stage.bridge(alice, bob);
    for _ in 0..6 {
        stage.parties[alice].is_mute ^= true;
        stage.run(SECOND / 4);
    }
    let copies = |stage: &Stage| stage.parties[bob].heard.iter().filter(|packet| has_copy(&packet.payload)).count();
    assert!(stage.parties[bob].heard.len() > 30, "{}", stage.parties[bob].heard.len());
    assert_eq!(copies(&stage), 0, "all bits are for what is said now");
    let (ssrc, ours) = (stage.parties[bob].head.ssrc, stage.parties[bob].heard[0].head.ssrc);
    let heard = Block { ssrc: ours, fraction_lost: 51, ..Block::default() };
    let mut report = Vec::new();
    Report { ssrc, sent: None, heard: &[heard], name: "bob", goodbye: false }.write(&mut report);
    stage.parties[bob].send_open(&report);
    // Words with pauses: copies are made of what is a voice, and a tone that stays is none.
    for _ in 0..80 {
        if copies(&stage) >= 10 {
            return;
        }
        stage.parties[alice].is_mute ^= true;
        stage.run(SECOND / 4);
    }
    panic!("{} of {} packets have copies", copies(&stage), stage.parties[bob].heard.len());
}

#[test]
fn both_ends_say_goodbye() {
    let mut stage = Stage::new();
    let (alice, reports) = party(&mut stage);
    stage.run(SECOND / 5);
    let (port, ssrc) = (stage.parties[alice].port, stage.parties[alice].head.ssrc);
    let mut goodbye = Vec::new();
    Report { ssrc: !ssrc, sent: None, heard: &[], name: "mallory", goodbye: true }.write(&mut goodbye);
    reports.send(&goodbye).expect("loopback takes a report");
    Report { ssrc, sent: None, heard: &[], name: "alice", goodbye: true }.write(&mut goodbye);
    reports.send(&goodbye).expect("loopback takes a report");
    stage.notice("she says goodbye", |notice| *notice == Notice::Goodbye(port));
    assert!(!stage.told.contains(&Notice::Goodbye(port)), "the end of another stream is not hers");
    stage.order(port, Order::Close);
    let last = report(&mut stage, &reports);
    assert!(last.goodbye && last.sent.is_some(), "{last:?}");
}

#[test]
fn reports_beside_the_sound_are_no_sound() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::Pcmu, 440.0);
    let port = stage.parties[alice].port;
    let mut muxed = terms(&stage.parties[alice]);
    muxed.mux = true;
    stage.order(port, Order::Tune(Box::new(muxed)));
    stage.run(SECOND / 5);
    let mut goodbye = Vec::new();
    let ssrc = stage.parties[alice].head.ssrc;
    Report { ssrc, sent: None, heard: &[], name: "alice", goodbye: true }.write(&mut goodbye);
    stage.parties[alice].send_open(&goodbye);
    stage.notice("she says goodbye", |notice| *notice == Notice::Goodbye(port));
    assert_eq!(stage.plane.tally().refused, 0);
}

#[test]
fn a_stranger_reports_nothing() {
    let mut stage = Stage::new();
    let (alice, reports) = party(&mut stage);
    stage.run(SECOND / 5);
    let (port, ssrc) = (stage.parties[alice].port, stage.parties[alice].head.ssrc);
    let mut goodbye = Vec::new();
    Report { ssrc, sent: None, heard: &[], name: "alice", goodbye: true }.write(&mut goodbye);
    let mallory = UdpSocket::bind("127.0.0.2:0").expect("another machine");
    let ours = reports.peer_addr().expect("it is connected");
    mallory.send_to(&goodbye, ours).expect("loopback takes a report");
    reports.send(&[0; 3]).expect("loopback takes anything");
    stage.run(SECOND / 10);
    stage.order(port, Order::Close);
    let closed = stage.notice("it is closed", |notice| matches!(notice, Notice::Closed(..)));
    let Notice::Closed(_, totals) = closed else { unreachable!("it was asked for") };
    assert_eq!((totals.strangers, totals.refused), (1, 1));
    assert!(!stage.told.contains(&Notice::Goodbye(port)));
}

#[test]
fn a_party_that_only_reports_is_not_silent() {
    let mut stage = Stage::new();
    let (alice, reports) = party(&mut stage);
    let port = stage.parties[alice].port;
    let mut careful = terms(&stage.parties[alice]);
    careful.remote_reports = reports.local_addr().ok();
    careful.silence_after = Some(SECOND / 2);
    stage.order(port, Order::Tune(Box::new(careful)));
    stage.run(SECOND / 5);
    stage.parties[alice].weather = |_| Fate::Lost;
    let mut report = Vec::new();
    let ssrc = stage.parties[alice].head.ssrc;
    Report { ssrc, sent: None, heard: &[], name: "alice", goodbye: false }.write(&mut report);
    for _ in 0..5 {
        stage.run(SECOND / 4);
        reports.send(&report).expect("loopback takes a report");
    }
    assert!(!stage.told.iter().any(|notice| matches!(notice, Notice::Silent(..))), "{:?}", stage.told);
    stage.notice("she is gone", |notice| matches!(notice, Notice::Silent(silent, _) if *silent == port));
    reports.send(&report).expect("loopback takes a report");
    stage.notice("she is back", |notice| *notice == Notice::Resumed(port));
}
