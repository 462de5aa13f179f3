//! The tasks of webhooks: what was told is written, what is due is sent, what is dead for long is forgotten.
//!
//! Each receiver has a task, so that one which hangs holds up no other. It sends some at a time, and notes each before the next turn. Who
//! is added has a task with the next turn, and whose secret has changed another one.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use patchcord_engine::{routing::ShelfError, runtime::clock, switchboard::Switchboard};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use super::{MOST_KEPT, PAUSES, Receiver, Webhooks, delivery::Sender, watch as told};
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
    // Who a receiver is the configuration says, or an admin, so it may be anywhere.
    let connect = Connect::new(Reach::anywhere(), authorities)?;
    let mut couriers = Couriers { webhooks, store, connect, news: Arc::default(), at_work: BTreeMap::new() };
    collect(&mut couriers, &board, stopped).await;
    Ok(())
}

/// Who brings deliveries: one for each receiver.
struct Couriers {
    webhooks: Arc<Webhooks>,
    store: Store,
    connect: Connect,
    news: Arc<Notify>,
    /// By address, with the secret that it signs by. One whose end is dropped stops.
    at_work: BTreeMap<String, (String, watch::Sender<bool>)>,
}

impl Couriers {
    /// Has one for each receiver there is, and for nobody else.
    fn send_for(&mut self, receivers: &[Receiver]) {
        self.at_work.retain(|url, (secret, _)| {
            receivers.iter().any(|receiver| receiver.url == *url && receiver.secret == *secret)
        });
        for Receiver { url, secret, .. } in receivers {
            if !self.at_work.contains_key(url) {
                let (stop, stopped) = watch::channel(false);
                let sender = Arc::new(Sender::new(&self.connect, secret));
                let (webhooks, store, news) = (self.webhooks.clone(), self.store.clone(), self.news.clone());
                tokio::spawn(deliver(webhooks, store, sender, url.clone(), news, stopped));
                self.at_work.insert(url.clone(), (secret.clone(), stop));
            }
        }
    }
}

/// Takes those that were added from the store; says whether they are known.
async fn added(webhooks: &Webhooks, store: &Store) -> bool {
    match store.webhook_receivers().await {
        Ok(added) => webhooks.tell_also(added),
        Err(ShelfError::Away(_)) => return false,
        Err(error) => warn!(why = chain(&error), "receivers of webhooks that were added are not to be had"),
    }
    true
}

async fn collect(couriers: &mut Couriers, board: &Switchboard, mut stopped: watch::Receiver<bool>) {
    let (webhooks, store, news) = (couriers.webhooks.clone(), couriers.store.clone(), couriers.news.clone());
    let (webhooks, store) = (&*webhooks, &store);
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut trunks, mut waiting, mut turns) = (told::Trunks::default(), Vec::new(), 0_u32);
    let mut are_known = false;
    loop {
        let last = tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => true,
            _ = turn.tick() => false,
        };
        are_known = are_known || added(webhooks, store).await;
        let receivers = webhooks.receivers();
        if !receivers.is_empty() {
            board.live.listen();
        }
        couriers.send_for(&receivers);
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
