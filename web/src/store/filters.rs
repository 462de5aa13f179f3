//! Filters of calls that people saved under a name: each person's own.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;

use crate::store::{PATIENCE, Store, database::on_either, failed, time::to_millis};

/// Filters of one person: more than stand beside each other on a page.
pub const MOST: usize = 50;

const ALL: &str = "SELECT name, query FROM saved_filters WHERE owner = $1 ORDER BY name";
const COUNT: &str = "SELECT COUNT(*) FROM saved_filters WHERE owner = $1 AND name <> $2";
const SAVE: &str = "INSERT INTO saved_filters (owner, name, query, saved_at) VALUES ($1, $2, $3, $4) \
                    ON CONFLICT (owner, name) DO UPDATE SET query = excluded.query, saved_at = excluded.saved_at";
const FORGET: &str = "DELETE FROM saved_filters WHERE owner = $1 AND name = $2";
const FORGET_ALL: &str = "DELETE FROM saved_filters WHERE owner = $1";

/// A filter under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFilter {
    /// The name.
    pub name: String,
    /// As it stands in the address of the page.
    pub query: String,
}

impl Store {
    /// The filters of a person, by name.
    pub async fn saved_filters(&self, owner: &str) -> Result<Vec<SavedFilter>, ShelfError> {
        let rows: Vec<(String, String)> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).bind(owner).fetch_all(pool).await)
                    .map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().map(|(name, query)| SavedFilter { name, query }).collect())
    }

    /// Saves a filter, in place of the one of that name. Says whether there was room for it.
    pub async fn save_filter(&self, owner: &str, filter: &SavedFilter, now: SystemTime) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                let others: i64 =
                    sqlx::query_scalar(COUNT).bind(owner).bind(&filter.name).fetch_one(&mut *turn).await?;
                if others >= MOST as i64 {
                    return Ok(false);
                }
                let save = sqlx::query(SAVE).bind(owner).bind(&filter.name).bind(&filter.query).bind(to_millis(now));
                save.execute(&mut *turn).await?;
                turn.commit().await?;
                Ok(true)
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// Forgets a filter; says whether there was one.
    pub async fn forget_filter(&self, owner: &str, name: &str) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            let done = on_either!(&self.database, |pool: Kind| {
                sqlx::query(FORGET).bind(owner).bind(name).execute(pool).await.map(|done| done.rows_affected())
            });
            Ok(done.map_err(failed)? == 1)
        })
        .await
    }

    /// Forgets all filters of a person: whoever gets that name later begins anew.
    pub async fn forget_filters(&self, owner: &str) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(FORGET_ALL).bind(owner).execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }
}
