//! What is told to programs elsewhere and was not taken yet: when it is tried again, and what nobody tries any more.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;
use sqlx::{FromRow, QueryBuilder};

use crate::store::{
    PATIENCE, Store,
    database::on_either,
    failed,
    time::{from_millis, to_millis},
};

/// Deliveries in one page, at most.
pub const MAX_PAGE: usize = 500;

/// Rows of one statement.
const ROWS: usize = 500;

const COUNT: &str = "SELECT COUNT(*) FROM webhooks";
const STANDINGS: &str = "SELECT url, COUNT(next_at) AS waiting, COUNT(*) - COUNT(next_at) AS dead, MIN(made_at) AS eldest \
                         FROM webhooks GROUP BY url ORDER BY url";
const DUE: &str = "SELECT id, url, event, body, made_at, tries, next_at, why FROM webhooks \
                   WHERE url = $1 AND next_at <= $2 ORDER BY next_at, id LIMIT $3";
const WAITING: &str = "SELECT id, url, event, body, made_at, tries, next_at, why FROM webhooks \
                       WHERE next_at IS NOT NULL AND id < $1 ORDER BY id DESC LIMIT $2";
const DEAD: &str = "SELECT id, url, event, body, made_at, tries, next_at, why FROM webhooks \
                    WHERE next_at IS NULL AND id < $1 ORDER BY id DESC LIMIT $2";
const TRIED: &str = "UPDATE webhooks SET tries = $2, next_at = $3, why = $4 WHERE id = $1";
const AGAIN: &str = "UPDATE webhooks SET tries = 0, next_at = $2 WHERE id = $1";
const REMOVE: &str = "DELETE FROM webhooks WHERE id = $1";
const FORGET: &str = "DELETE FROM webhooks WHERE next_at IS NULL AND made_at < $1";

/// Beyond every name.
const LAST: &str = "~";

/// One delivery that was not taken yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its name; they sort by when it happened.
    pub id: String,
    /// To whom.
    pub url: String,
    /// What happened, in a word.
    pub event: String,
    /// What is said, as JSON.
    pub body: String,
    /// When it happened.
    pub made: SystemTime,
    /// How often it was tried.
    pub tries: usize,
    /// When it is tried next; none: it is dead.
    pub next: Option<SystemTime>,
    /// What went wrong last.
    pub why: Option<String>,
}

/// How it stands with one receiver.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Standing {
    /// Who.
    pub url: String,
    /// Deliveries that wait.
    pub waiting: i64,
    /// Those that nobody tries any more.
    pub dead: i64,
    /// When the eldest of both was made.
    pub eldest: i64,
}

#[derive(FromRow)]
struct Row {
    id: String,
    url: String,
    event: String,
    body: String,
    made_at: i64,
    tries: i64,
    next_at: Option<i64>,
    why: Option<String>,
}

impl From<Row> for Delivery {
    fn from(row: Row) -> Self {
        let Row { id, url, event, body, made_at, tries, next_at, why } = row;
        let (made, next) = (from_millis(made_at), next_at.map(from_millis));
        Self { id, url, event, body, made, tries: usize::try_from(tries).unwrap_or_default(), next, why }
    }
}

impl Store {
    /// How many deliveries are kept, dead ones too.
    pub async fn count_webhooks(&self) -> Result<usize, ShelfError> {
        let count: i64 = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_scalar(COUNT).fetch_one(pool).await).map_err(failed)
            })
            .await?;
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Keeps deliveries, all or none; one that is kept already stays as it is.
    pub async fn keep_webhooks(&self, new: &[Delivery]) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                for some in new.chunks(ROWS) {
                    let mut keep = QueryBuilder::<Kind>::new(
                        "INSERT INTO webhooks (id, url, event, body, made_at, tries, next_at, why) ",
                    );
                    keep.push_values(some, |mut row, delivery| {
                        row.push_bind(delivery.id.clone()).push_bind(delivery.url.clone());
                        row.push_bind(delivery.event.clone()).push_bind(delivery.body.clone());
                        row.push_bind(to_millis(delivery.made)).push_bind(delivery.tries as i64);
                        row.push_bind(delivery.next.map(to_millis)).push_bind(delivery.why.clone());
                    });
                    keep.push(" ON CONFLICT (id) DO NOTHING");
                    keep.build().persistent(false).execute(&mut *turn).await?;
                }
                turn.commit().await
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// Deliveries to that receiver whose time has come, the one that waits longest first.
    pub async fn due_webhooks(&self, url: &str, now: SystemTime, most: usize) -> Result<Vec<Delivery>, ShelfError> {
        let (now, most) = (to_millis(now), most.min(MAX_PAGE) as i64);
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_as(DUE).bind(url).bind(now).bind(most).fetch_all(pool).await
                })
                .map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// Deliveries that are dead, or that wait, the latest first, before that one.
    pub async fn webhooks(&self, dead: bool, before: Option<&str>, most: usize) -> Result<Vec<Delivery>, ShelfError> {
        let (page, before, most) =
            (if dead { DEAD } else { WAITING }, before.unwrap_or(LAST), most.min(MAX_PAGE) as i64);
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_as(page).bind(before).bind(most).fetch_all(pool).await
                })
                .map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// How it stands with each receiver that something is kept for.
    pub async fn webhook_standings(&self) -> Result<Vec<Standing>, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| sqlx::query_as(STANDINGS).fetch_all(pool).await).map_err(failed)
        })
        .await
    }

    /// Notes that it was tried so often, when it is tried next, if ever, and why it was not taken.
    pub async fn put_off_webhook(
        &self,
        id: &str,
        tries: usize,
        next: Option<SystemTime>,
        why: &str,
    ) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let row = sqlx::query(TRIED).bind(id).bind(tries as i64).bind(next.map(to_millis)).bind(why);
                row.execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Has one tried anew, from that moment on; false when it is not kept.
    pub async fn revive_webhook(&self, id: &str, now: SystemTime) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let row = sqlx::query(AGAIN).bind(id).bind(to_millis(now));
                row.execute(pool).await.map(|done| done.rows_affected() > 0)
            })
            .map_err(failed)
        })
        .await
    }

    /// Forgets one: it was taken, or nobody wants it any more; false when it is not kept.
    pub async fn remove_webhook(&self, id: &str) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(REMOVE).bind(id).execute(pool).await.map(|done| done.rows_affected() > 0)
            })
            .map_err(failed)
        })
        .await
    }

    /// Forgets dead ones that were made before that moment; says how many.
    pub async fn forget_webhooks(&self, before: SystemTime) -> Result<u64, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(FORGET).bind(to_millis(before)).execute(pool).await.map(|done| done.rows_affected())
            })
            .map_err(failed)
        })
        .await
    }
}
