//! Faults: what a person is told, where, and what the caller hears.

use super::*;
use patchcord_engine::program::End;

/// The fault with which a story ends, once the house has said sorry.
#[track_caller]
pub(super) fn fault_of(text: &str) -> String {
    let mut told = Told::of(text);
    let mut step = told.begin();
    for _ in 0..40_000 {
        step = match step {
            Step::Wants(_, Verb::Reject(CALLER, 500, _)) => {
                let ended = told.status(&step, Status::Ok);
                match ended {
                    Step::Finished(End::Fault(fault)) => return fault,
                    other => panic!("{other:?}"),
                }
            }
            Step::Wants(..) => told.status(&step, Status::Ok),
            Step::Breathe => told.wake(Wake::Breathed { alone: false }),
            other => panic!("{other:?}"),
        }
    }
    panic!("it never ended: {step:?}")
}

pub(super) fn says(body: &str) -> String {
    fault_of(&format!("fn on_invite(caller) {{\n  {body}\n}}"))
}

#[test]
fn misuse_names_the_option_the_place_and_what_was_meant() {
    assert_eq!(
        says("caller.gather(#{ digits: 1, timout: 5.s() });"),
        "ivr.rhai:2:10: gather has no option `timout`; is `timeout` meant?"
    );
    assert_eq!(
        says("caller.gather(#{ timeout: 5 });"),
        "ivr.rhai:2:10: `timeout` of gather: 5 has no unit; write 5.s() for seconds or 5.ms() for milliseconds"
    );
    assert_eq!(
        says("caller.play(5);"),
        "ivr.rhai:2:10: `prompts` of play: it wants the name of a prompt, or a list of names, and was given the number 5"
    );
    assert_eq!(
        says("caller.play();"),
        "ivr.rhai:2:10: leg.play(prompts, #{ stop_keys, volume, loops, from }) was given 0 values"
    );
    assert_eq!(says("caller.reject(200);"), "ivr.rhai:2:10: `code` of reject is 200; it may be from 400 to 699");
    assert_eq!(
        says("caller.gather(#{ min: 4, max: 2 });"),
        "ivr.rhai:2:10: `min` of gather is 4, which is more than `max`, 2"
    );
    assert_eq!(
        says("caller.dial(\"user:a\", #{ headers: #{ \"Via\": \"x\" } });"),
        "ivr.rhai:2:10: `headers` of dial: Via is written by the house; a script may add others"
    );
    assert_eq!(
        says("let x = nothing;"),
        "ivr.rhai:2:11: nothing is called `nothing` here; write let nothing = …; before it"
    );
}

#[test]
fn a_fault_in_a_function_names_where_it_arose() {
    let told = fault_of("fn on_invite(caller) {\n  deeper(caller);\n}\nfn deeper(caller) {\n  throw \"no idea\";\n}");
    assert_eq!(told, "ivr.rhai:5:3: no idea");
}

#[test]
fn a_caller_who_is_answered_hears_an_apology() {
    let mut told = Told::of("fn on_invite(caller) { caller.answer(); throw \"oh\"; }");
    let answer = told.begin();
    // The engine says that the leg is answered now.
    let facts = |step: &Step| matches!(wanted(step), Verb::Errand(errand) if matches!(**errand, Errand::Facts(_)));
    let mut step = told.script.resume(Wake::Result(id(&answer), Outcome::Plain(Status::Ok)));
    assert!(facts(&step), "{step:?}");
    let answered = Facts { state: "answered".into(), ..super::facts() };
    let brought = Outcome::Brought(Box::new(Brought::Facts(Some(Box::new(answered)))));
    step = told.script.resume(Wake::Result(id(&step), brought));
    assert!(
        matches!(wanted(&step), Verb::Play(CALLER, play) if play.prompts == ["sorry-something-failed"]),
        "{step:?}"
    );
    let end = told.status(&step, Status::Done);
    assert_eq!(end, Step::Finished(End::Fault("ivr.rhai:1:41: oh".into())));
}

#[test]
fn on_error_may_say_it_in_its_own_way() {
    let mut told = Told::of(
        "fn on_invite(caller) { throw \"oh\"; }\nfn on_error(leg, err) { leg.tag(\"err\", err.text); leg.dial(\"user:operator\"); }",
    );
    let tag = told.begin();
    assert_eq!(wanted(&tag), &Verb::Tag("err".into(), "ivr.rhai:1:24: oh".into()));
    let dial = told.status(&tag, Status::Ok);
    assert!(matches!(wanted(&dial), Verb::Dial(..)));
    let end = told.status(&dial, Status::Busy);
    assert_eq!(end, Step::Finished(End::Fault("ivr.rhai:1:24: oh".into())));
}

#[test]
fn an_apology_that_fails_itself_is_made_by_the_house() {
    let told = fault_of("fn on_invite(caller) { throw \"oh\"; }\nfn on_error(leg, err) { throw \"dear\"; }");
    assert_eq!(told, "ivr.rhai:1:24: oh; and on_error failed at ivr.rhai:2:25: dear");
}

#[test]
fn a_script_without_an_end_breathes_and_is_ended_by_its_budget() {
    let limits = Limits { operations: 100_000, slice: 1_000, ..Limits::default() };
    let mut told = Told::within("fn on_invite(caller) {\n  caller.ring();\n  loop {}\n}", limits);
    let ring = told.begin();
    let computes = told.status(&ring, Status::Ok);
    let (step, breaths) = told.computes(computes, false);
    assert!((90..110).contains(&breaths), "{breaths}");
    assert!(matches!(wanted(&step), Verb::Reject(CALLER, 500, _)), "{step:?}");
    let Step::Finished(End::Fault(fault)) = told.status(&step, Status::Ok) else { panic!("no fault") };
    assert!(fault.contains("without saying anything to the call"), "{fault}");
    assert!(fault.starts_with("ivr.rhai:3:"), "{fault}");
}

#[test]
fn a_side_handler_that_fails_is_written_down_and_the_story_goes_on() {
    let mut told = Told::of(
        "fn on_invite(caller) { caller.answer(); caller.play(\"a\"); }\nfn on_dtmf(leg, key) { leg.nonsense(); }",
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    assert_eq!(told.key('1'), Step::Waits);
    assert_eq!(told.log.len(), 1);
    assert!(told.log[0].1.starts_with("ivr.rhai:2:"), "{:?}", told.log);
    assert_eq!(told.status(&play, Status::Done), Step::Finished(End::Told));
}

#[test]
fn a_script_without_a_story_says_what_it_lacks() {
    assert_eq!(
        fault_of("fn on_bye(leg, why) {}"),
        "ivr.rhai: it has no fn on_invite(caller), which a call begins with"
    );
}

#[test]
fn the_deepest_recursion_with_the_deepest_expressions_meets_the_limit_and_not_the_end_of_its_stack() {
    let sum = |depth: usize| format!("{}dive(n + 1){}", "(1 + ".repeat(depth), ")".repeat(depth));
    let map = |depth: usize| format!("{}dive(n + 1){}", "#{ a: [".repeat(depth), "] }".repeat(depth));
    let arms =
        |depth: usize| format!("{}dive(n + 1){}", "switch n { _ => if true { ".repeat(depth), " } }".repeat(depth));
    let shapes: [&dyn Fn(usize) -> String; 3] = [&sum, &map, &arms];
    for shape in shapes {
        let text = |depth| format!("fn on_invite(caller) {{ dive(0) }}\nfn dive(n) {{ {} }}", shape(depth));
        let limits = Limits::default();
        let parses =
            |depth: &usize| crate::check_text(&crate::engine(&limits), &limits, "deep.rhai", &text(*depth)).is_ok();
        let deepest = (1..100).rev().find(parses).expect("something parses");
        let mut told = String::new();
        let (used, there_are) = crate::strand::measured::deepest(|| told = fault_of(&text(deepest)));
        // For docs/performance.md, in release as well.
        println!("{} KiB of a stack of {} KiB", used >> 10, there_are >> 10);
        assert!(used > 64 << 10, "it was deep: {used}");
        assert!(used <= there_are / 4 * 3, "{used} of {there_are}: what words need themselves has to fit, too");
        assert!(
            told.contains("functions call each other more than 32 deep (script_levels in [limits])"),
            "{deepest}: {told}"
        );
    }
}

#[test]
fn huge_texts_and_lists_are_refused_by_name() {
    assert!(says("let s = \"x\"; loop { s += s; }").contains("Length of string too large"));
    assert!(says("let a = []; loop { a.push(1); }").contains("too large"));
}

#[test]
fn whoever_collects_texts_by_their_place_is_ended_before_the_memory_is() {
    let story = |body: &str| {
        fault_of(&format!("fn on_invite(caller) {{\n  let s = \"\";\n  s.pad(200000, \"x\");\n  {body}\n}}"))
    };
    for body in [
        "let m = #{}; for n in 0..5000 { m[`k${n}`] = s + n; }",
        "let a = []; a.pad(1900, 0); for n in 0..1900 { a[n] = s + n; }",
    ] {
        let told = story(body);
        assert!(
            told.contains("it holds more than 8 MB, which is the limit (script_memory in [limits])"),
            "{body}: {told}"
        );
    }
    // What is let go of is free for the next.
    let told = says("let s = \"\"; s.pad(200000, \"x\"); for n in 0..5000 { let t = s + n; } throw \"done\"");
    assert!(told.contains("done"), "{told}");
}

#[test]
fn whatever_limit_is_met_the_line_is_told() {
    for body in [
        "let s = \"x\"; loop { s += s; }",
        "let a = []; loop { a.push(1); }",
        "let a = [1]; loop { a += a; }",
        "let m = #{}; let n = 0; loop { m[n.to_string()] = n; n += 1; }",
        "let a = []; loop { a = [a, a]; }",
        "let b = blob(1); loop { b += b; }",
        "let s = \"x\"; s.pad(1000000, \"x\");",
        "let a = []; a.pad(1000000, 1);",
        "deep(0)",
        "let f = |x| x + 1; let n = 1 / 0;",
        "let x = []; x[7] = 1;",
    ] {
        let told = fault_of(&format!("fn on_invite(caller) {{\n  {body}\n}}\nfn deep(n) {{ deep(n + 1) }}"));
        // Some are only known by the function in which they were met.
        let line = told.strip_prefix("ivr.rhai:").and_then(|rest| rest.split(':').next()?.parse::<u16>().ok());
        assert!(line.is_some(), "{body}: {told}");
    }
}

#[test]
fn a_function_given_to_a_word_speaks_from_its_line() {
    let mut told = Told::of(
        "fn on_invite(caller) {\n  caller.after(1.s(),\n    |leg| leg.tag(\"late\", true));\n  caller.sleep(9.s());\n}",
    );
    let after = told.begin();
    let sleep = told.answer(&after, Outcome::Handle(patchcord_engine::call::verb::Handle(1)));
    assert!(matches!(wanted(&sleep), Verb::Sleep(_)), "{sleep:?}");
    let tag = told.wake(Wake::Heard(Happening::Ended(patchcord_engine::call::verb::Handle(1))));
    assert!(matches!(wanted(&tag), Verb::Tag(..)), "{tag:?}");
    assert_eq!(told.script.place().as_deref(), Some("ivr.rhai:3"));
}

#[test]
fn whoever_says_more_than_anybody_could_hear_is_told_the_line_and_the_first_fault_is_not_hidden() {
    use patchcord_engine::call::verb::Misuse;
    let fast = || Outcome::Misuse(Misuse::TooFast);
    let story = "fn on_invite(caller) {\n  loop {\n    try { caller.tag(\"n\", 1); } catch {}\n  }\n}\n";
    let mut told = Told::of(story);
    let tag = told.begin();
    let sorry = told.answer(&tag, fast());
    assert!(matches!(wanted(&sorry), Verb::Reject(CALLER, 500, _)), "{sorry:?}");
    let Step::Finished(End::Fault(fault)) = told.status(&sorry, Status::Ok) else { panic!("no fault") };
    assert!(
        fault.starts_with(
            "ivr.rhai:3:18: it said more words to the call within 10 s than it may (call_words in [limits])"
        ),
        "{fault}"
    );

    let mut told = Told::of(&format!("{story}fn on_error(leg, err) {{ loop {{ leg.tag(\"e\", 1); }} }}"));
    let tag = told.begin();
    let apology = told.answer(&tag, fast());
    assert!(matches!(wanted(&apology), Verb::Tag(name, _) if name == "e"), "{apology:?}");
    let sorry = told.answer(&apology, fast());
    assert!(matches!(wanted(&sorry), Verb::Reject(CALLER, 500, _)), "{sorry:?}");
    let Step::Finished(End::Fault(fault)) = told.status(&sorry, Status::Ok) else { panic!("no fault") };
    assert!(fault.starts_with("ivr.rhai:3:18: ") && fault.contains("; and on_error failed at ivr.rhai:6:"), "{fault}");
}

#[test]
fn a_limit_that_is_met_is_told_by_its_own_line_wherever_the_script_spoke_last() {
    for (before, grows) in [
        ("let s = \"x\";", "s += s;"),
        ("let s = \"x\";", "s = `${s}${s}`;"),
        ("let a = [];", "a.push(1);"),
        ("let a = [];", "a = [a, a];"),
    ] {
        for speaks in ["", "caller.tag(\"a\", 1);"] {
            let told =
                fault_of(&format!("fn on_invite(caller) {{\n  {before}\n  {speaks}\n  loop {{\n    {grows}\n  }}\n}}"));
            assert!(told.starts_with("ivr.rhai:5:") && told.contains("too large: there may be "), "{grows}: {told}");
        }
    }
    let within = "fn on_invite(caller) {\n  let s = \"x\";\n  loop { s = twice(s); }\n}\nfn twice(s) {\n  s + s\n}";
    let told = fault_of(within);
    assert!(told.starts_with("ivr.rhai:6:") && told.contains("too large: there may be "), "{told}");
    let endless = "fn on_invite(caller) {\n  caller.ring();\n  dive();\n}\nfn dive() {\n  let n = 0;\n  loop {\n    n += 1;\n  }\n}";
    let told = fault_of(endless);
    let line = told.strip_prefix("ivr.rhai:").and_then(|rest| rest.split(':').next()?.parse().ok());
    assert!(line.is_some_and(|line| (7..=8).contains(&line)) && told.contains("it computed "), "{told}");
}

#[test]
fn what_the_world_says_of_itself_is_named_once() {
    let body = "fn on_invite(caller) {\n  try { http::get(\"https://a.example/\") } catch (err) { throw err; }\n}";
    for why in ["no answer came in time", "http: no answer came in time"] {
        let mut told = Told::of(body);
        let asks = told.begin();
        let sorry = told.answer(&asks, Outcome::Brought(Box::new(Brought::Answer(Err(why.into())))));
        let Step::Finished(End::Fault(fault)) = told.status(&sorry, Status::Ok) else { panic!("no fault") };
        assert!(fault.ends_with(": http: no answer came in time") && !fault.contains("http: http"), "{fault}");
    }
}
