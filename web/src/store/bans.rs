//! Bans that stand, kept over a restart.

use std::time::SystemTime;

use patchcord_engine::{
    bans::{Ban, MOST, News, network},
    routing::ShelfError,
};
use tracing::warn;

use crate::store::{
    PATIENCE, Store,
    database::on_either,
    failed,
    time::{from_millis, to_millis},
};

const ALL: &str = "SELECT network, reason, made_by, made_at, until_at, automatic FROM bans \
                   WHERE until_at IS NULL OR until_at > $1 ORDER BY made_at DESC LIMIT $2";
const PUT: &str = "INSERT INTO bans (network, reason, made_by, made_at, until_at, automatic) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (network) DO UPDATE SET reason = excluded.reason, \
                   made_by = excluded.made_by, made_at = excluded.made_at, until_at = excluded.until_at, \
                   automatic = excluded.automatic";
const LIFT: &str = "DELETE FROM bans WHERE network = $1";

type Row = (String, String, String, i64, Option<i64>, i64);

impl Store {
    /// The bans that stand at that moment.
    pub async fn bans(&self, now: SystemTime) -> Result<Vec<Ban>, ShelfError> {
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_as(ALL).bind(to_millis(now)).bind(MOST as i64).fetch_all(pool).await
                })
                .map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Writes what has changed, all or nothing.
    pub async fn keep_bans(&self, news: &[News]) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                for news in news {
                    match news {
                        News::Made(ban) => {
                            let row = sqlx::query(PUT).bind(ban.network.to_string()).bind(&ban.reason);
                            let row = row.bind(&ban.made_by).bind(to_millis(ban.made_at));
                            let row = row.bind(ban.until.map(to_millis)).bind(i64::from(ban.automatic));
                            row.execute(&mut *turn).await?;
                        }
                        News::Over(network) => {
                            sqlx::query(LIFT).bind(network.to_string()).execute(&mut *turn).await?;
                        }
                    }
                }
                turn.commit().await
            }
            .await)
            .map_err(failed)
        })
        .await
    }
}

fn read((text, reason, made_by, made_at, until, automatic): Row) -> Option<Ban> {
    let Some(network) = network(&text) else {
        warn!(network = text, "a ban that is kept names no network, and is left out");
        return None;
    };
    let (made_at, until) = (from_millis(made_at), until.map(from_millis));
    Some(Ban { network, reason, made_by, made_at, until, automatic: automatic != 0 })
}
