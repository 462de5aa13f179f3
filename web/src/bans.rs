//! Keeps the bans of the house in step with time and with the store.
//!
//! What people want comes by the API and is written at once; what the house decides by itself is written here, behind the
//! doors: a database that is away holds nobody up.

use std::{sync::Arc, time::Duration};

use patchcord_engine::{bans::Bans, runtime::clock};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::store::Store;

/// How often somebody looks: a ban is over within a second of its time.
const EACH: Duration = Duration::from_secs(1);

/// Lets in again whose time is over, and writes what has changed, until `stopped` says that it is over; then once more.
pub async fn keep(store: Store, bans: Arc<Bans>, mut stopped: watch::Receiver<bool>) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        let last = tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
            _ = turn.tick() => false,
        };
        bans.sweep(clock::wall());
        let failed = !write(&store, &bans).await;
        match (failed, away) {
            (true, false) => warn!("bans cannot be written; they stand, and wait"),
            (false, true) => info!("bans are written again"),
            _ => {}
        }
        away = failed;
        if last {
            return;
        }
    }
}

/// Writes what has changed; says whether nothing is left.
pub async fn write(store: &Store, bans: &Bans) -> bool {
    let news = bans.take_news();
    if news.is_empty() || store.keep_bans(&news).await.is_ok() {
        return true;
    }
    bans.give_back(news);
    false
}
