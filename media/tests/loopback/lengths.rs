//! Packets of the length that a party asked for: what is said by us is packed so, and what is passed on is made anew where it
//! is longer than the party takes.

use std::sync::Arc;
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::prompt::{Cursor, Item, Loops, Sound};
use patchcord_media::shard::{Keys, Notice, Order, Play};

use super::ears;
use super::party::VOICE_DB;
use super::rooms::room;
use super::stage::{Stage, terms};

const SECOND: Duration = Duration::from_secs(1);

/// Lets a party ask for packets of this length, and of no more than that.
fn ask(stage: &Stage, party: usize, ms: u16, most: Option<u16>) {
    let mut terms = terms(&stage.parties[party]);
    let speaking = terms.speaking.as_mut().expect("it is spoken to");
    (speaking.packet_ms, speaking.most_ms) = (ms, most);
    let keys = Keys { payload_type: 101, clock_hz: 8000 };
    (terms.keys_in, terms.keys_out) = (Some(keys), Some(keys));
    stage.order(stage.parties[party].port, Order::Tune(Box::new(terms)));
}

/// How many ticks lie between packets that came one after the other, and how often.
fn steps(stage: &Stage, party: usize) -> Vec<u32> {
    let heard = &stage.parties[party].heard;
    let ahead = |pair: &[super::party::Packet]| pair[1].head.timestamp.wrapping_sub(pair[0].head.timestamp);
    assert!(
        heard.windows(2).all(|pair| pair[1].head.sequence == pair[0].head.sequence.wrapping_add(1)),
        "one stream without holes"
    );
    heard.windows(2).map(ahead).collect()
}

#[test]
fn a_prompt_comes_in_packets_of_the_length_that_was_asked_for() {
    for ms in [10, 30, 40, 60] {
        let mut stage = Stage::new();
        let alice = stage.party("alice", Kind::Pcma, 440.0);
        ask(&stage, alice, ms, None);
        let rate = Kind::Pcma.rate();
        let samples = Sound::of_samples("tone", rate, ears::tone(rate, 900.0, VOICE_DB, 0, 25 * rate.samples()));
        let sound = Arc::new(samples.encoded(Kind::Pcma).expect("a codec that we speak"));
        let cursor = Cursor::new(vec![Item::Sound(sound)], rate, Loops::Times(1)).expect("a short list");
        let play = Play { cursor: Box::new(cursor), kind: Some(Kind::Pcma), tag: 1 };
        stage.order(stage.parties[alice].port, Order::Play(play));
        stage.notice("the prompt is over", |notice| matches!(notice, Notice::Played(..)));
        stage.run(SECOND / 5);
        assert!(steps(&stage, alice).iter().all(|step| *step == u32::from(ms) * 8), "{:?}", steps(&stage, alice));
        let alice = &stage.parties[alice];
        let bytes: usize = alice.heard.iter().map(|packet| packet.payload.len()).sum();
        assert_eq!(bytes, 25 * 160, "the last of it is not lost: {ms} ms");
        assert!((alice.level_db(900.0) - VOICE_DB).abs() < 1.0);
    }
}

#[test]
fn a_bridge_of_two_codecs_keeps_to_each_partys_length() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcma, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    ask(&stage, alice, 30, None);
    ask(&stage, bob, 40, None);
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(SECOND);
    assert!(steps(&stage, alice).iter().all(|step| *step == 240));
    assert!(steps(&stage, bob).iter().all(|step| *step == 320));
    assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]));
    for party in &stage.parties {
        assert_eq!(ears::longest_gap(&party.sound(), party.kind.rate()), 0, "{}", party.name);
    }
}

#[test]
fn members_of_a_room_get_opus_in_long_packets_and_g711_in_short_ones() {
    let (mut stage, _) = room(&[Kind::Pcmu, Kind::Opus, Kind::Pcmu], 1);
    ask(&stage, 0, 10, None);
    ask(&stage, 1, 60, None);
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(SECOND);
    assert!(steps(&stage, 0).iter().all(|step| *step == 80));
    assert!(steps(&stage, 1).iter().all(|step| *step == 2880));
    assert_eq!((stage.hears(0), stage.hears(1)), (vec!["bob", "carol"], vec!["alice", "carol"]));
    let level = stage.parties[1].level_db(440.0);
    assert!((level - VOICE_DB).abs() < 1.0, "{level}");
}

#[test]
fn a_packet_that_is_longer_than_the_partner_takes_is_made_anew() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    ask(&stage, bob, 10, Some(10));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(SECOND);
    assert!(stage.parties[bob].heard.iter().all(|packet| packet.payload.len() == 80));
    assert!(stage.parties[alice].heard.iter().all(|packet| packet.payload.len() == 160), "she takes any");
    assert_eq!((stage.hears(alice), stage.hears(bob)), (vec!["bob"], vec!["alice"]));
    assert_eq!(ears::longest_gap(&stage.parties[bob].sound(), Kind::Pcmu.rate()), 0);
}
