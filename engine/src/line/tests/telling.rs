//! What is said beside the sound: keys, texts, and transfers.

use std::net::SocketAddr;
use std::time::Duration;

use patchcord_media::dtmf::{Key, Press, Via};

use super::stranger::{SOUND, request};
use super::world::FLIGHT;
use super::*;
use crate::call::event::ReferWish;

const TRICKLED: &str = "application/trickle-ice-sdpfrag";
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn keys_texts_and_other_words_are_told() {
    let mut world = World::talk();
    world.order(ALICE, LineOrder::Info("application/dtmf-relay".into(), b"Signal=7\r\nDuration=90\r\n".to_vec()));
    world.order(ALICE, LineOrder::Info("text/lamp".into(), b"on".to_vec()));
    world.order(ALICE, LineOrder::Message("Grüße".into()));
    world.order(ALICE, LineOrder::Info("application/dtmf-relay".into(), b"Signal=?\r\n".to_vec()));
    world.pass(FLIGHT * 2);
    let key = Key::of_char('7').expect("a key");
    assert_eq!(
        world.sides[BOB].told,
        [
            LegEvent::Key(Press { key, duration: Duration::from_millis(90), via: Via::Info }),
            LegEvent::Info("text/lamp".into(), b"on".to_vec()),
            LegEvent::Message("text/plain".into(), "Grüße".into()),
        ]
    );
    assert_eq!(world.sides[ALICE].told, [LegEvent::LineRefused(400)], "a key that is none");
}

#[test]
fn candidates_that_come_later_are_taken_and_nobody_else_hears_of_them() {
    let mut world = World::talk();
    let fragment = "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n\
        a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\r\na=end-of-candidates\r\n";
    world.order(ALICE, LineOrder::Info(TRICKLED.into(), fragment.into()));
    world.order(ALICE, LineOrder::Info(TRICKLED.into(), b"a=candidate:1\r\n".to_vec()));
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[BOB].told, [], "an address of hers is not passed on");
    let there = SocketAddr::from(([192, 0, 2, 1], 5000));
    assert_eq!(world.sides[BOB].learned, [(there, 2_130_706_431)], "her port looks for her there");
    assert_eq!(world.sides[ALICE].told, [LegEvent::LineRefused(400)], "the one that names nobody");
}

#[test]
fn words_that_nobody_answers_are_told_and_the_call_goes_on() {
    let mut world = World::talk();
    world.weather(|_, first| if first == "INFO" { Fate::Lost } else { Fate::Arrives });
    world.order(ALICE, LineOrder::Info("text/lamp".into(), b"on".to_vec()));
    world.pass(40 * SECOND);
    assert_eq!(world.sides[ALICE].told, [LegEvent::LineRefused(408)]);
    world.order(BOB, HANG_UP);
    world.assert_nothing_left();
}

#[test]
fn too_many_words_at_once_are_refused() {
    let mut world = World::talk();
    for _ in 0..40 {
        world.order(ALICE, LineOrder::Message("hello".into()));
    }
    assert_eq!(world.sides[ALICE].told, vec![LegEvent::LineRefused(503); 8]);
    world.pass(FLIGHT * 2);
    assert_eq!(world.sides[BOB].told.len(), 32);
}

#[test]
fn words_that_cross_the_end_are_forgotten() {
    let mut world = World::talk();
    world.order(BOB, LineOrder::HangUp { cause: 16, sip: None, words: None });
    world.order(ALICE, LineOrder::Message("hello?".into()));
    world.pass(FLIGHT * 3);
    assert_eq!(world.sides[ALICE].told, [ended(Who::Party, 16, None)], "told once");
    world.assert_nothing_left();
}

fn transferred() -> World {
    let mut world = World::talk();
    world.order(ALICE, LineOrder::Refer("sip:carol@example.org".into()));
    world.pass(FLIGHT);
    let wish = ReferWish { to: "sip:carol@example.org".into(), replaces: None, replaces_elsewhere: None, meets: None };
    assert_eq!(world.sides[BOB].told, [LegEvent::Refer(wish)]);
    world
}

#[test]
fn a_transfer_is_taken_and_its_progress_is_told() {
    for lost in ["nothing", "REFER", "202 REFER", "NOTIFY", "200 NOTIFY"] {
        let mut world = World::talk();
        world.lose(1, lost);
        world.order(ALICE, LineOrder::Refer("sip:carol@example.org".into()));
        world.pass(2 * SECOND);
        for order in [LineOrder::AcceptRefer, LineOrder::ReferProgress(180), LineOrder::ReferProgress(200)] {
            world.order(BOB, order);
            world.pass(2 * SECOND);
        }
        let told: Vec<_> = [100, 180, 200].map(LegEvent::ReferProgress).into();
        assert_eq!(world.sides[ALICE].told, told, "{lost} lost");
        world.order(BOB, HANG_UP);
        world.assert_nothing_left();
    }
}

#[test]
fn progress_that_comes_too_fast_is_told_by_its_last_word() {
    let mut world = transferred();
    for order in [LineOrder::AcceptRefer, LineOrder::ReferProgress(180), LineOrder::ReferProgress(486)] {
        world.order(BOB, order);
    }
    world.pass(FLIGHT * 4);
    assert_eq!(world.sides[ALICE].told, [100, 486].map(LegEvent::ReferProgress));
    world.order(BOB, LineOrder::ReferProgress(200));
    world.pass(FLIGHT * 4);
    assert_eq!(world.sides[ALICE].told.len(), 2, "the last word was said");
}

#[test]
fn the_last_word_of_a_transfer_goes_out_before_the_bye() {
    let mut world = transferred();
    for order in [LineOrder::AcceptRefer, LineOrder::ReferProgress(200), HANG_UP] {
        world.order(BOB, order);
    }
    world.pass(FLIGHT * 4);
    assert_eq!(world.sent(BOB), ["202 REFER", "NOTIFY", "NOTIFY", "BYE"]);
    let told = &world.sides[ALICE].told;
    assert_eq!(told[..2], [100, 200].map(LegEvent::ReferProgress));
    world.assert_nothing_left();
}

#[test]
fn the_bye_waits_until_the_last_word_has_arrived_and_not_for_ever() {
    for (lost, times) in [("NOTIFY", 1), ("200 NOTIFY", 1), ("200 NOTIFY", 20)] {
        let mut world = transferred();
        world.order(BOB, LineOrder::AcceptRefer);
        world.pass(FLIGHT * 4);
        world.lose(times, lost);
        for order in [LineOrder::ReferProgress(200), HANG_UP] {
            world.order(BOB, order);
        }
        world.pass(4 * SECOND);
        let told = &world.sides[ALICE].told;
        assert_eq!(
            told[told.len() - 2..],
            [LegEvent::ReferProgress(200), ended(Who::Party, 16, None)],
            "{lost} {times}"
        );
    }
}

#[test]
fn a_transfer_that_nobody_wants_is_refused() {
    let mut world = transferred();
    world.order(BOB, LineOrder::RejectRefer(403));
    world.pass(FLIGHT);
    assert_eq!(world.sides[ALICE].told, [LegEvent::ReferProgress(403)]);
    // And one about which nobody decides, too.
    let mut world = transferred();
    world.pass(30 * SECOND);
    assert_eq!(world.sides[ALICE].told, [LegEvent::ReferProgress(603)]);
    world.order(ALICE, HANG_UP);
    world.assert_nothing_left();
}

#[test]
fn a_transfer_ends_with_the_call_that_it_is_asked_in() {
    let mut world = transferred();
    world.order(BOB, HANG_UP);
    world.pass(FLIGHT * 3);
    assert_eq!(world.sides[ALICE].told, [LegEvent::ReferProgress(487), ended(Who::Party, 16, None)]);
    world.assert_nothing_left();
}

/// Bob talks with the stranger, who refers him with these headers.
fn referred(headers: &str) -> World {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "", SOUND));
    world.order(BOB, LineOrder::Answer);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.forget();
    world.say(BOB, &request("REFER", 2, "tag-of-bob", headers, ""));
    world.pass(FLIGHT);
    world
}

#[test]
fn whom_a_transfer_replaces_is_told() {
    let to = "Refer-To: <sip:c@d?Replaces=abc%40h%3Bto-tag%3D1%3Bfrom-tag%3D2&Require=replaces>\r\n";
    let world = referred(to);
    let [LegEvent::Refer(wish)] = &world.sides[BOB].told[..] else { panic!("{:?}", world.sides[BOB].told) };
    let replaces = wish.replaces_elsewhere.as_deref();
    assert_eq!((wish.to.as_str(), replaces), ("sip:c@d", Some("abc@h;to-tag=1;from-tag=2")));
}

#[test]
fn whoever_wants_no_news_of_its_transfer_gets_none() {
    let mut world = referred("Refer-To: <sip:c@d>\r\nRefer-Sub: false\r\nSupported: norefersub\r\n");
    world.order(BOB, LineOrder::AcceptRefer);
    world.order(BOB, LineOrder::ReferProgress(200));
    world.pass(FLIGHT);
    assert_eq!(world.sent(BOB), ["200 REFER"]);
    assert!(world.last_heard().contains("Refer-Sub: false"));
}

#[test]
fn a_transfer_to_nowhere_is_a_bad_request() {
    for (headers, status) in [
        ("", "400"),
        ("Refer-To: <sip:c@d>\r\nRefer-To: <sip:e@f>\r\n", "400"),
        ("Refer-To: <sip:c@d;method=BYE>\r\n", "403"),
        ("Refer-To: <sip:c@d?Replaces=x>\r\n", "400"),
        ("Refer-To: <sip:c@d>\r\nRefer-Sub: maybe\r\n", "400"),
    ] {
        let world = referred(headers);
        assert!(world.last_heard().starts_with(&format!("SIP/2.0 {status} ")), "{headers}: {}", world.last_heard());
        assert_eq!(world.sides[BOB].told, []);
    }
}
