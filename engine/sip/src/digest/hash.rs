//! The arithmetic of digest: what is hashed, in which order, with which colons (RFC 7616 §3.4).

use md5::Md5;
use sha2::{Digest, Sha256};

use super::Algorithm;

/// The longest hash.
const LONGEST: usize = 32;

/// The outcome of a hash of either length.
#[derive(Clone, Copy)]
pub(super) struct Hash {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Hash {
    pub(super) fn new(from: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..from.len()].copy_from_slice(from);
        Self { bytes, length: from.len() as u8 }
    }

    /// Reads hexadecimal digits of either case, as many as one of our hashes has.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        let length = text.len() / 2;
        if !matches!(text.len(), 32 | 64) {
            return None;
        }
        unhex(text, &mut bytes[..length])?;
        Some(Self { bytes, length: length as u8 })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub(super) fn hex(&self) -> Hex {
        let mut hex = Hex { digits: [0; 2 * LONGEST], length: 2 * self.length };
        hex_into(self.bytes(), &mut hex.digits);
        hex
    }

    /// Whether both are the same, found out in the same time wherever they differ.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.length == other.length && same(&self.bytes, &other.bytes)
    }
}

/// A hash as text.
pub(super) struct Hex {
    digits: [u8; 2 * LONGEST],
    length: u8,
}

impl Hex {
    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.digits[..usize::from(self.length)]).expect("hexadecimal digits are ASCII")
    }
}

/// Compares in constant time: a wrong guess does not tell how much of it was right.
pub(super) fn same(mine: &[u8], theirs: &[u8]) -> bool {
    mine.len() == theirs.len()
        && std::hint::black_box(mine.iter().zip(theirs).fold(0, |differences, (a, b)| differences | (a ^ b))) == 0
}

pub(super) fn hex_into(bytes: &[u8], digits: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

pub(super) fn unhex(text: &str, bytes: &mut [u8]) -> Option<()> {
    if text.len() != 2 * bytes.len() {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(())
}

/// Hashes the parts with colons in between.
fn joined<D: Digest>(parts: &[&[u8]]) -> Hash {
    let mut hasher = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    Hash::new(&hasher.finalize())
}

fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> Hash {
    match algorithm {
        Algorithm::Md5 => joined::<Md5>(parts),
        Algorithm::Sha256 => joined::<Sha256>(parts),
    }
}

pub(super) fn ha1(algorithm: Algorithm, user: &str, realm: &str, password: &str) -> Hash {
    hash(algorithm, &[user.as_bytes(), realm.as_bytes(), password.as_bytes()])
}

/// The name that a client sends in place of its own when it was asked to hide it (RFC 7616 §3.4.4).
pub(super) fn user_hash(algorithm: Algorithm, user: &str, realm: &str) -> Hash {
    hash(algorithm, &[user.as_bytes(), realm.as_bytes()])
}

/// What the response covers beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quality {
    /// RFC 2069: neither count nor client nonce.
    Legacy,
    /// Method and URI.
    Auth,
    /// The body, too.
    AuthInt,
}

impl Quality {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Legacy => "",
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// Everything a response is made of. Count and client nonce stand as they are written.
pub(super) struct Recipe<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) quality: Quality,
    pub(super) nonce: &'a str,
    pub(super) count: &'a str,
    pub(super) cnonce: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: &'a str,
    pub(super) body: &'a [u8],
}

impl Recipe<'_> {
    pub(super) fn response(&self, ha1: &Hash) -> Hash {
        let (method, uri) = (self.method.as_bytes(), self.uri.as_bytes());
        let ha2 = match self.quality {
            Quality::AuthInt => {
                let body = hash(self.algorithm, &[self.body]);
                hash(self.algorithm, &[method, uri, body.hex().as_str().as_bytes()])
            }
            Quality::Legacy | Quality::Auth => hash(self.algorithm, &[method, uri]),
        };
        let (ha1, ha2, nonce) = (ha1.hex(), ha2.hex(), self.nonce.as_bytes());
        let (ha1, ha2) = (ha1.as_str().as_bytes(), ha2.as_str().as_bytes());
        match self.quality {
            Quality::Legacy => hash(self.algorithm, &[ha1, nonce, ha2]),
            quality => {
                let (count, cnonce) = (self.count.as_bytes(), self.cnonce.as_bytes());
                hash(self.algorithm, &[ha1, nonce, count, cnonce, quality.name().as_bytes(), ha2])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa(algorithm: Algorithm) -> Recipe<'static> {
        Recipe {
            algorithm,
            quality: Quality::Auth,
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            count: "00000001",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            method: "GET",
            uri: "/dir/index.html",
            body: b"",
        }
    }

    #[test]
    fn the_example_of_rfc_7616_section_3_9_1_comes_out_for_both_algorithms() {
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let ha1 = ha1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
            assert_eq!(mufasa(algorithm).response(&ha1).hex().as_str(), response);
        }
    }

    #[test]
    fn the_example_of_rfc_2617_section_3_5_comes_out() {
        let ha1 = ha1(Algorithm::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        let recipe =
            Recipe { nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093", cnonce: "0a4f113b", ..mufasa(Algorithm::Md5) };
        assert_eq!(ha1.hex().as_str(), "939e7578ed9e3c518a452acee763bce9");
        assert_eq!(recipe.response(&ha1).hex().as_str(), "6629fae49393a05397450978507c4ef1");
        // The same without qop, as RFC 2069 had it.
        let legacy = Recipe { quality: Quality::Legacy, ..recipe };
        assert_eq!(legacy.response(&ha1).hex().as_str(), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn integrity_covers_the_body() {
        let ha1 = ha1(Algorithm::Md5, "a", "b", "c");
        let with =
            |body: &'static [u8]| Recipe { quality: Quality::AuthInt, body, ..mufasa(Algorithm::Md5) }.response(&ha1);
        assert!(!with(b"v=0").matches(&with(b"v=1")));
        assert!(with(b"v=0").matches(&with(b"v=0")));
    }

    #[test]
    fn hashes_are_read_in_either_case_and_in_their_two_lengths_only() {
        let upper = "8CA523F5E9506FED4657C9700EEBDBEC";
        assert_eq!(Hash::from_hex(upper).unwrap().hex().as_str(), upper.to_lowercase());
        for wrong in ["", "8ca5", "zz".repeat(16).as_str(), "8".repeat(63).as_str(), "é".repeat(16).as_str()] {
            assert!(Hash::from_hex(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn comparing_finds_any_difference() {
        let one = [7_u8; 32];
        assert!(same(&one, &one.clone()));
        for at in 0..32 {
            let mut other = one;
            other[at] ^= 1;
            assert!(!same(&one, &other));
        }
        assert!(!same(&one, &one[..31]));
    }
}
