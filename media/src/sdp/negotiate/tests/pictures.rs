//! Pictures: offered as the other leg has them, and answered with what that one took.

use super::*;
use crate::sdp::dtls::Fingerprint;
use crate::sdp::ice::Ice;
use crate::sdp::policy::Protection;
use crate::sdp::tests::offers;
use crate::sdp::{Format, is_bundled};

const PICTURES: u32 = 9;

/// What a camera offers: VP8, and H.264 packed in two ways.
const CAMERA: &str = "m=audio 4000 RTP/AVP 8\nm=video 4002 RTP/AVPF 101 102 103\na=rtpmap:101 VP8/90000\n\
    a=rtpmap:102 H264/90000\na=fmtp:102 profile-level-id=42e01f;packetization-mode=1\na=rtpmap:103 H264/90000\n\
    a=fmtp:103 profile-level-id=42e01f\na=rtcp-fb:* nack pli\na=rtcp-fb:* nack\na=extmap:3 urn:x\na=content:main\n";

fn pictures_plan(formats: &[Format], protection: Protection) -> SoundPlan {
    let mut plan = plan(Policy::pictures(formats, 2500, protection));
    plan.place = Place::new(at(10_002), Some(at(10_003)));
    plan
}

fn pictures(formats: &[Format]) -> Part {
    Part::sound(PICTURES, pictures_plan(formats, Protection::Plain))
}

fn formats_of(offer: &str, line: usize) -> Vec<Format> {
    Format::of(&read(offer).media[line])
}

/// The callee is offered what the caller has, and the caller is answered with what the callee took.
fn through(answer: &str) -> (Negotiation, Negotiation, Description, Description) {
    let (mut caller, mut callee) = (hearing(CAMERA), leg());
    let offer = callee.offer(vec![sound().remove(0), pictures(&formats_of(CAMERA, 1))]).expect("an offer");
    callee.accept(&read(&format!("m=audio 6000 RTP/AVP 8\n{answer}"))).expect("an agreement");
    let took = callee.agreed().and_then(Agreed::pictures).and_then(|pictures| pictures.send.first());
    let part = took.map_or(Part::nothing(1), |took| pictures(std::slice::from_ref(took)));
    let answer = caller.answer(vec![sound().remove(0), part]).expect("an answer");
    (caller, callee, offer, answer)
}

#[test]
fn a_callee_is_offered_the_callers_pictures_and_the_caller_gets_what_it_took() {
    let answer = "m=video 6002 RTP/AVP 102\na=rtpmap:102 H264/90000\n\
        a=fmtp:102 packetization-mode=1;profile-level-id=42E00C;sprop-parameter-sets=x\n";
    let (caller, callee, offer, answer) = through(answer);
    let offered = lines(&offer, 1);
    // 101 means keys in the line of the sound; the others keep their numbers.
    assert_eq!(offered[0], "m=video 10002 RTP/AVP 96 102 103");
    assert_eq!(offered[1], "b=AS:2500");
    assert!(offered.contains(&"a=rtcp-fb:102 nack pli".to_owned()), "{offered:?}");
    assert!(!offered.iter().any(|line| line.ends_with("nack") || line.contains("extmap") || line.contains("ptime")));
    let answered = lines(&answer, 1);
    assert_eq!(answered[0], "m=video 10002 RTP/AVPF 102");
    assert!(
        answered.contains(&"a=fmtp:102 packetization-mode=1;profile-level-id=42E00C;sprop-parameter-sets=x".to_owned())
    );
    assert!(answered.contains(&"a=rtcp-fb:102 nack pli".to_owned()), "{answered:?}");
    assert!(!answered.iter().any(|line| line.contains("ccm fir")), "that was not offered");
    let agreed = |leg: &Negotiation| leg.agreed().and_then(Agreed::pictures).cloned().expect("pictures");
    assert_eq!((agreed(&caller).send[0].payload_type, agreed(&callee).send[0].payload_type), (102, 102));
    assert!(agreed(&caller).asks.lost && !agreed(&caller).asks.whole);
    assert_eq!(agreed(&callee).rtp, Some(([192, 0, 2, 1], 6002).into()));
}

#[test]
fn pictures_that_the_callee_does_not_take_are_declined_and_the_sound_goes_on() {
    for answer in ["", "m=video 0 RTP/AVP 96\n", "m=video 6002 RTP/AVP 34\n"] {
        let (caller, callee, _, answer) = through(answer);
        assert_eq!(callee.agreed().and_then(Agreed::pictures), None);
        assert_eq!(lines(&answer, 1)[0], "m=video 0 RTP/AVPF 101 102 103");
        assert!(caller.agreed().and_then(Agreed::sound).is_some());
    }
}

#[test]
fn pictures_of_another_profile_or_packed_otherwise_are_others() {
    let agree = |ours: &str, theirs: &str| crate::sdp::fmtp::agree(&Codec::H264, Some(ours), Some(theirs));
    assert!(agree("profile-level-id=42e01f", "PROFILE-LEVEL-ID=42E00C;packetization-mode=0"));
    assert!(agree("packetization-mode=1", "profile-level-id=42000a; packetization-mode=1"));
    assert!(!agree("profile-level-id=42e01f", "profile-level-id=64001f"));
    assert!(!agree("profile-level-id=42e01f;packetization-mode=1", "profile-level-id=42e01f"));
}

#[test]
fn a_browser_has_its_pictures_on_the_way_of_its_sound_and_nowhere_else() {
    let way = |mut plan: SoundPlan| {
        plan.policy.protection = Protection::Dtls;
        plan.place = Place::new(at(10_000), None);
        plan.place.fingerprint = Some(Fingerprint { hash: "sha-256".into(), bytes: vec![0xab; 32] });
        let (ufrag, pwd) = ("ours".into(), "ours-password-is-long-enough".into());
        plan.place.ice = Some(Ice { ufrag, pwd, lite: true, ..Ice::default() });
        plan
    };
    let vp8 = [Format::new(96, Codec::VP8)];
    let parts = || {
        let pictures = way(pictures_plan(&vp8, Protection::Dtls));
        vec![Part::sound(0, way(plan(policy()))), Part::sound(PICTURES, pictures)]
    };
    let mut browser = hearing(offers::CHROMIUM);
    assert!(is_bundled(browser.received().expect("an offer"), &browser.received().expect("an offer").media[1]));
    let answer = browser.answer(parts()).expect("an answer");
    assert!(answer.attributes.to_string().contains("a=group:BUNDLE 0 1\r\n"));
    assert_eq!(lines(&answer, 1)[0], "m=video 10000 UDP/TLS/RTP/SAVPF 96");

    let mut called = leg();
    let offer = called.offer(parts()).expect("an offer");
    assert!(offer.attributes.to_string().contains("a=group:BUNDLE 0 1\r\n"));
    let line = |kind: &str, mid: u8, number: u8, name: &str| {
        format!(
            "m={kind} 9 UDP/TLS/RTP/SAVPF {number}\na=rtpmap:{number} {name}\na=mid:{mid}\na=setup:active\na=rtcp-mux\n\
             a=ice-ufrag:them\na=ice-pwd:their-password-is-long-enough\na=fingerprint:sha-256 {}\n",
            ["AB"; 32].join(":")
        )
    };
    let both = format!("{}{}", line("audio", 0, 8, "PCMA/8000"), line("video", 1, 96, "VP8/90000"));
    let apart = called.preview(&read(&both)).expect("an agreement");
    assert_eq!((apart.sound().is_some(), apart.pictures()), (true, None), "there is one way to a browser");
    let agreed = called.preview(&read(&format!("a=group:BUNDLE 0 1\n{both}"))).expect("an agreement");
    assert!(agreed.pictures().is_some());
}
