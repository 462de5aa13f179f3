//! What a called party may answer: challenges, forks, session intervals.

use patchcord_sip::message::Message;

use super::stranger::SOUND;
use super::world::{FLIGHT, STRANGER, text};
use super::*;

/// Alice calls the stranger.
fn called() -> World {
    let mut world = World::new();
    world.call(STRANGER);
    world.pass(FLIGHT * 2);
    world
}

/// An answer to the last request that the stranger has got, or to the last of that method.
fn answer(world: &World, method: &str, status: u16, tag: &str, headers: &str, body: &str) -> String {
    let asked = world.heard.iter().rev().map(text).find(|text| text.starts_with(method)).expect("a request");
    let line = |name: &str| asked.lines().find(|line| line.starts_with(name)).expect("a header").to_owned();
    let tag = if tag.is_empty() || line("To:").contains("tag=") { String::new() } else { format!(";tag={tag}") };
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "SIP/2.0 {status} X\r\n{}\r\n{}\r\n{}{tag}\r\n{}\r\n{}\r\nContact: <sip:x@198.51.100.3>\r\n{kind}{headers}\
         Content-Length: {}\r\n\r\n{body}",
        line("Via:"),
        line("From:"),
        line("To:"),
        line("Call-ID:"),
        line("CSeq:"),
        body.len()
    )
}

fn say(world: &mut World, method: &str, status: u16, tag: &str, headers: &str, body: &str) {
    let said = answer(world, method, status, tag, headers, body);
    world.say(ALICE, &said);
    world.pass(FLIGHT);
}

fn heard(world: &World) -> Vec<String> {
    let first = |message: &Message| text(message).split(' ').next().unwrap_or_default().to_owned();
    world.heard.iter().map(first).collect()
}

#[test]
fn a_challenge_is_answered_once_and_the_ack_says_it_again() {
    const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n";
    let mut world = World::new();
    world.with_password(ALICE);
    world.call(STRANGER);
    world.pass(FLIGHT);
    say(&mut world, "INVITE", 407, "a", CHALLENGE, "");
    assert!(world.last_heard().contains("Proxy-Authorization: Digest username=\"alice\""));
    assert!(world.last_heard().contains("CSeq: 2 INVITE"));
    say(&mut world, "INVITE", 200, "b", "", SOUND);
    assert!(world.last_heard().starts_with("ACK") && world.last_heard().contains("Proxy-Authorization: "));
    assert_eq!(world.sides[ALICE].told, [LegEvent::Answered]);
    world.forget();
    world.order(ALICE, HANG_UP);
    world.pass(FLIGHT);
    say(&mut world, "BYE", 407, "", CHALLENGE, "");
    assert!(world.last_heard().contains("CSeq: 4 BYE") && world.last_heard().contains("Proxy-Authorization: "));
    say(&mut world, "BYE", 407, "", CHALLENGE, "");
    assert_eq!(heard(&world), ["BYE", "BYE"], "a wrong password is not tried for ever");
    world.assert_nothing_left();
}

#[test]
fn a_wrong_password_is_a_refusal() {
    let mut world = World::new();
    world.with_password(ALICE);
    world.call(STRANGER);
    world.pass(FLIGHT);
    for _ in 0..2 {
        say(&mut world, "INVITE", 401, "a", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n", "");
    }
    assert_eq!(world.sides[ALICE].told, [refused(401, "X")]);
    world.assert_nothing_left();
}

#[test]
fn an_interval_that_is_too_small_is_raised() {
    let mut world = called();
    say(&mut world, "INVITE", 422, "a", "Min-SE: 3600\r\n", "");
    assert!(world.last_heard().contains("Session-Expires: 3600\r\n") && world.last_heard().contains("Min-SE: 3600"));
    say(&mut world, "INVITE", 422, "a", "Min-SE: 3600\r\n", "");
    assert_eq!(world.sides[ALICE].told, [refused(422, "X")], "the same again teaches nothing");
}

#[test]
fn of_two_phones_that_answer_one_stays() {
    let mut world = called();
    say(&mut world, "INVITE", 180, "a", "", "");
    say(&mut world, "INVITE", 183, "b", "", SOUND);
    assert_eq!(world.sides[ALICE].told, [LegEvent::Ringing, LegEvent::EarlyMedia]);
    say(&mut world, "INVITE", 200, "b", "", SOUND);
    assert_eq!(world.sides[ALICE].tuned.len(), 1, "the answer says what the early one said");
    say(&mut world, "INVITE", 200, "a", "", &SOUND.replace("4000", "5000"));
    world.pass(FLIGHT);
    assert_eq!(heard(&world), ["INVITE", "ACK", "ACK", "BYE"]);
    let lost: Vec<_> = world.heard[2..].iter().map(text).collect();
    assert!(lost.iter().all(|text| text.contains("tag=a\r\n")), "{lost:?}");
    assert!(lost[1].contains("Reason: SIP;cause=200;text=\"Call completed elsewhere\""), "{lost:?}");
    say(&mut world, "BYE", 200, "", "", "");
    let told = &world.sides[ALICE].told;
    assert_eq!(told[..], [LegEvent::Ringing, LegEvent::EarlyMedia, LegEvent::Answered]);
    assert_eq!(world.sides[ALICE].tuned.len(), 1, "whoever lost is not heard");

    // A doubled answer of either gets its ACK again and nothing else.
    let doubled = [answer(&world, "INVITE", 200, "a", "", SOUND), answer(&world, "INVITE", 200, "b", "", SOUND)];
    world.forget();
    for again in doubled {
        world.say(ALICE, &again);
        world.pass(FLIGHT);
    }
    assert_eq!(heard(&world), ["ACK", "ACK"]);
}

#[test]
fn an_answer_that_does_not_match_the_offer_is_hung_up() {
    for body in ["", "v=0\r\n", &SOUND.replace("AVP 8", "AVP 18"), &SOUND.replace("audio 4000", "audio 0")] {
        let mut world = called();
        say(&mut world, "INVITE", 200, "a", "", body);
        world.pass(FLIGHT);
        assert_eq!(heard(&world), ["INVITE", "ACK", "BYE"], "{body}");
        let [LegEvent::Refused(Refused { sip: 488, reason, .. })] = &world.sides[ALICE].told[..] else {
            panic!("{:?}", world.sides[ALICE].told)
        };
        assert!(!reason.is_empty());
        say(&mut world, "BYE", 200, "", "", "");
        world.assert_nothing_left();
    }
}

#[test]
fn responses_after_the_end_change_nothing() {
    let mut world = called();
    let late = answer(&world, "INVITE", 180, "a", "", "");
    say(&mut world, "INVITE", 404, "a", "", "");
    world.say(ALICE, &late);
    say(&mut world, "INVITE", 200, "a", "", SOUND);
    assert_eq!(world.sides[ALICE].told, [refused(404, "X")]);
    world.assert_nothing_left();
}

/// Alice talks with the stranger.
fn answered() -> World {
    let mut world = called();
    say(&mut world, "INVITE", 200, "a", "Allow: INVITE, ACK, BYE, CANCEL\r\n", SOUND);
    world.forget();
    world
}

#[test]
fn a_party_that_knows_the_dialog_no_more_is_hung_up() {
    let mut world = answered();
    world.order(ALICE, LineOrder::Message("hello?".into()));
    world.pass(FLIGHT);
    say(&mut world, "MESSAGE", 481, "", "", "");
    world.pass(FLIGHT);
    assert_eq!(heard(&world), ["MESSAGE", "BYE"]);
    let told = &world.sides[ALICE].told;
    assert!(matches!(told[..], [LegEvent::Ended(Ending { by: Who::System, sip: Some(481), .. })]), "{told:?}");
}

#[test]
fn a_hold_that_is_refused_is_told_and_can_be_tried_again() {
    let mut world = answered();
    world.order(ALICE, LineOrder::Hold(true));
    world.pass(FLIGHT);
    assert!(world.last_heard().contains("a=sendonly"));
    say(&mut world, "INVITE", 488, "", "", "");
    assert_eq!((&world.sides[ALICE].told[..], world.sides[ALICE].tuned.len()), (&[LegEvent::LineRefused(488)][..], 0));
    world.forget();
    world.order(ALICE, LineOrder::Hold(true));
    world.pass(FLIGHT);
    say(&mut world, "INVITE", 200, "", "", &format!("{SOUND}a=recvonly\r\n"));
    assert_eq!(heard(&world), ["INVITE", "ACK"]);
    assert_eq!((&world.sides[ALICE].told[..], world.sides[ALICE].tuned.len()), (&[][..], 1));
    // A doubled 200 wants its ACK again.
    say(&mut world, "INVITE", 200, "", "", &format!("{SOUND}a=recvonly\r\n"));
    assert_eq!(heard(&world), ["INVITE", "ACK", "ACK"]);
}

#[test]
fn an_answer_to_a_hold_that_does_not_match_ends_the_call() {
    let mut world = answered();
    world.order(ALICE, LineOrder::Hold(true));
    world.pass(FLIGHT);
    say(&mut world, "INVITE", 200, "", "", "");
    world.pass(FLIGHT);
    assert_eq!(heard(&world), ["INVITE", "ACK", "BYE"]);
    assert!(matches!(world.sides[ALICE].told[..], [LegEvent::Ended(Ending { by: Who::Party, cause: 65, .. })]));
}

#[test]
fn early_sound_follows_whichever_phone_speaks_last_and_then_the_one_that_answers() {
    let mut world = called();
    for (tag, port) in [("a", "5000"), ("b", "6000"), ("a", "5000")] {
        say(&mut world, "INVITE", 183, tag, "", &SOUND.replace("4000", port));
    }
    say(&mut world, "INVITE", 200, "b", "", "");
    let ports: Vec<_> = world.sides[ALICE].tuned.iter().filter_map(|sound| sound.rtp).map(|at| at.port()).collect();
    assert_eq!(ports, [5000, 6000, 5000, 6000], "its early answer is the answer");
    assert_eq!(world.sides[ALICE].told, [LegEvent::EarlyMedia, LegEvent::Answered]);
}

#[test]
fn each_phone_has_its_own_reliable_responses_and_may_move_its_early_sound() {
    let mut world = called();
    let reliable = |rseq: u32| format!("Require: 100rel\r\nRSeq: {rseq}\r\n");
    say(&mut world, "INVITE", 183, "a", &reliable(7), SOUND);
    say(&mut world, "INVITE", 183, "b", &reliable(3), "");
    say(&mut world, "INVITE", 180, "b", &reliable(5), "");
    say(&mut world, "INVITE", 183, "a", &reliable(7), SOUND);
    let racks: Vec<_> = world.heard.iter().map(text).filter(|text| text.starts_with("PRACK")).collect();
    assert_eq!(racks.len(), 2, "none for what came twice or out of order");
    assert!(racks[0].contains("RAck: 7 1 INVITE") && racks[0].contains("tag=a\r\n"));
    assert!(racks[1].contains("RAck: 3 1 INVITE") && racks[1].contains("tag=b\r\n"));
    let update = super::stranger::request("UPDATE", 1, "tag-of-alice", "", &SOUND.replace("4000", "4040"));
    let update = update.replace("tag=theirs", "tag=a").replace("Call-ID: strange", "Call-ID: the-call");
    world.say(ALICE, &update);
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 200 "), "{}", world.last_heard());
    let ports: Vec<_> = world.sides[ALICE].tuned.iter().filter_map(|sound| sound.rtp).map(|at| at.port()).collect();
    assert_eq!(ports, [4000, 4040]);
    say(&mut world, "INVITE", 200, "a", "", "");
    assert_eq!((world.sides[ALICE].told.last(), world.sides[ALICE].tuned.len()), (Some(&LegEvent::Answered), 2));
}
