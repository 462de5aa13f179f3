//! Who is logged in.
//!
//! A session is known by 256 bits of chance in a cookie; here lies only their hash, so that nobody who reads this memory
//! can take a session over. It is made at a log-in and at no other time, so no cookie that somebody planted becomes one.
//! It lasts [`IDLE`] since it was last used and [`LONGEST`] in all, and ends with the process.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use ring::digest;

use super::password::made;

/// How long a session lasts that nobody uses: a working day.
pub const IDLE: Duration = Duration::from_secs(9 * 3600);

/// How long one lasts at all.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Sessions at once. Beyond it the one that was used longest ago ends.
const MOST: usize = 1000;

/// Letters of a session's name: five bits each.
const LETTERS: usize = 52;

type Hash = [u8; 32];

/// A session, as a request finds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub user: String,
    /// What each form of it carries; no other site can read it.
    pub csrf: String,
}

struct Kept {
    session: Session,
    began: Instant,
    used: Instant,
}

/// The sessions there are.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<Hash, Kept>>);

impl Sessions {
    /// A new session of that user; gives what the cookie says.
    pub fn begin(&self, user: &str, now: Instant) -> Result<String, getrandom::Error> {
        let (name, csrf) = (made(LETTERS)?, made(LETTERS)?);
        let mut all = self.0.lock().expect("nobody panics in here");
        all.retain(|_, kept| lives(kept, now));
        if all.len() >= MOST
            && let Some(eldest) = all.iter().min_by_key(|(_, kept)| kept.used).map(|(hash, _)| *hash)
        {
            all.remove(&eldest);
        }
        let session = Session { user: user.into(), csrf };
        all.insert(hash(&name), Kept { session, began: now, used: now });
        Ok(name)
    }

    /// The session that a cookie names.
    pub fn find(&self, name: &str, now: Instant) -> Option<Session> {
        let mut all = self.0.lock().expect("nobody panics in here");
        let kept = all.get_mut(&hash(name)).filter(|kept| lives(kept, now))?;
        kept.used = now;
        Some(kept.session.clone())
    }

    /// Ends one.
    pub fn end(&self, name: &str) {
        self.0.lock().expect("nobody panics in here").remove(&hash(name));
    }

    /// Ends all of a user who has gone, or who has another password or role.
    pub fn end_all(&self, user: &str) {
        self.0.lock().expect("nobody panics in here").retain(|_, kept| kept.session.user != user);
    }
}

impl Session {
    /// Whether a form is of this session. Hashes are compared, so how long that takes says nothing about the text.
    pub fn is_csrf(&self, shown: &str) -> bool {
        hash(&self.csrf) == hash(shown)
    }
}

fn lives(kept: &Kept, now: Instant) -> bool {
    now.saturating_duration_since(kept.used) < IDLE && now.saturating_duration_since(kept.began) < LONGEST
}

/// What is kept of a secret that is all chance.
pub fn hash(secret: &str) -> Hash {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        patchcord_engine::runtime::clock::now()
    }

    #[test]
    fn a_session_is_found_by_its_own_name_until_it_ends() {
        let (sessions, now) = (Sessions::default(), start());
        let [one, other] = ["alice", "bob"].map(|user| sessions.begin(user, now).expect("begun"));
        assert_eq!(sessions.find(&one, now).expect("alice's").user, "alice");
        assert!(sessions.find("made up by somebody", now).is_none());
        sessions.end(&one);
        assert!(sessions.find(&one, now).is_none());
        sessions.end_all("bob");
        assert!(sessions.find(&other, now).is_none());
    }

    #[test]
    fn a_session_ends_by_itself_unused_or_old() {
        let (sessions, mut now) = (Sessions::default(), start());
        let unused = sessions.begin("alice", now).expect("begun");
        let used = sessions.begin("alice", now).expect("begun");
        let began = now;
        while now < began + LONGEST - IDLE {
            now += IDLE / 2;
            assert!(sessions.find(&used, now).is_some());
        }
        assert!(sessions.find(&unused, now).is_none());
        assert!(sessions.find(&used, began + LONGEST).is_none());
    }

    #[test]
    fn the_session_that_was_used_longest_ago_makes_room() {
        let (sessions, now) = (Sessions::default(), start());
        let names: Vec<String> = (0..=MOST as u64)
            .map(|n| sessions.begin("alice", now + Duration::from_millis(n)).expect("begun"))
            .collect();
        assert!(sessions.find(&names[0], now).is_none());
        assert!(names[1..].iter().all(|name| sessions.find(name, now).is_some()));
    }

    #[test]
    fn a_form_of_another_session_is_none_of_this_one() {
        let (sessions, now) = (Sessions::default(), start());
        let [one, other] = [(); 2].map(|()| {
            let name = sessions.begin("alice", now).expect("begun");
            sessions.find(&name, now).expect("there")
        });
        assert!(one.is_csrf(&one.csrf) && !one.is_csrf(&other.csrf) && !one.is_csrf(""));
    }
}
