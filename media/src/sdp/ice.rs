//! What a description says of ICE: credentials and candidates (RFC 8839). Checks nothing and connects to nobody.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::description::{Description, Host, Media};

/// The most candidates of one part; a machine with many interfaces offers thirty.
pub const MAX_CANDIDATES: usize = 64;

/// One side's ICE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ice {
    /// The name.
    pub ufrag: String,
    /// The password.
    pub pwd: String,
    /// Whether it answers checks and makes none.
    pub lite: bool,
    /// Whether candidates may come later.
    pub trickle: bool,
    /// Whether no more candidates come.
    pub complete: bool,
    /// Where it may be reached.
    pub candidates: Vec<Candidate>,
}

impl Ice {
    /// What a part says; `None` when it has no credentials. `media` is where the transport's attributes stand.
    #[must_use]
    pub fn of(description: &Description, media: &Media) -> Option<Self> {
        let text = |name| description.attribute_of(media, name).map(str::to_owned);
        let (ufrag, pwd) = (text("ice-ufrag")?, text("ice-pwd")?);
        let options = description.attribute_of(media, "ice-options").unwrap_or_default();
        let mut lines = media.attributes.all("candidate");
        Some(Self {
            ufrag: Some(ufrag).filter(|text| is_ice_text(text, 4))?,
            pwd: Some(pwd).filter(|text| is_ice_text(text, 22))?,
            lite: description.attributes.has("ice-lite"),
            trickle: options.split_ascii_whitespace().any(|option| option == "trickle"),
            complete: media.attributes.has("end-of-candidates") || description.attributes.has("end-of-candidates"),
            candidates: lines.by_ref().take(MAX_CANDIDATES).filter_map(Candidate::parse).collect(),
        })
    }

    /// Writes the part's lines. `ice-lite` belongs to the session.
    pub fn write_to(&self, media: &mut Media) {
        let attributes = &mut media.attributes;
        attributes.add("ice-ufrag", &self.ufrag);
        attributes.add("ice-pwd", &self.pwd);
        if self.trickle {
            attributes.add("ice-options", "trickle");
        }
        for candidate in self.candidates.iter().take(MAX_CANDIDATES) {
            attributes.add("candidate", candidate);
        }
        if self.complete {
            attributes.flag("end-of-candidates");
        }
    }
}

/// RFC 8839 §5.4: letters, digits, `+` and `/`. Some send `-` and `_` as well.
fn is_ice_text(text: &str, least: usize) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte);
    (least..=256).contains(&text.len()) && text.bytes().all(known)
}

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An address of the machine.
    Host,
    /// As a STUN server sees it.
    ServerReflexive,
    /// As the other side sees it.
    PeerReflexive,
    /// On a TURN server.
    Relayed,
}

impl Origin {
    const ALL: [Self; 4] = [Self::Host, Self::ServerReflexive, Self::PeerReflexive, Self::Relayed];

    const fn text(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }
}

/// The value of `a=candidate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Alike for candidates that are reached the same way.
    pub foundation: String,
    /// 1: RTP. 2: RTCP.
    pub component: u16,
    /// `udp`, `tcp`… in lower case.
    pub transport: String,
    /// Larger is better.
    pub priority: u32,
    /// Where. A name (mostly `….local`) is known to a browser only.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Where it comes from.
    pub origin: Origin,
}

impl Candidate {
    /// Reads `1 1 udp 2130706431 192.0.2.1 5000 typ host …`. What stands behind is not kept.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.strip_prefix("candidate:").unwrap_or(value);
        let mut words = value.split_ascii_whitespace();
        let foundation = words.next().filter(|text| is_ice_text(text, 1) && text.len() <= 32)?;
        let component = words.next()?.parse().ok().filter(|component| (1..=256).contains(component))?;
        let transport = words.next().filter(|text| text.len() <= 16)?.to_ascii_lowercase();
        let priority = words.next()?.parse().ok()?;
        let host = words.next().filter(|host| host.len() <= 255)?;
        let host = host.parse::<IpAddr>().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
        let port = words.next()?.parse().ok()?;
        if words.next()? != "typ" {
            return None;
        }
        let origin = words.next()?;
        let origin = Origin::ALL.into_iter().find(|known| known.text() == origin)?;
        Some(Self { foundation: foundation.to_owned(), component, transport, priority, host, port, origin })
    }

    /// The address, where it is one and is reached by UDP.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        (self.transport == "udp").then_some(SocketAddr::new(self.host.ip()?, self.port))
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} ", self.foundation, self.component, self.transport, self.priority)?;
        match &self.host {
            Host::Ip(ip) => write!(f, "{ip}")?,
            Host::Name(name) => f.write_str(name)?,
        }
        write!(f, " {} typ {}", self.port, self.origin.text())?;
        match (self.origin, &self.host) {
            (Origin::Host, _) => Ok(()),
            // The grammar wants to know what it relates to, privacy does not.
            (_, Host::Ip(IpAddr::V6(_))) => f.write_str(" raddr :: rport 0"),
            _ => f.write_str(" raddr 0.0.0.0 rport 0"),
        }
    }
}

/// Candidates that come after a description, as a fragment of one (RFC 8840 §9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trickled {
    /// Whose: the name of the description that they belong to.
    pub ufrag: String,
    /// Where it may be reached as well, for all parts together.
    pub candidates: Vec<Candidate>,
    /// Whether no more come.
    pub complete: bool,
}

/// Why a fragment tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFragment {
    /// Credentials are missing, or are none.
    #[error("it has no ice-ufrag and ice-pwd")]
    Nobody,
    /// A line that is no candidate, though it says so.
    #[error("line {0} is no candidate")]
    Candidate(usize),
    /// More than anybody has.
    #[error("it has more than {MAX_CANDIDATES} candidates")]
    Many,
}

impl Trickled {
    /// Reads a fragment. Lines that say nothing of candidates are passed over.
    ///
    /// # Errors
    /// When it names nobody, or a candidate that is none.
    pub fn read(fragment: &str) -> Result<Self, NoFragment> {
        let (mut ufrag, mut pwd, mut complete, mut candidates) = (None, None, false, Vec::new());
        for (number, line) in (1..).zip(fragment.lines()) {
            match line
                .trim_end()
                .strip_prefix("a=")
                .map(|attribute| attribute.split_once(':').unwrap_or((attribute, "")))
            {
                Some(("ice-ufrag", text)) if is_ice_text(text, 4) => ufrag = ufrag.or(Some(text)),
                Some(("ice-pwd", text)) if is_ice_text(text, 22) => pwd = pwd.or(Some(text)),
                Some(("end-of-candidates", _)) => complete = true,
                Some(("candidate", _)) if candidates.len() == MAX_CANDIDATES => return Err(NoFragment::Many),
                Some(("candidate", text)) => {
                    candidates.push(Candidate::parse(text).ok_or(NoFragment::Candidate(number))?)
                }
                _ => {}
            }
        }
        let (Some(ufrag), Some(_)) = (ufrag, pwd) else { return Err(NoFragment::Nobody) };
        Ok(Self { ufrag: ufrag.to_owned(), candidates, complete })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAGMENT: &str = "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n\
        a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\r\na=candidate:2 1 UDP 1 5d3a.local 9 typ host\r\n";

    #[test]
    fn candidates_that_come_later_are_read() {
        let first = Trickled::read(FRAGMENT).expect("a fragment");
        assert_eq!((first.ufrag.as_str(), first.candidates.len(), first.complete), ("8hhY", 2, false));
        let last = Trickled::read(&format!("{FRAGMENT}a=end-of-candidates\r\n")).expect("a fragment");
        assert!(last.complete);
    }

    #[test]
    fn a_fragment_without_sense_is_told() {
        assert_eq!(Trickled::read(""), Err(NoFragment::Nobody));
        assert_eq!(Trickled::read("a=ice-ufrag:8hhY\r\na=ice-pwd:short\r\n"), Err(NoFragment::Nobody));
        assert_eq!(Trickled::read(&format!("{FRAGMENT}a=candidate:x\r\n")), Err(NoFragment::Candidate(7)));
        let line = "a=candidate:1 1 UDP 1 192.0.2.1 5000 typ host\r\n";
        assert_eq!(Trickled::read(&line.repeat(MAX_CANDIDATES + 1)), Err(NoFragment::Many));
    }

    #[test]
    fn a_candidate_is_read_and_written() {
        for line in [
            "1 1 udp 2130706431 192.0.2.1 5000 typ host",
            "842163049 1 udp 1677729535 2001:db8::7 46154 typ srflx raddr :: rport 0",
            "3 2 tcp 1518280447 5d3a.local 9 typ host",
        ] {
            assert_eq!(Candidate::parse(line).map(|candidate| candidate.to_string()).as_deref(), Some(line));
        }
        let chatty = "candidate:1 1 UDP 7 192.0.2.1 9 typ relay raddr 10.0.0.1 rport 3 generation 0 network-id 1";
        let candidate = Candidate::parse(chatty).expect("a candidate");
        assert_eq!(candidate.address(), Some(([192, 0, 2, 1], 9).into()));
        assert_eq!(candidate.origin, Origin::Relayed);
    }

    #[test]
    fn a_candidate_without_sense_is_none() {
        for line in [
            "",
            "1 1 udp",
            "1 0 udp 1 192.0.2.1 9 typ host",
            "1 1 udp 99999999999 192.0.2.1 9 typ host",
            "1 1 udp 1 192.0.2.1 99999 typ host",
            "1 1 udp 1 192.0.2.1 9 typ moon",
            "1 1 udp 1 192.0.2.1 9 host",
        ] {
            assert_eq!(Candidate::parse(line), None, "{line}");
        }
    }
}
