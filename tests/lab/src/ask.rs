//! A request as text, built line by line, so that a test may also build a wrong one.

use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::reply::Reply;

/// A request to be sent. What a caller sets stands as it is, right or wrong.
#[derive(Debug, Clone)]
pub struct Ask {
    start: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Ask {
    /// A request with no headers at all; [`crate::Line::ask`] makes one that stands on its own.
    pub fn bare(method: &str, uri: &str) -> Self {
        Self { start: format!("{method} {uri} SIP/2.0"), headers: Vec::new(), body: String::new() }
    }

    /// Another first line.
    pub fn start(mut self, start: &str) -> Self {
        self.start = start.to_owned();
        self
    }

    /// One more header line.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The header with this value instead of what it had.
    pub fn set(self, name: &str, value: impl Into<String>) -> Self {
        self.without(name).with(name, value)
    }

    /// No such header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(said, _)| !said.eq_ignore_ascii_case(name));
        self
    }

    /// A body and what it is. Content-Length is told rightly unless it was set.
    pub fn body(self, kind: &str, body: impl Into<String>) -> Self {
        let mut ask = self.set("Content-Type", kind);
        ask.body = body.into();
        ask
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(said, _)| said.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }

    /// As it goes over the line.
    pub fn text(&self) -> String {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if self.header("Content-Length").is_empty() {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        text + "\r\n" + &self.body
    }

    /// The ACK that a final answer other than 2xx to this INVITE wants (RFC 3261 §17.1.1.3).
    pub(crate) fn ack(&self, reply: &Reply) -> Self {
        let uri = self.start.split(' ').nth(1).unwrap_or_default();
        let number = self.header("CSeq").split(' ').next().unwrap_or_default();
        Self::bare("ACK", uri)
            .with("Via", self.header("Via"))
            .with("Max-Forwards", "70")
            .with("From", self.header("From"))
            .with("To", reply.header("To").unwrap_or_default())
            .with("Call-ID", self.header("Call-ID"))
            .with("CSeq", format!("{number} ACK"))
    }

    pub(crate) fn is_invite(&self) -> bool {
        self.start.starts_with("INVITE ")
    }
}

/// A word that nobody on this machine has said before.
pub(crate) fn fresh() -> String {
    static SAID: AtomicU64 = AtomicU64::new(0);
    format!("{:x}x{:x}", process::id(), SAID.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn branch() -> String {
    format!("z9hG4bK{}", fresh())
}
