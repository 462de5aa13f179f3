//! Recordings: those of its own call, of its service and of a mailbox are there for a script, and no others.

use super::*;
use patchcord_engine::program::End;

/// What comes of a story that does this with an answered leg.
fn after_answer(body: &str) -> (Told, Step) {
    let mut told = Told::of(&format!("fn on_invite(caller) {{\n  caller.answer();\n  {body}\n}}"));
    let answer = told.begin();
    let next = told.status(&answer, Status::Ok);
    (told, next)
}

#[track_caller]
fn plays(body: &str) {
    let (_, step) = after_answer(body);
    assert!(matches!(wanted(&step), Verb::Play(..)), "{body}: {step:?}");
}

#[track_caller]
fn refused(body: &str, column: usize) {
    let (mut told, sorry) = after_answer(body);
    let Step::Finished(End::Fault(fault)) = told.status(&sorry, Status::Ok) else { panic!("{body}: it fails") };
    assert!(fault.starts_with(&format!("ivr.rhai:3:{column}: \"2026-11-21/")), "{fault}");
    assert!(fault.contains("is a recording of another service; ivr has those of its own calls"), "{fault}");
}

#[test]
fn recordings_of_the_own_call_and_of_the_own_service_are_played() {
    plays("caller.play(\"2026-11-20/01KOLD-0-1.ivr.wav\");");
    plays("caller.play([\"welcome\", \"2026-11-21/01KOWN-0-1.office.wav\"]);");
}

#[test]
fn those_of_another_service_are_not_by_whatever_word() {
    let other = "\"2026-11-21/01KOTHER-0-1.office.wav\"";
    refused(&format!("caller.play({other});"), 10);
    refused(&format!("caller.play([\"welcome\", {other}]);"), 10);
    refused(&format!("caller.gather(#{{ prompt: {other} }});"), 10);
    refused(&format!("caller.dial(\"user:bob\", #{{ ringback: {other} }});"), 10);
    refused(&format!("caller.dial(\"user:bob\", #{{ screen: #{{ prompt: {other} }} }});"), 10);
    refused(&format!("mail::send(\"a@example.org\", #{{ attach: {other} }});"), 9);
    refused(&format!("mailbox::save(\"bob\", {other});"), 12);
    refused("caller.play(\"2026-11-21/01KOTHER-0-1.wav\");", 10);
    let (_, step) = after_answer(&format!("caller.tag(\"seen\", {other});"));
    assert!(matches!(wanted(&step), Verb::Tag(..)), "it is only a text there: {step:?}");
}

#[test]
fn what_was_recorded_and_what_a_mailbox_lists_is_there() {
    let (mut told, record) = after_answer("let m = caller.record(#{ max: 1.min() });\n  caller.play(m.file);");
    let file = Some("2026-11-21/01KX-0-1.wav".into());
    let kept = Outcome::Recorded { status: Status::Kept, file, length: Duration::from_secs(3) };
    let play = told.answer(&record, kept);
    assert!(matches!(wanted(&play), Verb::Play(..)), "{play:?}");

    let (mut told, list) = after_answer("let all = mailbox::list(\"bob\");\n  caller.play(all[0].file);");
    let listed = r#"[{"id":"1","file":"2026-11-19/01KY-0-1.office.wav","heard":false}]"#;
    let play = told.answer(&list, Outcome::Brought(Box::new(Brought::Answer(Ok(listed.into())))));
    assert!(matches!(wanted(&play), Verb::Play(..)), "{play:?}");
}
