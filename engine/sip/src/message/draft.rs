//! The writer: a message in the making.
//!
//! Headers come out in a stable order whatever the order of the calls: Via, routes, Max-Forwards, From, To, Call-ID,
//! CSeq, Contact, the rest as it was added, Content-Type, Content-Length. Content-Length is always written and always
//! right. Nothing that is handed in can end a line or start a new one: line ends inside a value become blanks.

mod seen;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};
use std::net::SocketAddr;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr2;

use self::seen::Seen;
use super::name::{self, OTHER};
use super::scan::{self, Commas};
use super::{Headers, Method, Name, Request, address, phrase};
use crate::hop::Transport;

/// Room for the lines of a usual message, so that writing one allocates twice.
const USUAL_TEXT: usize = 768;
const USUAL_LINES: usize = 16;

/// A request or response that is being written.
#[derive(Clone, Debug)]
pub struct Draft {
    start: Start,
    /// The lines in the order they were added, each with its line end.
    text: Text,
    lines: Vec<Line>,
    /// Whether the lines stand in the text as they go out, one behind the other.
    in_order: bool,
    /// Whether To has a tag, where the request that it is copied from has told.
    has_tag: Option<bool>,
    body: Bytes,
}

#[derive(Clone, Debug)]
enum Start {
    Request { method: Method, uri: String },
    Reply { status: u16, phrase: Cow<'static, str> },
}

/// Where one line stands in the text.
#[derive(Clone, Copy, Debug)]
struct Line {
    rank: u8,
    number: u8,
    name_len: u16,
    start: u32,
    end: u32,
}

/// Where each header stands in a message that we write, by the number of its name.
const RANKS: [u8; OTHER as usize + 1] = {
    let mut ranks = [8; OTHER as usize + 1];
    ranks[Name::Via.number() as usize] = 0;
    ranks[Name::RecordRoute.number() as usize] = 1;
    ranks[Name::Route.number() as usize] = 1;
    ranks[Name::MaxForwards.number() as usize] = 2;
    ranks[Name::From.number() as usize] = 3;
    ranks[Name::To.number() as usize] = 4;
    ranks[Name::CallId.number() as usize] = 5;
    ranks[Name::CSeq.number() as usize] = 6;
    ranks[Name::Contact.number() as usize] = 7;
    // Behind everything but Content-Length, which is no line of ours.
    ranks[Name::ContentType.number() as usize] = 9;
    ranks
};

impl Draft {
    /// A request that has neither Via nor any other header yet. The transaction layer adds the Via.
    pub fn request(method: Method, uri: &str) -> Self {
        let mut written = String::with_capacity(uri.len());
        for char in uri.chars() {
            // A blank would end the URI, a line end the request line.
            if char <= ' ' || char == '\x7f' {
                let _ = write!(written, "%{:02X}", u32::from(char));
            } else {
                written.push(char);
            }
        }
        Self::new(Start::Request { method, uri: written })
    }

    /// The answer to a request, with what RFC 3261 §8.2.6.2 wants copied: Via, From, To, Call-ID, CSeq, and Timestamp
    /// in a 100. The top Via entry tells where the request came from (RFC 3261 §18.2.1, RFC 3581).
    ///
    /// Works on requests that failed their check, too: what is there is copied once, what is missing stays missing.
    pub fn reply(request: &Request, came_from: SocketAddr, status: u16) -> Self {
        let mut reply = Self::new(Start::Reply { status, phrase: Cow::Borrowed(phrase(status)) });
        reply.vias(request, came_from);
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            reply.line_of(request, name);
        }
        reply.has_tag = request.to_tag().ok().map(|tag| tag.is_some());
        if status == 100 {
            reply.line_of(request, Name::Timestamp);
        }
        reply
    }

    fn new(start: Start) -> Self {
        Self {
            start,
            text: Text(Vec::with_capacity(USUAL_TEXT)),
            lines: Vec::with_capacity(USUAL_LINES),
            in_order: true,
            has_tag: None,
            body: Bytes::new(),
        }
    }

    /// Copies all Via lines; the first entry learns where the request came from.
    fn vias(&mut self, request: &Request, came_from: SocketAddr) {
        let top = request.top_via().ok();
        for line in request.raw_all(Name::Via) {
            let seen = top.filter(|via| line.as_ptr() == via.as_str().as_ptr());
            self.put(Name::Via, |text| match seen {
                Some(via) => {
                    Seen { via, came_from }.write(text);
                    text.copy(line[via.as_str().len()..].trim_ascii_start(), request);
                }
                None => text.copy(line, request),
            });
        }
    }

    /// Copies the first line of a name.
    fn line_of(&mut self, headers: &Headers, name: Name<'static>) {
        if let Some(line) = headers.first_as_ours(name) {
            let start = self.text.0.len();
            self.text.0.extend_from_slice(line);
            self.added(name.number(), start, name.as_str().len());
        } else if let Some(value) = headers.first(name) {
            self.put(name, |text| text.copy(value, headers));
        }
    }

    fn put(&mut self, name: Name<'_>, value: impl FnOnce(&mut Text)) {
        let number = name.settled();
        // The length is counted by us, at the end.
        if number == Name::ContentLength.number() {
            return;
        }
        let start = self.text.0.len();
        self.text.name(number, name);
        let name_len = self.text.0.len() - start;
        self.text.0.extend_from_slice(b": ");
        value(&mut self.text);
        self.text.0.extend_from_slice(b"\r\n");
        self.added(number, start, name_len);
    }

    /// A line was written at the end of the text.
    fn added(&mut self, number: u8, start: usize, name_len: usize) {
        let (rank, name_len) = (RANKS[usize::from(number)], name_len as u16);
        self.insert(Line { rank, number, name_len, start: start as u32, end: self.text.0.len() as u32 });
    }

    /// The lines stand in the order in which they go out: by rank, and those of one rank as they were added.
    fn insert(&mut self, line: Line) {
        if self.lines.last().is_none_or(|last| last.rank <= line.rank) {
            return self.lines.push(line);
        }
        let place = self.lines.iter().rposition(|before| before.rank <= line.rank).map_or(0, |before| before + 1);
        self.lines.insert(place, line);
        self.in_order = false;
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: Name<'_>, value: impl Display) -> Self {
        // Writing into memory cannot fail; a `Display` that fails by itself leaves a shorter value.
        self.put(name, |text| {
            let _ = write!(text, "{value}");
        });
        self
    }

    /// Adds a header line that is text already.
    #[must_use]
    pub fn text(mut self, name: Name<'_>, value: &str) -> Self {
        self.put(name, |text| text.bytes(value.as_bytes()));
        self
    }

    /// Adds a header line as bytes. Bytes that may not stand in a name become dashes.
    #[must_use]
    pub fn raw(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.put(Name::of(name), |text| text.bytes(value.as_ref()));
        self
    }

    /// Copies every line of a name, verbatim and in order.
    #[must_use]
    pub fn copy(mut self, headers: &Headers, name: Name<'_>) -> Self {
        for value in headers.raw_all(name) {
            self.put(name, |text| text.copy(value, headers));
        }
        self
    }

    /// Copies the first value of a name, as an ACK or CANCEL does with the top Via.
    #[must_use]
    pub fn copy_first(mut self, headers: &Headers, name: Name<'_>) -> Self {
        if let Some(value) = headers.get(name).and_then(|line| Commas::new(line).next()) {
            self.put(name, |text| text.bytes(value.as_bytes()));
        }
        self
    }

    /// Copies Record-Route, as an answer must that makes a dialog (RFC 3261 §12.1.1).
    #[must_use]
    pub fn record_route(self, request: &Request) -> Self {
        self.copy(request, Name::RecordRoute)
    }

    /// Puts a Via entry on top that asks for the port to answer to (RFC 3581).
    #[must_use]
    pub fn via(mut self, transport: Transport, sent_by: &str, branch: &str) -> Self {
        self.put(Name::Via, |text| {
            let pieces = ["SIP/2.0/", transport.via_name(), " ", sent_by, ";branch=", branch, ";rport"];
            pieces.iter().for_each(|piece| text.bytes(piece.as_bytes()));
        });
        // Behind the others of its rank, which is the first.
        let vias = self.lines.iter().take_while(|line| line.rank == 0).count();
        self.lines[..vias].rotate_right(1);
        self.in_order &= vias == 1;
        self
    }

    /// Takes every line of a name away.
    #[must_use]
    pub fn without(mut self, name: Name<'_>) -> Self {
        let number = name.settled();
        let text = &self.text.0;
        let before = self.lines.len();
        self.lines.retain(|line| {
            line.number != number
                || (number == OTHER && !line.name(text).eq_ignore_ascii_case(name.as_str().as_bytes()))
        });
        self.in_order &= self.lines.len() == before;
        self
    }

    /// Adds our tag to a To that has none.
    #[must_use]
    pub fn to_tag(mut self, tag: &str) -> Self {
        let Some(at) = self.lines.iter().position(|line| line.number == Name::To.number()) else { return self };
        let to = self.lines[at].value_span();
        let has_tag = self
            .has_tag
            .unwrap_or_else(|| std::str::from_utf8(&self.text.0[to.clone()]).ok().and_then(address::tag_in).is_some());
        if !has_tag {
            self.text.put_in(to.end, &[";tag=", tag]);
            let longer = (";tag=".len() + tag.len()) as u32;
            self.lines[at].end += longer;
            for line in self.lines.iter_mut().filter(|line| line.start as usize >= to.end) {
                (line.start, line.end) = (line.start + longer, line.end + longer);
            }
            self.has_tag = Some(true);
        }
        self
    }

    /// Other words beside the status than the usual ones.
    #[must_use]
    pub fn phrase(mut self, words: &str) -> Self {
        if let Start::Reply { phrase, .. } = &mut self.start {
            *phrase = Cow::Owned(words.to_owned());
        }
        self
    }

    /// The body and its type, in place of any before.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: Bytes) -> Self {
        self = self.without(Name::ContentType);
        self.put(Name::ContentType, |text| text.bytes(content_type.as_bytes()));
        self.body = body;
        self
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&Method> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Reply { .. } => None,
        }
    }

    /// The Request-URI of a request.
    pub fn uri(&self) -> Option<&str> {
        match &self.start {
            Start::Request { uri, .. } => Some(uri),
            Start::Reply { .. } => None,
        }
    }

    /// The status of a reply.
    pub fn status(&self) -> Option<u16> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Reply { status, .. } => Some(*status),
        }
    }

    /// The first value of a header written so far.
    pub fn get(&self, name: Name<'_>) -> Option<&str> {
        let number = name.settled();
        let text = &self.text.0;
        let line = self.lines.iter().find(|line| {
            line.number == number && (number != OTHER || line.name(text).eq_ignore_ascii_case(name.as_str().as_bytes()))
        })?;
        std::str::from_utf8(line.value(text)).ok()
    }

    /// The message as it goes on the wire.
    pub fn finish(&self) -> Bytes {
        let digits = self.body.len().checked_ilog10().unwrap_or(0) as usize + 1;
        let lines = match self.in_order {
            true => self.text.0.len(),
            false => self.lines.iter().map(|line| (line.end - line.start) as usize).sum(),
        };
        // Exactly what is needed: answers are kept, and room to spare would be kept with them.
        let size = self.start.len() + lines + "Content-Length: \r\n\r\n".len() + digits + self.body.len();
        let mut out = Text(Vec::with_capacity(size));
        self.start.write(&mut out);
        if self.in_order {
            out.0.extend_from_slice(&self.text.0);
        } else {
            for line in &self.lines {
                out.0.extend_from_slice(&self.text.0[line.start as usize..line.end as usize]);
            }
        }
        out.0.extend_from_slice(b"Content-Length: ");
        out.number(self.body.len() as u64);
        out.0.extend_from_slice(b"\r\n\r\n");
        out.0.extend_from_slice(&self.body);
        debug_assert_eq!(out.0.len(), size);
        out.0.into()
    }
}

impl Start {
    /// The length of the line with its end.
    fn len(&self) -> usize {
        match self {
            Self::Request { method, uri } => method.as_str().len().max(1) + uri.len() + "  SIP/2.0\r\n".len(),
            Self::Reply { phrase, .. } => "SIP/2.0 200 \r\n".len() + phrase.len(),
        }
    }

    fn write(&self, out: &mut Text) {
        match self {
            Self::Request { method, uri } => {
                out.token(method.as_str());
                [" ", uri, " SIP/2.0\r\n"].iter().for_each(|piece| out.0.extend_from_slice(piece.as_bytes()));
            }
            Self::Reply { status, phrase } => {
                let digit = |unit: u16| b'0' + (status / unit % 10) as u8;
                out.0.extend_from_slice(b"SIP/2.0 ");
                out.0.extend_from_slice(&[digit(100), digit(10), digit(1), b' ']);
                out.bytes(phrase.as_bytes());
                out.0.extend_from_slice(b"\r\n");
            }
        }
    }
}

impl Line {
    fn name<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.start as usize..][..usize::from(self.name_len)]
    }

    fn value<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.value_span()]
    }

    /// Between the colon with its blank and the line end.
    fn value_span(&self) -> Range<usize> {
        self.start as usize + usize::from(self.name_len) + 2..self.end as usize - 2
    }
}

/// Text in which no value can end its line.
#[derive(Clone, Debug)]
struct Text(Vec<u8>);

impl Text {
    fn bytes(&mut self, value: &[u8]) {
        if memchr2(b'\r', b'\n', value).is_some() {
            self.0.extend(value.iter().map(|&byte| if breaks(byte) { b' ' } else { byte }));
        } else {
            self.0.extend_from_slice(value);
        }
    }

    /// Copies a value from a message, which nearly always is known to hold no line end.
    fn copy(&mut self, value: &[u8], from: &Headers) {
        if from.is_plain() {
            self.0.extend_from_slice(value);
        } else {
            self.bytes(value);
        }
    }

    /// Puts pieces in between.
    fn put_in(&mut self, at: usize, pieces: &[&str]) {
        let end = self.0.len();
        pieces.iter().for_each(|piece| self.bytes(piece.as_bytes()));
        self.0[at..].rotate_left(end - at);
    }

    /// Writes a number. By hand, because every message has some, and the formatter of the standard library takes its
    /// time.
    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[at..]);
    }

    fn name(&mut self, number: u8, name: Name<'_>) {
        match name::spelled(number) {
            Some(known) => self.0.extend_from_slice(known.as_bytes()),
            None => self.token(name.as_str()),
        }
    }

    /// Writes a token; what may not stand in one becomes a dash.
    fn token(&mut self, text: &str) {
        // A token longer than this is nobody's; `name_len` has to hold it.
        let text = &text.as_bytes()[..text.len().min(usize::from(u16::MAX))];
        self.0.extend(text.iter().map(|&byte| if scan::is_token_byte(byte) { byte } else { b'-' }));
        if text.is_empty() {
            self.0.push(b'-');
        }
    }
}

const fn breaks(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}
