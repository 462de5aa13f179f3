//! Offers and answers while the call stands: hold, other codecs, offers that cross, offers that come late.

use std::time::Duration;

use patchcord_media::sdp::agreed::Security;
use patchcord_media::sdp::crypto::{Crypto, MasterKey, Suite};
use patchcord_media::sdp::policy::Protection;
use patchcord_media::sdp::{Codec, Direction, Policy};

use super::stranger::{SOUND, request};
use super::world::FLIGHT;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The directions that a side's port was told, in order.
fn directions(world: &World, side: usize) -> Vec<Direction> {
    world.sides[side].tuned.iter().map(|sound| sound.direction).collect()
}

/// Bob talks with the stranger.
fn talking_with_a_stranger(headers: &str) -> World {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", headers, SOUND));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.forget();
    world
}

#[test]
fn whoever_is_held_is_told_and_told_again_when_it_ends() {
    let mut world = World::talk();
    world.order(ALICE, LineOrder::Hold(true));
    world.pass(FLIGHT * 3);
    assert_eq!(directions(&world, ALICE), [Direction::Send]);
    assert_eq!(directions(&world, BOB), [Direction::Receive]);
    assert_eq!((&world.sides[ALICE].told[..], &world.sides[BOB].told[..]), (&[][..], &[LegEvent::Held(true)][..]));

    world.order(ALICE, LineOrder::Hold(false));
    world.pass(FLIGHT * 3);
    assert_eq!(directions(&world, ALICE), [Direction::Send, Direction::Both]);
    assert_eq!(world.sides[BOB].told, [LegEvent::Held(true), LegEvent::Held(false)]);
    assert_eq!(world.sent(ALICE), ["INVITE", "ACK", "INVITE", "ACK"]);
    world.order(BOB, HANG_UP);
    world.assert_nothing_left();
}

#[test]
fn both_may_hold_and_each_takes_back_its_own() {
    let mut world = World::talk();
    for (side, hold) in [(ALICE, true), (BOB, true), (ALICE, false), (BOB, false)] {
        world.order(side, LineOrder::Hold(hold));
        world.pass(FLIGHT * 3);
    }
    use Direction::{Both, Neither, Receive, Send};
    assert_eq!(directions(&world, ALICE), [Send, Neither, Receive, Both]);
    assert_eq!(directions(&world, BOB), [Receive, Neither, Send, Both]);
}

#[test]
fn holds_that_cross_both_come_about_in_the_end() {
    for lost in ["nothing", "491 INVITE", "ACK", "200 INVITE"] {
        let mut world = World::talk();
        world.lose(1, lost);
        world.order(ALICE, LineOrder::Hold(true));
        world.order(BOB, LineOrder::Hold(true));
        world.pass(FLIGHT * 2);
        assert!(world.sent(BOB).iter().any(|sent| sent.starts_with("491 INVITE")), "{:?}", world.log);
        world.pass(15 * SECOND);
        for side in [ALICE, BOB] {
            let last = world.sides[side].tuned.last().map(|sound| sound.direction);
            assert_eq!(last, Some(Direction::Neither), "{lost} lost: {:?}", world.log);
            assert!(!world.sides[side].told.iter().any(|event| matches!(event, LegEvent::LineRefused(_))));
        }
        world.order(ALICE, HANG_UP);
        world.assert_nothing_left();
    }
}

#[test]
fn a_hold_that_is_taken_back_at_once_leaves_the_call_as_it_was() {
    let mut world = World::talk();
    world.order(ALICE, LineOrder::Hold(true));
    world.order(ALICE, LineOrder::Hold(false));
    world.pass(SECOND);
    assert_eq!(directions(&world, ALICE).last(), Some(&Direction::Both));
    assert_eq!(world.sides[BOB].told, [LegEvent::Held(true), LegEvent::Held(false)]);
}

#[test]
fn all_ways_of_holding_are_understood() {
    let held = [
        format!("{SOUND}a=sendonly\r\n"),
        format!("{SOUND}a=inactive\r\n"),
        SOUND.replace("c=IN IP4 198.51.100.3", "c=IN IP4 0.0.0.0"),
        SOUND.replace("audio 4000", "audio 0"),
    ];
    for offer in held {
        let mut world = talking_with_a_stranger("");
        world.say(BOB, &request("INVITE", 2, "tag-of-bob", "", &offer));
        world.pass(FLIGHT);
        assert_eq!(world.sides[BOB].told, [LegEvent::Held(true)], "{offer}");
        assert!(!directions(&world, BOB)[0].sends(), "{offer}");
        world.say(BOB, &request("ACK", 2, "tag-of-bob", "", ""));
        world.say(BOB, &request("INVITE", 3, "tag-of-bob", "", SOUND));
        world.say(BOB, &request("ACK", 3, "tag-of-bob", "", ""));
        assert_eq!(world.sides[BOB].told, [LegEvent::Held(true), LegEvent::Held(false)], "{offer}");
        assert_eq!(directions(&world, BOB).last(), Some(&Direction::Both), "{offer}");
    }
}

#[test]
fn another_codec_and_another_place_reach_the_port() {
    let mut world = talking_with_a_stranger("");
    let offer = SOUND.replace("4000 RTP/AVP 8", "4010 RTP/AVP 0");
    world.say(BOB, &request("INVITE", 2, "tag-of-bob", "", &offer));
    world.say(BOB, &request("ACK", 2, "tag-of-bob", "", ""));
    let sound = &world.sides[BOB].tuned[0];
    assert_eq!((&sound.send[0].codec, sound.rtp.map(|at| at.port())), (&Codec::PCMU, Some(4010)));
    assert_eq!(world.sides[BOB].told, [], "that is no matter of the call");
}

#[test]
fn a_hold_keeps_the_codec_that_is_agreed() {
    let mut world = World::talk();
    world.order(BOB, LineOrder::Hold(true));
    world.pass(FLIGHT * 3);
    let codecs =
        |side: usize| world.sides[side].tuned[0].send.iter().map(|format| format.codec.clone()).collect::<Vec<_>>();
    assert_eq!((&codecs(ALICE)[0], &codecs(BOB)[0]), (&Codec::PCMA, &Codec::PCMA), "though Bob likes PCMU better");
}

#[test]
fn a_change_that_cannot_be_is_refused_and_the_call_goes_on() {
    let mut world = talking_with_a_stranger("");
    for (seq, method, body, status) in [
        (2, "INVITE", SOUND.replace("AVP 8", "AVP 18"), "488"),
        (3, "UPDATE", SOUND.replace("AVP 8", "AVP 18"), "488"),
        (4, "UPDATE", "v=0\r\n".to_owned(), "400"),
        (5, "UPDATE", SOUND.to_owned(), "200"),
        (6, "INVITE", SOUND.to_owned(), "200"),
    ] {
        world.say(BOB, &request(method, seq, "tag-of-bob", "", &body));
        world.pass(FLIGHT);
        let said = world.last_heard();
        assert!(said.starts_with(&format!("SIP/2.0 {status} ")), "{said}");
    }
    assert_eq!((world.sides[BOB].tuned.len(), &world.sides[BOB].told[..]), (0, &[][..]));
}

#[test]
fn a_caller_without_an_offer_answers_ours_in_the_ack() {
    let mut world = World::new();
    world.sides[ALICE].terms.late_offer = true;
    world.talking();
    world.order(BOB, LineOrder::Hold(true));
    world.pass(FLIGHT * 3);
    assert_eq!(world.sides[ALICE].told, [LegEvent::Held(true)]);

    let mut world = World::new();
    world.sides[ALICE].terms.late_offer = true;
    world.call(BOB);
    world.pass(FLIGHT * 2);
    world.order(BOB, LineOrder::Answer);
    assert_eq!(world.sides[BOB].tuned.len(), 0, "nothing is agreed before the ACK");
    world.pass(FLIGHT * 2);
    assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (1, 1));
    assert_eq!(world.sides[BOB].tuned[0].rtp.map(|at| at.port()), Some(20_000));
}

#[test]
fn an_ack_without_the_answer_that_it_owes_ends_the_call() {
    for body in ["", "nonsense", &SOUND.replace("AVP 8", "AVP 18")] {
        let mut world = World::new();
        world.say(BOB, &request("INVITE", 1, "", "", ""));
        world.order(BOB, LineOrder::Answer);
        world.say(BOB, &request("ACK", 1, "tag-of-bob", "", body));
        world.pass(FLIGHT);
        let [LegEvent::Ended(ending)] = &world.sides[BOB].told[..] else { panic!("{:?}", world.sides[BOB].told) };
        assert_eq!((ending.by, ending.cause), (Who::Party, 65), "{body}");
        assert_eq!(world.sent(BOB), ["200 INVITE", "BYE"]);
    }
}

#[test]
fn a_refresh_without_an_offer_is_offered_what_stands() {
    let mut world = talking_with_a_stranger("");
    world.say(BOB, &request("INVITE", 2, "tag-of-bob", "", ""));
    world.pass(FLIGHT);
    assert!(world.last_heard().contains("m=audio 21000 RTP/AVP"), "{}", world.last_heard());
    world.say(BOB, &request("INVITE", 3, "tag-of-bob", "", SOUND));
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 491 "), "ours waits for its answer: {}", world.last_heard());
    world.say(BOB, &request("ACK", 2, "tag-of-bob", "", SOUND));
    assert_eq!((world.sides[BOB].tuned.len(), &world.sides[BOB].told[..]), (0, &[][..]));
}

#[test]
fn keys_are_drawn_where_the_terms_want_them() {
    for (alice, bob, sealed) in [
        (Protection::Sdes, Protection::Sdes, true),
        (Protection::Offered, Protection::Sdes, true),
        (Protection::Offered, Protection::Offered, true),
        (Protection::Offered, Protection::Plain, false),
        (Protection::Plain, Protection::Offered, false),
    ] {
        let mut world = World::new();
        for (side, protection) in [(ALICE, alice), (BOB, bob)] {
            world.sides[side].terms.policy = Policy { protection, ..Policy::new([Codec::PCMA]) };
        }
        world.call(BOB);
        world.pass(FLIGHT * 2);
        world.order(BOB, LineOrder::Answer);
        world.pass(FLIGHT * 2);
        let security = |side: usize| world.sides[side].tuned[0].security.clone();
        match (security(ALICE), security(BOB)) {
            (Security::Sdes { local: ours, remote: theirs, .. }, Security::Sdes { local, remote, .. }) => {
                assert!(sealed);
                assert_eq!((ours.key(), theirs.key()), (remote.key(), local.key()));
                assert_ne!(ours.key(), theirs.key());
            }
            (Security::Open, Security::Open) => assert!(!sealed, "{alice:?} and {bob:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_offer_of_any_suite_is_answered_with_a_key_of_it_and_ours_brings_those_that_all_have() {
    for suite in Suite::ALL {
        let mut world = World::new();
        world.sides[BOB].terms.policy = Policy { protection: Protection::Offered, ..Policy::new([Codec::PCMA]) };
        let key = MasterKey::new(suite, &vec![7; suite.length()]).expect("as long as its suite wants");
        let offer = format!("{}a=crypto:{}\r\n", SOUND.replace("RTP/AVP", "RTP/SAVP"), Crypto { tag: 3, key });
        world.say(BOB, &request("INVITE", 1, "", "", &offer));
        world.order(BOB, LineOrder::Answer);
        world.pass(FLIGHT);
        let said = world.last_heard();
        assert!(said.starts_with("SIP/2.0 200 ") && said.contains("RTP/SAVP 8"), "{said}");
        assert!(said.contains(&format!("a=crypto:3 {} inline:", suite.name())), "{said}");
    }
    let mut world = World::new();
    world.sides[BOB].terms.policy = Policy { protection: Protection::Sdes, ..Policy::new([Codec::PCMA]) };
    world.say(BOB, &request("INVITE", 1, "", "", ""));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    assert_eq!(world.last_heard().matches("a=crypto:").count(), 2, "{}", world.last_heard());
}

#[test]
fn who_must_protect_its_sound_refuses_who_does_not() {
    for (alice, bob) in [(Protection::Plain, Protection::Sdes), (Protection::Sdes, Protection::Plain)] {
        let mut world = World::new();
        for (side, protection) in [(ALICE, alice), (BOB, bob)] {
            world.sides[side].terms.policy = Policy { protection, ..Policy::new([Codec::PCMA]) };
        }
        world.call(BOB);
        world.pass(FLIGHT * 3);
        assert_eq!(world.sides[ALICE].told, [refused(488, "Not Acceptable Here")]);
        assert_eq!(world.sides[BOB].unfit[0].status(), 488);
        world.assert_nothing_left();
    }
}

#[test]
fn the_codecs_of_the_other_leg_come_first_in_the_answer() {
    let mut world = World::new();
    world.call(BOB);
    world.pass(FLIGHT * 2);
    let policy = world.sides[BOB].terms.policy.after(&[patchcord_media::sdp::Format::new(0, Codec::PCMU)]);
    world.with(BOB, |line, _| line.set_policy(policy));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[ALICE].tuned[0].send[0].codec, Codec::PCMU, "though Alice likes PCMA better");
}
