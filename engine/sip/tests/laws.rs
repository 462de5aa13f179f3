//! Laws of the message layer: true for every input that anybody can think of.

use bytes::Bytes;
use patchcord_sip::uri::{escape_header, escape_user, unescape};
use patchcord_sip::{Deframer, Draft, Frame, MAX_MESSAGE, Message, Method, Name, NameAddr, Request, Uri};
use proptest::collection::vec;
use proptest::prelude::*;

/// A header name that means nothing to us.
fn unknown_name() -> impl Strategy<Value = String> {
    "X-[A-Za-z0-9.!%*_+`'~-]{0,20}"
}

/// Anything that may stand on one line, blanks at the ends aside.
fn value() -> impl Strategy<Value = String> {
    "[^\r\n]{0,60}".prop_map(|text| text.trim_matches([' ', '\t']).to_owned())
}

/// Text that looks like SIP often enough to reach deep.
fn nearly_sip() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("INVITE sip:a@h SIP/2.0\r\n"),
        Just("SIP/2.0 200 OK\r\n"),
        Just("Via: SIP/2.0/UDP [::1]:5060;branch=z9hG4bK;rport;received=::1\r\n"),
        Just("v: SIP / 2.0 /TCP h , SIP/2.0/UDP g;;\r\n"),
        Just("From: \"a\\\" <sip:a%40@h;lr?x=y>;tag=\"1\"\r\n"),
        Just("t: tel:+1-2;ext=3\r\n"),
        Just("Call-ID: c\r\nCSeq: 1 INVITE\r\n"),
        Just("CSeq: 4294967296 \t\r\n"),
        Just("Contact: *, <sip:x>;q=1.;expires=99999999999;+sip.instance=\"\r\n"),
        Just("l: 3\r\n"),
        Just(" fold\r\n"),
        Just("\r\n"),
        Just("\n"),
        Just("\""),
        Just("<"),
        Just(">"),
        Just(","),
        Just(";"),
        Just(":"),
        Just("%"),
    ];
    let bytes = prop_oneof![8 => piece.prop_map(|text| text.as_bytes().to_vec()), 1 => vec(any::<u8>(), 0..8)];
    vec(bytes, 0..24).prop_map(|pieces| pieces.concat())
}

/// Asks a message everything.
fn interrogate(message: &Message) -> usize {
    let headers = message.headers();
    let mut told = headers.body().len() + headers.fields().filter(|field| field.name() == Name::Via).count();
    told += headers.vias().filter_map(Result::ok).filter(|via| via.has_magic_branch()).count();
    for address in [headers.from(), headers.to()].into_iter().flatten() {
        told += address.display().len() + usize::from(address.uri.equivalent(&address.uri));
    }
    told += headers.contacts().filter_map(|contact| contact.ok()?.addr()?.instance()).count();
    told += headers.routes().count() + headers.record_routes().count() + headers.paths().count();
    told += headers.call_id().map_or(0, str::len) + headers.cseq().map_or(0, |cseq| cseq.method.as_str().len());
    told += headers.content_type().map_or(0, |kind| kind.params.iter().count());
    told + match message {
        Message::Request(request) => usize::from(request.check().is_ok()) + usize::from(request.target().is_ok()),
        Message::Response(response) => usize::from(response.check().is_ok()) + response.reason().len(),
    }
}

fn reread(draft: &Draft) -> Request {
    match Message::parse(draft.finish()) {
        Ok(Message::Request(request)) => request,
        other => panic!("a written request reads as a request, not {other:?}"),
    }
}

fn frames(stream: &[u8], cuts: &[usize], limit: usize) -> (Vec<Frame>, Option<(u16, Bytes)>) {
    let mut deframer = Deframer::new(limit);
    let mut frames = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (piece, behind) = rest.split_at(cut.min(rest.len()));
        rest = behind;
        deframer.push(piece);
        loop {
            match deframer.take() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(broken) => return (frames, Some((broken.fault.status(), broken.head))),
            }
        }
    }
    (frames, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_written_is_read_back(
        lines in vec((unknown_name(), value()), 0..12),
        subject in value(),
        body in vec(any::<u8>(), 0..100),
    ) {
        let mut draft = Draft::request(Method::Message, "sip:h").header(Name::Subject, &subject);
        for (name, value) in &lines {
            draft = draft.raw(name, value);
        }
        let request = reread(&draft.body("application/octet-stream", body.clone().into()));
        let found: Vec<_> = request
            .iter()
            .filter(|(name, _)| name.starts_with("X-"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        prop_assert_eq!(found, lines, "names, values and their order are kept");
        prop_assert_eq!(request.get(Name::Subject), Some(subject.as_str()));
        prop_assert_eq!(request.body(), body);
    }

    #[test]
    fn a_copied_header_is_the_same_bytes(values in vec(vec(any::<u8>(), 0..40), 1..6)) {
        let lines: Vec<Vec<u8>> = values
            .into_iter()
            .map(|value| value.into_iter().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect())
            .collect();
        let text = lines.iter().fold(b"OPTIONS sip:h SIP/2.0\r\n".to_vec(), |text, line| {
            [&text[..], b"X-Wild:", line, b"\r\n"].concat()
        });
        let Ok(Message::Request(original)) = Message::parse(text.into()) else { panic!("a request") };
        let copy = reread(&Draft::request(Method::Options, "sip:h").copy(&original, Name::Other("x-wild")));
        let told = |request: &Request| request.raw_all(Name::Other("X-WILD")).map(<[u8]>::to_vec).collect::<Vec<_>>();
        prop_assert_eq!(told(&copy), told(&original));
        prop_assert_eq!(told(&original).len(), lines.len());
    }

    #[test]
    fn no_value_starts_a_line(name in any::<String>(), value in any::<String>(), uri in any::<String>(), words in any::<String>()) {
        let draft = Draft::request(Method::Options, &uri).raw(&name, &value).header(Name::Subject, &value);
        let written = draft.finish();
        // Three lines at most, for the name may be that of Content-Length, and the empty one behind them.
        let ends = written.windows(2).filter(|pair| pair == b"\r\n").count();
        prop_assert!(ends <= 5, "{} line ends in {:?}", ends, written);
        prop_assert_eq!(ends, written.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count() / 2);

        let reply = Draft::reply(&reread(&Draft::request(Method::Options, "sip:h")), ([127, 0, 0, 1], 1).into(), 400);
        let written = reply.phrase(&words).finish();
        prop_assert_eq!(written.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count(), 6);
    }

    #[test]
    fn nothing_that_comes_in_breaks_the_reader(bytes in prop_oneof![vec(any::<u8>(), 0..400), nearly_sip()]) {
        let Ok(message) = Message::parse(bytes.clone().into()) else { return Ok(()) };
        prop_assert!(interrogate(&message) <= 40 * bytes.len() + 1000);
        if let Message::Request(request) = &message {
            let reply = Draft::reply(request, ([192, 0, 2, 1], 5060).into(), 400).to_tag("t").finish();
            prop_assert!(matches!(Message::parse(reply), Ok(Message::Response(_))));
        }
    }

    #[test]
    fn a_stream_makes_the_same_frames_however_it_is_cut(
        stream in nearly_sip(),
        cuts in vec(0usize..40, 0..40),
        limit in prop_oneof![Just(MAX_MESSAGE), 20usize..200],
    ) {
        let whole = frames(&stream, &[], limit);
        prop_assert_eq!(&frames(&stream, &cuts, limit), &whole);
        prop_assert_eq!(&frames(&stream, &vec![1; stream.len()], limit), &whole);
    }

    #[test]
    fn a_frame_is_a_message_with_the_body_it_declares(stream in nearly_sip()) {
        for frame in frames(&stream, &[], MAX_MESSAGE).0 {
            let Frame::Message(bytes) = frame else { continue };
            let Ok(message) = Message::parse(bytes.clone()) else { continue };
            // The two halves of the one rule: nothing is missing, and nothing is left.
            prop_assert_eq!(message.headers().head().len() + message.headers().body().len(), bytes.len());
        }
    }

    #[test]
    fn equivalence_is_mutual_and_everybody_is_like_themselves(
        mine in "(sip|sips|tel|SIP):([a-c%4]{0,3}@)?[a-cA-C1]{1,2}(:506[01])?(;(transport|lr|x|%78)(=(tcp|TCP|%74cp|udp))?){0,2}(\\?[xy]=[12](&[xy]=[12])?)?",
        theirs in "(sip|sips|tel|SIP):([a-c%4]{0,3}@)?[a-cA-C1]{1,2}(:506[01])?(;(transport|lr|x|%78)(=(tcp|TCP|%74cp|udp))?){0,2}(\\?[xy]=[12](&[xy]=[12])?)?",
    ) {
        let (Ok(mine), Ok(theirs)) = (Uri::parse(&mine), Uri::parse(&theirs)) else { return Ok(()) };
        prop_assert_eq!(mine.equivalent(&theirs), theirs.equivalent(&mine));
        prop_assert!(mine.equivalent(&mine));
        prop_assert_eq!(mine.to_string(), mine.as_str());
    }

    #[test]
    fn escaping_is_undone_by_unescaping(text in any::<String>()) {
        for escaped in [escape_user(&text), escape_header(&text)] {
            let plain = unescape(&escaped);
            prop_assert_eq!(&plain, &text);
        }
        if !text.is_empty() {
            let uri = format!("sip:{}@h", escape_user(&text));
            if let Ok(uri) = Uri::parse(&uri) {
                let user = uri.user_text();
                prop_assert_eq!(user.as_deref(), Some(text.as_str()));
            } else {
                prop_assert!(uri.len() > 4096);
            }
        }
    }

    #[test]
    fn a_display_name_survives_quoting(name in "[^\r\n]{0,30}", tag in "[a-z0-9]{1,8}") {
        let quoted = format!("\"{}\" <sip:a@h>;tag={tag}", name.replace('\\', "\\\\").replace('"', "\\\""));
        let address = NameAddr::parse(&quoted).unwrap();
        prop_assert_eq!(address.display(), name.as_str());
        prop_assert_eq!(address.tag(), Some(tag.as_str()));
    }
}
