//! What a request asks for.

use std::fmt;

use bytes::Bytes;

use super::scan;

/// The method of a request. Methods are case-sensitive (RFC 3261 §7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// RFC 3261
    Invite,
    /// RFC 3261
    Ack,
    /// RFC 3261
    Bye,
    /// RFC 3261
    Cancel,
    /// RFC 3261
    Register,
    /// RFC 3261
    Options,
    /// RFC 3262
    Prack,
    /// RFC 3311
    Update,
    /// RFC 3515
    Refer,
    /// RFC 6665
    Notify,
    /// RFC 6665
    Subscribe,
    /// RFC 6086
    Info,
    /// RFC 3428
    Message,
    /// RFC 3903
    Publish,
    /// Any other token.
    Other(Bytes),
}

impl Method {
    const KNOWN: [Self; 14] = [
        Self::Invite,
        Self::Ack,
        Self::Bye,
        Self::Cancel,
        Self::Register,
        Self::Options,
        Self::Prack,
        Self::Update,
        Self::Refer,
        Self::Notify,
        Self::Subscribe,
        Self::Info,
        Self::Message,
        Self::Publish,
    ];

    /// The method that these bytes name; `None` when they are no token.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Self::known(bytes).or_else(|| scan::is_token(bytes).then(|| Self::Other(Bytes::copy_from_slice(bytes))))
    }

    pub(super) fn known(bytes: &[u8]) -> Option<Self> {
        Some(match bytes {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"REGISTER" => Self::Register,
            b"OPTIONS" => Self::Options,
            b"PRACK" => Self::Prack,
            b"UPDATE" => Self::Update,
            b"REFER" => Self::Refer,
            b"NOTIFY" => Self::Notify,
            b"SUBSCRIBE" => Self::Subscribe,
            b"INFO" => Self::Info,
            b"MESSAGE" => Self::Message,
            b"PUBLISH" => Self::Publish,
            _ => return None,
        })
    }

    /// The methods this crate knows by name.
    pub fn all_known() -> &'static [Self] {
        &Self::KNOWN
    }

    /// The method as a request line writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Invite => "INVITE",
            Self::Ack => "ACK",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Register => "REGISTER",
            Self::Options => "OPTIONS",
            Self::Prack => "PRACK",
            Self::Update => "UPDATE",
            Self::Refer => "REFER",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Info => "INFO",
            Self::Message => "MESSAGE",
            Self::Publish => "PUBLISH",
            // Tokens are ASCII; a hand-made `Other` that is none is written as an empty, hence refused, method.
            Self::Other(bytes) => std::str::from_utf8(bytes).unwrap_or(""),
        }
    }

    /// Whether an answer to it can make a dialog (RFC 3261 §12, RFC 6665, RFC 3515).
    pub fn makes_dialogs(&self) -> bool {
        matches!(self, Self::Invite | Self::Subscribe | Self::Refer)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_method_reads_back_what_it_writes() {
        for method in Method::all_known() {
            assert_eq!(Method::parse(method.as_str().as_bytes()).as_ref(), Some(method));
        }
    }

    #[test]
    fn methods_are_case_sensitive_and_must_be_tokens() {
        assert_eq!(Method::parse(b"invite"), Some(Method::Other(Bytes::from_static(b"invite"))));
        assert_eq!(Method::parse(b"INV ITE"), None);
        assert_eq!(Method::parse(b""), None);
    }
}
