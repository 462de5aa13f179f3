//! Who is passed on to whom, by whom, and what becomes of the three.

use std::time::Duration;

use super::told::{CALLER, SECOND, Told};
use super::words::*;
use crate::call::event::{Meets, ReferWish};
use crate::call::verb::{Misuse, Transfer};
use crate::call::*;
use crate::program::{End, Step, VerbId};
use crate::room::{Asked, Leaving, Told as RoomTold};

const ALICE: LegId = LegId(1);
const CAROL: LegId = LegId(2);

/// A caller who talks with Alice, whom a dial has found.
fn talking() -> (Told, VerbId) {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.orders.clear();
    (told, id)
}

fn refer(told: &mut Told, leg: LegId, replaces: Option<(u64, LegId)>) {
    let wish = ReferWish { to: "carol".into(), replaces, replaces_elsewhere: None, meets: None };
    told.leg(leg, LegEvent::Refer(wish));
}

fn transferred(status: Status, sip: u16) -> Outcome {
    Outcome::Transferred { status, sip }
}

#[test]
fn a_callee_passes_the_caller_on_and_the_dial_goes_on_with_the_new_one() {
    let (mut told, id) = talking();
    refer(&mut told, ALICE, None);
    assert_eq!(told.said(ALICE), ["acceptrefer"]);
    told.locates();
    assert_eq!(told.said(CAROL), ["invite carol"]);
    told.leg(CAROL, LegEvent::Ringing);
    assert_eq!(told.said(ALICE), ["referprogress(180)"]);
    told.passes(7 * SECOND);
    told.leg(CAROL, LegEvent::Answered);
    assert_eq!(told.said(ALICE), ["referprogress(200)", "part", "hang up 16"]);
    assert_eq!(told.said(CALLER), ["part", "bridge 2", "introduce 2"]);
    told.ends(ALICE);
    assert!(told.runs(id));
    told.passes(3 * SECOND);
    told.hangs_up(CAROL);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(2), 200, 10 * SECOND));
    assert!(told.call.here(CALLER).is_some());
}

fn passed_on_by_an_operator() -> (Told, VerbId) {
    let (mut told, id) = talking();
    assert_eq!(told.call.may_pass_on(CALLER), Ok(()));
    told.hear(Event::PassOn(CALLER, "carol".into()));
    told.locates();
    assert_eq!(told.said(CAROL), ["invite carol"]);
    (told, id)
}

#[test]
fn an_operator_passes_the_caller_on_and_the_callee_stays_until_the_new_one_has_answered() {
    let (mut told, id) = passed_on_by_an_operator();
    told.leg(CAROL, LegEvent::Ringing);
    assert!(told.said(ALICE).is_empty(), "nobody asked by REFER, so nobody is told by NOTIFY");
    told.leg(CAROL, LegEvent::Answered);
    assert_eq!(told.said(ALICE), ["part", "hang up 16"]);
    assert_eq!(told.said(CALLER), ["part", "bridge 2", "introduce 2"]);
    assert!(told.runs(id));
    told.leg(ALICE, LegEvent::Ended(Ending::by(Who::Program, 16, None, "")));
    let ending = told.ending(ALICE);
    assert_eq!((ending.by, &*ending.reason), (Who::System, "transferred by an operator"), "she did nothing");
}

#[test]
fn what_an_operator_wants_and_nobody_answers_leaves_both_talking() {
    let (mut told, id) = passed_on_by_an_operator();
    assert_eq!(told.call.may_pass_on(CALLER), Err(NotPassed::UnderWay));
    assert_eq!(told.call.may_pass_on(ALICE), Err(NotPassed::UnderWay));
    told.refuses(CAROL, 486);
    assert!(told.said(ALICE).is_empty() && told.said(CALLER).is_empty());
    assert!(told.runs(id));
    assert_eq!(told.call.may_pass_on(CALLER), Ok(()));
}

#[test]
fn whoever_talks_with_nobody_is_not_passed_on() {
    let mut told = Told::answered();
    assert_eq!(told.call.may_pass_on(CALLER), Err(NotPassed::NotTalking));
    assert_eq!(told.call.may_pass_on(LegId(7)), Err(NotPassed::NoLeg));
    told.hear(Event::PassOn(CALLER, "carol".into()));
    assert!(told.orders.is_empty());
}

#[test]
fn a_transfer_that_reaches_nobody_leaves_both_as_they_were() {
    let (mut told, id) = talking();
    refer(&mut told, ALICE, None);
    told.locates();
    told.refuses(CAROL, 486);
    assert_eq!(told.said(ALICE), ["acceptrefer", "referprogress(486)"]);
    assert_eq!(told.said(CALLER), [""; 0]);
    assert!(told.runs(id));
    assert_eq!(told.call.legs[&CALLER].partner, Some(ALICE));
}

#[test]
fn a_caller_passes_the_callee_on_who_talks_on_when_the_story_has_ended() {
    let (mut told, id) = talking();
    refer(&mut told, CALLER, None);
    told.locates();
    told.leg(CAROL, LegEvent::Answered);
    told.ends(CALLER);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(1), 200, Duration::ZERO));
    told.finishes();
    assert_eq!(told.said(ALICE), ["part", "bridge 2", "introduce 2"]);
    assert_eq!(told.over, 0);
    told.hangs_up(CAROL);
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 16"));
    told.ends(ALICE);
    assert_eq!(told.over, 1);
}

#[test]
fn who_is_passed_on_hears_ringing_when_the_other_one_does_not_wait() {
    let (mut told, id) = talking();
    refer(&mut told, ALICE, None);
    told.locates();
    told.hangs_up(ALICE);
    assert_eq!(told.said(CALLER), ["part", "play tone::ringback"]);
    assert!(told.runs(id));
    told.leg(CAROL, LegEvent::Answered);
    assert_eq!(told.said(CALLER), ["stop", "bridge 2", "introduce 2"]);
    told.hangs_up(CALLER);
    assert_eq!(told.result(id), dialled(Status::Answered, Some(2), 200, Duration::ZERO));
    assert_eq!(told.said(CAROL).last().map(String::as_str), Some("hang up 16"));
}

#[test]
fn a_caller_whose_transfer_fails_when_the_other_one_has_gone_is_the_storys_again() {
    let (mut told, id) = talking();
    refer(&mut told, ALICE, None);
    told.locates();
    told.passes(SECOND);
    told.hangs_up(ALICE);
    told.refuses(CAROL, 603);
    assert_eq!(told.result(id), dialled(Status::Answered, None, 200, SECOND));
    told.wants(play(CALLER, &["sorry"]));
    assert_eq!(told.said(CALLER).last().map(String::as_str), Some("play sorry"));
}

#[test]
fn a_callee_whose_transfer_fails_when_the_caller_has_gone_is_hung_up() {
    let (mut told, _) = talking();
    refer(&mut told, CALLER, None);
    told.locates();
    told.hangs_up(CALLER);
    told.finishes();
    assert_eq!(told.said(ALICE), ["part", "play tone::ringback"]);
    told.refuses(CAROL, 603);
    assert_eq!(told.said(ALICE), ["stop", "hang up 16"]);
    told.ends(ALICE);
    assert_eq!(told.over, 1);
}

#[test]
fn who_was_to_be_passed_on_and_goes_ends_the_call_of_the_target() {
    let (mut told, _) = talking();
    refer(&mut told, ALICE, None);
    told.locates();
    told.hangs_up(CALLER);
    assert_eq!(told.said(CAROL), ["invite carol", "hang up 16"]);
    assert_eq!(told.said(ALICE), ["acceptrefer", "referprogress(487)", "part", "hang up 16"]);
}

#[test]
fn the_program_may_refuse_a_transfer_after_having_thought() {
    let (mut told, _) = talking();
    told.side = Some(Verb::RejectRefer(ALICE, 603));
    refer(&mut told, ALICE, None);
    assert_eq!(told.said(ALICE), ["rejectrefer(603)"]);
    assert!(told.sought().is_empty());

    told.side = Some(Verb::Tag("asked".into(), "carol".into()));
    refer(&mut told, ALICE, None);
    assert_eq!(told.said(ALICE), [""; 0], "it has not said that it waits");
    told.step(Step::Wants(VerbId(77), Verb::AcceptRefer(ALICE)));
    assert_eq!(told.said(ALICE), ["acceptrefer"]);
    assert_eq!(told.result(VerbId(77)), Outcome::Plain(Status::Ok));
}

#[test]
fn nobody_can_be_passed_on_by_one_who_talks_with_nobody() {
    let mut told = Told::answered();
    refer(&mut told, CALLER, None);
    told.step(Step::Waits);
    assert_eq!(told.said(CALLER), ["rejectrefer(603)"]);
    refer(&mut told, CALLER, None);
    assert_eq!(told.said(CALLER), ["rejectrefer(603)"]);
}

#[test]
fn an_accepted_transfer_that_nobody_asked_for_is_a_mistake() {
    let mut told = Told::answered();
    let id = told.wants(Verb::AcceptRefer(CALLER));
    assert_eq!(told.result(id), Outcome::Misuse(Misuse::NoRefer));
}

#[test]
fn a_party_with_two_legs_in_this_call_joins_those_it_talks_with() {
    let (mut told, id) = talking();
    let (hers, carol) = (LegId(2), LegId(3));
    for leg in [hers, carol] {
        told.asks(Verb::CallOut(Box::new(targets(&["phone"]))));
        told.locates();
        told.leg(leg, LegEvent::Answered);
        told.step(Step::Waits);
    }
    let bridge = told.asks(Verb::Bridge(hers, carol));
    refer(&mut told, ALICE, Some((7, hers)));
    assert_eq!(told.call.legs[&CALLER].partner, Some(carol));
    assert_eq!(told.result(bridge), Outcome::Plain(Status::Gone));
    assert_eq!(told.said(ALICE), ["acceptrefer", "referprogress(200)", "part", "hang up 16"]);
    assert_eq!(told.said(hers).last().map(String::as_str), Some("hang up 16"));
    told.step(Step::Waits);
    told.hangs_up(carol);
    assert!(matches!(told.result(id), Outcome::Dialled { status: Status::Answered, leg: Some(LegId(3)), .. }));
}

#[test]
fn a_leg_of_another_call_is_asked_for_and_joined_when_it_comes() {
    let (mut told, id) = talking();
    refer(&mut told, ALICE, Some((8, LegId(5))));
    assert!(told.orders.contains(&Effect::Take { call: 8, leg: LegId(5), as_leg: CAROL }));
    told.hear(Event::Taken(CAROL, true));
    assert_eq!(told.said(ALICE), ["acceptrefer", "referprogress(200)", "part", "hang up 16"]);
    assert_eq!(told.call.legs[&CALLER].partner, Some(CAROL));
    told.hangs_up(CAROL);
    assert!(matches!(told.result(id), Outcome::Dialled { status: Status::Answered, leg: Some(CAROL), .. }));
}

#[test]
fn a_leg_of_another_call_that_does_not_come_leaves_both_as_they_were() {
    let (mut told, id) = talking();
    refer(&mut told, ALICE, Some((8, LegId(5))));
    told.passes(limits::HANDOVER);
    assert_eq!(told.said(ALICE), ["acceptrefer", "referprogress(481)"]);
    assert!(told.runs(id));
    told.hear(Event::Taken(CAROL, true));
    assert_eq!(told.said(CAROL), ["hang up 16"]);
}

#[test]
fn a_call_gives_away_the_party_that_talks_with_the_leg_that_was_named() {
    let (mut told, id) = talking();
    told.hear(Event::Give { leg: CALLER, call: 9, as_leg: LegId(4) });
    assert!(told.orders.contains(&Effect::Give { leg: Some(ALICE), call: 9, as_leg: LegId(4) }));
    assert_eq!(told.ending(ALICE).reason, "transferred into call 9");
    let given = told.orders.iter().position(|effect| matches!(effect, Effect::Give { .. })).expect("given away");
    let later = |effect: &Effect| matches!(effect, Effect::Line(ALICE, _) | Effect::Sound(ALICE, _));
    assert!(!told.orders.iter().skip(given).any(later), "her orders are the other call's: {:?}", told.orders);
    assert_eq!(told.said(CALLER), ["part", "hang up 16"]);
    assert!(!told.runs(id));
}

#[test]
fn a_party_that_is_given_away_takes_no_music_along() {
    let (mut told, _) = talking();
    told.leg(CALLER, LegEvent::Held(true));
    assert_eq!(told.said(ALICE), ["play music"]);
    told.hear(Event::Give { leg: CALLER, call: 9, as_leg: LegId(4) });
    assert_eq!(told.said(ALICE), ["stop", "part"]);
}

#[test]
fn a_phone_takes_the_place_of_a_leg() {
    let (mut told, id) = talking();
    let new = told.call.next_leg();
    told.hear(Event::Replace { leg: new, of: ALICE });
    assert_eq!(told.said(new), ["answer", "introduce 0"]);
    assert_eq!(told.said(ALICE), ["part", "hang up 16"]);
    assert_eq!(told.said(CALLER), ["part", "bridge 2", "introduce 2"]);
    told.leg(new, LegEvent::Answered);
    assert!(told.runs(id));
    let stranger = told.call.next_leg();
    told.hear(Event::Replace { leg: stranger, of: LegId(40) });
    assert_eq!(told.said(stranger), ["refuse 481"]);
}

#[test]
fn the_program_passes_a_party_on_and_knows_when_it_stands() {
    let mut told = Told::answered();
    let transfer = Transfer { to: "carol".into(), attended: false, return_on_fail: false };
    let id = told.wants(Verb::Transfer(CALLER, transfer));
    assert_eq!(told.said(CALLER), ["play tone::ringback"]);
    told.locates();
    told.leg(LegId(1), LegEvent::Answered);
    assert_eq!(told.result(id), transferred(Status::Completed, 200));
    told.finishes();
    assert_eq!(told.said(CALLER), ["stop", "bridge 1", "introduce 1"]);
    assert_eq!(told.over, 0);
    told.hangs_up(CALLER);
    told.ends(LegId(1));
    assert_eq!(told.over, 1);
}

#[test]
fn a_transfer_of_the_program_that_fails_leaves_the_party_with_it() {
    let mut told = Told::answered();
    let transfer = Transfer { to: "carol".into(), attended: false, return_on_fail: true };
    let id = told.wants(Verb::Transfer(CALLER, transfer));
    told.locates();
    told.refuses(LegId(1), 486);
    assert_eq!(told.result(id), transferred(Status::Failed, 486));
    told.wants(play(CALLER, &["busy"]));
    assert_eq!(told.said(CALLER), ["play tone::ringback", "stop", "play busy"]);
}

#[test]
fn a_party_that_was_parted_for_a_transfer_comes_back_when_it_fails() {
    let (mut told, dial) = talking();
    let transfer = Transfer { to: "carol".into(), attended: false, return_on_fail: true };
    told.side = Some(Verb::Transfer(CALLER, transfer));
    told.leg(ALICE, LegEvent::Info("text/plain".into(), Vec::new()));
    assert_eq!(told.said(ALICE), ["part", "play music"]);
    assert_eq!(told.said(CALLER), ["part", "play tone::ringback"]);
    told.locates();
    told.refuses(CAROL, 486);
    assert_eq!(told.result(Told::SIDE), transferred(Status::Returned, 486));
    assert_eq!(told.call.legs[&CALLER].partner, Some(ALICE));
    assert!(told.runs(dial));
}

#[test]
fn a_program_with_a_fault_ends_a_transfer_with_everything() {
    let (mut told, _) = talking();
    refer(&mut told, ALICE, None);
    told.locates();
    told.hear(Event::End(Ending::by(Who::System, 41, None, "ended")));
    told.step(Step::Finished(End::Told));
    for leg in [0, 1, 2] {
        told.ends(LegId(leg));
    }
    assert_eq!(told.over, 1);
}

#[test]
fn a_party_that_was_held_is_taken_back_when_it_is_passed_on() {
    let mut told = Told::answered();
    told.wants(Verb::Hold(CALLER, None));
    let transfer = Transfer { to: "carol".into(), attended: false, return_on_fail: false };
    told.wants(Verb::Transfer(CALLER, transfer));
    told.locates();
    told.orders.clear();
    told.leg(LegId(1), LegEvent::Answered);
    let said = told.said(CALLER);
    assert!(said.contains(&"hold(false)".to_owned()) && said.contains(&"bridge 1".to_owned()), "{said:?}");
}

fn joins(told: &Told) -> Vec<LegId> {
    let join = |effect: &Effect| match effect {
        Effect::Room(leg, Asked::Join(join)) if join.room == "meeting" => Some(*leg),
        _ => None,
    };
    told.orders.iter().filter_map(join).collect()
}

#[test]
fn who_joins_two_that_talk_meets_both_in_a_room_and_each_may_go() {
    let (mut told, id) = talking();
    let new = told.call.next_leg();
    told.hear(Event::JoinIn { leg: new, of: CALLER, room: "meeting".into() });
    assert_eq!(joins(&told), [CALLER, ALICE, new]);
    assert_eq!(told.said(new), ["answer", "focus(\"meeting\")"]);
    assert!(told.runs(id), "the caller's dial goes on for as long as it is in the room");

    told.hear(Event::Room(ALICE, RoomTold::Out(Leaving::Ended)));
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 16"));
    told.hear(Event::Room(CALLER, RoomTold::Out(Leaving::Kicked)));
    assert_eq!(told.result(id), dialled(Status::Answered, None, 200, Duration::ZERO));
    assert!(told.call.here(CALLER).is_some(), "its program speaks to it again");
}

#[test]
fn who_joins_nobody_is_told_so() {
    let (mut told, _) = talking();
    let new = told.call.next_leg();
    told.hear(Event::JoinIn { leg: new, of: LegId(40), room: "meeting".into() });
    assert_eq!(told.said(new), ["refuse 481"]);
    assert!(joins(&told).is_empty());
}

#[test]
fn a_party_that_merges_its_calls_leaves_this_one_and_takes_the_other_one_along() {
    let (mut told, _) = talking();
    let meets = Some(Meets::Talk { call: 9, leg: LegId(3), room: "meeting".into() });
    let wish = ReferWish { to: "bob".into(), replaces: None, replaces_elsewhere: None, meets };
    told.leg(CALLER, LegEvent::Refer(wish));
    assert_eq!(joins(&told), [ALICE]);
    let other = Effect::Meet { call: 9, leg: LegId(3), room: "meeting".into(), comes: true };
    assert!(told.orders.contains(&other));
    let said = told.said(CALLER);
    assert_eq!(said[..2], ["acceptrefer", "referprogress(200)"]);
    assert_eq!(said.last().map(String::as_str), Some("hang up 16"));
    told.ends(CALLER);
    told.finishes();
    assert!(told.call.here(ALICE).is_some(), "who was brought into a room stays there");
    told.hangs_up(ALICE);
    told.ends(ALICE);
    assert_eq!(told.over, 1);
}

#[test]
fn whoever_talks_with_a_leg_is_called_into_a_room_and_the_leg_goes() {
    let (mut told, _) = talking();
    told.hear(Event::Meet { leg: ALICE, room: "meeting".into(), comes: false });
    assert_eq!(joins(&told), [CALLER]);
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 16"));
}

#[test]
fn a_party_that_gives_up_its_place_in_a_room_brings_in_whom_it_talks_with() {
    let (mut told, _) = talking();
    let meets = Some(Meets::Place { call: 9, leg: LegId(3), room: "meeting".into() });
    told.leg(
        CALLER,
        LegEvent::Refer(ReferWish {
            to: "3000".into(),
            replaces: Some((9, LegId(3))),
            replaces_elsewhere: None,
            meets,
        }),
    );
    assert_eq!(joins(&told), [ALICE]);
    let other = Effect::Meet { call: 9, leg: LegId(3), room: "meeting".into(), comes: false };
    assert!(told.orders.contains(&other));
    told.hear(Event::Meet { leg: ALICE, room: "meeting".into(), comes: false });
    assert_eq!(told.said(ALICE).last().map(String::as_str), Some("hang up 16"), "who is in a room itself only goes");
}
