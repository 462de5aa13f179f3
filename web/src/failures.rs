//! Keeps what went wrong last when endpoints wanted to register, over a restart.
//!
//! Whoever guesses passwords of all endpoints makes as many changes as he likes; how much of it is written in which time is bounded here.

use std::{sync::Arc, time::Duration};

use patchcord_engine::{routing::ShelfError, switchboard::Switchboard};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::store::Store;

/// How often somebody looks: a failure is told from memory meanwhile, and only a crash forgets one.
const EACH: Duration = Duration::from_secs(5);

/// Endpoints in one turn. The others wait for the next one.
pub const AT_ONCE: usize = 200;

/// Notes what another process knew of endpoints that are still there.
pub async fn restore(store: &Store, board: &Switchboard) -> Result<(), ShelfError> {
    let known = store.registration_failures().await?;
    board.failures.restore(known.into_iter().filter(|(user, _)| board.directory.find(user).is_some()));
    Ok(())
}

/// Writes what has changed, until `stopped` says that it is over; then once more.
pub async fn keep(store: Store, board: Arc<Switchboard>, mut stopped: watch::Receiver<bool>) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        let last = tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
            _ = turn.tick() => false,
        };
        let failed = !write(&store, &board).await;
        match (failed, away) {
            (true, false) => warn!("failures of registrations cannot be written; they wait"),
            (false, true) => info!("failures of registrations are written again"),
            _ => {}
        }
        away = failed;
        if last {
            return;
        }
    }
}

/// Writes what has changed, of [`AT_ONCE`] endpoints at most; says whether the store took it.
pub async fn write(store: &Store, board: &Switchboard) -> bool {
    let changes = board.failures.take_changes(AT_ONCE);
    if changes.is_empty() {
        return true;
    }
    match store.keep_registration_failures(&changes).await {
        Ok(()) => true,
        // What the database does not want to have it will not want later.
        Err(error @ ShelfError::Refused(_)) => {
            warn!(%error, endpoints = changes.len(), "failures of registrations are not kept");
            true
        }
        Err(ShelfError::Away(_)) => {
            board.failures.give_back(changes);
            false
        }
    }
}
