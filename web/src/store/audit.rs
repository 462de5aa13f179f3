//! Who changed what, and who listened to what. Added to, and read from the end.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;
use sqlx::FromRow;

use crate::{
    people::{Deed, Late},
    store::{
        PATIENCE, Store,
        database::on_either,
        failed,
        time::{from_millis, to_millis},
    },
};

/// Deeds in one page, at most.
pub const MAX_DEEDS: usize = 500;

#[derive(FromRow)]
struct Row {
    id: i64,
    at: i64,
    who: String,
    origin: String,
    deed: String,
    object: String,
}

impl Store {
    /// Notes that somebody did something.
    pub async fn note_deed(
        &self,
        who: &str,
        origin: &str,
        deed: &str,
        object: &str,
        now: SystemTime,
    ) -> Result<(), ShelfError> {
        const NOTE: &str = "INSERT INTO audit (at, who, origin, deed, object) VALUES ($1, $2, $3, $4, $5)";
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let note = sqlx::query(NOTE).bind(to_millis(now)).bind(who).bind(origin).bind(deed).bind(object);
                note.execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Notes a deed that waited, unless it stands there already.
    pub async fn note_late_deed(&self, late: &Late) -> Result<(), ShelfError> {
        const KNOWN: &str = "SELECT COUNT(*) FROM audit WHERE at = $1 AND who = $2 AND deed = $3 AND object = $4";
        let at = to_millis(late.at());
        let known: i64 = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    let known = sqlx::query_scalar(KNOWN).bind(at).bind(&late.who).bind(&late.deed).bind(&late.object);
                    known.fetch_one(pool).await
                })
                .map_err(failed)
            })
            .await?;
        match known {
            0 => self.note_deed(&late.who, &late.origin, &late.deed, &late.object, late.at()).await,
            _ => Ok(()),
        }
    }

    /// What was done, the latest first, before the one of that number.
    pub async fn deeds(&self, before: Option<i64>, most: usize) -> Result<Vec<Deed>, ShelfError> {
        const PAGE: &str =
            "SELECT id, at, who, origin, deed, object FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2";
        self.within(PATIENCE, async {
            let most = most.min(MAX_DEEDS) as i64;
            let rows: Vec<Row> = on_either!(&self.database, |pool: Kind| {
                sqlx::query_as(PAGE).bind(before.unwrap_or(i64::MAX)).bind(most).fetch_all(pool).await
            })
            .map_err(failed)?;
            Ok(rows.into_iter().map(Row::read).collect())
        })
        .await
    }
}

impl Row {
    fn read(self) -> Deed {
        let Self { id, at, who, origin, deed, object } = self;
        Deed { number: id, at: from_millis(at), who, origin, deed, object }
    }
}
