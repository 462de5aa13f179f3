//! The tasks of webhooks: what was told is written, what is due is sent, what is dead for long is forgotten.
//!
//! Each receiver has a task, so that one which hangs holds up no other. It sends some at a time, and notes each before the next turn.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use patchcord_engine::{routing::ShelfError, runtime::clock, switchboard::Switchboard};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::{MOST_KEPT, PAUSES, Webhooks, delivery::Sender, watch as told};
use crate::{
    fetch::{Reach, connect::Connect},
    problem::chain,
    store::{
        Store,
        webhooks::{Delivery, MAX_PAGE},
    },
};

/// How often somebody looks what was told, and what is due.
const EACH: Duration = Duration::from_millis(250);

/// Turns between two looks at what is dead: an hour.
const FORGET_EACH: u32 = 4 * 3_600;

/// How long a dead delivery is kept.
const DEAD_FOR: Duration = Duration::from_secs(30 * 86_400);

/// Requests to one receiver at once.
const AT_ONCE: usize = 8;

/// Events that are written in one transaction.
const BATCH: usize = 500;

/// Deliveries of one turn; the next turn comes at once while there are more.
const PER_TURN: usize = 200;

/// There is no way to any receiver.
#[derive(Debug, thiserror::Error)]
#[error("receivers of webhooks cannot be spoken to")]
pub struct Unopened(#[from] rustls::Error);

/// Works until `stopped` says that it is over. What is not sent then waits in the store.
pub async fn run(
    webhooks: Arc<Webhooks>,
    store: Store,
    board: Arc<Switchboard>,
    authorities: Vec<CertificateDer<'static>>,
    stopped: watch::Receiver<bool>,
) -> Result<(), Unopened> {
    if webhooks.receivers().is_empty() {
        return Ok(());
    }
    board.live.listen();
    // Who a receiver is the configuration says, so it may be anywhere.
    let connect = Connect::new(Reach::anywhere(), authorities)?;
    let sender = Arc::new(Sender::new(&connect, &webhooks.settings.secret));
    let news = Arc::new(Notify::new());
    for url in webhooks.receivers() {
        let (webhooks, store, sender) = (webhooks.clone(), store.clone(), sender.clone());
        tokio::spawn(deliver(webhooks, store, sender, url.clone(), news.clone(), stopped.clone()));
    }
    collect(&webhooks, &store, &board, &news, stopped).await;
    Ok(())
}

async fn collect(
    webhooks: &Webhooks,
    store: &Store,
    board: &Switchboard,
    news: &Notify,
    mut stopped: watch::Receiver<bool>,
) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut trunks, mut waiting, mut turns) = (told::Trunks::default(), Vec::new(), 0_u32);
    loop {
        let last = tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
            _ = turn.tick() => false,
        };
        told::live(board, webhooks);
        trunks.look(board, webhooks, clock::wall());
        if turns.is_multiple_of(FORGET_EACH) {
            tidy(webhooks, store).await;
        }
        turns = turns.wrapping_add(1);
        // What the store did not take goes first: nothing behind it is taken out of the queue meanwhile.
        while keep(webhooks, store, &mut waiting).await {
            news.notify_waiters();
        }
        if last {
            return;
        }
    }
}

/// Writes some of what was told; says whether there was anything, and it is written.
async fn keep(webhooks: &Webhooks, store: &Store, waiting: &mut Vec<Delivery>) -> bool {
    if waiting.is_empty() {
        *waiting = webhooks.collect(BATCH);
    }
    let room = MOST_KEPT.saturating_sub(webhooks.kept.load(Relaxed));
    if waiting.len() > room {
        webhooks.tally.lost.fetch_add((waiting.len() - room) as u64, Relaxed);
        waiting.truncate(room);
    }
    if waiting.is_empty() {
        return false;
    }
    match store.keep_webhooks(waiting).await {
        Ok(()) => {
            webhooks.kept.fetch_add(waiting.len(), Relaxed);
            waiting.clear();
            true
        }
        Err(ShelfError::Refused(error)) => {
            warn!(%error, "events cannot be kept for what they hold, and are lost");
            webhooks.tally.lost.fetch_add(waiting.len() as u64, Relaxed);
            waiting.clear();
            true
        }
        Err(ShelfError::Away(_)) => false,
    }
}

/// Forgets what is dead for long, and counts what is kept.
async fn tidy(webhooks: &Webhooks, store: &Store) {
    if let Some(before) = clock::wall().checked_sub(DEAD_FOR) {
        match store.forget_webhooks(before).await {
            Ok(0) => {}
            Ok(dead) => info!(dead, "deliveries of webhooks that nobody took were forgotten"),
            Err(error) => warn!(why = chain(&error), "deliveries of webhooks could not be forgotten"),
        }
    }
    if let Ok(kept) = store.count_webhooks().await {
        webhooks.kept.store(kept, Relaxed);
    }
}

async fn deliver(
    webhooks: Arc<Webhooks>,
    store: Store,
    sender: Arc<Sender>,
    url: String,
    news: Arc<Notify>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = false;
    loop {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
            () = news.notified() => {}
            _ = turn.tick() => {}
        }
        loop {
            let due = match store.due_webhooks(&url, clock::wall(), PER_TURN.min(MAX_PAGE)).await {
                Ok(due) => due,
                Err(_) => break,
            };
            let many = due.len();
            let sent = stream::iter(due.into_iter().map(|delivery| one(&webhooks, &store, &sender, delivery)));
            let taken = sent.buffer_unordered(AT_ONCE).filter(|taken| std::future::ready(*taken)).count();
            let taken = tokio::select! {
                () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
                taken = taken => taken,
            };
            if many > 0 && (taken == 0) != away {
                away = taken == 0;
                match away {
                    true => warn!(waiting = many, "a receiver of webhooks takes nothing; deliveries wait"),
                    false => info!("a receiver of webhooks takes deliveries again"),
                }
            }
            if many < PER_TURN || taken == 0 {
                break;
            }
        }
    }
}

/// Sends one and notes what came of it; says whether it was taken.
async fn one(webhooks: &Webhooks, store: &Store, sender: &Sender, delivery: Delivery) -> bool {
    let sent = sender.send(&delivery, clock::wall()).await;
    let noted = match &sent {
        Ok(()) => {
            webhooks.tally.delivered.fetch_add(1, Relaxed);
            let removed = store.remove_webhook(&delivery.id).await;
            if matches!(removed, Ok(true)) {
                // Counted by this process alone, and set right each hour.
                let _none_left = webhooks.kept.fetch_update(Relaxed, Relaxed, |kept| kept.checked_sub(1));
            }
            removed.map(drop)
        }
        Err(why) => {
            webhooks.tally.failed.fetch_add(1, Relaxed);
            let next = PAUSES.get(delivery.tries).and_then(|pause| clock::wall().checked_add(*pause));
            if next.is_none() {
                webhooks.tally.dead.fetch_add(1, Relaxed);
                warn!(
                    event = delivery.event,
                    delivery = delivery.id,
                    why,
                    "a delivery is dead: nobody took it for days"
                );
            }
            store.put_off_webhook(&delivery.id, delivery.tries + 1, next, why).await
        }
    };
    if let Err(error) = noted {
        // It goes once more: twice is better than never.
        warn!(why = chain(&error), "what came of a delivery could not be noted");
    }
    sent.is_ok()
}
