//! Browsers: DTLS, ICE, groups.

use super::*;
use crate::sdp::agreed::Security;
use crate::sdp::dtls::{Fingerprint, Setup};
use crate::sdp::ice::{Candidate, Ice};
use crate::sdp::policy::Protection;
use crate::sdp::tests::offers;
use crate::sdp::{Refusal, RelayPlan};

fn browser_plan() -> SoundPlan {
    let mut plan = plan(Policy { protection: Protection::Dtls, ..policy() });
    plan.place.rtcp = None;
    plan.place.fingerprint = Some(Fingerprint { hash: "sha-256".into(), bytes: vec![0xab; 32] });
    let candidate = Candidate::parse("1 1 udp 2130706431 198.51.100.1 10000 typ host").expect("a candidate");
    plan.place.ice = Some(Ice {
        ufrag: "ours".into(),
        pwd: "ours-password-is-long-enough".into(),
        lite: true,
        trickle: false,
        complete: true,
        candidates: vec![candidate],
    });
    plan
}

fn taken(offer: &str, line: usize) -> (Negotiation, Description) {
    let mut leg = hearing(offer);
    assert_eq!(leg.sound_line(&browser_plan()), Ok(line));
    let mut parts = vec![Part::nothing(0); line];
    parts.push(Part::sound(1, browser_plan()));
    let answer = leg.answer(parts).expect("an answer");
    (leg, answer)
}

#[test]
fn chromium_is_answered_in_one_group_and_waited_for() {
    let (leg, answer) = taken(offers::CHROMIUM, 0);
    assert_eq!(answer.attributes.to_string(), "a=group:BUNDLE 0\r\na=ice-lite\r\n");
    let fingerprint = format!("a=fingerprint:sha-256 {}", ["AB"; 32].join(":"));
    assert_eq!(
        lines(&answer, 0),
        [
            "m=audio 10000 UDP/TLS/RTP/SAVPF 111 110",
            "a=rtpmap:111 opus/48000/2",
            "a=fmtp:111 minptime=10;useinbandfec=1",
            "a=rtpmap:110 telephone-event/48000",
            "a=fmtp:110 0-15",
            "a=ptime:20",
            "a=mid:0",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            &fingerprint,
            "a=setup:passive",
            "a=ice-ufrag:ours",
            "a=ice-pwd:ours-password-is-long-enough",
            "a=candidate:1 1 udp 2130706431 198.51.100.1 10000 typ host",
            "a=end-of-candidates",
            "a=sendrecv",
        ]
    );
    assert_eq!(lines(&answer, 1), ["m=video 0 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1"]);
    let sound = settled(&leg);
    let Security::Dtls { setup: Setup::Passive, remote } = &sound.security else { panic!("{:?}", sound.security) };
    assert_eq!((remote.len(), remote[0].bytes[0]), (1, 0x7b));
    // Nowhere means here: ICE will find it.
    assert_eq!((sound.rtp, sound.direction, sound.rtcp_mux), (None, Direction::Both, true));
    let ice = sound.ice.expect("their ICE");
    assert_eq!((ice.ufrag.as_str(), ice.trickle, ice.candidates.len()), ("4ZcD", true, 2));
}

#[test]
fn firefox_says_it_for_the_whole_session() {
    let (leg, answer) = taken(offers::FIREFOX, 0);
    assert_eq!(answer.media[0].formats, ["109", "101"], "its keys have a clock of 8000 only");
    let sound = settled(&leg);
    assert!(matches!(&sound.security, Security::Dtls { remote, .. } if remote.len() == 1));
    assert_eq!(sound.keys.send.map(|keys| keys.clock_hz), Some(8000));
}

#[test]
fn safari_is_heard_in_opus_and_its_screen_is_declined_in_the_same_group() {
    let (leg, answer) = taken(offers::SAFARI, 0);
    assert_eq!(answer.media[0].formats, ["111", "110"]);
    assert_eq!(answer.attributes.get("group"), Some("BUNDLE 0"));
    assert_eq!(lines(&answer, 1), ["m=video 0 UDP/TLS/RTP/SAVPF 96", "a=mid:1"]);
    let sound = settled(&leg);
    assert_eq!(sound.ice.map(|ice| ice.candidates.len()), Some(2));
    assert_eq!(sound.keys.send.map(|keys| (keys.payload_type, keys.clock_hz)), Some((110, 48_000)));
}

#[test]
fn the_source_that_we_send_as_is_a_track_of_its_own_name() {
    let mut leg = hearing(offers::CHROMIUM);
    let mut plan = browser_plan();
    plan.place.source = Some((7, "00000007".into()));
    let answer = leg.answer(vec![Part::sound(0, plan)]).expect("an answer");
    let said = lines(&answer, 0);
    assert_eq!(&said[said.len() - 2..], ["a=msid:00000007 00000007", "a=ssrc:7 cname:00000007"]);
}

#[test]
fn a_line_without_a_port_travels_with_the_first_of_its_group() {
    let (leg, answer) = taken(offers::MAX_BUNDLE, 1);
    assert_eq!(answer.attributes.get("group"), Some("BUNDLE b"));
    assert_eq!((answer.media[0].port, answer.media[1].port), (0, 10_000));
    let sound = settled(&leg);
    assert!(matches!(sound.security, Security::Dtls { setup: Setup::Passive, .. }));
    let ice = sound.ice.expect("their ICE");
    assert!(ice.lite && ice.complete);
    assert_eq!(ice.candidates[0].address(), Some(([192, 0, 2, 70], 5000).into()));
    let lost = offers::MAX_BUNDLE.replace("BUNDLE a b", "BUNDLE a");
    assert_eq!(hearing(&lost).sound_line(&browser_plan()), Err(Refusal::NoSound));
}

#[test]
fn an_offer_to_a_browser_says_all_it_needs_and_takes_its_answer() {
    let mut leg = leg();
    let offer = leg.offer(vec![Part::sound(0, browser_plan())]).expect("an offer");
    assert_eq!(offer.attributes.get("group"), Some("BUNDLE 0"));
    for line in ["a=setup:actpass", "a=mid:0", "a=rtcp-mux", "a=ice-ufrag:ours"] {
        assert!(lines(&offer, 0).contains(&line.to_owned()), "{line}");
    }
    let answer = offers::CHROMIUM.replace("actpass", "active").replace("m=video 9", "m=video 0");
    let answer = answer.split("m=video").next().expect("the sound").to_owned();
    let sound = heard(leg.accept(&read(&answer)).expect("an agreement"));
    assert!(matches!(sound.security, Security::Dtls { setup: Setup::Passive, .. }));
    assert!(sound.rtcp_mux && sound.rtcp_reduced && sound.ice.is_some());
    assert_eq!(leg.preview(&read(&answer)), Err(Refusal::NoOffer));
    let again = leg.again().expect("an offer");
    assert_eq!(again, offer);
    assert_eq!(leg.preview(&read(&answer.replace("fingerprint", "x-print"))), Err(Refusal::NoKeys));
    let waiting = leg.preview(&read(&answer.replace("setup:active", "setup:passive"))).expect("an agreement");
    assert!(matches!(heard(&waiting).security, Security::Dtls { setup: Setup::Active, .. }));
}

#[test]
fn new_credentials_begin_ice_anew() {
    let (mut leg, _) = taken(offers::CHROMIUM, 0);
    leg.receive(read(offers::CHROMIUM)).expect("nothing is pending");
    assert!(!leg.restarts_ice());
    leg.rollback();
    leg.receive(read(&offers::CHROMIUM.replace("4ZcD", "9Yab"))).expect("nothing is pending");
    assert!(leg.restarts_ice());
}

#[test]
fn a_browser_that_holds_keeps_its_address() {
    let (mut leg, _) = taken(offers::CHROMIUM, 0);
    leg.receive(read(&offers::CHROMIUM.replacen("a=sendrecv", "a=sendonly", 1))).expect("nothing is pending");
    leg.answer(leg.parts()).expect("an answer");
    assert_eq!(settled(&leg).direction, Direction::Receive);
}

#[test]
fn a_phone_with_ice_is_answered_without_where_we_have_none() {
    let offer = "m=audio 4000 RTP/AVP 0\na=ice-ufrag:abcd\na=ice-pwd:0123456789012345678901\n\
        a=candidate:1 1 udp 1 192.0.2.1 4000 typ host\n";
    let (leg, answer) = answering(offer);
    assert!(!answer.media[0].attributes.has("ice-ufrag"));
    assert_eq!((settled(&leg).ice, settled(&leg).rtp), (None, Some(([192, 0, 2, 1], 4000).into())));
}

#[test]
fn without_a_certificate_a_browser_is_refused() {
    let mut leg = hearing(offers::CHROMIUM);
    let mut plan = browser_plan();
    plan.place.fingerprint = None;
    assert_eq!(leg.answer(vec![Part::sound(0, plan)]), Err(Refusal::NoKeys));
    assert_eq!(leg.answer(sound()), Err(Refusal::Protected));
    assert_eq!(RelayPlan::of(&leg.received().expect("an offer").media[0], at(1), None), None);
}

#[test]
fn whoever_brings_keys_by_dtls_and_no_ice_is_refused_before_anything_is_agreed() {
    let without = |offer: &str, name: &str| {
        let kept = offer.lines().filter(|line| !line.starts_with(&format!("a={name}")));
        kept.collect::<Vec<_>>().join("\r\n") + "\r\n"
    };
    for missing in ["ice-ufrag", "ice-pwd"] {
        let mut leg = hearing(&without(offers::CHROMIUM, missing));
        let refused = leg.answer(vec![Part::sound(0, browser_plan())]);
        assert_eq!(refused.map(|_| ()), Err(Refusal::NoIce), "{missing}");
    }
}
