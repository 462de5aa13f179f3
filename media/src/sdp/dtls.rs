//! What a description says of DTLS: the certificate's fingerprint and who begins (RFC 8122, RFC 4145, RFC 5763).

use std::fmt;

/// The longest fingerprint: SHA-512.
pub const MAX_FINGERPRINT: usize = 64;

/// The hash of a certificate: `a=fingerprint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The hash function in lower case, `sha-256`.
    pub hash: String,
    /// The hash.
    pub bytes: Vec<u8>,
}

impl Fingerprint {
    /// Reads `sha-256 4A:AD:…`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (hash, hex) = value.trim().split_once(' ')?;
        let length = match hash.to_ascii_lowercase().as_str() {
            "sha-1" => 20,
            "sha-224" => 28,
            "sha-256" => 32,
            "sha-384" => 48,
            "sha-512" => MAX_FINGERPRINT,
            // Broken ones (MD5) and unknown ones prove nothing.
            _ => return None,
        };
        let hex = hex.trim();
        let byte = |text: &str| (text.len() == 2).then(|| u8::from_str_radix(text, 16).ok()).flatten();
        let bytes: Vec<u8> = hex.split(':').take(MAX_FINGERPRINT + 1).map(byte).collect::<Option<_>>()?;
        (bytes.len() == length).then(|| Self { hash: hash.to_ascii_lowercase(), bytes })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hash)?;
        let separated = self.bytes.iter().enumerate();
        separated.into_iter().try_for_each(|(index, byte)| {
            let before = if index == 0 { ' ' } else { ':' };
            write!(f, "{before}{byte:02X}")
        })
    }
}

/// Who begins: `a=setup`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Its sender begins.
    Active,
    /// Its sender waits.
    Passive,
    /// Its sender does either; for offers only.
    Either,
    /// Nobody begins for now.
    Hold,
}

impl Setup {
    /// The attribute's value.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Active, Self::Passive, Self::Either, Self::Hold]
            .into_iter()
            .find(|setup| setup.text().eq_ignore_ascii_case(value.trim()))
    }

    /// As SDP writes it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::Either => "actpass",
            Self::Hold => "holdconn",
        }
    }

    /// What we answer: we wait wherever we may, because beginning costs the first exchange of packets before the way is
    /// open (measured: 150 ms).
    #[must_use]
    pub const fn answered(self) -> Self {
        match self {
            Self::Active | Self::Either => Self::Passive,
            Self::Passive => Self::Active,
            Self::Hold => Self::Hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_any_case_and_written_in_capitals() {
        let text = ["ab"; 32].join(":");
        let fingerprint = Fingerprint::parse(&format!("SHA-256 {text}")).expect("a fingerprint");
        assert_eq!(fingerprint.bytes, [0xab; 32]);
        assert_eq!(fingerprint.to_string(), format!("sha-256 {}", text.to_uppercase()));
    }

    #[test]
    fn a_fingerprint_of_the_wrong_length_or_hash_proves_nothing() {
        for text in ["", "sha-256", "sha-256 AB:CD", "md5 00:11", "sha-1 +1:+2", "sha-256 A:B:ä"] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
    }

    #[test]
    fn we_wait_wherever_we_may() {
        let answers = ["actpass", "active", "passive"].map(|offered| Setup::parse(offered).map(Setup::answered));
        assert_eq!(answers, [Some(Setup::Passive), Some(Setup::Passive), Some(Setup::Active)]);
    }
}
