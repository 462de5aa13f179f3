//! Bad networks: what is lost, late, twice, or from a stream that starts afresh; and a fault of ours.

use std::time::Duration;

use patchcord_media::codec::{Encoder, Kind, Settings};
use patchcord_media::shard::clock::now;
use patchcord_media::shard::{Notice, Order, Speaking};

use super::ears;
use super::party::{Fate, VOICE_DB};
use super::stage::{Stage, terms};

const SECOND: Duration = Duration::from_secs(1);

/// Two parties, the first of which speaks through this weather.
fn through(weather: fn(usize) -> Fate, one: Kind, other: Kind) -> (Stage, usize, usize) {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", one, 440.0), stage.party("bob", other, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    stage.forget();
    stage.parties[alice].weather = weather;
    (stage, alice, bob)
}

#[test]
fn what_was_lost_before_us_is_a_hole_behind_us_too() {
    // Twenty of a hundred, in bursts of two.
    let (mut stage, _, bob) =
        through(|number| if number % 10 < 2 { Fate::Lost } else { Fate::Goes }, Kind::Pcmu, Kind::Pcmu);
    stage.run(2 * SECOND);
    let heard = &stage.parties[bob].heard;
    assert!((70..=90).contains(&heard.len()));
    let (first, last) = (heard[0].head, heard[heard.len() - 1].head);
    let numbers = usize::from(last.sequence.wrapping_sub(first.sequence)) + 1;
    assert!((95..=101).contains(&numbers), "the far end can count what is missing");
    assert_eq!(heard.iter().filter(|packet| packet.head.marker).count(), 0, "it is one stream");
}

#[test]
fn what_was_lost_is_made_up_where_it_is_decoded() {
    let (mut stage, _, bob) =
        through(|number| if number % 20 == 0 { Fate::Lost } else { Fate::Goes }, Kind::Pcmu, Kind::Pcma);
    stage.run(2 * SECOND);
    let bob = &stage.parties[bob];
    assert!(ears::longest_gap(&bob.sound(), bob.kind.rate()) <= bob.kind.rate().samples());
    assert!(bob.level_db(440.0) > VOICE_DB - 3.0);
    for pair in bob.heard.windows(2) {
        assert_eq!(pair[1].head.sequence, pair[0].head.sequence.wrapping_add(1));
    }
}

#[test]
fn what_comes_twice_goes_once_and_what_comes_late_goes_in_its_place() {
    let weather = |number: usize| match number % 10 {
        3 => Fate::Twice,
        7 => Fate::Late,
        _ => Fate::Goes,
    };
    let (mut stage, _, bob) = through(weather, Kind::Pcmu, Kind::Pcmu);
    stage.run(SECOND);
    let mut numbers: Vec<_> = stage.parties[bob].heard.iter().map(|packet| packet.head.sequence).collect();
    assert!(numbers.windows(2).any(|pair| pair[1] == pair[0].wrapping_sub(1)), "late is late");
    let first = numbers[0].wrapping_sub(10);
    numbers.sort_by_key(|number| number.wrapping_sub(first));
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "each once: {numbers:?}");
    assert_eq!(stage.hears(bob), ["alice"]);
}

#[test]
fn a_stream_that_starts_afresh_is_followed_as_one() {
    for other in [Kind::Pcmu, Kind::Pcma] {
        let (mut stage, alice, bob) = through(|_| Fate::Goes, Kind::Pcmu, other);
        stage.run(SECOND / 5);
        stage.parties[alice].start_afresh();
        stage.run(SECOND / 2);
        let bob = &stage.parties[bob];
        assert!(bob.longest_wait() < Duration::from_millis(110), "{:?}", bob.longest_wait());
        for pair in bob.heard.windows(2) {
            assert_eq!(pair[1].head.ssrc, pair[0].head.ssrc);
            assert_eq!(pair[1].head.sequence, pair[0].head.sequence.wrapping_add(1));
            assert!(pair[1].head.timestamp.wrapping_sub(pair[0].head.timestamp) as i32 > 0);
        }
        assert!((bob.level_db(440.0) - VOICE_DB).abs() < 2.0);
    }
}

#[test]
fn wild_times_and_kinds_that_nobody_agreed_on_cost_no_more_than_their_moment() {
    for other in [Kind::Pcmu, Kind::Pcma] {
        let (mut stage, alice, bob) = through(|_| Fate::Goes, Kind::Pcmu, other);
        for (step, jump) in [160, 1 << 20, 1 << 31, u32::MAX - 7, 3].into_iter().enumerate() {
            let party = &mut stage.parties[alice];
            party.head.timestamp = party.head.timestamp.wrapping_add(jump);
            let known = party.head.payload_type;
            party.head.payload_type = 77 + step as u8;
            (0..5).for_each(|_| party.send(&[0x55; 160], now()));
            party.head.payload_type = known;
            stage.run(SECOND / 5);
        }
        assert_eq!((stage.plane.tally().refused, stage.plane.tally().deaths), (25, 0));
        stage.run(SECOND / 5);
        stage.forget();
        stage.run(SECOND / 2);
        assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]));
        let bob = &stage.parties[bob];
        assert_eq!(ears::longest_gap(&bob.sound(), bob.kind.rate()), 0);
    }
}

#[test]
fn a_fifth_lost_in_bursts_is_made_up_without_a_hole() {
    // Two of ten, one after the other.
    let (mut stage, _, bob) =
        through(|number| if number % 10 < 2 { Fate::Lost } else { Fate::Goes }, Kind::Pcmu, Kind::Pcma);
    stage.run(2 * SECOND);
    let bob = &stage.parties[bob];
    assert!(ears::longest_gap(&bob.sound(), bob.kind.rate()) <= bob.kind.rate().samples());
    assert!(bob.level_db(440.0) > VOICE_DB - 6.0, "{}", bob.level_db(440.0));
}

#[test]
fn three_seconds_of_nothing_and_the_voice_is_back() {
    for other in [Kind::Pcmu, Kind::Pcma] {
        let (mut stage, alice, bob) = through(|_| Fate::Goes, Kind::Pcmu, other);
        stage.parties[alice].weather = |_| Fate::Lost;
        stage.run(3 * SECOND);
        stage.parties[alice].weather = |_| Fate::Goes;
        stage.run(SECOND / 2);
        stage.forget();
        stage.run(SECOND / 2);
        assert_eq!(stage.hears(bob), ["alice"]);
    }
}

#[test]
fn a_fault_in_one_leg_ends_that_leg_alone() {
    struct Faulty;
    impl Encoder for Faulty {
        fn encode(&mut self, _: &[i16], _: &mut Vec<u8>) {
            panic!("a fault that a test wants");
        }
    }
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcma, 700.0));
    let (carol, dave) = (stage.party("carol", Kind::Pcmu, 1100.0), stage.party("dave", Kind::Pcmu, 1450.0));
    let mut broken = terms(&stage.parties[bob]);
    broken.speaking =
        Some(Speaking { encoder: Some(Box::new(Faulty)), ..Speaking::new(Kind::G722, 9, Settings::default()) });
    let (alices, bobs) = (stage.parties[alice].port, stage.parties[bob].port);
    stage.order(bobs, Order::Tune(Box::new(broken)));
    stage.bridge(alice, bob);
    stage.bridge(carol, dave);
    stage.run(SECOND / 2);
    // Who made the faulty one speak is not to blame.
    stage.notice("bob died", |notice| *notice == Notice::Died(bobs));
    stage.notice("alice is alone", |notice| *notice == Notice::Parted(alices));
    assert_eq!(stage.plane.tally().deaths, 1);
    assert_eq!(stage.hears(carol), ["dave"]);
    assert_eq!(stage.hears(dave), ["carol"]);
}
