//! The STUN that ICE needs (RFC 8489, RFC 8445): reading a check and proving who sent it, writing its answer.
//!
//! Bytes in, bytes out. It knows nothing of sockets and of who may speak:
//! that is the agent's. What it does not understand it names, so that the sender can be told.

use std::net::{IpAddr, SocketAddr};

use ring::hmac;

/// The four bytes that mark a message.
const COOKIE: u32 = 0x2112_A442;

/// What a fingerprint is masked with, so that it is no checksum of anything else.
const FINGERPRINT_MASK: u32 = 0x5354_554E;

const HEADER: usize = 20;

/// The longest message that is looked at. A check of a browser has some 150 bytes.
pub const MAX_MESSAGE: usize = 1280;

/// The most attributes that are looked at; a check has eight.
const MAX_ATTRIBUTES: usize = 24;

/// The longest name of a check: two of 256 letters and the colon between them (RFC 8839 §5.4).
const MAX_NAME: usize = 513;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const CONTROLLED: u16 = 0x8029;
const CONTROLLING: u16 = 0x802A;

/// Attributes from here on may be left aside by whoever does not know them.
const OPTIONAL: u16 = 0x8000;

/// What tells an answer from everybody else's.
pub type Transaction = [u8; 12];

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A check that wants an answer.
    Request,
    /// A sign of life that wants none.
    Indication,
    /// A check has come through.
    Success,
    /// A check was refused.
    Failure,
}

/// Which side decides, as the sender sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The sender decides.
    Controlling(u64),
    /// The sender follows.
    Controlled(u64),
}

/// A binding message that was read.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    /// What it is.
    pub class: Class,
    /// What tells it from others.
    pub transaction: Transaction,
    /// Who is asked, and by whom: `theirs:ours` as its receiver sees it.
    pub name: Option<&'a str>,
    /// Which side decides.
    pub role: Option<Role>,
    /// How dear the way is to the sender.
    pub priority: Option<u32>,
    /// Whether the sender decides for this way.
    pub use_candidate: bool,
    /// The address that an answer tells.
    pub mapped: Option<SocketAddr>,
    /// The status of a refusal.
    pub error: Option<u16>,
    /// The first attribute that has to be understood and is not.
    pub unknown: Option<u16>,
    /// Where the proof stands.
    integrity: Option<usize>,
}

impl<'a> Message<'a> {
    /// Reads a binding message. One whose fingerprint is missing or wrong is none: everything that ICE sends has one.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (kind, length) = (number(bytes, 0)?, usize::from(number(bytes, 2)?));
        let marked = bytes.get(4..8)? == COOKIE.to_be_bytes();
        if !marked || bytes.len() > MAX_MESSAGE || bytes.len() != HEADER + length || length % 4 != 0 {
            return None;
        }
        let class = match kind {
            0x0001 => Class::Request,
            0x0011 => Class::Indication,
            0x0101 => Class::Success,
            0x0111 => Class::Failure,
            _ => return None,
        };
        let mut message = Self {
            bytes,
            class,
            transaction: bytes[8..HEADER].try_into().ok()?,
            name: None,
            role: None,
            priority: None,
            use_candidate: false,
            mapped: None,
            error: None,
            unknown: None,
            integrity: None,
        };
        message.read_attributes().filter(|proven| *proven).map(|_| message)
    }

    /// Reads all attributes; whether the last of them is a right fingerprint.
    fn read_attributes(&mut self) -> Option<bool> {
        let bytes = self.bytes;
        let mut at = HEADER;
        for _ in 0..MAX_ATTRIBUTES {
            let (kind, length) = (number(bytes, at)?, usize::from(number(bytes, at + 2)?));
            let value = bytes.get(at + 4..at + 4 + length)?;
            let next = at + 4 + length.next_multiple_of(4);
            match kind {
                FINGERPRINT => {
                    let said = u32::from_be_bytes(value.try_into().ok()?);
                    return Some(next == bytes.len() && said == fingerprint(&bytes[..at]));
                }
                MESSAGE_INTEGRITY if self.integrity.is_none() && length == 20 => self.integrity = Some(at),
                // What stands behind the proof is not proven.
                _ if self.integrity.is_some() => {}
                _ => self.note(kind, value)?,
            }
            at = next;
        }
        None
    }

    fn note(&mut self, kind: u16, value: &'a [u8]) -> Option<()> {
        match kind {
            USERNAME => {
                let name = std::str::from_utf8(value).ok().filter(|name| name.len() <= MAX_NAME)?;
                self.name = Some(name);
            }
            PRIORITY => self.priority = Some(u32::from_be_bytes(value.try_into().ok()?)),
            USE_CANDIDATE => self.use_candidate = true,
            CONTROLLING => self.role = Some(Role::Controlling(u64::from_be_bytes(value.try_into().ok()?))),
            CONTROLLED => self.role = Some(Role::Controlled(u64::from_be_bytes(value.try_into().ok()?))),
            XOR_MAPPED_ADDRESS => self.mapped = Some(unmasked(value, self.transaction)?),
            ERROR_CODE => self.error = Some(u16::from(value.get(2)? & 7) * 100 + u16::from(*value.get(3)?)),
            UNKNOWN_ATTRIBUTES => {}
            unknown if unknown < OPTIONAL => self.unknown = self.unknown.or(Some(unknown)),
            _ => {}
        }
        Some(())
    }

    /// Whether its sender knows this key.
    #[must_use]
    pub fn is_proven_by(&self, key: &hmac::Key) -> bool {
        let Some(at) = self.integrity else { return false };
        let said = &self.bytes[at + 4..at + 24];
        // The proof covers the message as if it ended with the proof.
        hmac::verify(key, &covered(&self.bytes[..at], at + 24), said).is_ok()
    }

    /// The two halves of the name: who is asked, and who asks.
    #[must_use]
    pub fn names(&self) -> Option<(&'a str, &'a str)> {
        self.name?.split_once(':')
    }
}

/// The key of a password.
#[must_use]
pub fn key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// A message that is being written into a buffer of the caller's.
pub struct Draft<'a> {
    bytes: &'a mut Vec<u8>,
    transaction: Transaction,
}

impl<'a> Draft<'a> {
    /// Begins a binding message; whatever the buffer held is gone.
    pub fn new(class: Class, transaction: Transaction, bytes: &'a mut Vec<u8>) -> Self {
        let kind: u16 = match class {
            Class::Request => 0x0001,
            Class::Indication => 0x0011,
            Class::Success => 0x0101,
            Class::Failure => 0x0111,
        };
        bytes.clear();
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(COOKIE.to_be_bytes());
        bytes.extend(transaction);
        Self { bytes, transaction }
    }

    /// The address that is answered.
    #[must_use]
    pub fn mapped(self, peer: SocketAddr) -> Self {
        let mut value = [0; 20];
        let length = masked(peer, self.transaction, &mut value);
        self.attribute(XOR_MAPPED_ADDRESS, &value[..length])
    }

    /// A refusal.
    #[must_use]
    pub fn error(self, status: u16, reason: &str) -> Self {
        let mut value = vec![0, 0, (status / 100) as u8, (status % 100) as u8];
        value.extend(reason.as_bytes());
        self.attribute(ERROR_CODE, &value)
    }

    /// What was not understood.
    #[must_use]
    pub fn unknown(self, attribute: u16) -> Self {
        self.attribute(UNKNOWN_ATTRIBUTES, &attribute.to_be_bytes())
    }

    /// Who is asked, and by whom.
    #[must_use]
    pub fn name(self, theirs: &str, ours: &str) -> Self {
        let name = format!("{theirs}:{ours}");
        self.attribute(USERNAME, name.as_bytes())
    }

    /// Which side decides.
    #[must_use]
    pub fn role(self, role: Role) -> Self {
        match role {
            Role::Controlling(chance) => self.attribute(CONTROLLING, &chance.to_be_bytes()),
            Role::Controlled(chance) => self.attribute(CONTROLLED, &chance.to_be_bytes()),
        }
    }

    /// How dear the way is.
    #[must_use]
    pub fn priority(self, priority: u32) -> Self {
        self.attribute(PRIORITY, &priority.to_be_bytes())
    }

    /// That this way is the one.
    #[must_use]
    pub fn use_candidate(self) -> Self {
        self.attribute(USE_CANDIDATE, &[])
    }

    fn attribute(self, kind: u16, value: &[u8]) -> Self {
        self.bytes.extend(kind.to_be_bytes());
        self.bytes.extend((value.len() as u16).to_be_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        let length = (self.bytes.len() - HEADER) as u16;
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// Proves it, and ends it with its fingerprint.
    pub fn finish(self, key: &hmac::Key) {
        let proof = hmac::sign(key, &covered(self.bytes, self.bytes.len() + 24));
        let proven = self.attribute(MESSAGE_INTEGRITY, proof.as_ref());
        // The fingerprint covers a length that counts itself.
        let length = (proven.bytes.len() + 8 - HEADER) as u16;
        proven.bytes[2..4].copy_from_slice(&length.to_be_bytes());
        let print = fingerprint(proven.bytes);
        proven.attribute(FINGERPRINT, &print.to_be_bytes());
    }
}

/// What stands in front of a proof, with the length that a message of `length` bytes says.
fn covered(before: &[u8], length: usize) -> Vec<u8> {
    let mut covered = before.to_vec();
    covered[2..4].copy_from_slice(&((length - HEADER) as u16).to_be_bytes());
    covered
}

fn fingerprint(before: &[u8]) -> u32 {
    const SUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    SUM.checksum(before) ^ FINGERPRINT_MASK
}

/// Writes an address with its mask; how many bytes it took.
fn masked(peer: SocketAddr, transaction: Transaction, value: &mut [u8; 20]) -> usize {
    let mask = mask(transaction);
    value[2..4].copy_from_slice(&(peer.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    let mut put = |family: u8, octets: &[u8]| {
        value[1] = family;
        for (place, (octet, mask)) in value[4..].iter_mut().zip(octets.iter().zip(mask)) {
            *place = octet ^ mask;
        }
        4 + octets.len()
    };
    match peer.ip() {
        IpAddr::V4(ip) => put(1, &ip.octets()),
        IpAddr::V6(ip) => put(2, &ip.octets()),
    }
}

fn unmasked(value: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let port = number(value, 2)? ^ (COOKIE >> 16) as u16;
    let mut octets = [0; 16];
    let said = value.get(4..).filter(|said| said.len() <= octets.len())?;
    for (place, (octet, mask)) in octets.iter_mut().zip(said.iter().zip(mask(transaction))) {
        *place = octet ^ mask;
    }
    let ip = match (value.get(1)?, said.len()) {
        (1, 4) => IpAddr::from([octets[0], octets[1], octets[2], octets[3]]),
        (2, 16) => IpAddr::from(octets),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// It keeps helpful routers from rewriting the addresses that they find.
fn mask(transaction: Transaction) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction);
    mask
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
