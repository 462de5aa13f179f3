//! The start line. Everything behind it is the index's business.

use bytes::Bytes;
use memchr::{memchr, memchr2, memrchr};

use super::index::Index;
use super::{Fault, Headers, Message, Method, NotSip, Request, Response, Status, scan};
use crate::stream::MAX_MESSAGE;

pub(super) fn message(bytes: Bytes) -> Result<Message, NotSip> {
    if bytes.len() > MAX_MESSAGE {
        return Err(NotSip::TooLarge);
    }
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(NotSip::Empty)?;
    let (end, next) = match memchr(b'\n', &bytes[start..]) {
        Some(length) => (start + length, start + length + 1),
        None => (bytes.len(), bytes.len()),
    };
    let end = if bytes[start..end].ends_with(b"\r") { end - 1 } else { end };
    let line = &bytes[start..end];
    if is_version(line) { response(bytes, start, end, next) } else { request(bytes, start, end, next) }
}

/// Whether the text opens with `SIP/` and a digit.
fn is_version(text: &[u8]) -> bool {
    matches!(text, [s, i, p, b'/', digit, ..] if [s, i, p].map(u8::to_ascii_uppercase) == *b"SIP" && digit.is_ascii_digit())
}

/// `SIP/2.0 200 OK`; the reason may be missing, as may the blank before it.
fn response(bytes: Bytes, start: usize, end: usize, next: usize) -> Result<Message, NotSip> {
    let line = &bytes[start..end];
    let version = memchr(b' ', line).ok_or(NotSip::StartLine)?;
    let rest = &line[version + 1..];
    let digits = memchr(b' ', rest).unwrap_or(rest.len());
    let status = match rest[..digits] {
        [a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Status::new([a, b, c].iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
        }
        _ => None,
    };
    let status = status.ok_or(NotSip::StatusCode)?;
    let reason = (start + version + 1 + digits + 1).min(end);
    let (bytes, index) = Index::read(bytes, next, None);
    Ok(Message::Response(Response {
        headers: Headers::new(bytes, index),
        status,
        reason: (reason as u32, end as u32),
        version: (start as u32, (start + version) as u32),
    }))
}

/// `INVITE sip:bob@biloxi.com SIP/2.0`. Blanks too many, and a URI with blanks inside, are a flaw and still a request.
fn request(bytes: Bytes, start: usize, end: usize, next: usize) -> Result<Message, NotSip> {
    let line = &bytes[start..end];
    let trimmed = line.trim_ascii_end();
    let version = memrchr(b' ', trimmed).ok_or(NotSip::StartLine)? + 1;
    let method_end = memchr(b' ', trimmed).ok_or(NotSip::StartLine)?;
    if !is_version(&trimmed[version..]) || !scan::is_token(&line[..method_end]) || method_end + 1 >= version {
        return Err(NotSip::StartLine);
    }
    let uri = (method_end + 1, version - 1);
    let flaw = (trimmed.len() != line.len() || memchr2(b' ', b'\t', &line[uri.0..uri.1]).is_some())
        .then_some(Fault::bad("Bad blanks in the request line"));
    let method =
        Method::known(&line[..method_end]).unwrap_or_else(|| Method::Other(bytes.slice(start..start + method_end)));
    let version = ((start + version) as u32, (start + trimmed.len()) as u32);
    let (bytes, index) = Index::read(bytes, next, flaw);
    Ok(Message::Request(Request {
        headers: Headers::new(bytes, index),
        method,
        uri: ((start + uri.0) as u32, (start + uri.1) as u32),
        version,
    }))
}
