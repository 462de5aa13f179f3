//! Passwords of people: made, hashed by Argon2id, and compared so that nothing is learned from how long that takes.
//!
//! A hash costs [`MEMORY_KIB`] and some tens of milliseconds, so only a few are made at once, and never on a thread that
//! serves others. Endpoints have passwords of another kind, which digests need in the clear: see `store::seal`.

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version, password_hash::SaltString,
};
use tokio::sync::Semaphore;

/// Memory of one hash; with two rounds what OWASP asks for.
const MEMORY_KIB: u32 = 19 * 1024;

const ROUNDS: u32 = 2;

/// Hashes at once. More log-ins wait: they must not take the cores from calls.
const AT_ONCE: usize = 2;

/// Shortest password that a person may choose.
pub const SHORTEST: usize = 10;

/// Longest, in letters; far beyond what people type, far below what hashing it would cost.
pub const LONGEST: usize = 256;

/// Letters of passwords and tokens that we make: none that is mistaken for another when somebody types it.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What nobody's password is compared with, so that an unknown name costs as much time as a known one.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmU$yQW7LLrmR1VQbXDGZsQjYF1ro4Mg0jwr1o1j8ytqVqE";

/// Why a password cannot be taken. It never repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is guessed too soon.
    #[error("the password has fewer than {SHORTEST} letters")]
    Short,
    /// It is longer than anybody types.
    #[error("the password has more than {LONGEST} letters")]
    Long,
}

/// Why there is no hash.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    /// The hash could not be made, most likely for want of memory.
    #[error("the password cannot be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// Whoever hashed broke off.
    #[error("hashing broke off")]
    Lost,
}

/// Whether a person may have that password.
pub fn check(password: &str) -> Result<(), Unfit> {
    match password {
        short if short.chars().count() < SHORTEST => Err(Unfit::Short),
        long if long.chars().count() > LONGEST => Err(Unfit::Long),
        _ => Ok(()),
    }
}

/// Text of chance: five bits a letter.
pub fn made(length: usize) -> Result<String, getrandom::Error> {
    let mut dice = vec![0; length];
    getrandom::fill(&mut dice)?;
    Ok(dice.iter().map(|die| char::from(LETTERS[usize::from(die % 32)])).collect())
}

/// Hashes, a few at a time.
pub struct Hasher(Semaphore);

impl Default for Hasher {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Hasher {
    /// The hash of that password, as it is kept.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        self.apart(move || {
            let salt = SaltString::encode_b64(&salt).map_err(HashError::Hash)?;
            argon2().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(HashError::Hash)
        })
        .await?
    }

    /// Whether that is the password of `kept`; of nobody it never is, and takes as long.
    pub async fn is(&self, password: String, kept: Option<String>) -> Result<bool, HashError> {
        let somebody = kept.is_some();
        let fits = password.len() <= LONGEST;
        let right = self.apart(move || {
            let kept = kept.unwrap_or_else(|| NOBODY.into());
            let password = if fits { password.as_bytes() } else { b"" };
            let kept = PasswordHash::new(&kept).map_err(HashError::Hash)?;
            Ok::<_, HashError>(argon2().verify_password(password, &kept).is_ok())
        });
        Ok(right.await?? && somebody && fits)
    }

    async fn apart<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let _turn = self.0.acquire().await.map_err(|_| HashError::Lost)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| HashError::Lost)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, ROUNDS, 1, None).expect("the parameters are within Argon2's own limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_is_the_password() {
        let hasher = Hasher::default();
        let kept = hasher.hash("correct horse".into()).await.expect("a hash");
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(hasher.is("correct horse".into(), Some(kept.clone())).await.expect("compared"));
        assert!(!hasher.is("correct horsf".into(), Some(kept.clone())).await.expect("compared"));
        assert!(!hasher.is("x".repeat(LONGEST + 1), Some(kept)).await.expect("compared"));
    }

    #[tokio::test]
    async fn nobody_has_a_password_and_is_compared_all_the_same() {
        PasswordHash::new(NOBODY).expect("it is a hash, so that the work is done");
        assert!(!Hasher::default().is("nobody is here".into(), None).await.expect("compared"));
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hasher = Hasher::default();
        let [one, other] = [hasher.hash("the same one".into()).await, hasher.hash("the same one".into()).await];
        assert_ne!(one.expect("a hash"), other.expect("a hash"));
    }

    #[test]
    fn what_we_make_can_be_chosen() {
        let password = made(16).expect("random numbers");
        assert_eq!(check(&password), Ok(()));
        assert_eq!(check("short"), Err(Unfit::Short));
        assert_eq!(check(&"x".repeat(LONGEST + 1)), Err(Unfit::Long));
    }
}
