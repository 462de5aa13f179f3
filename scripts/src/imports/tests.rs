//! What a service may import, and what is said where it may not.

use patchcord_engine::call::{LegId, Outcome, Status, Verb};
use patchcord_engine::program::{End, Program, Step, Wake};

use super::*;
use crate::check::{Ground, check_on};
use crate::testing::{Source, Sources, Wishes, run};
use crate::{Host, Shelf};

fn module(name: &str, text: &str) -> Module {
    Module { name: name.into(), file: format!("{name}.rhai"), text: text.into() }
}

const SERVICE: &str = "import \"shared/hours\" as hours;\n\nfn on_invite(caller) {\n  \
                       caller.tag(\"open\", hours::is_open(9));\n  caller.tag(\"from\", hours::FROM);\n  hours::greet(caller);\n}\n";

const HOURS: &str = "import \"shared/words\" as words;\nexport const FROM = 8;\nconst UNTIL = 17;\n\n\
                     fn is_open(hour) { hour >= global::FROM && hour < global::UNTIL }\n\nfn greet(leg) {\n  \
                     leg.reject(480, words::closed());\n}\n";

const WORDS: &str = "fn closed() { \"Closed\" }\n";

fn library() -> Vec<Module> {
    vec![module("shared/hours", HOURS), module("shared/words", WORDS)]
}

/// What is wrong with a service that imports from these.
fn refused(text: &str, modules: &[Module]) -> String {
    let published = Shelf::default().publish_with("ivr", ("ivr.rhai", text), &among(modules));
    published.map(drop).expect_err("it is refused").to_string()
}

/// The verbs of a story of which each ends well, and how it ends.
fn story(text: &str, modules: &[Module]) -> (Vec<Verb>, End) {
    let shelf = Arc::new(Shelf::default());
    shelf.publish_with("ivr", ("ivr.rhai", text), &among(modules)).unwrap_or_else(|broken| panic!("{broken}"));
    let (mut script, _) = Host::new(shelf).script("ivr").expect("it is served");
    let (mut step, mut verbs) = (script.resume(Wake::Begin(LegId::FIRST)), Vec::new());
    loop {
        match step {
            Step::Wants(id, verb) => {
                if !matches!(verb, Verb::Errand(_) | Verb::Log(..)) {
                    verbs.push(verb.clone());
                }
                let outcome = match verb {
                    Verb::Errand(_) => {
                        let facts = patchcord_engine::errand::Facts { state: "ringing".into(), ..Default::default() };
                        Outcome::Brought(Box::new(patchcord_engine::errand::Brought::Facts(Some(Box::new(facts)))))
                    }
                    _ => Outcome::Plain(Status::Ok),
                };
                step = script.resume(Wake::Result(id, outcome));
            }
            Step::Finished(end) => return (verbs, end),
            Step::Breathe => step = script.resume(Wake::Breathed { alone: false }),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn functions_and_constants_of_a_module_are_there_and_so_is_what_it_imports_itself() {
    let (verbs, end) = story(SERVICE, &library());
    let leg = LegId::FIRST;
    assert_eq!(
        verbs,
        [
            Verb::Tag("open".into(), "true".into()),
            Verb::Tag("from".into(), "8".into()),
            Verb::Reject(leg, 480, Some("Closed".into())),
        ]
    );
    assert_eq!(end, End::Told);
}

#[test]
fn what_fails_in_a_module_names_its_file() {
    let hours = HOURS.replace("words::closed()", "words::closed().nonsense()");
    let (_, end) = story(SERVICE, &[module("shared/hours", &hours), module("shared/words", WORDS)]);
    let End::Fault(told) = end else { panic!("it fails") };
    assert!(told.starts_with("shared/hours.rhai:8:"), "{told}");
    let words = "fn closed() {\n  say::number(5, #{ language: \"fr\" })\n}";
    let (_, end) = story(SERVICE, &[module("shared/hours", HOURS), module("shared/words", words)]);
    let End::Fault(told) = end else { panic!("it fails") };
    assert!(told.starts_with("shared/words.rhai:2:8: `language` of number"), "{told}");
}

#[test]
fn a_limit_that_is_met_in_a_module_is_told_by_its_file_and_line() {
    let service =
        "import \"shared/big\" as big;\n\nfn on_invite(caller) {\n  caller.ring();\n  big::work(caller);\n}\n";
    for (work, told) in [
        ("let s = \"x\";\n  loop { s += s; }", "too large: there may be "),
        ("let a = [];\n  loop { a.push(1); }", "too large: there may be "),
        ("let n = 0;\n  loop { n += 1; }", "it computed "),
        ("let n = 0;\n  loop {}", "it computed "),
        ("let n = 0;\n  deeper(n);", "functions call each other more than 32 deep"),
        ("let f = [1];\n  f.map(|x| { let s = \"x\"; loop { s += s; } });", "too large: there may be "),
    ] {
        let text = format!("fn work(leg) {{\n  {work}\n}}\n\nfn deeper(n) {{\n  deeper(n + 1);\n}}\n");
        let (_, end) = story(service, &[module("shared/big", &text)]);
        let End::Fault(fault) = end else { panic!("{work}: it fails") };
        let line = if told.starts_with("functions") { 7 } else { 3 };
        assert!(fault.starts_with(&format!("shared/big.rhai:{line}:")) && fault.contains(told), "{work}: {fault}");
    }
}

#[test]
fn nothing_but_files_of_the_folder_is_imported_and_only_where_a_file_begins() {
    let story = "\nfn on_invite(caller) { caller.answer(); }";
    for (import, told) in [
        ("import \"../secret\" as s;", "ivr.rhai:1:8: \"../secret\" leads out of the folder of services"),
        ("import \"a/../../b\" as s;", "ivr.rhai:1:8: \"a/../../b\" leads out of the folder"),
        ("import \"/etc/passwd\" as s;", "ivr.rhai:1:8: \"/etc/passwd\" leads out of the folder"),
        ("import \"shared/.hours\" as s;", "ivr.rhai:1:8: \"shared/.hours\" is no name of a module"),
        ("import \"shared/hours.rhai\" as s;", "ivr.rhai:1:8: a module is named without its ending: \"shared/hours\""),
        ("import \"shared/hours\";", "ivr.rhai:1:1: give it a name: import \"shared/hours\" as hours;"),
        ("import \"shared/hours\" as http;", "ivr.rhai:1:1: `http` is a module of the house"),
        ("import \"a\" + \"b\" as s;", "ivr.rhai:1:"),
        (
            "import \"nowhere\" as s;",
            "ivr.rhai:1:8: there is no module \"nowhere\"; write nowhere.rhai into the folder",
        ),
        (
            "import \"shared/words\" as s;\nimport \"shared/hours\" as s;",
            "ivr.rhai:2:1: there is a `s` already; call this one otherwise",
        ),
    ] {
        let said = refused(&format!("{import}{story}"), &library());
        assert!(said.starts_with(told), "{import}: {said}");
    }
    let within = "fn on_invite(caller) {\n  import \"shared/hours\" as hours;\n}";
    assert!(refused(within, &library()).starts_with("ivr.rhai:2:3: an import stands outside of functions"));
}

#[test]
fn circles_and_more_modules_than_there_may_be_are_refused() {
    let service = "import \"a\" as a;\nfn on_invite(caller) {}";
    let round = [module("a", "import \"b\" as b;"), module("b", "import \"a\" as a;")];
    assert_eq!(refused(service, &round), "b.rhai:1:8: it goes round in a circle: a imports b imports a");
    let many: Vec<Module> =
        (0..40).map(|n| module(&format!("m{n}"), &format!("import \"m{}\" as next;", n + 1))).collect();
    let told = refused("import \"m0\" as a;\nfn on_invite(caller) {}", &many);
    let most = "a service has at most 32 modules, with those that they import (script_modules in [limits])";
    assert_eq!(told, format!("m31.rhai:1:8: {most}"));
}

#[test]
fn a_module_that_is_broken_or_computes_without_end_is_told_before_anybody_calls() {
    let service = "import \"a\" as a;\nfn on_invite(caller) {}";
    assert!(refused(service, &[module("a", "fn x( {}")]).starts_with("a.rhai:1:"));
    let told = refused(service, &[module("a", "const A = { loop {} };")]);
    assert!(told.starts_with("a.rhai:") && told.contains("it computed 1000"), "{told}");
    let told = refused(service, &[module("a", "const A = store::get(\"x\");")]);
    assert!(told.starts_with("a.rhai:1:18: ") && told.contains("works only inside a call"), "{told}");
}

#[test]
fn another_text_of_a_module_is_another_version_and_hash_of_who_imports_it() {
    let shelf = Shelf::default();
    let publish = |modules: &[Module]| shelf.publish_with("ivr", ("ivr.rhai", SERVICE), &among(modules));
    let first = publish(&library()).expect("a service");
    assert_eq!(publish(&library()).as_ref(), Ok(&first), "nothing has changed");
    let second = publish(&[module("shared/hours", HOURS), module("shared/words", "fn closed() { \"No\" }")]);
    let second = second.expect("a service");
    assert_eq!((first.version, second.version), (1, 2));
    assert_ne!(first.digest, second.digest);
    let names: Vec<&str> = second.imports.iter().map(|module| module.name.as_str()).collect();
    assert_eq!(names, ["shared/words", "shared/hours"]);
}

#[test]
fn check_looks_into_modules_and_at_what_is_called_of_them() {
    let told = |service: &str, modules: &[Module]| -> Vec<String> {
        let (library, limits) = (among(modules), Limits::default());
        let ground = Ground { has_prompt: &|_| true, library: &library, limits: &limits };
        check_on("ivr.rhai", service, &ground).iter().map(ToString::to_string).collect()
    };
    assert_eq!(told(SERVICE, &library()), [""; 0]);
    let wrong = SERVICE.replace("is_open(9)", "is_opn(9)").replace("FROM", "FORM").replace("greet(caller)", "greet()");
    assert_eq!(
        told(&wrong, &library()),
        [
            "ivr.rhai:4:29: the module hours has no function `is_opn`; is hours::is_open(…) meant?",
            "ivr.rhai:5:29: the module hours has no constant `FORM`; write export const FORM = …; into it",
            "ivr.rhai:6:10: hours::greet takes 1 value, and is given no value",
        ]
    );
    let hours = HOURS.replace("reject(480", "reject(200");
    let inside = told(SERVICE, &[module("shared/hours", &hours), module("shared/words", WORDS)]);
    assert_eq!(inside, ["shared/hours.rhai:8:14: `code` of reject is 200; it may be from 400 to 699"]);
    assert!(told(SERVICE, &[])[0].starts_with("ivr.rhai:1:8: there is no module \"shared/hours\""));
    let service = "import \"a\" as a;\nfn on_invite(caller) { caller.hangup(); }";
    let endless = told(service, &[module("a", "export const A = { let s = \"a\"; loop { s += s; } };")]);
    assert!(endless.len() == 1 && endless[0].starts_with("a.rhai:1:"), "{endless:?}");
}

#[test]
fn tests_run_with_modules_and_count_their_lines_and_the_explorer_finds_what_they_leave() {
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let test = "fn test_it_is_closed(t) {\n  t.phone(\"+331\").dials(\"ivr\").is_rejected(480);\n}";
    let sources = Sources {
        services: vec![source("ivr", SERVICE)],
        tests: vec![source("ivr_test", test)],
        modules: library(),
        ..Sources::default()
    };
    let report = run(&sources, &Wishes { explore: true, ..Wishes::default() }, &mut |_| {});
    assert!(report.is_well(), "{:?} {:?}", report.broken, report.verdicts);
    let lines = report.coverage.0.get("shared/hours.rhai").expect("its lines are counted");
    assert_eq!(lines.missed().count(), 0, "{lines:?}");
    assert!(lines.can.contains(&8) && report.coverage.0.contains_key("shared/words.rhai"), "{lines:?}");
}

#[test]
fn a_function_without_a_name_that_a_module_gives_to_a_word_runs_when_its_time_comes() {
    let service = "import \"a\" as a;\nfn on_invite(caller) {\n  caller.answer();\n  a::later(caller, \"ripe\");\n  caller.sleep(3.s());\n}";
    let later = "fn later(leg, word) {\n  leg.after(1.s(), |l| l.tag(\"later\", word));\n}";
    let test = "fn test_it(t) {\n  t.phone(\"+331\").dials(\"ivr\").is_answered().is_hung_up();\n  t.record(#{ later: \"ripe\" });\n}";
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let sources = Sources {
        services: vec![source("ivr", service)],
        tests: vec![source("ivr_test", test)],
        modules: vec![module("a", later)],
        ..Sources::default()
    };
    let report = run(&sources, &Wishes::default(), &mut |_| {});
    assert!(report.is_well(), "{:?} {:?}", report.broken, report.verdicts);
}

#[test]
fn a_function_that_is_kept_finds_what_its_file_has_also_by_its_name() {
    let service = "import \"a\" as a;\nconst WORD = \"own\";\nfn on_invite(caller) {\n  caller.answer();\n  a::later(caller);\n  \
                   caller.after(4.s(), |l| note(l, global::WORD));\n  caller.after(5.s(), Fn(\"last\"));\n  \
                   caller.after(6.s(), |l| l.tag(\"alias\", a::word()));\n  caller.sleep(9.s());\n}\n\
                   fn last(leg) { leg.tag(\"last\", \"own\"); }\nprivate fn note(leg, word) { leg.tag(\"note\", word); }\n";
    let later = "import \"b\" as b;\nconst WORD = \"ripe\";\nfn later(leg) {\n  leg.after(1.s(), Fn(\"ripe\"));\n  \
                 leg.after(2.s(), |l| hidden(l, b::word()));\n  leg.after(3.s(), Fn(\"last\"));\n}\nfn word() { \"of a\" }\n\
                 fn ripe(leg) { leg.tag(\"ripe\", global::WORD); }\nprivate fn last(leg) { leg.tag(\"first\", \"of a\"); }\n\
                 private fn hidden(leg, word) { leg.tag(\"hidden\", word); }\n";
    let test = "fn test_it(t) {\n  t.phone(\"+331\").dials(\"ivr\").is_answered().is_hung_up();\n  t.record(#{ ripe: \"ripe\", \
                hidden: \"of b\", first: \"of a\", note: \"own\", last: \"own\", alias: \"of a\" });\n}";
    let source = |name: &str, text: &str| Source { name: name.into(), file: format!("{name}.rhai"), text: text.into() };
    let sources = Sources {
        services: vec![source("ivr", service)],
        tests: vec![source("ivr_test", test)],
        modules: vec![module("a", later), module("b", "fn word() { \"of b\" }")],
        ..Sources::default()
    };
    let report = run(&sources, &Wishes::default(), &mut |_| {});
    assert!(report.is_well(), "{:?} {:?}", report.broken, report.verdicts);
}

#[test]
fn what_fails_in_a_function_that_is_kept_names_the_line_where_it_is_written() {
    let service = "import \"a\" as a;\nfn on_invite(caller) {\n  caller.answer();\n  let word = \"x\";\n  caller.after(1.s(),\n    \
                   || missing(word));\n  a::later(caller);\n  caller.sleep(9.s());\n}\n";
    let later = "fn later(leg) {\n  let word = 1;\n  leg.after(2.s(),\n    |l| {\n      l.play(word);\n    });\n}\n";
    let shelf = Arc::new(Shelf::default());
    shelf.publish_with("ivr", ("ivr.rhai", service), &among(&[module("a", later)])).expect("a service");
    let stage = crate::simulator::Stage::new(crate::simulator::Setting {
        service: Some("ivr".into()),
        ..crate::simulator::Setting::of(Box::new(Host::new(shelf)))
    });
    stage.phone("+331").dials("100").and_then(|phone| phone.is_hung_up()).expect("the story ends");
    let faults = stage.record().expect("it is over").faults().cloned().collect::<Vec<_>>();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("ivr.rhai:6:8: "), "{faults:?}");
    assert!(faults[1].starts_with("a.rhai:5:9: "), "{faults:?}");
}

#[test]
fn an_import_may_stand_behind_functions_for_check_as_for_calls() {
    let service = "fn on_invite(caller) {\n  caller.tag(\"word\", words::closed());\n  caller.reject(480);\n}\n\nimport \"shared/words\" as words;\n";
    let limits = Limits::default();
    let modules = library();
    let library = among(&modules);
    let ground = Ground { has_prompt: &|_| true, library: &library, limits: &limits };
    assert_eq!(check_on("ivr.rhai", service, &ground), []);
    let (verbs, end) = story(service, &modules);
    assert_eq!((verbs.first(), end), (Some(&Verb::Tag("word".into(), "Closed".into())), End::Told));
}
