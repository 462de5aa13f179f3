//! The two kinds of database, and the one seam between them.
//!
//! Whoever has an order for the database writes it once, inside [`on_either`]. Only opening differs.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    time::Duration,
};

use patchcord_engine::routing::ShelfError;
use sqlx::{
    ConnectOptions, Connection, PgPool, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::store::{
    CONNECT_PATIENCE, LOAD_PATIENCE, OpenError, Place,
    error::{Told, is_locked},
    failed, holders,
};

/// SQLite has one writer at a time; the others read meanwhile.
const SQLITE_CONNECTIONS: u32 = 4;

/// A PostgreSQL server has a hundred by default, for everybody.
const POSTGRES_CONNECTIONS: u32 = 8;

/// How long one SQLite writer waits for another, such as a backup or a command beside the server.
const BUSY_WAIT: Duration = Duration::from_secs(2);

static SQLITE_TABLES: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES_TABLES: Migrator = sqlx::migrate!("../migrations/postgres");

/// A pool of connections to either kind of database. Clones share it.
#[derive(Clone)]
pub enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs one piece of code on whichever database is there: `$pool` is its pool and `$kind` its sqlx type.
macro_rules! on_either {
    ($database:expr, |$pool:ident: $kind:ident| $order:expr) => {
        match $database {
            $crate::store::database::Database::Sqlite($pool) => {
                #[allow(dead_code, reason = "not each order needs the type")]
                type $kind = sqlx::Sqlite;
                $order
            }
            $crate::store::database::Database::Postgres($pool) => {
                #[allow(dead_code, reason = "not each order needs the type")]
                type $kind = sqlx::Postgres;
                $order
            }
        }
    };
}
pub(super) use on_either;

impl Database {
    /// Connects, and makes or updates the tables.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        let unreachable =
            |error: sqlx::Error| locked(place, &Told::from(&error)).unwrap_or_else(|| OpenError::said(place, &error));
        let database = match place {
            Place::Sqlite(path) => {
                make_file(path).map_err(|source| OpenError::Folder { place: place.clone(), source })?;
                Self::Sqlite(sqlite(path).await.map_err(unreachable)?)
            }
            Place::Postgres { options, .. } => Self::Postgres(postgres(options).await.map_err(unreachable)?),
        };
        match database.migrate().await {
            Ok(()) => Ok(database),
            Err(error) => {
                database.close().await;
                Err(database.explain(error, place))
            }
        }
    }

    /// Whether it answers.
    pub async fn ping(&self) -> Result<(), ShelfError> {
        on_either!(self, |pool: Kind| sqlx::query("SELECT 1").execute(pool).await.map(drop)).map_err(failed)
    }

    /// Lets go of every connection, once the orders under way are done.
    pub async fn close(&self) {
        on_either!(self, |pool: Kind| pool.close().await);
    }

    fn tables(&self) -> &'static Migrator {
        match self {
            Self::Sqlite(_) => &SQLITE_TABLES,
            Self::Postgres(_) => &POSTGRES_TABLES,
        }
    }

    async fn migrate(&self) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(pool) => self.tables().run(pool).await,
            // A new index of a million calls takes longer than any order of ours may.
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
                self.tables().run(&mut *connection).await?;
                sqlx::query("RESET statement_timeout").execute(&mut *connection).await?;
                Ok(())
            }
        }
    }

    fn explain(&self, error: MigrateError, place: &Place) -> OpenError {
        if let MigrateError::Execute(broken) = &error
            && let away = OpenError::said(place, broken)
            && away.may_pass()
        {
            return away;
        }
        let place = place.clone();
        let known = self.tables().iter().map(|migration| migration.version).max().unwrap_or(0);
        match error {
            MigrateError::VersionMissing(migration) if migration > known => {
                OpenError::Newer { place, migration, known }
            }
            error => {
                let source = Told::from(&error);
                locked(&place, &source).unwrap_or(OpenError::Migration { place, source })
            }
        }
    }
}

/// That another program has a SQLite file locked, where that is what was said.
pub(super) fn locked(place: &Place, told: &Told) -> Option<OpenError> {
    match place {
        Place::Sqlite(path) if is_locked(told) => {
            Some(OpenError::Locked { place: place.clone(), by: holders::of(path) })
        }
        _ => None,
    }
}

/// Makes an empty file, which is an empty database. What lies there says who is reachable where: for nobody else's eyes.
fn make_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

async fn sqlite(path: &Path) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL, a crash of the machine may lose the last bindings and never damages the file; phones refresh.
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_WAIT)
        // What fails is told by whoever asked; whole statements say nothing to people and hold what is to be masked.
        .disable_statement_logging();
    let pool = SqlitePoolOptions::new().max_connections(SQLITE_CONNECTIONS).acquire_timeout(CONNECT_PATIENCE);
    pool.after_release(|connection, _| Box::pin(is_at_rest(connection))).connect_with(options).await
}

/// Whether a connection that is given back is in no transaction. SQLite undoes one by itself when the disk is full; sqlx's own
/// undoing fails then, and it goes on counting one. What is written by such a connection later lies in a transaction that nobody
/// commits and that locks everybody else out, so the connection is closed.
async fn is_at_rest(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // Undoing may still be under way; orders are worked off in their order.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// `options`, with our name and our patience.
pub fn postgres_options(options: &PgConnectOptions) -> PgConnectOptions {
    let longest = LOAD_PATIENCE.as_millis().to_string();
    options
        .clone()
        .application_name("patchcord")
        // What we gave up on must not go on working over there.
        .options([("statement_timeout", longest.as_str()), ("lock_timeout", longest.as_str())])
        .disable_statement_logging()
}

/// Whoever opens it holds it already, so it answered a moment ago.
async fn postgres(options: &PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(CONNECT_PATIENCE);
    pool.connect_with(postgres_options(options)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until the connections are back in the pool: the next order gets the same one again.
    async fn at_rest(pool: &SqlitePool) {
        while pool.num_idle() < pool.size() as usize {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_connection_whose_transaction_was_undone_by_the_database_writes_nothing_that_is_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("records.db");
        make_file(&path).expect("a file");
        let pool = sqlite(&path).await.expect("a database");
        sqlx::query("CREATE TABLE written (n INTEGER)").execute(&pool).await.expect("a table");
        at_rest(&pool).await;

        // As SQLite does by itself when the disk is full; then somebody gives up for another reason.
        let mut full = pool.begin().await.expect("a transaction");
        sqlx::query("ROLLBACK").execute(&mut *full).await.expect("it is undone");
        drop(full);
        at_rest(&pool).await;
        let mut given_up = pool.begin().await.expect("a transaction");
        sqlx::query("INSERT INTO written VALUES (0)").execute(&mut *given_up).await.expect("a row");
        drop(given_up);
        at_rest(&pool).await;

        for n in 1..=8 {
            let mut turn = pool.begin().await.expect("a transaction");
            sqlx::query("INSERT INTO written VALUES ($1)").bind(n).execute(&mut *turn).await.expect("a row");
            turn.commit().await.expect("it is kept");
            at_rest(&pool).await;
        }
        let elsewhere = sqlite(&path).await.expect("the same database");
        let (count,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM written").fetch_one(&elsewhere).await.expect("it is read");
        assert_eq!(count, 8, "each is there, and nothing else");
        sqlx::query("INSERT INTO written VALUES (9)").execute(&elsewhere).await.expect("nobody holds a lock");
    }
}
