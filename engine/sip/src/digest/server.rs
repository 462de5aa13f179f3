//! The side that asks for a password and checks the answer.

use std::fmt;
use std::time::{Duration, Instant};

use super::field::quoted;
use super::hash::{Quality, Recipe, ha1};
use super::nonce::{Key, Nonce};
use super::{Algorithm, Asked, Authorization, Counts, Credential, Side};
use crate::uri::Uri;

/// What a challenger asks for.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The algorithms that may answer. Phones that know MD5 only are many, so it is one of them unless taken out.
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce may be used. Within it phones save a round trip per request; it also bounds how long a count
    /// must be remembered.
    pub nonce_life: Duration,
    /// Whether `auth-int` is offered beside `auth`. It is taken from whoever uses it; old phones stumble over the offer.
    pub offer_integrity: bool,
    /// Whether answers without qop (RFC 2069) are taken, each nonce once. Their client nonces protect nothing.
    pub allow_legacy: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            algorithms: Algorithm::ALL.to_vec(),
            nonce_life: Duration::from_secs(300),
            offer_integrity: false,
            allow_legacy: false,
        }
    }
}

/// Asks for passwords. Never changes, so that every shard can use one without a lock.
pub struct Challenger {
    key: Key,
    start: Instant,
    rules: Rules,
}

/// Whose credentials are expected.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    /// The user name.
    pub user: &'a str,
    /// Our realm.
    pub realm: &'a str,
    /// The password or what stands for it; `None` when there is no such user, which costs a stranger as much to find
    /// out as a wrong password does.
    pub credential: Option<&'a Credential>,
}

/// Credentials that are right but for the count, which [`Counts::spend`] has to see.
#[must_use = "a count that is not spent can be used again"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    pub(super) nonce: Nonce,
    pub(super) count: u32,
    pub(super) now: u32,
}

/// Why credentials were not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The password is right and the nonce too old, or from before a restart.
    #[error("the nonce has expired")]
    Stale,
    /// The password is right and the count was used before.
    #[error("the nonce count was used before")]
    Replayed,
    /// The password is wrong, or there is no such user.
    #[error("the password is wrong")]
    Wrong,
    /// The credentials are somebody else's than the request needs.
    #[error("the credentials are another user's")]
    OtherUser,
    /// The credentials are for another realm.
    #[error("the credentials are for another realm")]
    OtherRealm,
    /// The answer uses an algorithm that was not offered.
    #[error("the algorithm was not offered")]
    OtherAlgorithm,
    /// The credentials were made for a request to somebody else.
    #[error("the credentials are for another Request-URI")]
    OtherUri,
    /// The answer has neither qop nor count.
    #[error("the credentials have no qop")]
    NoQop,
    /// Too many nonces are in use.
    #[error("too many nonces are in use")]
    Full,
}

impl Refused {
    /// The status that says so.
    pub const fn status(self, side: Side) -> u16 {
        match self {
            Self::Stale | Self::Replayed | Self::Wrong | Self::OtherRealm | Self::OtherAlgorithm => side.status(),
            Self::OtherUser => 403,
            // RFC 2617 §3.2.2.5 for the URI; without qop the answer breaks a rule that the challenge has set.
            Self::OtherUri | Self::NoQop => 400,
            Self::Full => 503,
        }
    }

    /// Whether the new challenge says `stale=true`: the same password will do, nobody has to type it again.
    pub const fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::Replayed)
    }

    /// Whether it may be somebody who guesses passwords, so that a ban should count it.
    pub const fn is_suspicious(self) -> bool {
        matches!(self, Self::Wrong | Self::OtherUser)
    }
}

impl Challenger {
    /// A challenger whose nonces only it can make. `now` is the zero of its clock.
    pub fn new(secret: [u8; 32], rules: Rules, now: Instant) -> Self {
        Self { key: Key::new(&secret), start: now, rules }
    }

    /// The empty table that goes with it.
    pub fn counts(&self, limit: usize) -> Counts {
        Counts::new(self.life(), limit)
    }

    /// The challenge: one header value per algorithm, all with the same nonce (RFC 8760 §2.4).
    ///
    /// `algorithms` are those that the account can answer, in the order in which they are offered. The RFC has the
    /// strongest first; phones that fail at the sight of it are why the order is the owner's. Those that the rules leave
    /// out are not offered.
    pub fn challenge<'a>(
        &self,
        realm: &'a str,
        algorithms: impl IntoIterator<Item = Algorithm>,
        stale: bool,
        random: [u8; 8],
        now: Instant,
    ) -> impl Iterator<Item = Offer<'a>> {
        let nonce = Nonce { second: self.second(now), random: u64::from_be_bytes(random) };
        let nonce = self.key.write(nonce, realm);
        let offered: Vec<_> = algorithms.into_iter().filter(|one| self.rules.algorithms.contains(one)).collect();
        let integrity = self.rules.offer_integrity;
        offered.into_iter().map(move |algorithm| Offer { realm, nonce, algorithm, integrity, stale })
    }

    /// Checks credentials, all but the count. Costs hashes and no memory.
    ///
    /// The digest-uri must name the Request-URI by RFC 3261 §19.1.4. Proxies before us and phones themselves add and drop
    /// ports and parameters on the way, so the same user at the same host is enough: the count already keeps a captured
    /// answer from being used again, whereto ever.
    pub fn check(
        &self,
        given: &Authorization<'_>,
        asked: Asked<'_>,
        account: Account<'_>,
        now: Instant,
    ) -> Result<Proof, Refused> {
        if given.realm() != account.realm {
            return Err(Refused::OtherRealm);
        }
        let Some(algorithm) = given.algorithm.filter(|one| self.rules.algorithms.contains(one)) else {
            return Err(Refused::OtherAlgorithm);
        };
        if given.quality == Quality::Legacy && !self.rules.allow_legacy {
            return Err(Refused::NoQop);
        }
        if !given.is_of(account.user) {
            return Err(Refused::OtherUser);
        }
        if !same_target(given.uri, asked.uri) {
            return Err(Refused::OtherUri);
        }
        let nonce = self.key.read(given.nonce, account.realm);
        self.check_password(given, asked, account, algorithm)?;
        let now = self.second(now);
        match nonce {
            // A restart changes the key; whoever knows the password need not hear that it is wrong.
            None => Err(Refused::Stale),
            Some(nonce) if now.saturating_sub(nonce.second) > self.life() => Err(Refused::Stale),
            Some(nonce) => Ok(Proof { nonce, count: given.count.max(1), now }),
        }
    }

    /// Both steps at once, for who has the counts to himself.
    pub fn verify(
        &self,
        counts: &mut Counts,
        given: &Authorization<'_>,
        asked: Asked<'_>,
        account: Account<'_>,
        now: Instant,
    ) -> Result<(), Refused> {
        counts.spend(self.check(given, asked, account, now)?)
    }

    fn check_password(
        &self,
        given: &Authorization<'_>,
        asked: Asked<'_>,
        account: Account<'_>,
        algorithm: Algorithm,
    ) -> Result<(), Refused> {
        let secret = match account.credential {
            Some(credential) => credential.secret(algorithm, account.user, account.realm),
            None => Some(ha1(algorithm, account.user, account.realm, "")),
        };
        let secret = secret.ok_or(Refused::OtherAlgorithm)?;
        let recipe = Recipe {
            algorithm,
            quality: given.quality,
            nonce: given.nonce,
            count: given.count_text,
            cnonce: given.cnonce,
            method: asked.method,
            uri: given.uri,
            body: asked.body,
        };
        let right = recipe.response(&secret).matches(&given.response);
        // Nobody's password is never right, whatever was given for it.
        if right && account.credential.is_some() { Ok(()) } else { Err(Refused::Wrong) }
    }

    fn life(&self) -> u32 {
        u32::try_from(self.rules.nonce_life.as_secs()).unwrap_or(u32::MAX)
    }

    /// 136 years of seconds.
    fn second(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.start).as_secs()).unwrap_or(u32::MAX)
    }
}

fn same_target(given: &str, asked: &str) -> bool {
    if given == asked {
        return true;
    }
    let (Ok(given), Ok(asked)) = (Uri::parse(given), Uri::parse(asked)) else { return false };
    let same_host = || match (given.host(), asked.host()) {
        (Some(given), Some(asked)) => given.eq_ignore_ascii_case(asked),
        _ => false,
    };
    given.equivalent(&asked) || (given.user_text() == asked.user_text() && same_host())
}

/// One line of a challenge. It writes itself.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    realm: &'a str,
    nonce: [u8; 48],
    algorithm: Algorithm,
    integrity: bool,
    stale: bool,
}

impl Offer<'_> {
    /// The value of the header.
    pub fn text(&self) -> String {
        let (realm, nonce) = (quoted(self.realm), str::from_utf8(&self.nonce).expect("hexadecimal digits are ASCII"));
        let qop = if self.integrity { "auth,auth-int" } else { "auth" };
        let stale = if self.stale { ", stale=true" } else { "" };
        let (realm, algorithm) = (&*realm, self.algorithm.name());
        ["Digest realm=\"", realm, "\", nonce=\"", nonce, "\", algorithm=", algorithm, ", qop=\"", qop, "\"", stale]
            .concat()
    }
}

impl fmt::Display for Offer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}
