//! What an endpoint's name, number and password may be, and what to say when one is not.

use patchcord_engine::routing::{Calling, Codec, ForwardFault, MAX_USER, UnknownDigest, UnknownWord, check_user};

/// Longest number: E.164 has fifteen digits; prefixes and service codes come on top.
pub const MAX_NUMBER: usize = 32;

/// Longest password, in letters; far beyond what phones take, far below what hashing it would cost.
pub const MAX_PASSWORD: usize = 256;

/// Most calls at once that anything may have; beyond it somebody mistook the unit.
pub const MOST_CALLS: u32 = 1_000_000;

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
    /// It names no codec, or no way to treat SRTP.
    #[error(transparent)]
    Word(UnknownWord),
    /// Calls cannot be forwarded so.
    #[error("calls cannot be forwarded so: {0}")]
    Forward(ForwardFault),
    /// Nobody could call.
    #[error("{0} calls at once are out of range")]
    Calls(u32),
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
            Self::LongPassword => format!("use {MAX_PASSWORD} letters at most"),
            Self::Digest(_) => "write md5, sha-256, or sha-256,md5".into(),
            Self::Word(UnknownWord { what: "codec", .. }) => {
                format!("use {}", Codec::names().collect::<Vec<_>>().join(", "))
            }
            Self::Word(UnknownWord { what: "list of different codecs", .. }) => "name each codec once".into(),
            Self::Word(_) => "write required, offered or off".into(),
            Self::Forward(_) => "write for example busy=voicemail, no_answer=102,voicemail or after=20s".into(),
            Self::Calls(_) => format!("write a number from 1 to {MOST_CALLS}"),
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

/// Whether those can be the call settings of an endpoint.
pub fn calling(calling: &Calling) -> Result<(), Unfit> {
    calling.caller_id.as_deref().map(number).transpose()?;
    match calling.calls {
        Some(calls) if !(1..=MOST_CALLS).contains(&calls) => Err(Unfit::Calls(calls)),
        _ => Ok(()),
    }
}

/// Twenty letters of five bits each: beyond guessing, also for whoever has watched a digest.
const MADE_LENGTH: usize = 20;

/// A password of chance.
pub fn make_password() -> Result<String, getrandom::Error> {
    crate::people::password::made(MADE_LENGTH)
}

/// Whether `text` can be a password.
pub fn password(text: &str) -> Result<(), Unfit> {
    match text {
        "" => Err(Unfit::NoPassword),
        text if text.chars().count() > MAX_PASSWORD => Err(Unfit::LongPassword),
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
