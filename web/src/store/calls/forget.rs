//! Calls that are kept no longer: by their age, by their number, or their journals alone. A few at a time, so that others write
//! meanwhile; calls that go on are never touched.

use std::time::SystemTime;

use patchcord_engine::{journal::CallId, routing::ShelfError};

use super::words;
use crate::store::{PATIENCE, Store, database::on_either, failed};

/// Calls that are forgotten in one transaction.
const FORGOTTEN: i64 = 500;

const OLD: &str = "SELECT id FROM calls WHERE id < $1 AND outcome IS NOT NULL ORDER BY id LIMIT $2";
const PARTS: [&str; 3] = [
    "DELETE FROM journal WHERE call_id >= $1 AND call_id <= $2 AND call_id IN \
     (SELECT id FROM calls WHERE id >= $1 AND id <= $2 AND outcome IS NOT NULL)",
    "DELETE FROM legs WHERE call_id >= $1 AND call_id <= $2 AND call_id IN \
     (SELECT id FROM calls WHERE id >= $1 AND id <= $2 AND outcome IS NOT NULL)",
    "DELETE FROM calls WHERE id >= $1 AND id <= $2 AND outcome IS NOT NULL",
];
const BEYOND: &str = "SELECT id FROM calls ORDER BY id DESC LIMIT 1 OFFSET $1";
const OLD_JOURNALS: &str = "SELECT DISTINCT call_id FROM journal WHERE call_id < $1 AND call_id NOT IN \
                            (SELECT id FROM calls WHERE outcome IS NULL) ORDER BY call_id LIMIT $2";
const JOURNALS: &str = "DELETE FROM journal WHERE call_id >= $1 AND call_id <= $2 AND call_id NOT IN \
                        (SELECT id FROM calls WHERE outcome IS NULL)";

impl Store {
    /// Forgets calls that began before that moment and are over, with their legs and journals; says how many those were.
    pub async fn forget_calls(&self, before: SystemTime) -> Result<u64, ShelfError> {
        self.forget_in_turns(&CallId::new(before, 0).to_string(), OLD, &PARTS).await
    }

    /// Forgets the eldest calls that are over, until so many are left; says how many those were.
    pub async fn forget_calls_beyond(&self, most: u64) -> Result<u64, ShelfError> {
        let skip = i64::try_from(most).unwrap_or(i64::MAX);
        let eldest_kept: Option<String> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_scalar(BEYOND).bind(skip).fetch_optional(pool).await
                })
                .map_err(failed)
            })
            .await?;
        match eldest_kept {
            // The first that is too many goes, too: whatever sorts behind it.
            Some(id) => self.forget_in_turns(&format!("{id}~"), OLD, &PARTS).await,
            None => Ok(0),
        }
    }

    /// Forgets the journals of calls that began before that moment and are over; their records stay. Says of how many.
    pub async fn forget_journals(&self, before: SystemTime) -> Result<u64, ShelfError> {
        self.forget_in_turns(&CallId::new(before, 0).to_string(), OLD_JOURNALS, &[JOURNALS]).await
    }

    async fn forget_in_turns(
        &self,
        before: &str,
        old: &'static str,
        parts: &[&'static str],
    ) -> Result<u64, ShelfError> {
        let mut forgotten = 0;
        loop {
            let gone = self.within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| async {
                    let mut all_or_none = pool.begin().await?;
                    let old: Vec<String> =
                        sqlx::query_scalar(old).bind(before).bind(FORGOTTEN).fetch_all(&mut *all_or_none).await?;
                    let (Some(first), Some(last)) = (old.first(), old.last()) else { return Ok(0) };
                    if parts.len() > 1 {
                        words::forget(first, last, &mut all_or_none).await?;
                    }
                    for part in parts {
                        sqlx::query(*part).bind(first).bind(last).execute(&mut *all_or_none).await?;
                    }
                    all_or_none.commit().await.map(|()| old.len() as u64)
                }
                .await)
                .map_err(failed)
            });
            match gone.await? {
                0 => return Ok(forgotten),
                gone => forgotten += gone,
            }
        }
    }
}
