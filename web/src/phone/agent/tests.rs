//! A page on one side and the engine on the other, both played by the test: what one says, the other hears.

use patchcord_media::sdp::ice::{MAX_CANDIDATES, Trickled};
use patchcord_sip::message::Draft;

use super::*;
use crate::phone::words;

const OFFER: &str = "v=0\r\no=page 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";
const ANSWER: &str = "v=0\r\no=engine 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// An agent, and the time.
pub(super) struct Stage {
    pub agent: Agent,
    pub now: Instant,
}

fn stage(registers: bool) -> Stage {
    #[expect(clippy::disallowed_methods, reason = "a test's time has to begin somewhere")]
    let now = Instant::now();
    let ends = ("192.0.2.1:8443".parse().expect("an address"), "198.51.100.7:50000".parse().expect("an address"));
    let who = Who { user: "alice".into(), registers, transport: Transport::Wss, ends };
    Stage { agent: Agent::new(who, [7; 32], now), now }
}

impl Stage {
    /// The page says that.
    fn say(&mut self, said: Said) {
        self.agent.say(said, self.now);
    }

    /// The next request that the engine hears.
    fn request(&mut self) -> Request {
        loop {
            match self.agent.poll(self.now) {
                Some(Out::Sip(bytes)) => match Message::parse(bytes) {
                    Ok(Message::Request(request)) => return request,
                    other => panic!("no request: {other:?}"),
                },
                Some(Out::Page(_)) => {}
                None => panic!("nothing is said"),
            }
        }
    }

    /// The status of the next answer that the engine hears, and its body.
    fn status(&mut self) -> (u16, String) {
        match self.agent.poll(self.now) {
            Some(Out::Sip(bytes)) => match Message::parse(bytes) {
                Ok(Message::Response(response)) => {
                    (response.status().code(), String::from_utf8_lossy(response.body_bytes()).into_owned())
                }
                other => panic!("no answer: {other:?}"),
            },
            other => panic!("no answer: {other:?}"),
        }
    }

    /// What the page is told next.
    fn told(&mut self) -> Told {
        loop {
            match self.agent.poll(self.now) {
                Some(Out::Page(told)) => return told,
                Some(Out::Sip(_)) => {}
                None => panic!("the page is told nothing"),
            }
        }
    }

    /// The engine answers a request.
    fn reply(&mut self, request: &Request, status: u16, body: Option<&'static str>) {
        let from = "198.51.100.7:50000".parse().expect("an address");
        let reply = Draft::reply(request, from, status).to_tag("ours").text(Name::Contact, "<sip:engine@192.0.2.1>");
        let reply = body.into_iter().fold(reply, |reply, body| reply.body(SDP, body.into()));
        self.agent.hear(reply.finish(), self.now);
    }

    /// The engine says that.
    pub fn hear(&mut self, text: &str) {
        self.agent.hear(Bytes::from(text.replace('\n', "\r\n")), self.now);
    }

    /// A talk that the page has begun and the engine has answered.
    pub fn talking(registers: bool) -> (Self, Request) {
        let mut stage = stage(registers);
        stage.say(dial("a", "1000"));
        let invite = stage.request();
        stage.reply(&invite, 200, Some(ANSWER));
        // What is sent goes before what is told, however they come out.
        let outs: Vec<Out> = std::iter::from_fn(|| stage.agent.poll(stage.now)).collect();
        assert!(outs.contains(&Out::Page(Told::Answered { talk: "a".into(), sdp: Some(ANSWER.into()) })), "{outs:?}");
        assert!(outs.iter().any(|out| matches!(out, Out::Sip(ack) if ack.starts_with(b"ACK "))), "{outs:?}");
        (stage, invite)
    }
}

fn dial(talk: &str, to: &str) -> Said {
    Said::Dial { talk: talk.into(), to: to.into(), sdp: OFFER.into() }
}

/// A request of the engine within the talk that the page has begun.
pub(super) fn inside(method: &str, invite: &Request, headers: &str, body: &str) -> String {
    let (from, call_id) = (invite.get(Name::From).expect("From"), invite.call_id().expect("Call-ID"));
    let target = invite.contact().expect("a contact").and_then(|contact| contact.addr()).expect("an address");
    format!(
        "{method} {} SIP/2.0\nVia: SIP/2.0/WSS 192.0.2.1;branch=z9hG4bK{method}{}\nMax-Forwards: 70\n\
         From: <sip:1000@192.0.2.1>;tag=ours\nTo: {from}\nCall-ID: {call_id}\nCSeq: 1 {method}\n\
         Contact: <sip:engine@192.0.2.1>\n{headers}Content-Length: {}\n\n{body}",
        target.uri.as_str(),
        body.len(),
        body.replace('\n', "\r\n").len(),
    )
}

/// The same as a later request of its dialog.
pub(super) fn again(said: String, number: u32) -> String {
    said.replace("CSeq: 1 ", &format!("CSeq: {number} ")).replace("z9hG4bK", &format!("z9hG4bK{number}"))
}

fn ring(body: &str) -> String {
    format!(
        "INVITE sip:x@y.invalid SIP/2.0\nVia: SIP/2.0/WSS 192.0.2.1;branch=z9hG4bKring\nMax-Forwards: 70\n\
         From: \"Bob\" <sip:102@192.0.2.1>;tag=bob\nTo: <sip:alice@192.0.2.1>\nCall-ID: ring@engine\nCSeq: 1 INVITE\n\
         Contact: <sip:engine@192.0.2.1>\nContent-Type: application/sdp\nContent-Length: {}\n\n{body}",
        body.replace('\n', "\r\n").len()
    )
}

#[test]
fn an_endpoint_registers_and_again_long_before_that_lapses_because_another_page_may_have_taken_its_place() {
    let mut stage = stage(true);
    stage.agent.wake(stage.now);
    let register = stage.request();
    assert_eq!((register.method(), register.uri_text()), (&Method::Register, "sip:192.0.2.1"));
    let contact = register.get(Name::Contact).expect("a contact").to_owned();
    let from = "198.51.100.7:50000".parse().expect("an address");
    let granted =
        Draft::reply(&register, from, 200).to_tag("ours").text(Name::Contact, &format!("{contact};expires=3600"));
    stage.agent.hear(granted.finish(), stage.now);
    assert_eq!(stage.agent.poll(stage.now), None);

    stage.now += Duration::from_secs(30);
    stage.agent.wake(stage.now);
    let again = stage.request();
    assert_eq!(again.call_id(), register.call_id());
    assert_eq!(again.cseq().expect("CSeq").number, 2);
}

#[test]
fn a_guest_does_not_register() {
    let mut stage = stage(false);
    stage.agent.wake(stage.now);
    assert_eq!(stage.agent.poll(stage.now), None);
}

#[test]
fn a_call_rings_and_is_answered_and_the_page_hangs_up() {
    let mut stage = stage(false);
    stage.say(dial("a", "+49 (30) 1234"));
    let invite = stage.request();
    assert_eq!((invite.uri_text(), invite.body_bytes()), ("sip:+49301234@192.0.2.1", OFFER.as_bytes()));
    stage.reply(&invite, 180, None);
    assert_eq!(stage.told(), Told::Progress { talk: "a".into(), state: "ringing", sdp: None });
    stage.reply(&invite, 183, Some(ANSWER));
    assert_eq!(stage.told(), Told::Progress { talk: "a".into(), state: "early", sdp: Some(ANSWER.into()) });
    stage.reply(&invite, 200, Some(ANSWER));
    assert_eq!(stage.told(), Told::Answered { talk: "a".into(), sdp: Some(ANSWER.into()) });
    assert_eq!(stage.request().method(), &Method::Ack);
    stage.say(Said::Hangup { talk: "a".into(), busy: false });
    assert!(matches!(stage.told(), Told::Ended { why: Why { code: "hung_up", .. }, .. }));
    assert_eq!(stage.request().method(), &Method::Bye);
    assert_eq!(stage.agent.talks(), 0);
}

#[test]
fn a_refusal_tells_why_in_a_word_and_in_its_own_words() {
    for (status, code) in [
        (486, "busy"),
        (403, "forbidden"),
        (404, "not_found"),
        (480, "no_answer"),
        (488, "unfit"),
        (503, "unavailable"),
    ] {
        let mut stage = stage(false);
        stage.say(dial("a", "1000"));
        let invite = stage.request();
        stage.reply(&invite, status, None);
        let Told::Ended { why, .. } = stage.told() else { panic!("it is over") };
        assert_eq!((why.code, why.status), (code, Some(status)));
    }
}

#[test]
fn a_call_that_the_page_gives_up_is_cancelled_and_an_answer_that_was_quicker_is_ended() {
    let mut stage = stage(false);
    stage.say(dial("a", "1000"));
    let invite = stage.request();
    stage.reply(&invite, 180, None);
    stage.told();
    stage.say(Said::Hangup { talk: "a".into(), busy: false });
    assert!(matches!(stage.told(), Told::Ended { .. }));
    assert_eq!(stage.request().method(), &Method::Cancel);
    stage.reply(&invite, 200, Some(ANSWER));
    assert_eq!(stage.request().method(), &Method::Ack);
    assert_eq!(stage.request().method(), &Method::Bye);
    assert_eq!(stage.agent.poll(stage.now), None, "the page is told once");
}

#[test]
fn who_calls_rings_the_page_and_hears_its_answer() {
    let mut stage = stage(false);
    stage.hear(&ring(&OFFER.replace("\r\n", "\n")));
    let Told::Ring { talk, from, name, sdp } = stage.told_after_status(180) else { panic!("it rings") };
    assert_eq!((&*from, &*name, sdp.as_deref()), ("102", "Bob", Some(OFFER)));
    stage.say(Said::Answer { talk: talk.clone(), sdp: ANSWER.into() });
    assert_eq!(stage.status(), (200, ANSWER.into()));
    stage.say(Said::Answer { talk, sdp: ANSWER.into() });
    assert!(matches!(stage.told(), Told::Error { error: Refusal { code: "wrong_state", .. }, .. }));
}

impl Stage {
    /// The engine hears that status, and the page is told something.
    fn told_after_status(&mut self, status: u16) -> Told {
        let outs: Vec<Out> = std::iter::from_fn(|| self.agent.poll(self.now)).collect();
        let head = format!("SIP/2.0 {status} ");
        assert!(outs.iter().any(|out| matches!(out, Out::Sip(sip) if sip.starts_with(head.as_bytes()))), "{outs:?}");
        let told = outs.into_iter().find_map(|out| if let Out::Page(told) = out { Some(told) } else { None });
        told.expect("the page is told")
    }
}

#[test]
fn a_caller_who_gives_up_and_one_who_was_answered_elsewhere_are_told_apart() {
    for (reason, code) in
        [("", "cancelled"), ("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\n", "answered_elsewhere")]
    {
        let mut stage = stage(false);
        stage.hear(&ring(&OFFER.replace("\r\n", "\n")));
        stage.told_after_status(180);
        let cancel = ring("").replace("INVITE", "CANCEL").replace("Content-Type: application/sdp\n", reason);
        stage.hear(&cancel);
        let Told::Ended { why, .. } = stage.told_after_status(487) else { panic!("it is over") };
        assert_eq!(why.code, code);
    }
}

#[test]
fn a_refused_ring_is_busy_or_declined() {
    for (busy, status) in [(true, 486), (false, 603)] {
        let mut stage = stage(false);
        stage.hear(&ring(&OFFER.replace("\r\n", "\n")));
        let Told::Ring { talk, .. } = stage.told_after_status(180) else { panic!("it rings") };
        stage.say(Said::Hangup { talk, busy });
        stage.told_after_status(status);
        assert_eq!(stage.agent.talks(), 0);
    }
}

#[test]
fn another_offer_of_either_side_is_answered_by_the_other() {
    let (mut stage, invite) = Stage::talking(false);
    stage.say(Said::Offer { talk: "a".into(), sdp: OFFER.into() });
    let again = stage.request();
    assert_eq!((again.method(), again.cseq().expect("CSeq").number), (&Method::Invite, 2));
    stage.reply(&again, 200, Some(ANSWER));
    assert_eq!(stage.told(), Told::Accept { talk: "a".into(), sdp: ANSWER.into() });
    assert_eq!(stage.request().method(), &Method::Ack);

    let offered = inside("INVITE", &invite, "Content-Type: application/sdp\n", &ANSWER.replace("\r\n", "\n"));
    stage.hear(&offered);
    assert_eq!(stage.told(), Told::Offer { talk: "a".into(), sdp: ANSWER.into() });
    stage.say(Said::Offer { talk: "a".into(), sdp: OFFER.into() });
    assert!(matches!(stage.told(), Told::Error { error: Refusal { code: "glare", .. }, .. }));
    stage.say(Said::Accept { talk: "a".into(), sdp: OFFER.into() });
    assert_eq!(stage.status(), (200, OFFER.into()));
}

#[test]
fn an_offer_that_is_refused_leaves_the_talk_as_it_was() {
    let (mut stage, _) = Stage::talking(false);
    for (status, code) in [(491, "glare"), (488, "unfit")] {
        stage.say(Said::Offer { talk: "a".into(), sdp: OFFER.into() });
        let again = stage.request();
        stage.reply(&again, status, None);
        let outs: Vec<Out> = std::iter::from_fn(|| stage.agent.poll(stage.now)).collect();
        let complains = |out: &Out| matches!(out, Out::Page(Told::Error { error, .. }) if error.code == code);
        assert!(outs.iter().any(complains), "{status}: {outs:?}");
    }
    assert_eq!(stage.agent.talks(), 1);
}

#[test]
fn a_transfer_is_asked_for_and_how_it_goes_is_told() {
    let (mut stage, invite) = Stage::talking(false);
    stage.say(Said::Transfer { talk: "a".into(), to: Some("102".into()), with: None });
    let refer = stage.request();
    assert_eq!(refer.get(Name::ReferTo), Some("<sip:102@192.0.2.1>"));
    stage.reply(&refer, 202, None);
    let notify = inside("NOTIFY", &invite, "Event: refer\nContent-Type: message/sipfrag\n", "SIP/2.0 200 OK");
    stage.hear(&notify);
    let told = stage.told();
    assert_eq!(told, Told::Transfer { talk: "a".into(), status: 200, reason: "OK".into(), done: true });
    assert_eq!(stage.status().0, 200);
    stage.say(Said::Transfer { talk: "a".into(), to: None, with: Some("a".into()) });
    assert!(matches!(stage.told(), Told::Error { error: Refusal { code: "wrong_state", .. }, .. }));
}

#[test]
fn a_transfer_that_does_not_come_about_is_told_in_the_words_of_a_call_and_says_where_a_service_talks() {
    assert_eq!(end::came_to(403, "Forbidden"), "that number leads nowhere from here");
    assert_eq!(end::came_to(486, "Busy Here"), "the other side is busy");
    assert!(end::came_to(481, "Call/Transaction Does Not Exist").contains("with a service"));
    assert!(end::not_passed_on(603, "Decline").contains("with a service"));
    assert_eq!(end::not_passed_on(403, "Forbidden"), "that is not allowed");
}

#[test]
fn a_call_that_does_not_fit_says_what_does_not() {
    let reason = "SIP;cause=488;text=\"the certificate is another one\", Q.850;cause=88";
    let no_sound = "the two sides have no kind of sound in common";
    for (header, value, words) in [
        (Name::Reason, reason, "the certificate is another one"),
        (Name::Warning, "399 patchcord \"no fingerprint\"", "no fingerprint"),
        (Name::Warning, "305 patchcord \"no codec\"", no_sound),
        (Name::Server, "other", no_sound),
    ] {
        let mut stage = stage(false);
        stage.say(dial("a", "1000"));
        let invite = stage.request();
        let from = "198.51.100.7:50000".parse().expect("an address");
        let reply = Draft::reply(&invite, from, 488).to_tag("ours").text(header, value);
        stage.agent.hear(reply.finish(), stage.now);
        let Told::Ended { why, .. } = stage.told() else { panic!("it is over") };
        assert_eq!((why.code, &*why.reason), ("unfit", words));
    }
}

#[test]
fn keys_go_beside_the_sound_where_they_are_keys() {
    let (mut stage, _) = Stage::talking(false);
    stage.say(Said::Press { talk: "a".into(), key: '#', ms: None });
    assert_eq!(stage.request().body_bytes(), b"Signal=#\r\nDuration=160\r\n");
    let two = words::read(r#"{"type":"press","talk":"a","key":"AB"}"#);
    assert_eq!(two.expect_err("one key at a time").reason, words::KEYS);
    stage.say(Said::Press { talk: "a".into(), key: 'x', ms: None });
    assert!(matches!(stage.told(), Told::Error { error: Refusal { code: "malformed", .. }, .. }));
}

#[test]
fn candidates_that_come_later_follow_the_description_that_they_belong_to() {
    let (mut stage, _) = Stage::talking(false);
    let later = |candidate: Option<&str>| Said::Candidate { talk: "a".into(), candidate: candidate.map(str::to_owned) };
    const ONE: &str = "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host generation 0";
    // A description without ICE has no candidates, and the last one, which is empty, says nothing of an address.
    stage.say(later(Some(ONE)));
    stage.say(later(Some("")));
    stage.say(later(None));
    assert_eq!(stage.agent.poll(stage.now), None);

    let ice = "c=IN IP4 0.0.0.0\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=mid:sound\r\n";
    stage.say(Said::Offer { talk: "a".into(), sdp: format!("{OFFER}{ice}") });
    let offer = stage.request();
    stage.reply(&offer, 200, Some(ANSWER));
    while stage.agent.poll(stage.now).is_some() {}
    stage.say(later(Some(ONE)));
    let info = stage.request();
    assert_eq!(info.method(), &Method::Info);
    assert!(info.content_type().is_some_and(|kind| kind.is("application/trickle-ice-sdpfrag")));
    let fragment = std::str::from_utf8(info.body_bytes()).expect("text");
    assert!(
        fragment.contains("a=mid:sound\r\na=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\r\n"),
        "{fragment}"
    );
    let read = Trickled::read(fragment).expect("the engine understands it");
    assert_eq!((read.ufrag.as_str(), read.candidates.len()), ("8hhY", 1));

    stage.say(later(Some("candidate:1")));
    assert!(matches!(stage.told(), Told::Error { error: Refusal { code: "malformed", .. }, .. }));
    stage.say(Said::Candidate { talk: "none".into(), candidate: None });
    assert!(matches!(stage.told(), Told::Error { .. }));
    // By the thousand: so many as anybody has are told, and the others cost nothing.
    stage.reply(&info, 200, None);
    let mut told = 1;
    for _ in 0..1000 {
        stage.say(later(Some(ONE)));
        while let Some(out) = stage.agent.poll(stage.now) {
            let Out::Sip(bytes) = out else { panic!("nothing is wrong with it: {out:?}") };
            let Ok(Message::Request(info)) = Message::parse(bytes) else { panic!("a request") };
            stage.reply(&info, 200, None);
            told += 1;
        }
    }
    assert_eq!(told, MAX_CANDIDATES);
}

#[test]
fn a_bye_of_the_other_side_ends_the_talk() {
    let (mut stage, invite) = Stage::talking(false);
    stage.hear(&inside("BYE", &invite, "Reason: Q.850;cause=16;text=\"time is over\"\n", ""));
    let Told::Ended { why, .. } = stage.told_after_status(200) else { panic!("it is over") };
    assert_eq!((why.code, &*why.reason), ("hung_up", "time is over"));
}

#[test]
fn a_page_is_told_whether_somebody_hung_up_or_it_was_lost_or_the_server_failed() {
    for (reason, code, words) in [
        ("", "hung_up", "the other side hung up"),
        ("Reason: Q.850;cause=16;text=\"hung up by an operator\"\n", "hung_up", "hung up by an operator"),
        (
            "Reason: SIP;cause=408;text=\"the longest call was over\", Q.850;cause=16\n",
            "hung_up",
            "the longest call was over",
        ),
        (
            "Reason: SIP;cause=408;text=\"the browser was not heard for 30 s\", Q.850;cause=41\n",
            "lost",
            "the browser was not heard for 30 s",
        ),
        ("Reason: Q.850;cause=47;text=\"the server stops\"\n", "unavailable", "the server stops"),
        ("Reason: SIP;cause=500, Q.850;cause=41\n", "unavailable", "something went wrong in the server"),
    ] {
        let (mut stage, invite) = Stage::talking(false);
        stage.hear(&inside("BYE", &invite, reason, ""));
        let Told::Ended { why, .. } = stage.told_after_status(200) else { panic!("it is over") };
        assert_eq!((why.code, &*why.reason), (code, words), "{reason}");
    }
}

#[test]
fn a_refusal_is_told_in_words_that_people_use() {
    for (status, phrase, words) in [
        (603, "Decline", "the other side declined the call"),
        (486, "Busy Here", "the other side is busy"),
        (403, "No Route To That Number", "that number leads nowhere from here"),
        (403, "The Token Is For Other Numbers", "the token is for other numbers"),
        (416, "SIPS Needs TLS", "SIPS needs TLS"),
        (480, "call Bob at home", "call Bob at home"),
        (480, "Closed", "Closed"),
    ] {
        assert_eq!(Why::of_status(status, phrase).reason, words);
    }
}

#[test]
fn a_page_is_told_once_that_it_is_held_and_once_that_it_is_not() {
    let (mut stage, invite) = Stage::talking(false);
    let held = |held| Told::Held { talk: "a".into(), held };
    let word = "Info-Package: patchcord-hold\nContent-Type: text/plain\n";
    stage.hear(&inside("INFO", &invite, word, "held"));
    assert_eq!(stage.told_after_status(200), held(true));
    let offer = OFFER.replace("\r\n", "\n") + "a=sendonly\n";
    stage.hear(&again(inside("UPDATE", &invite, "Content-Type: application/sdp\n", &offer), 2));
    assert!(matches!(stage.told(), Told::Offer { .. }));
    stage.say(Said::Accept { talk: "a".into(), sdp: ANSWER.into() });
    stage.hear(&again(inside("INFO", &invite, word, "resumed"), 3));
    let told: Vec<Out> = std::iter::from_fn(|| stage.agent.poll(stage.now)).collect();
    assert!(!told.iter().any(|out| matches!(out, Out::Page(Told::Held { .. }))), "it still is: {told:?}");
    let offer = OFFER.replace("\r\n", "\n") + "a=sendrecv\n";
    stage.hear(&again(inside("UPDATE", &invite, "Content-Type: application/sdp\n", &offer), 4));
    assert!(matches!(stage.told(), Told::Offer { .. }));
    assert_eq!(stage.told(), held(false));
}

#[test]
fn a_page_has_so_many_talks_and_no_more() {
    let mut stage = stage(false);
    for talk in 0..MAX_TALKS {
        stage.say(dial(&talk.to_string(), "1000"));
        stage.request();
    }
    stage.say(dial("more", "1000"));
    assert!(matches!(stage.told(), Told::Error { error: Refusal { code: "too_many_talks", .. }, .. }));
    stage.hear(&ring(&OFFER.replace("\r\n", "\n")));
    assert_eq!(stage.status().0, 486, "whoever calls now finds it busy");
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_is_sent() {
    let mut stage = stage(false);
    for (said, code) in [
        (dial("a", " "), "malformed"),
        (Said::Answer { talk: "none".into(), sdp: OFFER.into() }, "unknown_talk"),
        (Said::Hello { version: 1, token: None, resume: None, heard: 0 }, "wrong_state"),
        (Said::Message { talk: None, to: None, text: "x".into() }, "malformed"),
    ] {
        stage.say(said);
        let Told::Error { error, .. } = stage.told() else { panic!("it is refused") };
        assert_eq!(error.code, code);
    }
    assert_eq!(stage.agent.poll(stage.now), None);
}
