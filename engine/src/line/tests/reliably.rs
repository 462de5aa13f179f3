//! Provisional responses that must arrive, and UPDATE before the answer.

use std::time::Duration;

use super::stranger::{SOUND, request};
use super::world::FLIGHT;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn early_sound_is_acknowledged_and_the_answer_waits_for_it() {
    for lost in ["nothing", "183 INVITE", "PRACK", "200 PRACK"] {
        let mut world = World::new();
        world.lose(2, lost);
        world.call(BOB);
        world.pass(FLIGHT * 2);
        world.order(BOB, LineOrder::Progress);
        world.order(BOB, LineOrder::Answer);
        assert_eq!(world.sent(BOB).len(), 1, "the 200 waits");
        world.pass(10 * SECOND);
        assert_eq!(world.sides[ALICE].told, [LegEvent::EarlyMedia, LegEvent::Answered], "{lost} lost");
        assert_eq!(world.sides[BOB].told, [LegEvent::Answered], "{lost} lost");
        assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (1, 1), "{lost} lost");
        world.order(ALICE, HANG_UP);
        world.assert_nothing_left();
    }
}

#[test]
fn ringing_needs_no_prack_unless_it_is_demanded() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Ring);
    world.pass(FLIGHT * 2);
    assert_eq!(world.sent(ALICE), ["INVITE"]);

    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "Require: 100rel\r\n", SOUND));
    world.order(BOB, LineOrder::Ring);
    world.pass(FLIGHT);
    assert!(world.last_heard().contains("Require: 100rel\r\n") && world.last_heard().contains("RSeq: "));
}

#[test]
fn a_reliable_response_that_nobody_acknowledges_ends_the_call() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "Supported: 100rel\r\n", SOUND));
    world.order(BOB, LineOrder::Progress);
    world.pass(31 * SECOND);
    assert_eq!(world.sides[BOB].told, []);
    world.pass(2 * SECOND);
    let [LegEvent::Ended(ending)] = &world.sides[BOB].told[..] else { panic!("{:?}", world.sides[BOB].told) };
    assert_eq!((ending.by, ending.sip), (Who::System, Some(504)));
    assert!(world.sent(BOB).contains(&"504 INVITE"));
}

#[test]
fn a_prack_is_good_for_its_response_only_and_may_bring_an_offer() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "Require: 100rel\r\n", SOUND));
    world.order(BOB, LineOrder::Progress);
    world.pass(FLIGHT);
    let said = world.last_heard();
    let rseq: u32 = said.lines().find_map(|line| line.strip_prefix("RSeq: ")).expect("RSeq").parse().expect("a number");
    for (seq, rack, status) in [(2, rseq + 1, "481"), (3, rseq, "200"), (4, rseq, "481")] {
        let body = SOUND.replace("4000", "4020");
        let prack = request("PRACK", seq, "tag-of-bob", &format!("RAck: {rack} 1 INVITE\r\n"), &body);
        world.say(BOB, &prack);
        world.pass(FLIGHT);
        assert!(world.last_heard().starts_with(&format!("SIP/2.0 {status} ")), "{}", world.last_heard());
    }
    let ports: Vec<_> = world.sides[BOB].tuned.iter().filter_map(|sound| sound.rtp).map(|at| at.port()).collect();
    assert_eq!(ports, [4000, 4020]);
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    assert!(
        world.last_heard().starts_with("SIP/2.0 200 ") && !world.last_heard().contains("m=audio"),
        "answered before"
    );
}

#[test]
fn a_late_offer_is_made_in_the_reliable_response_and_answered_in_its_prack() {
    let mut world = World::new();
    world.sides[ALICE].terms.late_offer = true;
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Progress);
    world.pass(FLIGHT * 3);
    assert_eq!(world.sides[ALICE].told, [LegEvent::EarlyMedia]);
    assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (1, 1));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[ALICE].told, [LegEvent::EarlyMedia, LegEvent::Answered]);
    assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (1, 1));
    world.order(BOB, LineOrder::Hold(true));
    world.pass(FLIGHT * 3);
    assert_eq!(world.sides[ALICE].told.last(), Some(&LegEvent::Held(true)), "offers go on as ever");
}

#[test]
fn a_prack_without_the_answer_that_it_owes_refuses_the_call() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "Require: 100rel\r\n", ""));
    world.with(BOB, |line, cx| line.obey(LineOrder::Ring, cx));
    assert_eq!(world.sent(BOB), Vec::<&str>::new(), "there is no port yet, and nothing to ring with");
    world.order(BOB, LineOrder::Progress);
    world.pass(FLIGHT);
    let said = world.last_heard();
    let rseq = said.lines().find_map(|line| line.strip_prefix("RSeq: ")).expect("RSeq").to_owned();
    world.say(BOB, &request("PRACK", 2, "tag-of-bob", &format!("RAck: {rseq} 1 INVITE\r\n"), ""));
    world.pass(FLIGHT);
    assert_eq!(world.sent(BOB), ["183 INVITE", "400 INVITE", "400 PRACK"]);
    assert!(matches!(world.sides[BOB].told[..], [LegEvent::Ended(Ending { by: Who::System, .. })]));
}

#[test]
fn an_update_before_the_answer_moves_the_early_sound() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "", SOUND));
    world.say(BOB, &request("UPDATE", 2, "tag-of-bob", "", SOUND));
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 500 "), "their own offer is not answered: {}", world.last_heard());
    assert!(world.last_heard().contains("Retry-After: "));
    world.order(BOB, LineOrder::Progress);
    world.say(BOB, &request("UPDATE", 3, "tag-of-bob", "", &SOUND.replace("4000", "4030")));
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 200 "), "{}", world.last_heard());
    let ports: Vec<_> = world.sides[BOB].tuned.iter().filter_map(|sound| sound.rtp).map(|at| at.port()).collect();
    assert_eq!(ports, [4000, 4030]);
}

#[test]
fn a_call_that_rings_for_long_is_remembered_on_the_way() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "", SOUND));
    world.order(BOB, LineOrder::Ring);
    world.pass(150 * SECOND);
    assert_eq!(world.sent(BOB), ["180 INVITE"; 3]);
}
