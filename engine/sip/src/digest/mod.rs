//! Digest authentication (RFC 7616, RFC 8760, RFC 3261 §22) in both roles.
//!
//! ```text
//! server   Challenger::challenge ──▶ WWW-Authenticate, one line per algorithm
//!          Authorization::find ──▶ Challenger::check ──Proof──▶ Counts::spend ──▶ Ok
//!                                  (hashes, no lock)            (the only state, one short look-up)
//! client   Challenge::strongest ──▶ Challenge::answer ──▶ Authorization
//! ```
//!
//! A nonce carries its own time and a MAC, so a challenge costs no memory: the server remembers a nonce only after
//! somebody has proved a password with it, and then only which counts were used. Randomness, secrets and time are handed
//! in. Nothing here knows who exists or where passwords are kept, and nothing here answers a request.
//!
//! `-sess` algorithms and SHA-512-256 are read and refused by name: no phone asks for them, and a second set of keys per
//! session protects nothing that a password per endpoint does not.

mod authorization;
mod client;
mod counts;
mod field;
mod hash;
mod nonce;
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use authorization::Authorization;
pub use client::{Challenge, Unanswerable};
pub use counts::{Counts, MAX_NONCES};
pub use server::{Account, Challenger, Offer, Proof, Refused, Rules};

use crate::message::{Name, Request};

/// A hash that both sides may agree on. The stronger one is the lesser in order, as it is offered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RFC 7616, RFC 8760.
    Sha256,
    /// RFC 2617: what older phones can.
    Md5,
}

impl Algorithm {
    /// Every algorithm that this crate speaks, the strongest first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Md5];

    /// The name as a header writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The algorithm of that name; `None` for those we do not speak.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What proves an identity.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The password itself: good for every realm and algorithm.
    Password(Arc<str>),
    /// The hash of `user:realm:password`, for the algorithms it was made for: good for one realm.
    Ha1 {
        /// By MD5.
        md5: Option<[u8; 16]>,
        /// By SHA-256.
        sha256: Option<[u8; 32]>,
    },
}

impl Credential {
    /// What a password is worth within one realm; keeps nobody from registering and the password out of memory.
    pub fn ha1(user: &str, realm: &str, password: &str) -> Self {
        let md5 = hash::ha1(Algorithm::Md5, user, realm, password);
        let sha256 = hash::ha1(Algorithm::Sha256, user, realm, password);
        Self::Ha1 { md5: md5.bytes().try_into().ok(), sha256: sha256.bytes().try_into().ok() }
    }

    /// The algorithms it can answer, the strongest first.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        Algorithm::ALL.into_iter().filter(move |algorithm| match (self, algorithm) {
            (Self::Password(_), _) => true,
            (Self::Ha1 { md5, .. }, Algorithm::Md5) => md5.is_some(),
            (Self::Ha1 { sha256, .. }, Algorithm::Sha256) => sha256.is_some(),
        })
    }

    fn secret(&self, algorithm: Algorithm, user: &str, realm: &str) -> Option<hash::Hash> {
        match (self, algorithm) {
            (Self::Password(password), _) => Some(hash::ha1(algorithm, user, realm, password)),
            (Self::Ha1 { md5, .. }, Algorithm::Md5) => md5.map(|md5| hash::Hash::new(&md5)),
            (Self::Ha1 { sha256, .. }, Algorithm::Sha256) => sha256.map(|sha256| hash::Hash::new(&sha256)),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(secret)")
    }
}

/// In whose name somebody asks for credentials (RFC 3261 §22.1, §22.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that serves the request: 401, WWW-Authenticate, Authorization.
    Server,
    /// One that passes it on: 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

impl Side {
    /// The side whose challenge this status carries.
    pub const fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Server),
            407 => Some(Self::Proxy),
            _ => None,
        }
    }

    /// The status of its challenge.
    pub const fn status(self) -> u16 {
        match self {
            Self::Server => 401,
            Self::Proxy => 407,
        }
    }

    /// The header of its challenge.
    pub const fn challenge_header(self) -> Name<'static> {
        match self {
            Self::Server => Name::WwwAuthenticate,
            Self::Proxy => Name::ProxyAuthenticate,
        }
    }

    /// The header of the answer to it.
    pub const fn answer_header(self) -> Name<'static> {
        match self {
            Self::Server => Name::Authorization,
            Self::Proxy => Name::ProxyAuthorization,
        }
    }
}

/// What of a request is hashed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The Request-URI.
    pub uri: &'a str,
    /// The body, which `auth-int` covers.
    pub body: &'a [u8],
}

impl<'a> From<&'a Request> for Asked<'a> {
    fn from(request: &'a Request) -> Self {
        Self { method: request.method().as_str(), uri: request.uri_text(), body: request.body_bytes() }
    }
}
