//! Which digest algorithms somebody is asked for.

use std::{fmt, str::FromStr};

use patchcord_sip::digest::Algorithm;

/// The digest algorithms that a challenge offers, at least one.
///
/// The default is MD5 alone. RFC 8760 wants SHA-256 offered first and beside it, but phones in use fail at a challenge in
/// which they do not know every algorithm (docs/decisions/0006). So the stronger one is for endpoints, or servers, whose
/// phones are known to speak it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    sha256: bool,
    md5: bool,
}

impl Default for Digests {
    fn default() -> Self {
        Self { sha256: false, md5: true }
    }
}

/// A text that names no set of algorithms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no digest algorithm; write md5, sha-256, or sha-256,md5")]
pub struct UnknownDigest(pub String);

impl Digests {
    /// Both of them.
    pub const ALL: Self = Self { sha256: true, md5: true };

    /// Those algorithms; `None` when there are none.
    pub fn of(algorithms: impl IntoIterator<Item = Algorithm>) -> Option<Self> {
        let none = Self { sha256: false, md5: false };
        let set = algorithms.into_iter().fold(none, |set, algorithm| match algorithm {
            Algorithm::Sha256 => Self { sha256: true, ..set },
            Algorithm::Md5 => Self { md5: true, ..set },
        });
        (set != none).then_some(set)
    }

    /// Whether it is offered, and an answer with it taken.
    pub fn has(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::Sha256 => self.sha256,
            Algorithm::Md5 => self.md5,
        }
    }

    /// The algorithms, the strongest first.
    pub fn iter(self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.into_iter().filter(move |algorithm| self.has(*algorithm))
    }
}

impl FromStr for Digests {
    type Err = UnknownDigest;

    fn from_str(text: &str) -> Result<Self, UnknownDigest> {
        let read = |word: &str| Algorithm::of(word.trim()).ok_or_else(|| UnknownDigest(word.trim().into()));
        let algorithms = text.split(',').map(read).collect::<Result<Vec<_>, _>>()?;
        Self::of(algorithms).ok_or_else(|| UnknownDigest(text.into()))
    }
}

impl fmt::Display for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.iter().map(|algorithm| algorithm.name().to_ascii_lowercase()).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_in_any_order_and_written_the_strongest_first() {
        assert_eq!("MD5, sha-256".parse(), Ok(Digests::ALL));
        assert_eq!(Digests::ALL.to_string(), "sha-256,md5");
        assert_eq!("md5".parse(), Ok(Digests::default()));
        assert_eq!("md4".parse::<Digests>(), Err(UnknownDigest("md4".into())));
        assert_eq!("".parse::<Digests>(), Err(UnknownDigest("".into())));
    }
}
