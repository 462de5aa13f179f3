//! What members may do and hear by their roles, and what a room is told to be like while it goes on.

use super::super::keys::{Command, Menus};
use super::*;

fn command(keys: &str, action: Action) -> Command {
    (keys.to_owned(), action)
}

/// Everybody mutes by `*6`; moderators lock by `*2` besides.
fn menus() -> Menus {
    let written = |whose: &str| match whose {
        "speaker" => Some(vec![command("*6", Action::ToggleMute)]),
        "moderator" => Some(vec![command("*6", Action::ToggleMute), command("*2", Action::ToggleLock)]),
        _ => None,
    };
    Menus::of(written).expect("menus")
}

/// What the call of a member was told of its keys.
fn keys(told: Vec<Told>) -> Vec<Option<usize>> {
    let told = told.into_iter().filter_map(|told| match told {
        Told::Keys(keys) => Some(keys.map(|keys| keys.len())),
        _ => None,
    });
    told.collect()
}

#[test]
fn keys_follow_the_role_of_a_member_and_its_room() {
    let mut world = World::with(Rules { keys: menus(), ..quiet() });
    world.joins(1, moderator());
    world.joins(2, weekly());
    world.joins(3, Join { role: Role::Listener, ..weekly() });
    assert_eq!(keys(world.told(1)), [Some(2)]);
    assert_eq!(keys(world.told(2)), [Some(1)]);
    assert_eq!(keys(world.told(3)), [], "of listeners the room says nothing");
    world.orders(Order::Role(Whom::Leg(World::place(2)), Role::Moderator)).expect("a moderator");
    assert_eq!(keys(world.told(2)), [Some(2)]);
    world.orders(Order::Role(Whom::Leg(World::place(2)), Role::Listener)).expect("a listener");
    assert_eq!(keys(world.told(2)), [None]);
    world.orders(Order::Move(Whom::Leg(World::place(1)), "other".into())).expect("moved");
    assert_eq!(keys(world.told(1)), [None], "in a room without menus keys do what was said at the door");
    world.orders(Order::Merge("other".into())).expect("merged");
    assert_eq!(keys(world.told(1)), [Some(2)]);
}

#[test]
fn keys_are_told_once_somebody_is_in_and_not_while_it_waits() {
    let mut world = World::with(Rules { keys: menus(), wait_for: WaitFor::Admission, ..quiet() });
    world.joins(1, moderator());
    world.joins(2, weekly());
    assert_eq!(keys(world.told(2)), []);
    let waits = world.member(2);
    assert_eq!(waits.state, "waiting");
    assert!(!world.sound.iter().any(|sound| matches!(sound, Sound::Enter(member, ..) if *member == waits.member)));
    world.orders(Order::Admit(Whom::Member(waits.member))).expect("let in");
    assert_eq!(keys(world.told(2)), [Some(1)]);
    assert!(world.sound.iter().any(|sound| matches!(sound, Sound::Enter(member, ..) if *member == waits.member)));
    assert_eq!(world.orders(Order::Admit(Whom::Member(waits.member))), Ok(Reply::Done { done: 0 }));
}

#[test]
fn what_is_done_with_the_sound_of_all_is_done_with_those_who_come_later() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.orders(Order::Denoise(Whom::All, true)).expect("clean");
    world.orders(Order::Gate(Whom::All, Some(-40))).expect("gated");
    world.orders(Order::AutomaticGain(true)).expect("even");
    world.joins(2, weekly());
    for call in [1, 2] {
        let member = world.member(call);
        assert_eq!((member.denoise, member.gate_db), (true, Some(-40)));
    }
    let id = world.member(2).member;
    assert!(world.sound.iter().any(|sound| matches!(sound, Sound::Enter(member, _, true) if *member == id)));
    let room = world.house.view("weekly", world.now).expect("the room");
    assert_eq!((room.automatic_gain, room.gate_db, room.denoise), (true, Some(-40), true));
    world.orders(Order::Denoise(Whom::Member(id), false)).expect("left alone");
    assert!(world.house.view("weekly", world.now).is_some_and(|room| room.denoise), "that was for one alone");
    world.orders(Order::End).expect("over");
    let noted: Vec<&str> = world.past().moments.iter().map(|moment| moment.what.as_str()).collect();
    assert_eq!(noted, ["denoise", "gate", "automatic_gain", "ended"]);
}
