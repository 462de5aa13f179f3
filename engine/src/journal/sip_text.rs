//! The text of a SIP message, as a journal keeps it.
//!
//! Noting one on the path of a call costs a counted reference to the bytes that are there anyway. Whoever reads it, writes
//! it down or prints it gets it masked: there is no way to the bytes themselves.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::masking::masked;

/// Bytes that are kept of a message. An INVITE of a browser, with all its candidates, has five thousand.
pub const MAX_SIP_TEXT: usize = 8 << 10;

/// See the module.
#[derive(Clone)]
pub struct SipText {
    kept: Kept,
    left_out: u32,
}

#[derive(Clone)]
enum Kept {
    /// As it was on the wire, and whether a MESSAGE shows what it says.
    Raw(Bytes, bool),
    Masked(Box<str>),
}

impl SipText {
    /// A message as it was on the wire; `bodies` says whether a MESSAGE keeps what it says.
    pub fn new(bytes: &Bytes, bodies: bool) -> Self {
        let left_out = bytes.len().saturating_sub(MAX_SIP_TEXT);
        let kept = match left_out {
            0 => bytes.clone(),
            // A copy, or the little that is kept would hold all of it.
            _ => Bytes::copy_from_slice(&bytes[..MAX_SIP_TEXT]),
        };
        Self { kept: Kept::Raw(kept, bodies), left_out: u32::try_from(left_out).unwrap_or(u32::MAX) }
    }

    /// The text without its secrets.
    pub fn shown(&self) -> Cow<'_, str> {
        match &self.kept {
            Kept::Raw(bytes, bodies) => masked(&String::from_utf8_lossy(bytes), *bodies).into(),
            Kept::Masked(text) => Cow::Borrowed(text),
        }
    }

    /// Bytes at its end that are not kept.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// Bytes that are kept.
    pub(super) fn weight(&self) -> usize {
        match &self.kept {
            Kept::Raw(bytes, _) => bytes.len(),
            Kept::Masked(text) => text.len(),
        }
    }
}

impl PartialEq for SipText {
    fn eq(&self, other: &Self) -> bool {
        self.left_out == other.left_out && self.shown() == other.shown()
    }
}

impl Eq for SipText {}

impl fmt::Debug for SipText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown(), f)
    }
}

#[derive(Serialize, Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    left_out: u32,
}

fn is_nothing(count: &u32) -> bool {
    *count == 0
}

impl Serialize for SipText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { text: self.shown(), left_out: self.left_out }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SipText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { text, left_out } = Written::deserialize(deserializer)?;
        Ok(Self { kept: Kept::Masked(text.into()), left_out })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTER: &str = "REGISTER sip:h SIP/2.0\r\nAuthorization: Digest nonce=\"s3cr3t\"\r\n\r\n";

    #[test]
    fn nobody_gets_a_secret_out_of_it() {
        let text = SipText::new(&REGISTER.into(), true);
        let written = serde_json::to_string(&text).expect("JSON");
        for shown in [text.shown().into_owned(), format!("{text:?}"), written.clone()] {
            assert!(shown.contains("nonce=…") && !shown.contains("s3cr3t"), "{shown}");
        }
        assert_eq!(serde_json::from_str::<SipText>(&written).expect("read"), text);
    }

    #[test]
    fn a_long_message_is_cut_and_says_so() {
        let long = Bytes::from(format!("INVITE sip:h SIP/2.0\r\n\r\n{}", "x".repeat(60_000)));
        let text = SipText::new(&long, true);
        assert_eq!(text.shown().len(), MAX_SIP_TEXT);
        assert_eq!(text.left_out() as usize, long.len() - MAX_SIP_TEXT);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_far_as_they_are() {
        let text = SipText::new(&Bytes::from_static(b"OPTIONS sip:h SIP/2.0\r\nSubject: \xff\0\r\n"), true);
        let written = serde_json::to_string(&text).expect("JSON");
        assert!(!written.contains('\0'), "{written}");
        assert_eq!(serde_json::from_str::<SipText>(&written).expect("read").shown(), text.shown());
    }
}
