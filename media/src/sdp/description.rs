//! What a session description says, as values, in the order in which it says it.
//!
//! Lines that decide nothing for a call (`i= u= e= p= t= r= z= k=`) are not kept. Attributes are kept as they came, known
//! or not, so that a part that is nobody's business here can be passed on whole; [`format`](super::format),
//! [`crypto`](super::crypto), [`dtls`](super::dtls) and [`ice`](super::ice) read the known ones.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::direction::Direction;
use super::read::is_token;

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Who made it, and which version of which session it is.
    pub origin: Origin,
    /// The session's name; `-` says nothing.
    pub name: String,
    /// Where sound goes, for each part that does not say it itself.
    pub connection: Option<Host>,
    /// Bandwidth of everything together.
    pub bandwidth: Vec<Bandwidth>,
    /// What is said of all parts.
    pub attributes: Attributes,
    /// The parts, in order.
    pub media: Vec<Media>,
}

/// The `o=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// A user name, mostly `-`.
    pub user: String,
    /// Digits that name the session. Text, because the grammar has no largest number.
    pub session: String,
    /// Digits that grow with each change.
    pub version: String,
    /// The machine that made the session. Nothing is ever sent there.
    pub host: Host,
}

/// An address, or a name that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A name. Nothing here resolves it.
    Name(String),
}

/// A `b=` line: a kind, and how many kbit/s (bit/s for `TIAS`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// `AS`, `CT`, `TIAS`…
    pub kind: String,
    /// How much.
    pub amount: u64,
}

/// One part: an `m=` line and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, `image`, `application`…
    pub kind: String,
    /// Where it is taken; 0 says that it is declined or over.
    pub port: u16,
    /// How many ports in a row, where that is said.
    pub ports: Option<u16>,
    /// How it travels.
    pub protocol: Protocol,
    /// Payload types for RTP, words for everything else.
    pub formats: Vec<String>,
    /// Where it goes, where the session's line does not hold.
    pub connection: Option<Host>,
    /// Bandwidth of this part.
    pub bandwidth: Vec<Bandwidth>,
    /// What is said of this part.
    pub attributes: Attributes,
}

/// How a part travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// RTP as one of its profiles.
    Rtp(Profile),
    /// Something else, as written: `udptl`, `TCP/MSRP`…
    Unknown(String),
}

/// The RTP profiles that we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// What protects the packets.
    pub shield: Shield,
    /// Whether reports may come early (the `F` at the end, RFC 4585).
    pub feedback: bool,
}

/// What an RTP profile says of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shield {
    /// `RTP/AVP`: nothing.
    Open,
    /// `RTP/SAVP`: SRTP, keys in the description or agreed by DTLS the old way.
    Secure,
    /// `UDP/TLS/RTP/SAVP`: SRTP, keys agreed by DTLS.
    Dtls,
}

impl Description {
    /// Where a part goes: its own line, else the session's.
    #[must_use]
    pub fn host_of<'a>(&'a self, media: &'a Media) -> Option<&'a Host> {
        media.connection.as_ref().or(self.connection.as_ref())
    }

    /// An attribute of a part, else of the session.
    #[must_use]
    pub fn attribute_of<'a>(&'a self, media: &'a Media, name: &str) -> Option<&'a str> {
        media.attributes.get(name).or_else(|| self.attributes.get(name))
    }

    /// The direction of a part as its sender sees it: its own attribute, else the session's, else both ways.
    #[must_use]
    pub fn direction_of(&self, media: &Media) -> Direction {
        media.attributes.direction().or_else(|| self.attributes.direction()).unwrap_or(Direction::Both)
    }

    /// The groups of the given semantics, each a list of the parts' `mid`.
    pub fn groups<'a>(&'a self, semantics: &'a str) -> impl Iterator<Item = Vec<&'a str>> {
        self.attributes.all("group").filter_map(move |value| {
            let mut words = value.split_ascii_whitespace();
            (words.next()? == semantics).then(|| words.collect())
        })
    }
}

impl Media {
    /// A part without attributes that goes where the session goes.
    #[must_use]
    pub fn new(kind: &str, port: u16, protocol: Protocol, formats: Vec<String>) -> Self {
        let (kind, attributes) = (kind.to_owned(), Attributes::default());
        Self { kind, port, ports: None, protocol, formats, connection: None, bandwidth: Vec::new(), attributes }
    }

    /// The payload types in order, each once. Empty where this is not RTP.
    #[must_use]
    pub fn payload_types(&self) -> Vec<u8> {
        let mut types = Vec::with_capacity(self.formats.len());
        if matches!(self.protocol, Protocol::Rtp(_)) {
            for number in self.formats.iter().filter_map(|format| format.parse().ok()) {
                if !types.contains(&number) {
                    types.push(number);
                }
            }
        }
        types
    }

    /// The RTP profile, where this is RTP.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        match self.protocol {
            Protocol::Rtp(profile) => Some(profile),
            Protocol::Unknown(_) => None,
        }
    }

    /// The part's name for groups; a name that is no single word names nothing.
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.attributes.get("mid").filter(|mid| is_token(mid))
    }

    /// `a=rtcp` (RFC 3605): the port, and the address where that is said.
    #[must_use]
    pub fn rtcp(&self) -> Option<(u16, Option<IpAddr>)> {
        let mut words = self.attributes.get("rtcp")?.split_ascii_whitespace();
        let port = words.next()?.parse().ok()?;
        Some((port, words.nth(2).and_then(|address| address.parse().ok())))
    }

    /// How many milliseconds of sound a packet should have (`ptime`), or may have at most (`maxptime`).
    #[must_use]
    pub fn milliseconds(&self, name: &str) -> Option<u16> {
        // Some phones write 20.0.
        let value = self.attributes.get(name)?.trim();
        value.split('.').next()?.parse().ok().filter(|milliseconds| *milliseconds > 0)
    }
}

impl Protocol {
    /// What the third word of an `m=` line means.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.text().eq_ignore_ascii_case(text))
            .map_or_else(|| Self::Unknown(text.to_owned()), Self::Rtp)
    }
}

impl Profile {
    /// `RTP/AVP`.
    pub const AVP: Self = Self { shield: Shield::Open, feedback: false };
    /// `RTP/SAVP`.
    pub const SAVP: Self = Self { shield: Shield::Secure, feedback: false };
    /// `UDP/TLS/RTP/SAVPF`.
    pub const DTLS: Self = Self { shield: Shield::Dtls, feedback: true };

    const ALL: [Self; 6] = [
        Self::AVP,
        Self { shield: Shield::Open, feedback: true },
        Self::SAVP,
        Self { shield: Shield::Secure, feedback: true },
        Self { shield: Shield::Dtls, feedback: false },
        Self::DTLS,
    ];

    /// As SDP writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match (self.shield, self.feedback) {
            (Shield::Open, false) => "RTP/AVP",
            (Shield::Open, true) => "RTP/AVPF",
            (Shield::Secure, false) => "RTP/SAVP",
            (Shield::Secure, true) => "RTP/SAVPF",
            (Shield::Dtls, false) => "UDP/TLS/RTP/SAVP",
            (Shield::Dtls, true) => "UDP/TLS/RTP/SAVPF",
        }
    }
}

impl Host {
    /// The address, where it is one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    /// Whether this is `0.0.0.0` or `::`: nobody is to send there.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_unspecified())
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip)
    }
}

impl From<SocketAddr> for Host {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address.ip())
    }
}

/// The `a=` lines of one level, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(Vec<Attribute>);

/// One `a=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// What stands before the colon.
    pub name: String,
    /// What stands behind it, where there is one.
    pub value: Option<String>,
}

impl Attributes {
    /// The value of the first of this name; empty for one without value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name));
        found.map(|attribute| attribute.value.as_deref().unwrap_or_default())
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The values of all of this name.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |attribute| attribute.name.eq_ignore_ascii_case(name));
        named.map(|attribute| attribute.value.as_deref().unwrap_or_default())
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Attribute> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The direction, where one is said. The last one holds.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        self.0.iter().rev().find_map(|attribute| Direction::of(&attribute.name))
    }

    /// Adds one without a value at the end.
    pub fn flag(&mut self, name: &str) {
        self.0.push(Attribute { name: name.to_owned(), value: None });
    }

    /// Adds one with a value at the end.
    pub fn add(&mut self, name: &str, value: impl fmt::Display) {
        self.0.push(Attribute { name: name.to_owned(), value: Some(value.to_string()) });
    }

    /// Adds one as it is.
    pub fn push(&mut self, attribute: Attribute) {
        self.0.push(attribute);
    }

    /// Keeps those for which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(&Attribute) -> bool) {
        self.0.retain(keep);
        self.0.shrink_to_fit();
    }
}
