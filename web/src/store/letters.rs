//! Letters that no mail server took yet: what they say, and when they are tried again.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;

use crate::store::{
    PATIENCE, Store,
    database::on_either,
    failed,
    time::{from_millis, to_millis},
};

const COUNT: &str = "SELECT COUNT(*) FROM letters";
const KEEP: &str =
    "INSERT INTO letters (id, service, letter, tries, next_at, written_at) VALUES ($1, $2, $3, $4, $5, $6)";
const DUE: &str = "SELECT id, service, letter, tries, next_at, written_at FROM letters WHERE next_at <= $1 \
                   ORDER BY next_at LIMIT $2";
const PUT_OFF: &str = "UPDATE letters SET tries = $2, next_at = $3 WHERE id = $1";
const REMOVE: &str = "DELETE FROM letters WHERE id = $1";

/// A letter that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Unlike each other.
    pub id: String,
    /// The service that wrote it.
    pub service: String,
    /// What it says, as JSON.
    pub text: String,
    /// How often it was tried.
    pub tries: usize,
    /// When it is tried next.
    pub next: SystemTime,
    /// When it was written.
    pub written: SystemTime,
}

impl Store {
    /// Keeps a letter, unless `most` wait already.
    pub async fn keep_letter(&self, letter: &Letter, most: usize) -> Result<bool, ShelfError> {
        let (tries, next) = (letter.tries as i64, to_millis(letter.next));
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let waiting: i64 = sqlx::query_scalar(COUNT).fetch_one(pool).await?;
                if usize::try_from(waiting).is_ok_and(|waiting| waiting >= most) {
                    return Ok(false);
                }
                let row = sqlx::query(KEEP).bind(&letter.id).bind(&letter.service).bind(&letter.text).bind(tries);
                row.bind(next).bind(to_millis(letter.written)).execute(pool).await?;
                Ok(true)
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// Letters whose time has come, at most so many, the one that waits longest first.
    pub async fn due_letters(&self, now: SystemTime, most: usize) -> Result<Vec<Letter>, ShelfError> {
        type Row = (String, String, String, i64, i64, i64);
        let (at, most) = (to_millis(now), i64::try_from(most).unwrap_or(i64::MAX));
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(DUE).bind(at).bind(most).fetch_all(pool).await)
                    .map_err(failed)
            })
            .await?;
        let letter = |(id, service, text, tries, next, written): Row| Letter {
            id,
            service,
            text,
            tries: usize::try_from(tries).unwrap_or_default(),
            next: from_millis(next),
            written: from_millis(written),
        };
        Ok(rows.into_iter().map(letter).collect())
    }

    /// Notes that a letter was tried so often, and when it is tried next.
    pub async fn put_off_letter(&self, id: &str, tries: usize, next: SystemTime) -> Result<(), ShelfError> {
        let (tries, next) = (tries as i64, to_millis(next));
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(PUT_OFF).bind(id).bind(tries).bind(next).execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Forgets a letter: it was taken, or given up.
    pub async fn remove_letter(&self, id: &str) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| sqlx::query(REMOVE).bind(id).execute(pool).await.map(drop))
                .map_err(failed)
        })
        .await
    }
}
