//! What is due, and in which order: the first instant first, and within an instant as it was entered.
//!
//! Given chance, it takes things of the same instant in any order that could be: what one line or one port tells stays in its
//! order, because that comes over one wire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Numbers that look like chance and are the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of so many.
    pub fn one_of(&mut self, many: usize) -> usize {
        (self.number() % many.max(1) as u64) as usize
    }
}

/// The place of an entry: its instant, and its number there.
pub(super) type Slot = (Instant, u64);

/// Entries before this number come before all others of their instant.
const USUAL: u64 = 1 << 32;

/// Things that are due, each of a stream whose order is kept.
pub(super) struct Agenda<S, T> {
    due: BTreeMap<Slot, (S, T)>,
    next: u64,
    early: u64,
    chance: Option<Chance>,
    choices: u32,
}

impl<S: Ord + Clone, T> Agenda<S, T> {
    pub fn new(chance: Option<Chance>) -> Self {
        Self { due: BTreeMap::new(), next: USUAL, early: 0, chance, choices: 0 }
    }

    /// When something is due next.
    pub fn first(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// How often things of one instant could have come in another order.
    pub fn choices(&self) -> u32 {
        self.choices
    }

    pub fn put(&mut self, at: Instant, stream: S, what: T) -> Slot {
        self.next += 1;
        let slot = (at, self.next);
        self.due.insert(slot, (stream, what));
        slot
    }

    /// The same before whatever else is due then.
    pub fn put_first(&mut self, at: Instant, stream: S, what: T) {
        self.early += 1;
        self.due.insert((at, self.early), (stream, what));
    }

    pub fn strike(&mut self, slot: Slot) {
        self.due.remove(&slot);
    }

    /// Takes out what is due next, if that is not later.
    pub fn take(&mut self, until: Instant) -> Option<(Instant, T)> {
        let (&slot, _) = self.due.first_key_value().filter(|((at, _), _)| *at <= until)?;
        let slot = self.chosen(slot);
        let (_, what) = self.due.remove(&slot)?;
        Some((slot.0, what))
    }

    fn chosen(&mut self, first: Slot) -> Slot {
        if first.1 < USUAL {
            return first;
        }
        let mut streams = BTreeSet::new();
        let same = self.due.range(first..=(first.0, u64::MAX));
        let heads: Vec<Slot> = same.filter(|(_, (stream, _))| streams.insert(stream.clone())).map(|d| *d.0).collect();
        if heads.len() < 2 {
            return first;
        }
        self.choices = self.choices.saturating_add(1);
        self.chance.as_mut().map_or(first, |chance| heads[chance.one_of(heads.len())])
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock;
    use super::*;

    fn order(chance: Option<u64>) -> Vec<&'static str> {
        let now = clock::origin();
        let mut agenda = Agenda::new(chance.map(Chance::new));
        for (stream, what) in [(1, "a"), (1, "b"), (2, "x"), (3, "y")] {
            agenda.put(now, stream, what);
        }
        agenda.put_first(now, 9, "first");
        std::iter::from_fn(|| agenda.take(now)).map(|(_, what)| what).collect()
    }

    #[test]
    fn without_chance_things_come_as_they_were_entered() {
        assert_eq!(order(None), ["first", "a", "b", "x", "y"]);
    }

    #[test]
    fn chance_keeps_the_order_of_each_stream_and_no_other() {
        let orders: BTreeSet<_> = (0..50).map(|seed| order(Some(seed))).collect();
        assert!(orders.len() > 4, "{orders:?}");
        for order in orders {
            let place = |what| order.iter().position(|&here| here == what);
            assert!(place("a") < place("b") && order[0] == "first", "{order:?}");
        }
    }
}
