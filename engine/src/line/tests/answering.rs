//! A call between two lines, from the INVITE to the end.

use std::time::Duration;

use patchcord_media::sdp::Codec;

use super::world::FLIGHT;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_call_rings_is_answered_and_is_hung_up() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT);
    world.order(BOB, LineOrder::Ring);
    world.pass(FLIGHT);
    assert_eq!(world.sides[ALICE].told, [LegEvent::Ringing]);
    let offered: Vec<_> = world.sides[BOB].line.as_ref().expect("a line").formats().to_vec();
    assert_eq!(offered[0].codec, Codec::PCMA, "what Alice likes best");

    world.order(BOB, LineOrder::Answer);
    assert_eq!(world.sides[BOB].told, [], "the answer stands when it is acknowledged");
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[ALICE].told, [LegEvent::Ringing, LegEvent::Answered]);
    assert_eq!(world.sides[BOB].told, [LegEvent::Answered]);
    let (alice, bob) = (&world.sides[ALICE].tuned[0], &world.sides[BOB].tuned[0]);
    assert_eq!((alice.rtp.map(|at| at.port()), bob.rtp.map(|at| at.port())), (Some(21_000), Some(20_000)));
    assert_eq!((&alice.send[0].codec, &bob.send[0].codec), (&Codec::PCMA, &Codec::PCMA));

    world.order(ALICE, HANG_UP);
    assert_eq!(world.sides[ALICE].told.last(), Some(&ended(Who::Program, 16, None)));
    world.pass(FLIGHT);
    assert_eq!(world.sides[BOB].told.last(), Some(&ended(Who::Party, 16, None)));
    assert_eq!(world.sent(ALICE), ["INVITE", "ACK", "BYE"]);
    assert_eq!(world.sent(BOB), ["180 INVITE", "200 INVITE", "200 BYE"]);
    world.assert_nothing_left();
}

#[test]
fn whoever_hangs_up_and_whatever_is_lost_both_hear_of_the_end() {
    for lost in ["INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"] {
        for by in [ALICE, BOB] {
            let mut world = World::new();
            world.lose(2, lost);
            world.call(BOB);
            world.pass(3 * SECOND);
            world.order(BOB, LineOrder::Ring);
            world.pass(SECOND);
            world.order(BOB, LineOrder::Answer);
            world.pass(3 * SECOND);
            for side in [ALICE, BOB] {
                assert_eq!(world.sides[side].told.last(), Some(&LegEvent::Answered), "{lost} lost");
            }
            world.order(by, LineOrder::HangUp { cause: 31, sip: None, words: None });
            world.pass(3 * SECOND);
            assert_eq!(world.sides[by].told.last(), Some(&ended(Who::Program, 31, None)), "{lost} lost");
            assert_eq!(world.sides[1 - by].told.last(), Some(&ended(Who::Party, 31, None)), "{lost} lost");
            world.assert_nothing_left();
        }
    }
}

#[test]
fn a_call_works_where_everything_comes_twice() {
    let mut world = World::new();
    world.weather(|_, _| Fate::Twice);
    world.call(BOB);
    world.pass(FLIGHT * 4);
    world.order(BOB, LineOrder::Answer);
    world.pass(SECOND);
    world.order(BOB, HANG_UP);
    world.pass(SECOND);
    assert_eq!(world.sides[ALICE].told, [LegEvent::Answered, ended(Who::Party, 16, None)]);
    assert_eq!(world.sides[BOB].told, [LegEvent::Answered, ended(Who::Program, 16, None)]);
    world.assert_nothing_left();
}

#[test]
fn early_sound_is_heard_before_the_answer_and_the_answer_says_the_same() {
    let mut world = World::new();
    world.sides[ALICE].terms.reliable = false;
    world.sides[BOB].terms.reliable = false;
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Progress);
    world.pass(FLIGHT);
    assert_eq!(world.sides[ALICE].told, [LegEvent::EarlyMedia]);
    assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (1, 1));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[ALICE].told, [LegEvent::EarlyMedia, LegEvent::Answered]);
    assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (1, 1), "nothing has changed");
}

#[test]
fn a_refusal_reaches_the_caller_with_its_words() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Refuse(486, Some("In a meeting".into()), None));
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[ALICE].told, [refused(486, "In a meeting")]);
    assert_eq!(world.sides[BOB].told.len(), 1);
    assert!(matches!(
        &world.sides[BOB].told[0],
        LegEvent::Ended(Ending { by: Who::Program, cause: 17, sip: Some(486), .. })
    ));
    world.assert_nothing_left();
}

#[test]
fn a_redirection_tells_where_to_go() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Refuse(302, None, Some("sip:carol@example.org".into())));
    world.pass(FLIGHT * 2);
    let elsewhere = vec!["sip:carol@example.org".to_owned()];
    let told = LegEvent::Refused(Refused { sip: 302, reason: "Moved Temporarily".into(), elsewhere, by_house: false });
    assert_eq!(world.sides[ALICE].told, [told]);
}

#[test]
fn hanging_up_before_the_answer_refuses_with_the_status_of_its_cause() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::HangUp { cause: 17, sip: None, words: None });
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[ALICE].told, [refused(486, "Busy Here")]);
    world.assert_nothing_left();
}

#[test]
fn giving_up_cancels_and_the_called_side_hears_why() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT);
    world.order(BOB, LineOrder::Ring);
    world.pass(FLIGHT);
    world.order(ALICE, LineOrder::HangUp { cause: 16, sip: Some(200), words: None });
    assert_eq!(world.sides[ALICE].told.last(), Some(&ended(Who::Program, 16, Some(200))));
    world.pass(FLIGHT * 3);
    let Some(LegEvent::Ended(ending)) = world.sides[BOB].told.last() else { panic!("an end") };
    assert_eq!((ending.by, ending.cause, ending.sip), (Who::Party, 16, Some(200)));
    assert_eq!(ending.reason, "Call completed elsewhere");
    assert_eq!(world.sent(BOB), ["180 INVITE", "200 CANCEL", "487 INVITE"]);
    world.assert_nothing_left();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_hung_up() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT);
    world.order(BOB, LineOrder::Ring);
    world.pass(FLIGHT);
    world.order(ALICE, HANG_UP);
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT * 4);
    assert_eq!(world.sides[ALICE].told, [LegEvent::Ringing, ended(Who::Program, 16, None)]);
    let told = &world.sides[BOB].told;
    assert!(
        matches!(told[..], [LegEvent::Answered, LegEvent::Ended(Ending { by: Who::Party, sip: None, .. })]),
        "{told:?}"
    );
    assert_eq!(world.sent(ALICE), ["INVITE", "CANCEL", "ACK", "BYE"]);
    world.assert_nothing_left();
}

#[test]
fn both_may_hang_up_at_once() {
    let mut world = World::talk();
    world.order(ALICE, HANG_UP);
    world.order(BOB, HANG_UP);
    world.pass(FLIGHT * 2);
    for side in [ALICE, BOB] {
        assert_eq!(world.sides[side].told, [ended(Who::Program, 16, None)]);
        assert_eq!(world.sent(side), ["BYE", "200 BYE"]);
    }
    world.assert_nothing_left();
}

#[test]
fn a_bye_that_crosses_a_hold_ends_the_call_and_leaves_no_request_unanswered() {
    for lost in ["nothing", "BYE", "200 BYE", "INVITE", "481 INVITE", "ACK"] {
        let mut world = World::talk();
        world.lose(1, lost);
        world.order(ALICE, LineOrder::Hold(true));
        world.order(BOB, HANG_UP);
        world.pass(40 * SECOND);
        assert_eq!(world.sides[BOB].told, [ended(Who::Program, 16, None)], "{lost} lost: {:?}", world.log);
        let told = &world.sides[ALICE].told;
        // Where the BYE was lost, the answer to the hold says it first.
        let gone = matches!(told[..], [LegEvent::Ended(_)]);
        assert!(gone, "{lost} lost, and no word of a hold that failed: {told:?}");
        assert!(world.sent(BOB).contains(&"481 INVITE"), "{lost} lost: {:?}", world.log);
        world.assert_nothing_left();
    }
}

#[test]
fn a_caller_who_hangs_up_at_once_after_our_answer_is_not_told_bye_before_its_ack() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Answer);
    world.order(BOB, HANG_UP);
    assert_eq!(world.sent(BOB), ["200 INVITE"]);
    world.pass(FLIGHT * 4);
    assert_eq!(world.sent(BOB), ["200 INVITE", "BYE"]);
    world.assert_nothing_left();
}

#[test]
fn an_answer_that_nobody_acknowledges_is_hung_up() {
    let mut world = World::new();
    world.weather(|_, first| if first == "ACK" { Fate::Lost } else { Fate::Arrives });
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Answer);
    world.pass(40 * SECOND);
    let [LegEvent::Ended(ending)] = &world.sides[BOB].told[..] else { panic!("{:?}", world.sides[BOB].told) };
    assert_eq!((ending.by, ending.cause), (Who::Party, 111));
    let told = &world.sides[ALICE].told;
    assert!(
        matches!(told[..], [LegEvent::Answered, LegEvent::Ended(Ending { by: Who::Party, cause: 102, .. })]),
        "{told:?}"
    );
    world.assert_nothing_left();
}

#[test]
fn a_party_that_never_answers_the_invite_is_out_of_reach() {
    let mut world = World::new();
    world.weather(|_, _| Fate::Lost);
    world.call(BOB);
    world.pass(33 * SECOND);
    assert_eq!(world.sides[ALICE].told, [refused(408, "Request Timeout")]);
    world.assert_nothing_left();
}

#[test]
fn a_caller_whom_nobody_ever_answers_is_refused_after_half_an_hour() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 3);
    world.order(BOB, LineOrder::Ring);
    world.pass(Duration::from_secs(29 * 60));
    assert_eq!(world.sides[BOB].told, [], "it rings for as long as somebody may wait");

    world.pass(Duration::from_secs(3 * 60));

    let Some(LegEvent::Ended(ending)) = world.sides[BOB].told.last() else { panic!("{:?}", world.sides[BOB].told) };
    assert_eq!((ending.by, ending.cause, ending.sip), (Who::System, 19, Some(480)));
    assert!(matches!(world.sides[ALICE].told.last(), Some(LegEvent::Refused(refused)) if refused.sip == 480));
    world.assert_nothing_left();
}
