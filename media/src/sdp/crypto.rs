//! `a=crypto`: keys for SRTP written into the description (RFC 4568, RFC 6188, RFC 7714).
//!
//! Lines that ask for what we do not do (an unknown suite, a key identifier in each packet, several keys, unprotected
//! packets) are passed over. A key is not shown by `Debug`, so that it never reaches a log.

use std::fmt;

use data_encoding::BASE64_NOPAD;

/// The most `a=crypto` lines of one part that are looked at; phones send up to eight.
pub const MAX_CRYPTO: usize = 16;

/// Ciphers for SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`: the one that everybody has.
    AesCm128Sha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`: the same with a shorter proof.
    AesCm128Sha1_32,
    /// `AEAD_AES_128_GCM`.
    AeadAes128Gcm,
    /// `AEAD_AES_256_GCM`.
    AeadAes256Gcm,
}

impl Suite {
    /// All, the most widespread first.
    pub const ALL: [Self; 4] = [Self::AesCm128Sha1_80, Self::AesCm128Sha1_32, Self::AeadAes256Gcm, Self::AeadAes128Gcm];

    /// As SDP writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Bytes of the master key.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            _ => 16,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub const fn salt_length(self) -> usize {
        match self {
            Self::AesCm128Sha1_80 | Self::AesCm128Sha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Bytes of key and salt together: the randomness that a [`MasterKey`] takes.
    #[must_use]
    pub const fn length(self) -> usize {
        self.key_length() + self.salt_length()
    }
}

/// A master key with its salt, for one suite.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    bytes: Vec<u8>,
}

impl MasterKey {
    /// From key and salt, one behind the other; `None` when the length is not the suite's.
    #[must_use]
    pub fn new(suite: Suite, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == suite.length()).then(|| Self { suite, bytes: bytes.to_vec() })
    }

    /// What it is for.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.bytes[..self.suite.key_length()]
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.bytes[self.suite.key_length()..]
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

/// The value of an `a=crypto` line that we can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    /// Names the line in the answer. At most nine digits (RFC 4568 §9.1).
    pub tag: u32,
    /// Suite and key.
    pub key: MasterKey,
}

impl Crypto {
    /// Reads `1 AES_CM_128_HMAC_SHA1_80 inline:…|2^31`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9)?.parse().ok()?;
        let name = words.next()?;
        let suite = Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))?;
        let (method, key) = words.next()?.split_once(':')?;
        // A semicolon would begin a second key.
        if !method.eq_ignore_ascii_case("inline") || key.contains(';') || !words.all(is_harmless) {
            return None;
        }
        let mut parts = key.split('|');
        let key = parts.next()?.trim_end_matches('=');
        // A lifetime is longer than any call; a part with a colon is a key identifier, which packets would carry.
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        let key = MasterKey::new(suite, &BASE64_NOPAD.decode(key.as_bytes()).ok()?)?;
        Some(Self { tag, key })
    }
}

/// Session parameters that change nothing in what we send: a hint for the replay window, and extensions marked optional.
fn is_harmless(parameter: &str) -> bool {
    parameter.starts_with('-') || parameter.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("WSH="))
}

impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = data_encoding::BASE64.encode(&self.key.bytes);
        write!(f, "{} {} inline:{key}", self.tag, self.key.suite.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn a_key_is_read_and_written() {
        for suite in Suite::ALL {
            let bytes: Vec<u8> = (0..suite.length() as u8).collect();
            let crypto = Crypto { tag: 7, key: MasterKey::new(suite, &bytes).expect("the right length") };
            assert_eq!(Crypto::parse(&crypto.to_string()), Some(crypto.clone()));
            assert_eq!((crypto.key.key().len(), crypto.key.salt().len()), (suite.key_length(), suite.salt_length()));
            assert_eq!(MasterKey::new(suite, &bytes[1..]), None);
        }
    }

    #[test]
    fn a_lifetime_and_hints_are_lived_with() {
        for tail in ["|2^20", "|1000", " WSH=128", " -X"] {
            assert_eq!(Crypto::parse(&format!("{LINE}{tail}")), Crypto::parse(LINE), "{tail}");
        }
    }

    #[test]
    fn what_we_do_not_do_is_passed_over() {
        let refused = ["|2^20|1:4", "|1:4", ";inline:AAAA", " UNENCRYPTED_SRTP", " KDR=3", " FEC_ORDER=FEC_SRTP", "A"];
        for tail in refused {
            assert_eq!(Crypto::parse(&format!("{LINE}{tail}")), None, "{tail}");
        }
        for line in
            ["", "1", "1 F8_128_HMAC_SHA1_80 inline:AA", &LINE[1..], "1234567890 AES_CM_128_HMAC_SHA1_80 inline:"]
        {
            assert_eq!(Crypto::parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", Crypto::parse(LINE));
        assert_eq!(shown, "Some(Crypto { tag: 1, key: MasterKey(AES_CM_128_HMAC_SHA1_80) })");
    }
}
