//! Texts that services had: which numbers they were given, and what they said.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;

use crate::{
    store::{
        LOAD_PATIENCE, PATIENCE, Store,
        database::on_either,
        failed,
        time::{from_millis, to_millis},
        within,
    },
    versions::{Reason, Version},
};

/// Versions of one service: what somebody who mends a script looks back at. Those that were served last stay.
pub const KEPT: usize = 50;

/// Services whose versions are kept: twice what a server serves at once. Those that were changed last stay.
pub const SERVICES: usize = 8_192;

const NUMBERS: &str = "SELECT service, number, hash FROM service_versions ORDER BY since_at, number";
const KEEP: &str = "INSERT INTO service_versions (service, number, name, hash, text, origin, first_at, since_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (service, number) DO UPDATE SET \
                    name = excluded.name, hash = excluded.hash, text = excluded.text, origin = excluded.origin, \
                    since_at = excluded.since_at";
/// The highest number stays, whatever happens: the next one is counted from it.
const PRUNE: &str = "DELETE FROM service_versions WHERE service = $1 \
                     AND number < (SELECT MAX(number) FROM service_versions WHERE service = $1) \
                     AND number NOT IN (SELECT number FROM service_versions WHERE service = $1 \
                                        ORDER BY since_at DESC, number DESC LIMIT $2)";
const PRUNE_SERVICES: &str = "DELETE FROM service_versions WHERE service IN (SELECT service FROM service_versions \
                              GROUP BY service ORDER BY MAX(since_at) DESC, service LIMIT 1000000 OFFSET $1)";
const OF_SERVICE: &str = "SELECT number, name, hash, CAST(LENGTH(text) AS BIGINT), origin, first_at, since_at FROM service_versions \
                          WHERE service = $1 ORDER BY since_at DESC, number DESC LIMIT $2";
const TEXT: &str = "SELECT text FROM service_versions WHERE service = $1 AND name = $2";

/// The number of a text, as a start finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// The service.
    pub service: String,
    /// The number.
    pub number: u32,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
}

/// A version that is kept, without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its number.
    pub number: u32,
    /// As records name it.
    pub name: String,
    /// SHA-256 of the text.
    pub digest: Vec<u8>,
    /// Bytes of the text.
    pub bytes: u64,
    /// Why it was served last.
    pub reason: Reason,
    /// When it was served for the first time.
    pub first: SystemTime,
    /// Since when it was served the last time.
    pub since: SystemTime,
}

type Row = (i64, String, Vec<u8>, i64, String, i64, i64);

impl Store {
    /// The numbers that texts have; of each service the one that was served last is told last.
    pub async fn numbers_of_versions(&self) -> Result<Vec<Numbered>, ShelfError> {
        let rows: Vec<(String, i64, Vec<u8>)> = within(LOAD_PATIENCE, async {
            on_either!(&self.database, |pool: Kind| sqlx::query_as(NUMBERS).fetch_all(pool).await).map_err(failed)
        })
        .await?;
        let read = |(service, number, hash): (String, i64, Vec<u8>)| {
            Some(Numbered { service, number: u32::try_from(number).ok()?, digest: hash.try_into().ok()? })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Keeps versions, all or none, and forgets those beyond [`KEPT`] and [`SERVICES`]. One that is kept already is served anew.
    pub async fn keep_versions(&self, versions: &[Version]) -> Result<(), ShelfError> {
        within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                for version in versions {
                    let row = sqlx::query(KEEP).bind(&version.service).bind(i64::from(version.number));
                    let row = row.bind(&version.name).bind(&version.digest[..]).bind(version.text.as_bytes());
                    let row = row.bind(version.reason.word()).bind(to_millis(version.since));
                    row.execute(&mut *turn).await?;
                    sqlx::query(PRUNE).bind(&version.service).bind(KEPT as i64).execute(&mut *turn).await?;
                }
                sqlx::query(PRUNE_SERVICES).bind(SERVICES as i64).execute(&mut *turn).await?;
                turn.commit().await
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// The versions of a service that are kept, the one that was served last first.
    pub async fn versions_of(&self, service: &str) -> Result<Vec<Past>, ShelfError> {
        let rows: Vec<Row> = within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query_as(OF_SERVICE).bind(service).bind(KEPT as i64 + 1).fetch_all(pool).await
            })
            .map_err(failed)
        })
        .await?;
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// What a version said.
    pub async fn text_of_version(&self, service: &str, name: &str) -> Result<Option<String>, ShelfError> {
        let text: Option<Vec<u8>> = within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query_scalar(TEXT).bind(service).bind(name).fetch_optional(pool).await
            })
            .map_err(failed)
        })
        .await?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }
}

fn read((number, name, digest, bytes, origin, first, since): Row) -> Option<Past> {
    Some(Past {
        number: u32::try_from(number).ok()?,
        name,
        digest,
        bytes: u64::try_from(bytes).ok()?,
        reason: Reason::of_word(&origin),
        first: from_millis(first),
        since: from_millis(since),
    })
}
