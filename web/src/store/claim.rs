//! One database, one server.
//!
//! A PostgreSQL database is held by an advisory lock, on a connection that does nothing else; it ends with the
//! connection, however that ends. Beside it, on both kinds of database, one row says with which key passwords are
//! sealed here: a server with another key is refused, because it could read none of them and would write others that
//! the first cannot read. A SQLite file may lie where servers with other data folders find it as well: it is held by a lock on a file beside
//! it, which says who holds it. That lock is the system's and ends with its holder.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use patchcord_engine::routing::ShelfError;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::sync::Mutex;

use crate::store::{
    OpenError, Place,
    database::{Database, locked, on_either, postgres_options},
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

/// The ending of the file that is locked beside a SQLite database.
const HELD: &str = "-held";

/// Longest that is read of who holds it.
const MAX_HOLDER: usize = 1_000;

/// What holds the database.
pub enum Claim {
    /// A connection that does nothing else.
    Postgres {
        /// How it is made again.
        options: Box<PgConnectOptions>,
        /// It.
        connection: Mutex<Option<PgConnection>>,
    },
    /// A locked file beside a SQLite database, until it is closed.
    Sqlite(Mutex<Option<File>>),
}

impl Claim {
    /// Holds the database at `place`, for the server with that data folder.
    pub async fn take(place: &Place, data: &Path) -> Result<Self, OpenError> {
        match place {
            Place::Postgres { options, .. } => Self::of_postgres(place, options).await,
            Place::Sqlite(path) => Self::of_file(place, path, data).await,
        }
    }

    async fn of_file(place: &Place, database: &Path, data: &Path) -> Result<Self, OpenError> {
        let folder = |source| OpenError::Folder { place: place.clone(), source };
        let path = beside(database);
        if let Some(parent) = path.parent() {
            make_folder(parent).map_err(folder)?;
        }
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(folder)?;
        let taken = tokio::time::timeout(WAIT, async {
            loop {
                match file.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
        });
        match taken.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(folder(error)),
            Err(_) => return Err(OpenError::Held { place: place.clone(), by: holder(&path) }),
        }
        let data = data.canonicalize().unwrap_or_else(|_| data.into());
        let told = format!("data folder {} (process {})\n", data.display(), std::process::id());
        // Only for whoever is kept out: without it he is told less.
        let _told_or_not = file.set_len(0).and_then(|()| file.write_all(told.as_bytes()));
        Ok(Self::Sqlite(Mutex::new(Some(file))))
    }

    async fn of_postgres(place: &Place, options: &PgConnectOptions) -> Result<Self, OpenError> {
        let unreachable = |error| OpenError::said(place, &error);
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
            Ok(Ok(())) => Ok(Self::Postgres { options, connection: Mutex::new(Some(connection)) }),
            Ok(Err(error)) => Err(unreachable(error)),
            Err(_) => Err(OpenError::Held { place: place.clone(), by: None }),
        }
    }

    /// Sees that it is still held, and takes it again when the connection was lost.
    pub async fn renew(&self) -> Result<(), ShelfError> {
        let Self::Postgres { options, connection } = self else { return Ok(()) };
        let mut held = connection.lock().await;
        if let Some(connection) = &mut *held
            && connection.ping().await.is_ok()
        {
            return Ok(());
        }
        *held = None;
        let mut connection = PgConnection::connect_with(options).await.map_err(failed)?;
        if !try_lock(&mut connection).await.map_err(failed)? {
            return Err(ShelfError::Away(Box::new(HeldByAnother)));
        }
        *held = Some(connection);
        Ok(())
    }

    /// Lets go of it.
    pub async fn release(&self) {
        match self {
            Self::Postgres { connection, .. } => {
                if let Some(connection) = connection.lock().await.take() {
                    // Should it break, it is let go of as well.
                    let _closed_or_broken = connection.close().await;
                }
            }
            Self::Sqlite(file) => drop(file.lock().await.take()),
        }
    }
}

/// The file beside a SQLite database that is locked by whoever has it.
fn beside(database: &Path) -> PathBuf {
    // A link and what it leads to are one database.
    let database = database.canonicalize().unwrap_or_else(|_| database.into());
    let mut name = OsString::from(database);
    name.push(HELD);
    name.into()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Who says that he holds it.
fn holder(path: &Path) -> Option<String> {
    let told = fs::read_to_string(path).ok().filter(|told| told.len() <= MAX_HOLDER)?;
    let told: String = told.trim().chars().filter(|letter| !letter.is_control()).collect();
    (!told.is_empty()).then_some(told)
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
        Err(error) => Err(locked(place, &Told::from(&error)).unwrap_or_else(|| OpenError::said(place, &error))),
    }
}
