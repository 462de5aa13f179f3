//! Offers after the first: holding, versions, refusals, offers that cross.

use super::*;
use crate::sdp::tests::offers;
use crate::sdp::{OutOfTurn, Refusal};

fn version(description: &Description) -> u64 {
    description.origin.version.parse().expect("a number")
}

fn answered(leg: &mut Negotiation, direction: &str) -> Sound {
    let answer = read(&format!("m=audio 4000 RTP/AVP 8\na={direction}\n"));
    heard(leg.accept(&answer).expect("an agreement"))
}

#[test]
fn a_version_grows_with_a_change_and_only_then() {
    let mut leg = leg();
    let first = leg.offer(sound()).expect("an offer");
    answered(&mut leg, "sendrecv");
    let again = leg.again().expect("an offer");
    assert_eq!((version(&first), &again), (7, &first));
    answered(&mut leg, "sendrecv");
    let held = leg.turn(Direction::Send).expect("an offer");
    assert_eq!((version(&held), &held.origin.session), (8, &first.origin.session));
    answered(&mut leg, "recvonly");
    assert_eq!(version(&leg.again().expect("an offer")), 8);
}

#[test]
fn a_refused_change_leaves_what_was_and_its_version_is_spent() {
    let mut leg = leg();
    let first = leg.offer(sound()).expect("an offer");
    let before = answered(&mut leg, "sendrecv");
    leg.turn(Direction::Neither).expect("an offer");
    leg.rollback();
    assert_eq!(settled(&leg), before);
    let mut again = leg.again().expect("an offer");
    // Who has seen version 8 must not see it with another text.
    assert_eq!(version(&again), 9);
    again.origin = first.origin.clone();
    assert_eq!(again, first);
}

#[test]
fn the_same_offer_gets_the_same_answer() {
    let (mut leg, first) = answering(offers::ASTERISK);
    let agreed = leg.agreed().cloned();
    leg.receive(read(offers::ASTERISK)).expect("nothing is pending");
    let again = leg.answer(leg.parts()).expect("an answer");
    assert_eq!((again, leg.agreed().cloned()), (first, agreed));
}

#[test]
fn who_holds_us_is_answered_and_sent_nothing() {
    for (held, answer, ours) in [
        ("a=sendonly\n", "recvonly", Direction::Receive),
        ("a=inactive\n", "inactive", Direction::Neither),
        ("a=recvonly\n", "sendonly", Direction::Send),
        ("c=IN IP4 0.0.0.0\n", "recvonly", Direction::Receive),
        ("c=IN IP6 ::\n", "recvonly", Direction::Receive),
        ("c=IN IP4 0.0.0.0\na=inactive\n", "inactive", Direction::Neither),
    ] {
        let (mut leg, _) = answering("m=audio 4000 RTP/AVP 8\n");
        leg.receive(read(&format!("m=audio 4000 RTP/AVP 8\n{held}"))).expect("nothing is pending");
        let said = leg.answer(leg.parts()).expect("an answer");
        assert!(said.media[0].attributes.has(answer), "{held}");
        let sound = settled(&leg);
        assert_eq!((sound.direction, sound.is_held()), (ours, !ours.sends()), "{held}");
        // A refresh of ours asks for what we want, and the hold is theirs to keep.
        assert!(leg.again().expect("an offer").media[0].attributes.has("sendrecv"));
    }
}

#[test]
fn a_hold_of_ours_lasts_until_we_take_it_back() {
    let (mut leg, _) = answering("m=audio 4000 RTP/AVP 8\n");
    leg.turn(Direction::Send).expect("an offer");
    // Some answer a hold as if there was none.
    assert_eq!(answered(&mut leg, "sendrecv").direction, Direction::Send);
    leg.receive(read("m=audio 4000 RTP/AVP 8\n")).expect("nothing is pending");
    assert!(leg.answer(leg.parts()).expect("an answer").media[0].attributes.has("sendonly"));
    leg.turn(Direction::Both).expect("an offer");
    assert_eq!(answered(&mut leg, "sendrecv").direction, Direction::Both);
}

#[test]
fn both_sides_can_hold() {
    let (mut leg, _) = answering("m=audio 4000 RTP/AVP 8\na=sendonly\n");
    leg.turn(Direction::Send).expect("an offer");
    assert_eq!(answered(&mut leg, "inactive").direction, Direction::Neither);
    leg.turn(Direction::Both).expect("an offer");
    assert_eq!(answered(&mut leg, "sendonly").direction, Direction::Receive);
}

#[test]
fn offers_that_cross_are_told_apart() {
    let mut ours = leg();
    assert_eq!(ours.again(), Err(OutOfTurn::NothingSettled));
    ours.offer(sound()).expect("an offer");
    assert_eq!(ours.receive(read(offers::TWILIO)), Err(OutOfTurn::OursIsOut));
    assert_eq!(ours.offer(sound()), Err(OutOfTurn::OursIsOut));
    assert_eq!(ours.answer(sound()), Err(Refusal::NoOffer));
    ours.rollback();
    assert_eq!(ours.accept(&read(offers::TWILIO)), Err(Refusal::NoOffer));

    let mut theirs = hearing(offers::TWILIO);
    assert!(theirs.is_pending() && theirs.received().is_some());
    assert_eq!(theirs.turn(Direction::Send), Err(OutOfTurn::TheirsIsIn));
    assert_eq!(theirs.receive(read(offers::TWILIO)), Err(OutOfTurn::TheirsIsIn));
    theirs.rollback();
    assert!(!theirs.is_pending() && theirs.agreed().is_none());
}

#[test]
fn early_answers_of_branches_settle_nothing() {
    let mut leg = leg();
    leg.offer(sound()).expect("an offer");
    let first = leg.preview(&read("m=audio 4000 RTP/AVP 8\n")).expect("a preview");
    let second = leg.preview(&read("m=audio 5000 RTP/AVP 0\n")).expect("a preview");
    assert_eq!(heard(&first).send[0].codec, Codec::PCMA);
    assert_eq!(heard(&second).send[0].codec, Codec::PCMU);
    assert!(leg.agreed().is_none() && leg.is_pending());
    assert_eq!(leg.accept(&read("m=audio 5000 RTP/AVP 0\n")), Ok(&second));
}

#[test]
fn numbers_keep_their_meaning_for_as_long_as_the_leg_lives() {
    let (mut leg, _) = answering("m=audio 4000 RTP/AVP 107 8\na=rtpmap:107 opus/48000/2\n");
    let offer = leg.again().expect("an offer");
    assert_eq!(offer.media[0].formats, ["8", "0", "9", "107", "110", "101", "13"]);
    leg.rollback();
    let mut parts = sound();
    let more = Policy { comfort_noise: false, ..Policy::new([Codec::AMR, Codec::OPUS]) };
    parts[0] = Part::sound(0, plan(more));
    let offer = leg.offer(parts).expect("an offer");
    assert_eq!(offer.media[0].formats, ["96", "107", "110", "101"]);
}

#[test]
fn a_request_without_an_offer_is_offered_everything() {
    let mut leg = leg();
    let offer = leg.offer(sound()).expect("what the 200 says");
    let back = super::answering(&offer.to_string()).1;
    let sound = heard(leg.accept(&back).expect("what the ACK says"));
    assert_eq!((sound.direction, sound.rtp), (Direction::Both, Some(at(10_000))));
}
