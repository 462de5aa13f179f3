//! Manifests that services had last and that could be read: what holds after a restart where the file cannot be read.

use std::{collections::BTreeMap, time::SystemTime};

use patchcord_engine::routing::ShelfError;
use tracing::warn;

use super::{LOAD_PATIENCE, PATIENCE, Store, database::on_either, failed, time::to_millis};

/// Manifests that are kept: as many as services whose versions are. Those that were read last stay.
const MOST: i64 = super::versions::SERVICES as i64;

const ALL: &str = "SELECT service, sealed FROM service_manifests";
const KEEP: &str = "INSERT INTO service_manifests (service, sealed, since_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (service) DO UPDATE SET sealed = excluded.sealed, since_at = excluded.since_at";
const FORGET: &str = "DELETE FROM service_manifests WHERE service = $1";
const PRUNE: &str = "DELETE FROM service_manifests WHERE service IN \
                     (SELECT service FROM service_manifests ORDER BY since_at DESC, service LIMIT 1000000 OFFSET $1)";

impl Store {
    /// The manifests that were read last, by service. One that does not open is told in the log and left out.
    pub async fn manifests(&self) -> Result<BTreeMap<String, String>, ShelfError> {
        let rows: Vec<(String, Vec<u8>)> = self
            .within(LOAD_PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).fetch_all(pool).await).map_err(failed)
            })
            .await?;
        let open = |(service, sealed): (String, Vec<u8>)| match self.seal.open(&sealed_for(&service), &sealed) {
            Ok(text) => Some((service, text)),
            Err(_) => {
                warn!(service, "the manifest that is kept of a service does not open; the file alone counts");
                None
            }
        };
        Ok(rows.into_iter().filter_map(open).collect())
    }

    /// Keeps what a manifest says since then, or forgets it where there is none any more.
    pub async fn keep_manifest(&self, service: &str, text: Option<&str>, since: SystemTime) -> Result<(), ShelfError> {
        let sealed = text.map(|text| self.seal.close(&sealed_for(service), text)).transpose();
        let sealed = sealed.map_err(|cause| ShelfError::Away(Box::new(cause)))?;
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                match sealed {
                    Some(sealed) => {
                        let row = sqlx::query(KEEP).bind(service).bind(sealed).bind(to_millis(since));
                        row.execute(&mut *turn).await?;
                        sqlx::query(PRUNE).bind(MOST).execute(&mut *turn).await?;
                    }
                    None => {
                        sqlx::query(FORGET).bind(service).execute(&mut *turn).await?;
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

/// What it is bound to. No endpoint is called so.
fn sealed_for(service: &str) -> String {
    format!("manifest:{service}")
}
