//! Who stands at the door of a room: places and those who wait for one, what a record keeps of whoever did not come in, and who
//! ordered what.

use super::*;

fn visitors(past: &Past) -> Vec<(String, String, String)> {
    let at_door = past.moments.iter().filter_map(|moment| Some((moment, moment.visitor.as_ref()?)));
    at_door.map(|(moment, who)| (moment.what.clone(), moment.note.clone(), who.called())).collect()
}

#[test]
fn who_waits_takes_no_place_and_has_one_when_somebody_leaves() {
    let mut world = World::with(Rules { most: 3, wait_for: WaitFor::Moderator, ..quiet() });
    for call in 1..=4 {
        world.joins(call, weekly());
        assert_eq!(world.member(call).state, "waiting");
    }
    world.joins(5, moderator());
    let states = |world: &World| [1, 2, 3, 4, 5].map(|call| world.member(call).state);
    assert_eq!(states(&world), ["in", "in", "waiting", "waiting", "in"], "as many as there are places");
    let waits = world.member(3).member;
    assert_eq!(world.orders(Order::Admit(Whom::Member(waits))), Err(Refused::Full));
    world.says(5, Asked::Act(Action::Admit));
    assert_eq!(states(&world), ["in", "in", "waiting", "waiting", "in"], "a key finds no place, either");
    world.says(1, Asked::Leave);
    assert_eq!([3, 4].map(|call| world.member(call).state), ["in", "waiting"], "the next one has its place");
    world.joins(6, weekly());
    assert_eq!(world.told(6), [Told::Out(Leaving::Denied(Denial::Full))], "whoever comes to a full room is told so");
}

#[test]
fn two_who_wait_to_be_admitted_keep_nobody_out_and_a_refusal_is_recorded_once() {
    let mut world = World::with(Rules { most: 2, wait_for: WaitFor::Admission, ..quiet() });
    world.joins(1, moderator());
    world.joins(2, weekly());
    world.joins(3, weekly());
    assert_eq!([2, 3].map(|call| world.member(call).state), ["waiting", "waiting"]);
    world.joins(4, moderator());
    assert_eq!(world.member(4).state, "in", "who waits has no place yet");
    world.joins(5, weekly());
    assert_eq!(world.told(5), [Told::Out(Leaving::Denied(Denial::Full))]);
    world.orders(Order::End).expect("ended");
    let denied = ("denied".to_owned(), "full".to_owned(), "caller 5 (105)".to_owned());
    assert_eq!(visitors(world.past()), [denied]);
}

#[test]
fn no_more_wait_than_may_and_moderators_still_come_in() {
    let mut world = World::with(Rules { most: 2, wait_for: WaitFor::Moderator, ..quiet() });
    let many = MAX_VISITORS as u64;
    (1..=many).for_each(|call| world.joins(call, weekly()));
    world.told.clear();
    world.joins(many + 1, weekly());
    assert_eq!(world.told(many + 1), [Told::Out(Leaving::Denied(Denial::Full))]);
    world.joins(many + 2, moderator());
    assert_eq!(world.member(many + 2).state, "in");
}

#[test]
fn tries_at_a_closed_room_are_kept_with_from_whom_and_such_a_room_had_nobody_in_it() {
    let mut world = World::with(Rules { pin: Some("1234".into()), ..quiet() });
    let rules = Rules { pin: Some("1234".into()), ..quiet() };
    world.house.fix([("weekly".to_owned(), rules)]);
    for _ in 0..3 {
        world.joins(1, weekly());
        (0..3).for_each(|_| world.says(1, Asked::Pin("0000".into())));
    }
    let wrong = ("wrong_pin".to_owned(), String::new(), "caller 1 (101)".to_owned());
    let denied = |why: &str| ("denied".to_owned(), why.to_owned(), "caller 1 (101)".to_owned());
    assert_eq!(visitors(world.past()), [wrong.clone(), wrong.clone(), wrong, denied("pin")]);
    assert_eq!((world.past().most, world.past().why.as_str()), (0, "nobody came in"));
    world.joins(1, weekly());
    assert_eq!(visitors(world.past()), [denied("throttled")], "who is not even asked is told as well");
    let moment = &world.past().moments[0];
    assert_eq!(moment.visitor.as_ref().map(|who| who.from.as_str()), Some("user:1"));
    // Whoever is in reads of tries in the record of its own meeting.
    world.joins(2, Join { pin: Some("1234".into()), ..weekly() });
    world.joins(1, weekly());
    world.says(2, Asked::Leave);
    assert_eq!((world.past().most, visitors(world.past())), (1, vec![denied("throttled")]));
}

#[test]
fn an_address_at_the_door_is_told_as_its_network() {
    let mut world = World::with(quiet());
    world.house.fix([("weekly".to_owned(), Rules { locked: true, ..quiet() })]);
    let (name, number) = (String::new(), "anybody".to_owned());
    let entrant =
        Entrant { place: World::place(1), call: None, name, number, source: "198.51.100.7".into(), unheard: None };
    world.house.come(&weekly(), &entrant, world.now, UNIX_EPOCH);
    world.settle();
    let from = world.past().moments[0].visitor.as_ref().map(|who| who.from.clone()).unwrap_or_default();
    assert!(from.starts_with("198.51.") && !from.contains("100.7"), "{from}");
}

#[test]
fn whoever_has_no_pin_is_told_so_where_only_moderators_have_one() {
    let mut world = World::with(Rules { moderator_pin: Some("9999".into()), ..quiet() });
    world.joins(1, weekly());
    assert_eq!(world.told(1), [Told::AskPin { again: false, or_none: true }]);
    world.says(1, Asked::Pin(String::new()));
    assert_eq!(world.member(1).role, Role::Speaker);
}

#[test]
fn the_record_names_who_ordered_each_thing() {
    let mut world = World::with(quiet());
    world.joins(1, moderator());
    world.joins(2, weekly());
    let two = world.member(2).member;
    let by = |who, name: &str| By::named(who, name);
    let when = (world.now, UNIX_EPOCH);
    let orders = [
        (Order::Mute(Whom::Member(two), true), by(Orderer::Person, "anna")),
        (Order::Gain(Whom::Member(two), 6), by(Orderer::Token, "shop")),
        (Order::Role(Whom::Member(two), Role::Listener), by(Orderer::Script, "conference")),
        (Order::Lock(true), By::command_line()),
    ];
    for (order, by) in orders {
        world.house.order("weekly", order, by, when).expect("done");
    }
    world.says(2, Asked::Act(Action::RaiseHand));
    world.talks(1, true);
    world.house.order("weekly", Order::End, by(Orderer::Person, "anna"), when).expect("ended");
    world.settle();
    let told: Vec<_> = world.past().moments.iter().map(|moment| (&*moment.what, moment.by.clone())).collect();
    let told: Vec<_> = told.iter().map(|(what, by)| (*what, by.as_ref().map(ToString::to_string))).collect();
    let by = |by: &str| Some(by.to_owned());
    let expected = [
        ("mute", by("anna")),
        ("gain", by("token shop")),
        ("role", by("service conference")),
        ("lock", by("the command line")),
        ("hand", by("caller 2 (102) by a key")),
        ("floor", None),
        ("ended", by("anna")),
    ];
    assert_eq!(told, expected);
    assert_eq!(world.past().because(), "anna ended it");
}

#[test]
fn both_rooms_name_who_moved_a_member() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.joins(2, weekly());
    let anna = By::named(Orderer::Person, "anna");
    let order = Order::Move(Whom::Leg(World::place(2)), "side".into());
    world.house.order("weekly", order, anna.clone(), (world.now, UNIX_EPOCH)).expect("moved");
    for (room, note) in [("weekly", "to side"), ("side", "from weekly")] {
        let story = world.house.story(room, world.now).expect("a story");
        let moved = story.moments.iter().find(|moment| moment.what == "moved").expect("a moment");
        assert_eq!((&*moved.note, &moved.by), (note, &Some(anna.clone())));
    }
}

#[test]
fn a_member_of_whom_nothing_is_heard_is_marked_until_something_is() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    let since = world.now;
    world.now += Duration::from_secs(12);
    world.house.unheard(World::place(1), Some(since), world.now);
    assert_eq!(world.member(1).unheard_ms, Some(12_000));
    world.says(1, Asked::Held(true));
    assert_eq!(world.member(1).unheard_ms, None, "who holds us is not to send");
    world.says(1, Asked::Held(false));
    world.house.unheard(World::place(1), None, world.now);
    assert_eq!(world.member(1).unheard_ms, None);
    world.says(1, Asked::Leave);
    let told: Vec<_> = world.past().moments.iter().map(Moment::said).collect();
    assert_eq!(told, ["nothing heard any more", "heard again"]);
}

#[test]
fn the_record_says_why_a_room_ended_and_what_was_done_in_it() {
    let mut world = World::with(quiet());
    world.joins(1, weekly());
    world.joins(2, weekly());
    let two = Whom::Leg(World::place(2));
    world.orders(Order::Deaf(two, true)).expect("deafened");
    world.orders(Order::Gain(two, -6)).expect("quieter");
    world.orders(Order::Announce(Whom::All, vec!["welcome".into()])).expect("said");
    world.orders(Order::Kick(two)).expect("kicked");
    world.orders(Order::End).expect("ended");
    let done: Vec<_> = world.past().moments.iter().map(|moment| (moment.what.clone(), moment.note.clone())).collect();
    let done: Vec<_> =
        done.iter().map(|(what, note)| (&**what, &**note)).filter(|(what, _)| *what != "floor").collect();
    assert_eq!(done, [("deaf", ""), ("gain", "-6 dB"), ("announced", "welcome"), ("kicked", ""), ("ended", "")]);
    assert_eq!(world.past().why, "somebody ended it");
}

#[test]
fn a_room_that_was_opened_ahead_takes_orders_before_anybody_is_in() {
    let mut world = World::with(quiet());
    assert_eq!(world.orders(Order::Lock(true)), Ok(Reply::Done { done: 1 }));
    assert_eq!(world.orders(Order::Gate(Whom::All, Some(0))), Err(Refused::Gate));
    assert_eq!(world.orders(Order::Mute(Whom::All, true)), Err(Refused::NoRoom("weekly".into())), "nobody is there");
    world.joins(1, weekly());
    assert_eq!(world.told(1), [Told::Out(Leaving::Denied(Denial::Locked))]);
    let mut world = World::with(quiet());
    assert_eq!(world.orders(Order::Denoise(Whom::All, true)), Ok(Reply::Done { done: 1 }));
    world.joins(1, weekly());
    assert!(world.member(1).denoise);
}

#[test]
fn a_moderator_who_was_late_with_its_pin_says_it_while_it_waits() {
    let rules = Rules { wait_for: WaitFor::Moderator, moderator_pin: Some("9999".into()), ..quiet() };
    let mut world = World::with(rules);
    for call in [1, 2] {
        world.joins(call, weekly());
        world.says(call, Asked::Pin(String::new()));
    }
    world.says(1, Asked::Pin("1234".into()));
    assert_eq!([1, 2].map(|call| world.member(call).state), ["waiting"; 2], "that was none");
    world.says(1, Asked::Pin("9999".into()));
    assert_eq!((world.member(1).role, world.member(1).state), (Role::Moderator, "in"));
    assert_eq!(world.member(2).state, "in", "whom the others waited for is there");
}
