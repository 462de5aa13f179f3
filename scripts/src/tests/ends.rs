//! Ends: a hang-up unwinds, a leg may be outlived, another service goes on.

use super::*;
use patchcord_engine::program::End;

#[test]
fn a_hang_up_unwinds_the_story_uncatchably_and_then_on_bye_hears_why() {
    let mut told = Told::of(
        r#"
        fn on_invite(caller) {
            caller.answer();
            try { caller.play("welcome") } catch (err) { caller.tag("never", "seen") }
            caller.tag("never", "seen");
        }
        fn on_bye(leg, why) { leg.tag("why", `${why.by} ${why.cause} ${why.sip} ${why.reason} ${why.at}`); }"#,
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    assert_eq!(told.status(&play, Status::Gone), Step::Finished(End::Told));
    let bye = told.leaves(CALLER);
    // The leg has gone, and what is written down needs none.
    assert_eq!(wanted(&bye), &Verb::Tag("why".into(), "caller 16 200 normal clearing ivr.rhai:4".into()));
    assert_eq!(told.status(&bye, Status::Ok), Step::Waits);
}

#[test]
fn a_side_handler_without_an_end_does_not_outlast_its_story() {
    let mut told = Told::of(
        r#"
        fn on_invite(caller) { caller.answer(); caller.play("goodbye"); }
        fn on_dtmf(leg, key) { loop { leg.sleep(1.s()); } }"#,
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    let sleep = told.key('5');
    assert!(matches!(wanted(&sleep), Verb::Sleep(_)));
    assert_eq!(told.status(&play, Status::Done), Step::Finished(End::Told));
}

#[test]
fn a_side_handler_that_tells_somebody_else_comes_to_its_end_behind_the_story() {
    let mut told = Told::of(
        r#"
        fn on_invite(caller) { caller.answer(); caller.play("goodbye"); }
        fn on_dtmf(leg, key) { store::set("pressed", key.digit); leg.play("thanks"); leg.tag("never", 1); }"#,
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    let kept = told.key('5');
    assert_eq!(told.status(&play, Status::Done), Step::Waits, "it is being kept");
    assert_eq!(
        told.answer(&kept, Outcome::Brought(Box::new(Brought::Answer(Ok("null".into()))))),
        Step::Finished(End::Told)
    );
}

#[test]
fn a_script_that_sleeps_is_woken_by_the_hang_up() {
    let mut told = Told::of(
        r#"
        fn on_invite(caller) { caller.answer(); caller.sleep(1.h()); caller.tag("never", 1); }
        fn on_bye(leg, why) { leg.tag("by", why.by); }"#,
    );
    let answer = told.begin();
    told.status(&answer, Status::Ok);
    let bye = told.leaves(CALLER);
    assert_eq!(wanted(&bye), &Verb::Tag("by".into(), "caller".into()));
    assert_eq!(told.status(&bye, Status::Ok), Step::Finished(End::Told));
}

#[test]
fn a_message_is_kept_although_its_caller_was_told_to_have_left_before_its_file_was_closed() {
    let mut told = Told::of(
        r#"
        fn on_invite(caller) {
            caller.answer();
            let message = caller.record(#{ max: 1.min() });
            log::info(message.status);
            caller.tag("outcome", "voicemail");
            caller.play("never");
        }"#,
    );
    let answer = told.begin();
    let record = told.status(&answer, Status::Ok);
    assert_eq!(told.leaves(CALLER), Step::Waits, "the file is being closed");
    let length = std::time::Duration::from_secs(3);
    let kept = Outcome::Recorded { status: Status::Kept, file: Some("a.wav".into()), length };
    let tag = told.wake(Wake::Result(id(&record), kept));
    assert_eq!(told.log, [("info".to_owned(), "kept".to_owned())]);
    assert_eq!(wanted(&tag), &Verb::Tag("outcome".into(), "voicemail".into()));
    assert_eq!(told.status(&tag, Status::Ok), Step::Finished(End::Told), "there is nobody to play to");
}

#[test]
fn a_leg_that_is_outlived_says_gone_and_the_story_goes_on() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            caller.answer();
            caller.outlive();
            let heard = caller.play("welcome");
            caller.tag("heard", heard.status);
        }"#,
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    let tag = told.status(&play, Status::Gone);
    assert_eq!(wanted(&tag), &Verb::Tag("heard".into(), "gone".into()));
    assert_eq!(told.leaves(CALLER), Step::Waits);
    assert_eq!(told.status(&tag, Status::Ok), Step::Finished(End::Told));
}

#[test]
fn time_does_not_pass_for_an_outlived_leg_that_has_gone() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            caller.answer();
            caller.outlive();
            let slept = caller.sleep(1.h());
            caller.tag("slept", slept.status);
            caller.tag("again", caller.sleep(1.h()).status);
        }"#,
    );
    let answer = told.begin();
    let sleep = told.status(&answer, Status::Ok);
    assert!(matches!(wanted(&sleep), Verb::Sleep(_)));
    let tag = told.leaves(CALLER);
    assert_eq!(wanted(&tag), &Verb::Tag("slept".into(), "gone".into()), "the hang-up ends it");
    let again = told.status(&tag, Status::Ok);
    assert_eq!(wanted(&again), &Verb::Tag("again".into(), "gone".into()), "and there is no other one");
    assert_eq!(told.status(&again, Status::Ok), Step::Finished(End::Told));
}

#[test]
fn a_service_that_is_not_there_is_told_with_the_place_where_it_was_named() {
    let mut told = Told::of("fn on_invite(caller) {\n  caller.answer();\n  caller.continue_as(\"nosuch\");\n}");
    let answer = told.begin();
    let sorry = told.status(&answer, Status::Ok);
    let Step::Finished(End::Fault(fault)) = told.status(&sorry, Status::Ok) else { panic!("it fails") };
    assert!(fault.starts_with("ivr.rhai:3:10: `service` of continue_as: there is no service \"nosuch\""), "{fault}");
}

#[test]
fn another_service_goes_on_and_nothing_behind_it_is_done() {
    let mut told = Told::of(
        r#"fn on_invite(caller) {
            caller.answer();
            try { caller.continue_as("voicemail"); } catch { caller.tag("never", 1) }
            caller.tag("never", 1);
        }"#,
    );
    let answer = told.begin();
    assert_eq!(told.status(&answer, Status::Ok), Step::Finished(End::ContinueAs("voicemail".into())));
}

#[test]
fn what_is_taken_down_says_so_at_once_and_drops_what_it_holds() {
    let mut told = Told::of(
        "fn on_invite(caller) { caller.answer(); caller.play(\"a\"); } fn on_bye(leg, why) { leg.tag(\"a\", 1); }",
    );
    let answer = told.begin();
    told.status(&answer, Status::Ok);
    assert_eq!(told.wake(Wake::Gone), Step::Finished(End::Told));
    assert_eq!(told.status(&answer, Status::Ok), Step::Waits);
}

/// A service that may compute for a minute.
fn computing(text: &str) -> Told {
    Told::within(text, Limits { operations: 1_000_000_000, slice: 100_000, ..Limits::default() })
}

#[test]
fn a_story_that_computes_for_nobody_ends_as_by_a_hang_up_and_then_on_bye_has_its_turn() {
    let mut told = computing(
        r#"
        fn on_invite(caller) { caller.answer(); try { loop {} } catch { caller.tag("never", 1); } caller.tag("never", 1); }
        fn on_bye(leg, why) { let n = 0; while n < 200000 { n += 1; } leg.tag("counted", n); }"#,
    );
    let answer = told.begin();
    let computes = told.status(&answer, Status::Ok);
    // While somebody is there it goes on.
    let mut step = computes;
    for _ in 0..50 {
        assert_eq!(step, Step::Breathe);
        step = told.wake(Wake::Breathed { alone: false });
    }
    let (end, breaths) = told.computes(step, true);
    assert_eq!(end, Step::Finished(End::Told), "it is no fault");
    assert!((5..20).contains(&breaths), "{breaths}");
    // What is told of the end computes by a budget of its own.
    let bye = told.leaves(CALLER);
    let (tag, breaths) = told.computes(bye, true);
    assert!(breaths > 5, "{breaths}");
    assert_eq!(wanted(&tag), &Verb::Tag("counted".into(), "200000".into()));
    assert_eq!(told.status(&tag, Status::Ok), Step::Waits);
}

#[test]
fn what_is_made_of_a_message_is_made_although_everybody_has_gone() {
    let mut told = computing(
        r#"
        fn on_invite(caller) {
            caller.answer();
            for round in 0..3 { let n = 0; while n < 100000 { n += 1; } store::set("round", round); }
        }"#,
    );
    let answer = told.begin();
    let mut step = told.status(&answer, Status::Ok);
    for _ in 0..3 {
        let (kept, breaths) = told.computes(step, true);
        assert!(breaths > 2 && matches!(wanted(&kept), Verb::Errand(_)), "{breaths}: {kept:?}");
        step = told.answer(&kept, Outcome::Brought(Box::new(Brought::Answer(Ok("null".into())))));
    }
    assert_eq!(step, Step::Finished(End::Told));
}

#[test]
fn who_outlives_a_leg_computes_as_long_as_ever() {
    let mut told = computing(
        r#"fn on_invite(caller) { caller.answer(); caller.outlive(); let n = 0; while n < 2000000 { n += 1; } caller.tag("n", n); }"#,
    );
    let answer = told.begin();
    let computes = told.status(&answer, Status::Ok);
    let (tag, _) = told.computes(computes, true);
    assert_eq!(wanted(&tag), &Verb::Tag("n".into(), "2000000".into()));
}

#[test]
fn a_key_handler_that_computes_for_nobody_ends_and_the_story_hears_of_its_caller() {
    let mut told = computing(
        r#"
        fn on_invite(caller) { caller.answer(); caller.play("music"); }
        fn on_dtmf(leg, key) { loop {} }"#,
    );
    let answer = told.begin();
    let play = told.status(&answer, Status::Ok);
    let computes = told.key('1');
    assert_eq!(told.computes(computes, true).0, Step::Waits);
    assert_eq!(told.status(&play, Status::Gone), Step::Finished(End::Told));
}
