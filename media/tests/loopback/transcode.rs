//! What parties of different codecs hear of each other.

use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::shard::Order;

use super::ears;
use super::party::VOICE_DB;
use super::stage::{Stage, terms};

const SECOND: Duration = Duration::from_secs(1);

/// Both hear each other as loud as they speak, and without a hole.
fn they_hear_each_other(one: Kind, other: Kind) {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", one, 440.0), stage.party("bob", other, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(SECOND);
    for (listener, speaker) in [(alice, bob), (bob, alice)] {
        let (ears, voice) = (&stage.parties[listener], &stage.parties[speaker]);
        assert_eq!(stage.hears(listener), [voice.name]);
        let level = ears.level_db(voice.hz);
        assert!((level - VOICE_DB).abs() < 1.0, "{} hears {} at {level} dB", ears.name, voice.name);
        assert_eq!(ears::longest_gap(&ears.sound(), ears.kind.rate()), 0);
    }
    let tally = stage.plane.tally();
    assert_eq!(tally.refused, 0);
}

#[test]
fn mu_law_and_a_law() {
    they_hear_each_other(Kind::Pcmu, Kind::Pcma);
}

#[test]
fn g711_and_g722() {
    they_hear_each_other(Kind::Pcma, Kind::G722);
}

#[test]
fn g711_and_opus() {
    they_hear_each_other(Kind::Pcmu, Kind::Opus);
}

#[test]
fn a_codec_that_changes_in_the_middle_of_a_call_leaves_no_hole() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(SECOND / 5);
    stage.parties[alice].speak_by(Kind::Pcma);
    let retuned = terms(&stage.parties[alice]);
    stage.order(stage.parties[alice].port, Order::Tune(Box::new(retuned)));
    stage.run(SECOND / 2);
    let bob = &stage.parties[bob];
    assert!(bob.longest_wait() < Duration::from_millis(90), "{:?}", bob.longest_wait());
    for pair in bob.heard.windows(2) {
        assert_eq!(pair[1].head.sequence, pair[0].head.sequence.wrapping_add(1));
        assert!(pair[1].head.timestamp.wrapping_sub(pair[0].head.timestamp) as i32 > 0);
    }
    assert!((bob.level_db(440.0) - VOICE_DB).abs() < 1.5);
}
