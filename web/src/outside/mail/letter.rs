//! A letter as a script writes it, and as it goes out.

use std::{fmt, str::FromStr, time::SystemTime};

use lettre::{
    Address, Message,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
};
use serde::{Deserialize, Deserializer, Serialize};

/// People that one letter goes to.
const MOST_RECIPIENTS: usize = 20;

/// The longest subject; most of it would not be shown.
const LONGEST_SUBJECT: usize = 500;

/// The longest text.
const LONGEST_TEXT: usize = 256 << 10;

/// Recordings in one letter.
const MOST_ATTACHMENTS: usize = 10;

/// Bytes of all of them: in a letter they grow by a third, and few servers take more than 25 MB.
pub(super) const LARGEST_ATTACHMENTS: u64 = 18 << 20;

/// What is asked; what waits is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Letter {
    #[serde(deserialize_with = "one_or_more")]
    to: Vec<String>,
    #[serde(default, deserialize_with = "or_nothing")]
    subject: String,
    #[serde(default, deserialize_with = "or_nothing")]
    text: String,
    #[serde(default, deserialize_with = "one_or_more")]
    pub attach: Vec<String>,
}

/// Why a letter cannot be written.
#[derive(Debug, thiserror::Error)]
pub(in crate::outside) enum BadLetter {
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("a letter goes to 1 to {MOST_RECIPIENTS} people")]
    Recipients,
    #[error("the subject has no line ends and at most {LONGEST_SUBJECT} bytes")]
    Subject,
    #[error("the text has {0} bytes, and {LONGEST_TEXT} are the most")]
    Text(usize),
    #[error("a letter has at most {MOST_ATTACHMENTS} attachments")]
    Attachments,
    #[error("the letter cannot be written")]
    Unwritten(#[from] lettre::error::Error),
    #[error("a recording cannot be attached")]
    Kind(#[from] lettre::message::header::ContentTypeErr),
}

/// Why a text is nobody's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mail address; write alice@example.org or Alice <alice@example.org>")]
pub struct BadAddress(String);

/// Whom letters are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let plain = !text.chars().any(char::is_control);
        text.parse().ok().filter(|_| plain).map(Self).ok_or_else(|| BadAddress(text.into()))
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Sender {
    /// Where the address is at home.
    pub(super) fn domain(&self) -> &str {
        Address::domain(&self.0.email)
    }
}

impl Letter {
    /// Whether it can be written at all.
    pub(super) fn check(&self) -> Result<(), BadLetter> {
        if self.to.is_empty() || self.to.len() > MOST_RECIPIENTS {
            return Err(BadLetter::Recipients);
        }
        for to in &self.to {
            to.parse::<Sender>()?;
        }
        if self.subject.len() > LONGEST_SUBJECT || self.subject.chars().any(char::is_control) {
            return Err(BadLetter::Subject);
        }
        if self.text.len() > LONGEST_TEXT {
            return Err(BadLetter::Text(self.text.len()));
        }
        if self.attach.len() > MOST_ATTACHMENTS {
            return Err(BadLetter::Attachments);
        }
        Ok(())
    }

    /// As it goes out, with what is attached. Each time the same, so that whoever gets it twice can tell.
    pub(super) fn written(
        &self,
        from: &Sender,
        attached: Vec<Vec<u8>>,
        id: &str,
        at: SystemTime,
    ) -> Result<Message, BadLetter> {
        let message_id = format!("<{id}@{}>", from.domain());
        let mut head = Message::builder().from(from.0.clone()).date(at).message_id(Some(message_id));
        for to in &self.to {
            head = head.to(to.parse::<Sender>()?.0);
        }
        let head = head.subject(self.subject.clone());
        let text = SinglePart::plain(self.text.clone());
        if attached.is_empty() {
            return Ok(head.singlepart(text)?);
        }
        let mut parts = MultiPart::mixed().singlepart(text);
        for (name, bytes) in self.attach.iter().zip(attached) {
            let name = name.rsplit('/').next().unwrap_or_default();
            parts = parts.singlepart(Attachment::new(name.to_owned()).body(bytes, ContentType::parse(kind(name))?));
        }
        Ok(head.multipart(parts)?)
    }
}

/// What kind of sound a file holds, by its name.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("wav") => "audio/wav",
        Some("ogg" | "opus") => "audio/ogg",
        Some("mp3") => "audio/mpeg",
        _ => "application/octet-stream",
    }
}

/// A text; `null` is none.
fn or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A text, or a list of them; `null` is none.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        None,
        One(String),
        More(Vec<String>),
    }
    Ok(match Given::deserialize(from)? {
        Given::None => Vec::new(),
        Given::One(one) => vec![one],
        Given::More(more) => more,
    })
}
