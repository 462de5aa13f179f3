//! Laws of offer and answer, over whatever is offered.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;
use crate::sdp::agreed::Flow;
use crate::sdp::format::Format;
use crate::sdp::policy::{Order, Protection};
use crate::sdp::tests::offers;

/// A line of an offer: mostly sound of some kind.
fn line() -> impl Strategy<Value = String> {
    let formats = subsequence(vec!["0", "8", "9", "18", "96", "111", "101", "13"], 1..8).prop_shuffle();
    let profile = select(vec!["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF"]);
    let port = select(vec![0, 9, 4000, 65535]);
    let maps = "a=rtpmap:96 opus/48000/2\na=rtpmap:111 AMR/8000\na=rtpmap:101 telephone-event/8000\n";
    let crypto = "a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n";
    let more = subsequence(vec!["a=sendonly\n", "c=IN IP4 0.0.0.0\n", crypto, "a=rtcp-mux\n", "a=ptime:30\n"], 0..5);
    let rest = (port, profile, formats, more);
    let sound = rest.prop_map(move |(port, profile, formats, more)| {
        format!("m=audio {port} {profile} {}\n{maps}{}", formats.join(" "), more.concat())
    });
    let other = select(vec!["m=video 5000 RTP/AVP 31\n", "m=image 4000 udptl t38\n", "m=message 9 TCP/MSRP *\n"]);
    prop_oneof![3 => sound, 1 => other.prop_map(str::to_owned)]
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let codecs = vec![Codec::PCMU, Codec::PCMA, Codec::G722, Codec::OPUS, Codec::G729, Codec::AMR];
    let protection = select(vec![Protection::Plain, Protection::Offered, Protection::Sdes, Protection::Dtls]);
    (subsequence(codecs, 1..6).prop_shuffle(), any::<bool>(), any::<bool>(), protection).prop_map(
        |(codecs, ours, one, protection)| {
            let order = if ours { Order::Ours } else { Order::Theirs };
            Policy { order, one, protection, ..Policy::new(codecs) }
        },
    )
}

fn any_plan() -> impl Strategy<Value = SoundPlan> {
    let direction = select(vec![Direction::Both, Direction::Send, Direction::Receive, Direction::Neither]);
    (any_policy(), direction).prop_map(|(policy, direction)| {
        let mut plan = plan(policy);
        plan.place.keys = vec![key(Suite::AesCm128Sha1_80, 1)];
        plan.direction = direction;
        plan
    })
}

fn version(description: &Description) -> u64 {
    description.origin.version.parse().expect("a number")
}

/// What must hold of every answer.
fn is_answer_to(offer: &Description, answer: &Description) -> Result<(), TestCaseError> {
    let again = Description::parse(answer.to_string().as_bytes());
    prop_assert_eq!(again.as_ref(), Ok(answer));
    prop_assert_eq!(offer.media.len(), answer.media.len());
    for (offered, answered) in offer.media.iter().zip(&answer.media) {
        prop_assert_eq!(&offered.kind, &answered.kind);
        prop_assert_eq!(&offered.protocol, &answered.protocol);
        prop_assert!(offered.port != 0 || answered.port == 0, "what is over stays over");
        let numbers = offered.payload_types();
        let known = answered.payload_types().iter().all(|number| numbers.contains(number));
        prop_assert!(known || answered.port == 0, "an answer names offered formats only");
        for format in Format::of(answered) {
            let meant = Format::of(offered).into_iter().find(|other| other.payload_type == format.payload_type);
            prop_assert_eq!(meant.map(|meant| meant.codec), Some(format.codec));
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn an_answer_has_the_lines_of_its_offer_and_no_format_of_its_own(
        media in vec(line(), 0..5),
        plans in vec(any_plan(), 0..6),
    ) {
        let offer = read(&media.concat());
        let mut leg = leg();
        leg.receive(offer.clone()).expect("nothing is pending");
        let parts = plans.into_iter().zip(0..).map(|(plan, tag)| Part::sound(tag, plan)).collect();
        if let Ok(answer) = leg.answer(parts) {
            is_answer_to(&offer, &answer)?;
            let streams = &leg.agreed().expect("settled").streams;
            prop_assert_eq!(streams.len(), offer.media.len());
            for (stream, media) in streams.iter().zip(&answer.media) {
                prop_assert_eq!(stream.flow == Flow::Off, media.port == 0);
                if let Flow::Sound(sound) = &stream.flow {
                    prop_assert!(!sound.send.is_empty() && !sound.receive.is_empty());
                    prop_assert!(sound.ptime_ms > 0);
                }
            }
        } else {
            prop_assert!(leg.is_pending() && leg.agreed().is_none(), "a refusal changes nothing");
        }
    }

    #[test]
    fn a_version_grows_exactly_when_the_text_changes(turns in vec((0..4usize, any::<bool>(), any_plan()), 1..12)) {
        let directions = [Direction::Both, Direction::Send, Direction::Receive, Direction::Neither];
        let mut leg = leg();
        let mut before: Option<Description> = None;
        for (which, refused, plan) in turns {
            let offer = match (leg.agreed(), which) {
                (Some(_), 0) => leg.again(),
                (Some(_), 1..=2) => leg.turn(directions[(plan.policy.codecs.len() + which) % 4]),
                _ => leg.offer(vec![Part::sound(0, plan)]),
            };
            let offer = offer.expect("nothing is pending");
            if let Some(before) = &before {
                let text = |description: &Description| {
                    description.to_string().lines().filter(|line| !line.starts_with("o=")).collect::<String>()
                };
                let grown = u64::from(text(before) != text(&offer));
                prop_assert_eq!(version(&offer), version(before) + grown);
                prop_assert_eq!(&offer.origin.session, &before.origin.session);
            }
            let answer = read(&offer.to_string());
            if refused || leg.accept(&answer).is_err() {
                leg.rollback();
            }
            before = Some(offer);
        }
    }

    #[test]
    fn two_legs_agree_on_the_same(theirs in any_plan(), ours in any_plan()) {
        let (mut caller, mut callee) = (leg(), leg());
        let offer = caller.offer(vec![Part::sound(0, theirs)]).expect("an offer");
        callee.receive(read(&offer.to_string())).expect("nothing is pending");
        if let Ok(answer) = callee.answer(vec![Part::sound(0, ours)]) {
            is_answer_to(&offer, &answer)?;
            let near = heard(caller.accept(&read(&answer.to_string())).expect("our own answers fit"));
            let far = settled(&callee);
            let names = |formats: &[Format]| formats.iter().map(|f| (f.payload_type, f.codec.clone())).collect::<Vec<_>>();
            prop_assert_eq!(names(&near.send), names(&far.receive));
            prop_assert_eq!(names(&near.receive), names(&far.send));
            prop_assert_eq!(near.direction, far.direction.turned());
            prop_assert_eq!(near.rtcp_mux, far.rtcp_mux);
        }
    }

    #[test]
    fn no_answer_of_the_field_makes_a_leg_panic(which in 0..offers::ALL.len(), plan in any_plan(), turned in any::<bool>()) {
        let text = read(offers::ALL[which].1);
        let mut leg = leg();
        leg.offer(vec![Part::sound(0, plan.clone())]).expect("an offer");
        if leg.accept(&text).is_err() {
            leg.rollback();
        }
        leg.receive(text.clone()).expect("nothing is pending");
        let parts = vec![Part::sound(1, plan); text.media.len()];
        match leg.answer(parts) {
            Ok(answer) => is_answer_to(&text, &answer).or_else(|error| {
                // Lines without a port of their own are alive where they share one.
                if text.media.iter().any(|media| media.attributes.has("bundle-only")) { Ok(()) } else { Err(error) }
            })?,
            Err(_) => leg.rollback(),
        }
        if turned && leg.agreed().is_some() {
            leg.turn(Direction::Send).expect("nothing is pending");
        }
    }
}
