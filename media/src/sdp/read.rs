//! Reads a description, or says which line is wrong and why.
//!
//! Strict where a line decides (`v= o= c= m=` and `rtpmap`), forgiving where it only advises: a missing `s=` or `t=`, line
//! ends without carriage return, session lines in another order and attributes that make no sense are lived with, because
//! phones in the field send them. Nothing is resolved and nothing is judged here: whether the parts are of any use is for
//! [`negotiate`](super::negotiate).

use std::net::IpAddr;

use super::description::{Attribute, Attributes, Bandwidth, Description, Host, Media, Origin, Protocol};
use super::format::RtpMap;

/// The largest description: what fits a SIP message.
pub const MAX_BYTES: usize = 65_536;
/// The most parts. A browser in a meeting of thirty offers as many; a phone offers two or three.
pub const MAX_MEDIA: usize = 32;
/// The most `a=` lines together. A browser's offer with video has about three hundred.
pub const MAX_ATTRIBUTES: usize = 2048;
/// The most formats of one part: RTP has no more payload types than these.
pub const MAX_FORMATS: usize = 128;
/// The most `b=` lines of one level; there are five kinds in use.
pub const MAX_BANDWIDTHS: usize = 8;

/// A description that cannot be used: answered 400 in SIP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {flaw}")]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says itself in its text")]
pub enum Flaw {
    #[error("the description has more than {MAX_BYTES} bytes")]
    TooLong,
    #[error("the description does not begin with v=0")]
    NoVersion,
    #[error("the description has no o= line")]
    NoOrigin,
    #[error("a line is a letter, an equals sign and a value")]
    NotALine,
    #[error("a NUL or a carriage return inside a line")]
    ControlCharacter,
    #[error("this line may come once only")]
    Twice,
    #[error("o= is: user, session, version, IN, IP4 or IP6, address")]
    Origin,
    #[error("c= is: IN, IP4 or IP6, address")]
    Connection,
    #[error("the part goes nowhere: neither it nor the session has a c= line")]
    NoConnection,
    #[error("m= is: kind, port, protocol, formats")]
    Media,
    #[error("a port is a number up to 65535")]
    Port,
    #[error("an RTP format is a payload type from 0 to 127")]
    PayloadType,
    #[error("b= is: kind, colon, number")]
    Bandwidth,
    #[error("rtpmap is: payload type, name/clock or name/clock/channels")]
    RtpMap,
    #[error("an attribute has a name")]
    Attribute,
    #[error("more than {MAX_MEDIA} parts")]
    TooManyMedia,
    #[error("more than {MAX_ATTRIBUTES} attributes")]
    TooManyAttributes,
    #[error("more than {MAX_FORMATS} formats")]
    TooManyFormats,
    #[error("more than {MAX_BANDWIDTHS} b= lines")]
    TooManyBandwidths,
}

impl Description {
    /// Reads a message body.
    ///
    /// # Errors
    /// With the line and what is wrong with it.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > MAX_BYTES {
            return Err(Malformed { line: 1, flaw: Flaw::TooLong });
        }
        let mut reader = Reader::default();
        let mut number = 0;
        for line in body.split(|byte| *byte == b'\n') {
            number += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            reader.line(number, line).map_err(|flaw| Malformed { line: number, flaw })?;
        }
        reader.finish(number)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    version: bool,
    origin: Option<Origin>,
    name: Option<String>,
    connection: Option<Host>,
    bandwidth: Vec<Bandwidth>,
    attributes: Attributes,
    media: Vec<Media>,
    /// The line of each part.
    media_lines: Vec<usize>,
    /// `a=` lines of all levels.
    seen: usize,
}

impl Reader {
    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), Flaw> {
        if line.is_empty() {
            // The end of the text, or somebody's empty line.
            return Ok(());
        }
        if line.iter().any(|byte| matches!(byte, 0 | b'\r')) {
            return Err(Flaw::ControlCharacter);
        }
        let [letter, b'=', value @ ..] = line else {
            return Err(if self.version { Flaw::NotALine } else { Flaw::NoVersion });
        };
        // Names come in whatever the phone's maker used; where characters matter, the grammar is ASCII and refuses them.
        let value = String::from_utf8_lossy(value);
        if !self.version {
            self.version = *letter == b'v' && value.trim() == "0";
            return if self.version { Ok(()) } else { Err(Flaw::NoVersion) };
        }
        match letter {
            b'v' => Err(Flaw::Twice),
            b'o' => once(&mut self.origin, origin(&value).ok_or(Flaw::Origin)?),
            b's' if self.media.is_empty() => once(&mut self.name, value.trim().to_owned()),
            b'c' => self.connection(&value),
            b'b' => self.bandwidth(&value),
            b'm' => self.media(number, &value),
            b'a' => self.attribute(&value),
            letter if letter.is_ascii_alphabetic() => Ok(()),
            _ => Err(Flaw::NotALine),
        }
    }

    fn connection(&mut self, value: &str) -> Result<(), Flaw> {
        let mut words = value.split_ascii_whitespace();
        let host = host(&mut words).ok_or(Flaw::Connection)?;
        match self.media.last_mut() {
            // Further lines name further layers of a multicast; nobody here takes part in one.
            Some(media) => {
                media.connection.get_or_insert(host);
                Ok(())
            }
            None => once(&mut self.connection, host),
        }
    }

    fn bandwidth(&mut self, value: &str) -> Result<(), Flaw> {
        let (kind, amount) = value.split_once(':').ok_or(Flaw::Bandwidth)?;
        let amount = amount.trim().parse().map_err(|_| Flaw::Bandwidth)?;
        if !is_token(kind) {
            return Err(Flaw::Bandwidth);
        }
        let lines = self.media.last_mut().map_or(&mut self.bandwidth, |media| &mut media.bandwidth);
        if lines.len() == MAX_BANDWIDTHS {
            return Err(Flaw::TooManyBandwidths);
        }
        lines.push(Bandwidth { kind: kind.to_owned(), amount });
        Ok(())
    }

    fn media(&mut self, number: usize, value: &str) -> Result<(), Flaw> {
        if self.media.len() == MAX_MEDIA {
            return Err(Flaw::TooManyMedia);
        }
        self.media.push(media(value)?);
        self.media_lines.push(number);
        Ok(())
    }

    fn attribute(&mut self, value: &str) -> Result<(), Flaw> {
        self.seen += 1;
        if self.seen > MAX_ATTRIBUTES {
            return Err(Flaw::TooManyAttributes);
        }
        let (name, value) = value.split_once(':').map_or((value, None), |(name, value)| (name, Some(value.trim())));
        let name = name.trim();
        if !is_token(name) {
            return Err(Flaw::Attribute);
        }
        if name.eq_ignore_ascii_case("rtpmap") {
            RtpMap::parse(value.unwrap_or_default()).ok_or(Flaw::RtpMap)?;
        }
        let attributes = self.media.last_mut().map_or(&mut self.attributes, |media| &mut media.attributes);
        attributes.push(Attribute { name: name.to_owned(), value: value.map(str::to_owned) });
        Ok(())
    }

    fn finish(self, last: usize) -> Result<Description, Malformed> {
        let at = |line, flaw| Malformed { line, flaw };
        if !self.version {
            return Err(at(1, Flaw::NoVersion));
        }
        let origin = self.origin.ok_or(at(last, Flaw::NoOrigin))?;
        for (media, line) in self.media.iter().zip(self.media_lines) {
            if media.port != 0 && media.connection.is_none() && self.connection.is_none() {
                return Err(at(line, Flaw::NoConnection));
            }
        }
        Ok(Description {
            origin,
            name: self.name.filter(|name| !name.is_empty()).unwrap_or_else(|| "-".to_owned()),
            connection: self.connection,
            bandwidth: self.bandwidth,
            attributes: self.attributes,
            media: self.media,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Flaw> {
    if place.is_some() {
        return Err(Flaw::Twice);
    }
    *place = Some(value);
    Ok(())
}

fn origin(value: &str) -> Option<Origin> {
    let mut words = value.split_ascii_whitespace();
    let (user, session, version) = (words.next()?, words.next()?, words.next()?);
    let numbers = [session, version].iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let host = host(&mut words)?;
    numbers.then(|| Origin { user: user.to_owned(), session: session.to_owned(), version: version.to_owned(), host })
}

/// `IN IP4 192.0.2.1`. An address of the other family than said is taken for what it is.
fn host<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Host> {
    let (net, family, host) = (words.next()?, words.next()?, words.next()?);
    let known = ["IP4", "IP6"].iter().any(|known| known.eq_ignore_ascii_case(family));
    if !net.eq_ignore_ascii_case("IN") || !known || words.next().is_some() {
        return None;
    }
    // Behind a slash stand the reach and the number of a multicast.
    let host = host.split('/').next()?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(Host::Ip(ip));
    }
    // What has only digits and dots, or a colon, was meant to be an address.
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
        && host.len() <= 255;
    is_name.then(|| Host::Name(host.to_owned()))
}

fn media(value: &str) -> Result<Media, Flaw> {
    let mut words = value.split_ascii_whitespace();
    let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
        return Err(Flaw::Media);
    };
    if !is_token(kind) || !protocol.split('/').all(is_token) {
        return Err(Flaw::Media);
    }
    let (port, ports) = port.split_once('/').map_or((port, None), |(port, ports)| (port, Some(ports)));
    let ports = ports.map(number).transpose()?;
    let formats: Vec<_> = words.take(MAX_FORMATS + 1).map(str::to_owned).collect();
    let mut media = Media::new(kind, number(port)?, Protocol::of(protocol), formats);
    media.ports = ports;
    check_formats(&media)?;
    Ok(media)
}

fn check_formats(media: &Media) -> Result<(), Flaw> {
    // A declined part says nothing by its formats, so some leave them out.
    if media.formats.is_empty() && media.port != 0 {
        return Err(Flaw::Media);
    }
    if media.formats.len() > MAX_FORMATS {
        return Err(Flaw::TooManyFormats);
    }
    if media.profile().is_some() {
        let wrong = media.formats.iter().any(|format| format.parse::<u8>().map_or(true, |number| number > 127));
        return if wrong { Err(Flaw::PayloadType) } else { Ok(()) };
    }
    // Other protocols name formats with slashes (`message/cpim`) and stars.
    let wrong = media.formats.iter().any(|format| !format.bytes().all(|byte| byte.is_ascii_graphic()));
    if wrong { Err(Flaw::Media) } else { Ok(()) }
}

fn number(text: &str) -> Result<u16, Flaw> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Flaw::Port)
}

/// A word of RFC 8866's grammar.
pub(super) fn is_token(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]".contains(&byte))
}
