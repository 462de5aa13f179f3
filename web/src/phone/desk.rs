//! Who is here: sockets that have said nothing yet, connections that pages may come back to, guests and their calls.
//!
//! A connection is known by a key that only its page has. Whoever comes back with the key, and has proved to be the same, is handed to
//! the task that kept the talks meanwhile.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::SystemTime,
};

use patchcord_engine::routing::Guest;
use tokio::sync::mpsc;

use super::{session::Arrived, token};
use crate::{people::password::made, serve::Source, store::Signer};

/// Pages that are connected at once. Each keeps its transactions and what it was told last: at most some hundred kilobytes.
pub const MOST: usize = 2000;

/// Pages at once from one place in the network: an office behind one address.
pub const PER_SOURCE: usize = 64;

/// Letters of a key: five bits each.
const KEY_LETTERS: usize = 32;

/// Guests whose calls are counted; those that nobody is connected by any more are forgotten first.
const MOST_GUESTS: usize = 4 * MOST;

/// See the module.
#[derive(Default)]
pub struct Phones {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sources: HashMap<Source, usize>,
    all: usize,
    kept: HashMap<String, (String, mpsc::Sender<Arrived>)>,
    guests: HashMap<String, Weak<Guest>>,
}

/// A place that a page takes until it is dropped.
pub struct Seat {
    phones: Arc<Phones>,
    source: Source,
}

impl Phones {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds this; if it did, the tables would still be whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more page; `None` where there are too many, of all or from there.
    pub fn sit(self: &Arc<Self>, source: Source) -> Option<Seat> {
        let mut inner = self.lock();
        let from_there = inner.sources.get(&source).copied().unwrap_or_default();
        // Behind a proxy everybody comes from this machine.
        if inner.all >= MOST || (source != Source::Here && from_there >= PER_SOURCE) {
            return None;
        }
        inner.all += 1;
        inner.sources.insert(source, from_there + 1);
        Some(Seat { phones: self.clone(), source })
    }

    /// How many pages are connected.
    pub fn count(&self) -> usize {
        self.lock().all
    }

    /// A key under which a page may come back to the task behind `door`.
    pub(super) fn keep(&self, whom: &str, door: mpsc::Sender<Arrived>) -> Result<String, getrandom::Error> {
        let key = made(KEY_LETTERS)?;
        self.lock().kept.insert(key.clone(), (whom.into(), door));
        Ok(key)
    }

    /// The way to the task that keeps the talks of that key, for whoever it belongs to. A key is good once.
    pub(super) fn find(&self, key: &str, whom: &str) -> Option<mpsc::Sender<Arrived>> {
        let mut inner = self.lock();
        inner.kept.get(key).filter(|(owner, _)| owner == whom)?;
        inner.kept.remove(key).map(|(_, door)| door)
    }

    /// Nobody comes back by that key any more.
    pub(super) fn forget(&self, key: &str) {
        self.lock().kept.remove(key);
    }

    /// The guest that a token speaks for, the same on all its connections: its calls are counted together.
    pub(super) fn guest(
        &self,
        token: &str,
        signer: &Signer,
        wall: SystemTime,
    ) -> Result<(String, Arc<Guest>), token::NotTaken> {
        let (id, guest) = token::read(token, signer, wall)?;
        let mut inner = self.lock();
        if let Some(known) = inner.guests.get(&id).and_then(Weak::upgrade) {
            return Ok((id, known));
        }
        if inner.guests.len() >= MOST_GUESTS {
            inner.guests.retain(|_, guest| guest.strong_count() > 0);
        }
        let guest = Arc::new(guest);
        inner.guests.insert(id.clone(), Arc::downgrade(&guest));
        Ok((id, guest))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut inner = self.phones.lock();
        inner.all -= 1;
        let left = inner.sources.get(&self.source).map_or(0, |count| count - 1);
        match left {
            0 => drop(inner.sources.remove(&self.source)),
            left => drop(inner.sources.insert(self.source, left)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn one_place_has_so_many_pages_and_others_find_room_still() {
        let phones = Arc::new(Phones::default());
        let there = |host: u8| Source::of([198, 51, 100, host].into());
        let mut seats: Vec<Seat> = (0..PER_SOURCE).map(|_| phones.sit(there(1)).expect("a place")).collect();
        assert!(phones.sit(there(1)).is_none());
        assert!(phones.sit(there(2)).is_some());
        seats.pop();
        assert!(phones.sit(there(1)).is_some());
        drop(seats);
        assert_eq!(phones.count(), 0);
        assert!(phones.lock().sources.is_empty());
    }

    #[test]
    fn a_key_is_good_once_and_for_its_owner_only() {
        let phones = Phones::default();
        let (door, _kept) = mpsc::channel(1);
        let key = phones.keep("endpoint alice", door).expect("chance");
        assert!(phones.find(&key, "endpoint bob").is_none());
        assert!(phones.find(&key, "endpoint alice").is_some());
        assert!(phones.find(&key, "endpoint alice").is_none());
    }

    #[test]
    fn the_calls_of_a_guest_are_counted_over_all_its_connections() {
        let (phones, signer) = (Phones::default(), Signer::of(b"one"));
        let now = UNIX_EPOCH + Duration::from_secs(5);
        let wish = token::Wish { name: None, numbers: vec!["1000".into()], expires: None, calls: None };
        let minted = token::mint(wish, &signer, now).expect("minted");
        let (_, one) = phones.guest(&minted.token, &signer, now).expect("good");
        let (_, other) = phones.guest(&minted.token, &signer, now).expect("good");
        let _held = one.enter().expect("one call");
        assert!(other.enter().is_none());
    }
}
