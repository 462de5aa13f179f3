//! Who is heard and who is refused: strangers, other addresses, protected packets, and what no party would send.

use std::net::UdpSocket;
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::rtp::packet::Head;
use patchcord_media::rtp::srtp::{Master, Receiver, Sender, Suite};
use patchcord_media::shard::{Guard, Notice, Open, OpenError, Order, Protection, Weight};

use super::party::Fate;
use super::stage::{Stage, terms};

const SECOND: Duration = Duration::from_secs(1);

/// Comfort noise (RFC 3389).
const COMFORT: u8 = 13;

#[test]
fn strangers_are_refused_and_counted() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    let mallory = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let port = stage.parties[alice].there;
    // Before alice is heard for the first time, and after.
    mallory.send_to(b"\x80\x00 no party sends this", port).expect("loopback takes a packet");
    stage.run(SECOND / 5);
    let heard = stage.parties[bob].heard.len();
    mallory.send_to(b"\x80\x00 no party sends this", port).expect("loopback takes a packet");
    stage.run(SECOND / 5);
    assert_eq!(stage.parties[bob].heard.len(), heard + 10);
    assert_eq!(stage.hears(bob), ["alice"]);
    assert_eq!(stage.plane.tally().strangers, 1, "the kernel keeps the other out");
}

#[test]
fn a_party_behind_a_router_is_found_where_it_really_is() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    // Its description named an address where nobody is.
    let mut wrong = terms(&stage.parties[alice]);
    wrong.remote = Some("127.0.0.1:9".parse().expect("an address"));
    stage.order(stage.parties[alice].port, Order::Tune(Box::new(wrong)));
    stage.run(SECOND);
    let (port, address) = (stage.parties[alice].port, stage.parties[alice].socket.local_addr().expect("an address"));
    stage.notice("alice was found", |notice| *notice == Notice::Latched(port, address));
    assert_eq!(stage.hears(alice), ["bob"]);
    assert_eq!(stage.hears(bob), ["alice"]);
}

#[test]
fn silence_is_told_and_so_is_its_end_from_wherever_it_comes() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    let mut careful = terms(&stage.parties[alice]);
    careful.silence_after = Some(SECOND / 5);
    let port = stage.parties[alice].port;
    stage.order(port, Order::Tune(Box::new(careful)));
    stage.bridge(alice, bob);
    stage.run(SECOND / 10);
    stage.notice("alice is silent", |notice| matches!(notice, Notice::Silent(silent, _) if *silent == port));
    // The router in front of it forgot, and chose another number.
    let moved = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    moved.set_nonblocking(true).expect("a socket that does not block");
    stage.parties[alice].socket = moved;
    stage.run(SECOND / 2);
    stage.notice("alice is back", |notice| *notice == Notice::Resumed(port));
    stage.forget();
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["bob"]);
}

#[test]
fn a_party_of_whom_nothing_comes_is_told_soon_and_one_that_said_it_would_be_silent_is_not() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    let [gone, rests] = [alice, bob].map(|party| stage.parties[party].port);
    let mut quiet = terms(&stage.parties[bob]);
    quiet.comfort_in = Some(COMFORT);
    stage.order(rests, Order::Tune(Box::new(quiet)));
    stage.run(SECOND / 5);
    // Bob says that nothing but noise is to be heard of him, and sends no more; a moment later alice's phone is gone.
    let party = &mut stage.parties[bob];
    party.weather = |_| Fate::Lost;
    let head = Head { payload_type: COMFORT, sequence: party.head.sequence.wrapping_add(1), ..party.head };
    let mut packet = Vec::new();
    head.packet(&[0x40], &mut packet);
    party.socket.send_to(&packet, party.there).expect("loopback takes a packet");
    stage.run(SECOND / 5);
    let unheard = stage.notice("nothing comes from alice", |notice| matches!(notice, Notice::Unheard(..)));
    assert!(matches!(unheard, Notice::Unheard(port, _) if port == gone), "{unheard:?}");
    assert!(!stage.told.iter().any(|notice| matches!(notice, Notice::Unheard(port, _) if *port == rests)));
    stage.run(SECOND / 5);
    stage.notice("she is back", |notice| *notice == Notice::HeardAgain(gone));
}

#[test]
fn what_no_party_would_send_hurts_nobody() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcma, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 10);
    let party = &mut stage.parties[alice];
    for length in [0, 1, 11, 12, 13, 200, 1500, 2048, 3000] {
        for first in [0x80, 0x8f, 0x90, 0xa0, 0xbf, 0x00, 0xff] {
            let mut datagram = vec![first; length];
            if let Some(second) = datagram.get_mut(1) {
                *second = 0;
            }
            party.socket.send_to(&datagram, party.there).expect("loopback takes a packet");
        }
    }
    stage.forget();
    stage.run(SECOND);
    assert_eq!(stage.hears(bob), ["alice"]);
    assert_eq!(stage.plane.tally().deaths, 0);
    assert!(stage.plane.tally().refused > 20);
}

#[test]
fn protected_legs_hear_each_other_and_nobody_reads_along() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    let master = |seed: u8| Master::new(Suite::AesCm128Sha1Tag80, &[seed; 30]).expect("a key of that suite");
    let mut secret = terms(&stage.parties[alice]);
    let guard = Guard { sender: Sender::new(&master(1)), receiver: Receiver::new(&master(2)) };
    secret.protection = Protection::Keys(Box::new(guard));
    stage.parties[alice].protect(Sender::new(&master(2)), Receiver::new(&master(1)));
    stage.order(stage.parties[alice].port, Order::Tune(Box::new(secret)));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["bob"]);
    assert_eq!(stage.hears(bob), ["alice"]);
    // A later answer with the same keys goes on where the numbers are.
    let mut again = terms(&stage.parties[alice]);
    again.protection = Protection::Kept;
    stage.order(stage.parties[alice].port, Order::Tune(Box::new(again)));
    stage.forget();
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["bob"]);
    assert_eq!(stage.hears(bob), ["alice"]);
    let before = stage.plane.tally().refused;
    stage.parties[alice].send_open(b"nobody protected this");
    stage.run(SECOND / 50);
    assert_eq!(stage.plane.tally().refused, before + 1);
}

#[test]
fn legs_of_both_families_of_addresses_meet() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party_at("::1", "bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["bob"]);
    assert_eq!(stage.hears(bob), ["alice"]);
}

#[test]
fn unknown_media_pass_between_two_ports_as_they_are() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.order(stage.parties[alice].port, Order::Relay(stage.parties[bob].port));
    stage.run(SECOND / 5);
    stage.parties[alice].send_open(b"\x00\x01fax");
    stage.run(SECOND / 10);
    assert!(stage.parties[bob].strange.contains(&b"\x00\x01fax".to_vec()));
    assert_eq!(stage.hears(bob), ["alice"]);
}

#[test]
fn an_address_that_is_not_ours_and_a_listener_that_is_not_there_open_no_port() {
    let stage = Stage::new();
    let open =
        Open { address: [192, 0, 2, 1].into(), listener: 0, reports: false, weight: Weight::PASSING, beside: None };
    assert!(matches!(stage.plane.open(&open), Err(OpenError::Bind { .. })));
    assert!(matches!(stage.plane.open(&Open { listener: 7, ..open }), Err(OpenError::NoListener(7))));
    assert_eq!(stage.plane.tally().ports, 0);
}
