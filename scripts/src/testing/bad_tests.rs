//! Scripts that go wrong or are pressed hard, as a person tests them: what the caller hears, what is told with which line.

use super::*;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() }
}

fn report(service: &str, test: &str) -> Report {
    let test = format!("fn test_it(t) {{\n{test}\n}}");
    let sources = Sources {
        services: vec![source("bad", service)],
        tests: vec![source("bad_test", &test)],
        ..Sources::default()
    };
    run(&sources, &Wishes::default(), &mut |_| {})
}

#[track_caller]
fn is_well(service: &str, test: &str) {
    let report = report(service, test);
    let failed: Vec<_> = report.verdicts.iter().flat_map(|verdict| &verdict.failed).collect();
    assert!(failed.is_empty() && report.broken.is_empty(), "{failed:#?} {:?}", report.broken);
}

/// Why the only test failed.
#[track_caller]
fn failure(service: &str, test: &str) -> String {
    let report = report(service, test);
    let failed: Vec<_> = report.verdicts.iter().flat_map(|verdict| &verdict.failed).collect();
    assert_eq!(failed.len(), 1, "{failed:#?} {:?}", report.broken);
    format!("{}\n{}", failed[0].why, failed[0].ladder)
}

const THROWS: &str = r#"
fn on_invite(caller) {
    caller.answer();
    caller.play("welcome");
    caller.sleep(1.min());
    caller.play("goodbye");
}
fn on_dtmf(leg, key) { throw "a key"; }
fn on_info(leg, info) { throw "news"; }
fn on_message(leg, msg) { throw "a text"; }
fn on_hold(leg, held) { throw "music"; }
fn on_bye(leg, why) { throw "the end"; }
"#;

#[test]
fn each_handler_may_throw_and_the_story_goes_on_and_each_line_is_told() {
    let test = r#"
    let phone = t.phone("1").dials("bad");
    phone.hears("welcome").presses("5").sends_info("text/plain", "x").writes("hello").holds();
    phone.hears("goodbye");
    phone.is_hung_up();
    let told = t.faults();
    let wanted = ["8:24: a key", "9:25: news", "10:27: a text", "11:25: music", "12:23: the end"];
    t.expect(told.len == wanted.len, `${told}`);
    for (fault, at) in wanted { t.expect(told[at] == `bad.rhai:${fault}`, told[at]); }"#;
    is_well(THROWS, test);
}

#[test]
fn a_handler_that_breaks_fails_its_test_unless_that_is_meant() {
    let test = "let phone = t.phone(\"1\").dials(\"bad\"); phone.hears(\"welcome\").presses(\"5\").hears(\"goodbye\");";
    let told = failure(&THROWS.replace("throw \"the end\"", ""), test);
    assert!(told.starts_with("a script broke: bad.rhai:8:24: a key"), "{told}");
}

#[test]
fn a_caller_is_asked_for_one_thing_at_a_time_and_the_second_question_is_told_by_its_line() {
    let service = "fn on_invite(caller) {\n    caller.answer();\n    caller.after(1.s(), |leg| leg.gather(#{ digits: 1 }));\n    \
                   let answer = caller.gather(#{ prompt: \"main-menu\", digits: 1, timeout: 9.s() });\n    \
                   caller.tag(\"pressed\", answer.digits);\n}";
    let test = r#"
    let phone = t.phone("1").dials("bad");
    phone.hears("main-menu").after(2.s()).presses("7").is_hung_up();
    t.record(#{ pressed: "7" });
    let told = t.faults();
    t.expect(told.len == 1 && told[0].starts_with("bad.rhai:3:") && "another verb runs" in told[0], `${told}`);"#;
    is_well(service, test);
}

#[test]
fn a_story_that_ends_because_of_somebody_else_who_has_gone_says_so_with_its_line() {
    let service = "fn on_invite(caller) {\n    caller.answer();\n    let other = caller.call_out(\"user:alice\");\n    \
                   caller.sleep(5.s());\n    other.leg.play(\"welcome\");\n    caller.play(\"goodbye\");\n}";
    let test = r#"
    let alice = t.endpoint("alice").answers(1.s());
    let phone = t.phone("1").dials("bad");
    t.advance(2.s());
    alice.hangs_up();
    phone.hears("goodbye");"#;
    let told = failure(service, test);
    let why = "notes (warn): bad.rhai:5: the party that was spoken to has gone, and so the story ends";
    assert!(told.contains(why), "{told}");
}

#[test]
fn a_service_that_dials_itself_says_sorry_in_the_end_and_where_it_went_round() {
    let service = "fn on_invite(caller) {\n    caller.answer();\n    caller.dial(\"service:bad\");\n}";
    let test = r#"
    let phone = t.phone("1").dials("bad");
    phone.hears("sorry-something-failed").is_hung_up();
    let told = t.faults();
    t.expect(told.len == 1 && told[0].starts_with("bad.rhai:3: the call was handed"), `${told}`);"#;
    is_well(service, test);
}

#[test]
fn whoever_is_handed_to_a_service_that_is_not_there_hears_sorry() {
    let service = "fn on_invite(caller) {\n    caller.answer();\n    caller.continue_as(\"nobody\");\n}";
    let test = r#"
    let phone = t.phone("1").dials("bad");
    phone.hears("sorry-something-failed").is_hung_up();
    t.expect(t.faults().len == 1, `${t.faults()}`);"#;
    is_well(service, test);
}

#[test]
fn whoever_waits_for_a_web_server_hears_the_filler_and_then_what_the_script_says() {
    let service = r#"
fn on_invite(caller) {
    caller.answer();
    http::get("https://crm.example.org/1", #{ filler: "music" });
    caller.play("welcome");
}"#;
    let slow = r#"
    t.http("GET https://crm.example.org/*").replies(200, #{}, #{ after: 4.s() });
    let phone = t.phone("1").dials("bad");
    phone.hears("music");
    phone.hears("welcome");"#;
    is_well(service, slow);
    let quick = slow.replace("after: 4.s()", "after: 600.ms()");
    assert!(failure(service, &quick).contains("to hear music"));
}

const KEYED: &str = r##"
fn on_invite(caller) {
    caller.answer();
    let talk = caller.dial("user:alice", #{ keys: #{ "#": "end" } });
    caller.tag("came_back", talk.status);
    caller.play("goodbye");
}"##;

#[test]
fn a_key_ends_a_talk_and_the_story_goes_on_with_the_caller() {
    let test = r##"
    let alice = t.endpoint("alice").answers(1.s());
    let phone = t.phone("1").dials("bad");
    phone.talks_to("alice");
    phone.presses("#").hears("goodbye");
    alice.is_hung_up();
    t.record(#{ came_back: "answered", legs: 2, talk: 100.ms() });"##;
    is_well(KEYED, test);
    let told = failure(KEYED, &test.replace("100.ms()", "3.s()"));
    assert!(told.contains("talk is 100 ms, not 3 s"), "{told}");
    let wrong = KEYED.replace("\"end\"", "\"stop\"");
    let told =
        failure(&wrong, "t.endpoint(\"alice\").answers(1.s()); t.phone(\"1\").dials(\"bad\").hears(\"goodbye\");");
    assert!(
        told.contains("bad.rhai:4:") && told.contains("a key ends the talk or does what a function says"),
        "{told}"
    );
}

#[test]
fn a_key_parts_two_who_were_bridged_and_both_stay() {
    let service = r##"
fn on_invite(caller) {
    caller.answer();
    let other = caller.call_out("user:alice");
    let joined = caller.bridge(other.leg);
    caller.tag("joined", joined.status);
    other.leg.play("one-moment");
    caller.play("goodbye");
}
fn on_dtmf(leg, key) { if key.digit == "#" { leg.unbridge(); } }"##;
    let test = r##"
    let alice = t.endpoint("alice").answers(1.s());
    let phone = t.phone("1").dials("bad");
    phone.talks_to("alice");
    phone.presses("#");
    alice.hears("one-moment");
    phone.hears("goodbye");
    t.record(#{ joined: "stopped", legs: 2 });"##;
    is_well(service, test);
}

#[test]
fn whoever_is_passed_on_to_a_number_of_a_service_talks_with_that() {
    let service = r#"
fn on_invite(caller) {
    if caller.to == "9664" { caller.tag("served", caller.from); caller.answer(); return caller.play("music", #{ loops: 0 }); }
    caller.dial("user:alice", #{ ring: 20.s() });
    caller.tag("behind", true);
}"#;
    for (who, other, served) in [("alice", "phone", "1"), ("phone", "alice", "alice")] {
        let test = format!(
            r#"
    t.route("9664", "bad");
    let alice = t.endpoint("alice").answers(1.s());
    let phone = t.phone("1").dials("bad");
    phone.talks_to("alice");
    {who}.transfers_to("9664");
    {other}.hears("music");
    {who}.is_told_of_transfer(200);
    {who}.is_hung_up();
    {other}.hangs_up();
    t.record(#{{ served: "{served}", legs: 2 }});"#
        );
        is_well(service, &test);
    }
}

const SIMPLE: &str = "fn on_invite(caller) { caller.answer(); caller.sleep(3.s()); caller.play(\"welcome\"); }";

#[test]
fn whoever_dials_a_service_that_is_not_there_is_told_so() {
    let told = failure(SIMPLE, "t.phone(\"1\").dials(\"nothere\");");
    assert!(told.starts_with("nobody answers nothere: there is no service nothere"), "{told}");
    is_well(SIMPLE, "t.phone(\"1\").dials(\"100\").hears(\"welcome\");");
}

#[test]
fn a_test_without_its_parameter_is_told_and_not_left_out() {
    let source = source("bad_test", "fn test_one(t) {}\n\nfn test_two() { }");
    let sources = Sources { services: vec![self::source("bad", SIMPLE)], tests: vec![source], ..Sources::default() };
    let report = run(&sources, &Wishes::default(), &mut |_| {});
    assert_eq!(
        report.broken,
        ["bad_test.rhai:3:4: test_two takes 0 values, and a test takes one: write fn test_two(t)"]
    );
    assert!(!report.is_well());
}

#[test]
fn a_test_without_an_end_is_told_by_the_line_where_it_goes_round() {
    let place = |test: &str| {
        let report = report(SIMPLE, test);
        let failed = &report.verdicts[0].failed[0];
        (failed.place.clone(), failed.why.clone())
    };
    let (at, why) = place("let n = 0;\n  loop {}");
    assert!(
        at.starts_with("bad_test.rhai:3:") && why.starts_with("the test goes on without end: it computed"),
        "{at} {why}"
    );
    let (at, why) = place("test_it(t);");
    assert!(at.starts_with("bad_test.rhai:2:") && why.starts_with("the test calls itself without end"), "{at} {why}");
}

#[test]
fn a_database_that_no_test_has_spoken_of_says_what_to_say() {
    let service = "fn on_invite(caller) { caller.answer(); db::query(\"select 1\"); }";
    let told = failure(service, "t.phone(\"1\").dials(\"bad\").is_hung_up();");
    assert!(told.contains("say t.db(\"select 1\").gives([…])"), "{told}");
}

#[test]
fn when_something_is_heard_can_be_expected() {
    is_well(
        SIMPLE,
        "let phone = t.phone(\"1\").dials(\"bad\"); t.advance(2.s()); phone.does_not_hear(\"welcome\").hears(\"welcome\", #{ within: 1.s() });",
    );
    let late = failure(SIMPLE, "t.phone(\"1\").dials(\"bad\").hears(\"welcome\", #{ within: 1.s() });");
    assert!(late.starts_with("after 0.000 s: expected 1 to hear welcome within 1.0 s, but 1 hears nothing"), "{late}");
    let early = failure(
        SIMPLE,
        "let phone = t.phone(\"1\").dials(\"bad\"); t.advance(4.s()); phone.does_not_hear(\"welcome\");",
    );
    assert!(early.contains("expected 1 not to hear welcome, but 1 has heard it"), "{early}");
    let unknown = failure(SIMPLE, "t.phone(\"1\").dials(\"bad\").hears(\"welcome\", #{ witin: 1.s() });");
    assert!(unknown.starts_with("hears knows the option within, and not witin"), "{unknown}");
}

#[test]
fn a_test_that_imports_is_told_what_to_do_instead() {
    let sources = Sources {
        services: vec![source("bad", SIMPLE)],
        tests: vec![source("bad_test", "import \"bad\" as bad;\nfn test_it(t) {}")],
        ..Sources::default()
    };
    let report = run(&sources, &Wishes::default(), &mut |_| {});
    let told = report.broken.join("; ");
    assert!(told.starts_with("bad_test.rhai:1:1: a test imports nothing: it meets services as callers do"), "{told}");
}

#[test]
fn what_was_recorded_sounds_as_long_as_somebody_spoke() {
    let service = "fn on_invite(caller) {\n  caller.answer();\n  let said = caller.record(#{ max: 1.min(), end: \"#\", beep: false });\n  \
                   caller.play(said.file);\n  caller.play(\"goodbye\");\n}";
    is_well(
        service,
        "let phone = t.phone(\"1\").dials(\"bad\").is_answered().speaks(7.s()).presses(\"#\"); t.advance(6.s()); \
         phone.does_not_hear(\"goodbye\").hears(\"goodbye\", #{ within: 2.s() }).is_hung_up();",
    );
}
