//! Writes a description, always in the same order: what was read and written again reads the same.
//!
//! Line ends are CRLF. The lines that are not kept are written with the value that says nothing: `t=0 0`.

use std::fmt;
use std::net::IpAddr;

use super::description::{Attribute, Attributes, Bandwidth, Description, Host, Media, Origin, Protocol};

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=0\r\no={}\r\ns={}\r\n", self.origin, self.name)?;
        connection(f, self.connection.as_ref())?;
        bandwidth(f, &self.bandwidth)?;
        f.write_str("t=0 0\r\n")?;
        self.attributes.fmt(f)?;
        self.media.iter().try_for_each(|media| media.fmt(f))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {}", self.kind, self.port)?;
        if let Some(ports) = self.ports {
            write!(f, "/{ports}")?;
        }
        write!(f, " {}", self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        f.write_str("\r\n")?;
        connection(f, self.connection.as_ref())?;
        bandwidth(f, &self.bandwidth)?;
        self.attributes.fmt(f)
    }
}

fn connection(f: &mut fmt::Formatter<'_>, host: Option<&Host>) -> fmt::Result {
    host.map_or(Ok(()), |host| write!(f, "c={host}\r\n"))
}

fn bandwidth(f: &mut fmt::Formatter<'_>, lines: &[Bandwidth]) -> fmt::Result {
    lines.iter().try_for_each(|line| write!(f, "b={}:{}\r\n", line.kind, line.amount))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.user, self.session, self.version, self.host)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(ip)) => write!(f, "IN IP4 {ip}"),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "IN IP6 {ip}"),
            Self::Name(name) => write!(f, "IN IP4 {name}"),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rtp(profile) => f.write_str(profile.text()),
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|attribute| write!(f, "a={attribute}\r\n"))
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}:{value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}
