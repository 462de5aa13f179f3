//! Writes rooms that are over into the store, behind the calls: what cannot be written waits in the house.

use std::{sync::Arc, time::Duration};

use patchcord_engine::switchboard::Switchboard;
use tokio::sync::watch;
use tracing::warn;

use crate::store::Store;

/// How often somebody looks.
const EACH: Duration = Duration::from_secs(1);

/// Rooms in one turn of the database.
const BATCH: usize = 50;

/// Writes them, until `stopped` says that it is over; then what is left once more.
pub async fn keep(store: Store, board: Arc<Switchboard>, mut stopped: watch::Receiver<bool>) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        let last = tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
            _ = turn.tick() => false,
        };
        let failed = write(&store, &board).await;
        if failed && !away {
            warn!("rooms that are over cannot be written; they wait");
        }
        away = failed;
        if last {
            return;
        }
    }
}

/// Writes all that wait; whether that failed.
pub async fn write(store: &Store, board: &Switchboard) -> bool {
    loop {
        let past = board.rooms.take_past(BATCH);
        if past.is_empty() {
            return false;
        }
        if store.keep_rooms(&past).await.is_err() {
            board.rooms.keep_past(past);
            return true;
        }
    }
}
