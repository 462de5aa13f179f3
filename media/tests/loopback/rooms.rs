//! What members of a room hear.

use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::mixer::{Gain, Rules};
use patchcord_media::shard::{Notice, Order, RoomId, RoomOrder, Stand, Weight};

use super::ears;
use super::party::VOICE_DB;
use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// A room of one party for each codec, with tones of their own.
pub fn room(kinds: &[Kind], threads: usize) -> (Stage, RoomId) {
    heavy_room(kinds, threads, Weight::PASSING)
}

/// The same, where each member is expected to cost so much.
pub fn heavy_room(kinds: &[Kind], threads: usize, weight: Weight) -> (Stage, RoomId) {
    const VOICES: [(&str, f64); 6] =
        [("alice", 440.0), ("bob", 700.0), ("carol", 1100.0), ("dave", 1450.0), ("erin", 1900.0), ("frank", 2300.0)];
    let mut stage = Stage::of_threads(threads);
    stage.weight = weight;
    for (kind, (name, hz)) in kinds.iter().zip(VOICES) {
        stage.party(name, *kind, hz);
    }
    let room = stage.plane.open_room(0, Rules::default(), None).expect("a room");
    for party in 0..kinds.len() {
        stage.order(stage.parties[party].port, Order::Enter(room));
    }
    (stage, room)
}

/// Lets everybody come to speed, and listens for so long.
fn listen(stage: &mut Stage, duration: Duration) {
    stage.run(SECOND / 2);
    stage.forget();
    stage.run(duration);
}

#[test]
fn everybody_hears_everybody_else_as_loud_as_they_speak() {
    let (mut stage, _) = room(&[Kind::Pcmu, Kind::Pcma, Kind::Pcmu, Kind::Pcmu], 1);
    listen(&mut stage, SECOND);
    for listener in 0..4 {
        let others: Vec<_> = (0..4).filter(|party| *party != listener).map(|party| stage.parties[party].name).collect();
        assert_eq!(stage.hears(listener), others);
        let ears = &stage.parties[listener];
        for speaker in (0..4).filter(|party| *party != listener) {
            let level = ears.level_db(stage.parties[speaker].hz);
            assert!((level - VOICE_DB).abs() < 1.0, "{} at {level}", stage.parties[speaker].name);
        }
        assert_eq!(ears::longest_gap(&ears.sound(), ears.kind.rate()), 0);
    }
}

#[test]
fn codecs_of_all_rates_meet_in_one_room() {
    let (mut stage, _) = room(&[Kind::Pcmu, Kind::G722, Kind::Opus], 1);
    listen(&mut stage, SECOND);
    assert_eq!(stage.hears(0), ["bob", "carol"]);
    assert_eq!(stage.hears(1), ["alice", "carol"]);
    assert_eq!(stage.hears(2), ["alice", "bob"]);
    let level = stage.parties[2].level_db(440.0);
    assert!((level - VOICE_DB).abs() < 1.0, "{level}");
}

#[test]
fn silent_listeners_of_a_codec_share_one_encode() {
    let (mut stage, _) = room(&[Kind::Pcmu; 6], 1);
    stage.parties[1..].iter_mut().for_each(|party| party.is_mute = true);
    stage.run(SECOND / 2);
    let before = stage.plane.tally();
    stage.run(SECOND);
    let after = stage.plane.tally();
    let rounds = 50;
    assert!((after.shared_encodes - before.shared_encodes).abs_diff(rounds) <= 5, "one for all five");
    assert!((after.own_encodes - before.own_encodes).abs_diff(rounds) <= 5, "one for the speaker");
    assert_eq!(stage.hears(5), ["alice"]);
}

#[test]
fn the_muted_are_not_heard_and_the_deaf_do_not_hear() {
    let (mut stage, _) = room(&[Kind::Pcmu; 3], 1);
    stage.order(stage.parties[0].port, Order::Stand(Stand::Muted(true)));
    stage.order(stage.parties[1].port, Order::Stand(Stand::Deaf(true)));
    listen(&mut stage, SECOND / 2);
    assert_eq!(stage.hears(0), ["bob", "carol"]);
    assert!(stage.hears(1).is_empty());
    assert!(stage.parties[1].heard.len() > 20, "its stream goes on");
    assert_eq!(stage.hears(2), ["bob"]);
}

#[test]
fn a_coach_is_heard_by_the_agent_only() {
    let (mut stage, _) = room(&[Kind::Pcmu; 3], 1);
    let (customer, coach) = (stage.parties[1].port, stage.parties[2].port);
    stage.order(customer, Order::Stand(Stand::Hears(coach, Gain::NONE)));
    listen(&mut stage, SECOND / 2);
    assert_eq!(stage.hears(0), ["bob", "carol"]);
    assert_eq!(stage.hears(1), ["alice"]);
    assert_eq!(stage.hears(2), ["alice", "bob"]);
}

#[test]
fn who_leaves_a_room_is_neither_heard_nor_hears() {
    let (mut stage, room) = room(&[Kind::Pcmu; 3], 1);
    stage.run(SECOND / 5);
    stage.order(stage.parties[0].port, Order::Part);
    listen(&mut stage, SECOND / 2);
    assert!(stage.parties[0].heard.is_empty());
    assert_eq!(stage.hears(1), ["carol"]);
    stage.plane.order_room(room, RoomOrder::Close).expect("a room to close");
    stage.notice("the room is closed", |notice| *notice == Notice::RoomClosed(room));
    stage.run(SECOND / 10);
    stage.forget();
    stage.run(SECOND / 10);
    assert!(stage.parties.iter().all(|party| party.heard.is_empty()));
}

#[test]
fn members_of_other_threads_come_to_the_room() {
    let (mut stage, _) = room(&[Kind::Pcmu; 4], 2);
    listen(&mut stage, SECOND / 2);
    assert_eq!(stage.hears(0), ["bob", "carol", "dave"]);
    assert_eq!(stage.hears(3), ["alice", "bob", "carol"]);
}

#[test]
fn a_room_that_is_too_large_for_one_thread_spreads_and_stays_one_room() {
    let (mut stage, _) = heavy_room(&[Kind::Pcmu, Kind::G722, Kind::Pcmu, Kind::Pcma], 2, Weight(250_000));
    listen(&mut stage, SECOND);
    let tallies = stage.plane.tallies();
    assert!(tallies.iter().all(|tally| tally.rooms == 1 && tally.ports == 2), "{tallies:?}");
    assert_eq!(stage.hears(0), ["bob", "carol", "dave"]);
    assert_eq!(stage.hears(1), ["alice", "carol", "dave"]);
    assert_eq!(stage.hears(2), ["alice", "bob", "dave"]);
    assert_eq!(stage.hears(3), ["alice", "bob", "carol"]);
    let level = stage.parties[0].level_db(700.0);
    assert!((level - VOICE_DB).abs() < 1.0, "{level}");
}

#[test]
fn a_coach_on_another_thread_is_heard_by_the_agent_only() {
    let (mut stage, _) = heavy_room(&[Kind::Pcmu, Kind::Pcmu, Kind::G722, Kind::Pcmu], 2, Weight(250_000));
    stage.until("the room is spread", |stage| stage.plane.tallies().iter().all(|tally| tally.ports == 2));
    stage.run(SECOND / 5);
    // Whoever the coach is, one customer sits on its thread and the others do not.
    for customer in 1..4 {
        let (customer, coach) = (stage.parties[customer].port, stage.parties[0].port);
        stage.order(customer, Order::Stand(Stand::Hears(coach, Gain::NONE)));
    }
    listen(&mut stage, SECOND);
    assert_eq!(stage.hears(0), ["bob", "carol", "dave"]);
    assert_eq!(stage.hears(1), ["carol", "dave"]);
    assert_eq!(stage.hears(2), ["bob", "dave"]);
    assert_eq!(stage.hears(3), ["bob", "carol"]);
    stage.order(stage.parties[1].port, Order::Stand(Stand::Hears(stage.parties[0].port, Gain::UNITY)));
    // On a busy machine the order takes its time; what is listened to is what came of it.
    stage.run(SECOND / 5);
    listen(&mut stage, SECOND / 2);
    assert_eq!(stage.hears(1), ["alice", "carol", "dave"]);
    let level = stage.parties[1].level_db(440.0);
    assert!((level - VOICE_DB).abs() < 1.0, "{level}");
}

#[test]
fn a_part_that_a_room_gets_later_is_mixed_by_its_rules() {
    let (mut stage, room) = heavy_room(&[Kind::Pcmu; 2], 2, Weight(250_000));
    // Nobody is heard by these rules; the part on the other thread is made after they were told.
    let rules = Rules { most_talkers: 0, ..Rules::default() };
    stage.plane.order_room(room, RoomOrder::Rules(rules)).expect("a room to rule");
    for (name, hz) in [("carol", 1100.0), ("dave", 1450.0)] {
        let late = stage.party(name, Kind::Pcmu, hz);
        stage.order(stage.parties[late].port, Order::Enter(room));
    }
    stage.until("the room is spread", |stage| stage.plane.tallies().iter().all(|tally| tally.rooms == 1));
    listen(&mut stage, SECOND / 2);
    assert!((0..4).all(|party| stage.hears(party).is_empty()), "nobody is to be heard");
    stage.plane.order_room(room, RoomOrder::Rules(Rules::default())).expect("a room to rule");
    listen(&mut stage, SECOND / 2);
    assert_eq!(stage.hears(0), ["bob", "carol", "dave"]);
}

#[test]
fn a_mixed_voice_is_not_sixty_milliseconds_late() {
    let (mut stage, _) = room(&[Kind::Pcmu; 2], 1);
    stage.parties[0].is_mute = true;
    stage.parties[1].is_mute = true;
    stage.run(SECOND);
    stage.forget();
    stage.parties[0].is_mute = false;
    stage.run(SECOND / 2);
    let (speaker, listener) = (&stage.parties[0], &stage.parties[1]);
    let mut decoder = Kind::Pcmu.decoder().expect("a codec that we speak");
    let onset = listener.heard.iter().find_map(|packet| {
        let mut sound = Vec::new();
        decoder.decode(&packet.payload, &mut sound).expect("a payload of the codec");
        let loud = sound.iter().position(|sample| sample.unsigned_abs() > 500)?;
        Some(packet.at + SECOND * loud as u32 / 8000)
    });
    let delay = onset.expect("the voice was heard").saturating_duration_since(speaker.sent[0].at);
    assert!(delay < Duration::from_millis(60), "{delay:?}");
}
