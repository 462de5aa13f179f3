//! Two legs of a call: as little transcoding as can be, and parts that pass as they are.

use super::*;
use crate::sdp::agreed::{Flow, Relay};
use crate::sdp::format::Format;
use crate::sdp::tests::offers;
use crate::sdp::{Part, RelayPlan};

fn trunk() -> Policy {
    Policy::new([Codec::PCMA, Codec::PCMU, Codec::OPUS, Codec::G729, Codec::AMR, Codec::AMR_WB])
}

/// The callee is offered what the caller has, then the caller is answered with what the callee took.
fn through(offer: &str, callee_answers: impl FnOnce(&Description) -> String) -> (Sound, Sound) {
    let (mut caller, mut callee) = (hearing(offer), leg());
    let theirs = Format::of(&caller.received().expect("an offer").media[0]);
    let offer = callee.offer(vec![Part::sound(0, plan(trunk().towards(&theirs)))]).expect("an offer");
    let far = heard(callee.accept(&read(&callee_answers(&offer))).expect("an agreement"));
    caller.answer(vec![Part::sound(0, plan(trunk().after(&far.send)))]).expect("an answer");
    (settled(&caller), far)
}

#[test]
fn both_legs_speak_what_the_callee_took() {
    let (near, far) = through(offers::ASTERISK, |offer| {
        assert_eq!(offer.media[0].formats[..3], ["8", "0", "111"]);
        "m=audio 4000 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n".into()
    });
    assert_eq!((&near.send[0].codec, &far.send[0].codec), (&Codec::PCMU, &Codec::PCMU));
}

#[test]
fn what_only_passes_passes_under_the_same_number() {
    let (near, far) = through(offers::IMS, |offer| {
        let first = &lines(offer, 0)[1..5];
        assert_eq!(first[..2], ["a=rtpmap:98 AMR/8000", "a=fmtp:98 mode-change-capability=2"]);
        assert_eq!(
            first[2..],
            ["a=rtpmap:97 AMR-WB/16000", "a=fmtp:97 octet-align=1; mode-change-capability=2; max-red=220"]
        );
        "m=audio 4000 RTP/AVP 97\na=rtpmap:97 AMR-WB/16000\na=fmtp:97 octet-align=1\n".into()
    });
    assert_eq!((&near.send[0].codec, near.send[0].payload_type), (&Codec::AMR_WB, 97));
    assert_eq!(far.receive[0].codec, Codec::AMR_WB);
}

#[test]
fn what_only_passes_is_neither_offered_nor_taken_by_one_leg_alone() {
    let (near, far) = through(offers::OLD, |offer| {
        assert_eq!(offer.media[0].formats[..4], ["8", "0", "18", "111"], "Opus is ours to transcode");
        "m=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\n".into()
    });
    assert_eq!((&near.send[0].codec, &far.send[0].codec), (&Codec::PCMA, &Codec::OPUS));
    let near = trunk().after(&far.send);
    assert!(near.codecs.iter().all(|choice| !choice.passing));
}

#[test]
fn what_the_callee_says_of_a_passing_codec_reaches_the_caller() {
    let answered = |callee: &str| {
        let (near, _) = through(offers::POLYCOM, |_| format!("m=audio 4000 RTP/AVP 18\n{callee}"));
        near.receive[0].parameters.clone()
    };
    assert_eq!(answered("a=fmtp:18 annexb=no; x=1\n").as_deref(), Some("annexb=no; x=1"));
    assert_eq!(answered("").as_deref(), Some("annexb=no"), "what the caller offered");
}

fn relayed(agreed: &Agreed, tag: u32) -> Relay {
    match agreed.tagged(tag) {
        Some(Flow::Relay(relay)) => (**relay).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fax_passes_between_two_legs_that_both_want_it() {
    let (mut gateway, mut machine) = (answering("m=audio 4000 RTP/AVP 8\n").0, leg());
    machine.offer(sound()).expect("an offer");
    machine.accept(&read("m=audio 6000 RTP/AVP 8\n")).expect("an agreement");

    // One side says: no more sound, a fax. The other hears it behind its own sound.
    gateway.receive(read(offers::FAX)).expect("nothing is pending");
    let offered = gateway.received().expect("an offer").media[1].clone();
    let plan = RelayPlan::of(&offered, at(20_002), None).expect("a fax passes");
    let offer = machine.offer(vec![Part::relay(1, plan)]).expect("an offer");
    assert_eq!(lines(&offer, 0), ["m=audio 0 RTP/AVP 8 0 9 111 110 101 13"]);
    assert_eq!(lines(&offer, 1)[0], "m=image 20002 udptl t38");
    assert_eq!(lines(&offer, 1)[1..], lines(&read(offers::FAX), 1)[1..]);

    let answer = "m=audio 0 RTP/AVP 0\nm=image 6004 udptl t38\na=T38FaxVersion:0\na=T38MaxBitRate:9600\n";
    let far = relayed(machine.accept(&read(answer)).expect("an agreement"), 1);
    assert_eq!(far.remote, Some(([192, 0, 2, 1], 6004).into()));
    let plan = RelayPlan::of(&far.media, at(20_000), None).expect("a fax passes");
    let answer = gateway.answer(vec![Part::nothing(0), Part::relay(1, plan)]).expect("an answer");
    assert_eq!(lines(&answer, 1), ["m=image 20000 udptl t38", "a=T38FaxVersion:0", "a=T38MaxBitRate:9600"]);
    let near = relayed(gateway.agreed().expect("settled"), 1);
    assert_eq!((near.remote, near.rtcp), (Some(([203, 0, 113, 9], 4402).into()), None));

    // And back to sound in the line where it was.
    let offer = machine.offer(sound()).expect("an offer");
    assert_eq!(offer.media.iter().map(|media| media.port).collect::<Vec<_>>(), [10_000, 0]);
}

#[test]
fn a_fax_in_the_place_of_the_sound_is_answered_there() {
    let (mut leg, _) = answering("m=audio 4000 RTP/AVP 8\n");
    let fax = read("m=image 4402 UDPTL t38\n");
    leg.receive(fax.clone()).expect("nothing is pending");
    let plan = RelayPlan::of(&fax.media[0], at(20_000), None).expect("a fax passes");
    let answer = leg.answer(vec![Part::relay(0, plan)]).expect("an answer");
    assert_eq!(lines(&answer, 0), ["m=image 20000 UDPTL t38"]);
    leg.receive(fax).expect("nothing is pending");
    leg.answer(sound()).expect_err("sound is no fax");
}

#[test]
fn video_passes_with_its_own_port_for_reports_and_nothing_of_its_old_way() {
    let video = read(
        "m=video 5000 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 profile-level-id=42e01f\na=rtcp:5009\na=mid:v\n\
         a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\na=sendonly\n",
    );
    let plan = RelayPlan::of(&video.media[0], at(20_000), Some(at(20_005))).expect("video passes");
    let mut leg = leg();
    let offer = leg.offer(vec![Part::relay(3, plan)]).expect("an offer");
    let expected = ["m=video 20000 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 profile-level-id=42e01f"];
    assert_eq!(lines(&offer, 0)[..3], expected);
    assert_eq!(lines(&offer, 0)[3..], ["a=sendonly", "a=rtcp:20005"]);
    let answer = read("m=video 7000 RTP/AVPF 96\na=rtpmap:96 H264/90000\n");
    let relay = relayed(leg.accept(&answer).expect("an agreement"), 3);
    assert_eq!(relay.rtcp, Some(([192, 0, 2, 1], 7001).into()));
}

#[test]
fn what_is_sealed_between_neighbours_or_no_datagrams_cannot_pass() {
    let chromium = read(offers::CHROMIUM);
    assert_eq!(RelayPlan::of(&chromium.media[1], at(20_000), None), None);
    for line in ["m=message 9 TCP/MSRP *\n", "m=video 0 RTP/AVP 31\n", "m=application 9 UDP/DTLS/SCTP x\n"] {
        assert_eq!(RelayPlan::of(&read(line).media[0], at(20_000), None), None, "{line}");
    }
}
