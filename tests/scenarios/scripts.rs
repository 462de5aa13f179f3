//! Scripts that answer real calls: what a caller hears, what its keys do, what the record says.

use std::time::Duration;

use patchcord_lab::{Carrier, Handset, Keypad, Lab, Model, Server, Side, eventually};
use serde_json::Value;

use crate::{
    calling::{at_home, house_with},
    records::records,
    setup,
};

/// A server with alice, bob and carol, and a service that 700 leads to.
async fn serving(text: &str) -> Server {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    house_with(setup().service("ivr", text).toml(route)).await
}

/// Alice calls the service.
async fn alice_calls(lab: &Lab, server: &Server) -> Handset {
    let alice = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    alice
}

/// The record of the only call, once it is closed.
async fn record(server: &Server) -> Value {
    records(server, 1).await[0]["record"].clone()
}

/// A word that a script has written into a record.
fn tag<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    record["tags"].as_array()?.iter().find(|tag| tag[0] == name)?[1].as_str()
}

const MENU: &str = r#"
fn on_invite(caller) {
    caller.answer();
    caller.tag("from", `${caller.from} ${caller.endpoint}`);
    let answer = caller.gather(#{ prompt: "tone::440", digits: 1, timeout: 10.s() });
    caller.tag("pressed", answer.digits);
    if answer.digits == "1" {
        let talk = caller.dial("user:bob", #{ ring: 20.s() });
        caller.tag("talk", talk.status);
    }
}
fn on_bye(leg, why) { leg.tag("ended_by", why.by); }"#;

#[tokio::test]
async fn a_menu_connects_the_caller_by_the_key_it_presses_beside_the_sound_or_as_info() {
    for way in [Keypad::Events, Keypad::InfoRelay, Keypad::InfoPlain] {
        let server = serving(MENU).await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
        let alice = alice_calls(&lab, &server).await;
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.press_by(way, "1").await;
        bob.answers().await;
        alice.comes_to_hear(&[&bob]).await;
        bob.comes_to_hear(&[&alice]).await;
        bob.hangs_up().await;
        assert_eq!(alice.is_over().await.by, Side::Them, "{way:?}");
        let record = record(&server).await;
        assert_eq!([tag(&record, "pressed"), tag(&record, "talk")], [Some("1"), Some("answered")], "{way:?}");
        assert_eq!(tag(&record, "from"), Some("101 alice"), "a caller inside is known by its number");
        assert_eq!(record["service"], "ivr");
        assert!(record["version"].as_str().is_some_and(|version| version.starts_with("1 ")), "{record}");
    }
}

#[tokio::test]
async fn who_was_talked_with_is_known_after_the_talk() {
    let server = serving(
        r#"
fn on_invite(caller) {
    caller.answer();
    let talk = caller.dial("user:bob", #{ ring: 20.s() });
    let other = talk.leg;
    caller.tag("who", `${other.number} ${other.endpoint} ${other.transport} ${other.codec} ${other.browser} ${other.state}`);
}"#,
    )
    .await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let alice = alice_calls(&lab, &server).await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.hangs_up().await;
    bob.is_over().await;
    alice.is_over().await;
    let record = record(&server).await;
    let who = tag(&record, "who").expect("it was tagged");
    assert!(who.starts_with("102 bob tcp PCM") && who.ends_with(" false ended"), "{who}");
}

#[tokio::test]
async fn a_past_call_goes_the_same_way_again_until_its_script_is_changed() {
    let server = serving(MENU).await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.comes_to_hear_sound().await;
    alice.press_by(Keypad::Events, "1").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.hangs_up().await;
    let record = record(&server).await;
    let call = record["call"].as_str().expect("a record names its call");
    let (told, is_same) = server.run(&["replay", call], "").await;
    assert!(is_same && told.contains("All goes as it did then: "), "{told}");
    server.write_service("ivr", &MENU.replace("user:bob", "user:carol"));
    let (told, is_same) = server.run(&["replay", call], "").await;
    assert!(!is_same && told.contains("ivr.rhai:8"), "{told}");
    assert!(told.contains("dial user:bob") && told.contains("dial user:carol"), "{told}");
}

#[tokio::test]
async fn a_hang_up_in_the_middle_of_a_menu_ends_the_story_and_is_told_to_on_bye() {
    let server = serving(MENU).await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.comes_to_hear_sound().await;
    alice.hangs_up().await;
    let record = record(&server).await;
    assert_eq!(tag(&record, "ended_by"), Some("caller"));
    assert_eq!(tag(&record, "pressed"), None, "nothing behind the gather was done");
}

#[tokio::test]
async fn a_script_that_fails_apologises_and_its_record_says_where() {
    let server = serving("fn on_invite(caller) {\n    caller.answer();\n    caller.dance();\n}").await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.comes_to_hear_sound().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let told = records(&server, 1).await;
    assert!(told[0].to_string().contains("ivr.rhai:3:12"), "{told:#?}");
    assert_eq!(told[0]["record"]["fault"], "script", "{told:#?}");
    assert!(told[0]["sentence"].as_str().is_some_and(|said| said.contains("the script failed")), "{told:#?}");
}

#[tokio::test]
async fn one_script_that_never_ends_costs_the_others_nothing_and_is_ended_itself() {
    let server = serving("fn on_invite(caller) { caller.answer(); loop {} }").await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    bob.dial("103");
    carol.answers().await;
    bob.is_answered().await;
    assert_eq!(bob.hears().await, [&carol]);
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let told = records(&server, 2).await;
    assert!(told.iter().any(|told| told.to_string().contains("without saying anything")), "{told:#?}");
}

#[tokio::test]
async fn what_is_saved_is_served_to_new_calls_while_old_ones_go_on_as_they_began() {
    let server = serving("fn on_invite(caller) { caller.answer(); caller.play(\"tone::440\", #{ loops: 0 }); }").await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;

    server.write_service("ivr", "fn on_invite(caller) {\n    caller.reject(486\n}");
    let (said, good) = server.run(&["reload"], "").await;
    assert!(!good && said.contains("Broken: ivr.rhai:3:1"), "{said}");
    assert!(said.contains("version 1 is served as before"), "{said}");
    bob.dial("700");
    bob.is_answered().await;
    bob.hangs_up().await;

    server.write_service("ivr", "fn on_invite(caller) { caller.reject(603); }");
    let (said, good) = server.run(&["reload"], "").await;
    assert!(good, "{said}");
    bob.dial("700");
    assert_eq!(bob.is_refused().await, 603);
    let heard = alice.comes_to_hear_sound().await;
    assert!(heard.longest_gap() < Duration::from_millis(100), "the first call still hears its tone");
    alice.hangs_up().await;
}

#[tokio::test]
async fn a_service_that_is_dialled_takes_the_caller_when_nobody_else_has() {
    for targets in ["[\"user:carol\", \"service:other\"]", "\"701\""] {
        let text = format!(
            "fn on_invite(caller) {{ caller.dial({targets}, #{{ ring: 5.s() }}); caller.tag(\"behind\", 1); }}"
        );
        let routes = ["700", "701"].map(|number| {
            let service = if number == "700" { "ivr" } else { "other" };
            format!("[[route]]\nnumber = \"{number}\"\nfrom = \"endpoints\"\nservice = \"{service}\"\n")
        });
        let other = "fn on_invite(caller) { caller.answer(); caller.play(\"tone::440\", #{ loops: 0 }); }";
        let house = setup().service("ivr", &text).service("other", other).toml(&routes.concat());
        let server = house_with(house).await;
        let lab = Lab::open();
        let alice = alice_calls(&lab, &server).await;
        alice.is_answered().await;
        alice.comes_to_hear_sound().await;
        alice.hangs_up().await;
        let told = records(&server, 1).await;
        let journal = told[0].to_string();
        assert!(!journal.contains("behind") && told[0]["record"]["outcome"] == "answered", "{targets}: {journal}");
    }
}

#[tokio::test]
async fn values_stay_between_calls_and_across_a_restart() {
    let count = "fn on_invite(caller) { caller.tag(\"count\", store::incr(\"calls\")); caller.reject(480); }";
    let mut server = serving(count).await;
    for expected in ["1", "2", "3"] {
        let lab = Lab::open();
        let alice = alice_calls(&lab, &server).await;
        assert_eq!(alice.is_refused().await, 480);
        eventually("the record says the count", async || {
            let calls = server.json(&["calls", "--json"]).await;
            (tag(&calls["records"][0]["record"], "count") == Some(expected)).then_some(())
        })
        .await;
        if expected == "2" {
            server.stop().await;
            server.start().await;
        }
    }
}

#[tokio::test]
async fn a_manifest_holds_a_script_back_whatever_it_says() {
    let text = r#"
        fn on_invite(caller) {
            let outside = caller.dial("+4930123456", #{ ring: 5.s() });
            caller.tag("outside", outside.status);
            let inside = caller.dial("user:carol", #{ ring: 5.s() });
            caller.tag("inside", inside.status);
            caller.tag("asked", try_to_ask());
            caller.reject(480);
        }
        fn try_to_ask() { try { return http::get("http://127.0.0.1:9/").status; } catch (why) { return why; } }"#;
    let server = serving(text).await;
    server.write_service("ivr.toml", "dial = [\"user:bob\"]\nlongest_call = \"1h\"\n");
    let (said, good) = server.run(&["reload"], "").await;
    assert!(good, "{said}");
    let lab = Lab::open();
    let _carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    let alice = alice_calls(&lab, &server).await;
    assert_eq!(alice.is_refused().await, 480);
    let record = record(&server).await;
    assert_eq!([tag(&record, "outside"), tag(&record, "inside")], [Some("forbidden"); 2], "{record}");
    assert!(tag(&record, "asked").is_some_and(|why| why.contains("http")), "{record}");
}

#[tokio::test]
async fn a_call_that_an_operator_ends_or_that_was_long_enough_is_nobodys_fault() {
    let server = serving("fn on_invite(caller) { caller.answer(); caller.play(\"tone::440\", #{ loops: 0 }); }").await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    let call = eventually("the call is seen", async || {
        let calls = server.json(&["calls", "--json"]).await;
        calls["records"][0]["record"]["call"].as_str().map(str::to_owned)
    })
    .await;
    server.run(&["calls", "hangup", &call], "").await;
    alice.is_over().await;
    let told = &records(&server, 1).await[0];
    assert_eq!(told["record"]["fault"], "nobody", "{told}");
    assert!(told["sentence"].as_str().is_some_and(|said| said.contains("hung up by an operator")), "{told}");

    server.write_service("ivr.toml", "longest_call = \"1s\"\n");
    server.run(&["reload"], "").await;
    alice.dial("700");
    alice.is_answered().await;
    alice.is_over().await;
    let told = records(&server, 2).await;
    let long = told.iter().find(|told| told["sentence"].to_string().contains("longest call")).expect("its record");
    assert_eq!(long["record"]["fault"], "nobody", "{long}");
    // Whoever ended a call from outside has not made its script another one.
    for told in &told {
        let (replayed, is_same) = server.run(&["replay", told["record"]["call"].as_str().expect("its name")], "").await;
        assert!(is_same && replayed.contains("All goes as it did then"), "{replayed}");
    }
}

#[tokio::test]
async fn a_service_with_one_line_turns_the_second_caller_away() {
    let server = serving("fn on_invite(caller) { caller.answer(); caller.play(\"tone::440\", #{ loops: 0 }); }").await;
    server.write_service("ivr.toml", "calls = 1\n");
    server.run(&["reload"], "").await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    bob.dial("700");
    assert_eq!(bob.is_refused().await, 503);
    alice.hangs_up().await;
    eventually("the line is free again", async || {
        let status = server.json(&["status", "--json"]).await;
        (status["calls"] == 0).then_some(())
    })
    .await;
    bob.dial("700");
    bob.is_answered().await;
    bob.hangs_up().await;
    let told = records(&server, 3).await;
    let full = |told: &&Value| told["sentence"].to_string().contains("the manifest of ivr lets it have 1 call at once");
    let refused = told.iter().find(full).expect("the second call is told by the limit");
    assert_eq!(refused["record"]["fault"], "script", "{refused}");
}

#[tokio::test]
async fn a_recording_that_is_stopped_is_a_file_of_its_service_in_the_next_line() {
    let server = serving(
        r#"
fn on_invite(caller) {
    caller.answer();
    let tape = caller.start_record();
    caller.sleep(500.ms());
    tape.stop();
    caller.tag("file", tape.file);
    caller.tag("ended", tape.ms > 0 && !tape.running);
    caller.tag("again", caller.play(tape.file).status);
}"#,
    )
    .await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.is_over().await;
    let record = record(&server).await;
    let file = record["recordings"][0].as_str().expect("a recording").to_owned();
    assert!(file.ends_with("-0-1.ivr.wav"), "{file}");
    assert!(server.data().join("recordings").join(&file).is_file(), "{file}");
    assert_eq!(record["tags"], serde_json::json!([["file", file], ["ended", "true"], ["again", "done"]]), "{record}");
}

#[tokio::test]
async fn a_loop_whose_words_all_end_at_once_is_ended_and_the_others_feel_nothing() {
    let loops = [
        "fn on_invite(caller) { loop { caller.dial(\"user:carol\", #{ ring: 20.s() }); } }",
        "fn on_invite(caller) { caller.answer(); loop { caller.sleep(0.ms()); } }",
        "fn on_invite(caller) { caller.answer(); loop { caller.hold(); caller.unhold(); } }",
        "fn on_invite(caller) { caller.continue_as(\"ivr\"); }",
    ];
    for text in loops {
        let server = serving(text).await;
        let lab = Lab::open();
        let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
        let alice = alice_calls(&lab, &server).await;
        bob.dial("9196");
        bob.is_answered().await;
        assert_eq!(bob.hears().await, [&bob], "{text}");
        bob.hangs_up().await;
        eventually("both calls are over", async || {
            let status = server.json(&["status", "--json"]).await;
            (status["calls"] == 0).then_some(())
        })
        .await;
        let told = records(&server, 2).await;
        assert!(told.iter().any(|told| told["record"]["fault"] == "script"), "{text}: {told:#?}");
        drop(alice);
    }
}

#[tokio::test]
async fn a_caller_who_is_recorded_talks_with_whom_it_is_put_through_to() {
    let server = serving(
        r#"
fn on_invite(caller) {
    caller.answer();
    caller.start_record(#{ channels: "both" });
    let answer = caller.gather(#{ prompt: "tone::440@-20:400", digits: 1, timeout: 60.s() });
    caller.dial("user:bob", #{ ring: 30.s() });
}"#,
    )
    .await;
    let lab = Lab::open();
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.press("1").await;
    bob.answers().await;
    alice.comes_to_hear(&[&bob]).await;
    bob.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
}

#[tokio::test]
async fn a_script_that_computes_ends_when_its_caller_has_gone_and_on_bye_has_its_turn() {
    let route = "[[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n[limits]\nscript_operations = 1000000000\n";
    let text = "fn on_invite(caller) { caller.answer(); loop {} }\nfn on_bye(leg, why) { leg.tag(\"by\", why.by); }";
    let server = house_with(setup().service("ivr", text).toml(route)).await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.hangs_up().await;
    let record = record(&server).await;
    assert_eq!((tag(&record, "by"), record["fault"].as_str()), (Some("caller"), Some("nobody")), "{record}");
}

#[tokio::test]
async fn a_line_of_the_log_and_a_fault_beside_the_story_are_told_once() {
    let text = "fn on_invite(caller) { caller.answer(); log::info(\"was here\"); caller.sleep(30.s()); }\n\
                fn on_bye(leg, why) { throw \"at the end\"; }";
    let server = serving(text).await;
    let lab = Lab::open();
    let alice = alice_calls(&lab, &server).await;
    alice.is_answered().await;
    alice.hangs_up().await;
    let record = record(&server).await;
    let call = record["call"].as_str().expect("a record names its call");
    let (story, good) = server.run(&["calls", "show", call], "").await;
    assert!(good, "{story}");
    for said in ["was here", "at the end"] {
        let lines: Vec<&str> = story.lines().filter(|line| line.contains(said) || line.contains(" log(")).collect();
        assert_eq!(lines.len(), 1, "{said}: {story}");
    }
}
