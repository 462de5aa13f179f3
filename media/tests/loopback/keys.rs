//! Keys that parties press, and what the other side gets of them.

use std::sync::Arc;
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::dtmf::{Key, Press, Via, tones};
use patchcord_media::prompt::{Cursor, Item, Loops, Sound};
use patchcord_media::shard::{Keys, Notice, Order, Play, PortId};

use super::stage::{Stage, terms};

const SECOND: Duration = Duration::from_secs(1);
const HELD: Duration = Duration::from_millis(100);
const KEYS: Keys = Keys { payload_type: 101, clock_hz: 8000 };

fn key(written: char) -> Key {
    Key::of_char(written).expect("a key")
}

/// Parties whose ports take and send keys.
fn with_keys(stage: &mut Stage, parties: &[usize]) {
    for party in parties {
        let mut terms = terms(&stage.parties[*party]);
        (terms.keys_in, terms.keys_out) = (Some(KEYS), Some(KEYS));
        stage.order(stage.parties[*party].port, Order::Tune(Box::new(terms)));
    }
}

/// Everybody goes on speaking until the port has told of this key.
fn pressed(stage: &mut Stage, port: PortId) -> Press {
    for _ in 0..100 {
        stage.run(SECOND / 50);
        let at = stage.told.iter().position(|notice| matches!(notice, Notice::Key(told, _) if *told == port));
        if let Some(at) = at
            && let Notice::Key(_, press) = stage.told.remove(at)
        {
            return press;
        }
    }
    panic!("no key was told; told were {:?}", stage.told);
}

fn keys_heard(stage: &Stage, party: usize) -> usize {
    let packets = stage.parties[party].heard.iter().filter(|packet| packet.head.payload_type == 101);
    packets.filter(|packet| packet.payload[1] & 0x80 == 0).count()
}

#[test]
fn a_key_that_is_sent_to_one_port_is_heard_by_another() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.open(None), stage.party("bob", Kind::Pcmu, 700.0));
    with_keys(&mut stage, &[bob]);
    // Two ports that are each other's party: what one sends, the other hears.
    let mut at_alice = terms(&stage.parties[bob]);
    at_alice.remote = Some(stage.parties[bob].there);
    at_alice.keys_out = Some(KEYS);
    stage.order(alice.port, Order::Tune(Box::new(at_alice)));
    let bobs = stage.parties[bob].port;
    let mut at_bob = terms(&stage.parties[bob]);
    at_bob.remote = Some(alice.rtp);
    at_bob.keys_in = Some(KEYS);
    stage.order(bobs, Order::Tune(Box::new(at_bob)));
    stage.order(alice.port, Order::Press(key('5'), HELD));
    stage.notice("five went down", |notice| *notice == Notice::KeyDown(bobs, key('5'), Via::Rtp));
    let told = stage.notice("five was pressed", |notice| matches!(notice, Notice::Key(..)));
    assert_eq!(told, Notice::Key(bobs, Press { key: key('5'), duration: HELD, via: Via::Rtp }));
    stage.notice("five was sent", |notice| *notice == Notice::Pressed(alice.port));
}

#[test]
fn events_pass_a_bridge_and_are_told_on_the_way() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    with_keys(&mut stage, &[alice, bob]);
    stage.bridge(alice, bob);
    stage.run(SECOND / 5);
    stage.parties[alice].press(key('7'), HELD);
    let port = stage.parties[alice].port;
    let press = pressed(&mut stage, port);
    assert_eq!((press.key, press.via), (key('7'), Via::Rtp));
    stage.run(SECOND / 5);
    assert!(keys_heard(&stage, bob) >= 4);
}

#[test]
fn a_key_is_made_anew_where_the_codecs_differ() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcma, 700.0));
    with_keys(&mut stage, &[alice, bob]);
    stage.bridge(alice, bob);
    stage.run(SECOND / 5);
    stage.parties[alice].press(key('#'), HELD);
    stage.run(SECOND);
    assert!(keys_heard(&stage, bob) >= 4);
    let heard: Vec<_> = stage.parties[bob].heard.iter().map(|packet| packet.head.sequence).collect();
    assert!(heard.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "one stream without holes");
}

#[test]
fn a_tone_in_the_sound_is_a_key_when_somebody_asks() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.parties[alice].is_mute = true;
    stage.bridge(alice, bob);
    let alices = stage.parties[alice].port;
    stage.order(alices, Order::Tones(true));
    stage.run(SECOND / 5);
    stage.parties[alice].say_tones(key('3'));
    let press = pressed(&mut stage, alices);
    assert_eq!((press.key, press.via), (key('3'), Via::Inband));
}

#[test]
fn a_press_that_came_as_info_too_is_told_once() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::Pcmu, 440.0);
    with_keys(&mut stage, &[alice]);
    let port = stage.parties[alice].port;
    stage.run(SECOND / 10);
    stage.parties[alice].press(key('1'), HELD);
    let press = pressed(&mut stage, port);
    stage.order(port, Order::Pressed(Press { via: Via::Info, ..press }));
    stage.order(port, Order::Pressed(Press { key: key('2'), via: Via::Info, ..press }));
    let next = stage.notice("two was pressed", |notice| matches!(notice, Notice::Key(..)));
    assert_eq!(next, Notice::Key(port, Press { key: key('2'), via: Via::Info, ..press }));
}

#[test]
fn tones_of_keys_are_played_to_a_party_that_takes_no_events() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::Pcmu, 440.0);
    let rate = Kind::Pcmu.rate();
    let mut sound = Vec::new();
    tones::sound(rate, &[key('1')], SECOND / 2).fill(rate.samples() * 25, &mut sound);
    let items = vec![Item::Sound(Arc::new(Sound::of_samples("one", rate, sound)))];
    let cursor = Cursor::new(items, rate, Loops::Times(1)).expect("a short list");
    stage.order(stage.parties[alice].port, Order::Play(Play { cursor: Box::new(cursor), kind: None, tag: 1 }));
    stage.run(SECOND / 2);
    assert!(stage.parties[alice].level_db(697.0) > -20.0);
    assert!(stage.parties[alice].level_db(1209.0) > -20.0);
}

/// Whether both sines of a key stand in what a party heard.
fn hears_key(stage: &Stage, party: usize, low: f64, high: f64) -> bool {
    let party = &stage.parties[party];
    party.level_db(low) > -30.0 && party.level_db(high) > -30.0
}

#[test]
fn a_partner_that_takes_no_events_hears_the_tones_of_the_key() {
    for other in [Kind::Pcmu, Kind::Opus] {
        let mut stage = Stage::new();
        let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", other, 700.0));
        with_keys(&mut stage, &[alice]);
        stage.bridge(alice, bob);
        stage.run(SECOND / 5);
        stage.forget();
        stage.parties[alice].press(key('9'), HELD);
        let port = stage.parties[alice].port;
        assert_eq!(pressed(&mut stage, port).key, key('9'));
        stage.run(SECOND / 5);
        assert!(hears_key(&stage, bob, 852.0, 1477.0), "{other:?}");
        stage.run(SECOND / 5);
        stage.forget();
        stage.run(SECOND / 2);
        assert_eq!(stage.hears(bob), ["alice"], "she goes on");
        assert!(!hears_key(&stage, bob, 852.0, 1477.0), "the key was heard once");
        let heard: Vec<_> = stage.parties[bob].heard.iter().map(|packet| packet.head.sequence).collect();
        assert!(heard.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "one stream without holes");
    }
}

#[test]
fn keys_are_sent_as_tones_to_a_party_that_takes_no_events() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::G722, 440.0);
    let port = stage.parties[alice].port;
    stage.order(port, Order::Press(key('1'), 2 * HELD));
    stage.notice("one was sent", |notice| *notice == Notice::Pressed(port));
    assert!(hears_key(&stage, alice, 697.0, 1209.0));
}

#[test]
fn keys_that_wait_when_events_are_agreed_away_are_not_lost() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    with_keys(&mut stage, &[alice]);
    stage.bridge(alice, bob);
    let port = stage.parties[alice].port;
    stage.order(port, Order::Press(key('5'), SECOND));
    stage.order(port, Order::Press(key('1'), 3 * HELD));
    stage.run(SECOND / 10);
    stage.order(port, Order::Tune(Box::new(terms(&stage.parties[alice]))));
    stage.notice("all were sent", |notice| *notice == Notice::Pressed(port));
    assert!(hears_key(&stage, alice, 697.0, 1209.0));
    stage.forget();
    stage.run(SECOND / 2);
    assert_eq!(stage.hears(alice), ["bob"], "the bridge goes on");
}
