//! SIP messages: read lazily, written in a stable order.
//!
//! [`Message::parse`] looks at the start line and notes where each header line begins; it looks into no value and copies
//! nothing (but for folded lines). What a header says is read when somebody asks, and then borrows from the message.
//! So a header that nobody asks for costs nothing and can hurt nobody.
//!
//! A request with mistakes is still a [`Request`] as long as its first line is of SIP, because it wants an answer:
//! [`Request::check`] finds the [`Fault`], which knows its status, and [`Draft::reply`] writes the answer.
//! This room does not know transactions, dialogs or what any method means.

mod address;
mod check;
mod draft;
mod fault;
mod headers;
mod index;
mod length;
pub(crate) mod memo;
mod method;
mod name;
mod params;
mod parse;
pub(crate) mod scan;
mod status;
#[cfg(test)]
mod tests;
mod typed;
pub(crate) mod via;

use std::ops::{Deref, Range};

use bytes::Bytes;

pub use address::{Contact, MediaType, NameAddr};
pub use draft::Draft;
pub use fault::{Fault, NotSip};
pub use headers::{Field, Headers, Lines};
pub use index::MAX_LINES;
pub(crate) use index::declared_length;
pub use method::Method;
pub use name::Name;
pub use params::{ParamIter, Params};
pub use status::{Status, phrase};
use typed::number;
pub use typed::{CSeq, MAX_CSEQ};
pub use via::{BRANCH_COOKIE, Via};

use crate::uri::{Parts, Uri};

/// A message whose start line and header lines have been found.
#[derive(Clone, Debug)]
pub enum Message {
    /// Somebody wants something.
    Request(Request),
    /// Somebody answers.
    Response(Response),
}

impl Message {
    /// Reads a datagram, a WebSocket message, or a frame that a [`Deframer`](crate::stream::Deframer) cut from a stream.
    ///
    /// Line ends before the start line are passed over; a bare line feed ends a line as well.
    pub fn parse(bytes: Bytes) -> Result<Self, NotSip> {
        parse::message(bytes)
    }

    /// The headers of either kind.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => request,
            Self::Response(response) => response,
        }
    }
}

/// A span of the message.
type Span = (u32, u32);

fn span((start, end): Span) -> Range<usize> {
    start as usize..end as usize
}

/// A message that asks for something.
#[derive(Clone, Debug)]
pub struct Request {
    headers: Headers,
    method: Method,
    uri: Span,
    version: Span,
}

impl Request {
    /// What it asks for.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as it is written; empty when it is no UTF-8, which no URI is.
    pub fn uri_text(&self) -> &str {
        self.headers.piece(span(self.uri)).unwrap_or("")
    }

    /// The Request-URI.
    pub fn uri(&self) -> Result<Uri<'_>, Fault> {
        match self.headers.memo().uri {
            Some(parts) => Ok(Uri::again(self.uri_text(), parts)),
            None => Uri::parse(self.uri_text()),
        }
    }

    /// The Request-URI when its scheme is one that SIP requests can be sent to; 416 otherwise (RFC 3261 §8.2.2.1).
    pub fn target(&self) -> Result<Uri<'_>, Fault> {
        let uri = self.uri()?;
        match uri.scheme() {
            crate::uri::Scheme::Other => Err(Fault::new(416, "Unsupported URI Scheme")),
            _ => Ok(uri),
        }
    }

    /// Everything that RFC 3261 demands of a request before anybody may act on it.
    pub fn check(&self) -> Result<(), Fault> {
        check::request(self)
    }

    /// See [`Headers::remember`].
    pub(crate) fn remember(&mut self) {
        let uri = Parts::of(self.uri_text()).ok();
        self.headers.remember(uri);
    }

    fn version(&self) -> &[u8] {
        &self.headers.bytes()[span(self.version)]
    }
}

impl Deref for Request {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.headers
    }
}

/// A message that answers a request.
#[derive(Clone, Debug)]
pub struct Response {
    headers: Headers,
    status: Status,
    reason: Span,
    version: Span,
}

impl Response {
    /// How it went.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The words beside the status; empty when there are none or they are no UTF-8.
    pub fn reason(&self) -> &str {
        self.headers.piece(span(self.reason)).unwrap_or("")
    }

    /// Everything that RFC 3261 demands of a response. One that fails is dropped: there is nobody to tell.
    pub fn check(&self) -> Result<(), Fault> {
        check::response(self)
    }

    /// See [`Headers::remember`].
    pub(crate) fn remember(&mut self) {
        self.headers.remember(None);
    }

    fn version(&self) -> &[u8] {
        &self.headers.bytes()[span(self.version)]
    }
}

impl Deref for Response {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        &self.headers
    }
}
