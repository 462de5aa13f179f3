//! Why a request that belongs to no call is turned away: the status, and the headers that RFC 3261 demands with it.

use std::{borrow::Cow, time::Duration};

use patchcord_sip::message::{Draft, Fault, Name};

/// The methods we act on outside a call.
pub const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER";

/// The extensions we act on.
pub const SUPPORTED: &str = "path, outbound";

/// The only body that means something to us so far.
pub const ACCEPT: &str = "application/sdp";

/// The events that somebody may be told of: how a transfer goes that was asked for.
pub const KNOWN_EVENTS: &str = "refer";

/// An answer other than success, and what has to stand in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    phrase: Cow<'static, str>,
    headers: Vec<(Name<'static>, Cow<'static, str>)>,
}

impl Refusal {
    /// A plain status with words of our own.
    pub fn new(status: u16, phrase: impl Into<Cow<'static, str>>) -> Self {
        Self { status, phrase: phrase.into(), headers: Vec::new() }
    }

    fn with(mut self, name: Name<'static>, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// 401 with a challenge for each algorithm, the strongest first.
    pub fn challenged(challenges: impl IntoIterator<Item = String>) -> Self {
        let refusal = Self::new(401, "Unauthorized");
        challenges.into_iter().fold(refusal, |refusal, challenge| refusal.with(Name::WwwAuthenticate, challenge))
    }

    /// 405: we know the method and do not serve it here (§8.2.1: with Allow).
    pub fn method_not_allowed() -> Self {
        Self::new(405, "Method Not Allowed").with(Name::Allow, ALLOW)
    }

    /// 501: nobody here knows the method.
    pub fn not_implemented() -> Self {
        Self::new(501, "Not Implemented").with(Name::Allow, ALLOW)
    }

    /// 415 for a body whose type means nothing to us (§8.2.3: with Accept).
    pub fn unsupported_type() -> Self {
        Self::new(415, "Unsupported Media Type").with(Name::Accept, ACCEPT)
    }

    /// 415 for a packed body (§8.2.3: with Accept-Encoding).
    pub fn unsupported_encoding() -> Self {
        Self::new(415, "Unsupported Content-Encoding").with(Name::AcceptEncoding, "identity")
    }

    /// 420: extensions are required that we do not have (§8.2.2.3: with Unsupported).
    pub fn bad_extension(unsupported: String) -> Self {
        Self::new(420, "Bad Extension").with(Name::Unsupported, unsupported)
    }

    /// 423: a registration for so short a time would drown us (§10.3: with Min-Expires).
    pub fn interval_too_brief(least_s: u64) -> Self {
        Self::new(423, "Interval Too Brief").with(Name::MinExpires, least_s.to_string())
    }

    /// 488 with the reason in Warning, as §21.4.26 has it.
    pub fn not_acceptable_here(reason: &str) -> Self {
        // §20.43: who warns is a host or any name of the server's choice.
        Self::new(488, "Not Acceptable Here").with(Name::Warning, format!("399 patchcord \"{reason}\""))
    }

    /// 503: no room now, and when to come back.
    pub fn unavailable(phrase: &'static str, retry_after: Duration) -> Self {
        Self::new(503, phrase).with(Name::RetryAfter, retry_after.as_secs().max(1).to_string())
    }

    /// 404: nobody of that name or number.
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 489: no such event here.
    pub fn bad_event() -> Self {
        // RFC 6665 §8.3.2: whoever refuses an event says which it knows.
        Self::new(489, "Bad Event").with(Name::AllowEvents, KNOWN_EVENTS)
    }

    /// Which status this is.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Which words go with it.
    pub fn phrase(&self) -> &str {
        &self.phrase
    }

    /// The same words, to keep.
    pub fn words(&self) -> Cow<'static, str> {
        self.phrase.clone()
    }

    /// Writes status, words and headers into the reply that was begun for the request.
    pub fn write(&self, reply: Draft) -> Draft {
        let reply = reply.phrase(&self.phrase);
        self.headers.iter().fold(reply, |reply, (name, value)| reply.text(*name, value))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::new(fault.status(), fault.phrase())
    }
}
