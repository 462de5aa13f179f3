//! What happens to calls and in rooms, as it happens, for whoever listens: counted, so that a listener who was away goes on where he was.
//!
//! It is told by the shelf that the shards' records pass through on their way to the store: a call's row opened, and closed.
//! The last [`KEPT`] events are kept; whoever was away for longer is told that he missed some. Numbers grow over restarts.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use patchcord_engine::{
    journal::{Batch, CallId, Page, Record, RecordShelf, Story},
    routing::{Shelved, Written},
};
use tokio::sync::watch;

use crate::{room_news::RoomNews, store::Store};

/// Events that are kept: some minutes of a busy server.
pub const KEPT: usize = 2_000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Its number.
    pub number: u64,
    /// What.
    pub news: News,
}

/// What may happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A call's row is open, or closed: over, when its record has an outcome.
    Call(Box<Record>),
    /// Something in a room.
    Room(Box<RoomNews>),
}

/// See the module.
pub struct Feed {
    kept: Mutex<VecDeque<Happened>>,
    last: watch::Sender<u64>,
}

impl Feed {
    /// A feed that begins at that moment.
    pub fn new(start: SystemTime) -> Self {
        let millis = start.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        // A thousand events a millisecond: a later start is always ahead of an earlier one, and browsers count so far.
        let first = u64::try_from(millis).unwrap_or_default().saturating_mul(1_000);
        Self { kept: Mutex::default(), last: watch::Sender::new(first) }
    }

    /// Tells everybody of a call.
    pub fn publish(&self, record: Record) {
        self.tell(News::Call(Box::new(record)));
    }

    /// Tells everybody of a room.
    pub fn publish_room(&self, news: RoomNews) {
        self.tell(News::Room(Box::new(news)));
    }

    fn tell(&self, news: News) {
        let mut kept = self.hold();
        let number = *self.last.borrow() + 1;
        if kept.len() >= KEPT {
            kept.pop_front();
        }
        kept.push_back(Happened { number, news });
        // While the row is held, so that numbers and events stay in step.
        self.last.send_replace(number);
    }

    /// What happened after that one, and whether something between is not kept any more.
    pub fn after(&self, number: u64) -> (Vec<Happened>, bool) {
        let kept = self.hold();
        let missed = kept.front().is_some_and(|first| first.number > number + 1);
        (kept.iter().filter(|event| event.number > number).cloned().collect(), missed)
    }

    /// The number of the last event, as it changes.
    pub fn last(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    fn hold(&self) -> MutexGuard<'_, VecDeque<Happened>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store, with somebody who tells what is written.
pub struct Announced {
    store: Store,
    feed: std::sync::Arc<Feed>,
}

impl Announced {
    /// That store, telling that feed.
    pub fn new(store: Store, feed: std::sync::Arc<Feed>) -> Self {
        Self { store, feed }
    }
}

impl RecordShelf for Announced {
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written> {
        Box::pin(async move {
            let written = self.store.write_batches(batches).await?;
            let records = batches.iter().filter_map(|batch| batch.record.as_deref());
            records.for_each(|record| self.feed.publish(record.clone()));
            Ok(written)
        })
    }

    fn left_open(&self, most: usize) -> Shelved<'_, Vec<Story>> {
        self.store.left_open(most)
    }

    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>> {
        self.store.story(call)
    }

    fn records(&self, page: Page) -> Shelved<'_, Vec<Record>> {
        self.store.records(page)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use patchcord_engine::journal::{Began, Journal, Party, Rules};

    use super::*;

    fn record(second: u64) -> Record {
        let wall = UNIX_EPOCH + Duration::from_secs(second);
        let began = Began::new(wall, Party::new("alice"), Party::new("102"));
        Journal::begin(CallId::new(wall, 1), began, Rules::default()).record().clone()
    }

    #[test]
    fn whoever_was_away_goes_on_where_he_was_or_is_told_what_he_missed() {
        let feed = Feed::new(UNIX_EPOCH);
        (1..=3).for_each(|second| feed.publish(record(second)));
        let (events, missed) = feed.after(1);
        assert_eq!((events.iter().map(|event| event.number).collect::<Vec<_>>(), missed), (vec![2, 3], false));
        assert_eq!(feed.after(3), (vec![], false));
        (0..KEPT as u64).for_each(|second| feed.publish(record(second)));
        let (events, missed) = feed.after(1);
        assert_eq!((events.len(), missed), (KEPT, true));
        assert!(!feed.after(3).1);
    }

    #[test]
    fn numbers_grow_over_a_restart() {
        let feed = Feed::new(UNIX_EPOCH + Duration::from_millis(5));
        (0..500).for_each(|second| feed.publish(record(second)));
        let later = Feed::new(UNIX_EPOCH + Duration::from_millis(6));
        assert!(*later.last().borrow() > *feed.last().borrow());
    }
}
