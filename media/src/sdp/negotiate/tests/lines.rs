//! Several parts: which are taken, which declined, and where they stand.

use super::*;
use crate::sdp::tests::offers;
use crate::sdp::{Refusal, Want};

fn first_lines(description: &Description) -> Vec<String> {
    (0..description.media.len()).map(|index| lines(description, index).swap_remove(0)).collect()
}

#[test]
fn what_nobody_wants_is_declined_in_its_place() {
    let mut leg = hearing("m=video 5000 RTP/AVP 31\nm=audio 4000 RTP/AVP 8\nm=application 9 TCP/MSRP *\nm=x 7 y z\n");
    let plan = plan(policy());
    assert_eq!(leg.sound_line(&plan), Ok(1));
    let answer = leg.answer(vec![Part::nothing(5), Part::sound(6, plan)]).expect("an answer");
    let expected = ["m=video 0 RTP/AVP 31", "m=audio 10000 RTP/AVP 8", "m=application 0 TCP/MSRP *", "m=x 0 y z"];
    assert_eq!(first_lines(&answer), expected);
    let tags: Vec<_> = leg.agreed().expect("settled").streams.iter().map(|stream| stream.tag).collect();
    assert_eq!(tags, [5, 6, 2, 3]);
}

#[test]
fn a_second_sound_is_declined_and_the_protected_one_preferred() {
    let both = "m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/SAVP 8\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n";
    let mut plan = plan(policy());
    assert_eq!(hearing(both).sound_line(&plan), Ok(0));
    plan.policy.protection = crate::sdp::policy::Protection::Offered;
    plan.place.keys = vec![key(Suite::AesCm128Sha1_80, 1)];
    assert_eq!(hearing(both).sound_line(&plan), Ok(1));
}

#[test]
fn why_there_is_no_sound_is_said() {
    let plan = plan(policy());
    assert_eq!(hearing("m=audio 4000 RTP/AVP 18\n").sound_line(&plan), Err(Refusal::NoCodec));
    assert_eq!(hearing("m=audio 4000 RTP/SAVP 8\n").sound_line(&plan), Err(Refusal::Protected));
    for silent in ["m=audio 0 RTP/AVP 8\n", "m=video 4000 RTP/AVP 8\n", "m=audio 4000 TCP/RTP/AVP 8\n", ""] {
        assert_eq!(hearing(silent).sound_line(&plan), Err(Refusal::NoSound), "{silent}");
    }
}

#[test]
fn an_offer_of_nothing_is_answered_with_nothing() {
    let mut leg = hearing("");
    assert_eq!(leg.answer(Vec::new()).map(|answer| answer.media.len()), Ok(0));
    let mut leg = hearing("m=audio 0 RTP/AVP\nm=video 0 RTP/AVP 31\n");
    let answer = leg.answer(sound()).expect("an answer");
    assert_eq!(first_lines(&answer), ["m=audio 0 RTP/AVP 0", "m=video 0 RTP/AVP 31"]);
    assert_eq!(leg.agreed().and_then(Agreed::sound), None);
    assert_eq!(hearing("m=audio 4 RTP/AVP 8\n").answer(Vec::new()), Err(Refusal::NothingTaken));
}

#[test]
fn an_answer_with_other_lines_than_the_offer_is_none() {
    let mut leg = leg();
    leg.offer(sound()).expect("an offer");
    for answer in
        ["m=video 4000 RTP/AVP 8\n", "m=audio 4000 RTP/AVP 8\nm=audio 4000 RTP/AVP 8\n", "m=audio 4 udptl t38\n"]
    {
        assert_eq!(leg.preview(&read(answer)), Err(Refusal::NotAnAnswer), "{answer}");
    }
    assert_eq!(leg.preview(&read("")).map(|agreed| agreed.sound().is_none()), Ok(true));
}

#[test]
fn a_line_that_was_declined_stays_and_may_be_used_again() {
    let mut leg = hearing("m=video 5000 RTP/AVP 31\nm=audio 4000 RTP/AVP 8\n");
    leg.answer(vec![Part::nothing(0), Part::sound(9, plan(policy()))]).expect("an answer");
    let offer = leg.again().expect("an offer");
    assert_eq!(first_lines(&offer)[0], "m=video 0 RTP/AVP 31");
    assert!(first_lines(&offer)[1].starts_with("m=audio 10000 RTP/AVP 8"));
    leg.rollback();
    // A second sound takes the dead line, a third a new one; the first one stays where it was.
    let parts = [9, 3, 4].map(|tag| Part::sound(tag, plan(Policy::new([Codec::PCMU]))));
    let offer = leg.offer(parts.to_vec()).expect("an offer");
    assert_eq!(offer.media.len(), 3);
    let answer = read("m=audio 1 RTP/AVP 0\nm=audio 2 RTP/AVP 0\nm=audio 3 RTP/AVP 0\n");
    let streams = &leg.accept(&answer).expect("an agreement").streams;
    assert_eq!(streams.iter().map(|stream| stream.tag).collect::<Vec<_>>(), [3, 9, 4]);
}

#[test]
fn sound_that_ended_is_not_offered_again_by_itself() {
    let mut leg = leg();
    leg.offer(sound()).expect("an offer");
    leg.accept(&read("m=audio 0 RTP/AVP 8\n")).expect("an answer all the same");
    assert_eq!(leg.parts()[0].want, Want::Nothing);
    assert_eq!(leg.again().expect("an offer").media[0].port, 0);
}

#[test]
fn an_address_is_said_once_where_all_parts_share_it() {
    let (_, answer) = answering(offers::BARESIP);
    assert_eq!(answer.connection.as_ref().map(ToString::to_string).as_deref(), Some("IN IP4 198.51.100.1"));
    assert_eq!(answer.media[0].connection, None);
    let mut other = plan(policy());
    other.place = Place::new("[2001:db8::1]:6000".parse().expect("an address"), None);
    let offer = leg().offer(vec![Part::sound(0, plan(policy())), Part::sound(1, other)]).expect("an offer");
    assert_eq!(lines(&offer, 1)[1], "c=IN IP6 2001:db8::1");
}
