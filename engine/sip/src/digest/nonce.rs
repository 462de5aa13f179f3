//! Nonces that carry their own proof: when they were made, at random, by us, for this realm.
//!
//! ```text
//! seconds since start (4) │ random (8) │ the first 12 bytes of HMAC-SHA-256 over both and the realm
//! ```

use sha2::{Digest, Sha256};

use super::hash::{hex_into, same, unhex};

const TIME: usize = 4;
const RANDOM: usize = 8;
/// 96 bits: whoever guesses a million times a second needs longer than the sun has.
const MAC: usize = 12;
const LENGTH: usize = TIME + RANDOM + MAC;
/// The block of SHA-256, as HMAC wants to know it.
const BLOCK: usize = 64;

/// HMAC-SHA-256 (RFC 2104) with the key's blocks hashed once.
pub(super) struct Key {
    inner: Sha256,
    outer: Sha256,
}

impl Key {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(secret).for_each(|(byte, secret)| *byte ^= secret);
            Sha256::new_with_prefix(block)
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }

    /// The first bytes of a nonce with its MAC, in hexadecimal digits.
    pub(super) fn write(&self, nonce: Nonce, realm: &str) -> [u8; 2 * LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..TIME].copy_from_slice(&nonce.second.to_be_bytes());
        bytes[TIME..TIME + RANDOM].copy_from_slice(&nonce.random.to_be_bytes());
        let mac = self.mac(&[&bytes[..TIME + RANDOM], realm.as_bytes()]);
        bytes[TIME + RANDOM..].copy_from_slice(&mac[..MAC]);
        let mut digits = [0; 2 * LENGTH];
        hex_into(&bytes, &mut digits);
        digits
    }

    /// A nonce that we wrote for this realm; `None` for everything else.
    pub(super) fn read(&self, text: &str, realm: &str) -> Option<Nonce> {
        let mut bytes = [0; LENGTH];
        unhex(text, &mut bytes)?;
        let (body, mac) = bytes.split_at(TIME + RANDOM);
        if !same(&self.mac(&[body, realm.as_bytes()])[..MAC], mac) {
            return None;
        }
        let (second, random) = body.split_at(TIME);
        Some(Nonce {
            second: u32::from_be_bytes(second.try_into().ok()?),
            random: u64::from_be_bytes(random.try_into().ok()?),
        })
    }
}

/// What a nonce says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    /// When it was made, in seconds since the challenger was.
    pub(super) second: u32,
    pub(super) random: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_hmac_sha_256_as_in_rfc_4231_test_case_2() {
        // The key of that case is shorter than ours; zeroes behind it are what HMAC would add.
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let mac = Key::new(&secret).mac(&[b"what do ya want ", b"for nothing?"]);
        let mut digits = [0; 64];
        hex_into(&mac, &mut digits);
        assert_eq!(&digits, b"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_nonce_reads_back_only_with_its_key_its_realm_and_all_its_digits() {
        let key = Key::new(&[1; 32]);
        let nonce = Nonce { second: 7, random: 0x0123_4567_89ab_cdef };
        let text = key.write(nonce, "pbx");
        let text = str::from_utf8(&text).unwrap();

        assert_eq!(key.read(text, "pbx"), Some(nonce));
        assert_eq!(key.read(text, "other"), None);
        assert_eq!(Key::new(&[2; 32]).read(text, "pbx"), None);
        assert_eq!(key.read(&text[2..], "pbx"), None);
        for at in 0..text.len() {
            let flipped = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
            let mut forged = text.to_owned();
            forged.replace_range(at..=at, flipped);
            assert_eq!(key.read(&forged, "pbx"), None, "digit {at}");
        }
    }
}
