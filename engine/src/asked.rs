//! What may be asked of the world, whoever answers: the house, or a test that stands in for it. Both refuse the same, in the same
//! words.
//!
//! What only a house knows is not judged here: what a manifest names, what lies on its disk, whether a server answers.

use std::path::{Component, Path};
use std::time::Duration;

/// The longest name of a recording; ours have less than a hundred bytes.
const LONGEST_RECORDING: usize = 300;

/// The longest name of a mailbox, and the longest number that a message is from.
pub const LONGEST_MAILBOX: usize = 128;

/// The longest key of the store.
const LONGEST_KEY: usize = 200;

/// The largest value of the store, as JSON. Values are for counters and small facts.
const LARGEST_VALUE: usize = 64 << 10;

/// The longest time that a value may be given; beyond it somebody mistook the unit.
const LONGEST_TTL: Duration = Duration::from_secs(10 * 366 * 86_400);

/// What a key begins with that belongs to all services.
pub const SHARED: &str = "shared:";

/// The longest address of the web: longer ones are refused by many servers.
pub const LONGEST_ADDRESS: usize = 4096;

/// The largest body that is sent, and the largest that is taken.
pub const LARGEST_BODY: usize = 1 << 20;

/// Headers of a request, in number and in bytes.
const MOST_HEADERS: usize = 32;
const LONGEST_HEADERS: usize = 16 << 10;

/// Methods of requests.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Headers that say how a message is carried, which is the house's to say.
const OURS: [&str; 10] = [
    "host",
    "content-length",
    "connection",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "accept-encoding",
    "proxy-authorization",
];

/// People that one letter goes to.
const MOST_RECIPIENTS: usize = 20;

/// The longest subject; most of it would not be shown.
const LONGEST_SUBJECT: usize = 500;

/// The longest text of a letter.
const LONGEST_LETTER: usize = 256 << 10;

/// Recordings in one letter.
const MOST_ATTACHMENTS: usize = 10;

/// Why something is not asked at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// That can be no recording.
    #[error("{0:?} is no name of a recording; take the one that record gave as .file")]
    Recording(String),
    /// Nothing was recorded under that name, or it is gone.
    #[error("there is no recording {0:?}")]
    NoRecording(String),
    /// That can be nobody's mailbox.
    #[error("a mailbox has the name of an endpoint, with at most {LONGEST_MAILBOX} bytes")]
    Mailbox,
    /// That can be no key.
    #[error("a key has 1 to {LONGEST_KEY} bytes and no control characters")]
    Key,
    /// A value that is too large.
    #[error("the value at {key:?} has {bytes} bytes as JSON, and {LARGEST_VALUE} are the most")]
    Value {
        /// Its key.
        key: String,
        /// How large it is.
        bytes: usize,
    },
    /// A value that is kept for no time, or for ever.
    #[error("ttl is from 1 ms to ten years")]
    Ttl,
    /// No method.
    #[error("{0:?} is no method; there are GET, HEAD, POST, PUT, PATCH and DELETE")]
    Method(String),
    /// No address.
    #[error("{0:?} is no address of the web; write https://host/path")]
    Address(String),
    /// A header that cannot be sent.
    #[error("header {0:?} cannot be sent")]
    Header(String),
    /// A header that the house says.
    #[error("header {0:?} is not a script's to say")]
    OurHeader(String),
    /// Too many of them.
    #[error("there are more than {MOST_HEADERS} headers, or more than {LONGEST_HEADERS} bytes of them")]
    Headers,
    /// Two things to send.
    #[error("say body or json, and not both")]
    TwoBodies,
    /// Too much to send.
    #[error("the body has {0} bytes, and {LARGEST_BODY} are the most")]
    Body(usize),
    /// Nobody's address.
    #[error("{0:?} is no mail address; write alice@example.org or Alice <alice@example.org>")]
    MailAddress(String),
    /// A letter to nobody, or to everybody.
    #[error("a letter goes to 1 to {MOST_RECIPIENTS} people")]
    Recipients,
    /// A subject that is none.
    #[error("the subject has no line ends and at most {LONGEST_SUBJECT} bytes")]
    Subject,
    /// A book.
    #[error("the text has {0} bytes, and {LONGEST_LETTER} are the most")]
    Letter(usize),
    /// Too much in it.
    #[error("a letter has at most {MOST_ATTACHMENTS} attachments")]
    Attachments,
}

/// A name that a call gives to a recording: it stays in its folder.
pub fn recording(name: &str) -> Result<(), Unasked> {
    let is_plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let is_name = !name.is_empty() && name.len() <= LONGEST_RECORDING && !name.contains('\0');
    (is_name && is_plain).then_some(()).ok_or_else(|| Unasked::Recording(name.into()))
}

/// The name of somebody who may have a mailbox.
pub fn mailbox(user: &str) -> Result<(), Unasked> {
    let is_name = !user.is_empty() && user.len() <= LONGEST_MAILBOX && !user.contains('\0');
    is_name.then_some(()).ok_or(Unasked::Mailbox)
}

/// A key of the store, of that service or of all.
pub fn key(key: &str) -> Result<(), Unasked> {
    let name = key.strip_prefix(SHARED).unwrap_or(key);
    let is_key = !name.is_empty() && name.len() <= LONGEST_KEY && !name.chars().any(char::is_control);
    is_key.then_some(()).ok_or(Unasked::Key)
}

/// How long a value is kept.
pub fn ttl(lasts: Option<Duration>) -> Result<(), Unasked> {
    let is_odd = lasts.is_some_and(|lasts| lasts.is_zero() || lasts > LONGEST_TTL);
    if is_odd { Err(Unasked::Ttl) } else { Ok(()) }
}

/// What is kept at a key, as JSON.
pub fn value(key: &str, json: &str) -> Result<(), Unasked> {
    let bytes = json.len();
    if bytes > LARGEST_VALUE { Err(Unasked::Value { key: key.into(), bytes }) } else { Ok(()) }
}

/// How a server is asked.
pub fn method(method: &str) -> Result<(), Unasked> {
    let is_known = METHODS.contains(&method.to_ascii_uppercase().as_str());
    is_known.then_some(()).ok_or_else(|| Unasked::Method(method.into()))
}

/// Which server is asked: whoever connects reads more of it.
pub fn address(url: &str) -> Result<(), Unasked> {
    let rest = ["http://", "https://"].iter().find_map(|scheme| {
        url.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).and(url.get(scheme.len()..))
    });
    let host = rest.and_then(|rest| rest.split(['/', '?', '#', '\\']).next()).unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let is_host = |host: &str| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_control());
    let is_address = url.len() <= LONGEST_ADDRESS && is_host(host);
    is_address.then_some(()).ok_or_else(|| Unasked::Address(patchcord_media::prompt::shown(url)))
}

/// What a request says beside its body.
pub fn headers<'a>(said: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Result<(), Unasked> {
    let bytes: usize = said.clone().map(|(name, value)| name.len() + value.len()).sum();
    if said.clone().count() > MOST_HEADERS || bytes > LONGEST_HEADERS {
        return Err(Unasked::Headers);
    }
    // RFC 9110 §5.6.2 and §5.5.
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    for (name, value) in said {
        if name.is_empty() || !name.chars().all(is_token) || value.contains(|c: char| c.is_control() && c != '\t') {
            return Err(Unasked::Header(name.into()));
        }
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Unasked::OurHeader(name.into()));
        }
    }
    Ok(())
}

/// What a request brings: a text or JSON, of so many bytes.
pub fn body(text: Option<usize>, json: Option<usize>) -> Result<(), Unasked> {
    match (text, json) {
        (Some(_), Some(_)) => Err(Unasked::TwoBodies),
        (Some(bytes), None) | (None, Some(bytes)) if bytes > LARGEST_BODY => Err(Unasked::Body(bytes)),
        _ => Ok(()),
    }
}

/// Somebody's address, with or without a name before it: whoever sends reads more of it.
pub fn mail_address(text: &str) -> Result<(), Unasked> {
    let bare = text.strip_suffix('>').and_then(|text| Some(text.split_once('<')?.1)).unwrap_or(text).trim();
    let is_part = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || "<>,;".contains(c));
    let is_address = bare.rsplit_once('@').is_some_and(|(who, place)| is_part(who) && is_part(place));
    let is_plain = !text.chars().any(char::is_control);
    (is_address && is_plain).then_some(()).ok_or_else(|| Unasked::MailAddress(text.into()))
}

/// A letter to these people, with so many recordings.
pub fn letter(to: &[String], subject: &str, text: &str, attached: usize) -> Result<(), Unasked> {
    if to.is_empty() || to.len() > MOST_RECIPIENTS {
        return Err(Unasked::Recipients);
    }
    to.iter().try_for_each(|to| mail_address(to))?;
    if subject.len() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
        return Err(Unasked::Subject);
    }
    if text.len() > LONGEST_LETTER {
        return Err(Unasked::Letter(text.len()));
    }
    if attached > MOST_ATTACHMENTS { Err(Unasked::Attachments) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_recordings_stay_in_their_folder() {
        for name in ["", "/etc/passwd", "../patchcord.db", "a/../../b", ".", "a\0b", &"x".repeat(301)] {
            assert_eq!(recording(name), Err(Unasked::Recording(name.into())), "{name:?}");
        }
        assert_eq!(recording("2026-11-21/01KABC-0-1.wav"), Ok(()));
    }

    #[test]
    fn addresses_of_the_web_name_a_server() {
        for wrong in
            ["", "file:///etc/passwd", "https://", "http:///a", "https:// a", "ftp://a", "a.example/x", "https://me@/x"]
        {
            assert!(matches!(address(wrong), Err(Unasked::Address(_))), "{wrong:?}");
        }
        assert_eq!([address("https://a.example"), address("HTTP://me:secret@[::1]:80/x?y")], [Ok(()), Ok(())]);
        let told = address("ftp://me:secret@a/b?key=1").map_err(|why| why.to_string()).expect_err("it is of no web");
        assert!(told.starts_with("\"ftp://a/b\" is no address"), "{told}");
    }

    #[test]
    fn addresses_of_people_have_a_name_and_a_place() {
        for wrong in ["", "alice", "@b", "a@", "a b@c", "a@b, c@d", "a@b\r\nRCPT TO:<c@d>", "Ann <ann>"] {
            assert!(mail_address(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!([mail_address("a@b.example"), mail_address("Alice B <alice@b.example>")], [Ok(()), Ok(())]);
    }

    #[test]
    fn headers_are_tokens_and_not_those_of_the_house() {
        let of = |name: &'static str, value: &'static str| headers([(name, value)].into_iter());
        assert_eq!(of("X-Key", "1"), Ok(()));
        assert_eq!(of("Host", "a"), Err(Unasked::OurHeader("Host".into())));
        assert_eq!(of("a b", "1"), Err(Unasked::Header("a b".into())));
        assert_eq!(of("a", "1\r\nb: 2"), Err(Unasked::Header("a".into())));
    }
}
