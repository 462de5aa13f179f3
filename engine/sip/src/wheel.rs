//! A hierarchical timer wheel: setting, moving, dropping and firing a timer each cost the same, however many there are.
//!
//! A [`Wheel`] remembers keys and the instants at which they are due. It reads no clock and wakes nobody: whoever owns
//! it sleeps until [`Wheel::deadline`] and then takes what is due with [`Wheel::expire`]. Seven levels of 64 slots
//! stand above each other; a slot of the lowest level is one millisecond wide, a slot of each level above is as wide
//! as the whole level below, and a timer that is far away steps down a level when its slot comes up:
//!
//! insert ──▶ level 6 … level 2 ──▶ level 1 ──▶ level 0 ──▶ due ──▶ expire
//!                 64 slots of 4 s    64 ms        1 ms
//!
//! Nodes live in one slab and are linked by index, so a wheel that has reached its usual size allocates no more. A
//! timer never fires early; it fires at most one millisecond late.

use std::time::{Duration, Instant};

/// Slots of a level; 64, so that one word says which of them hold anything.
const SLOTS: usize = 64;
/// Bits of a tick that choose the slot within a level.
const SLOT_BITS: u32 = SLOTS.trailing_zeros();
/// Seven levels of 64 slots of a millisecond reach 139 years from the start.
const LEVELS: usize = 7;
/// The furthest tick a wheel can tell apart; later deadlines are kept as this one.
const LAST_TICK: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - 1;
/// The list of what is due already stands behind the slots of all levels.
const DUE: usize = SLOTS * LEVELS;
/// No node.
const NONE: u32 = u32::MAX;

/// A timer that was set. Good until it fires or is dropped; afterwards it names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle {
    node: u32,
    generation: u32,
}

/// The wheel holds as many timers as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the timer wheel is full")]
pub struct Full;

#[derive(Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

const EMPTY: List = List { first: NONE, last: NONE };

struct Node<K> {
    tick: u64,
    previous: u32,
    next: u32,
    generation: u32,
    list: u16,
    /// `None` while the node waits in the list of free ones.
    key: Option<K>,
}

/// Keys and when they are due.
pub struct Wheel<K> {
    start: Instant,
    /// Everything up to and including this tick has come up.
    elapsed: u64,
    occupied: [u64; LEVELS],
    lists: Box<[List]>,
    nodes: Vec<Node<K>>,
    free: u32,
    count: usize,
    limit: usize,
}

impl<K: Copy> Wheel<K> {
    /// An empty wheel that starts at `now` and holds at most `limit` timers.
    pub fn new(now: Instant, limit: usize) -> Self {
        assert!(limit < NONE as usize, "nodes are counted in 32 bits");
        Self {
            start: now,
            elapsed: 0,
            occupied: [0; LEVELS],
            lists: vec![EMPTY; DUE + 1].into_boxed_slice(),
            nodes: Vec::new(),
            free: NONE,
            count: 0,
            limit,
        }
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// When to call [`Wheel::expire`] next; `None` when no timer is set.
    ///
    /// Never later than the earliest timer. It may be earlier, by less than the width of the slot in which that timer
    /// stands: then `expire` finds nothing due, moves timers closer, and the next answer is nearer to the truth.
    pub fn deadline(&self) -> Option<Instant> {
        let tick = if self.lists[DUE].first != NONE { self.elapsed } else { self.next_slot()?.2 };
        Some(self.start + Duration::from_millis(tick))
    }

    /// Sets a timer. A deadline that has passed is due at the next [`Wheel::expire`].
    pub fn insert(&mut self, deadline: Instant, key: K) -> Result<Handle, Full> {
        if self.count == self.limit {
            return Err(Full);
        }
        let tick = self.tick_of(deadline);
        let node = self.take_node(tick, key);
        self.count += 1;
        self.place(node);
        Ok(Handle { node, generation: self.nodes[node as usize].generation })
    }

    /// Moves a timer to another instant. False when it has fired or was dropped.
    pub fn move_to(&mut self, handle: Handle, deadline: Instant) -> bool {
        if !self.holds(handle) {
            return false;
        }
        self.unlink(handle.node);
        self.nodes[handle.node as usize].tick = self.tick_of(deadline);
        self.place(handle.node);
        true
    }

    /// Drops a timer. False when it has fired or was dropped before.
    pub fn cancel(&mut self, handle: Handle) -> bool {
        if !self.holds(handle) {
            return false;
        }
        self.unlink(handle.node);
        self.release(handle.node);
        true
    }

    /// Takes one timer that is due at `now`, earliest first. Call it until it answers `None`; timers may be set, moved
    /// and dropped in between.
    pub fn expire(&mut self, now: Instant) -> Option<K> {
        let now = self.tick_reached(now);
        loop {
            let first = self.lists[DUE].first;
            if first != NONE {
                self.unlink(first);
                return self.release(first);
            }
            match self.next_slot() {
                Some((level, slot, tick)) if tick <= now => self.open(level, slot, tick),
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return None;
                }
            }
        }
    }

    /// The slot that comes up next. A timer stands on the level of the highest bits in which it differs from the tick
    /// reached, so whatever stands on a lower level comes before everything above it.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = SLOT_BITS * level as u32;
        let above = self.elapsed >> (shift + SLOT_BITS) << (shift + SLOT_BITS);
        Some((level, slot, above | (slot as u64) << shift))
    }

    /// The slot's time has come: its timers are due or step down to where they are told apart more finely.
    fn open(&mut self, level: usize, slot: usize, tick: u64) {
        self.elapsed = tick;
        self.occupied[level] &= !(1 << slot);
        let mut node = std::mem::replace(&mut self.lists[level * SLOTS + slot], EMPTY).first;
        while node != NONE {
            let next = self.nodes[node as usize].next;
            self.place(node);
            node = next;
        }
    }

    fn place(&mut self, node: u32) {
        let tick = self.nodes[node as usize].tick;
        let list = if tick <= self.elapsed {
            DUE
        } else {
            let level = ((tick ^ self.elapsed).ilog2() / SLOT_BITS) as usize;
            let slot = (tick >> (SLOT_BITS * level as u32)) as usize % SLOTS;
            self.occupied[level] |= 1 << slot;
            level * SLOTS + slot
        };
        let last = std::mem::replace(&mut self.lists[list].last, node);
        if last == NONE {
            self.lists[list].first = node;
        } else {
            self.nodes[last as usize].next = node;
        }
        let placed = &mut self.nodes[node as usize];
        placed.previous = last;
        placed.next = NONE;
        placed.list = list as u16;
    }

    fn unlink(&mut self, node: u32) {
        let Node { previous, next, list, .. } = self.nodes[node as usize];
        let list = list as usize;
        if previous == NONE {
            self.lists[list].first = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next == NONE {
            self.lists[list].last = previous;
        } else {
            self.nodes[next as usize].previous = previous;
        }
        if list != DUE && self.lists[list].first == NONE {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }

    fn take_node(&mut self, tick: u64, key: K) -> u32 {
        if self.free == NONE {
            let node = self.nodes.len() as u32;
            self.nodes.push(Node { tick, previous: NONE, next: NONE, generation: 0, list: 0, key: Some(key) });
            return node;
        }
        let node = self.free;
        let taken = &mut self.nodes[node as usize];
        self.free = taken.next;
        taken.tick = tick;
        taken.key = Some(key);
        node
    }

    fn release(&mut self, node: u32) -> Option<K> {
        self.count -= 1;
        let released = &mut self.nodes[node as usize];
        released.generation = released.generation.wrapping_add(1);
        released.next = std::mem::replace(&mut self.free, node);
        released.key.take()
    }

    fn holds(&self, handle: Handle) -> bool {
        self.nodes
            .get(handle.node as usize)
            .is_some_and(|node| node.key.is_some() && node.generation == handle.generation)
    }

    /// The tick of a deadline, rounded up: never early.
    fn tick_of(&self, deadline: Instant) -> u64 {
        let ahead = deadline.saturating_duration_since(self.start);
        let whole = ahead.as_millis() as u64;
        let tick = if ahead.subsec_nanos().is_multiple_of(1_000_000) { whole } else { whole + 1 };
        tick.min(LAST_TICK)
    }

    /// The tick that has been reached, rounded down.
    fn tick_reached(&self, now: Instant) -> u64 {
        (now.saturating_duration_since(self.start).as_millis() as u64).min(LAST_TICK)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn drain(wheel: &mut Wheel<u32>, now: Instant) -> Vec<u32> {
        std::iter::from_fn(|| wheel.expire(now)).collect()
    }

    #[test]
    fn an_empty_wheel_asks_for_no_waking() {
        let start = Instant::now();
        let mut wheel = Wheel::<u32>::new(start, 4);

        assert_eq!(wheel.deadline(), None);
        assert_eq!(wheel.expire(start + Duration::from_secs(1000)), None);
        assert!(wheel.is_empty());
    }

    #[test]
    fn a_timer_fires_at_its_deadline_and_not_before() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, 4);
        let deadline = start + Duration::from_micros(500_300);
        wheel.insert(deadline, 7).unwrap();

        assert_eq!(drain(&mut wheel, start + Duration::from_micros(500_299)), []);
        assert_eq!(drain(&mut wheel, deadline), [], "rounded up to the next millisecond");
        assert_eq!(drain(&mut wheel, start + Duration::from_millis(501)), [7]);
        assert_eq!(wheel.deadline(), None);
    }

    #[test]
    fn a_deadline_that_has_passed_is_due_at_once() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, 4);
        let now = start + Duration::from_secs(5);
        assert_eq!(wheel.expire(now), None);
        wheel.insert(start + Duration::from_secs(1), 1).unwrap();

        assert!(wheel.deadline().unwrap() <= now);
        assert_eq!(drain(&mut wheel, now), [1]);
    }

    #[test]
    fn a_dropped_timer_never_fires_and_its_handle_names_nothing_afterwards() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, 4);
        let first = wheel.insert(start + 10 * MILLISECOND, 1).unwrap();

        assert!(wheel.cancel(first));
        assert!(!wheel.cancel(first));
        let second = wheel.insert(start + 20 * MILLISECOND, 2).unwrap();
        assert!(!wheel.move_to(first, start), "the node is another timer's now");
        assert_eq!(drain(&mut wheel, start + 30 * MILLISECOND), [2]);
        assert!(!wheel.cancel(second));
    }

    #[test]
    fn a_moved_timer_fires_at_its_new_deadline_only() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, 4);
        let timer = wheel.insert(start + 10 * MILLISECOND, 1).unwrap();

        assert!(wheel.move_to(timer, start + Duration::from_secs(32)));
        assert_eq!(drain(&mut wheel, start + Duration::from_secs(31)), []);
        assert_eq!(drain(&mut wheel, start + Duration::from_secs(32)), [1]);
    }

    #[test]
    fn a_full_wheel_refuses_and_takes_again_after_one_has_fired() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, 1);
        wheel.insert(start + MILLISECOND, 1).unwrap();

        assert_eq!(wheel.insert(start + MILLISECOND, 2), Err(Full));
        assert_eq!(drain(&mut wheel, start + MILLISECOND), [1]);
        wheel.insert(start + 2 * MILLISECOND, 3).unwrap();
        assert_eq!(drain(&mut wheel, start + 2 * MILLISECOND), [3]);
    }

    #[test]
    fn a_wheel_in_steady_use_does_not_grow() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start, 1000);
        for step in 0..10_000_u32 {
            let now = start + step * MILLISECOND;
            wheel.insert(now + 100 * MILLISECOND, step).unwrap();
            drain(&mut wheel, now);
        }
        assert!(wheel.nodes.len() <= 101, "{} nodes for 100 timers at once", wheel.nodes.len());
    }

    #[derive(Clone, Debug)]
    enum Deed {
        Insert(u64),
        Move(usize, u64),
        Cancel(usize),
        Pass(u64),
    }

    fn deeds() -> impl Strategy<Value = Vec<Deed>> {
        let span = prop_oneof![0..3_u64, 0..200_u64, 0..40_000_u64, 0..20_000_000_u64];
        let deed = prop_oneof![
            4 => span.clone().prop_map(Deed::Insert),
            1 => (any::<usize>(), span.clone()).prop_map(|(which, span)| Deed::Move(which, span)),
            1 => any::<usize>().prop_map(Deed::Cancel),
            3 => span.prop_map(Deed::Pass),
        ];
        proptest::collection::vec(deed, 1..120)
    }

    proptest! {
        #[test]
        fn the_wheel_does_what_a_sorted_list_would_do(deeds in deeds()) {
            let start = Instant::now();
            let (mut wheel, mut now) = (Wheel::new(start, 1000), start);
            // What a person would keep: the key, the handle, the deadline.
            let mut list: Vec<(u32, Handle, Instant)> = Vec::new();
            let mut next_key = 0;
            for deed in deeds {
                match deed {
                    Deed::Insert(after) => {
                        let deadline = now + Duration::from_millis(after);
                        list.push((next_key, wheel.insert(deadline, next_key).unwrap(), deadline));
                        next_key += 1;
                    }
                    Deed::Move(which, after) if !list.is_empty() => {
                        let which = which % list.len();
                        list[which].2 = now + Duration::from_millis(after);
                        prop_assert!(wheel.move_to(list[which].1, list[which].2));
                    }
                    Deed::Cancel(which) if !list.is_empty() => {
                        let (_, handle, _) = list.swap_remove(which % list.len());
                        prop_assert!(wheel.cancel(handle));
                    }
                    Deed::Move(..) | Deed::Cancel(_) => {}
                    Deed::Pass(span) => {
                        now += Duration::from_millis(span);
                        let fired = drain(&mut wheel, now);
                        let deadline_of = |key: &u32| list.iter().find(|(k, ..)| k == key).map(|(.., at)| *at);
                        let deadlines: Vec<_> = fired.iter().map(deadline_of).collect();
                        prop_assert!(deadlines.iter().all(|at| at.is_some_and(|at| at <= now)), "none early");
                        list.retain(|(key, ..)| !fired.contains(key));
                        prop_assert!(list.iter().all(|(.., at)| *at > now), "none late");
                    }
                }
                prop_assert_eq!(wheel.len(), list.len());
                let earliest = list.iter().map(|(.., at)| *at).min();
                prop_assert_eq!(wheel.deadline().is_some(), earliest.is_some());
                prop_assert!(wheel.deadline() <= earliest, "the owner never oversleeps");
            }
        }
    }
}
