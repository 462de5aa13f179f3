//! Codecs, their numbers, keys, times and addresses.

use super::*;
use crate::sdp::Refusal;
use crate::sdp::agreed::KeyEvents;
use crate::sdp::fmtp::{Events, Opus};
use crate::sdp::format::Format;
use crate::sdp::policy::Order;
use crate::sdp::tests::offers;

fn numbers(formats: &[Format]) -> Vec<u8> {
    formats.iter().map(|format| format.payload_type).collect()
}

#[test]
fn an_answer_takes_the_first_codec_of_theirs_with_its_keys() {
    let (leg, answer) = answering(offers::POLYCOM);
    assert_eq!(
        lines(&answer, 0),
        [
            "m=audio 10000 RTP/AVP 9 127",
            "a=rtpmap:9 G722/8000",
            "a=rtpmap:127 telephone-event/8000",
            "a=fmtp:127 0-15",
            "a=ptime:20",
            "a=sendrecv"
        ]
    );
    let sound = settled(&leg);
    assert_eq!((sound.rtp, sound.rtcp), (Some(([192, 0, 2, 10], 2228).into()), Some(([192, 0, 2, 10], 2229).into())));
    let keys = KeyEvents { payload_type: 127, clock_hz: 8000, events: Events::KEYS };
    assert_eq!((sound.keys.send, sound.keys.receive), (Some(keys), vec![keys]));
}

#[test]
fn our_order_counts_where_we_say_so() {
    let mut leg = hearing(offers::POLYCOM);
    let policy = Policy { order: Order::Ours, one: false, ..policy() };
    leg.answer(vec![Part::sound(0, plan(policy))]).expect("an answer");
    assert_eq!(numbers(&settled(&leg).send), [8, 0, 9]);
}

#[test]
fn an_answer_echoes_their_numbers_and_says_what_we_ask() {
    let (leg, answer) = answering(offers::BARESIP);
    let said = lines(&answer, 0);
    assert!(said.contains(&"a=rtpmap:96 opus/48000/2".to_owned()), "{said:?}");
    assert!(said.contains(&"a=fmtp:96 minptime=10;useinbandfec=1".to_owned()), "{said:?}");
    let sound = settled(&leg);
    let asked = Opus::parse(sound.send[0].parameters.as_deref().expect("fmtp"));
    assert!(asked.stereo && !asked.fec, "what they ask stands on what we send");
    assert!(Opus::parse(sound.receive[0].parameters.as_deref().expect("fmtp")).fec);
    assert_eq!(sound.keys.send.map(|keys| keys.clock_hz), Some(8000), "no keys with the clock of Opus are offered");
}

#[test]
fn keys_go_with_the_clock_of_the_speech() {
    let (leg, answer) = answering(offers::CHROMIUM_OPEN);
    let keys = settled(&leg).keys;
    assert_eq!(keys.send.map(|keys| (keys.payload_type, keys.clock_hz)), Some((110, 48_000)));
    assert_eq!(answer.media[0].formats, ["111", "110"]);
    let mut leg = hearing(offers::CHROMIUM_OPEN);
    let narrow = Policy { comfort_noise: true, ..Policy::new([Codec::PCMU]) };
    let answer = leg.answer(vec![Part::sound(0, plan(narrow))]).expect("an answer");
    assert_eq!(answer.media[0].formats, ["0", "126", "13"]);
    let sound = settled(&leg);
    assert_eq!((sound.noise_sent, sound.noise_received), (Some(13), Some(13)));
}

#[test]
fn an_offer_names_each_clock_of_keys_once_and_comfort_noise() {
    let offer = leg().offer(sound()).expect("an offer");
    assert_eq!(offer.media[0].formats, ["8", "0", "9", "111", "110", "101", "13"]);
    let bare = Policy { keys: None, comfort_noise: false, says_most: true, ..Policy::new([Codec::PCMU]) };
    let offer = leg().offer(vec![Part::sound(0, plan(bare))]).expect("an offer");
    assert_eq!(
        lines(&offer, 0),
        ["m=audio 10000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=maxptime:60", "a=rtcp-mux", "a=sendrecv"]
    );
}

#[test]
fn each_side_is_sent_the_numbers_that_it_named() {
    let mut leg = leg();
    leg.offer(sound()).expect("an offer");
    let answer = read("m=audio 4000 RTP/AVP 96 97\na=rtpmap:96 OPUS/48000/2\na=rtpmap:97 telephone-event/48000\n");
    let sound = heard(leg.accept(&answer).expect("an agreement"));
    assert_eq!((numbers(&sound.send), numbers(&sound.receive)), (vec![96], vec![111]));
    assert_eq!(sound.keys.send.map(|keys| keys.payload_type), Some(97));
    assert_eq!(sound.keys.receive.iter().map(|keys| keys.payload_type).collect::<Vec<_>>(), [110]);
    assert_eq!(sound.received_as(111).map(|format| format.codec.clone()), Some(Codec::OPUS));
    assert_eq!(sound.received_as(96), None);
}

#[test]
fn a_number_that_the_answer_does_not_explain_means_what_we_offered() {
    let mut leg = leg();
    leg.offer(sound()).expect("an offer");
    let sound = heard(leg.accept(&read("m=audio 4000 RTP/AVP 111 101\n")).expect("an agreement"));
    assert_eq!(sound.send[0].codec, Codec::OPUS);
    assert_eq!(sound.keys.send.map(|keys| keys.clock_hz), Some(8000));
}

#[test]
fn nothing_in_common_is_refused_and_can_be_tried_again() {
    let mut leg = hearing("m=audio 4000 RTP/AVP 18 96\na=rtpmap:96 SILK/24000\n");
    assert_eq!(leg.answer(sound()), Err(Refusal::NoCodec));
    let passing = Policy::new([Codec::G729]);
    let answer = leg.answer(vec![Part::sound(0, plan(passing))]).expect("the offer is still there");
    assert_eq!(answer.media[0].formats, ["18"]);
    let mut caller = super::leg();
    caller.offer(sound()).expect("an offer");
    assert_eq!(caller.accept(&read("m=audio 4000 RTP/AVP 18\n")), Err(Refusal::NoCodec));
}

#[test]
fn packets_are_as_long_as_they_like_within_what_both_allow() {
    for (said, ptime_ms) in [
        ("", 20),
        ("a=ptime:30\n", 30),
        ("a=ptime:200\n", 60),
        ("a=ptime:40\na=maxptime:30\n", 30),
        ("a=maxptime:10\n", 10),
        ("a=ptime:0\na=maxptime:65535\n", 20),
        ("a=ptime:none\n", 20),
    ] {
        let (leg, _) = answering(&format!("m=audio 4000 RTP/AVP 0\n{said}"));
        assert_eq!(settled(&leg).ptime_ms, ptime_ms, "{said}");
    }
}

#[test]
fn reports_go_where_they_say() {
    for (said, rtcp) in [
        ("a=rtcp:5000\n", Some("192.0.2.1:5000")),
        ("a=rtcp:5000 IN IP4 192.0.2.9\n", Some("192.0.2.9:5000")),
        ("a=rtcp:5000 IN IP4 0.0.0.0\n", Some("192.0.2.1:5000")),
        ("a=rtcp:0\n", None),
        ("a=rtcp:99999\n", Some("192.0.2.1:4001")),
        ("a=rtcp-mux\n", Some("192.0.2.1:4000")),
    ] {
        let (leg, answer) = answering(&format!("m=audio 4000 RTP/AVP 0\n{said}"));
        assert_eq!(settled(&leg).rtcp, rtcp.map(|address| address.parse().expect("an address")), "{said}");
        assert_eq!(answer.media[0].attributes.has("rtcp-mux"), said == "a=rtcp-mux\n");
    }
    let (leg, _) = answering("m=audio 65535 RTP/AVP 0\n");
    assert_eq!(settled(&leg).rtcp, None, "there is no port behind the last one");
}

#[test]
fn a_port_for_reports_is_said_where_it_is_not_the_next_one() {
    let mut plan = plan(Policy::new([Codec::PCMU]));
    plan.place.rtcp = Some(([198, 51, 100, 2], 20_000).into());
    let offer = leg().offer(vec![Part::sound(0, plan.clone())]).expect("an offer");
    assert_eq!(offer.media[0].attributes.get("rtcp"), Some("20000 IN IP4 198.51.100.2"));
    let mut leg = hearing("m=audio 4000 RTP/AVP 0\na=rtcp-mux\n");
    plan.place.rtcp = Some(at(20_000));
    let answer = leg.answer(vec![Part::sound(0, plan)]).expect("an answer");
    assert_eq!(answer.media[0].attributes.get("rtcp"), None, "one port for both");
}

#[test]
fn a_name_for_an_address_waits_for_packets() {
    let (leg, _) = answering("m=audio 4000 RTP/AVP 0\nc=IN IP4 phone.example.org\n");
    let sound = settled(&leg);
    assert_eq!((sound.rtp, sound.rtcp, sound.direction), (None, None, Direction::Both));
}

#[test]
fn nobody_has_sound_sent_to_a_group_or_to_everybody() {
    for nobody in ["224.0.0.1/127", "239.1.2.3", "255.255.255.255"] {
        let (leg, _) = answering(&format!("m=audio 4000 RTP/AVP 8\nc=IN IP4 {nobody}\n"));
        assert_eq!((settled(&leg).rtp, settled(&leg).rtcp), (None, None), "{nobody}");
    }
    let (leg, _) = answering("m=audio 4000 RTP/AVP 8\nc=IN IP6 ff02::1\n");
    assert_eq!(settled(&leg).rtp, None);
    let (leg, _) = answering("m=audio 4000 RTP/AVP 8\na=rtcp:4001 IN IP4 224.0.0.1\n");
    let sound = settled(&leg);
    assert_eq!(sound.rtcp.map(|there| there.ip()), sound.rtp.map(|there| there.ip()), "reports go to the party");
}
