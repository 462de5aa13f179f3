//! Digest as a phone does it (RFC 7616, `qop=auth`), written anew so that the server's own is not its own judge.

use md5::Md5;
use sha2::{Digest, Sha256};

/// By which hash the lab proves its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 2617: what every phone can.
    Md5,
    /// RFC 8760.
    Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// What a 401 asked for.
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
}

/// Who proves, and what.
pub(crate) struct Proof<'a> {
    pub user: &'a str,
    pub password: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    /// How often this nonce was used, this time included.
    pub count: u32,
}

impl Challenge {
    /// The challenge for this algorithm among the lines of a 401.
    pub fn find<'a>(mut lines: impl Iterator<Item = &'a str>, algorithm: Algorithm) -> Option<Self> {
        lines.find_map(|line| {
            let said = parameter(line, "algorithm").unwrap_or_else(|| "MD5".to_owned());
            if !line.starts_with("Digest ") || said != algorithm.name() {
                return None;
            }
            let (realm, nonce) = (parameter(line, "realm")?, parameter(line, "nonce")?);
            Some(Self { realm, nonce, opaque: parameter(line, "opaque"), algorithm })
        })
    }

    /// The value of an Authorization header.
    pub fn answer(&self, proof: &Proof<'_>) -> String {
        let Self { realm, nonce, opaque, algorithm } = self;
        let Proof { user, password, method, uri, count } = proof;
        let cnonce = crate::ask::fresh();
        let secret = algorithm.hash(&format!("{user}:{realm}:{password}"));
        let deed = algorithm.hash(&format!("{method}:{uri}"));
        let response = algorithm.hash(&format!("{secret}:{nonce}:{count:08x}:{cnonce}:auth:{deed}"));
        let opaque = opaque.as_ref().map(|opaque| format!(", opaque=\"{opaque}\"")).unwrap_or_default();
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={}, cnonce=\"{cnonce}\", qop=auth, nc={count:08x}{opaque}",
            algorithm.name(),
        )
    }
}

/// The value of one parameter, quoted or not; no value of the lab's holds a comma.
fn parameter(line: &str, name: &str) -> Option<String> {
    let list = line.strip_prefix("Digest ").unwrap_or(line);
    list.split(',').find_map(|pair| {
        let (said, value) = pair.trim().split_once('=')?;
        said.eq_ignore_ascii_case(name).then(|| value.trim_matches('"').to_owned())
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1, whose cnonce is not ours to choose: so the hash is checked where it is made.
    #[test]
    fn the_example_of_rfc_7616_is_hashed_as_printed() {
        let realm = "http-auth@example.org";
        let (nonce, cnonce) =
            ("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
        let response = |algorithm: Algorithm| {
            let secret = algorithm.hash(&format!("Mufasa:{realm}:Circle of Life"));
            let deed = algorithm.hash("GET:/dir/index.html");
            algorithm.hash(&format!("{secret}:{nonce}:00000001:{cnonce}:auth:{deed}"))
        };
        assert_eq!(response(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(response(Algorithm::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    }

    #[test]
    fn a_challenge_is_found_by_its_algorithm() {
        let lines =
            ["Digest realm=\"a\", nonce=\"1\", algorithm=SHA-256, qop=\"auth\"", "Digest realm=\"a\", nonce=\"2\""];
        let found = |algorithm| Challenge::find(lines.into_iter(), algorithm).map(|challenge| challenge.nonce);
        assert_eq!(found(Algorithm::Sha256).as_deref(), Some("1"));
        assert_eq!(found(Algorithm::Md5).as_deref(), Some("2"));
    }
}
