//! The name and the password by which checks are told from noise (RFC 8445 §5.3). Drawn by whoever opens a port, because the
//! description says them before a media thread sees the first check.

use ring::hmac;

use super::stun;

/// Letters of a name: 48 bits, so that nobody meets one by chance.
const NAME: usize = 8;

/// Letters of a password: 144 bits, and RFC 8445 asks for 128.
const PASSWORD: usize = 24;

/// Bytes of chance that make both.
pub const CHANCE: usize = NAME + PASSWORD;

/// The letters that ICE knows.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// See the module.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The name.
    pub ufrag: String,
    /// The password.
    pub pwd: String,
}

/// The system gives no chance.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoChance(#[from] getrandom::Error);

impl Credentials {
    /// New ones.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn fresh() -> Result<Self, NoChance> {
        let mut chance = [0; CHANCE];
        getrandom::fill(&mut chance)?;
        Ok(Self::from_chance(&chance))
    }

    /// Those that this chance makes.
    #[must_use]
    pub fn from_chance(chance: &[u8; CHANCE]) -> Self {
        let text = |chance: &[u8]| chance.iter().map(|byte| char::from(LETTERS[usize::from(byte % 64)])).collect();
        Self { ufrag: text(&chance[..NAME]), pwd: text(&chance[NAME..]) }
    }

    /// What proves a check.
    #[must_use]
    pub fn key(&self) -> hmac::Key {
        stun::key(&self.pwd)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike_and_no_password_is_shown() {
        let [one, other] = [(); 2].map(|()| Credentials::fresh().expect("chance"));
        assert_ne!(one.ufrag, other.ufrag);
        assert_ne!(one.pwd, other.pwd);
        assert_eq!((one.ufrag.len(), one.pwd.len()), (NAME, PASSWORD));
        assert!(!format!("{one:?}").contains(&one.pwd));
    }
}
