//! Sound and reports that nobody else reads or changes (RFC 3711, RFC 7714), under keys that came with the description
//! (SDES, RFC 4568).
//!
//! A [`Sender`] protects packets, a [`Receiver`] opens them, both in the caller's buffer and without allocating. A
//! receiver remembers which packets it has opened and refuses them a second time; it remembers nothing about packets that
//! do not prove their key, so strangers cannot fill it. Keys are never shown. It agrees on nothing: that is the
//! description's business.
//!
//! Written on `ring` (GCM) and the RustCrypto ciphers (counter mode, which `ring` does not offer), and not taken from
//! `rtc-srtp`: that allocates a new packet for each, keeps a state for every SSRC that a stranger writes into a packet
//! before it looks at the tag, and checks replays by the 16-bit number without its cycles.

mod cipher;
mod receiver;
mod sender;
mod stream;

pub use receiver::Receiver;
pub use sender::Sender;

/// The most bytes that a packet grows by: the tag of GCM, and the index of a report.
pub const GROWTH: usize = 20;

/// How many SSRCs have a state at a time in each direction; a leg has one, and a few while it changes.
const STREAMS: usize = 8;

/// The suites we know, in the order of RFC 4568 and RFC 7714.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`, which everybody has.
    AesCm128Sha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`: a shorter tag on sound.
    AesCm128Sha1Tag32,
    /// `AEAD_AES_128_GCM`.
    Gcm128,
    /// `AEAD_AES_256_GCM`.
    Gcm256,
}

impl Suite {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Gcm256, Self::Gcm128, Self::AesCm128Sha1Tag80, Self::AesCm128Sha1Tag32];

    /// Its name in `a=crypto`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Gcm128 => "AEAD_AES_128_GCM",
            Self::Gcm256 => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of this name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key.
    #[must_use]
    pub const fn key_length(self) -> usize {
        if matches!(self, Self::Gcm256) { 32 } else { 16 }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub const fn salt_length(self) -> usize {
        if self.is_gcm() { 12 } else { 14 }
    }

    const fn is_gcm(self) -> bool {
        matches!(self, Self::Gcm128 | Self::Gcm256)
    }

    /// Bytes of the tag on sound.
    const fn tag(self) -> usize {
        match self {
            Self::AesCm128Sha1Tag80 => 10,
            Self::AesCm128Sha1Tag32 => 4,
            Self::Gcm128 | Self::Gcm256 => 16,
        }
    }

    /// Bytes of the tag on reports: never shortened (RFC 3711 §3.4).
    const fn report_tag(self) -> usize {
        if self.is_gcm() { 16 } else { 10 }
    }
}

/// A master key and its salt, as a description carries them.
#[derive(Clone, PartialEq, Eq)]
pub struct Master {
    suite: Suite,
    key: [u8; 32],
    salt: [u8; 14],
}

/// Key and salt are not as long as the suite wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{} wants {wanted} bytes of key and salt, not {length}", suite.name())]
pub struct WrongLength {
    /// The suite.
    pub suite: Suite,
    /// Bytes that it wants.
    pub wanted: usize,
    /// Bytes that are there.
    pub length: usize,
}

impl Master {
    /// The key and behind it the salt, decoded from `inline:`.
    ///
    /// # Errors
    /// When they are not as long as `suite` wants.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Result<Self, WrongLength> {
        let (key_length, wanted) = (suite.key_length(), suite.key_length() + suite.salt_length());
        if key_and_salt.len() != wanted {
            return Err(WrongLength { suite, wanted, length: key_and_salt.len() });
        }
        let (mut key, mut salt) = ([0; 32], [0; 14]);
        key[..key_length].copy_from_slice(&key_and_salt[..key_length]);
        salt[..suite.salt_length()].copy_from_slice(&key_and_salt[key_length..]);
        Ok(Self { suite, key, salt })
    }

    /// Which suite it is for.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    fn key(&self) -> &[u8] {
        &self.key[..self.suite.key_length()]
    }
}

impl std::fmt::Debug for Master {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Master").field("suite", &self.suite).finish_non_exhaustive()
    }
}

/// A packet that cannot be protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unprotectable {
    /// It is no packet, or no report.
    #[error("what is to be protected is no packet")]
    NotAPacket,
    /// The buffer has no room for [`GROWTH`] more bytes.
    #[error("the buffer has no room for the tag")]
    NoRoom,
    /// So many packets went out under this key that another one would give it away.
    #[error("the key is used up")]
    KeyUsedUp,
}

/// A packet that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no packet, or too short for a tag.
    #[error("what came is no protected packet")]
    NotAPacket,
    /// It was opened before, or is older than anybody remembers.
    #[error("the packet came before")]
    Replayed,
    /// It does not prove the key: changed, from a stranger, or under another key.
    #[error("the packet does not prove its key")]
    Unproven,
}

#[cfg(test)]
mod tests;
