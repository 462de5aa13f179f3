//! What a message says, asked through its public face.

use bytes::Bytes;

use crate::message::MAX_LINES;
use crate::{Contact, Fault, MAX_MESSAGE, Message, Method, Name, NotSip, Request, Response};

fn parse(text: impl AsRef<[u8]>) -> Result<Message, NotSip> {
    Message::parse(Bytes::copy_from_slice(text.as_ref()))
}

fn request(text: impl AsRef<[u8]>) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("a request was expected, not {other:?}"),
    }
}

fn response(text: impl AsRef<[u8]>) -> Response {
    match parse(text) {
        Ok(Message::Response(response)) => response,
        other => panic!("a response was expected, not {other:?}"),
    }
}

/// A request that passes its check, with some more lines and a body.
fn options(lines: &str, body: &str) -> Request {
    request(format!(
        "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
         From: <sip:a@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n{body}"
    ))
}

fn refusal(lines: &str) -> u16 {
    options(lines, "").check().expect_err(lines).status()
}

#[test]
fn values_are_found_by_long_and_compact_names_in_order() {
    let request = options("m: <sip:1>\r\nCONTACT: <sip:2>, <sip:3>\r\nX-A: 1\r\nx-a: 2\r\n", "");
    assert_eq!(request.all(Name::Contact).collect::<Vec<_>>(), ["<sip:1>", "<sip:2>, <sip:3>"]);
    assert_eq!(request.list(Name::Contact).collect::<Vec<_>>(), ["<sip:1>", "<sip:2>", "<sip:3>"]);
    assert_eq!(request.all(Name::Other("X-a")).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(request.get(Name::Subject), None);
    assert!(!request.has(Name::Other("X-B")));
    let names: Vec<_> = request.iter().map(|(name, _)| name).skip(6).collect();
    assert_eq!(names, ["m", "CONTACT", "X-A", "x-a"]);
}

#[test]
fn folded_lines_read_as_one_line() {
    let request =
        options("Subject: one\r\n\ttwo \r\n  \r\n three\r\nX-Empty:\r\n \r\nX-Late:\n  here\r\n", "body\r\n kept");
    assert_eq!(request.get(Name::Subject), Some("one  \ttwo        three"));
    assert_eq!(request.get(Name::Other("X-Empty")), Some(""));
    assert_eq!(request.get(Name::Other("X-Late")), Some("here"));
    assert_eq!(request.body(), "body\r\n kept");
    assert_eq!(request.check(), Ok(()));
}

#[test]
fn bytes_that_are_no_text_hurt_only_who_asks_for_them() {
    let message = [b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a>\r\nTo: <sip:h>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nX-Odd: \xff\r\n".as_slice(), b"\r\n"].concat();
    let odd = request(&message);
    assert_eq!(odd.check(), Ok(()));
    assert_eq!(odd.get(Name::Other("X-Odd")), None);
    assert_eq!(odd.raw(Name::Other("X-Odd")), Some(&b"\xff"[..]));
    for name in ["From: ", "Via: ", "Call-ID: "] {
        let at = message.windows(name.len()).position(|window| window == name.as_bytes()).unwrap() + name.len();
        let mut broken = message.clone();
        broken.insert(at, 0xff);
        assert_eq!(request(&broken).check(), Err(Fault::bad("Header is not UTF-8")), "{name}");
    }
}

#[test]
fn a_bare_line_feed_ends_a_line_and_leading_line_ends_are_passed_over() {
    let request = request(
        "\r\n\r\nOPTIONS sip:h SIP/2.0\nVia: SIP/2.0/UDP h\nFrom: <sip:a>\nTo: <sip:h>\nCall-ID: c\nCSeq: 1 OPTIONS\n\nbody",
    );
    assert_eq!(request.check(), Ok(()));
    assert_eq!((request.method(), request.uri_text()), (&Method::Options, "sip:h"));
    assert_eq!(request.body(), "body");
}

#[test]
fn what_is_not_of_sip_is_told_apart_from_what_is_broken() {
    for (text, why) in [
        ("", NotSip::Empty),
        ("\r\n\r\n", NotSip::Empty),
        ("GET / HTTP/1.1\r\n\r\n", NotSip::StartLine),
        ("INVITE sip:h\r\n\r\n", NotSip::StartLine),
        (" INVITE sip:h SIP/2.0\r\n\r\n", NotSip::StartLine),
        ("INV(ITE) sip:h SIP/2.0\r\n\r\n", NotSip::StartLine),
        ("SIP/2.0\r\n\r\n", NotSip::StartLine),
        ("SIP/2.0 99 Low\r\n\r\n", NotSip::StatusCode),
        ("SIP/2.0 700 High\r\n\r\n", NotSip::StatusCode),
        ("SIP/2.0 2000 Long\r\n\r\n", NotSip::StatusCode),
        ("SIP/2.0  200 Gap\r\n\r\n", NotSip::StatusCode),
        ("\0\x01\x02\x03", NotSip::StartLine),
    ] {
        assert_eq!(parse(text).map(|_| ()), Err(why), "{text:?}");
    }
    assert_eq!(parse("a".repeat(MAX_MESSAGE + 1)).map(|_| ()), Err(NotSip::TooLarge));
}

#[test]
fn responses_tell_status_and_reason() {
    for (line, status, reason) in
        [("SIP/2.0 200 OK", 200, "OK"), ("sip/2.0 486 Busy  Here", 486, "Busy  Here"), ("SIP/2.0 100", 100, "")]
    {
        let response = response(format!(
            "{line}\r\nVia: SIP/2.0/UDP h\r\nf: <sip:a>\r\nt: <sip:b>\r\ni: c\r\nCSeq: 1 INVITE\r\n\r\n"
        ));
        assert_eq!((response.status().code(), response.reason()), (status, reason));
        assert_eq!(response.check(), Ok(()));
    }
}

#[test]
fn one_rule_says_where_a_body_ends() {
    assert_eq!(options("", "to the end").body(), "to the end");
    assert_eq!(options("Content-Length: 2\r\n", "to the end").body(), "to");
    assert_eq!(options("l: 2\r\nContent-Length: 2\r\n", "to the end").check(), Ok(()));
    for lines in ["l: 11\r\n", "l: 2\r\nl: 3\r\n", "l: -1\r\n", "l: 2, 2\r\n", "l:\r\n", "l: 99999999999999999999\r\n"]
    {
        let broken = options(lines, "to the end");
        assert_eq!(broken.check().map_err(Fault::status), Err(400), "{lines}");
    }
}

#[test]
fn broken_heads_are_faults_and_not_the_end() {
    assert_eq!(refusal("no name here\r\n"), 400);
    assert_eq!(refusal(": no name\r\n"), 400);
    assert_eq!(refusal("Bad Name: x\r\n"), 400);
    assert_eq!(
        request("OPTIONS sip:h SIP/2.0\r\n Folded: first\r\n\r\n").check(),
        Err(Fault::bad("Continuation of no header"))
    );
    assert_eq!(request("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h").check(), Err(Fault::bad("Head without an end")));
    let reaching = options("Subject: s\r\nno name\r\n reaching back\r\n", "");
    assert_eq!((reaching.get(Name::Subject), reaching.check().is_err()), (Some("s"), true));
    let bare = String::from_utf8(options("", "").bytes().to_vec()).unwrap();
    assert_eq!(request(bare.trim_end_matches("\r\n").to_owned() + "\r\n").check(), Ok(()), "the last line is whole");
    assert_eq!(request(bare.trim_end_matches("\r\n")).check(), Err(Fault::bad("Head without an end")));
    assert_eq!(refusal(&"a:\r\n".repeat(MAX_LINES)), 400);
    assert_eq!(options(&"a:\r\n".repeat(MAX_LINES - 6), "").check(), Ok(()));
}

#[test]
fn the_version_and_the_request_uri_have_answers_of_their_own() {
    let with = |line: &str| request(format!("{line}\r\n\r\n")).check().unwrap_err().status();
    assert_eq!(with("OPTIONS sip:h SIP/3.0"), 505);
    assert_eq!(with("OPTIONS sip:h SIP/2.01"), 505);
    assert_eq!(with(&format!("OPTIONS sip:{}@h SIP/2.0", "a".repeat(5000))), 414);
    assert_eq!(with("OPTIONS sip:h  SIP/2.0"), 400);
    assert_eq!(with("OPTIONS sip:h?Subject=x SIP/2.0"), 400);
    assert_eq!(request("OPTIONS xmpp:h SIP/2.0\r\n\r\n").target().unwrap_err().status(), 416);
    let tel = request("OPTIONS tel:+49 SIP/2.0\r\n\r\n");
    assert_eq!(tel.target().map(|uri| uri.as_str()), Ok("tel:+49"));
}

#[test]
fn what_must_be_there_once_is_there_once() {
    assert_eq!(options("", "").check(), Ok(()));
    let text = String::from_utf8(options("", "").bytes().to_vec()).unwrap();
    for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
        let start = text.find(&format!("\r\n{name}:")).unwrap() + 2;
        let line = &text[start..start + text[start..].find("\r\n").unwrap() + 2];
        let without = request(text.replace(line, ""));
        assert_eq!(without.check().map_err(|fault| fault.phrase()), Err(format!("Missing {name}").as_str()), "{name}");
        let twice = request(text.replace(line, &line.repeat(2)));
        assert_eq!(twice.check().is_ok(), name == "Via", "{name} twice");
    }
    assert_eq!(refusal("Max-Forwards: 1\r\n"), 400);
}

#[test]
fn numbers_out_of_range_are_refused_where_they_matter() {
    let cseq = |value: &str| {
        let text = String::from_utf8(options("", "").bytes().to_vec()).unwrap();
        request(text.replace("CSeq: 1 OPTIONS", &format!("CSeq: {value}"))).check().map_err(Fault::status)
    };
    assert_eq!(cseq("2147483647 OPTIONS"), Ok(()));
    assert_eq!(cseq("0007\t OPTIONS"), Ok(()));
    for wrong in ["2147483648 OPTIONS", "-1 OPTIONS", "OPTIONS", "1", "1 OPT IONS", "1 options", "1 INVITE"] {
        assert_eq!(cseq(wrong), Err(400), "{wrong}");
    }
    let hops = |value: &str| {
        let text = String::from_utf8(options("", "").bytes().to_vec()).unwrap();
        let request = request(text.replace("Max-Forwards: 70", value));
        request.max_forwards().map_err(Fault::status)
    };
    assert_eq!(hops("Max-Forwards: 0255"), Ok(Some(255)));
    assert_eq!(hops("X: y"), Ok(None));
    assert_eq!(hops("Max-Forwards: 256"), Err(400));
    assert_eq!(hops("Max-Forwards: -1"), Err(400));
    // Expires is forgiven: nonsense means the default.
    assert_eq!(options("Expires: 99999999999\r\n", "").expires(), None);
    assert_eq!(options("Expires: 60\r\n", "").expires(), Some(60));
    assert_eq!(options("Retry-After: 18 (in a meeting);duration=3600\r\n", "").retry_after(), Some(18));
}

#[test]
fn contacts_obey_the_method() {
    let with = |method: &str, contact: &str| {
        let text = String::from_utf8(options(contact, "").bytes().to_vec()).unwrap();
        request(text.replace("OPTIONS", method)).check().map_err(Fault::status)
    };
    assert_eq!(with("REGISTER", "Contact: *\r\n"), Ok(()));
    assert_eq!(with("REGISTER", "Contact: <sip:1>, <sip:2>\r\n"), Ok(()));
    assert_eq!(with("REGISTER", "Contact: *, <sip:2>\r\n"), Err(400));
    assert_eq!(with("REGISTER", "Contact: <sip:1>\r\nContact: <sip:2>\r\nContact: *\r\n"), Err(400));
    assert_eq!(with("REGISTER", "Contact: <sip:1>;;\r\n"), Err(400));
    assert_eq!(with("INVITE", "Contact: <sip:1>, <sip:2>\r\n"), Err(400));
    assert_eq!(with("INVITE", "Contact: *\r\n"), Err(400));
    assert_eq!(with("INVITE", "Contact: <sip:1>\r\n"), Ok(()));
    assert_eq!(with("INVITE", "Route: <sip:1\r\n"), Err(400));
}

#[test]
fn option_tags_are_lists_over_all_lines() {
    let request = options("Require: 100rel , Foo\r\nRequire:, timer\r\nk: path,outbound\r\nAllow: INVITE,ACK\r\n", "");
    assert_eq!(request.require().collect::<Vec<_>>(), ["100rel", "Foo", "timer"]);
    assert_eq!(request.unknown_extensions(&["100REL", "timer"]).collect::<Vec<_>>(), ["Foo"]);
    assert!(request.requires("FOO") && request.supports("Path") && !request.supports("100rel"));
    assert_eq!(request.allow().collect::<Vec<_>>(), ["INVITE", "ACK"]);
}

#[test]
fn typed_headers_come_from_the_message_itself() {
    let request =
        options("m: \"B\" <sip:b@h;lr>;q=0.1\r\nPath: <sip:p1;lr>,<sip:p2;lr>\r\nc: application/SDP;charset=x\r\n", "");
    assert_eq!(request.top_via().unwrap().branch(), Some("z9hG4bK1"));
    assert_eq!(request.from().unwrap().tag(), Some("1"));
    assert_eq!(request.to().unwrap().tag(), None);
    assert_eq!(request.call_id(), Ok("c"));
    assert_eq!(request.cseq().unwrap().method, Method::Options);
    let Some(Contact::Addr(contact)) = request.contact().unwrap() else { panic!("an address") };
    assert_eq!((contact.display().as_ref(), contact.q(), contact.uri.is_loose()), ("B", Some(100), true));
    assert_eq!(
        request.paths().map(|path| path.unwrap().uri.to_string()).collect::<Vec<_>>(),
        ["sip:p1;lr", "sip:p2;lr"]
    );
    assert!(request.content_type().unwrap().is("application/sdp"));
}

#[test]
fn a_clone_shares_the_bytes() {
    let request = options("", "body");
    let clone = request.clone();
    assert_eq!(clone.bytes().as_ptr(), request.bytes().as_ptr());
    assert_eq!(clone.body(), "body");
}
