//! What an endpoint's name, number and password may be, and what to say when one is not.

use patchcord_engine::routing::{MAX_USER, UnknownDigest, check_user};

/// Longest number: E.164 has fifteen digits; prefixes and service codes come on top.
pub const MAX_NUMBER: usize = 32;

/// Longest password; far beyond what phones take, far below what hashing it would cost.
pub const MAX_PASSWORD: usize = 256;

/// Why a name, number or password cannot be taken. It never repeats a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The name would have to be escaped in a SIP address, or is too long.
    #[error("{0:?} cannot be a user name")]
    User(String),
    /// It cannot be dialled on a phone.
    #[error("{0:?} cannot be a number")]
    Number(String),
    /// It is empty.
    #[error("the password is empty")]
    NoPassword,
    /// It is longer than any phone takes.
    #[error("the password is too long")]
    LongPassword,
    /// It holds a line end or another character that no phone can type.
    #[error("the password holds a control character")]
    UntypeablePassword,
    /// It names no digest algorithm.
    #[error("{:?} is no digest algorithm", .0.0)]
    Digest(UnknownDigest),
}

impl Unfit {
    /// What to write instead.
    pub fn remedy(&self) -> String {
        match self {
            Self::User(_) => format!("use 1 to {MAX_USER} letters, digits and - _ . +"),
            Self::Number(_) => format!("use 1 to {MAX_NUMBER} digits, * and #; a + may stand first"),
            Self::NoPassword => "write one, or let `patchcord endpoint add` make one".into(),
            Self::LongPassword => format!("use {MAX_PASSWORD} bytes at most"),
            Self::Digest(_) => "write md5, sha-256, or sha-256,md5".into(),
            Self::UntypeablePassword => "leave it out; a password ends before the end of its line".into(),
        }
    }
}

/// Whether `text` can name an endpoint.
pub fn user(text: &str) -> Result<(), Unfit> {
    check_user(text).map_err(|_| Unfit::User(text.into()))
}

/// Whether `text` can ring an endpoint.
pub fn number(text: &str) -> Result<(), Unfit> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b));
    if plain && !digits.is_empty() && text.len() <= MAX_NUMBER { Ok(()) } else { Err(Unfit::Number(text.into())) }
}

/// Whether `text` can be a password.
pub fn password(text: &str) -> Result<(), Unfit> {
    match text {
        "" => Err(Unfit::NoPassword),
        text if text.len() > MAX_PASSWORD => Err(Unfit::LongPassword),
        text if text.chars().any(char::is_control) => Err(Unfit::UntypeablePassword),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_a_phone_can_dial() {
        for good in ["1", "101", "*97", "#9", "+4930123101", &"9".repeat(MAX_NUMBER)] {
            assert_eq!(number(good), Ok(()), "{good}");
        }
        for bad in ["", "+", "1+1", "10 1", "alice", "(030)", &"9".repeat(MAX_NUMBER + 1)] {
            assert_eq!(number(bad), Err(Unfit::Number(bad.into())));
        }
    }

    #[test]
    fn a_password_is_anything_that_can_be_typed() {
        assert_eq!(password("pässwörd with \"quotes\""), Ok(()));
        assert_eq!(password(""), Err(Unfit::NoPassword));
        assert_eq!(password("two\nlines"), Err(Unfit::UntypeablePassword));
        assert_eq!(password(&"x".repeat(MAX_PASSWORD + 1)), Err(Unfit::LongPassword));
    }

    #[test]
    fn a_name_needs_no_escaping() {
        assert_eq!(user("alice-2.desk_+x"), Ok(()));
        assert_eq!(user("al ice"), Err(Unfit::User("al ice".into())));
    }
}
