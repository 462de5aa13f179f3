//! The torture messages of RFC 4475 and RFC 5118: what becomes of each, and why.
//!
//! `valid.rs` holds those that must be understood, `invalid.rs` those that must be refused, `ipv6.rs` the sisters of
//! RFC 5118. Each row names the message, the outcome, the reason, and what a reader of the RFC would look for in it.

mod invalid;
mod ipv6;
mod valid;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use patchcord_sip::{Draft, Fault, Message, Name, NotSip, Request, Response};

/// What becomes of a message between the wire and whoever serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It passes every check.
    Understood,
    /// It is a request that the check answers with this status.
    Refused(u16),
    /// It is a response that the check drops.
    Dropped,
    /// Its first line already says that nobody waits for it.
    NotHeard(NotSip),
}

/// One message of the table.
pub struct Row {
    /// The file without `.dat`.
    pub name: &'static str,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: &'static str,
    /// What its headers must say.
    pub look: fn(&Message),
}

/// Nothing in it but the outcome.
pub fn nothing(_: &Message) {}

/// The request in it.
pub fn request(message: &Message) -> &Request {
    match message {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request was expected"),
    }
}

/// The response in it.
pub fn response(message: &Message) -> &Response {
    match message {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a response was expected"),
    }
}

fn folder(rfc: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture").join(rfc)
}

fn read(rfc: &str, name: &str) -> Bytes {
    let path = folder(rfc).join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

fn outcome(parsed: &Result<Message, NotSip>) -> Outcome {
    match parsed {
        Err(not_sip) => Outcome::NotHeard(*not_sip),
        Ok(Message::Request(request)) => match request.check() {
            Ok(()) => Outcome::Understood,
            Err(fault) => Outcome::Refused(fault.status()),
        },
        Ok(Message::Response(response)) => match response.check() {
            Ok(()) => Outcome::Understood,
            Err(_) => Outcome::Dropped,
        },
    }
}

fn table() -> Vec<(&'static str, Row)> {
    let four = valid::rows().into_iter().chain(invalid::rows()).map(|row| ("rfc4475", row));
    four.chain(ipv6::rows().into_iter().map(|row| ("rfc5118", row))).collect()
}

#[test]
fn every_message_has_one_row_and_every_row_a_message() {
    for (rfc, count) in [("rfc4475", 50), ("rfc5118", 12)] {
        let files: BTreeSet<String> = std::fs::read_dir(folder(rfc))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        let rows: Vec<_> = table().into_iter().filter(|(of, _)| *of == rfc).map(|(_, row)| row.name).collect();
        assert_eq!(rows.len(), count, "{rfc}");
        assert_eq!(rows.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), files, "{rfc}");
    }
}

#[test]
fn each_message_meets_its_fate() {
    for (rfc, row) in table() {
        let parsed = Message::parse(read(rfc, row.name));
        assert_eq!(outcome(&parsed), row.outcome, "{rfc} {}: {}", row.name, row.reason);
        assert!(row.reason.len() > 20, "{} gives a reason", row.name);
        if let Ok(message) = parsed {
            (row.look)(&message);
        }
    }
}

#[test]
fn with_the_line_ends_of_sip_and_right_lengths_the_ipv6_messages_are_understood() {
    for row in ipv6::rows() {
        let text = String::from_utf8(read("rfc5118", row.name).to_vec()).unwrap().replace('\n', "\r\n");
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.trim_end(), ""));
        let lines: Vec<_> = head.split("\r\n").filter(|line| !line.starts_with("Content-Length")).collect();
        let right = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", lines.join("\r\n"), body.len());
        let parsed = Message::parse(right.into());
        let fate = if row.name == "ipv6-bad" { Outcome::Refused(400) } else { Outcome::Understood };
        assert_eq!(outcome(&parsed), fate, "{}", row.name);
        let message = parsed.unwrap();
        assert_eq!(message.headers().body(), body, "{}", row.name);
        (row.look)(&message);
    }
}

#[test]
fn each_request_can_be_answered_and_the_answer_be_read() {
    for (rfc, row) in table() {
        let Ok(Message::Request(request)) = Message::parse(read(rfc, row.name)) else { continue };
        let reply = Draft::reply(&request, "192.0.2.77:5099".parse().unwrap(), 400).to_tag("ours").finish();
        let Ok(Message::Response(reply)) = Message::parse(reply) else {
            panic!("{} is answered by no response", row.name)
        };
        assert_eq!(reply.status(), 400, "{}", row.name);
        assert_eq!(reply.raw_all(Name::Via).count(), request.raw_all(Name::Via).count(), "{}", row.name);
        for name in [Name::From, Name::CallId, Name::CSeq] {
            assert_eq!(reply.raw(name), request.raw(name), "{}: {name}", row.name);
        }
        let vias = |headers: &patchcord_sip::Headers| headers.list(Name::Via).count();
        if row.outcome == Outcome::Understood && vias(&request) == 1 {
            assert_eq!(reply.check().map_err(Fault::phrase), Ok(()), "{}", row.name);
        }
    }
}

#[test]
fn each_header_line_is_kept_as_it_was_written() {
    for (rfc, row) in table() {
        let bytes = read(rfc, row.name);
        let Ok(message) = Message::parse(bytes.clone()) else { continue };
        let unfolded: Vec<u8> = fold_to_blanks(&bytes);
        for field in message.headers().fields() {
            let whole = [field.name_text().as_bytes(), b":"].concat();
            assert!(contains(&unfolded, field.value()), "{}: {}", row.name, field.name_text());
            assert!(contains(&without_blanks(&unfolded), &without_blanks(&whole)), "{}", row.name);
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
}

fn without_blanks(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t')).collect()
}

/// Line ends before a blank become blanks, as RFC 3261 §7.3.1 reads them.
fn fold_to_blanks(bytes: &[u8]) -> Vec<u8> {
    let mut joined = bytes.to_vec();
    for at in 0..joined.len().saturating_sub(2) {
        if joined[at..at + 2] == *b"\r\n" && matches!(joined[at + 2], b' ' | b'\t') {
            joined[at..at + 2].copy_from_slice(b"  ");
        }
    }
    joined
}
