//! A letter as a script writes it, and as it goes out.

use std::{fmt, str::FromStr, time::SystemTime};

use lettre::{
    Address, Message,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
};
use patchcord_engine::asked::{self, Unasked};
use serde::{Deserialize, Deserializer, Serialize};

/// Bytes of all recordings in a letter: there they grow by a third, and few servers take more than 25 MB.
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
    #[error(transparent)]
    Unasked(#[from] Unasked),
    #[error("the letter cannot be written")]
    Unwritten(#[from] lettre::error::Error),
    #[error("a recording cannot be attached")]
    Kind(#[from] lettre::message::header::ContentTypeErr),
}

/// Why a text is nobody's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct BadAddress(Unasked);

/// Whom letters are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl FromStr for Sender {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        asked::mail_address(text).map_err(BadAddress)?;
        text.parse().map(Self).map_err(|_| BadAddress(Unasked::MailAddress(text.into())))
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
        asked::letter(&self.to, &self.subject, &self.text, self.attach.len())?;
        for to in &self.to {
            to.parse::<Sender>()?;
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
