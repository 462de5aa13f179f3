//! One database, one server.
//!
//! A PostgreSQL database is held by an advisory lock, on a connection that does nothing else; it ends with the
//! connection, however that ends. Beside it, on both kinds of database, one row says with which key passwords are
//! sealed here: a server with another key is refused, because it could read none of them and would write others that
//! the first cannot read. A SQLite file lies in the data folder, which is held already.

use std::{path::Path, time::Duration};

use patchcord_engine::routing::ShelfError;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use crate::store::{
    OpenError, Place,
    database::{Database, on_either, postgres_options},
    error::Told,
    failed,
    seal::{KEY_FILE, Seal},
};

/// The lock's number; any would do that nobody else takes.
const LOCK: i64 = 0x7061_7463_6863_6f72;

/// How long a start waits for a server that is just ending, or for PostgreSQL to notice that it has ended.
const WAIT: Duration = Duration::from_secs(5);

/// How often it is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// A holder whose machine was cut off is noticed within half a minute, not within PostgreSQL's two hours.
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "10"), ("tcp_keepalives_interval", "5"), ("tcp_keepalives_count", "3")];

/// Another server has the database.
#[derive(Debug, thiserror::Error)]
#[error("another server holds the database")]
pub struct HeldByAnother;

/// What holds the database.
pub struct Claim {
    options: Box<PgConnectOptions>,
    connection: Mutex<Option<PgConnection>>,
}

impl Claim {
    /// Holds the database at `place`; `None` for a kind that needs no holding.
    pub async fn take(place: &Place) -> Result<Option<Self>, OpenError> {
        let Place::Postgres { options, .. } = place else { return Ok(None) };
        let unreachable = |error| OpenError::Unreachable { place: place.clone(), source: Told::from(&error) };
        let options = Box::new(postgres_options(options).options(KEEPALIVE));
        let connecting = tokio::time::timeout(super::PATIENCE, PgConnection::connect_with(&options));
        let mut connection = connecting.await.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(unreachable)?;
        let taken = tokio::time::timeout(WAIT, async {
            while !try_lock(&mut connection).await? {
                tokio::time::sleep(PAUSE).await;
            }
            Ok(())
        });
        match taken.await {
            Ok(Ok(())) => Ok(Some(Self { options, connection: Mutex::new(Some(connection)) })),
            Ok(Err(error)) => Err(unreachable(error)),
            Err(_) => Err(OpenError::Held { place: place.clone() }),
        }
    }

    /// Sees that it is still held, and takes it again when the connection was lost.
    pub async fn renew(&self) -> Result<(), ShelfError> {
        let mut held = self.connection.lock().await;
        if let Some(connection) = &mut *held
            && connection.ping().await.is_ok()
        {
            return Ok(());
        }
        *held = None;
        let mut connection = PgConnection::connect_with(&self.options).await.map_err(failed)?;
        if !try_lock(&mut connection).await.map_err(failed)? {
            return Err(ShelfError::Away(Box::new(HeldByAnother)));
        }
        *held = Some(connection);
        Ok(())
    }

    /// Lets go of it.
    pub async fn release(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // Should it break, it is let go of as well.
            let _closed_or_broken = connection.close().await;
        }
    }
}

async fn try_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(LOCK).fetch_one(connection).await
}

/// Sees that passwords are sealed here with our key. A database without endpoints takes the key of whoever opens it.
pub async fn check_key(database: &Database, place: &Place, seal: &Seal, data: &Path) -> Result<(), OpenError> {
    const CLAIM: &str = "INSERT INTO installation (id, key_fingerprint) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
    const ADOPT: &str = "UPDATE installation SET key_fingerprint = $1 WHERE NOT EXISTS (SELECT 1 FROM endpoints)";
    const OWNER: &str = "SELECT key_fingerprint FROM installation WHERE id = 1";
    let ours = seal.fingerprint();
    let owner: Result<String, sqlx::Error> = on_either!(database, |pool: Kind| async {
        sqlx::query(CLAIM).bind(ours).execute(pool).await?;
        sqlx::query(ADOPT).bind(ours).execute(pool).await?;
        sqlx::query_scalar(OWNER).fetch_one(pool).await
    }
    .await);
    match owner {
        Ok(owner) if owner == ours => Ok(()),
        Ok(_) => Err(OpenError::OtherKey { place: place.clone(), key: data.join(KEY_FILE) }),
        Err(error) => Err(OpenError::Unreachable { place: place.clone(), source: Told::from(&error) }),
    }
}
