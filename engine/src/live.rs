//! The calls there are now, as everybody may see them who is on no shard: their records so far.
//!
//! A call tells of itself when something happens that its record is made of, a handful of times in its life; whoever looks
//! gets copies. A wish to hang one up lies here until its shard looks, which is each quarter of a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::journal::{CallId, Record};

/// Wishes that wait: far more than anybody clicks in a quarter of a second.
const MOST_WISHES: usize = 1_000;

/// See the module.
#[derive(Default)]
pub struct LiveCalls {
    // As many as calls are admitted, and no more: each is taken out when its journal is closed.
    calls: Mutex<BTreeMap<CallId, Record>>,
    wishes: Mutex<BTreeSet<CallId>>,
}

impl LiveCalls {
    /// The latest calls, at most so many.
    pub fn latest(&self, most: usize) -> Vec<Record> {
        hold(&self.calls).values().rev().take(most).cloned().collect()
    }

    /// One call, if it goes on.
    pub fn find(&self, call: CallId) -> Option<Record> {
        hold(&self.calls).get(&call).cloned()
    }

    /// Somebody wants that call to end. Says whether it goes on, and can be told.
    pub fn hang_up(&self, call: CallId) -> bool {
        let goes_on = hold(&self.calls).contains_key(&call);
        let mut wishes = hold(&self.wishes);
        goes_on && (wishes.contains(&call) || (wishes.len() < MOST_WISHES && wishes.insert(call)))
    }

    /// What a call says of itself by now.
    pub(crate) fn tell(&self, record: &Record) {
        hold(&self.calls).insert(record.call, record.clone());
    }

    /// A call is over.
    pub(crate) fn end(&self, call: CallId) {
        hold(&self.calls).remove(&call);
        hold(&self.wishes).remove(&call);
    }

    /// Those of these calls that somebody wants to end, each told once.
    pub(crate) fn wished(&self, calls: impl Iterator<Item = CallId>) -> Vec<CallId> {
        let mut wishes = hold(&self.wishes);
        if wishes.is_empty() {
            return Vec::new();
        }
        calls.filter(|call| wishes.remove(call)).collect()
    }
}

/// Whoever panics elsewhere leaves whole records behind.
fn hold<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::journal::{Began, Journal, Party, Rules};

    fn record(second: u64) -> Record {
        let wall = UNIX_EPOCH + Duration::from_secs(second);
        let began = Began::new(wall, Party::new("alice"), Party::new("102"));
        Journal::begin(CallId::new(wall, 1), began, Rules::default()).record().clone()
    }

    #[test]
    fn a_call_is_seen_from_its_beginning_to_its_end() {
        let live = LiveCalls::default();
        let [one, two] = [record(1), record(2)];
        live.tell(&one);
        live.tell(&two);
        live.tell(&one);
        assert_eq!(live.latest(10), [two.clone(), one.clone()]);
        assert_eq!(live.latest(1), [two]);
        live.end(one.call);
        assert_eq!(live.find(one.call), None);
    }

    #[test]
    fn a_wish_is_told_once_to_whoever_has_the_call_and_to_nobody_behind_its_end() {
        let live = LiveCalls::default();
        let [one, two] = [record(1), record(2)];
        live.tell(&one);
        assert!(live.hang_up(one.call) && live.hang_up(one.call) && !live.hang_up(two.call));
        assert_eq!(live.wished([two.call].into_iter()), []);
        assert_eq!(live.wished([one.call, two.call].into_iter()), [one.call]);
        assert_eq!(live.wished([one.call].into_iter()), []);
        live.hang_up(one.call);
        live.end(one.call);
        assert_eq!(live.wished([one.call].into_iter()), []);
    }
}
