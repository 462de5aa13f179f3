//! Tests of scripts, tested: what a person reads when one of theirs fails, and that the explorer finds what is left behind.

use super::*;

const IVR: &str = include_str!("tests/ivr.rhai");
const IVR_TEST: &str = include_str!("tests/ivr_test.rhai");

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() }
}

fn sources(service: &str, test: &str) -> Sources {
    Sources { services: vec![source("ivr", service)], tests: vec![source("ivr_test", test)], ..Sources::default() }
}

fn report(service: &str, test: &str, explore: bool) -> Report {
    run(&sources(service, test), &Wishes { explore, ..Wishes::default() }, &mut |_| {})
}

/// The only failure of a report.
#[track_caller]
fn failure(report: &Report) -> &Failed {
    assert_eq!(report.broken, [""; 0]);
    let failed: Vec<_> = report.verdicts.iter().flat_map(|verdict| &verdict.failed).collect();
    assert_eq!(failed.len(), 1, "{failed:#?}");
    failed[0]
}

#[test]
fn the_example_of_the_manual_passes_and_leaves_nothing_in_any_variation() {
    let report = report(IVR, IVR_TEST, true);
    let failed = report.verdicts.iter().flat_map(|verdict| &verdict.failed).next();
    assert!(failed.is_none(), "{failed:#?}");
    assert_eq!(report.broken, [""; 0]);
    assert!(report.verdicts.len() >= 4 && report.variations() > 40, "{} variations", report.variations());
}

#[test]
fn a_failed_expectation_is_told_by_its_line_with_what_was_there_and_a_ladder() {
    let test = "fn test_a(t) {\n    let phone = t.phone(\"1\").dials(\"ivr\");\n    phone.hears(\"welcome\");\n}";
    let report = report(IVR, test, false);
    let failed = failure(&report);
    assert_eq!(failed.place, "ivr_test.rhai:3:11");
    assert!(failed.why.contains("expected 1 to hear welcome, but 1 has no call any more"), "{}", failed.why);
    assert!(
        failed.ladder.contains("gather main-menu: 1 to 1 digits") && failed.ladder.contains("ivr.rhai:"),
        "{}",
        failed.ladder
    );
}

#[test]
fn a_call_that_the_house_begins_is_told_to_whoever_answers_in_a_test_as_well() {
    let service = r#"
        fn on_invite(caller) {
            if caller.vars.order == 12 { caller.tag("from", caller.from); return caller.play("welcome"); }
            let begun = originate("user:alice", #{ service: "ivr", caller_id: "+4930555", vars: #{ order: 12 } });
            caller.tag("begun", begun.status);
            caller.tag("nobody", originate("user:nobody", #{ dial: "102" }).status);
            caller.reject(480);
        }"#;
    let test = r#"
        fn test_by_the_script(t) {
            let alice = t.endpoint("alice").answers(3.s());
            let phone = t.phone("+33612345678").dials("ivr").is_rejected(480);
            phone.record(#{ begun: "begun", nobody: "unreachable" });
            alice.hears("welcome").is_hung_up();
            t.record(#{ service: "ivr", from: "+4930555", to: "alice", outcome: "answered" });
        }
        fn test_by_a_command(t) {
            let alice = t.endpoint("alice").answers(3.s());
            t.originate("user:alice", #{ vars: #{ order: 12 } });
            alice.is_ringing().hears("welcome").is_hung_up();
        }
        fn test_with_somebody(t) {
            let alice = t.endpoint("alice").answers(3.s());
            let bob = t.endpoint("bob").answers(5.s());
            t.originate("user:alice", #{ dial: "user:bob" });
            alice.talks_to("bob").hangs_up();
            bob.is_hung_up();
        }
        fn test_nobody_comes(t) {
            t.endpoint("alice").busy();
            t.originate("user:alice");
            t.record(#{ outcome: "busy", legs: 1 });
        }"#;
    let report = report(service, test, true);
    let failed = report.verdicts.iter().flat_map(|verdict| &verdict.failed).next();
    assert!(failed.is_none() && report.broken.is_empty(), "{failed:#?} {:?}", report.broken);
}

#[test]
fn browser_rings_the_pages_of_somebody_and_no_other_phone_and_legs_know_what_they_are() {
    let service = r#"
        fn on_invite(caller) {
            caller.tag("caller", `${caller.browser} ${caller.transport}`);
            let out = caller.call_out("browser:alice", #{ ring: 10.s() });
            caller.tag("came", out.status);
            if out.status != "answered" { return caller.reject(480); }
            caller.tag("callee", `${out.leg.browser} ${out.leg.transport} ${out.leg.secure}`);
            caller.answer();
            caller.bridge(out.leg);
        }"#;
    let test = r#"
        fn test_her_page_is_rung(t) {
            let alice = t.endpoint("alice").browser().answers(2.s());
            let phone = t.phone("1").dials("ivr").talks_to("alice");
            phone.hangs_up().record(#{ caller: "false udp", came: "answered", callee: "true wss true" });
        }
        fn test_her_phone_is_not(t) {
            t.endpoint("alice").answers();
            t.phone("1").dials("ivr").is_rejected(480);
            t.record(#{ legs: 1, tags: #{ came: "unreachable" } });
        }
        fn test_nor_a_page_that_is_closed(t) {
            t.endpoint("alice").browser().unregistered();
            t.phone("1").dials("ivr").is_rejected(480).record(#{ came: "unreachable" });
        }
        fn test_she_is_named_though_her_number_leads_to_a_service(t) {
            t.route("alice", "ivr");
            t.endpoint("alice").browser().answers();
            t.phone("1").dials("ivr").talks_to("alice").hangs_up();
        }
        fn test_a_page_calls(t) {
            t.endpoint("alice").browser().answers();
            t.endpoint("bob").browser().dials("ivr").talks_to("alice").hangs_up().record(#{ caller: "true wss" });
        }
        fn test_one_click_rings_the_page_first(t) {
            let alice = t.endpoint("alice").browser().answers(3.s());
            t.endpoint("bob").answers(1.s());
            t.originate("browser:alice", #{ dial: "user:bob" });
            alice.talks_to("bob").hangs_up();
        }"#;
    let told = report(service, test, true);
    let failed = told.verdicts.iter().flat_map(|verdict| &verdict.failed).next();
    assert!(failed.is_none() && told.broken.is_empty(), "{failed:#?} {:?}", told.broken);

    // A call makes a test that says so of its pages, and holds.
    let (_, calls) = calls_of(&sources(service, test));
    let begun_by_a_page = calls.iter().filter_map(|call| test_of(&call.record, &call.entries).ok());
    let made: Vec<_> = begun_by_a_page.filter(|text| text.contains("t.endpoint(\"bob\").browser()")).collect();
    assert!(made.len() == 1 && made[0].contains("t.endpoint(\"alice\").browser().answers("), "{made:#?}");
    assert!(report(service, &made[0], false).is_well(), "{}", made[0]);
}

#[test]
fn a_service_among_the_targets_takes_the_caller_when_nobody_else_has() {
    let service = r#"
        fn on_invite(caller) {
            let targets = if caller.to == "ivr" { ["service:message", "user:alice"] } else { "600" };
            let talk = caller.dial(targets, #{ ring: 10.s(), record: true });
            if !["answered", "cancelled"].contains(talk.status) { throw "nothing behind it is done"; }
        }"#;
    let other = "fn on_invite(caller) { caller.answer(); caller.play(\"leave-message\"); }";
    let test = r#"
        fn test_she_does_not_come(t) {
            t.endpoint("alice").rings();
            let phone = t.phone("1").dials("ivr");
            phone.after(9.s()).is_ringing().hears("leave-message").is_hung_up();
            t.record(#{ outcome: "answered", legs: 2 });
        }
        fn test_she_comes(t) {
            let alice = t.endpoint("alice").answers(3.s());
            t.phone("1").dials("ivr").talks_to("alice").after(9.s()).hangs_up();
            t.expect(t.ladder().contains("has recorded 9.0 s"), "the talk is recorded");
        }
        fn test_a_number_that_leads_to_a_service(t) {
            t.route("600", "message");
            t.route("500", "ivr");
            t.phone("1").dials("500").hears("leave-message").hangs_up();
        }
        fn test_nobody_else_can_be_served(t) {
            t.originate("user:alice", #{ dial: "service:message" });
        }"#;
    let mut sources = sources(service, test);
    sources.services.push(source("message", other));
    sources.tests[0].text = test.replace("t.originate", "t.endpoint(\"alice\").answers(1.s()); t.originate");
    let report = run(&sources, &Wishes { explore: true, ..Wishes::default() }, &mut |_| {});
    let failed = report.verdicts.iter().flat_map(|verdict| &verdict.failed).next();
    assert!(failed.is_none() && report.broken.is_empty(), "{failed:#?} {:?}", report.broken);
}

#[test]
fn a_time_without_its_unit_is_told_by_its_line() {
    let report = report(IVR, "fn test_a(t) {\n    t.advance(20);\n}", false);
    let failed = failure(&report);
    assert_eq!(failed.place, "ivr_test.rhai:2:7");
    assert!(failed.why.starts_with("20 has no unit; write 20.s()"), "{}", failed.why);
}

#[test]
fn a_mistyped_word_and_a_loop_without_end_are_told_by_their_test() {
    let why = |test: &str| {
        let report = report(IVR, test, false);
        let failed = failure(&report);
        (failed.place.clone(), failed.why.clone())
    };
    let (place, told) = why("fn test_a(t) {\n    t.phone(\"1\").dials(\"ivr\").haers(\"main-menu\");\n}");
    assert_eq!(
        (place.as_str(), told.as_str()),
        (
            "ivr_test.rhai:2:31",
            "no test knows the word haers; hears was meant? It is written phone.hears(\"main-menu\", #{ within: 2.s() })"
        )
    );
    let (_, told) = why("fn test_a(t) { t.phone(100); }");
    assert_eq!(told, "phone was given a number; it is written t.phone(\"+33612345678\")");
    let (place, told) = why("\nfn test_a(t) { loop { } }");
    assert!(place.starts_with("ivr_test.rhai:2") && told.contains("operations"), "{place} {told}");
}

#[test]
fn a_record_that_is_otherwise_says_in_what() {
    let test =
        "fn test_a(t) { t.phone(\"1\").dials(\"ivr\").hangs_up(); t.record(#{ ended_by: \"script\", legs: 1 }); }";
    let report = report(IVR, test, false);
    assert!(failure(&report).why.contains("but ended_by is caller, not script"), "{}", failure(&report).why);
}

#[test]
fn a_script_that_breaks_fails_its_test_unless_that_is_meant() {
    let broken = "fn on_invite(caller) { caller.answer(); caller.play(1); }";
    let test = "fn test_a(t) { t.phone(\"1\").dials(\"ivr\").is_hung_up(); }";
    let told = report(broken, test, false);
    assert!(failure(&told).why.starts_with("a script broke: ivr.rhai:1:"), "{}", failure(&told).why);
    let meant =
        "fn test_a(t) { t.phone(\"1\").dials(\"ivr\").is_hung_up(); t.expect(t.faults().len == 1, \"it breaks\"); }";
    assert!(report(broken, meant, false).is_well());
}

#[test]
fn the_explorer_finds_a_fault_that_only_a_hang_up_brings_about() {
    let careless =
        "fn on_invite(caller) { caller.answer(); caller.outlive(); let answer = caller.gather(#{ digits: 1 });
        if answer.status == \"gone\" { throw \"nobody thought of this\"; } }";
    let test = "fn test_a(t) { t.phone(\"1\").dials(\"ivr\").after(1.s()).presses(\"1\").is_hung_up(); }";
    assert!(report(careless, test, false).is_well());
    let told = report(careless, test, true);
    let failed = failure(&told);
    assert!(failed.why.contains("nobody thought of this"), "{}", failed.why);
    let variation = failed.variation.as_deref().unwrap_or_default();
    assert!(variation.starts_with("the caller hangs up"), "{variation}");
}

#[test]
fn a_test_that_does_not_parse_is_broken_and_the_others_run() {
    let mut sources = sources(IVR, IVR_TEST);
    sources.tests.insert(0, source("other_test", "fn test_a(t) {"));
    let report = run(&sources, &Wishes { filter: Some("agent".into()), ..Wishes::default() }, &mut |_| {});
    assert!(report.broken[0].starts_with("other_test.rhai:1:"), "{:?}", report.broken);
    assert_eq!(report.verdicts.len(), 1);
}

#[test]
fn lines_that_no_test_reached_are_named_and_no_others() {
    let all = report(IVR, IVR_TEST, false).coverage;
    let lines = &all.0["ivr.rhai"];
    assert_eq!(lines.missed().collect::<Vec<_>>(), [0; 0], "of {:?}", lines.can);
    assert!(lines.can.len() > 15, "{:?}", lines.can);
    let test = "fn test_a(t) { t.phone(\"1\").dials(\"ivr\").presses(\"9\").hears(\"not-understood\").hangs_up(); }";
    let some = report(IVR, test, false).coverage;
    let missed: Vec<_> = some.0["ivr.rhai"].missed().collect();
    let line = |text: &str| IVR.lines().position(|line| line.contains(text)).map_or(0, |line| line + 1);
    for text in ["\"1\" => return", "\"goodbye\");", "caller.dial(", "mail::send", "http::get", "store::incr"] {
        assert!(missed.contains(&line(text)), "{text} is not in {missed:?}");
    }
    for text in ["caller.answer()", "caller.gather", "not-understood"] {
        assert!(!missed.contains(&line(text)), "{text} is in {missed:?}");
    }
}

#[test]
fn a_report_is_read_by_people_and_by_machines() {
    let test = "fn test_who_calls_hears_welcome(t) { t.phone(\"1\").dials(\"ivr\").hears(\"<welcome>\"); }";
    let report = report(IVR, test, false);
    let line = report.verdicts[0].line();
    assert!(line.starts_with("FAIL  ivr_test.rhai:1  who calls hears welcome  ("), "{line}");
    let summary = report.summary();
    assert!(summary.contains("ivr_test.rhai:1:64: test_who_calls_hears_welcome\n    after "), "{summary}");
    assert!(summary.contains("ivr              gather main-menu: 1 to 1 digits"), "{summary}");
    assert!(summary.ends_with("1 test, 1 failed\n"), "{summary}");
    let junit = report.junit();
    assert!(
        junit.contains("tests=\"1\" failures=\"1\" errors=\"0\" time=\"") && junit.contains("&lt;welcome&gt;"),
        "{junit}"
    );
    assert_eq!(junit.matches(" time=\"").count(), 2, "of the suite and of its test: {junit}");
    assert_eq!(report.json()["tests"][0]["failed"][0]["place"], "ivr_test.rhai:1:64");
}

#[test]
fn keys_do_during_a_talk_what_the_script_says() {
    let service = r##"
fn on_invite(caller) {
    caller.answer();
    let talk = caller.dial("user:alice", #{ keys: #{ "1": |leg| leg.tag("one", true), "#": || log::info("hash") } });
}
fn on_dtmf(leg, key) { leg.tag("other", key.digit); }
"##;
    let test = r##"
fn test_keys_do_something(t) {
    t.endpoint("alice").answers(1.s());
    let phone = t.phone("+33612345678").dials("keyed");
    phone.talks_to("alice").presses("1").presses("5");
    phone.presses("#").hangs_up();
    t.record(#{ one: "true", other: "5" });
}
"##;
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let sources = Sources {
        services: vec![source("keyed", service)],
        tests: vec![source("keyed_test", test)],
        ..Sources::default()
    };
    let report = run(&sources, &Wishes::default(), &mut |_| {});
    let failed: Vec<_> = report.verdicts.iter().flat_map(|verdict| &verdict.failed).collect();
    assert!(failed.is_empty() && report.broken.is_empty(), "{failed:?} {:?}", report.broken);
}

#[test]
fn a_prompt_that_lies_nowhere_is_missing_in_a_test_as_it_is_on_the_server() {
    let service = "fn on_invite(caller) {\n  caller.answer();\n  caller.tag(\"heard\", caller.play(\"nosuch\").status);\n  caller.play(\"goodbye\");\n}";
    let test = "fn test_it(t) {\n  let phone = t.phone(\"+331\").dials(\"ivr\");\n  phone.hears(\"goodbye\").is_hung_up();\n  t.record(#{ heard: \"missing\" });\n}\n\
                fn test_it_is_there(t) {\n  t.prompt(\"nosuch\", 2.s());\n  let phone = t.phone(\"+331\").dials(\"ivr\");\n  phone.hears(\"nosuch\").hears(\"goodbye\").is_hung_up();\n  t.record(#{ heard: \"done\" });\n}";
    // Nor are files of the machine prompts, nor addresses of a kind that no server fetches.
    for name in ["nosuch", "/etc/passwd", "../Cargo.toml", "file://x"] {
        let [service, test] = [service, test].map(|text| text.replace("nosuch", name));
        let sources = Sources { prompts: vec!["src".into()], ..sources(&service, &test) };
        let report = run(&sources, &Wishes::default(), &mut |_| {});
        assert!(report.is_well(), "{name}: {:?} {:?}", report.broken, report.verdicts);
    }
}
