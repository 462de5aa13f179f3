//! How legs, stories and calls end, also when everything happens at once.

use std::time::Duration;

use super::told::{CALLER, SECOND, Told, of};
use super::words::*;
use crate::call::effect::Note;
use crate::call::event::{ReferWish, Serving};
use crate::call::verb::{Misuse, SendKeys};
use crate::call::*;
use crate::program::{End, Step, Wake};

const ALICE: LegId = LegId(1);

/// A caller who talks with Alice.
fn talking() -> (Told, crate::program::VerbId) {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.orders.clear();
    (told, id)
}

#[test]
fn a_verb_on_a_leg_that_has_gone_ends_at_once() {
    let mut told = Told::answered();
    let prompt = told.wants(play(CALLER, &["news"]));
    told.hangs_up(CALLER);
    assert_eq!(told.result(prompt), Outcome::Plain(Status::Gone));
    let late = told.wants(gather(CALLER, four_keys()));
    assert_eq!(told.result(late), gathered(Status::Gone, ""));
    let stranger = told.wants(Verb::Answer(LegId(9)));
    assert_eq!(told.result(stranger), Outcome::Misuse(Misuse::NoLeg));
    told.finishes();
    assert_eq!(told.over, 1);
}

#[test]
fn the_end_of_the_verbs_is_told_before_the_end_of_the_leg() {
    let mut told = Told::answered();
    let id = told.wants(Verb::Echo(CALLER));
    told.hangs_up(CALLER);
    assert_eq!(told.wakes.last(), Some(&Wake::Result(id, Outcome::Plain(Status::Gone))));
    told.step(Step::Waits);
    assert!(matches!(told.heard[..], [Happening::Left(CALLER, _)]));
}

#[test]
fn an_answer_that_crosses_a_hang_up_leaves_nothing() {
    let mut told = Told::called();
    let id = told.wants(Verb::Answer(CALLER));
    told.hangs_up(CALLER);
    told.leg(CALLER, LegEvent::Answered);
    assert_eq!(told.result(id), Outcome::Plain(Status::Gone));
    told.finishes();
    assert_eq!(told.over, 1);
}

#[test]
fn both_hang_up_at_once() {
    let (mut told, id) = talking();
    told.hangs_up(ALICE);
    told.hangs_up(CALLER);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(1), 200, Duration::ZERO));
    told.finishes();
    assert_eq!((told.ending(ALICE).by, told.ending(CALLER).by, told.over), (Who::Party, Who::Party, 1));
}

#[test]
fn what_a_story_created_ends_with_it() {
    let mut told = Told::answered();
    told.wants(Verb::CallOut(Box::new(targets(&["alice", "bob"]))));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.finishes();
    assert_eq!(told.said(CALLER), ["hang up 16"]);
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 16"));
    for leg in [2, 1, 0] {
        told.ends(LegId(leg));
    }
    let left: Vec<_> = told.heard.iter().filter(|heard| matches!(heard, Happening::Left(..))).collect();
    assert_eq!((left.len(), told.over), (2, 1));
}

#[test]
fn nobody_else_is_called_because_the_call_is_ended() {
    let mut told = Told::answered();
    let id = told.wants(Verb::CallOut(Box::new(targets(&["north>south"]))));
    told.locates();
    told.hear(Event::End(Ending::by(Who::System, 41, None, "the server stops")));
    assert!(!told.runs(id), "the program is told what came of it");
    told.ends(ALICE);
    told.ends(CALLER);
    assert!(!told.notes.iter().any(|note| matches!(note, Note::LegBegan(LegId(2), ..))));
    assert!(told.notes.iter().any(|note| matches!(note, Note::Result(verb, _) if *verb == id)));
}

#[test]
fn a_fault_of_the_program_ends_the_call_and_says_why() {
    let mut told = Told::answered();
    told.step(Step::Finished(End::Fault("no such verb, ivr.rhai:3".into())));
    assert_eq!(told.said(CALLER), ["hang up 41 500"]);
    told.ends(CALLER);
    let ending = told.ending(CALLER);
    assert_eq!((ending.cause, ending.reason.as_str()), (41, "no such verb, ivr.rhai:3"));
    assert_eq!(told.over, 1);
}

#[test]
fn an_operator_ends_a_call_and_the_program_hears_a_hang_up() {
    let (mut told, dial) = talking();
    told.hear(Event::End(Ending::by(Who::System, 31, None, "ended by an operator")));
    assert!(matches!(told.wakes.last(), Some(Wake::Result(verb, _)) if *verb == dial), "{:?}", told.wakes.last());
    told.finishes();
    told.ends(CALLER);
    told.ends(ALICE);
    let left = told.heard.iter().filter(|heard| matches!(heard, Happening::Left(..))).count();
    assert_eq!(left, 2, "each of them has gone, and the program hears that");
    assert_eq!(told.ending(ALICE).reason, "ended by an operator");
    assert_eq!(told.over, 1);
}

#[test]
fn a_story_without_legs_does_not_go_on_for_ever() {
    let mut told = Told::answered();
    told.hangs_up(CALLER);
    told.step(Step::Wants(crate::program::VerbId(50), Verb::Sleep(3600 * SECOND)));
    told.passes(limits::LEGLESS - SECOND);
    assert_eq!(told.over, 0);
    told.passes(SECOND);
    assert_eq!(told.wakes.last(), Some(&Wake::Gone));
    told.finishes();
    assert_eq!(told.over, 1);
}

#[test]
fn a_line_that_never_tells_its_end_is_not_waited_for() {
    let mut told = Told::answered();
    told.finishes();
    told.passes(limits::LAST_WORD);
    assert_eq!(told.ending(CALLER).by, Who::Program);
    assert_eq!(told.over, 1);
}

#[test]
fn a_party_of_whom_nothing_is_heard_has_gone_unless_it_is_held() {
    let (mut told, _) = talking();
    told.leg(ALICE, LegEvent::Held(true));
    assert_eq!(told.said(CALLER), ["play music"]);
    told.leg(ALICE, LegEvent::MediaLost(60 * SECOND));
    assert!(told.call.here(ALICE).is_some());
    told.leg(ALICE, LegEvent::Held(false));
    assert_eq!(told.said(CALLER), ["stop"]);
    told.leg(ALICE, LegEvent::MediaLost(60 * SECOND));
    told.ends(ALICE);
    assert_eq!(told.ending(ALICE).by, Who::System);
}

#[test]
fn two_parties_that_were_called_are_bridged_until_one_of_them_goes() {
    let mut told = Told::answered();
    told.wants(Verb::CallOut(Box::new(targets(&["alice"]))));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.orders.clear();
    let bridge = told.wants(Verb::Bridge(CALLER, ALICE));
    assert_eq!(told.said(CALLER), ["bridge 1"]);
    told.hangs_up(ALICE);
    assert_eq!(told.result(bridge), Outcome::Plain(Status::Done));
    assert_eq!(told.said(CALLER), ["part"]);
}

#[test]
fn keys_are_sent_one_after_the_other_with_rests_between() {
    let mut told = Told::answered();
    let keys = SendKeys { keys: vec![of('1'), of('#')], by_info: false, held: SECOND / 10, gap: SECOND / 10 };
    let id = told.wants(Verb::SendKeys(CALLER, keys));
    assert_eq!(told.said(CALLER).len(), 1);
    told.leg(CALLER, LegEvent::KeysSent);
    assert_eq!(told.said(CALLER).len(), 0);
    told.passes(SECOND / 10);
    assert_eq!(told.said(CALLER).len(), 1);
    told.leg(CALLER, LegEvent::KeysSent);
    assert_eq!(told.result(id), Outcome::Plain(Status::Ok));
}

#[test]
fn a_story_goes_on_as_another_service_with_the_same_caller() {
    let mut told = Told::answered();
    told.step(Step::Finished(End::ContinueAs("voicemail".into())));
    assert!(told.orders.contains(&Effect::Serve(Serving::named("voicemail"), CALLER)));
    assert_eq!(told.wakes.last(), Some(&Wake::Begin(CALLER)));
    told.wants(play(CALLER, &["leave-message"]));
    assert_eq!(told.said(CALLER), ["play leave-message"]);
}

#[test]
fn services_that_hand_a_call_to_each_other_for_ever_are_told_apart() {
    let mut told = Told::answered();
    for _ in 0..crate::call::limits::SERVICES {
        told.step(Step::Finished(End::ContinueAs("again".into())));
        told.wakes.clear();
        told.passes(SECOND);
    }
    told.orders.clear();
    told.step(Step::Finished(End::ContinueAs("again".into())));
    assert!(!told.orders.contains(&Effect::Serve(Serving::named("again"), CALLER)));
    let sorry = told.orders.pop_front();
    assert!(matches!(&sorry, Some(Effect::Apologise(why)) if why.contains("32 times")), "{sorry:?}");
    assert_eq!(told.wakes.last(), Some(&Wake::Begin(CALLER)), "and the house says sorry");
    told.step(Step::Finished(End::Fault("it went round".into())));
    assert_eq!(told.said(CALLER), ["hang up 41 500"]);
}

#[test]
fn parties_that_talk_go_on_when_the_story_has_let_one_of_them_go() {
    let mut told = Told::answered();
    told.wants(Verb::CallOut(Box::new(targets(&["alice"]))));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.wants(Verb::Sleep(SECOND));
    told.asks(Verb::Bridge(CALLER, ALICE));
    told.asks(Verb::Detach(ALICE));
    told.step(Step::Waits);
    told.passes(SECOND);
    told.orders.clear();
    told.finishes();
    assert!(told.orders.is_empty(), "{:?}", told.orders);
    told.hangs_up(ALICE);
    assert_eq!(told.said(CALLER), ["part", "hang up 16"]);
    told.step(Step::Waits);
    told.ends(CALLER);
    assert_eq!(told.over, 1);
}

#[test]
fn a_watchdog_reads_who_holds_what_and_no_secrets() {
    let (mut told, _) = talking();
    told.presses(CALLER, '4');
    let owns = told.call.owns();
    assert_eq!(owns[0], "leg 0 is answered, joined with leg 1, held by verb 2");
    assert_eq!(owns[2], "verb 2 is dial on leg 0");
    assert_eq!(owns[3], "the story is told; the program waits, and is to be told 0 things");
}

/// The words that the party of a leg reads when it is hung up.
fn read(told: &Told, leg: LegId) -> Option<&str> {
    told.orders.iter().find_map(|effect| match effect {
        Effect::Line(at, LineOrder::HangUp { words, .. }) if *at == leg => words.as_deref(),
        _ => None,
    })
}

#[test]
fn whoever_talked_with_somebody_who_is_not_heard_any_more_reads_that() {
    for (lost, stays) in [(ALICE, CALLER), (CALLER, ALICE)] {
        let (mut told, _) = talking();
        let why = Ending::by(Who::System, cause::FAILURE, Some(408), "the browser was not heard for 30 s");
        told.leg(lost, LegEvent::Unusable(why));
        told.finishes();
        assert_eq!(read(&told, stays), Some(cause::UNHEARD));
    }
    let (mut told, _) = talking();
    told.hangs_up(ALICE);
    told.finishes();
    assert_eq!(read(&told, CALLER), None, "she has hung up");
}

#[test]
fn whoever_has_transferred_the_other_one_reads_that() {
    let (mut told, _) = talking();
    let wish = ReferWish { to: "carol".into(), replaces: None, replaces_elsewhere: None, meets: None };
    told.leg(ALICE, LegEvent::Refer(wish));
    told.locates();
    told.leg(LegId(2), LegEvent::Answered);
    assert_eq!(read(&told, ALICE), Some(cause::TRANSFERRED));
}
