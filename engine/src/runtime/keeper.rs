//! Writes bindings behind: what phones registered reaches the store a moment later, in batches.
//!
//! A registration never waits for the database. What waits here is at most one entry an endpoint, because the
//! location marks endpoints, not changes; so an outage of any length costs nothing but the newest state of each.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{info, warn};

use super::clock;
use crate::{
    routing::{BindingShelf, Location},
    switchboard::Switchboard,
};

/// How long a change waits for company: a power cut forgets at most this much, and phones refresh by themselves.
const EVERY: Duration = Duration::from_millis(100);

/// Endpoints in one transaction: some tens of milliseconds for SQLite, well under any database's limits.
const BATCH: usize = 500;

/// Longest pause between two tries while the store is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How long a stop waits for the last changes to be written.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// Writes behind until `stop` says so, then writes the rest. Gives back how many endpoints could not be written.
pub async fn keep(board: Arc<Switchboard>, shelf: Arc<dyn BindingShelf>, mut stop: watch::Receiver<bool>) -> usize {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut outage = Outage::default();
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

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Counts ticks while the store is away, so that each outage is logged twice: when it begins and when it ends.
#[derive(Default)]
struct Outage {
    failures: u32,
    ticks_to_rest: u32,
}

impl Outage {
    fn rests(&mut self) -> bool {
        let rests = self.ticks_to_rest > 0;
        self.ticks_to_rest = self.ticks_to_rest.saturating_sub(1);
        rests
    }

    fn note(&mut self, written: Result<(), String>, waiting: usize) {
        match written {
            Ok(()) if self.failures > 0 => {
                info!(tries = self.failures, "the store is back; registrations are written");
                *self = Self::default();
            }
            Ok(()) => {}
            Err(reason) => {
                if self.failures == 0 {
                    warn!(reason, waiting, "the store is away; registrations go on and are written later");
                }
                self.failures += 1;
                let longest = (LONGEST_PAUSE.as_millis() / EVERY.as_millis()) as u32;
                self.ticks_to_rest = 2u32.saturating_pow(self.failures).min(longest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_stays_away_is_asked_less_and_less_but_never_given_up() {
        let mut outage = Outage::default();
        let mut pauses = Vec::new();
        for _ in 0..12 {
            outage.note(Err("refused".into()), 3);
            let mut rested = 0;
            while outage.rests() {
                rested += 1;
            }
            pauses.push(rested);
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 150, 150, 150, 150, 150]);

        outage.note(Ok(()), 0);
        assert!(!outage.rests(), "the next change is written at once");
    }
}
