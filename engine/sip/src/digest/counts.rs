//! Which counts of which nonces were used: one use each.
//!
//! Only nonces with which somebody has proved a password come in here, so strangers cannot fill it. Entries stand in
//! slices by the time their nonce was made. A slice goes in one piece when all its nonces have expired, or earlier when
//! the table is full; its nonces are stale from then on, which costs their clients one more challenge and never
//! lets a count pass twice.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::{Proof, Refused};

/// Nonces in use that a server remembers, all told: about 50 bytes each. Ten times the registrations of a large site.
pub const MAX_NONCES: usize = 1 << 20;

/// Counts below the highest that are told apart. Requests sent at the same time overtake each other by a few.
const WINDOW: u32 = 64;

/// Into how many slices the life of a nonce is cut.
const SLICES: u32 = 8;

/// The counts used, bounded. Shared by whoever serves requests; [`Counts::spend`] is all that needs the lock.
pub struct Counts {
    limit: usize,
    life: u32,
    slices: VecDeque<Slice>,
    /// Nonces of slices before this one have lost their entries.
    floor: u32,
    forgotten: u64,
}

struct Slice {
    number: u32,
    windows: HashMap<u64, Window, BuildHasherDefault<Random>>,
}

/// The highest count and which of the 64 up to it were used.
#[derive(Clone, Copy)]
struct Window {
    highest: u32,
    used: u64,
}

impl Counts {
    pub(super) fn new(life: u32, limit: usize) -> Self {
        Self { limit, life, slices: VecDeque::new(), floor: 0, forgotten: 0 }
    }

    /// Uses up the count of a proof. The credentials are good when this says so.
    pub fn spend(&mut self, proof: Proof) -> Result<(), Refused> {
        self.expire(proof.now);
        let number = self.slice_of(proof.nonce.second);
        if number < self.floor {
            return Err(Refused::Stale);
        }
        let place = self.slices.partition_point(|slice| slice.number < number);
        let window = self
            .slices
            .get_mut(place)
            .filter(|slice| slice.number == number)
            .and_then(|slice| slice.windows.get_mut(&proof.nonce.random));
        if let Some(window) = window {
            return window.spend(proof.count);
        }
        self.make_room(number, proof.now)?;
        self.slice(number).windows.insert(proof.nonce.random, Window { highest: proof.count, used: 1 });
        Ok(())
    }

    /// Nonces remembered now.
    pub fn len(&self) -> usize {
        self.slices.iter().map(|slice| slice.windows.len()).sum()
    }

    /// Whether no nonce is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nonces that were forgotten before their time because the table was full.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn slice_of(&self, second: u32) -> u32 {
        second / (self.life / SLICES).max(1)
    }

    fn expire(&mut self, now: u32) {
        let oldest = self.slice_of(now.saturating_sub(self.life));
        while self.slices.front().is_some_and(|slice| slice.number < oldest) {
            self.slices.pop_front();
        }
        // Another shard's clock may have read a moment less: what has expired for one is gone for all.
        self.floor = self.floor.max(oldest);
    }

    /// Forgets the oldest nonces of a full table, but none of the slice that is being filled: its next ones would be
    /// stale before they are sent.
    fn make_room(&mut self, wanted: u32, now: u32) -> Result<(), Refused> {
        let current = self.slice_of(now);
        while self.len() >= self.limit {
            let Some(oldest) = self.slices.pop_front_if(|slice| slice.number < current) else {
                return Err(Refused::Full);
            };
            self.forgotten += oldest.windows.len() as u64;
            self.floor = oldest.number + 1;
        }
        if wanted < self.floor { Err(Refused::Stale) } else { Ok(()) }
    }

    fn slice(&mut self, number: u32) -> &mut Slice {
        let place = self.slices.partition_point(|slice| slice.number < number);
        if self.slices.get(place).is_none_or(|slice| slice.number != number) {
            self.slices.insert(place, Slice { number, windows: HashMap::default() });
        }
        &mut self.slices[place]
    }
}

impl Window {
    fn spend(&mut self, count: u32) -> Result<(), Refused> {
        if count > self.highest {
            let step = count - self.highest;
            self.used = if step < WINDOW { self.used << step | 1 } else { 1 };
            self.highest = count;
            return Ok(());
        }
        let back = self.highest - count;
        let bit = if back < WINDOW { 1 << back } else { return Err(Refused::Replayed) };
        if self.used & bit != 0 {
            return Err(Refused::Replayed);
        }
        self.used |= bit;
        Ok(())
    }
}

/// The keys are random and ours (nobody gets here without our MAC), so they are their own hash.
#[derive(Default)]
struct Random(u64);

impl Hasher for Random {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.0 = self.0.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::super::nonce::Nonce;
    use super::*;

    fn proof(second: u32, random: u64, count: u32, now: u32) -> Proof {
        Proof { nonce: Nonce { second, random }, count, now }
    }

    #[test]
    fn every_count_is_good_once_in_any_order_within_the_window() {
        let mut counts = Counts::new(300, 10);
        for count in [1, 3, 2, 70, 7, 69] {
            assert_eq!(counts.spend(proof(0, 1, count, 0)), Ok(()), "{count}");
        }
        for count in [1, 2, 3, 7, 69, 70, 6] {
            assert_eq!(counts.spend(proof(0, 1, count, 0)), Err(Refused::Replayed), "{count}");
        }
        assert_eq!(counts.spend(proof(0, 2, 1, 0)), Ok(()), "another nonce counts for itself");
    }

    #[test]
    fn a_leap_of_counts_forgets_nothing_that_matters() {
        let mut counts = Counts::new(300, 10);
        assert_eq!(counts.spend(proof(0, 1, 5, 0)), Ok(()));
        assert_eq!(counts.spend(proof(0, 1, u32::MAX, 0)), Ok(()));
        assert_eq!(counts.spend(proof(0, 1, 5, 0)), Err(Refused::Replayed));
        assert_eq!(counts.spend(proof(0, 1, u32::MAX - 63, 0)), Ok(()));
        assert_eq!(counts.spend(proof(0, 1, u32::MAX - 64, 0)), Err(Refused::Replayed), "beyond the window");
    }

    #[test]
    fn nonces_are_forgotten_when_they_have_expired_and_not_before() {
        let mut counts = Counts::new(80, 100);
        counts.spend(proof(9, 1, 1, 9)).unwrap();
        assert_eq!(counts.spend(proof(9, 1, 1, 89)), Err(Refused::Replayed));
        counts.spend(proof(100, 2, 1, 100)).unwrap();
        assert_eq!(counts.len(), 1);
        assert_eq!(counts.forgotten(), 0, "to expire is no loss");
        assert_eq!(counts.spend(proof(9, 1, 1, 89)), Err(Refused::Stale), "checked just before, spent just after");
    }

    #[test]
    fn a_full_table_makes_its_oldest_nonces_stale_and_never_lets_a_count_pass_twice() {
        let mut counts = Counts::new(80, 2);
        counts.spend(proof(0, 1, 1, 0)).unwrap();
        counts.spend(proof(25, 2, 1, 25)).unwrap();
        counts.spend(proof(45, 3, 1, 45)).unwrap();

        assert_eq!(counts.len(), 2);
        assert_eq!(counts.forgotten(), 1);
        assert_eq!(counts.spend(proof(0, 1, 1, 46)), Err(Refused::Stale));
        assert_eq!(counts.spend(proof(0, 9, 1, 46)), Err(Refused::Stale), "as old, never used: stale too");
        assert_eq!(counts.spend(proof(25, 2, 1, 46)), Err(Refused::Replayed));
        assert_eq!(counts.spend(proof(45, 3, 2, 46)), Ok(()));
    }

    #[test]
    fn a_nonce_whose_slice_had_to_go_for_it_is_stale() {
        let mut counts = Counts::new(80, 2);
        counts.spend(proof(0, 1, 1, 0)).unwrap();
        counts.spend(proof(25, 2, 1, 25)).unwrap();
        assert_eq!(counts.spend(proof(1, 9, 1, 30)), Err(Refused::Stale), "its slice is the oldest");
        assert_eq!(counts.len(), 1);
    }

    #[test]
    fn a_table_full_of_new_nonces_refuses_until_the_next_slice() {
        let mut counts = Counts::new(80, 2);
        counts.spend(proof(0, 1, 1, 0)).unwrap();
        counts.spend(proof(1, 2, 1, 1)).unwrap();
        assert_eq!(counts.spend(proof(2, 3, 1, 2)), Err(Refused::Full));
        assert_eq!(counts.spend(proof(1, 2, 2, 2)), Ok(()), "those inside go on");
        assert_eq!(counts.spend(proof(10, 4, 1, 10)), Ok(()));
        assert_eq!(counts.spend(proof(1, 2, 2, 10)), Err(Refused::Stale));
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<(u64, Window)>() <= 24, "with two entries' room for one, still within 64 bytes");
    }
}
