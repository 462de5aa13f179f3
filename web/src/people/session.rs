//! Who is logged in.
//!
//! A session is known by 256 bits of chance in a cookie; the store has only their hash, so that nobody who reads it
//! can take a session over. It is made at a log-in and at no other time, so no cookie that somebody planted becomes one.
//! It lasts [`IDLE`] since it was last used and [`LONGEST`] in all, also over restarts, and ends with its person's password or role.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use patchcord_engine::routing::ShelfError;
use ring::digest;
use tokio::{sync::Semaphore, time::timeout};
use tracing::warn;

use super::{LogInError, Role, User, password::HashError, password::made, remembered::Remembered};
use crate::store::Store;

/// How long a session lasts that nobody uses: a working day.
pub const IDLE: Duration = Duration::from_secs(9 * 3600);

/// How long one lasts at all.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Sessions of one person: browsers of desk, home and pocket. Beyond it the one that was used longest ago ends.
pub const MOST: usize = 20;

/// How exactly it is known when one was used last: a page that keeps itself fresh must not write each second.
pub const USED_WITHIN: Duration = Duration::from_secs(300);

/// How long the store may take to say whose a cookie is before what it said last is believed.
const PROMPT: Duration = Duration::from_secs(1);

/// Letters of a session's name: five bits each.
const LETTERS: usize = 52;

/// What goes before the name where the token of its forms is made.
const OF_FORMS: &str = "forms of ";

type Hash = [u8; 32];

/// A session, as a request finds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user: String,
    /// What each form of it carries; no other site can read it.
    pub csrf: String,
}

/// A session, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose it is.
    pub owner: String,
    /// What that person is now.
    pub role: Option<Role>,
    /// When it began.
    pub began: SystemTime,
    /// When it was used last, to [`USED_WITHIN`].
    pub used: SystemTime,
}

/// The sessions there are.
pub struct Sessions {
    store: Store,
    /// One at a time is marked as used, beside the request: a database that is locked holds no page up.
    marking: Arc<Semaphore>,
    remembered: Remembered<Hash, Kept>,
}

impl Sessions {
    /// Those of that store.
    pub fn new(store: Store) -> Self {
        Self { store, marking: Arc::new(Semaphore::new(1)), remembered: Remembered::default() }
    }

    /// A new session of that user, as long as he has that password; gives what the cookie says.
    pub async fn begin(&self, user: &User, now: SystemTime) -> Result<String, LogInError> {
        let name = made(LETTERS).map_err(HashError::from)?;
        match self.store.begin_session(&hash(&name), user, now).await? {
            true => {
                let kept = Kept { owner: user.name.clone(), role: Some(user.role), began: now, used: now };
                self.remembered.keep(hash(&name), &kept, now);
                Ok(name)
            }
            false => Err(LogInError::Wrong),
        }
    }

    /// The session that a cookie names, and what its person is now.
    pub async fn find(&self, name: &str, now: SystemTime) -> Result<Option<(Session, Role)>, ShelfError> {
        let hash = hash(name);
        let Some(kept) = self.kept(&hash, now).await?.filter(|kept| lives(kept, now)) else { return Ok(None) };
        if since(kept.used, now) >= USED_WITHIN
            && let Ok(turn) = self.marking.clone().try_acquire_owned()
        {
            let store = self.store.clone();
            tokio::spawn(async move {
                if let Err(error) = store.use_session(&hash, now).await {
                    warn!(%error, "a session could not be marked as used");
                }
                drop(turn);
            });
        }
        let session = Session { user: kept.owner, csrf: csrf(name) };
        Ok(kept.role.map(|role| (session, role)))
    }

    /// What the store says of it; what it said last, where it does not answer.
    async fn kept(&self, hash: &Hash, now: SystemTime) -> Result<Option<Kept>, ShelfError> {
        let mut asked = pin!(self.store.session(hash));
        let answer = match timeout(PROMPT, &mut asked).await {
            Ok(answer) => answer,
            Err(_) => match self.remembered.last(hash, now) {
                Some(kept) => return Ok(Some(kept)),
                None => asked.await,
            },
        };
        match &answer {
            Ok(Some(kept)) => self.remembered.keep(*hash, kept, now),
            Ok(None) => self.remembered.forget(hash),
            Err(_) => return self.remembered.last(hash, now).map_or(answer, |kept| Ok(Some(kept))),
        }
        answer
    }

    /// Somebody's sessions end: from now on only the store knows whose are left.
    pub fn forget(&self) {
        self.remembered.forget_all();
    }

    /// Ends one.
    pub async fn end(&self, name: &str) -> Result<(), ShelfError> {
        self.remembered.forget(&hash(name));
        self.store.end_session(&hash(name)).await
    }
}

impl Session {
    /// Whether a form is of this session. Hashes are compared, so how long that takes says nothing about the text.
    pub fn is_csrf(&self, shown: &str) -> bool {
        hash(&self.csrf) == hash(shown)
    }
}

/// The token of a session's forms. It follows from the cookie, and the cookie from nothing: whoever sees one form is no nearer to it.
fn csrf(name: &str) -> String {
    data_encoding::BASE32_NOPAD.encode(&hash(&format!("{OF_FORMS}{name}"))).to_ascii_lowercase()
}

/// A clock that was put back makes nothing older.
fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

fn lives(kept: &Kept, now: SystemTime) -> bool {
    since(kept.used, now) < IDLE && since(kept.began, now) < LONGEST
}

/// What is kept of a secret that is all chance.
pub fn hash(secret: &str) -> Hash {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn kept(began: u64, used: u64) -> Kept {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        Kept { owner: "alice".into(), role: Some(Role::Viewer), began: at(began), used: at(used) }
    }

    #[test]
    fn a_session_ends_by_itself_unused_or_old_and_not_by_a_clock_that_is_put_back() {
        let at = |past: Duration| UNIX_EPOCH + Duration::from_secs(1000) + past;
        assert!(lives(&kept(1000, 1000), at(IDLE - Duration::from_secs(1))));
        assert!(!lives(&kept(1000, 1000), at(IDLE)));
        let last = 1000 + LONGEST.as_secs() - 60;
        assert!(lives(&kept(1000, last), at(LONGEST - Duration::from_secs(1))));
        assert!(!lives(&kept(1000, last), at(LONGEST)));
        assert!(lives(&kept(1000, 1000), UNIX_EPOCH));
    }

    #[test]
    fn a_form_of_another_session_is_none_of_this_one_and_tells_nothing_of_its_cookie() {
        let [one, other] = ["one", "other"].map(|name| Session { user: "alice".into(), csrf: csrf(name) });
        assert!(one.is_csrf(&one.csrf) && !one.is_csrf(&other.csrf) && !one.is_csrf("") && !one.is_csrf("one"));
        assert_ne!(hash(&one.csrf), hash("one"), "what a page shows is not what the store has");
    }
}
