//! What a program tells a party and hears from it.

use std::time::Duration;

use patchcord_media::dtmf::{Press, Via};
use patchcord_media::shard::Played;

use super::told::{CALLER, SECOND, Told, of};
use super::words::*;
use crate::call::effect::SoundTag;
use crate::call::verb::{Gather, Misuse, Play, Record};
use crate::call::*;
use crate::program::{Step, VerbId, Wake};

#[test]
fn a_caller_is_answered_hears_a_prompt_and_is_hung_up() {
    let mut told = Told::called();
    told.wants(Verb::Answer(CALLER));
    assert_eq!(told.said(CALLER), ["answer"]);
    told.leg(CALLER, LegEvent::Answered);
    let prompt = told.wants(play(CALLER, &["welcome", "goodbye"]));
    assert_eq!(told.said(CALLER), ["play welcome"]);
    told.leg(CALLER, LegEvent::Played(SoundTag(1), Played::Ended));
    assert!(told.runs(prompt));
    told.prompt_ends(CALLER);
    assert_eq!(told.result(prompt), Outcome::Plain(Status::Done));
    told.wants(Verb::HangUp(CALLER, 16));
    assert_eq!(told.said(CALLER).last().map(String::as_str), Some("hang up 16"));
    told.finishes();
    assert_eq!(told.over, 0);
    told.ends(CALLER);
    assert_eq!(told.ending(CALLER).by, Who::Program);
    assert!(matches!(told.heard.last(), Some(Happening::Left(CALLER, _))));
    assert!(told.call.is_over() && told.over == 1 && told.call.owns().is_empty());
}

#[test]
fn a_stop_key_ends_the_prompt_when_it_goes_down_and_is_told_to_nobody() {
    let mut told = Told::answered();
    let id = told.wants(Verb::Play(CALLER, Play { stop_keys: vec![of('1')], ..prompts(&["news"]) }));
    told.presses(CALLER, '1');
    assert_eq!(told.result(id), Outcome::Plain(Status::Stopped));
    assert_eq!(told.said(CALLER), ["play news", "stop"]);
    assert_eq!(told.heard, []);
}

#[test]
fn a_key_that_stops_nothing_is_told_and_waits_for_the_next_gather() {
    let mut told = Told::answered();
    let id = told.wants(play(CALLER, &["news"]));
    told.presses(CALLER, '7');
    assert!(told.runs(id));
    assert!(matches!(told.heard[..], [Happening::Key(CALLER, press)] if press.key == of('7')));
    told.prompt_ends(CALLER);
    let answer = told.wants(gather(CALLER, Gather { max: 1, ..four_keys() }));
    assert_eq!(told.result(answer), gathered(Status::Digits, "7"));
}

#[test]
fn a_key_silences_the_menu_and_a_pause_ends_the_answer() {
    let mut told = Told::answered();
    let id = told.wants(gather(CALLER, four_keys()));
    told.presses(CALLER, '4');
    assert_eq!(told.said(CALLER), ["play menu", "stop"]);
    told.passes(SECOND);
    told.presses(CALLER, '2');
    told.passes(2 * SECOND - Duration::from_millis(1));
    assert!(told.runs(id));
    told.passes(Duration::from_millis(1));
    assert_eq!(told.result(id), gathered(Status::Digits, "42"));
}

#[test]
fn keys_pressed_into_a_menu_that_none_silences_count_when_it_is_over() {
    let mut told = Told::answered();
    let id = told.wants(gather(CALLER, Gather { barge_in: false, ..four_keys() }));
    for key in "12#".chars() {
        told.presses(CALLER, key);
    }
    assert!(told.runs(id));
    told.prompt_ends(CALLER);
    assert_eq!(told.result(id), gathered(Status::Digits, "12"));
}

#[test]
fn who_says_nothing_is_asked_again_and_then_given_up() {
    let mut told = Told::answered();
    let rules = Gather { tries: 2, invalid: Some(prompts(&["sorry"])), ..four_keys() };
    let id = told.wants(gather(CALLER, rules));
    told.prompt_ends(CALLER);
    told.passes(5 * SECOND);
    told.prompt_ends(CALLER);
    told.prompt_ends(CALLER);
    assert_eq!(told.said(CALLER), ["play menu", "play sorry", "play menu"]);
    told.passes(5 * SECOND);
    assert_eq!(told.result(id), gathered(Status::Timeout, ""));
}

#[test]
fn an_answer_that_is_not_accepted_is_invalid() {
    let mut told = Told::answered();
    let rules = Gather { accept: vec!["1".into(), "2".into()], ..four_keys() };
    let id = told.wants(gather(CALLER, rules));
    told.presses(CALLER, '3');
    told.presses(CALLER, '#');
    assert_eq!(told.result(id), gathered(Status::Invalid, "3"));
}

#[test]
fn the_key_that_ends_a_full_answer_is_no_part_of_the_next_one() {
    let mut told = Told::answered();
    let pin = || Gather { max: 2, ..four_keys() };
    let first = told.wants(gather(CALLER, pin()));
    told.presses(CALLER, '4');
    told.presses(CALLER, '2');
    assert_eq!(told.result(first), gathered(Status::Digits, "42"));
    told.passes(SECOND);
    let second = told.wants(gather(CALLER, Gather { max: 1, ..four_keys() }));
    told.presses(CALLER, '#');
    assert!(told.runs(second), "it ended the first one");
    assert_eq!(told.said(CALLER), ["play menu", "stop", "play menu"], "and silences nothing");
    // A second one is meant.
    told.presses(CALLER, '#');
    assert_eq!(told.result(second), gathered(Status::Invalid, ""));
}

#[test]
fn an_end_key_counts_when_another_key_or_a_pause_came_between() {
    let full = || {
        let mut told = Told::answered();
        let first = told.wants(gather(CALLER, Gather { max: 1, ..four_keys() }));
        told.presses(CALLER, '4');
        assert_eq!(told.result(first), gathered(Status::Digits, "4"));
        let next = told.wants(gather(CALLER, four_keys()));
        (told, next)
    };
    let (mut told, next) = full();
    told.presses(CALLER, '7');
    told.presses(CALLER, '#');
    assert_eq!(told.result(next), gathered(Status::Digits, "7"));
    let (mut told, next) = full();
    told.passes(2 * SECOND + Duration::from_millis(1));
    told.presses(CALLER, '#');
    assert_eq!(told.result(next), gathered(Status::Invalid, ""));
}

#[test]
fn an_end_key_that_was_typed_ahead_goes_with_its_answer() {
    let mut told = Told::answered();
    told.wants(Verb::Sleep(SECOND));
    for key in "42#1".chars() {
        told.presses(CALLER, key);
    }
    told.passes(SECOND);
    let first = told.wants(gather(CALLER, Gather { max: 2, ..four_keys() }));
    assert_eq!(told.result(first), gathered(Status::Digits, "42"));
    let second = told.wants(gather(CALLER, Gather { max: 1, ..four_keys() }));
    assert_eq!(told.result(second), gathered(Status::Digits, "1"));
}

#[test]
fn the_end_key_of_a_full_answer_that_was_wrong_does_not_answer_the_next_try() {
    let mut told = Told::answered();
    let rules = Gather { max: 2, accept: vec!["42".into()], tries: 2, ..four_keys() };
    let id = told.wants(gather(CALLER, rules));
    for key in "13#".chars() {
        told.presses(CALLER, key);
    }
    assert!(told.runs(id));
    for key in "42".chars() {
        told.presses(CALLER, key);
    }
    assert_eq!(told.result(id), gathered(Status::Digits, "42"));
}

#[test]
fn thirty_two_keys_wait_for_a_gather_and_no_more() {
    let mut told = Told::answered();
    told.wants(Verb::Sleep(SECOND));
    for _ in 0..40 {
        told.presses(CALLER, '5');
    }
    assert_eq!(told.heard.len(), 40);
    told.passes(SECOND);
    let rules = Gather { max: 60, ..four_keys() };
    let id = told.wants(gather(CALLER, rules));
    told.passes(2 * SECOND);
    assert_eq!(told.result(id), gathered(Status::Digits, &"5".repeat(32)));
}

#[test]
fn two_verbs_that_want_the_whole_leg_are_never_under_way_at_once() {
    let mut told = Told::answered();
    let first = told.wants(play(CALLER, &["news"]));
    told.side = Some(play(CALLER, &["other"]));
    told.leg(CALLER, LegEvent::Info("text/plain".into(), b"x".to_vec()));
    assert_eq!(told.result(Told::SIDE), Outcome::Misuse(Misuse::VerbBusy));
    assert!(told.runs(first));
}

#[test]
fn a_message_is_kept_when_the_caller_hangs_up_at_its_end() {
    let mut told = Told::answered();
    let id = told.wants(Verb::Record(CALLER, message()));
    told.prompt_ends(CALLER);
    let tag = told.tag(CALLER);
    assert_eq!(told.said(CALLER), ["play tone::beep", "record"]);
    told.hangs_up(CALLER);
    assert!(told.runs(id));
    told.leg(CALLER, LegEvent::Recorded(tag, Ok(("message.wav".into(), 9 * SECOND))));
    let kept = Outcome::Recorded { status: Status::Kept, file: Some("message.wav".into()), length: 9 * SECOND };
    assert_eq!(told.result(id), kept);
}

#[test]
fn silence_alone_is_no_message() {
    let mut told = Told::answered();
    let id = told.wants(Verb::Record(CALLER, Record { beep: false, ..message() }));
    let tag = told.tag(CALLER);
    told.leg(CALLER, LegEvent::Quiet(tag));
    told.leg(CALLER, LegEvent::Recorded(tag, Ok(("message.wav".into(), 4 * SECOND))));
    assert!(matches!(told.result(id), Outcome::Recorded { status: Status::Silence, file: None, .. }));
}

#[test]
fn a_prompt_for_one_who_was_not_answered_is_a_mistake_that_says_what_to_do() {
    let mut told = Told::called();
    let id = told.wants(play(CALLER, &["news"]));
    assert_eq!(told.result(id), Outcome::Misuse(Misuse::NotAnswered));
    let id = told.wants(Verb::Progress(CALLER));
    assert_eq!(told.result(id), Outcome::Plain(Status::Ok));
    told.wants(play(CALLER, &["news"]));
    assert_eq!(told.said(CALLER), ["progress", "play news"]);
}

#[test]
fn a_program_that_asks_for_a_breath_goes_on_in_a_later_turn() {
    let mut told = Told::answered();
    told.step(Step::Breathe);
    told.leg(CALLER, LegEvent::Key(press('1')));
    assert_eq!(told.wakes.last(), Some(&Wake::Result(VerbId(1), Outcome::Plain(Status::Ok))));
    assert_eq!(told.call.deadline(), Some(told.now));
    told.passes(Duration::ZERO);
    assert_eq!(told.wakes.last(), Some(&Wake::Breathed { alone: false }));
    assert_eq!(told.heard, []);
    told.step(Step::Waits);
    assert_eq!(told.heard, [Happening::Key(CALLER, press('1'))]);
}

#[test]
fn a_program_that_computes_is_told_when_everybody_has_gone() {
    let mut told = Told::answered();
    told.step(Step::Breathe);
    told.leg(CALLER, LegEvent::Ended(Ending::by(Who::Party, 16, None, "normal clearing")));
    told.passes(Duration::ZERO);
    assert_eq!(told.wakes.last(), Some(&Wake::Breathed { alone: true }));
    assert_eq!(told.heard, [], "it hears who has gone when it listens");
}

fn press(key: char) -> Press {
    Press { key: of(key), duration: SECOND, via: Via::Info }
}

#[test]
fn a_program_that_never_waits_lets_others_have_their_turn() {
    let mut told = Told::answered();
    told.passes(SECOND);
    for step in 1..=u64::from(limits::STEPS) {
        told.step(Step::Wants(VerbId(100 + step), Verb::Tag("n".into(), "1".into())));
    }
    assert_eq!(told.call.deadline(), Some(told.now));
    let before = told.wakes.len();
    told.passes(Duration::ZERO);
    assert_eq!(told.wakes.len(), before + 1);
}

#[test]
fn a_program_that_says_more_than_anybody_could_hear_is_ended() {
    let mut told = Told::answered();
    let mut warned = 0;
    for word in 1..=u64::from(limits::WORDS + limits::WARNINGS * (limits::WORDS + 1)) {
        let id = VerbId(100 + word);
        told.step(Step::Wants(id, Verb::Tag("n".into(), "1".into())));
        told.passes(Duration::ZERO);
        let last = told.wakes.last();
        warned += u32::from(matches!(last, Some(Wake::Result(_, Outcome::Misuse(Misuse::TooFast)))));
    }
    assert_eq!(warned, limits::WARNINGS, "it may say sorry");
    assert_eq!(told.said(CALLER), ["hang up 41 500"]);
}

#[test]
fn music_in_the_background_gives_way_to_a_prompt_and_comes_back() {
    let mut told = Told::answered();
    let music = told.wants(Verb::StartPlay(CALLER, Play { loops: 0, ..prompts(&["music"]) }));
    let Outcome::Handle(handle) = told.result(music) else { panic!("no handle") };
    told.wants(play(CALLER, &["news"]));
    told.prompt_ends(CALLER);
    assert_eq!(told.said(CALLER), ["play music", "play news", "play music"]);
    told.wants(Verb::Stop(handle));
    assert_eq!(told.said(CALLER), ["stop"]);
}

#[test]
fn two_calls_that_differ_only_in_when_they_began_are_in_the_same_state() {
    let gathers = |wait: Duration| {
        let mut told = Told::answered();
        told.passes(wait);
        told.wants(gather(CALLER, Gather { prompt: None, ..four_keys() }));
        told
    };
    let (now, later) = (gathers(Duration::ZERO), gathers(SECOND));
    let origin = later.now + 3600 * SECOND;
    assert_ne!(now.call, later.call);
    assert_eq!(now.call.moved(now.now, origin), later.call.moved(later.now, origin));
    let waited = later.now + SECOND;
    assert_ne!(now.call.moved(now.now, origin), later.call.moved(waited, origin));
}

#[test]
fn a_call_is_not_over_before_its_recording_is_closed_and_told() {
    let mut told = Told::answered();
    let started = told.wants(Verb::StartRecord(CALLER, Record { beep: false, ..message() }));
    let Outcome::Handle(handle) = told.result(started) else { panic!("no handle") };
    let tag = told.tag(CALLER);
    told.hangs_up(CALLER);
    told.finishes();
    assert_eq!(told.over, 0);
    told.leg(CALLER, LegEvent::Recorded(tag, Ok(("talk.wav".into(), 9 * SECOND))));
    let kept = Outcome::Recorded { status: Status::Kept, file: Some("talk.wav".into()), length: 9 * SECOND };
    assert!(told.heard.contains(&Happening::Recorded(handle, kept)));
    assert_eq!(told.over, 1);
}

#[test]
fn who_stops_a_recording_hears_of_it_when_its_file_is_closed() {
    let mut told = Told::answered();
    let started = told.wants(Verb::StartRecord(CALLER, Record { beep: false, ..message() }));
    let Outcome::Handle(handle) = told.result(started) else { panic!("no handle") };
    let tag = told.tag(CALLER);
    let stop = told.wants(Verb::Stop(handle));
    assert!(!told.results.contains_key(&stop), "the file is being closed");
    told.leg(CALLER, LegEvent::Recorded(tag, Ok(("talk.wav".into(), 9 * SECOND))));
    let kept = Outcome::Recorded { status: Status::Kept, file: Some("talk.wav".into()), length: 9 * SECOND };
    assert_eq!(told.result(stop), kept);
    let again = told.wants(Verb::Stop(handle));
    assert_eq!(told.result(again), Outcome::Plain(Status::Ok), "it has ended already");
}

#[test]
fn a_file_that_is_never_closed_is_waited_for_no_longer_than_it_may_take() {
    let mut told = Told::answered();
    let started = told.wants(Verb::StartRecord(CALLER, Record { beep: false, ..message() }));
    let Outcome::Handle(handle) = told.result(started) else { panic!("no handle") };
    let stop = told.wants(Verb::Stop(handle));
    told.hangs_up(CALLER);
    told.passes(limits::CLOSING);
    let failed = Outcome::Recorded { status: Status::Failed, file: None, length: Duration::ZERO };
    assert_eq!(told.result(stop), failed);
    told.finishes();
    assert_eq!(told.over, 1);
}

#[test]
fn a_key_before_anything_is_asked_is_noted_as_such_and_told_by_whoever_takes_it_for_no_secret() {
    let keys = |told: &mut Told| -> Vec<String> {
        let notes = std::mem::take(&mut told.notes);
        let keys = notes.into_iter().filter_map(|note| match note {
            Note::EarlyKey(_, press) => Some(format!("early {}", press.key)),
            Note::KeyTaken(_, key) => Some(format!("taken {key}")),
            Note::SecretKey(..) => Some("secret".into()),
            Note::Heard(event) if matches!(*event, Event::Leg(_, LegEvent::Key(_))) => Some("heard".into()),
            _ => None,
        });
        keys.collect()
    };
    let mut told = Told::answered();
    told.presses(CALLER, '4');
    told.presses(CALLER, '2');
    assert_eq!(keys(&mut told), ["early 4", "early 2"]);
    let pin = told.wants(gather(CALLER, Gather { secret: true, max: 2, ..four_keys() }));
    assert_eq!(told.result(pin), gathered(Status::Digits, "42"));
    assert_eq!(keys(&mut told), [""; 0], "nobody tells which ones they were");

    let mut told = Told::answered();
    told.presses(CALLER, '1');
    let menu = told.wants(gather(CALLER, Gather { max: 2, ..four_keys() }));
    told.presses(CALLER, '7');
    assert_eq!(told.result(menu), gathered(Status::Digits, "17"));
    assert_eq!(keys(&mut told), ["early 1", "taken 1", "heard"]);
}

#[test]
fn keys_of_a_secret_are_noted_as_such_until_something_else_is_asked() {
    let mut told = Told::answered();
    let pin = told.wants(gather(CALLER, Gather { secret: true, max: 2, ..four_keys() }));
    let noted = |told: &mut Told| -> Vec<bool> {
        let notes = std::mem::take(&mut told.notes);
        let keys = notes.into_iter().filter_map(|note| match note {
            Note::SecretKey(..) => Some(true),
            Note::Heard(event) if matches!(*event, Event::Leg(_, LegEvent::Key(_))) => Some(false),
            _ => None,
        });
        keys.collect()
    };
    told.presses(CALLER, '4');
    told.presses(CALLER, '2');
    assert_eq!(told.result(pin), gathered(Status::Digits, "42"));
    // One more than were asked for is as much of a secret.
    told.presses(CALLER, '7');
    assert_eq!(noted(&mut told), [true, true, true]);
    told.wants(gather(CALLER, Gather { clear_first: true, ..four_keys() }));
    told.presses(CALLER, '1');
    assert_eq!(noted(&mut told), [false]);
}
