//! Tests without end: whatever goes on in one, it is ended in its time and says why.

use super::*;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() }
}

/// What came of a suite whose tests may take a moment each.
fn report(service: &str, test: &str) -> Report {
    report_of(service, test, &Wishes { longest: std::time::Duration::from_millis(50), ..Wishes::default() })
}

fn report_of(service: &str, test: &str, wishes: &Wishes) -> Report {
    let test = format!("fn test_it(t) {{\n{test}\n}}\nfn test_next(t) {{ }}");
    let (services, tests) = (vec![source("again", service)], vec![source("again_test", &test)]);
    run(&Sources { services, tests, ..Sources::default() }, wishes, &mut |_| {})
}

/// It is ended, and the next one runs all the same.
#[track_caller]
fn is_ended(service: &str, test: &str) {
    let report = report(service, test);
    assert_eq!(report.broken, [""; 0]);
    let [this, _next] = &report.verdicts[..] else { panic!("there are two: {:?}", report.verdicts) };
    let why = &this.failed.first().unwrap_or_else(|| panic!("{test} comes to an end")).why;
    assert!(why.contains("it goes on without end, or took longer than the 0.05 s that tests may take"), "{why}");
}

const MENU: &str = "fn on_invite(caller) { caller.answer(); caller.sleep(1.h()); }";

#[test]
fn scripts_that_go_on_without_end_end_their_test() {
    let months = "t.phone(\"1\").dials(\"again\"); for day in 0..300 { t.advance(8000.h()); }";
    is_ended("fn on_invite(caller) { loop { caller.sleep(100.ms()); } }", months);
    is_ended("fn on_invite(caller) { loop { for i in 0..100_000 { } caller.sleep(100.ms()); } }", months);
    let timers = "fn on_invite(caller) { again(caller); caller.sleep(4.h()); }
        fn again(leg) { leg.after(100.ms(), |leg| again(leg)); }";
    let computes =
        "fn on_invite(caller) { loop { let a = []; for i in 0..1000 { a.push(i); } store::set(\"a\", a); } }";
    for endless in [timers, computes] {
        let report = report(endless, months);
        assert!(!report.verdicts[0].failed.is_empty(), "{endless}");
    }
}

#[test]
fn calls_that_begin_more_and_more_calls_end_their_test() {
    let tree = "fn on_invite(caller) {
        for i in 0..32 { originate(\"user:alice\", #{ service: \"again\" }); }
        caller.sleep(1.s());
    }";
    let told = report(tree, "t.endpoint(\"alice\").answers(1.s()); t.phone(\"1\").dials(\"again\"); t.advance(9.h());");
    assert!(!told.verdicts[0].failed.is_empty(), "{told:?}");
    let timer = "fn on_timer(name) { originate(\"user:alice\", #{ service: \"again\" }); }
        fn on_invite(caller) { caller.sleep(1.h()); }";
    is_ended(timer, "t.endpoint(\"alice\").answers(); loop { t.timer(\"a\"); t.advance(2.h()); }");
}

#[test]
fn tests_that_go_on_without_end_themselves_are_ended() {
    is_ended(MENU, "loop { }");
    is_ended(MENU, "loop { try { t.phone(\"1\").dials(\"again\"); t.advance(9.h()); } catch { } }");
    is_ended(MENU, "loop { try { t.phone(\"1\").hears(\"nothing\"); } catch { } }");
}

#[test]
fn scripts_that_begin_each_others_calls_for_ever_meet_the_rule_of_the_real_house() {
    let chain = "fn on_invite(caller) {
        caller.answer();
        let begun = originate(\"user:alice\", #{ service: \"again\" });
        caller.tag(\"begun\", begun.status);
        caller.tag(\"why\", `${begun.why}`);
    }";
    for answers in ["", "1.s()"] {
        let test = format!(
            "t.endpoint(\"alice\").answers({answers});
            t.phone(\"1\").dials(\"again\").record(#{{ begun: \"begun\" }});
            t.advance(1.min());
            let last = t.record();
            t.expect(last.tags.begun == \"full\", `${{last}}`);
            t.expect(last.tags.why.contains(\"8 calls have each begun the next one, which is the limit\"), `${{last}}`);"
        );
        let report = report_of(chain, &test, &Wishes::default());
        let failed: Vec<_> = report.verdicts.iter().flat_map(|verdict| &verdict.failed).collect();
        assert!(failed.is_empty() && report.broken.is_empty(), "{failed:#?}");
    }
}
