//! Texts that services had: which numbers they were given, what they said, and what was found of them.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;

use crate::{
    store::{
        LOAD_PATIENCE, PATIENCE, Store,
        database::on_either,
        failed,
        time::{from_millis, to_millis},
    },
    versions::{Findings, Imported, Note, Reason},
};

/// Versions of one service: what somebody who mends a script looks back at. Those that were served last stay.
pub const KEPT: usize = 50;

/// Services whose versions are kept: twice what a server serves at once. Those that were changed last stay.
pub const SERVICES: usize = 8_192;

const NUMBERS: &str = "SELECT service, number, hash, gone_at, faults, tests_held, tests_failed, tried_at FROM service_versions ORDER BY since_at, number";
const KEEP: &str = "INSERT INTO service_versions (service, number, name, hash, text, origin, first_at, since_at, modules) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) ON CONFLICT (service, number) DO UPDATE SET \
                    name = excluded.name, hash = excluded.hash, text = excluded.text, origin = excluded.origin, \
                    since_at = excluded.since_at, modules = excluded.modules, gone_at = NULL";
const FOUND: &str = "UPDATE service_versions SET faults = $3, tests_held = $4, tests_failed = $5, tried_at = $6 \
                     WHERE service = $1 AND number = $2";
const GONE: &str = "UPDATE service_versions SET gone_at = $2 WHERE service = $1 AND gone_at IS NULL";
/// The highest number stays, whatever happens: the next one is counted from it.
const PRUNE: &str = "DELETE FROM service_versions WHERE service = $1 \
                     AND number < (SELECT MAX(number) FROM service_versions WHERE service = $1) \
                     AND number NOT IN (SELECT number FROM service_versions WHERE service = $1 \
                                        ORDER BY since_at DESC, number DESC LIMIT $2)";
const PRUNE_SERVICES: &str = "DELETE FROM service_versions WHERE service IN (SELECT service FROM service_versions \
                              GROUP BY service ORDER BY MAX(since_at) DESC, service LIMIT 1000000 OFFSET $1)";
const OF_SERVICE: &str = "SELECT number, name, hash, CAST(LENGTH(text) AS BIGINT) AS bytes, origin, first_at, since_at, \
                          faults, tests_held, tests_failed, tried_at FROM service_versions WHERE service = $1 ORDER BY since_at DESC, number DESC LIMIT $2";
const LAST: &str = "SELECT number, text, modules FROM service_versions WHERE service = $1 AND gone_at IS NULL \
                    ORDER BY since_at DESC, number DESC LIMIT 1";
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
    /// Whether its file was deleted after it was served.
    pub gone: bool,
    /// What was found of it last.
    pub findings: Option<Findings>,
}

/// What is needed to serve a version again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number.
    pub number: u32,
    /// The text.
    pub text: String,
    /// The modules that it imports; `None` where nobody kept them.
    pub modules: Option<Vec<Imported>>,
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
    /// What was found of it last.
    pub findings: Option<Findings>,
}

/// Faults, tests that hold, tests that fail, and when.
type Found = (Option<i64>, Option<i64>, Option<i64>, Option<i64>);

#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    name: String,
    hash: Vec<u8>,
    bytes: i64,
    origin: String,
    first_at: i64,
    since_at: i64,
    faults: Option<i64>,
    tests_held: Option<i64>,
    tests_failed: Option<i64>,
    tried_at: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct NumberRow {
    service: String,
    number: i64,
    hash: Vec<u8>,
    gone_at: Option<i64>,
    faults: Option<i64>,
    tests_held: Option<i64>,
    tests_failed: Option<i64>,
    tried_at: Option<i64>,
}

impl Store {
    /// The numbers that texts have; of each service the one that was served last is told last.
    pub async fn numbers_of_versions(&self) -> Result<Vec<Numbered>, ShelfError> {
        let rows: Vec<NumberRow> = self
            .within(LOAD_PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(NUMBERS).fetch_all(pool).await).map_err(failed)
            })
            .await?;
        let read = |row: NumberRow| {
            Some(Numbered {
                service: row.service,
                number: u32::try_from(row.number).ok()?,
                digest: row.hash.try_into().ok()?,
                gone: row.gone_at.is_some(),
                findings: findings((row.faults, row.tests_held, row.tests_failed, row.tried_at)),
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Keeps what is noted, all or nothing but for manifests, and forgets versions beyond [`KEPT`] and [`SERVICES`]. One that is kept already is served anew.
    pub async fn keep_versions(&self, notes: &[Note]) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                for note in notes {
                    match note {
                        Note::Served(version) => {
                            let row = sqlx::query(KEEP).bind(&version.service).bind(i64::from(version.number));
                            let row = row.bind(&version.name).bind(&version.digest[..]).bind(version.text.as_bytes());
                            let row = row.bind(version.reason.word()).bind(to_millis(version.since));
                            row.bind(in_json(&version.modules)).execute(&mut *turn).await?;
                            sqlx::query(PRUNE).bind(&version.service).bind(KEPT as i64).execute(&mut *turn).await?;
                        }
                        Note::Found { service, number, findings } => {
                            let row = sqlx::query(FOUND).bind(service).bind(i64::from(*number));
                            let row = row.bind(i64::from(findings.faults)).bind(i64::from(findings.held));
                            let row = row.bind(i64::from(findings.failed));
                            row.bind(i64::try_from(findings.at_ms).unwrap_or(i64::MAX)).execute(&mut *turn).await?;
                        }
                        // Sealed, and by itself: see below.
                        Note::Manifest { .. } => {}
                        Note::Gone { service, at } => {
                            sqlx::query(GONE).bind(service).bind(to_millis(*at)).execute(&mut *turn).await?;
                        }
                    }
                }
                sqlx::query(PRUNE_SERVICES).bind(SERVICES as i64).execute(&mut *turn).await?;
                turn.commit().await
            }
            .await)
            .map_err(failed)
        })
        .await?;
        // Writing one twice is writing it once.
        for note in notes {
            if let Note::Manifest { service, text, since } = note {
                self.keep_manifest(service, text.as_deref(), *since).await?;
            }
        }
        Ok(())
    }

    /// What a service served last, unless its file was deleted since.
    pub async fn last_version(&self, service: &str) -> Result<Option<Kept>, ShelfError> {
        let row: Option<(i64, Vec<u8>, Option<Vec<u8>>)> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(LAST).bind(service).fetch_optional(pool).await)
                    .map_err(failed)
            })
            .await?;
        Ok(row.and_then(|(number, text, modules)| {
            Some(Kept {
                number: u32::try_from(number).ok()?,
                text: String::from_utf8(text).ok()?,
                modules: modules.and_then(|modules| serde_json::from_slice(&modules).ok()),
            })
        }))
    }

    /// The versions of a service that are kept, the one that was served last first.
    pub async fn versions_of(&self, service: &str) -> Result<Vec<Past>, ShelfError> {
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
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
        let text: Option<Vec<u8>> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_scalar(TEXT).bind(service).bind(name).fetch_optional(pool).await
                })
                .map_err(failed)
            })
            .await?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }
}

fn read(row: Row) -> Option<Past> {
    Some(Past {
        number: u32::try_from(row.number).ok()?,
        name: row.name,
        digest: row.hash,
        bytes: u64::try_from(row.bytes).ok()?,
        reason: Reason::of_word(&row.origin),
        first: from_millis(row.first_at),
        since: from_millis(row.since_at),
        findings: findings((row.faults, row.tests_held, row.tests_failed, row.tried_at)),
    })
}

fn findings((faults, held, failed, at): Found) -> Option<Findings> {
    let count = |count: Option<i64>| u32::try_from(count?).ok();
    Some(Findings {
        faults: count(faults)?,
        held: count(held)?,
        failed: count(failed)?,
        at_ms: u64::try_from(at?).ok()?,
    })
}

fn in_json(modules: &[Imported]) -> Vec<u8> {
    serde_json::to_vec(modules).expect("texts are JSON")
}
