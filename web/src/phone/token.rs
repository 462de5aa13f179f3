//! Tokens of guests: what a browser shows that may call a few numbers and is nobody here.
//!
//! A token says itself what it is good for and is signed with the key of the data folder, so that a page may mint one for each
//! visitor and nothing is kept of it. It cannot be taken back one by one: it lapses. It is good for `/phone/signal` only.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use patchcord_engine::routing::{Gauge, Guest, MAX_GUEST_NUMBERS};
use serde::{Deserialize, Serialize};

use crate::store::Signer;

/// What every such token begins with, so that scanners of leaked secrets know one.
const MARK: &str = "pbt_";

/// Longest token that is looked at.
pub const LONGEST: usize = 2048;

/// How long a token lasts that says nothing of it: a visit.
pub const USUAL: Duration = Duration::from_secs(3600);

/// The longest that one may last: a button on a page is looked after once a year.
pub const MOST: Duration = Duration::from_secs(366 * 86_400);

/// Letters of the name that those are shown whom it calls.
pub const MAX_NAME: usize = 64;

/// Most calls at once of one token.
pub const MOST_CALLS: u32 = 1000;

/// What somebody may do with a token that is to be minted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// What those are shown whom it calls.
    #[serde(default)]
    pub name: Option<String>,
    /// Whom it may call.
    pub numbers: Vec<String>,
    /// For how many seconds it is good.
    #[serde(default)]
    pub expires: Option<u64>,
    /// How many calls at once.
    #[serde(default)]
    pub calls: Option<u32>,
}

/// Why there is no such token.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unminted {
    /// It could call nobody, or too many.
    #[error("a token names 1 to {MAX_GUEST_NUMBERS} numbers")]
    Numbers,
    /// That is no number.
    #[error("{0:?} is no number and no name that can be called")]
    Number(String),
    /// It lasts no time, or too long.
    #[error("a token is good for 1 to {} seconds", MOST.as_secs())]
    Expires,
    /// It has no calls, or too many.
    #[error("a token has 1 to {MOST_CALLS} calls at once")]
    Calls,
    /// That is no name.
    #[error("a name has at most {MAX_NAME} letters and no line ends")]
    Name,
    /// No chance.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Nobody here has signed that.
    #[error("the token is none of this server")]
    Strange,
    /// Its time is over.
    #[error("the token has lapsed")]
    Lapsed,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Words {
    /// What tells it from others.
    id: String,
    /// The name that is shown.
    n: String,
    /// The numbers.
    to: Vec<String>,
    /// Seconds since 1970.
    exp: u64,
    /// Calls at once.
    c: u32,
}

/// A token that was minted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Minted {
    /// Its text.
    pub token: String,
    /// Until when it is good: seconds since 1970.
    pub expires: u64,
}

/// Mints a token.
pub fn mint(wish: Wish, signer: &Signer, wall: SystemTime) -> Result<Minted, Unminted> {
    let Wish { name, numbers, expires, calls } = wish;
    let lasts = expires.map_or(USUAL, Duration::from_secs);
    if numbers.is_empty() || numbers.len() > MAX_GUEST_NUMBERS {
        return Err(Unminted::Numbers);
    }
    let plain = |number: &str| {
        let fits = (1..=64).contains(&number.len());
        fits && number.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+*# ".contains(&byte))
    };
    if let Some(number) = numbers.iter().find(|number| !plain(number)) {
        return Err(Unminted::Number(number.clone()));
    }
    if lasts.is_zero() || lasts > MOST {
        return Err(Unminted::Expires);
    }
    let calls = calls.unwrap_or(1);
    if !(1..=MOST_CALLS).contains(&calls) {
        return Err(Unminted::Calls);
    }
    let name = name.unwrap_or_else(|| "Guest".into());
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(Unminted::Name);
    }
    let mut id = [0; 9];
    getrandom::fill(&mut id)?;
    let expires = (wall + lasts).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let words = Words { id: BASE64URL_NOPAD.encode(&id), n: name.trim().into(), to: numbers, exp: expires, c: calls };
    let words = BASE64URL_NOPAD.encode(&serde_json::to_vec(&words).expect("texts and numbers are JSON"));
    let signature = BASE64URL_NOPAD.encode(&signer.sign(words.as_bytes()));
    Ok(Minted { token: format!("{MARK}{words}.{signature}"), expires })
}

/// What a token is good for, and its id.
pub fn read(token: &str, signer: &Signer, wall: SystemTime) -> Result<(String, Guest), NotTaken> {
    let rest = token.strip_prefix(MARK).filter(|_| token.len() <= LONGEST).ok_or(NotTaken::Strange)?;
    let (words, signature) = rest.split_once('.').ok_or(NotTaken::Strange)?;
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| NotTaken::Strange)?;
    if !signer.signed(words.as_bytes(), &signature) {
        return Err(NotTaken::Strange);
    }
    let words = BASE64URL_NOPAD.decode(words.as_bytes()).map_err(|_| NotTaken::Strange)?;
    let words: Words = serde_json::from_slice(&words).map_err(|_| NotTaken::Strange)?;
    let expires = UNIX_EPOCH + Duration::from_secs(words.exp);
    if wall >= expires {
        return Err(NotTaken::Lapsed);
    }
    let numbers = words.to.into_iter().map(String::into_boxed_str).collect();
    let (calls, busy) = (words.c, Gauge::default());
    Ok((words.id, Guest { name: words.n.into(), numbers, calls, expires: Some(expires), busy }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish() -> Wish {
        Wish { name: Some("Shop".into()), numbers: vec!["1000".into()], expires: Some(60), calls: None }
    }

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    #[test]
    fn a_token_is_good_for_what_was_wished_until_it_lapses() {
        let signer = Signer::of(b"one");
        let minted = mint(wish(), &signer, at(100)).expect("minted");
        assert_eq!(minted.expires, 160);
        let (_, guest) = read(&minted.token, &signer, at(159)).expect("good");
        assert_eq!((&*guest.name, guest.names("1000"), guest.numbers.len(), guest.calls), ("Shop", true, 1, 1));
        assert_eq!(read(&minted.token, &signer, at(160)).err(), Some(NotTaken::Lapsed));
    }

    #[test]
    fn what_was_changed_or_signed_elsewhere_is_not_taken() {
        let signer = Signer::of(b"one");
        let token = mint(wish(), &signer, at(100)).expect("minted").token;
        assert_eq!(read(&token, &Signer::of(b"two"), at(100)).err(), Some(NotTaken::Strange));
        let words = BASE64URL_NOPAD.encode(br#"{"id":"x","n":"Shop","to":["0900"],"exp":9999999999,"c":9}"#);
        let signature = token.split_once('.').expect("two parts").1;
        for forged in [format!("pbt_{words}.{signature}"), format!("pbt_{words}."), "pbt_".into(), String::new()] {
            assert_eq!(read(&forged, &signer, at(100)).err(), Some(NotTaken::Strange), "{forged}");
        }
    }

    #[test]
    fn a_wish_that_makes_no_sense_is_refused() {
        let refused = |wish| mint(wish, &Signer::of(b"one"), at(100)).expect_err("refused");
        assert_eq!(refused(Wish { numbers: vec![], ..wish() }), Unminted::Numbers);
        assert_eq!(refused(Wish { numbers: vec!["1".into(); 33], ..wish() }), Unminted::Numbers);
        assert_eq!(refused(Wish { numbers: vec!["<sip:x>".into()], ..wish() }), Unminted::Number("<sip:x>".into()));
        assert_eq!(refused(Wish { expires: Some(0), ..wish() }), Unminted::Expires);
        assert_eq!(refused(Wish { expires: Some(u64::MAX), ..wish() }), Unminted::Expires);
        assert_eq!(refused(Wish { calls: Some(0), ..wish() }), Unminted::Calls);
        assert_eq!(refused(Wish { name: Some("a\nb".into()), ..wish() }), Unminted::Name);
    }
}
