//! Finished sounds, kept up to a number of bytes.
//!
//! When a new sound needs room, those go that were asked for longest ago. A sound that is being played stays: to forget it
//! would free nothing and load it twice. When all that is left is being played, the new one is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::fetch::Version;
use super::level::Loudness;
use super::sound::{Form, Sound};

/// What an entry takes beside its frames: the name twice and the table, rounded up.
const OVERHEAD: usize = 512;

/// What makes one finished sound another than the next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub name: Arc<str>,
    pub loudness: Loudness,
    pub form: Form,
}

/// A sound that is kept.
pub(super) struct Kept {
    pub sound: Arc<Sound>,
    pub version: Version,
    /// When its source was last asked whether it changed.
    pub checked: Instant,
    /// When it was last asked for, in requests.
    used: u64,
}

/// All sounds that are kept.
pub(super) struct Cache {
    kept: HashMap<Key, Kept>,
    bytes: usize,
    limit: usize,
    requests: u64,
}

/// All the room is taken by sounds that are being played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AllPlaying;

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { kept: HashMap::new(), bytes: 0, limit, requests: 0 }
    }

    /// A sound that is kept; it counts as asked for.
    pub(super) fn get(&mut self, key: &Key) -> Option<&mut Kept> {
        self.requests += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.requests;
        Some(kept)
    }

    /// Keeps a sound in place of an older version of it.
    pub(super) fn keep(
        &mut self,
        key: Key,
        sound: Arc<Sound>,
        version: Version,
        checked: Instant,
    ) -> Result<(), AllPlaying> {
        self.forget(&key);
        let bytes = sound.bytes() + OVERHEAD;
        while self.bytes + bytes > self.limit {
            let idle = self.kept.iter().filter(|(_, kept)| Arc::strong_count(&kept.sound) == 1);
            let Some(oldest) = idle.min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone()) else {
                return Err(AllPlaying);
            };
            self.forget(&oldest);
        }
        self.requests += 1;
        self.bytes += bytes;
        self.kept.insert(key, Kept { sound, version, checked, used: self.requests });
        Ok(())
    }

    /// Forgets a sound; whoever plays it goes on.
    pub(super) fn forget(&mut self, key: &Key) {
        if let Some(kept) = self.kept.remove(key) {
            self.bytes -= kept.sound.bytes() + OVERHEAD;
        }
    }

    /// What all of them take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
mod tests {
    use super::*;
    use crate::frame::Rate;

    const SIZE: usize = 3200 + OVERHEAD;

    fn key(name: &str) -> Key {
        Key { name: name.into(), loudness: Loudness::Levelled, form: Form::Samples(Rate::Narrow) }
    }

    fn keep(cache: &mut Cache, name: &str) -> Result<Arc<Sound>, AllPlaying> {
        let sound = Arc::new(Sound::of_samples(name, Rate::Narrow, vec![0; 1600]));
        cache.keep(key(name), Arc::clone(&sound), Version("1".into()), Instant::now())?;
        Ok(sound)
    }

    #[test]
    fn what_was_asked_for_longest_ago_goes_first() {
        let mut cache = Cache::new(3 * SIZE);
        for name in ["a", "b", "c"] {
            keep(&mut cache, name).unwrap();
        }
        assert!(cache.get(&key("a")).is_some());
        keep(&mut cache, "d").unwrap();
        assert!(cache.get(&key("b")).is_none());
        assert!(["a", "c", "d"].iter().all(|name| cache.get(&key(name)).is_some()));
        assert_eq!((cache.bytes(), cache.len()), (3 * SIZE, 3));
    }

    #[test]
    fn a_sound_that_is_played_stays_and_when_all_are_played_the_next_is_refused() {
        let mut cache = Cache::new(2 * SIZE);
        let a = keep(&mut cache, "a").unwrap();
        keep(&mut cache, "b").unwrap();
        let c = keep(&mut cache, "c").unwrap();
        assert!(cache.get(&key("a")).is_some() && cache.get(&key("b")).is_none());
        assert_eq!(keep(&mut cache, "d").unwrap_err(), AllPlaying);
        drop(a);
        keep(&mut cache, "d").unwrap();
        assert!(cache.get(&key("c")).is_some());
        drop(c);
        assert_eq!(cache.bytes(), 2 * SIZE);
    }

    #[test]
    fn a_new_version_takes_the_place_of_the_old_one() {
        let mut cache = Cache::new(2 * SIZE);
        for _ in 0..5 {
            keep(&mut cache, "a").unwrap();
        }
        assert_eq!((cache.bytes(), cache.len()), (SIZE, 1));
    }
}
