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

#[test]
fn what_the_real_house_refuses_is_refused_in_a_test_by_the_same_sentence() {
    let says = |word: &str| {
        format!(
            "fn on_invite(caller) {{ caller.answer(); try {{ {word}; }} catch (e) {{ caller.tag(\"why\", `${{e}}`); }} }}"
        )
    };
    for (word, why) in [
        (
            "mailbox::save(\"anna\", \"/etc/passwd\")",
            "mailbox: \"/etc/passwd\" is no name of a recording; take the one that record gave as .file",
        ),
        (
            "mailbox::save(\"anna\", \"2026-01-01/a.bad.wav\")",
            "mailbox: there is no recording \"2026-01-01/a.bad.wav\"",
        ),
        ("mailbox::save(\"\", \"a.wav\")", "mailbox: a mailbox has the name of an endpoint, with at most 128 bytes"),
        ("store::set(\"shared:\", 1)", "store: a key has 1 to 200 bytes and no control characters"),
        ("store::get(\"\")", "store: a key has 1 to 200 bytes and no control characters"),
        (
            "http::get(\"file:///etc/passwd\")",
            "http: \"file:///etc/passwd\" is no address of the web; write https://host/path",
        ),
        (
            "http::get(\"https://a.example/\", #{ headers: #{ Host: \"b\" } })",
            "http: header \"Host\" is not a script's to say",
        ),
        ("http::post(\"https://a.example/\", #{ body: \"a\", json: 1 })", "http: say body or json, and not both"),
        (
            "mail::send(\"anna\")",
            "mail: \"anna\" is no mail address; write alice@example.org or Alice <alice@example.org>",
        ),
        (
            "mail::send(\"a@b.example\", #{ attach: \"../patchcord.db\" })",
            "mail: \"../patchcord.db\" is no name of a recording; take the one that record gave as .file",
        ),
    ] {
        let test = format!(
            "t.phone(\"1\").dials(\"bad\"); let told = t.record().tags.why; t.expect(told == {why:?}, `${{told}}`);"
        );
        is_well(&says(word), &test);
    }
    for prompt in [
        "store://../../x",
        "store:///etc/passwd",
        "../secret",
        "/etc/passwd",
        "s3://sounds/../x",
        "ftp://a/b",
        "https:///x",
    ] {
        let plays = format!(
            "fn on_invite(caller) {{ caller.answer(); caller.tag(\"played\", caller.play({prompt:?}).status); }}"
        );
        is_well(&plays, "t.phone(\"1\").dials(\"bad\"); t.record(#{ played: \"missing\" });");
    }
}

#[test]
fn what_a_script_writes_down_is_words_and_a_list_is_none() {
    let says = |value: &str| format!("fn on_invite(caller) {{ caller.answer(); caller.tag(\"a\", {value}); }}");
    for (value, written) in [("90.s()", "90 s"), ("1", "1"), ("1.5", "1.5"), ("true", "true"), ("\"x\"", "x")] {
        is_well(&says(value), &format!("t.phone(\"1\").dials(\"bad\"); t.record(#{{ a: {written:?} }});"));
    }
    for (value, shown) in [("#{ a: 1 }", "the map #{ a: 1 }"), ("[1]", "the list [1]"), ("caller", "a leg")] {
        let told = failure(&says(value), "t.phone(\"1\").dials(\"bad\");");
        let why = format!("`value` of tag: it wants a text, a number, a flag or a time, and was given {shown}");
        assert!(told.contains(&why), "{value}: {told}");
    }
    let logs = "fn on_invite(caller) { caller.answer(); log::info(90.s()); }";
    is_well(
        logs,
        "t.phone(\"1\").dials(\"bad\"); let told = t.ladder(); t.expect(told.contains(\"notes (info): 90 s\"), told);",
    );
}

#[test]
fn words_that_fit_nothing_say_what_they_want() {
    let told = |body: &str| {
        failure(&format!("fn on_invite(caller) {{ caller.answer(); {body}; }}"), "t.phone(\"1\").dials(\"bad\");")
    };
    let itself = told("caller.bridge(caller)");
    assert!(itself.contains("bridge was given the leg itself; it wants another leg of this call"), "{itself}");
    let one = told("caller.tag(\"a\")");
    assert!(one.contains(" was given 1 value") && !one.contains("1 values"), "{one}");
    let long = told("caller.gather(#{ accept: [\"1\", \"1xx\"], max: 2 })");
    assert!(
        long.contains("`accept` of gather has \"1xx\", which is 3 keys, and an answer has 2 keys at most; say max: 3"),
        "{long}"
    );
}

#[test]
fn answers_of_several_lengths_are_taken_without_a_word_of_their_length() {
    let menu = "fn on_invite(caller) { caller.answer();
        caller.tag(\"a\", caller.gather(#{ prompt: \"menu\", accept: [\"1\", \"2xx\"] }).digits); }";
    for keys in ["1", "245"] {
        is_well(
            menu,
            &format!("t.phone(\"1\").dials(\"bad\").hears(\"menu\").presses({keys:?}); t.record(#{{ a: {keys:?} }});"),
        );
    }
}

#[test]
fn a_record_is_asked_for_what_it_has_and_near_names_are_told() {
    let test = "t.phone(\"1\").dials(\"bad\"); t.record(#{ outcom: \"answered\" });";
    let told = failure("fn on_invite(caller) { caller.answer(); caller.tag(\"menu\", 1); }", test);
    assert!(told.contains("outcom is no part of the record and no tag of this call; is outcome meant?"), "{told}");
    let told = failure(
        "fn on_invite(caller) { caller.answer(); caller.tag(\"menu\", 1); }",
        &test.replace("outcom:", "pressed:"),
    );
    assert!(told.contains("pressed is no part of the record and no tag of this call; its tags are menu"), "{told}");
    let told = failure("fn on_invite(caller) { }", "t.mail();");
    assert!(told.contains("no test knows the word mail; t.letters() are the letters that were sent"), "{told}");
}

#[test]
fn who_was_talked_with_is_known_after_the_talk_whoever_ended_it() {
    let service = "fn on_invite(caller) {
        caller.answer();
        let talk = caller.dial(\"user:bob\", #{ ring: 20.s() });
        let other = talk.leg;
        caller.tag(\"who\", `${other.number} ${other.endpoint} ${other.codec} ${other.state} ${caller.from}`);
    }";
    for (number, known) in [("", "bob bob PCMA ended 1"), (".has_number(\"102\")", "102 bob PCMA ended 1")] {
        let test = format!(
            "let bob = t.endpoint(\"bob\"){number}; bob.answers(2.s());
            let phone = t.phone(\"1\").dials(\"bad\").talks_to(\"bob\");
            bob.hangs_up();
            t.record(#{{ who: {known:?} }});"
        );
        is_well(service, &test);
    }
    let to = service.replace("user:bob", "102");
    is_well(
        &to,
        "t.endpoint(\"bob\").has_number(\"102\").answers(); t.phone(\"1\").dials(\"bad\").talks_to(\"bob\").after(1.s()).hangs_up();",
    );
    let taken = "t.endpoint(\"bob\").has_number(\"102\"); t.endpoint(\"alice\").has_number(\"102\");";
    let told = failure(service, taken);
    assert!(told.contains("expected 102 to be nobody's number, but bob has it"), "{told}");
}

/// Keys that waited for a handler when the story ended, and a handler that sleeps when everybody goes.
#[test]
fn no_handler_keeps_a_call_alive_whose_story_or_caller_has_gone() {
    let restless = "fn on_invite(caller) { caller.answer(); caller.sleep(4.s()); caller.play(\"tone::440:500\"); }\n\
                    fn on_dtmf(leg, key) { loop { leg.sleep(1.s()); } }";
    is_well(
        restless,
        "let p = t.phone(\"1\").dials(\"bad\"); p.presses(\"12#\"); p.is_hung_up(); t.advance(5.s()); t.record(#{ outcome: \"answered\" });",
    );
    let asleep = "fn on_invite(caller) { caller.answer(); caller.sleep(60.s()); }\n\
                  fn on_dtmf(leg, key) { leg.sleep(5.s()); }\nfn on_bye(leg, why) { log::info(\"gone\"); }";
    is_well(
        asleep,
        "t.phone(\"1\").dials(\"bad\").presses(\"1\").after(2.s()).hangs_up(); t.advance(1.s()); t.record(#{ outcome: \"answered\" });",
    );
}

#[test]
fn words_of_a_test_that_are_given_the_wrong_thing_are_told_how_they_are_written() {
    for (test, wanted) in [
        (
            "t.phone(\"1\").dials(\"bad\").presses(1);",
            "presses was given a number; it is written phone.presses(\"1#\")",
        ),
        (
            "t.group(\"sales\", \"alice\");",
            "group was given text, text; it is written t.group(\"sales\", [\"alice\", \"bob\"])",
        ),
        ("t.expect(1);", "expect was given a number; it is written t.expect(count == 1, \"there is one\")"),
        (
            "t.phone(\"1\").dials(\"\");",
            "a phone dials a number or a service, as \"100\" or \"office\", and was given an empty text",
        ),
        (
            "t.http(\"https://a.example/\").replies(200);",
            "\"https://a.example/\" fits no request; write a method and an address, as in t.http(",
        ),
        ("t.http(\"get https://a.example/\").replies(200);", "fits no request; write a method and an address"),
        ("t.keep(\"k\", t);", "this is no JSON: it may hold texts, numbers, flags, lists and maps of them"),
    ] {
        let told = failure("fn on_invite(caller) { caller.answer(); }", test);
        assert!(told.contains(wanted), "{test}: {told}");
    }
}
