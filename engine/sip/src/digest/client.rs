//! The side that is asked for a password.

use std::borrow::Cow;

use super::field::{self, plain, quoted};
use super::hash::{Quality, Recipe};
use super::{Algorithm, Asked, Credential};
use crate::message::Fault;

/// A challenge that we can read, borrowed from the response.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    realm: &'a str,
    nonce: &'a str,
    opaque: Option<&'a str>,
    /// `None`: one that we do not speak.
    algorithm: Option<Algorithm>,
    /// `None`: only qualities that we do not know.
    quality: Option<Quality>,
    stale: bool,
}

/// Why a challenge cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswerable {
    /// There is no challenge in the response.
    #[error("the response carries no digest challenge")]
    Missing,
    /// No challenge could be read.
    #[error("the challenge cannot be read: {0}")]
    Malformed(#[from] Fault),
    /// None of the challenges offers an algorithm and a quality that we speak and the credential can answer.
    #[error("the challenge offers no algorithm that we can answer")]
    Unsupported,
}

/// Whether each backslash escapes something, so that a quote behind the text closes it.
fn can_be_quoted(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' && bytes.next().is_none() {
            return false;
        }
    }
    true
}

impl<'a> Challenge<'a> {
    /// Reads one header line.
    pub fn parse(header: &'a str) -> Result<Self, Unanswerable> {
        let names = ["realm", "nonce", "opaque", "algorithm", "qop", "stale"];
        let [realm, nonce, opaque, algorithm, qop, stale] =
            field::read(header, names).ok_or(Unanswerable::Missing)??;
        // These go back between quotes as they came.
        if ![realm, nonce, opaque].into_iter().flatten().all(can_be_quoted) {
            return Err(Fault::bad("Challenge with a broken escape").into());
        }
        Ok(Self {
            realm: realm.ok_or(Fault::bad("Challenge without realm"))?,
            nonce: nonce.ok_or(Fault::bad("Challenge without nonce"))?,
            opaque,
            algorithm: algorithm.map_or(Some(Algorithm::Md5), Algorithm::of),
            quality: qop.map_or(Some(Quality::Legacy), best_quality),
            stale: stale.is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }

    /// The strongest challenge that this credential can answer among the lines of a header. Lines that we cannot read or
    /// do not speak do not hide one that we do.
    pub fn strongest(lines: impl Iterator<Item = &'a str>, credential: &Credential) -> Result<Self, Unanswerable> {
        Self::strongest_line(lines, credential).map(|(_, challenge)| challenge)
    }

    /// The same, with the line that it stands in: for whoever keeps it to answer further requests by it.
    ///
    /// # Errors
    /// As [`Challenge::strongest`].
    pub fn strongest_line(
        lines: impl Iterator<Item = &'a str>,
        credential: &Credential,
    ) -> Result<(&'a str, Self), Unanswerable> {
        let mut why = Unanswerable::Missing;
        let mut best: Option<(&str, Self)> = None;
        for line in lines {
            match Self::parse(line) {
                Ok(one) if one.is_answerable(credential) => {
                    // The server lists by preference: of equals the first.
                    if best.is_none_or(|(_, best)| one.algorithm < best.algorithm) {
                        best = Some((line, one));
                    }
                }
                Ok(_) => why = Unanswerable::Unsupported,
                Err(Unanswerable::Missing) => {}
                Err(fault) if why == Unanswerable::Missing => why = fault,
                Err(_) => {}
            }
        }
        best.ok_or(why)
    }

    fn is_answerable(&self, credential: &Credential) -> bool {
        self.quality.is_some() && self.algorithm.is_some_and(|one| credential.algorithms().any(|able| able == one))
    }

    /// Who asks.
    pub fn realm(&self) -> Cow<'a, str> {
        plain(self.realm)
    }

    /// The nonce. An answer made with the nonce before is not a wrong password when this is another and
    /// [`is_stale`](Self::is_stale).
    pub fn nonce(&self) -> &'a str {
        self.nonce
    }

    /// The algorithm; `None` for one that we do not speak.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// Whether only the nonce was too old. A challenge that answers our credentials and is not stale means that the
    /// password is wrong: to answer it again would go on for ever.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// The value of the Authorization header. `count` starts with 1 for each nonce and goes up by one; `cnonce` is
    /// random.
    pub fn answer(
        &self,
        user: &str,
        credential: &Credential,
        asked: Asked<'_>,
        count: u32,
        cnonce: &str,
    ) -> Result<String, Unanswerable> {
        let (Some(algorithm), Some(quality)) = (self.algorithm, self.quality) else {
            return Err(Unanswerable::Unsupported);
        };
        let realm = self.realm();
        let secret = credential.secret(algorithm, user, &realm).ok_or(Unanswerable::Unsupported)?;
        let count = format!("{count:08x}");
        let recipe = Recipe {
            algorithm,
            quality,
            nonce: self.nonce,
            count: &count,
            cnonce,
            method: asked.method,
            uri: asked.uri,
            body: asked.body,
        };
        let response = recipe.response(&secret).hex();
        // Realm, nonce and opaque go back as they came, escapes and all.
        let mut answer = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={algorithm}",
            quoted(user),
            self.realm,
            self.nonce,
            asked.uri,
            response.as_str(),
        );
        if let Some(opaque) = self.opaque {
            answer.extend([", opaque=\"", opaque, "\""]);
        }
        if quality != Quality::Legacy {
            answer.extend([", qop=", quality.name(), ", nc=", &count, ", cnonce=\"", cnonce, "\""]);
        }
        Ok(answer)
    }
}

/// `auth` where it is offered: proxies that touch a body on the way make `auth-int` fail.
fn best_quality(offered: &str) -> Option<Quality> {
    let has = |wanted: Quality| offered.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted.name()));
    [Quality::Auth, Quality::AuthInt].into_iter().find(|&quality| has(quality))
}
