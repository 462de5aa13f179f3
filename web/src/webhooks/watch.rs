//! Who tells: the shelves that records and bindings pass through on their way to the store, the calls that go on, the trunks.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use patchcord_engine::{
    journal::{Batch, CallId, Page, Record, RecordShelf, Story},
    live::Stage,
    routing::{BindingChange, BindingRow, BindingShelf, Shelved, Standing, Written},
    switchboard::Switchboard,
};
use serde_json::{Value, json};

use super::{
    Webhooks,
    event::{CALL_ANSWERED, CALL_ENDED, CALL_STARTED, RECORDING_READY, REGISTERED, TRUNK_DOWN, TRUNK_UP, UNREGISTERED},
};
use crate::control::words::Told;

/// The shelf of records, with somebody who tells of calls that are over once they are kept.
pub struct ToldRecords<S> {
    shelf: S,
    board: Arc<Switchboard>,
    webhooks: Arc<Webhooks>,
}

impl<S> ToldRecords<S> {
    /// That shelf.
    pub fn new(shelf: S, board: Arc<Switchboard>, webhooks: Arc<Webhooks>) -> Self {
        Self { shelf, board, webhooks }
    }
}

impl<S: RecordShelf> RecordShelf for ToldRecords<S> {
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written> {
        Box::pin(async move {
            let written = self.shelf.write_batches(batches).await?;
            // Whoever is told of an end was told of the beginning before.
            live(&self.board, &self.webhooks);
            let over =
                batches.iter().filter_map(|batch| batch.record.as_deref()).filter(|record| record.outcome.is_some());
            over.for_each(|record| ended(record, &self.webhooks));
            Ok(written)
        })
    }

    fn left_open(&self, most: usize) -> Shelved<'_, Vec<Story>> {
        self.shelf.left_open(most)
    }

    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>> {
        self.shelf.story(call)
    }

    fn records(&self, page: Page) -> Shelved<'_, Vec<Record>> {
        self.shelf.records(page)
    }
}

/// Tells of calls that began and that were answered since the last time.
pub(super) fn live(board: &Switchboard, webhooks: &Webhooks) {
    for (stage, record) in board.live.take_news() {
        let (event, after) = match stage {
            Stage::Began => (CALL_STARTED, None),
            Stage::Answered => (CALL_ANSWERED, record.answered),
        };
        let at = record.began + after.unwrap_or_default();
        webhooks.tell(event, at, || call(&record));
    }
}

fn ended(record: &Record, webhooks: &Webhooks) {
    let at = record.began + record.ended.unwrap_or_default();
    for path in &record.recordings {
        webhooks.tell(RECORDING_READY, at, || json!({ "call": record.call, "path": path }));
    }
    webhooks.tell(CALL_ENDED, at, || call(record));
}

/// A call's record and what happened in a sentence, as the API tells both.
fn call(record: &Record) -> Value {
    serde_json::to_value(Told::from(record.clone())).expect("a record is JSON")
}

/// The shelf of bindings, with somebody who tells who came to be reachable and who is no longer.
pub struct ToldRegistrations<S> {
    shelf: S,
    webhooks: Arc<Webhooks>,
    // One entry an endpoint, so as many as there may be of those.
    reachable: Mutex<HashSet<String>>,
}

impl<S> ToldRegistrations<S> {
    /// That shelf; these were reachable before.
    pub fn new(shelf: S, webhooks: Arc<Webhooks>, reachable: impl Iterator<Item = String>) -> Self {
        Self { shelf, webhooks, reachable: Mutex::new(reachable.collect()) }
    }

    fn changed(&self, changes: &[(String, Option<String>)], now: SystemTime) {
        let mut reachable = self.reachable.lock().unwrap_or_else(PoisonError::into_inner);
        for (user, from) in changes {
            let event = match from {
                Some(_) if reachable.insert(user.clone()) => REGISTERED,
                None if reachable.remove(user) => UNREGISTERED,
                _ => continue,
            };
            self.webhooks.tell(event, now, || json!({ "endpoint": user, "from": from }));
        }
    }
}

impl<S: BindingShelf> BindingShelf for ToldRegistrations<S> {
    fn load_bindings(&self, now: SystemTime) -> Shelved<'_, Vec<BindingRow>> {
        self.shelf.load_bindings(now)
    }

    fn write_bindings(&self, changes: Vec<BindingChange>) -> Shelved<'_, Written> {
        let from = |change: &BindingChange| change.rows.first().map(|row| row.peer.to_string());
        let said: Vec<_> = changes.iter().map(|change| (change.user.clone(), from(change))).collect();
        Box::pin(async move {
            let written = self.shelf.write_bindings(changes).await?;
            self.changed(&said, patchcord_engine::runtime::clock::wall());
            Ok(written)
        })
    }
}

/// What of the trunks was told.
#[derive(Default)]
pub(super) struct Trunks(HashMap<String, Standing>);

impl Trunks {
    /// Tells which trunks began to answer, and which do so no longer. What is heard first is told only when it is bad.
    pub fn look(&mut self, board: &Switchboard, webhooks: &Webhooks, now: SystemTime) {
        let plan = board.plan();
        let before = std::mem::take(&mut self.0);
        for trunk in plan.trunks() {
            let standing = trunk.traffic.standing();
            let known = before.get(&*trunk.name).copied().unwrap_or(Standing::Unknown);
            let event = match (known, standing) {
                (Standing::Up | Standing::Unknown, Standing::Down) => Some(TRUNK_DOWN),
                (Standing::Down, Standing::Up) => Some(TRUNK_UP),
                _ => None,
            };
            if let Some(event) = event {
                webhooks.tell(event, now, || json!({ "trunk": &*trunk.name }));
            }
            self.0.insert(trunk.name.to_string(), standing);
        }
    }
}
