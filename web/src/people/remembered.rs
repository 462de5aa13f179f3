//! What the store said last of those who ask, for a while: whoever is logged in, and programs with their tokens, see what goes on and
//! can act while the database is away.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// How long it is believed.
pub const BELIEVED: Duration = Duration::from_secs(600);

/// Of so many it is remembered; whoever is no more among them waits for the store.
const MOST: usize = 1_000;

/// What was said of each, and when.
pub struct Remembered<Key, Said>(Mutex<HashMap<Key, (SystemTime, Said)>>);

impl<Key, Said> Default for Remembered<Key, Said> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Eq + Hash, Said: Clone> Remembered<Key, Said> {
    /// The store says that of it now.
    pub fn keep(&self, key: Key, said: &Said, now: SystemTime) {
        let mut all = self.all();
        if all.len() >= MOST {
            all.retain(|_, (seen, _)| is_believed(*seen, now));
        }
        if all.len() < MOST || all.contains_key(&key) {
            all.insert(key, (now, said.clone()));
        }
    }

    /// What it said last, if that is not too long ago.
    pub fn last(&self, key: &Key, now: SystemTime) -> Option<Said> {
        self.all().get(key).filter(|(seen, _)| is_believed(*seen, now)).map(|(_, said)| said.clone())
    }

    /// The store knows nothing of it.
    pub fn forget(&self, key: &Key) {
        self.all().remove(key);
    }

    /// From now on only the store knows.
    pub fn forget_all(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, (SystemTime, Said)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was put back makes nothing older.
fn is_believed(seen: SystemTime, now: SystemTime) -> bool {
    now.duration_since(seen).unwrap_or_default() < BELIEVED
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn what_was_said_is_believed_for_a_while_and_of_so_many() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let said: Remembered<usize, &str> = Remembered::default();
        said.keep(0, &"yes", at(0));
        assert_eq!((said.last(&0, at(599)), said.last(&0, at(600))), (Some("yes"), None));
        (1..=MOST).for_each(|key| said.keep(key, &"yes", at(100)));
        assert_eq!(said.last(&MOST, at(100)), None, "there are as many as may be");
        (1..=MOST).for_each(|key| said.keep(key, &"no", at(700)));
        assert_eq!(said.last(&MOST, at(700)), Some("no"), "whoever was not heard of for long makes room");
        said.forget(&MOST);
        assert_eq!((said.last(&MOST, at(700)), said.last(&1, at(700))), (None, Some("no")));
        said.forget_all();
        assert_eq!(said.last(&1, at(700)), None);
    }
}
