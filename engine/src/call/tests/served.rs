//! Somebody is passed on to a number that leads to a service, and talks with that.

use super::told::{CALLER, SECOND, Told};
use super::words::*;
use crate::call::event::{NotFound, ReferWish, Serving};
use crate::call::verb::Transfer;
use crate::call::*;
use crate::program::{Step, VerbId};

const ALICE: LegId = LegId(1);

fn music() -> Serving {
    Serving { service: "music".into(), called: Some("9664".into()) }
}

/// A caller who talks with Alice, whom a dial has found.
fn talking() -> (Told, VerbId) {
    let mut told = Told::answered();
    let id = told.wants(dial(CALLER, &["alice"]));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    told.orders.clear();
    (told, id)
}

fn refer(told: &mut Told, leg: LegId) {
    told.leg(
        leg,
        LegEvent::Refer(ReferWish { to: "9664".into(), replaces: None, replaces_elsewhere: None, meets: None }),
    );
}

/// What is sought is a service.
fn leads_to_music(told: &mut Told) {
    let (verb, target, address) = told.sought().remove(0);
    assert_eq!(address, "9664");
    told.hear(Event::Located(verb, target, Err(NotFound::Service(music()))));
}

fn is_served(told: &Told, leg: LegId) {
    assert!(told.orders.contains(&Effect::Serve(music(), leg)), "{:?}", told.orders);
    assert_eq!(told.wakes.last(), Some(&Wake::Begin(leg)));
    assert_eq!(told.call.first(), leg);
}

#[test]
fn a_callee_passes_the_caller_on_to_a_service_and_goes() {
    let (mut told, _) = talking();
    refer(&mut told, ALICE);
    leads_to_music(&mut told);
    assert_eq!(told.said(ALICE), ["acceptrefer", "referprogress(200)", "part", "hang up 16"]);
    is_served(&told, CALLER);
    told.wants(play(CALLER, &["music"]));
    assert_eq!(told.said(CALLER), ["part", "play music"]);
}

#[test]
fn a_caller_passes_the_callee_on_to_a_service_which_is_hers_from_then_on() {
    let (mut told, _) = talking();
    refer(&mut told, CALLER);
    leads_to_music(&mut told);
    assert_eq!(told.said(CALLER), ["acceptrefer", "referprogress(200)", "part", "hang up 16"]);
    is_served(&told, ALICE);
    told.ends(CALLER);
    told.wants(play(ALICE, &["music"]));
    assert_eq!(told.said(ALICE), ["part", "play music"]);
    told.hangs_up(ALICE);
    told.finishes();
    assert_eq!(told.over, 1);
}

#[test]
fn whoever_talks_on_behind_the_story_can_be_passed_on_to_a_service() {
    let (mut told, _) = talking();
    told.leg(
        CALLER,
        LegEvent::Refer(ReferWish { to: "carol".into(), replaces: None, replaces_elsewhere: None, meets: None }),
    );
    told.locates();
    told.leg(LegId(2), LegEvent::Answered);
    told.ends(CALLER);
    told.finishes();
    told.orders.clear();
    refer(&mut told, LegId(2));
    leads_to_music(&mut told);
    is_served(&told, ALICE);
    told.wants(play(ALICE, &["music"]));
    assert_eq!(told.said(ALICE), ["part", "play music"]);
}

#[test]
fn a_program_passes_its_caller_on_to_a_service() {
    let mut told = Told::answered();
    told.wants(Verb::Transfer(CALLER, Transfer { to: "9664".into(), attended: false, return_on_fail: true }));
    leads_to_music(&mut told);
    is_served(&told, CALLER);
    assert_eq!(told.said(CALLER), ["play tone::ringback", "stop"]);
}

#[test]
fn a_program_that_computes_is_asked_first_and_then_the_service_takes_the_caller() {
    let (mut told, _) = talking();
    told.side = Some(Verb::Tag("asked".into(), "yes".into()));
    refer(&mut told, ALICE);
    told.step(Step::Wants(VerbId(77), Verb::AcceptRefer(ALICE)));
    leads_to_music(&mut told);
    told.step(Step::Waits);
    told.passes(SECOND);
    is_served(&told, CALLER);
}

#[test]
fn a_leg_beside_a_caller_who_stays_has_no_story_and_so_no_service() {
    let mut told = Told::answered();
    let id = told.wants(Verb::CallOut(Box::new(crate::call::verb::Dial::new(vec!["alice".into()], 9 * SECOND))));
    told.locates();
    told.leg(ALICE, LegEvent::Answered);
    assert!(!told.runs(id));
    let id = told.wants(Verb::Transfer(ALICE, Transfer { to: "9664".into(), attended: false, return_on_fail: true }));
    leads_to_music(&mut told);
    assert_eq!(told.result(id), Outcome::Transferred { status: Status::Failed, sip: 404 });
    assert_eq!(told.call.first(), CALLER);
}
