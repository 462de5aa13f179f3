//! Session timers in both roles.

use std::time::Duration;

use super::stranger::{SOUND, request};
use super::world::FLIGHT;
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_call_of_four_hours_is_refreshed_and_lives() {
    let mut world = World::talk();
    world.pass(240 * MINUTE);
    assert_eq!((&world.sides[ALICE].told[..], &world.sides[BOB].told[..]), (&[][..], &[][..]));
    let refreshes = world.log.iter().filter(|(_, first)| first == "UPDATE").count();
    assert!((15..=17).contains(&refreshes), "every quarter of an hour: {refreshes}");
    assert_eq!((world.sides[ALICE].tuned.len(), world.sides[BOB].tuned.len()), (0, 0), "the sound is left alone");
    world.order(BOB, HANG_UP);
    world.assert_nothing_left();
}

#[test]
fn a_call_whose_other_end_has_died_ends() {
    let mut world = World::talk();
    world.weather(|_, _| Fate::Lost);
    world.pass(31 * MINUTE);
    for side in [ALICE, BOB] {
        let [LegEvent::Ended(ending)] = &world.sides[side].told[..] else { panic!("{:?}", world.sides[side].told) };
        assert_eq!((ending.by, ending.cause), (Who::System, 102), "{ending:?}");
    }
    world.assert_nothing_left();
}

#[test]
fn whoever_knows_no_update_is_refreshed_by_invite() {
    let mut world = World::new();
    let headers = "Supported: timer\r\nSession-Expires: 200;refresher=uas\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n";
    world.say(BOB, &request("INVITE", 1, "", headers, SOUND));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    assert!(world.last_heard().contains("Session-Expires: 200;refresher=uas"), "{}", world.last_heard());
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.forget();
    world.pass(Duration::from_secs(101));
    let said = world.last_heard();
    assert!(said.starts_with("INVITE ") && said.contains("Session-Expires: 200;refresher=uac"), "{said}");
    assert!(said.contains("m=audio 21000 RTP/AVP 8"), "{said}");
}

#[test]
fn a_party_that_promised_to_refresh_and_does_not_is_hung_up() {
    let mut world = World::new();
    let headers = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    world.say(BOB, &request("INVITE", 1, "", headers, SOUND));
    world.order(BOB, LineOrder::Answer);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.pass(Duration::from_secs(40));
    world.say(BOB, &request("UPDATE", 2, "tag-of-bob", headers, ""));
    world.pass(Duration::from_secs(50));
    assert_eq!(world.sides[BOB].told, [LegEvent::Answered], "refreshed once");
    world.pass(Duration::from_secs(20));
    let Some(LegEvent::Ended(ending)) = world.sides[BOB].told.last() else { panic!("{:?}", world.sides[BOB].told) };
    assert_eq!((ending.by, ending.sip), (Who::System, Some(408)));
    assert_eq!(world.sent(BOB).last(), Some(&"BYE"));
}

#[test]
fn a_refresh_that_is_too_short_for_us_is_refused_and_the_call_goes_on() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "Supported: timer\r\n", SOUND));
    world.order(BOB, LineOrder::Answer);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.say(BOB, &request("UPDATE", 2, "tag-of-bob", "Supported: timer\r\nSession-Expires: 30\r\n", ""));
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 422 ") && world.last_heard().contains("Min-SE: 90"));
    assert_eq!(world.sides[BOB].told, [LegEvent::Answered]);
}

#[test]
fn a_minimum_of_the_other_side_is_learnt_before_the_call() {
    let mut world = World::new();
    world.sides[ALICE].terms.session.interval = Duration::from_secs(100);
    world.sides[BOB].terms.session.minimum = Duration::from_secs(300);
    world.talking();
    world.pass(10 * MINUTE);
    assert!(world.sides[ALICE].told.is_empty() && world.sides[BOB].told.is_empty());
}
