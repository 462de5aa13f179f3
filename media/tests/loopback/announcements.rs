//! What a room is told that nobody in it says.

use std::sync::Arc;
use std::time::Duration;

use patchcord_media::codec::Kind;
use patchcord_media::frame::Rate;
use patchcord_media::prompt::{Cursor, Item, Loops, Sound};
use patchcord_media::shard::{Notice, Play, Played, RoomId, RoomOrder, Weight};

use super::ears;
use super::party::VOICE_DB;
use super::rooms::{heavy_room, room};
use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// What is announced here: a tone that nobody speaks.
const HZ: f64 = 900.0;

fn announcement(rate: Rate, frames: usize, loops: Loops, tag: u64) -> RoomOrder {
    let samples = ears::tone(rate, HZ, VOICE_DB, 0, frames * rate.samples());
    let sound = Arc::new(Sound::of_samples("announcement", rate, samples));
    let cursor = Cursor::new(vec![Item::Sound(sound)], rate, loops).expect("a short list");
    RoomOrder::Announce(Play { cursor: Box::new(cursor), kind: None, tag })
}

fn order(stage: &Stage, room: RoomId, order: RoomOrder) {
    stage.plane.order_room(room, order).expect("an order that is taken");
}

fn ended(stage: &mut Stage) -> (u64, Played) {
    match stage.notice("the announcement is over", |notice| matches!(notice, Notice::Announced(..))) {
        Notice::Announced(_, tag, why) => (tag, why),
        other => unreachable!("{other:?} was not asked for"),
    }
}

#[test]
fn all_members_hear_an_announcement_beside_each_other_and_its_end_is_told() {
    let (mut stage, room) = room(&[Kind::Pcmu, Kind::G722, Kind::Opus], 1);
    stage.run(SECOND / 2);
    stage.forget();
    order(&stage, room, announcement(Rate::Narrow, 50, Loops::Times(1), 5));
    stage.run(SECOND);
    assert_eq!(stage.hears(0), ["bob", "carol"]);
    for party in &stage.parties {
        let level = party.level_db(HZ);
        // It began a little after the listening did.
        assert!((level - VOICE_DB).abs() < 1.5, "{} hears it at {level}", party.name);
    }
    assert_eq!(ended(&mut stage), (5, Played::Ended));
    stage.run(SECOND / 5);
    stage.forget();
    stage.run(SECOND / 2);
    assert!(stage.parties.iter().all(|party| party.level_db(HZ) < ears::AUDIBLE_DB), "it is over");
}

#[test]
fn an_announcement_is_heard_on_every_thread_of_a_room() {
    let (mut stage, room) = heavy_room(&[Kind::Pcmu; 4], 2, Weight(250_000));
    stage.run(SECOND / 2);
    assert!(stage.plane.tallies().iter().all(|tally| tally.ports == 2), "the room is spread");
    order(&stage, room, announcement(Rate::Wide, 10, Loops::Forever, 1));
    stage.run(SECOND / 5);
    stage.forget();
    stage.run(SECOND / 2);
    for party in &stage.parties {
        let level = party.level_db(HZ);
        assert!((level - VOICE_DB).abs() < 1.0, "{} hears it at {level}", party.name);
    }
}

#[test]
fn an_announcement_gives_way_to_the_next_and_to_whoever_hushes_it() {
    let (mut stage, room) = room(&[Kind::Pcmu; 2], 1);
    order(&stage, room, announcement(Rate::Narrow, 10, Loops::Forever, 1));
    order(&stage, room, announcement(Rate::Narrow, 10, Loops::Forever, 2));
    assert_eq!(ended(&mut stage), (1, Played::Replaced));
    order(&stage, room, RoomOrder::Hush);
    assert_eq!(ended(&mut stage), (2, Played::Stopped));
    order(&stage, room, announcement(Rate::Narrow, 10, Loops::Forever, 3));
    order(&stage, room, RoomOrder::Close);
    assert_eq!(ended(&mut stage), (3, Played::Stopped));
}

#[test]
fn packets_are_no_announcement() {
    let (mut stage, room) = room(&[Kind::Pcmu; 2], 1);
    let rate = Rate::Narrow;
    let samples = Sound::of_samples("packets", rate, ears::tone(rate, HZ, VOICE_DB, 0, 50 * rate.samples()));
    let packets = Arc::new(samples.encoded(Kind::Pcmu).expect("a codec that we speak"));
    let cursor = Cursor::new(vec![Item::Sound(packets)], rate, Loops::Times(1)).expect("a short list");
    order(&stage, room, RoomOrder::Announce(Play { cursor: Box::new(cursor), kind: Some(Kind::Pcmu), tag: 4 }));
    assert_eq!(ended(&mut stage), (4, Played::Unfit));
}
