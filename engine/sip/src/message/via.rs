//! One entry of a Via header: where a request passed and where its response must go.

use std::net::{IpAddr, Ipv6Addr};

use super::memo::Mark;
use super::scan::{Commas, count, is_blank, is_host_byte, is_token, is_token_byte, number, split_at_byte, trim};
use super::{Fault, Params};
use crate::hop::Transport;

/// A Via entry, borrowed from the message.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    text: &'a str,
    marks: Marks,
}

/// Where the parts of an entry stand in its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    len: u16,
    transport: Mark,
    host: Mark,
    port: Option<u16>,
    branch: Option<Mark>,
    rport: Option<Mark>,
    maddr: Option<Mark>,
    room: Option<u16>,
    /// Where the parameters begin, behind their semicolon.
    params: u16,
}

/// The magic cookie of branches that name a transaction by themselves (RFC 3261 §8.1.1.7).
pub const BRANCH_COOKIE: &str = "z9hG4bK";

impl<'a> Via<'a> {
    /// Reads one entry, without its neighbours behind commas.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        let text = trim(text);
        Ok(Self { text, marks: Marks::of(text)? })
    }

    /// The whole entry as it is written.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    /// The transport, if it is one of ours.
    pub fn transport(&self) -> Option<Transport> {
        self.transport_text().parse().ok()
    }

    /// The transport as it is written; any token may stand there.
    pub fn transport_text(&self) -> &'a str {
        self.marks.transport.cut(self.text)
    }

    /// The host of sent-by; an IPv6 address keeps its brackets.
    pub fn host(&self) -> &'a str {
        self.marks.host.cut(self.text)
    }

    /// The host of sent-by when it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        address(self.host())
    }

    /// The port of sent-by.
    pub fn port(&self) -> Option<u16> {
        self.marks.port
    }

    /// The transaction's name, with or without the cookie.
    pub fn branch(&self) -> Option<&'a str> {
        self.marks.branch.map(|branch| branch.cut(self.text))
    }

    /// Whether the branch names the transaction by itself. The bare cookie does not: it is the same for everybody.
    pub fn has_magic_branch(&self) -> bool {
        self.branch().is_some_and(|branch| {
            branch.len() > BRANCH_COOKIE.len()
                && branch.is_char_boundary(BRANCH_COOKIE.len())
                && branch[..BRANCH_COOKIE.len()].eq_ignore_ascii_case(BRANCH_COOKIE)
        })
    }

    /// The parameters; those that every transaction asks for have methods of their own.
    pub fn params(&self) -> Params<'a> {
        Params::behind(self.text.get(usize::from(self.marks.params)..).unwrap_or(""))
    }

    /// The address somebody on the way saw, with brackets or without (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        self.params().get("received").and_then(address)
    }

    /// `None`: not asked for. `Some(None)`: asked for. `Some(Some(port))`: filled in (RFC 3581).
    pub fn rport(&self) -> Option<Option<u16>> {
        self.marks.rport.map(|port| port.cut(self.text).parse().ok())
    }

    /// Where in the entry the port is to be filled in that the sender asks for, when that is all it says of where it is:
    /// behind an `rport` without a value, the only one, and no `received`.
    pub(super) fn room(&self) -> Option<usize> {
        self.marks.room.map(usize::from)
    }

    /// Where a multicast request wants its response.
    pub fn maddr(&self) -> Option<&'a str> {
        self.marks.maddr.map(|maddr| maddr.cut(self.text))
    }

    /// Whether the connection may be used for requests the other way (RFC 5923).
    pub fn alias(&self) -> bool {
        self.params().has("alias")
    }

    /// Whether the sender reads keepalives here (RFC 6223).
    pub fn keep(&self) -> bool {
        self.params().has("keep")
    }
}

impl Marks {
    /// Reads one entry.
    fn of(text: &str) -> Result<Self, Fault> {
        let Ok(len) = u16::try_from(text.len()) else { return Err(Fault::bad("Via too long")) };
        let (transport, sent_by) = protocol(text).ok_or(Fault::bad("Bad Via"))?;
        let (place, params) = match split_at_byte(sent_by, b';') {
            // What we write behind it would stand behind two semicolons.
            Some((_, params)) if trim(params).is_empty() => return Err(Fault::bad("Bad parameters in Via")),
            Some(split) => split,
            None => (sent_by, ""),
        };
        let (host, port) = host_and_port(trim(place)).ok_or(Fault::bad("Bad sent-by in Via"))?;
        let mut marks = Self {
            len,
            transport: Mark::of(text, transport),
            host: Mark::of(text, host),
            port,
            branch: None,
            rport: None,
            maddr: None,
            room: None,
            params: len - params.len() as u16,
        };
        let mut claims = 0;
        let well_formed = Params::behind(params).well_formed(|name, value| {
            if let Some(place) = marks.place(name) {
                place.get_or_insert(Mark::of(text, value));
            }
            if is_claim(name) {
                claims += 1;
                let behind = Mark::of(text, name).end();
                marks.room = (claims == 1 && value.is_empty()).then_some(behind);
            }
        });
        if well_formed { Ok(marks) } else { Err(Fault::bad("Bad parameters in Via")) }
    }

    /// Reads the first entry of a line.
    pub(super) fn of_first(line: &str) -> Result<Self, Fault> {
        Self::of(Commas::new(line).next().unwrap_or(line))
    }

    /// Whether it is the only entry of its line.
    pub(super) fn is_all_of(&self, line: &str) -> bool {
        usize::from(self.len) == line.len()
    }

    /// The first entry of the line.
    pub(super) fn cut(self, line: &str) -> Via<'_> {
        Via { text: line.get(..usize::from(self.len)).unwrap_or(line), marks: self }
    }

    /// Where a parameter of that name is kept, if it is one that every transaction asks for.
    fn place(&mut self, name: &str) -> Option<&mut Option<Mark>> {
        match name.len() {
            6 if name.eq_ignore_ascii_case("branch") => Some(&mut self.branch),
            5 if name.eq_ignore_ascii_case("rport") => Some(&mut self.rport),
            5 if name.eq_ignore_ascii_case("maddr") => Some(&mut self.maddr),
            _ => None,
        }
    }
}

/// Whether a parameter is about the address that somebody has seen.
fn is_claim(name: &str) -> bool {
    match name.len() {
        5 => name.eq_ignore_ascii_case("rport"),
        8 => name.eq_ignore_ascii_case("received"),
        _ => false,
    }
}

/// An IP address, with or without the brackets of an IPv6 reference.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    let Some(reference) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) else {
        return host.parse().ok();
    };
    let address: Result<Ipv6Addr, _> = match reference.contains(":::") {
        // The grammar of RFC 3261 makes a colon too many before an IPv4 part (RFC 5118 §4.10).
        true => reference.replacen(":::", "::", 1).parse(),
        false => reference.parse(),
    };
    address.ok().map(IpAddr::V6)
}

/// `SIP / 2.0 / UDP `: the transport, and what stands behind the blank.
fn protocol(text: &str) -> Option<(&str, &str)> {
    let rest = match text.strip_prefix("SIP/2.0/") {
        Some(rest) => trim(rest),
        None => {
            let (protocol, rest) = text.split_once('/')?;
            let (version, rest) = rest.split_once('/')?;
            if ![protocol, version].iter().all(|token| is_token(trim(token).as_bytes())) {
                return None;
            }
            trim(rest)
        }
    };
    let end = count(rest.as_bytes(), is_token_byte);
    (end > 0 && rest.as_bytes().get(end).copied().is_some_and(is_blank)).then(|| rest.split_at(end))
}

/// `host[:port]` with blanks allowed around the colon; an IPv6 address must be in brackets.
pub(crate) fn host_and_port(text: &str) -> Option<(&str, Option<u16>)> {
    let end = match text.starts_with('[') {
        true => text.find(']')? + 1,
        false => count(text.as_bytes(), is_host_byte),
    };
    let (host, rest) = text.split_at(end);
    if host.is_empty() || host.starts_with('[') && address(host).is_none() {
        return None;
    }
    let port = match rest.as_bytes() {
        [] => None,
        [b':', digits @ ..] if matches!(digits.len(), 1..=5) && digits.iter().all(u8::is_ascii_digit) => {
            let port = digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
            Some(u16::try_from(port).ok()?)
        }
        // Blanks, many zeroes, or something else altogether.
        _ => match trim(rest) {
            "" => None,
            rest => Some(u16::try_from(number(trim(rest.strip_prefix(':')?))?).ok()?),
        },
    };
    Some((host, port))
}

/// A host name, an IPv4 address or an IPv6 reference.
pub(crate) fn is_host(host: &str) -> bool {
    if host.starts_with('[') { address(host).is_some() } else { !host.is_empty() && host.bytes().all(is_host_byte) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_may_stand_around_slashes_colons_and_semicolons() {
        let via =
            Via::parse("SIP  /\t2.0 / TCP  spindle.example.com : 5070  ;  branch  =   z9hG4bK9ikj8 ; rport").unwrap();
        assert_eq!(via.transport(), Some(Transport::Tcp));
        assert_eq!((via.host(), via.port()), ("spindle.example.com", Some(5070)));
        assert_eq!(via.branch(), Some("z9hG4bK9ikj8"));
        assert_eq!(via.rport(), Some(None));
        assert!(via.has_magic_branch());
    }

    #[test]
    fn received_is_read_with_and_without_brackets() {
        let seen = Some("2001:db8::9:255".parse().unwrap());
        for text in ["received=2001:db8::9:255", "received=[2001:db8::9:255]"] {
            let via = format!("SIP/2.0/UDP [2001:db8::9:1]:5061;{text};rport=7;branch=z9hG4bK");
            let via = Via::parse(&via).unwrap();
            assert_eq!(via.received(), seen);
            assert_eq!(via.rport(), Some(Some(7)));
            assert_eq!(via.port(), Some(5061));
            assert!(!via.has_magic_branch());
        }
    }

    #[test]
    fn broken_entries_are_refused() {
        for wrong in [
            "SIP/2.0/UDP h;",
            "SIP/2.0/UDP h; ",
            "",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/2.0/UDP h;;branch=1",
            "SIP/2.0/UDP h:port",
            "SIP/2.0/UDP h:65536",
            "SIP/2.0/UDP 2001:db8::1",
            "SIP/2.0/UDP [2001:db8::zz]",
            "SIP/2.0/UDP a b",
            "SIP//UDP h",
        ] {
            assert_eq!(Via::parse(wrong).map(|via| via.host()).map_err(Fault::status), Err(400), "{wrong}");
        }
    }
}
