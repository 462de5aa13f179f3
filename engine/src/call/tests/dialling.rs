//! Who is called, in which order, and what comes of it.

use std::time::Duration;

use super::told::{CALLER, SECOND, Told, of};
use super::words::*;
use crate::call::event::{NotFound, Refused};
use crate::call::verb::{Dial, Misuse, Ringback, Screen, Strategy};
use crate::call::*;
use crate::program::Step;

const ALICE: LegId = LegId(1);
const BOB: LegId = LegId(2);

#[test]
fn the_caller_is_answered_when_the_callee_answers_and_they_talk() {
    let mut told = Told::called();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Ringing);
    assert_eq!(told.said(CALLER), ["ring"]);
    told.leg(ALICE, LegEvent::Answered);
    assert_eq!(told.said(CALLER), ["answer", "bridge 1"]);
    told.leg(CALLER, LegEvent::Answered);
    told.passes(30 * SECOND);
    told.hangs_up(ALICE);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(1), 200, 30 * SECOND));
    assert_eq!(told.said(CALLER), ["part"]);
    assert!(told.call.here(CALLER).is_some());
}

#[test]
fn the_callee_is_hung_up_when_the_caller_hangs_up() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.passes(5 * SECOND);
    told.hangs_up(CALLER);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(1), 200, 5 * SECOND));
    assert_eq!(told.said(ALICE), ["invite alice", "part", "hang up 16"]);
    told.ends(ALICE);
    assert_eq!(told.ending(ALICE).by, Who::Other);
}

#[test]
fn who_answers_first_wins_and_the_others_are_told_that_it_was_taken_elsewhere() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice", "bob"]));
    told.locates();
    told.leg(ALICE, LegEvent::Ringing);
    told.leg(BOB, LegEvent::Ringing);
    told.leg(BOB, LegEvent::Answered);
    assert_eq!(told.said(ALICE), ["invite alice", "hang up 26 200"]);
    // Her answer was on its way already.
    told.leg(ALICE, LegEvent::Answered);
    assert_eq!(told.said(ALICE), ["hang up 26 200"]);
    told.ends(ALICE);
    told.hangs_up(BOB);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(2), 200, Duration::ZERO));
    assert!(!told.heard.iter().any(|heard| matches!(heard, Happening::Left(ALICE, _))));
}

#[test]
fn a_caller_who_gives_up_cancels_everybody() {
    let mut told = Told::called();
    let id = told.wants(dial(CALLER, &["alice", "bob"]));
    told.locates();
    told.hangs_up(CALLER);
    assert_eq!(told.result(id), dialled(Status::Cancelled, None, 487, Duration::ZERO));
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 16"));
    assert_eq!(told.said(BOB).last().map(String::as_str), Some("hang up 16"));
}

#[test]
fn nobody_is_rung_for_longer_than_asked() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Ringing);
    told.passes(20 * SECOND);
    assert_eq!(told.result(id), dialled(Status::NoAnswer, None, 480, Duration::ZERO));
    assert_eq!(told.said(ALICE), ["invite alice", "hang up 19"]);
    assert_eq!(told.said(CALLER), ["play tone::ringback", "stop"]);
}

#[test]
fn one_after_the_other_each_has_its_own_time() {
    let mut told = Told::answered();
    let rules = Dial { strategy: Strategy::OneByOne, ..targets(&["alice", "bob"]) };
    let id = told.wants(Verb::Dial(CALLER, Box::new(rules)));
    told.locates();
    assert!(told.sought().is_empty());
    told.passes(20 * SECOND);
    told.locates();
    told.passes(19 * SECOND);
    told.refuses(BOB, 486);
    assert_eq!(told.result(id), dialled(Status::Busy, None, 486, Duration::ZERO));
}

#[test]
fn in_steps_the_next_one_rings_while_the_first_still_does() {
    let mut told = Told::answered();
    let rules = Dial { strategy: Strategy::Steps(5 * SECOND), ..targets(&["alice", "bob"]) };
    let id = told.wants(Verb::Dial(CALLER, Box::new(rules)));
    told.locates();
    told.passes(5 * SECOND);
    told.locates();
    assert_eq!(told.said(BOB), ["invite bob"]);
    told.leg(ALICE, LegEvent::Answered);
    assert!(told.runs(id));
    assert_eq!(told.said(BOB), ["hang up 26 200"]);
}

#[test]
fn a_broken_way_is_followed_by_the_next_one_and_a_busy_callee_is_not() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["north>south>west"]));
    told.locates();
    told.refuses(ALICE, 503);
    assert_eq!(told.said(BOB), ["invite south"]);
    told.refuses(BOB, 486);
    assert_eq!(told.result(id), dialled(Status::Busy, None, 486, Duration::ZERO));
}

#[test]
fn who_declines_does_so_on_all_phones() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["desk|mobile"]));
    told.locates();
    told.refuses(ALICE, 603);
    assert_eq!(told.said(BOB), ["invite mobile", "hang up 19"]);
    assert_eq!(told.result(id), dialled(Status::Rejected, None, 603, Duration::ZERO));
}

#[test]
fn somebody_who_is_elsewhere_is_called_there_but_not_round_and_round() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    for number in 1..=6 {
        assert!(told.runs(id));
        told.locates();
        told.leg(
            LegId(number),
            LegEvent::Refused(Refused {
                sip: 302,
                reason: "moved".into(),
                elsewhere: vec!["mobile".into()],
                by_house: false,
            }),
        );
    }
    assert_eq!(told.result(id), dialled(Status::Unreachable, None, 482, Duration::ZERO));
}

#[test]
fn a_talk_is_ended_by_the_program_and_both_stay() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.orders.clear();
    told.passes(4 * SECOND);
    let parts = told.asks(Verb::Unbridge(CALLER));
    assert_eq!(told.result(id), dialled(Status::Answered, Some(1), 200, 4 * SECOND));
    told.step(Step::Waits);
    assert_eq!(told.result(parts), Outcome::Plain(Status::Ok));
    told.step(Step::Waits);
    assert_eq!((told.said(CALLER), told.said(ALICE)), (vec!["part".to_owned()], vec!["part".to_owned()]));
    let again = told.asks(Verb::Unbridge(CALLER));
    assert_eq!(told.result(again), Outcome::Misuse(Misuse::NotJoined));
}

#[test]
fn what_may_not_be_called_is_forbidden() {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["0900"]));
    let (verb, target, _) = told.sought().remove(0);
    told.hear(Event::Located(verb, target, Err(NotFound::Forbidden("no route".into()))));
    assert_eq!(told.result(id), dialled(Status::Forbidden, None, 403, Duration::ZERO));
}

#[test]
fn the_caller_hears_what_the_callees_side_sends_before_the_answer() {
    let mut told = Told::called();
    told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::EarlyMedia);
    assert_eq!(told.said(CALLER), ["progress", "bridge 1"]);
    told.leg(ALICE, LegEvent::Answered);
    assert_eq!(told.said(CALLER), ["answer"]);
}

#[test]
fn when_the_one_who_was_heard_is_lost_the_next_one_is() {
    let mut told = Told::called();
    told.wants(dial(CALLER, &["alice", "bob"]));
    told.locates();
    told.leg(ALICE, LegEvent::EarlyMedia);
    told.leg(BOB, LegEvent::EarlyMedia);
    told.said(CALLER);
    told.refuses(ALICE, 503);
    assert_eq!(told.said(CALLER), ["part", "bridge 2"]);
}

#[test]
fn music_of_ours_is_heard_in_place_of_ringing() {
    let mut told = Told::called();
    let rules = Dial { ringback: Ringback::Own("music".into()), ..targets(&["alice"]) };
    told.wants(Verb::Dial(CALLER, Box::new(rules)));
    told.locates();
    told.leg(ALICE, LegEvent::EarlyMedia);
    told.leg(ALICE, LegEvent::Answered);
    assert_eq!(told.said(CALLER), ["progress", "play music", "stop", "answer", "bridge 1"]);
}

fn screened() -> Dial {
    let screen = Screen { prompt: "press-1".into(), key: of('1'), timeout: 5 * SECOND };
    Dial { screen: Some(screen), ..targets(&["alice", "bob"]) }
}

#[test]
fn a_callee_is_joined_only_after_having_said_yes_and_the_others_ring_on() {
    let mut told = Told::called();
    let id = told.wants(Verb::Dial(CALLER, Box::new(screened())));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    assert_eq!(told.said(ALICE), ["invite alice", "play press-1"]);
    assert_eq!(told.said(BOB), ["invite bob"]);
    told.presses(ALICE, '5');
    assert_eq!(told.said(CALLER), [""; 0]);
    told.presses(ALICE, '1');
    assert_eq!(told.said(CALLER), ["answer", "bridge 1"]);
    assert_eq!(told.said(BOB), ["hang up 26 200"]);
    assert!(told.runs(id) && told.heard.is_empty());
}

#[test]
fn a_mailbox_that_answers_does_not_get_the_call() {
    let mut told = Told::called();
    let id = told.wants(Verb::Dial(CALLER, Box::new(screened())));
    told.locates();
    told.refuses(BOB, 486);
    told.leg(ALICE, LegEvent::Answered);
    told.prompt_ends(ALICE);
    told.passes(5 * SECOND);
    assert_eq!(told.result(id), dialled(Status::Screened, None, 603, Duration::ZERO));
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 19"));
}

#[test]
fn a_talk_with_a_limit_is_warned_and_ended() {
    let mut told = Told::answered();
    let rules = Dial { max_talk: Some(60 * SECOND), warn_at: Some(10 * SECOND), ..targets(&["alice"]) };
    let id = told.wants(Verb::Dial(CALLER, Box::new(rules)));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.orders.clear();
    told.passes(50 * SECOND);
    assert_eq!(told.said(CALLER), ["play tone::beep"]);
    assert_eq!(told.said(ALICE), ["play tone::beep"]);
    told.passes(10 * SECOND);
    assert_eq!(told.said(ALICE), ["hang up 16"]);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(1), 200, 60 * SECOND));
    assert!(told.call.here(CALLER).is_some());
}

#[test]
fn a_call_that_we_begin_has_a_program_when_somebody_answers() {
    let mut told = Told::by(Origin::Originated(Box::new(targets(&["alice"]))));
    assert_eq!(told.wakes, []);
    told.locates();
    told.leg(LegId(0), LegEvent::Ringing);
    told.leg(LegId(0), LegEvent::Answered);
    assert_eq!(told.wakes, [crate::program::Wake::Begin(LegId(0))]);
}

#[test]
fn a_call_that_we_begin_and_nobody_answers_is_over_without_a_program() {
    let mut told = Told::by(Origin::Originated(Box::new(targets(&["alice"]))));
    told.locates();
    told.refuses(LegId(0), 486);
    assert_eq!((told.wakes.len(), told.over), (0, 1));
    assert_eq!(told.ending(LegId(0)).cause, 17);
}

#[test]
fn what_a_call_may_have_is_the_houses_to_say_and_whoever_meets_it_reads_which_key_that_is() {
    let refused = |bounds: Bounds, addresses: &[&str]| {
        let mut told = Told::bounded(bounds);
        let answer = told.wants(Verb::Answer(CALLER));
        told.leg(CALLER, LegEvent::Answered);
        assert_eq!(told.result(answer), Outcome::Plain(Status::Ok));
        let id = told.wants(dial(CALLER, addresses));
        match told.results.get(&id) {
            Some(Outcome::Misuse(misuse)) => misuse.to_string(),
            other => format!("{other:?}"),
        }
    };
    let usual = Bounds::default();
    let one = refused(Bounds { legs: 1, ..usual }, &["user:bob"]);
    assert_eq!(one, "a call may not have more legs (call_legs in [limits])");
    let two = refused(Bounds { targets: 1, ..usual }, &["user:bob", "user:carol"]);
    assert_eq!(two, "a dial may not have more targets (call_targets in [limits])");
    assert_eq!(refused(usual, &["user:bob", "user:carol"]), "None");
}
