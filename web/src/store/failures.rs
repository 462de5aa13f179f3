//! What went wrong last when endpoints wanted to register.

use patchcord_engine::routing::{Failed, Failure, MOST_FAILURES, ShelfError};

use crate::store::{
    PATIENCE, Store,
    database::on_either,
    failed,
    time::{from_millis, to_millis},
};

const ALL: &str =
    "SELECT endpoint, stranger, at, peer, status, why, times FROM registration_failures ORDER BY at DESC LIMIT $1";
const PUT: &str = "INSERT INTO registration_failures (endpoint, stranger, at, peer, status, why, times) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (endpoint, stranger) DO UPDATE SET at = excluded.at, \
                   peer = excluded.peer, status = excluded.status, why = excluded.why, times = excluded.times";
const PRUNE: &str = "DELETE FROM registration_failures WHERE endpoint IN (SELECT endpoint FROM registration_failures \
                     GROUP BY endpoint ORDER BY MAX(at) DESC, endpoint LIMIT 1000000 OFFSET $1)";

type Row = (String, i64, i64, String, i64, String, i64);

impl Store {
    /// What is known of each endpoint that failed, the latest first.
    pub async fn registration_failures(&self) -> Result<Vec<(String, Failed)>, ShelfError> {
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_as(ALL).bind(2 * MOST_FAILURES as i64).fetch_all(pool).await
                })
                .map_err(failed)
            })
            .await?;
        let mut found: Vec<(String, Failed)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for (endpoint, stranger, failure) in rows.into_iter().filter_map(read) {
            let at = *places.entry(endpoint.clone()).or_insert_with(|| {
                found.push((endpoint, Failed::default()));
                found.len() - 1
            });
            let known = &mut found[at].1;
            *(if stranger { &mut known.elsewhere } else { &mut known.own }) = Some(failure);
        }
        Ok(found)
    }

    /// Writes what has changed, all or nothing.
    pub async fn keep_registration_failures(&self, changes: &[(String, Failed)]) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                for (endpoint, known) in changes {
                    for (stranger, failure) in [(0_i64, &known.own), (1, &known.elsewhere)] {
                        let Some(failure) = failure else { continue };
                        let row = sqlx::query(PUT).bind(endpoint).bind(stranger).bind(to_millis(failure.at));
                        let row = row.bind(failure.peer.to_string()).bind(i64::from(failure.status));
                        row.bind(&*failure.why).bind(i64::from(failure.times)).execute(&mut *turn).await?;
                    }
                }
                sqlx::query(PRUNE).bind(MOST_FAILURES as i64).execute(&mut *turn).await?;
                turn.commit().await
            }
            .await)
            .map_err(failed)
        })
        .await
    }
}

fn read((endpoint, stranger, at, peer, status, why, times): Row) -> Option<(String, bool, Failure)> {
    let (peer, status) = (peer.parse().ok()?, u16::try_from(status).ok()?);
    let times = u32::try_from(times).unwrap_or(u32::MAX);
    Some((endpoint, stranger != 0, Failure { at: from_millis(at), peer, status, why: why.into(), times }))
}
