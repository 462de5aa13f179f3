//! Strangers who say what they like.

use std::time::Duration;

use super::world::{FLIGHT, STRANGER, address};
use super::*;

pub const SOUND: &str =
    "v=0\r\no=- 1 1 IN IP4 198.51.100.3\r\ns=-\r\nc=IN IP4 198.51.100.3\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

/// A request of the stranger. `to_tag` is ours where it is inside a dialog.
pub fn request(method: &str, seq: u32, to_tag: &str, headers: &str, body: &str) -> String {
    let stranger = address(STRANGER);
    let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
    let kind =
        if body.is_empty() || headers.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:bob@{} SIP/2.0\r\nVia: SIP/2.0/UDP {stranger};branch=z9hG4bK{method}{seq}\r\nMax-Forwards: 70\r\n\
         From: <sip:x@example.net>;tag=theirs\r\nTo: <sip:bob@example.org>{tag}\r\nCall-ID: strange\r\n\
         CSeq: {seq} {method}\r\nContact: <sip:x@{stranger}>\r\n{kind}{headers}Content-Length: {}\r\n\r\n{body}",
        address(BOB),
        body.len()
    )
}

/// What Bob says to an INVITE with this body.
fn invited_with(headers: &str, body: &str) -> (World, String) {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", headers, body));
    world.order(BOB, LineOrder::Answer);
    world.pass(FLIGHT);
    let said = world.last_heard();
    (world, said)
}

#[test]
fn an_offer_with_nothing_for_us_is_refused_with_the_reason() {
    let other = SOUND.replace("RTP/AVP 8", "RTP/AVP 18");
    let video = SOUND.replace("m=audio 4000 RTP/AVP 8", "m=video 4000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000");
    let sealed = SOUND.replace("RTP/AVP", "RTP/SAVP");
    for (body, status, why) in [
        (other.as_str(), "488", "no codec in common"),
        (&video, "488", "no sound over RTP"),
        (&sealed, "488", "SRTP is offered and not allowed"),
        ("v=0\r\nm=audio\r\n", "400", "line 2: m= is: kind, port, protocol, formats"),
        ("hello", "400", "line 1"),
    ] {
        let (_, said) = invited_with("", body);
        assert!(said.starts_with(&format!("SIP/2.0 {status} ")) && said.contains(why), "{body}\n{said}");
    }
    let (_, said) = invited_with("Content-Type: text/plain\r\n", "hello");
    assert!(said.starts_with("SIP/2.0 415 ") && said.contains("Accept: application/sdp"), "{said}");
}

#[test]
fn what_nobody_here_can_is_not_pretended() {
    let (_, said) = invited_with("Require: timer, teleport, 100rel, beam\r\n", SOUND);
    assert!(said.starts_with("SIP/2.0 420 ") && said.contains("Unsupported: teleport, beam"), "{said}");
    let (_, said) = invited_with("Supported: timer\r\nSession-Expires: 60\r\n", SOUND);
    assert!(said.starts_with("SIP/2.0 422 ") && said.contains("Min-SE: 90"), "{said}");
}

#[test]
fn a_request_with_other_tags_is_for_nobody() {
    let (mut world, said) = invited_with("", SOUND);
    assert!(said.starts_with("SIP/2.0 200 "), "{said}");
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    let wrong = request("BYE", 2, "tag-of-bob", "", "").replace("tag=theirs", "tag=others");
    world.say(BOB, &wrong);
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 481 "), "{}", world.last_heard());
    assert_eq!(world.sides[BOB].told, [LegEvent::Answered]);
}

#[test]
fn after_the_end_requests_are_for_nobody() {
    let (mut world, _) = invited_with("", SOUND);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    world.say(BOB, &request("BYE", 2, "tag-of-bob", "", ""));
    world.pass(FLIGHT);
    assert!(world.last_heard().starts_with("SIP/2.0 200 "));
    for (seq, method) in (3..).zip(["INFO", "INVITE", "UPDATE", "OPTIONS"]) {
        world.say(BOB, &request(method, seq, "tag-of-bob", "", ""));
        world.pass(FLIGHT);
        assert!(world.last_heard().starts_with("SIP/2.0 481 "), "{}", world.last_heard());
    }
    world.say(BOB, &request("ACK", 4, "tag-of-bob", "", ""));
    assert_eq!(world.sides[BOB].told, [LegEvent::Answered, ended(Who::Party, 16, None)]);
    world.assert_nothing_left();
}

#[test]
fn an_old_number_and_an_unknown_method_are_told_apart() {
    let (mut world, _) = invited_with("", SOUND);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", ""));
    for (seq, method, headers, status) in [
        (5, "OPTIONS", "", "200"),
        (4, "INFO", "", "500"),
        (6, "TELEPORT", "", "501"),
        (7, "PUBLISH", "", "405"),
        (8, "INFO", "Require: beam\r\n", "420"),
        (9, "SUBSCRIBE", "", "489"),
        (10, "PRACK", "RAck: 1 1 INVITE\r\n", "481"),
        (11, "NOTIFY", "Event: refer\r\nSubscription-State: active\r\n", "481"),
    ] {
        world.say(BOB, &request(method, seq, "tag-of-bob", headers, ""));
        world.pass(FLIGHT);
        let said = world.last_heard();
        assert!(said.starts_with(&format!("SIP/2.0 {status} ")), "{method}: {said}");
    }
    world.order(BOB, HANG_UP);
    world.pass(Duration::from_secs(40));
    world.assert_nothing_left();
}

#[test]
fn bye_instead_of_cancel_ends_a_call_that_nobody_has_answered() {
    let mut world = World::new();
    world.say(BOB, &request("INVITE", 1, "", "", SOUND));
    world.order(BOB, LineOrder::Ring);
    world.say(BOB, &request("BYE", 2, "tag-of-bob", "Reason: Q.850;cause=31\r\n", ""));
    world.pass(FLIGHT);
    assert_eq!(world.sent(BOB), ["180 INVITE", "200 BYE", "487 INVITE"]);
    assert_eq!(world.sides[BOB].told, [ended(Who::Party, 31, None)]);
    world.say(BOB, &request("ACK", 1, "tag-of-bob", "", "").replace("bKACK1", "bKINVITE1"));
    world.assert_nothing_left();
}

/// To whom Bob says BYE after a call with this Contact and these headers came from the stranger.
fn bye_goes_to(contact: &str, headers: &str) -> Lead {
    let mut world = World::new();
    let invite = request("INVITE", 1, "", headers, SOUND).replace("<sip:x@198.51.100.3:5060>", contact);
    world.say(BOB, &invite);
    world.order(BOB, LineOrder::Answer);
    world.sides[BOB].line.as_ref().expect("a line").way()
}

#[test]
fn requests_go_where_they_arrive() {
    let back = |lead: Lead| matches!(lead, Lead::Hop(hop) if hop.peer == address(STRANGER));
    assert!(back(bye_goes_to("<sip:x@10.0.0.9>", "")), "behind a NAT");
    assert!(back(bye_goes_to("<sip:x@198.51.100.3:5060>", "")));
    let elsewhere = bye_goes_to("<sip:x@198.51.100.9:5070>", "");
    assert_eq!(elsewhere, Lead::Uri("sip:x@198.51.100.9:5070".into()));
    let by_proxy = bye_goes_to("<sip:x@10.0.0.9>", "Record-Route: <sip:198.51.100.8;lr>\r\n");
    assert_eq!(by_proxy, Lead::Uri("sip:198.51.100.8;lr".into()));
}
