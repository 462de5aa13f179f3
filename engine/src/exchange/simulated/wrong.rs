//! What nobody should say: said by a carrier, who is asked for no password, and answered by the whole house.

use std::time::Duration;

use super::phone::Deed;
use super::town::{ALICE, BOB, CARRIER, Town, Weather};

const SOUND: &str = "v=0\r\no=- 1 1 IN IP4 198.51.100.13\r\ns=-\r\nc=IN IP4 198.51.100.13\r\nt=0 0\r\n";

/// A request of the carrier's, to a service that answers.
fn request(method: &str, to_tag: &str, headers: &str, body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} sip:+49302@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.13:5060;branch=z9hG4bK-{method}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:+49301@198.51.100.13>;tag=theirs\r\nTo: <sip:+49302@192.0.2.1>{to_tag}\r\n\
         Call-ID: wrong\r\nCSeq: 1 {method}\r\nContact: <sip:198.51.100.13>\r\n{headers}{kind}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What the house answers at last, after which nothing is left of it.
fn answered(text: &str) -> String {
    let mut town = Town::new(3, Weather::CALM);
    town.curfew = town.start + Duration::from_secs(40);
    town.say(CARRIER, text);
    if let Err(broken) = town.live() {
        panic!("{broken}\n{}", town.ladder());
    }
    let told = town.told(CARRIER);
    let finals = told.iter().filter(|line| line.starts_with(['2', '3', '4', '5', '6']));
    finals.map(|line| line[..3].to_owned()).next().unwrap_or_default()
}

#[test]
fn an_offer_that_has_nothing_for_us_is_answered_488() {
    let strange = format!("{SOUND}m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 STRANGE/8000\r\n");
    assert_eq!(answered(&request("INVITE", "", "", &strange)), "488", "no codec in common");
    let video = format!("{SOUND}m=video 4000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n");
    assert_eq!(answered(&request("INVITE", "", "", &video)), "488", "nothing but video");
}

#[test]
fn who_takes_the_place_of_nobody_is_told_so() {
    let good = format!("{SOUND}m=audio 4000 RTP/AVP 8\r\n");
    let headers = "Replaces: nobody@nowhere;to-tag=a;from-tag=b\r\n";
    assert_eq!(answered(&request("INVITE", "", headers, &good)), "481");
}

#[test]
fn requests_inside_a_dialog_that_is_not_there_are_for_nobody() {
    for method in ["BYE", "INFO", "UPDATE", "REFER", "NOTIFY", "MESSAGE", "PRACK", "INVITE"] {
        assert_eq!(answered(&request(method, ";tag=nobodys", "", "")), "481", "{method}");
    }
}

#[test]
fn an_answer_to_what_nobody_asked_is_answered_by_silence() {
    let stray = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-gone\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: gone\r\nCSeq: 1 INVITE\r\nContact: <sip:198.51.100.13>\r\n\
                 Content-Length: 0\r\n\r\n";
    assert_eq!(answered(stray), "");
}

#[test]
fn who_refers_the_other_party_to_itself_rings_once_more_and_leaves_nothing_behind() {
    let mut town = Town::new(1, Weather::CALM);
    town.curfew = town.start + Duration::from_secs(12);
    for (at, phone, deed) in [
        (0, ALICE, Deed::Register),
        (0, BOB, Deed::Register),
        (1, ALICE, Deed::Call("102")),
        (4, BOB, Deed::Transfer("102")),
    ] {
        let at = town.start + Duration::from_secs(at);
        town.phones[phone].will(at, deed);
    }
    if let Err(broken) = town.live() {
        panic!("{broken}\n{}", town.ladder());
    }
    let told = town.told(BOB);
    assert!(told.iter().any(|line| line.starts_with("202")), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.starts_with("INVITE")).count(), 2, "{told:?}");
}
