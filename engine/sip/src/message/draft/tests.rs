//! What goes out, byte by byte.

use bytes::Bytes;

use crate::{Draft, Message, Method, Name, Request, Transport};

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776;rport, SIP/2.0/TCP old;branch=z9hG4bK1\r\n\
    Via: SIP/2.0/TCP older;branch=z9hG4bK0\r\n\
    Record-Route: <sip:p2;lr>\r\n\
    Record-Route: <sip:p1;lr>\r\n\
    From: Alice <sip:alice@atlanta.com>;tag=19\r\n\
    To: \"a;tag=no\" <sip:bob@biloxi.com;tag=no>\r\n\
    Call-ID: a84b@pc33\r\n\
    CSeq: 31 INVITE\r\n\
    Timestamp: 54.3\r\n\
    Max-Forwards: 70\r\n\
    X-Odd: \u{fc}\r\n\
    Content-Length: 0\r\n\r\n";

fn request(text: &str) -> Request {
    match Message::parse(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(Message::Request(request)) => request,
        other => panic!("a request was expected, not {other:?}"),
    }
}

fn text(draft: &Draft) -> String {
    String::from_utf8(draft.finish().to_vec()).unwrap()
}

#[test]
fn a_request_is_written_in_the_stable_order() {
    let draft = Draft::request(Method::Invite, "sip:bob@biloxi.com")
        .body("application/sdp", Bytes::from_static(b"v=0\r\n"))
        .header(Name::UserAgent, "Patchcord")
        .header(Name::Contact, "<sip:a@h>")
        .header(Name::CSeq, "1 INVITE")
        .header(Name::CallId, "c")
        .header(Name::To, "<sip:bob@biloxi.com>")
        .header(Name::From, "<sip:a@h>;tag=1")
        .header(Name::Other("X-Last"), 7)
        .header(Name::MaxForwards, 70)
        .header(Name::Route, "<sip:p1;lr>")
        .header(Name::Route, "<sip:p2;lr>")
        .via(Transport::Tls, "h:5061", "z9hG4bK1");
    assert_eq!(
        text(&draft),
        "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
         Via: SIP/2.0/TLS h:5061;branch=z9hG4bK1;rport\r\n\
         Route: <sip:p1;lr>\r\n\
         Route: <sip:p2;lr>\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:a@h>;tag=1\r\n\
         To: <sip:bob@biloxi.com>\r\n\
         Call-ID: c\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:a@h>\r\n\
         User-Agent: Patchcord\r\n\
         X-Last: 7\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: 5\r\n\r\nv=0\r\n"
    );
}

#[test]
fn a_reply_goes_back_the_way_the_request_came() {
    let reply = Draft::reply(&request(INVITE), "192.0.2.9:1024".parse().unwrap(), 180).to_tag("ours");
    assert_eq!(
        text(&reply),
        "SIP/2.0 180 Ringing\r\n\
         Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776;rport=1024;received=192.0.2.9, SIP/2.0/TCP old;branch=z9hG4bK1\r\n\
         Via: SIP/2.0/TCP older;branch=z9hG4bK0\r\n\
         From: Alice <sip:alice@atlanta.com>;tag=19\r\n\
         To: \"a;tag=no\" <sip:bob@biloxi.com;tag=no>;tag=ours\r\n\
         Call-ID: a84b@pc33\r\n\
         CSeq: 31 INVITE\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_tag_that_is_there_stays() {
    let with_tag = INVITE.replace("tag=no>", "tag=no>;tag=theirs");
    let reply = Draft::reply(&request(&with_tag), "192.0.2.9:1".parse().unwrap(), 200).to_tag("ours");
    assert_eq!(reply.get(Name::To), Some("\"a;tag=no\" <sip:bob@biloxi.com;tag=no>;tag=theirs"));
}

#[test]
fn trying_repeats_the_timestamp_and_nothing_else_does() {
    let from = "192.0.2.9:1".parse().unwrap();
    assert_eq!(Draft::reply(&request(INVITE), from, 100).get(Name::Timestamp), Some("54.3"));
    assert_eq!(Draft::reply(&request(INVITE), from, 200).get(Name::Timestamp), None);
}

#[test]
fn dialog_makers_copy_record_route_in_order() {
    let invite = request(INVITE);
    let reply = Draft::reply(&invite, "192.0.2.9:1".parse().unwrap(), 200).record_route(&invite);
    let written = text(&reply);
    assert!(written.contains("Record-Route: <sip:p2;lr>\r\nRecord-Route: <sip:p1;lr>\r\nFrom:"), "{written}");
}

#[test]
fn nothing_handed_in_can_start_a_line() {
    let draft = Draft::request(Method::Other(Bytes::from_static(b"A\r\nB")), "sip:h SIP/2.0\r\nX: 1")
        .header(Name::Subject, "a\r\nX: 2")
        .raw("Bad\r\nX", b"v\nX: 3")
        .raw("", b"unnamed")
        .body("text/plain\r\nX: 4", Bytes::new());
    let written = text(&draft);
    let starts: Vec<_> = written.split("\r\n").map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(starts, ["A--B sip", "Subject", "Bad--X", "-", "Content-Type", "Content-Length", "", ""]);
    assert!(!written.replace("\r\n", "").contains(['\r', '\n']), "{written:?}");

    let reply = Draft::reply(&request(INVITE), "192.0.2.9:1".parse().unwrap(), 400).phrase("No\r\nX: 5");
    assert!(text(&reply).starts_with("SIP/2.0 400 No  X: 5\r\nVia:"));
}

#[test]
fn bytes_that_are_no_text_are_copied_as_they_are() {
    let bytes = [&b"OPTIONS sip:h SIP/2.0\r\nX-Odd: \xff\xfe\0\r\nx-odd: b\r\n\r\n"[..]].concat();
    let Ok(Message::Request(request)) = Message::parse(bytes.into()) else { panic!("a request") };
    let copy = Draft::request(Method::Options, "sip:h").copy(&request, Name::Other("X-Odd")).finish();
    assert!(copy.windows(16).any(|window| window == b"X-Odd: \xff\xfe\0\r\nX-Od"), "{copy:?}");
    let Ok(Message::Request(copied)) = Message::parse(copy) else { panic!("a request") };
    assert_eq!(copied.raw_all(Name::Other("x-odd")).collect::<Vec<_>>(), [&b"\xff\xfe\0"[..], b"b"]);
}

#[test]
fn a_line_can_be_taken_back_and_the_first_value_alone_be_copied() {
    let invite = request(INVITE);
    let ack = Draft::request(Method::Ack, invite.uri_text())
        .copy_first(&invite, Name::Via)
        .header(Name::Subject, "x")
        .header(Name::Other("X-Mine"), "y")
        .without(Name::Subject)
        .without(Name::Other("x-mine"));
    assert_eq!(
        text(&ack),
        "ACK sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776;rport\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_request_that_lacks_everything_still_gets_a_reply() {
    let bare = request("INVITE sip:h SIP/2.0\r\nVia: nonsense\r\nTo: \"open\r\nTo: second\r\n\r\n");
    let reply = Draft::reply(&bare, "192.0.2.9:1".parse().unwrap(), 400).to_tag("t");
    assert_eq!(
        text(&reply),
        "SIP/2.0 400 Bad Request\r\nVia: nonsense\r\nTo: \"open;tag=t\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn content_length_is_ours_alone() {
    let draft = Draft::request(Method::Message, "sip:h")
        .header(Name::ContentLength, 99)
        .raw("l", "98")
        .body("text/plain", Bytes::from_static(b"first"))
        .body("text/html", Bytes::from_static(b"hi"));
    assert_eq!(text(&draft), "MESSAGE sip:h SIP/2.0\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi");
}
