//! That the database is away, known before anybody waits for it.
//!
//! Twice a second somebody sees whether PostgreSQL still answers, on the connection that holds it. While it does not, every order is
//! refused at once, also those under way: a page says so in the blink of an eye, and not after the patience of each of its orders.
//! A file of SQLite is there or it is not, and says so itself.

use std::{sync::Arc, time::Duration};

use patchcord_engine::routing::ShelfError;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    Store,
    claim::{Claim, HeldByAnother},
};

/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(500);

/// How long an answer may take: a database that is slow is asked on, and its answers are waited for.
const SILENT: Duration = Duration::from_secs(5);

/// Whether it is known that the database is away, and why. Clones are one.
#[derive(Clone)]
pub(super) struct Outage(Arc<watch::Sender<Option<String>>>);

/// The database is away, which was known before it was asked.
#[derive(Debug, thiserror::Error)]
#[error("PostgreSQL does not answer{0}; it is asked twice a second, and what is to be kept waits")]
struct KnownAway(String);

impl Default for Outage {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }
}

impl Outage {
    /// The answer of that order, or that the database is known to be away, as soon as it is.
    pub async fn unless_away<T>(&self, order: impl Future<Output = Result<T, ShelfError>>) -> Result<T, ShelfError> {
        let mut known = self.0.subscribe();
        let why = tokio::select! {
            biased;
            why = known.wait_for(Option::is_some) => why.map(|why| why.clone().unwrap_or_default()).unwrap_or_default(),
            answer = order => return answer,
        };
        Err(ShelfError::Away(Box::new(KnownAway(why))))
    }

    fn begin(&self, why: String) {
        self.0.send_if_modified(|known| known.replace(why).is_none());
    }

    fn end(&self) {
        self.0.send_if_modified(|known| known.take().is_some());
    }
}

impl Store {
    /// Sees whether the database is there, until told to stop.
    pub async fn watch(self, mut stop: watch::Receiver<bool>) {
        if !matches!(*self.claim, Claim::Postgres { .. }) {
            return;
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            tokio::select! {
                () = self.see_to_it() => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
        }
    }

    async fn see_to_it(&self) {
        match timeout(SILENT, self.claim.renew()).await {
            Err(_) => self.outage.begin(format!(" within {} s", SILENT.as_secs())),
            Ok(Err(ShelfError::Away(why))) if !why.is::<HeldByAnother>() => self.outage.begin(in_words(&*why)),
            // It answers, whatever it says: whoever has an order hears it himself.
            Ok(_) => self.outage.end(),
        }
    }
}

/// Why it cannot be reached, where there are words for that which are not the driver's.
fn in_words(why: &(dyn std::error::Error + 'static)) -> String {
    let said = why.to_string().to_lowercase();
    let known = [
        ("refused", "nobody listens there"),
        ("no such file", "nobody listens there"),
        ("starting up", "it is starting"),
        ("recovery", "it is starting"),
        ("shutting down", "it is stopping"),
        ("password", "it takes our password no more"),
        ("does not exist", "our database or user is not there any more"),
        ("too many", "it has no connection left for us"),
        ("failed to lookup", "its name leads nowhere"),
    ];
    known.iter().find(|(part, _)| said.contains(part)).map_or_else(String::new, |(_, words)| format!(" ({words})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_under_way_end_when_the_database_is_known_to_be_away_and_later_ones_do_not_begin() {
        let outage = Outage::default();
        assert!(outage.unless_away(async { Ok(7) }).await.is_ok());
        let under_way = outage.unless_away(std::future::pending::<Result<(), ShelfError>>());
        let (ended, ()) = tokio::join!(under_way, async { outage.begin(" (nobody listens there)".into()) });
        let told = crate::problem::chain(&ended.expect_err("it is away"));
        assert!(told.starts_with("the store is away: PostgreSQL does not answer (nobody listens there)"), "{told}");
        let later = outage.unless_away(async { panic!("it is asked") });
        assert!(later.await.map(|(): ()| ()).is_err());
        outage.end();
        assert!(outage.unless_away(async { Ok(7) }).await.is_ok());
    }
}
