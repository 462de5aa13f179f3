//! Calls that were played in the simulator, replayed against the same scripts and against others.

use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::journal::What;

use super::*;
use crate::simulator::{Closed, Reply, Setting, Stage};
use crate::{Host, Limits, Shelf};

const IVR: &str = include_str!("../testing/tests/ivr.rhai");

fn host(text: &str) -> Host {
    let shelf = Arc::new(Shelf::new(Limits::default()));
    if let Err(broken) = shelf.publish("ivr", "ivr.rhai", text) {
        panic!("{broken}");
    }
    Host::new(shelf)
}

/// A caller who presses these keys at each menu, and hangs up after that.
fn played(text: &str, keys: &str) -> Closed {
    let t = Stage::new(Setting { service: Some("ivr".into()), ..Setting::of(Box::new(host(text))) });
    let answer = Ok(serde_json::json!({ "status": 200, "headers": { "x": "1" }, "body": "{\"vip\": true}" }));
    t.replies(Reply { to: "GET https://example.org/vip".into(), answer, after: Duration::from_secs(1), once: false });
    let _alice = t.endpoint("alice").answers(Duration::from_secs(3));
    let _bob = t.endpoint("bob").busy();
    let phone = t.phone("+33612345678").dials("100").expect("it calls");
    for key in keys.chars() {
        // The last keys may find the call over.
        drop(phone.presses(&key.to_string()).and_then(|phone| phone.after(Duration::from_secs(9))));
    }
    drop(phone.hangs_up());
    t.record().expect("the call is over")
}

fn replayed(text: &str, call: &Closed) -> Replayed {
    replay(&host(text), &call.record, &call.entries).expect("a script answered it")
}

#[test]
fn whatever_a_caller_did_the_same_script_goes_the_same_way() {
    for keys in ["", "1", "2", "9", "91", "992", "999"] {
        let call = played(IVR, keys);
        let again = replayed(IVR, &call);
        assert_eq!(again.end, Came::Through, "keys {keys:?}: {:?}", call.entries);
        assert!(again.same.len() >= 2, "{again:?}");
    }
}

#[test]
fn what_was_pressed_at_an_earlier_try_is_no_part_of_the_answer() {
    const MENU: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let menu = caller.gather(#{ prompt: "menu", digits: 1, accept: ["1", "2"], timeout: 5.s(), tries: 3 });
    caller.play(`option-${menu.digits}`);
    let more = caller.gather(#{ prompt: "more", digits: 1, timeout: 5.s() });
    caller.play(`more-${more.digits}`);
}
"#;
    for keys in ["92", "991", "1", "921", "9", "99", "999", "9995"] {
        let call = played(MENU, keys);
        assert_eq!(replayed(MENU, &call).end, Came::Through, "keys {keys:?}: {:?}", call.entries);
    }
}

#[test]
fn the_key_that_ends_a_full_answer_is_told_to_nobody_in_a_replay_either() {
    const CODE: &str = r##"
fn on_invite(caller) {
    caller.answer();
    let code = caller.gather(#{ prompt: "code", max: 2, end: "#" });
    let more = caller.gather(#{ prompt: "more", max: 2, end: "#", timeout: 30.s() });
    caller.play(`heard-${code.digits}-${more.digits}`);
}
fn on_dtmf(leg, key) { leg.tag("key", key.digit); }
"##;
    let t = Stage::new(Setting { service: Some("ivr".into()), ..Setting::of(Box::new(host(CODE))) });
    let pressed = t.phone("+33612345678").dials("100").and_then(|phone| phone.hears("code")?.presses("12#"));
    let pressed = pressed.and_then(|phone| phone.hears("more")?.presses("3#")?.hears("heard-12-3")?.is_hung_up());
    assert!(pressed.is_ok(), "{pressed:?}");
    let call = t.record().expect("the call is over");
    assert_eq!(call.tag("key"), None, "it was a part of the answer");
    assert_eq!(replayed(CODE, &call).end, Came::Through, "{:?}", call.entries);
}

#[test]
fn a_changed_target_is_told_by_its_line_then_and_today() {
    let call = played(IVR, "1");
    let replayed = replayed(&IVR.replace("\"user:bob\"]", "\"user:carol\"]"), &call);
    let Came::Otherwise { then, today, .. } = replayed.end else { panic!("{replayed:?}") };
    assert_eq!((then.what.as_str(), today.what.as_str()), ("dial user:alice, user:bob", "dial user:alice, user:carol"));
    assert_eq!((then.place.as_deref(), today.place.as_deref()), (Some("ivr.rhai:17"), Some("ivr.rhai:17")));
    assert_eq!(replayed.same.len(), 2, "it was answered, and asked");
}

#[test]
fn a_changed_option_is_told_and_so_are_keys_that_are_no_answer_any_more() {
    const MENU: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let menu = caller.gather(#{ prompt: "menu", digits: 1, accept: ["1", "2"], timeout: 5.s(), tries: 2 });
    caller.play(if menu.digits == "1" { "one" } else { "other" }, #{ volume: -3 });
}
"#;
    let call = played(MENU, "1");
    assert_eq!(replayed(MENU, &call).end, Came::Through);
    for (was, is, then, today) in [
        ("timeout: 5.s()", "timeout: 9.s()", "5s, gap", "9s, gap"),
        ("tries: 2", "tries: 3", "2 tries", "3 tries"),
        ("volume: -3", "volume: -20", "-3 dB", "-20 dB"),
        ("[\"1\", \"2\"]", "[\"2\"]", "the keys 1 were an answer", "they are none"),
    ] {
        let replayed = replayed(&MENU.replace(was, is), &call);
        let Came::Otherwise { then: said, today: says, .. } = replayed.end else { panic!("{is}: {replayed:?}") };
        assert!(said.what.contains(then) && says.what.contains(today), "{is}: {said} / {says}");
    }
}

#[test]
fn keys_and_answers_of_the_world_are_told_as_then() {
    let call = played(IVR, "92");
    let other = IVR.replace("\"welcome-back\"", "\"welcome-again\"");
    let Came::Otherwise { then, today, .. } = replayed(&other, &call).end else { panic!("it plays another prompt") };
    assert_eq!((then.what.as_str(), today.what.as_str()), ("play welcome-back", "play welcome-again"));
}

#[test]
fn a_script_that_breaks_today_says_where() {
    let call = played(IVR, "9");
    let broken = IVR.replace("caller.play(\"not-understood\")", "caller.play(1)");
    let Came::Otherwise { then, today, .. } = replayed(&broken, &call).end else { panic!("it breaks") };
    assert_eq!(then.what, "play not-understood");
    assert!(today.what.starts_with("breaks: ivr.rhai:10:"), "{today}");
}

#[test]
fn a_journal_with_a_hole_ends_there() {
    let mut call = played(IVR, "92");
    let hole = call.entries.iter().position(|entry| format!("{:?}", entry.what).contains("not-understood"));
    call.entries.remove(hole.expect("it was said") + 1);
    let Came::Unknown(why) = replayed(IVR, &call).end else { panic!("nothing is missing") };
    assert!(why.contains("entries of the journal are missing"), "{why}");
}

#[test]
fn a_call_of_no_script_is_not_replayed() {
    let call = played(IVR, "");
    let none = Record { service: None, ..call.record.clone() };
    assert_eq!(replay(&host(IVR), &none, &call.entries), Err(NotReplayed::NoScript));
    let gone = Record { service: Some("lost".into()), ..call.record };
    assert_eq!(replay(&host(IVR), &gone, &call.entries), Err(NotReplayed::Gone("lost".into())));
}

#[test]
fn what_a_room_told_is_told_again() {
    const HALL: &str = r#"
fn on_invite(caller) {
    caller.answer();
    let stay = caller.join("hall", #{ announce: "nothing" });
    caller.tag("stay", stay.status);
}
fn on_room(leg, ev) { if ev.kind == "join" && !ev.me { leg.tag("met", ev.number); } }
"#;
    let t = Stage::new(Setting { service: Some("ivr".into()), ..Setting::of(Box::new(host(HALL))) });
    let bob = t.phone("102").dials("100").expect("it calls");
    bob.is_answered().expect("it is in the room");
    let alice = t.phone("101").dials("100").expect("it calls");
    alice.is_answered().expect("she is, too");
    t.advance(Duration::from_secs(5)).expect("they meet");
    alice.hangs_up().expect("she goes");
    bob.hangs_up().expect("he goes");
    let call = bob.record().expect("the call is over");
    assert_eq!(call.tag("met"), Some("101"), "{:?}", call.entries);
    let again = replayed(HALL, &call);
    assert_eq!(again.end, Came::Through, "{:?}", call.entries);
    let other = HALL.replace("ev.number", "ev.name");
    assert!(matches!(replayed(&other, &call).end, Came::Otherwise { .. }), "it would write another word");
}

/// A call of the first of these services, whose caller presses this in the other one.
fn handed_on(shelf: &[(&str, &str, &str)]) -> Closed {
    let t = Stage::new(Setting { service: Some("ivr".into()), ..Setting::of(Box::new(shelved(shelf))) });
    let _bob = t.endpoint("bob").busy();
    let phone = t.phone("+33612345678").dials("ivr").expect("it calls");
    drop(phone.after(Duration::from_secs(2)).and_then(|phone| phone.presses("7")?.after(Duration::from_secs(9))));
    drop(phone.hangs_up());
    t.record().expect("the call is over")
}

/// Services by name, file and text.
fn shelved(services: &[(&str, &str, &str)]) -> Host {
    let shelf = Arc::new(Shelf::new(Limits::default()));
    for (name, file, text) in services {
        shelf.publish(name, file, text).expect("it parses");
    }
    Host::new(shelf)
}

const OTHER: &str = r#"
fn on_invite(caller) {
    let menu = caller.gather(#{ prompt: "menu", digits: 1 });
    caller.tag("menu", menu.digits);
    caller.play("goodbye");
}
"#;

#[test]
fn a_call_that_another_service_took_is_followed_into_that_one() {
    for hands_on in [
        "caller.dial(\"service:other\");",
        "caller.dial([\"user:bob\", \"service:other\"], #{ ring: 20.s() });",
        "caller.continue_as(\"other\");",
        "let music = caller.start_play(\"music\"); caller.after(2.s(), |leg| leg.tag(\"a\", 1)); caller.continue_as(\"other\");",
    ] {
        let first = format!("fn on_invite(caller) {{ caller.answer(); {hands_on} caller.play(\"never\"); }}");
        let call = handed_on(&[("ivr", "ivr.rhai", &first), ("other", "other.rhai", OTHER)]);
        assert_eq!(call.tag("menu"), Some("7"), "{hands_on}: {:?}", call.entries);
        let again = |other: &str| {
            let host = shelved(&[("ivr", "ivr.rhai", &first), ("other", "other.rhai", other)]);
            replay(&host, &call.record, &call.entries).expect("a script answered it")
        };
        let same = again(OTHER);
        assert_eq!(same.end, Came::Through, "{hands_on}: {:?}", call.entries);
        assert!(same.same.iter().any(|said| said.to_string().contains("play goodbye")), "{same:?}");
        let Came::Otherwise { then, today, .. } = again(&OTHER.replace("goodbye", "farewell")).end else {
            panic!("{hands_on}: it says something else");
        };
        assert_eq!((then.what.as_str(), today.what.as_str()), ("play goodbye", "play farewell"), "{hands_on}");
    }
}

#[test]
fn a_call_that_was_handed_on_too_often_is_so_again_and_one_that_is_not_today_is_another_course() {
    let circle = "fn on_invite(caller) { caller.answer(); caller.continue_as(\"ivr\"); }";
    let call = handed_on(&[("ivr", "ivr.rhai", circle)]);
    assert!(call.fault.as_deref().is_some_and(|why| why.contains("call_services")), "{call:?}");
    let again = |text: &str| {
        replay(&shelved(&[("ivr", "ivr.rhai", text)]), &call.record, &call.entries).expect("a script answered it").end
    };
    assert_eq!(again(circle), Came::Through, "{:?}", call.entries);
    let ends = again("fn on_invite(caller) { caller.answer(); }");
    assert!(matches!(ends, Came::Otherwise { .. }), "{ends:?}");
}

#[test]
fn a_call_that_failed_fails_so_again_wherever_its_file_lies_and_on_whichever_line() {
    let breaks = "fn on_invite(caller) {\n  caller.answer();\n  caller.play(1);\n}";
    let call = handed_on(&[("ivr", "ivr.rhai", breaks)]);
    assert!(call.fault.as_deref().is_some_and(|why| why.starts_with("ivr.rhai:3:")), "{call:?}");
    let again = |file: &str, text: &str| {
        replay(&shelved(&[("ivr", file, text)]), &call.record, &call.entries).expect("a script answered it").end
    };
    for file in ["ivr.rhai", "./ivr.rhai", "scripts/ivr.rhai", "/etc/patchcord/scripts/ivr.rhai"] {
        assert_eq!(again(file, breaks), Came::Through, "{file}: {:?}", call.entries);
        assert_eq!(again(file, &format!("// A menu.\n{breaks}")), Came::Through, "{file}");
    }
    let Came::Otherwise { today, .. } = again("ivr.rhai", &breaks.replace("play(1)", "gather(1)")) else {
        panic!("another fault is another course");
    };
    assert!(today.what.starts_with("breaks: ivr.rhai:3:"), "{today}");
}

/// Calls that earlier versions have kept. They are never written again: `KEEP=1` makes those that are missing.
const PAST: [(&str, &str); 3] = [("november-1", "1"), ("november-2", "2"), ("november-992", "992")];

#[test]
fn journals_of_past_versions_are_replayed_by_this_one() {
    const THEN: &str = include_str!("past/ivr.rhai");
    for (name, keys) in PAST {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/replay/past/{name}.json"));
        if std::env::var_os("KEEP").is_some() && !path.exists() {
            let Closed { record, entries, .. } = played(THEN, keys);
            let kept = serde_json::json!({ "record": record, "entries": entries });
            let text = serde_json::to_string_pretty(&kept).expect("a journal is JSON");
            std::fs::write(&path, text + "\n").expect("it is written");
        }
        let text = std::fs::read_to_string(&path).expect("a journal of an earlier version");
        let kept: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let record: Record = serde_json::from_value(kept["record"].clone()).expect("its words are known");
        let entries: Vec<Entry> = serde_json::from_value(kept["entries"].clone()).expect("its words are known");
        let again = replay(&host(THEN), &record, &entries).expect("a script answered it");
        assert_eq!(again.end, Came::Through, "{name}");
        assert!(again.same.len() >= 2, "{name}: {again:?}");
    }
}

#[test]
fn what_is_pressed_before_a_pin_is_asked_is_in_no_journal_and_the_call_is_replayed_all_the_same() {
    let text = "fn on_invite(caller) {\n  caller.answer();\n  caller.play(\"welcome\");\n  \
                let menu = caller.gather(#{ prompt: \"menu\", digits: 1 });\n  caller.tag(\"menu\", menu.digits);\n  \
                caller.play(\"hold-the-line\");\n  let pin = caller.gather(#{ prompt: \"pin\", digits: 4, secret: true });\n  \
                caller.tag(\"pin\", pin.status);\n}";
    let t = Stage::new(Setting { service: Some("ivr".into()), ..Setting::of(Box::new(host(text))) });
    let pressed = t.phone("+33612345678").dials("100").and_then(|phone| phone.hears("welcome")?.presses("7"));
    let pressed = pressed.and_then(|phone| phone.hears("hold-the-line")?.presses("4253")?.is_hung_up());
    assert!(pressed.is_ok(), "{pressed:?}");
    let call = t.record().expect("the call is over");
    assert_eq!((call.tag("menu"), call.tag("pin")), (Some("7"), Some("digits")));
    let heard = |event: &str| -> Vec<String> {
        let digits = call.entries.iter().filter_map(|entry| match &entry.what {
            What::Heard { event: heard, facts, .. } if heard == event => facts.get("digit").map(str::to_owned),
            _ => None,
        });
        digits.collect()
    };
    assert_eq!(heard("key"), ["•"; 5]);
    assert_eq!(heard("key taken"), ["7"], "the menu is no secret");
    assert_eq!(replayed(text, &call).end, Came::Through, "{:?}", call.entries);
}
