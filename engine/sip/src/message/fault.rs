//! What is wrong with a message, and which status says so to whoever sent it.

use thiserror::Error;

/// A mistake in a message: an error that knows its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{status} {phrase}")]
pub struct Fault {
    status: u16,
    phrase: &'static str,
}

impl Fault {
    /// A mistake answered with `status`; the phrase names it (RFC 3261 §21.4.1 wants the detail in the reason phrase).
    pub const fn new(status: u16, phrase: &'static str) -> Self {
        Self { status, phrase }
    }

    /// A mistake of grammar: 400.
    pub const fn bad(phrase: &'static str) -> Self {
        Self::new(400, phrase)
    }

    /// The status that answers a request with this mistake.
    pub const fn status(self) -> u16 {
        self.status
    }

    /// The reason phrase that goes with it.
    pub const fn phrase(self) -> &'static str {
        self.phrase
    }
}

/// Bytes that are no SIP message, so nobody can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotSip {
    /// Nothing but line ends: a keepalive.
    #[error("nothing but line ends")]
    Empty,
    /// More bytes than [`MAX_MESSAGE`](crate::stream::MAX_MESSAGE).
    #[error("larger than any message may be")]
    TooLarge,
    /// The first line is neither a request line nor a status line.
    #[error("the first line is not of SIP")]
    StartLine,
    /// A response whose status is no number from 100 to 699: nobody waits for it.
    #[error("the status is no number from 100 to 699")]
    StatusCode,
}
