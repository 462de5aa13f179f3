//! Receivers of webhooks that were added on the page or over the API, with their secrets sealed.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;
use sqlx::FromRow;
use tracing::warn;

use crate::{
    store::{PATIENCE, Store, database::on_either, failed, time::to_millis},
    webhooks::{Pattern, Receiver},
};

const ALL: &str = "SELECT id, url, sealed_secret, events FROM webhook_receivers ORDER BY added_at, id";
const ADD: &str =
    "INSERT INTO webhook_receivers (id, url, sealed_secret, events, added_at) VALUES ($1, $2, $3, $4, $5)";
const CHANGE: &str = "UPDATE webhook_receivers SET url = $2, sealed_secret = $3, events = $4 WHERE id = $1";
const MOVE: &str = "UPDATE webhooks SET url = $2 WHERE url = $1";
const REMOVE: &str = "DELETE FROM webhook_receivers WHERE id = $1";
const FORGET: &str = "DELETE FROM webhooks WHERE url = $1";

#[derive(FromRow)]
struct Row {
    id: String,
    url: String,
    sealed_secret: Vec<u8>,
    events: String,
}

impl Store {
    /// All of them, in the order in which they were added. One whose secret does not open is told in the log and left out.
    pub async fn webhook_receivers(&self) -> Result<Vec<Receiver>, ShelfError> {
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).fetch_all(pool).await).map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().filter_map(|row| self.receiver(row)).collect())
    }

    fn receiver(&self, row: Row) -> Option<Receiver> {
        let opened = self.seal.open(&sealed_for(&row.id), &row.sealed_secret);
        let secret = opened.inspect_err(|_| {
            warn!(
                receiver = row.id,
                "the secret of a receiver of webhooks does not open; it hears nothing until it is given another"
            );
        });
        let events: Vec<Pattern> = row.events.split(' ').filter_map(|word| word.parse().ok()).collect();
        Some(Receiver { id: Some(row.id), url: row.url, secret: secret.ok()?, events })
    }

    /// Adds one.
    pub async fn add_webhook_receiver(&self, id: &str, receiver: &Receiver, now: SystemTime) -> Result<(), ShelfError> {
        let (secret, events) = (self.sealed_secret(id, receiver)?, words(receiver));
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let add =
                    sqlx::query(ADD).bind(id).bind(&receiver.url).bind(&secret).bind(&events).bind(to_millis(now));
                add.execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Changes one, whose address was `before`; what waits for it goes to where it is now. False where there is none.
    pub async fn change_webhook_receiver(
        &self,
        id: &str,
        before: &str,
        receiver: &Receiver,
    ) -> Result<bool, ShelfError> {
        let (secret, events) = (self.sealed_secret(id, receiver)?, words(receiver));
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                let change = sqlx::query(CHANGE).bind(id).bind(&receiver.url).bind(&secret).bind(&events);
                if change.execute(&mut *turn).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                sqlx::query(MOVE).bind(before).bind(&receiver.url).execute(&mut *turn).await?;
                turn.commit().await?;
                Ok(true)
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// Removes one, and what waits for its address. False where there is none.
    pub async fn remove_webhook_receiver(&self, id: &str, url: &str) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                if sqlx::query(REMOVE).bind(id).execute(&mut *turn).await?.rows_affected() == 0 {
                    return Ok(false);
                }
                sqlx::query(FORGET).bind(url).execute(&mut *turn).await?;
                turn.commit().await?;
                Ok(true)
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    fn sealed_secret(&self, id: &str, receiver: &Receiver) -> Result<Vec<u8>, ShelfError> {
        let sealed = self.seal.close(&sealed_for(id), &receiver.secret);
        sealed.map_err(|cause| ShelfError::Away(Box::new(cause)))
    }
}

/// What a secret is bound to. No endpoint is called so.
fn sealed_for(id: &str) -> String {
    format!("webhook:{id}")
}

fn words(receiver: &Receiver) -> String {
    receiver.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
