//! Scripts in conference rooms, as a person tests them: what they order, what they are told, who hears whom then.

use super::*;

/// A meeting with PINs, a menu of keys, and a script that listens.
const MEETING: &str = r##"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("weekly", #{ pin: "4711", moderator_pin: "9999", sounds: false, announce: "nothing", talk_events: true });
    let stay = caller.join(room, #{ keys: #{ "*6": "toggle_mute", "*9": "raise_hand", "*1": "toggle_mute_all", "#": "leave" } });
    caller.tag("stay", stay.status);
    caller.tag("why", stay.why);
}

fn on_room(leg, ev) {
    if ev.kind == "hand" && ev.me { leg.tag("hand", ev.on); }
    if ev.kind == "talk_start" && !ev.me { leg.tag("heard", ev.number); }
}
"##;

fn all_is_well(service: &str, test: &str) {
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let sources = Sources {
        services: vec![source("room", service)],
        tests: vec![source("room_test", test)],
        ..Sources::default()
    };
    for explore in [false, true] {
        let report = run(&sources, &Wishes { explore, ..Wishes::default() }, &mut |_| {});
        assert_eq!(report.broken, [""; 0]);
        if let Some(failed) = report.verdicts.iter().flat_map(|verdict| &verdict.failed).next() {
            panic!("{}: {} {:?}\n{}", failed.place, failed.why, failed.variation, failed.ladder);
        }
    }
}

#[test]
fn a_pin_lets_in_and_three_wrong_ones_do_not() {
    all_is_well(
        MEETING,
        r##"fn test_pins(t) {
            let alice = t.phone("101").dials("room").hears("enter-pin").presses("9999#");
            let bob = t.phone("102").dials("room").hears("enter-pin").presses("4711#").hears(alice);
            let mallory = t.phone("103").dials("room").hears("enter-pin").presses("1#").hears("wrong-pin");
            mallory.presses("2#").hears("wrong-pin").presses("3#").is_hung_up();
            mallory.record(#{ stay: "denied", why: "pin" });
            alice.talks_to(bob);
        }"##,
    );
}

#[test]
fn a_script_is_told_who_talks_and_who_raises_a_hand() {
    all_is_well(
        MEETING,
        r##"fn test_told(t) {
            let alice = t.phone("101").dials("room").hears("enter-pin").presses("9999#");
            let bob = t.phone("102").dials("room").hears("enter-pin").presses("4711#").hears(alice);
            bob.presses("*9");
            alice.speaks(2.s());
            bob.presses("#").is_hung_up();
            bob.record(#{ stay: "left", hand: "true", heard: "101" });
            alice.hangs_up();
        }"##,
    );
}

#[test]
fn a_script_moves_whispers_and_ends_as_it_likes() {
    let service = r#"
fn on_invite(caller) {
    caller.answer();
    caller.join("hall", #{ announce: "nothing" });
    caller.play("goodbye");
}

fn on_dtmf(leg, key) {
    let hall = room::open("hall", #{});
    let members = hall.members();
    switch key.digit {
        "1" => if members.len() > 2 { hall.gain(members[1].member, members[2].member, -60) },
        "2" => hall.move_to(leg, "side"),
        "3" => hall.merge("side"),
        "4" => hall.mute("all"),
        "5" => hall.end(),
        "6" => leg.tag("nobody", hall.kick(99).why),
        "7" => hall.dial("user:dave"),
        _   => hall.play("one-moment")
    }
}
"#;
    all_is_well(
        service,
        r##"fn test_orders(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            let bob = t.phone("102").dials("room").hears(alice);
            let carol = t.phone("103").dials("room").hears(bob);
            alice.presses("1");
            bob.does_not_hear(carol);
            carol.speaks(1.s());
            alice.hears(carol);
            carol.presses("2");
            alice.does_not_hear(carol);
            alice.presses("3");
            alice.talks_to(carol);
            alice.presses("6");
            alice.presses("0");
            carol.hears("one-moment");
            t.endpoint("dave").answers(1.s());
            alice.presses("7");
            t.advance(3.s());
            t.endpoint("dave").talks_to(alice);
            alice.presses("4");
            alice.does_not_hear(bob);
            alice.presses("5").hears("goodbye").is_hung_up();
            alice.record(#{ nobody: "nobody of that number is in the room" });
            bob.is_hung_up();
        }"##,
    );
}

#[test]
fn newcomers_are_told_how_many_others_are_in_where_that_is_wanted() {
    let service = r#"
        fn on_invite(caller) {
            caller.answer();
            let room = room::open("weekly", #{ count: true, announce: "nothing" });
            caller.join(room);
        }"#;
    let test = r#"
        fn test_they_are_counted(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            let bob = t.phone("102").dials("room").hears("room-one-other").talks_to("101");
            let carol = t.phone("103").dials("room");
            carol.hears("room-there-are").hears("number/2").hears("room-others");
            carol.hangs_up();
        }"#;
    all_is_well(service, test);
}

#[test]
fn a_call_that_is_dialled_into_a_room_ends_as_dials_do() {
    let service = r#"
fn on_invite(caller) {
    let talk = caller.dial("room:hall", #{});
    caller.tag("dial", talk.status);
}
"#;
    all_is_well(
        service,
        r##"fn test_target(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            let bob = t.phone("102").dials("room").is_answered().hears(alice);
            bob.hangs_up();
            bob.record(#{ outcome: "answered" });
            alice.hangs_up();
        }"##,
    );
}

#[test]
fn a_key_merges_the_two_calls_of_a_phone() {
    let service = r#"
fn on_invite(caller) { caller.dial(if caller.to == "82" { "user:bob" } else { "user:carol" }); }

fn on_dtmf(leg, key) {
    if key.digit != "*" { return; }
    let merged = leg.merge();
    leg.tag("merged", merged.status);
    if merged.status == "failed" { leg.tag("why", merged.why); }
}
"#;
    all_is_well(
        service,
        r##"fn test_three_talk(t) {
            let bob = t.endpoint("bob").answers(1.s());
            let carol = t.endpoint("carol").answers(1.s());
            t.route("82", "room");
            t.route("83", "room");
            let alice = t.endpoint("alice").dials("82").talks_to(bob).holds();
            alice.dials("83").talks_to(carol).presses("*");
            alice.talks_to(bob).talks_to(carol);
            bob.talks_to(carol);
            alice.hangs_up();
            bob.talks_to(carol).hangs_up();
            carol.hangs_up();
        }

        fn test_one_call_is_merged_with_none(t) {
            t.endpoint("bob").answers(1.s());
            t.endpoint("carol").answers(1.s());
            t.route("82", "room");
            let alice = t.endpoint("alice").dials("82").talks_to("bob").presses("*").talks_to("bob").hangs_up();
            alice.record(#{ merged: "failed", why: "it talks with nobody in another call" });
            let stranger = t.phone("+33612345678").dials("82").talks_to("bob").presses("*").hangs_up();
            stranger.record(#{ why: "only an endpoint of this house has two calls" });
        }"##,
    );
}

/// A meeting of calls that break each in their own place.
const FRAIL: &str = r##"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("weekly", #{ announce: "nothing", sounds: false, talk_events: true });
    if caller.to == "early" {
        room.dial("user:dave");
        throw "broken before the door";
    }
    let stay = caller.join(room, #{ keys: #{ "#": "leave" } });
    if stay.status == "left" { throw "broken behind the door"; }
}

fn on_dtmf(leg, key) {
    switch key.digit {
        "1" => throw "broken by a key",
        "2" => room::open("weekly", #{}).play("one-moment"),
        _   => {}
    }
}

fn on_room(leg, ev) {
    if ev.kind == "talk_start" && !ev.me && leg.number == "103" { throw "broken by what was told"; }
}
"##;

#[test]
fn a_script_that_crashes_leaves_its_room_to_those_who_are_in_it() {
    all_is_well(
        FRAIL,
        r##"fn test_who_opened_it_breaks_behind_the_door(t) {
            let alice = t.phone("101").dials("room").is_answered();
            let bob = t.phone("102").dials("room").hears(alice);
            alice.presses("#").is_hung_up();
            bob.does_not_hear(alice);
            let erin = t.phone("104").dials("room").hears(bob);
            erin.talks_to(bob);
            bob.presses("2").hears("one-moment");
            erin.hears("one-moment");
            t.expect(t.faults().len == 1, "one breaks");
        }

        fn test_a_handler_that_breaks_takes_nobody_out(t) {
            let alice = t.phone("101").dials("room").is_answered();
            let bob = t.phone("102").dials("room").hears(alice);
            let carol = t.phone("103").dials("room").hears(alice);
            bob.presses("1");
            alice.speaks(2.s());
            alice.talks_to(bob);
            carol.talks_to(bob);
            for one in [alice, bob, carol] { one.hangs_up(); }
            t.expect(t.faults().len == 2, "a key's handler and what was told");
        }

        fn test_who_breaks_before_the_door_leaves_whom_it_called_in_the_room(t) {
            t.route("early", "room");
            let dave = t.endpoint("dave").answers(1.s());
            t.phone("101").dials("early").is_hung_up();
            t.advance(2.s());
            let bob = t.phone("102").dials("room").hears(dave);
            bob.talks_to(dave);
            t.expect(t.faults().len == 1, "one breaks");
        }"##,
    );
}

#[test]
fn all_hang_up_while_something_is_said_and_the_next_ones_meet_in_peace() {
    all_is_well(
        FRAIL,
        r##"fn test_all_leave(t) {
            let alice = t.phone("101").dials("room").is_answered();
            let bob = t.phone("102").dials("room").hears(alice);
            bob.presses("2").hears("one-moment");
            alice.hangs_up();
            bob.hangs_up();
            let carol = t.phone("105").dials("room").is_answered();
            let dave = t.phone("106").dials("room").hears(carol);
            carol.talks_to(dave);
        }"##,
    );
}

#[test]
fn everybody_who_joins_at_the_same_moment_hears_everybody_else() {
    let phones = (1..=12).map(|n| format!("t.phone(\"2{n:02}\").dials(\"room\")"));
    let test = format!(
        "fn test_all_at_once(t) {{
            let all = [{}];
            t.advance(1.s());
            for one in all {{ for other in all {{ if one.name != other.name {{ one.talks_to(other); }} }} }}
            for one in all {{ one.hangs_up(); }}
        }}",
        phones.collect::<Vec<_>>().join(", ")
    );
    all_is_well(FRAIL, &test);
}

/// A room whose moderators let each in, with keys by roles.
const ADMITTED: &str = r##"
fn on_invite(caller) {
    caller.answer();
    let room = room::open("weekly", #{
        wait_for: "admission", announce: "nothing",
        keys: #{ all: #{ "*6": "toggle_mute", "#": "leave" }, moderator: #{ "*3": "admit", "*2": "toggle_lock" } }
    });
    let role = switch caller.number { "101" => "moderator", "104" => "listener", _ => "speaker" };
    let stay = caller.join(room, #{ role: role, keys: #{ "*9": "leave" } });
    caller.tag("stay", stay.status);
    caller.tag("why", stay.why);
}

fn on_dtmf(leg, key) {
    let room = room::open("weekly", #{});
    if key.digit == "5" {
        for one in room.members() { if one.state == "waiting" && one.number == "103" { room.admit(one.member); } }
    }
}
"##;

#[test]
fn who_waits_to_be_let_in_hears_music_and_nobody_and_then_all() {
    all_is_well(
        ADMITTED,
        r##"fn test_a_key_lets_all_in(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            t.advance(5.s());
            let bob = t.phone("102").dials("room").hears("music");
            let carol = t.phone("103").dials("room").hears("music");
            alice.speaks(1.s());
            bob.does_not_hear(alice).does_not_hear(carol);
            alice.does_not_hear(bob);
            alice.presses("*3");
            bob.hears(alice).hears(carol);
            alice.talks_to(bob).talks_to(carol);
            bob.talks_to(carol);
        }

        fn test_a_script_lets_one_in(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            t.advance(5.s());
            let bob = t.phone("102").dials("room").hears("music");
            let carol = t.phone("103").dials("room").hears("music");
            alice.presses("5");
            carol.hears(alice).talks_to(alice);
            bob.does_not_hear(alice).does_not_hear(carol);
            carol.does_not_hear(bob);
        }

        fn test_who_is_let_in_by_nobody_may_go(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            t.advance(5.s());
            t.phone("102").dials("room").hears("music").hangs_up();
            alice.presses("#").is_hung_up();
            alice.record(#{ stay: "left" });
        }"##,
    );
}

#[test]
fn keys_do_what_the_room_says_for_a_role() {
    all_is_well(
        ADMITTED,
        r##"fn test_roles(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            t.advance(5.s());
            let bob = t.phone("102").dials("room").hears("music");
            alice.presses("*3");
            bob.talks_to(alice);
            bob.presses("*6").hears("room-muted");
            alice.does_not_hear(bob);
            bob.presses("*6").hears("room-unmuted").talks_to(alice);
            bob.presses("*9").talks_to(alice);
            bob.presses("*2");
            alice.presses("*2").hears("room-locked");
            let dave = t.phone("105").dials("room").is_hung_up();
            dave.record(#{ stay: "denied", why: "locked" });
            bob.presses("#").is_hung_up();
            bob.record(#{ stay: "left" });
        }"##,
    );
}

#[test]
fn a_listener_hears_all_and_is_heard_by_nobody_whatever_it_presses() {
    all_is_well(
        ADMITTED,
        r##"fn test_listens(t) {
            let alice = t.phone("101").dials("room").hears("room-only-one");
            t.advance(5.s());
            let bob = t.phone("102").dials("room").hears("music");
            let liz = t.phone("104").dials("room").hears("music");
            alice.presses("*3");
            liz.hears(alice).hears(bob);
            liz.speaks(1.s());
            alice.does_not_hear(liz);
            bob.does_not_hear(liz);
            liz.presses("*6").hears("room-not-allowed");
            liz.speaks(1.s());
            alice.does_not_hear(liz);
            bob.does_not_hear(liz);
            alice.speaks(1.s());
            liz.hears(alice);
            liz.presses("*2");
            bob.talks_to(alice);
            t.phone("103").dials("room").hears("music");
        }"##,
    );
}

#[test]
fn a_menu_that_a_room_cannot_have_is_told_of() {
    let fault = |keys: &str| {
        let service =
            format!("fn on_invite(caller) {{\n  caller.answer();\n  room::open(\"weekly\", #{{ keys: {keys} }});\n}}");
        let test = "fn test_it(t) { t.phone(\"101\").dials(\"room\"); }";
        let source =
            |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
        let services = vec![source("room", &service)];
        let sources = Sources { services, tests: vec![source("room_test", test)], ..Sources::default() };
        let report = run(&sources, &Wishes::default(), &mut |_| {});
        let told = report.verdicts.iter().flat_map(|verdict| &verdict.failed).map(|failed| failed.ladder.clone());
        report.broken.iter().cloned().chain(told).collect::<Vec<_>>().join("\n")
    };
    let told = fault("#{ listener: #{ \"*2\": \"toggle_lock\" } }");
    assert!(told.contains("`keys` of open: toggle_lock is not for a listener; write it for a moderator"), "{told}");
    let told = fault("#{ guests: #{} }");
    assert!(
        told.contains("nobody in a room is \"guests\"; it has menus of all, listener, speaker, moderator"),
        "{told}"
    );
    let told = fault("#{ speaker: \"*6\" }");
    assert!(told.contains("speaker wants a map, as #{ \"*6\": \"toggle_mute\" }"), "{told}");
}

#[test]
fn an_endpoint_is_known_by_its_number_to_whoever_looks_on() {
    let service = r#"
fn on_invite(caller) {
    caller.answer();
    caller.join(room::open("watched", #{ sounds: false, announce: "nothing" }));
}

fn on_room(leg, ev) {
    if ev.kind == "join" && !ev.me { leg.tag("came", `${ev.name}/${ev.number}`); }
}"#;
    let test = r#"
        fn test_known(t) {
            let alice = t.endpoint("alice").has_number("101").dials("room");
            let bob = t.endpoint("bob").has_number("102").dials("room").talks_to(alice);
            bob.hangs_up();
            alice.hangs_up();
            alice.record(#{ came: "bob/102" });
        }"#;
    all_is_well(service, test);
}

#[test]
fn who_has_no_pin_presses_the_hash_key_and_is_in() {
    let service = r##"
fn on_invite(caller) {
    caller.answer();
    caller.join(room::open("weekly", #{ moderator_pin: "9999", sounds: false, announce: "nothing" }));
}"##;
    let test = r##"
        fn test_guests(t) {
            let alice = t.phone("101").dials("room").hears("enter-pin-or-hash").presses("9999#");
            let bob = t.phone("102").dials("room").hears("enter-pin-or-hash").presses("#").talks_to(alice);
            let carol = t.phone("103").dials("room").hears("enter-pin-or-hash").presses("1#");
            carol.hears("wrong-pin").hears("enter-pin-or-hash").presses("#").talks_to(bob);
        }"##;
    all_is_well(service, test);
}
