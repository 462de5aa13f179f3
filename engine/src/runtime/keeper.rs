//! Writes bindings behind: what phones registered reaches the store a moment later, in batches.
//!
//! A registration never waits for the database. What waits here is at most one entry an endpoint, because the
//! location marks endpoints, not changes; so an outage of any length costs nothing but the newest state of each.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::warn;

use super::{
    clock,
    outage::{EVERY, Outage, chain},
};
use crate::{
    routing::{BindingShelf, Location},
    switchboard::Switchboard,
};

/// Endpoints in one transaction: some tens of milliseconds for SQLite, well under any database's limits.
const BATCH: usize = 500;

/// How long a stop waits for the last changes to be written.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Writes behind until `stop` says so, then writes the rest. Gives back how many endpoints could not be written.
pub async fn keep(board: Arc<Switchboard>, shelf: Arc<dyn BindingShelf>, mut stop: watch::Receiver<bool>) -> usize {
    // A power cut forgets at most this much, and phones refresh by themselves.
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::of("registrations");
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stopped| *stopped) => break,
        }
        if outage.rests() {
            continue;
        }
        let written = tokio::select! {
            written = write_all(&board, &*shelf) => written,
            // What was being written is marked again and tried a last time.
            _ = stop.wait_for(|stopped| *stopped) => break,
        };
        outage.note(written, board.location.unwritten());
    }
    let last = timeout(LAST_WRITE, write_all(&board, &*shelf)).await;
    let left = board.location.unwritten();
    if !matches!(last, Ok(Ok(()))) {
        warn!(endpoints = left, "the store was away at the end: these registrations were not written");
    }
    left
}

async fn write_all(board: &Switchboard, shelf: &dyn BindingShelf) -> Result<(), String> {
    let location = &board.location;
    loop {
        let changes = location.take_changes(BATCH, clock::now(), clock::wall());
        if changes.is_empty() {
            return Ok(());
        }
        // Should this future be dropped in the middle, the batch is marked again all the same.
        let mut taken = Taken { location, users: changes.iter().map(|change| change.user.clone()).collect() };
        match shelf.write_bindings(changes).await {
            Ok(written) => board.keeping.note_written(written),
            Err(error) => {
                board.keeping.note_failed(clock::now());
                return Err(chain(&error));
            }
        }
        location.written(taken.users.len());
        taken.users.clear();
    }
}

/// What was taken and is not written yet; put back when dropped.
struct Taken<'a> {
    location: &'a Location,
    users: Vec<String>,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.location.give_back(self.users.iter().map(String::as_str));
    }
}
