//! What a party hears of prompts.

use std::sync::Arc;
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::prompt::{Cursor, Item, Loops, Sound};
use patchcord_media::shard::{Notice, Order, Play, Played};

use super::ears;
use super::party::VOICE_DB;
use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// A tone as a sound of samples at the rate of a codec, so many frames long.
fn samples(kind: Kind, hz: f64, frames: usize) -> Sound {
    let rate = kind.rate();
    Sound::of_samples("tone", rate, ears::tone(rate, hz, VOICE_DB, 0, frames * rate.samples()))
}

fn play(sound: Sound, kind: Option<Kind>, loops: Loops, tag: u64) -> Order {
    let rate = sound.form().rate();
    let cursor = Cursor::new(vec![Item::Sound(Arc::new(sound))], rate, loops).expect("a short list");
    Order::Play(Play { cursor: Box::new(cursor), kind, tag })
}

#[test]
fn a_prompt_is_heard_to_its_end_and_its_end_is_told() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::Pcmu, 440.0);
    let port = stage.parties[alice].port;
    let sound = samples(Kind::Pcmu, 900.0, 25).encoded(Kind::Pcmu).expect("a codec that we speak");
    stage.order(port, play(sound, Some(Kind::Pcmu), Loops::Times(1), 7));
    let told = stage.notice("the prompt is over", |notice| matches!(notice, Notice::Played(..)));
    let Notice::Played(_, tag, why, position) = told else { unreachable!("it was asked for") };
    assert_eq!((tag, why, position.played), (7, Played::Ended, 25));
    stage.run(SECOND / 10);
    let alice = &stage.parties[alice];
    assert_eq!(alice.heard.len(), 25);
    assert!((alice.level_db(900.0) - VOICE_DB).abs() < 1.0);
    assert_eq!(alice.heard.iter().filter(|packet| packet.head.marker).count(), 1);
}

#[test]
fn samples_at_another_rate_are_brought_to_the_party() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::Pcmu, 440.0);
    let port = stage.parties[alice].port;
    stage.order(port, play(samples(Kind::Opus, 900.0, 10), None, Loops::Forever, 1));
    stage.run(SECOND / 2);
    assert!((stage.parties[alice].level_db(900.0) - VOICE_DB).abs() < 1.0);
    stage.order(port, Order::Stop);
    let stopped = stage.notice("the prompt was stopped", |notice| matches!(notice, Notice::Played(..)));
    assert!(matches!(stopped, Notice::Played(_, 1, Played::Stopped, _)));
}

#[test]
fn a_prompt_covers_the_bridge_and_the_bridge_goes_on_after_it() {
    let mut stage = Stage::new();
    let (alice, bob) = (stage.party("alice", Kind::Pcmu, 440.0), stage.party("bob", Kind::Pcmu, 700.0));
    stage.bridge(alice, bob);
    stage.run(SECOND / 5);
    let port = stage.parties[alice].port;
    let sound = samples(Kind::Pcmu, 900.0, 15).encoded(Kind::Pcmu).expect("a codec that we speak");
    stage.order(port, play(sound, Some(Kind::Pcmu), Loops::Times(1), 1));
    stage.run(SECOND);
    assert_eq!(stage.hears(bob), ["alice"]);
    assert_eq!(stage.hears(alice), ["bob"]);
    let alice = &stage.parties[alice];
    assert!(alice.level_db(900.0) > ears::AUDIBLE_DB);
    assert!(alice.longest_wait() < Duration::from_millis(60), "{:?}", alice.longest_wait());
    for pair in alice.heard.windows(2) {
        assert_eq!(pair[1].head.sequence, pair[0].head.sequence.wrapping_add(1));
    }
}

#[test]
fn packets_of_a_codec_that_the_party_does_not_speak_are_not_played() {
    let mut stage = Stage::new();
    let alice = stage.party("alice", Kind::Pcma, 440.0);
    let sound = samples(Kind::Pcmu, 900.0, 25).encoded(Kind::Pcmu).expect("a codec that we speak");
    stage.order(stage.parties[alice].port, play(sound, Some(Kind::Pcmu), Loops::Times(1), 3));
    let told = stage.notice("the prompt does not fit", |notice| matches!(notice, Notice::Played(..)));
    assert!(matches!(told, Notice::Played(_, 3, Played::Unfit, _)));
    assert!(stage.parties[alice].heard.is_empty());
}
