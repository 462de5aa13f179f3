//! A database that is not the house's: one that a service's manifest names.
//!
//! One statement at a time, with its values apart from its text. What may only be read is opened for reading: a SQLite file
//! as such, PostgreSQL in a transaction that writes nothing. Rows come as JSON, within bounds in number and bytes, and whoever
//! gives up ends what the database does for them. Which statements there are is judged by `statement`; nothing is decided here
//! about who may ask.

mod reading;
mod statement;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::TryStreamExt;
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, PgPool, Row, Sqlite, SqlitePool,
    pool::PoolConnection,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use crate::store::{Place, error::Told};

pub use statement::BadStatement;
use statement::{Deed, Statement};

/// Connections of one service. A server has a hundred by default, for everybody.
const CONNECTIONS: u32 = 4;

/// How long a connection is kept that nobody uses.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// How long a statement may take, and the wait for a connection before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one writer of a SQLite file waits for another.
const BUSY_WAIT: Duration = Duration::from_secs(3);

/// Steps of SQLite's machine between two looks whether anybody still waits: some microseconds.
const STEPS: i32 = 10_000;

/// How much of an answer is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Rows.
    pub rows: usize,
    /// Bytes of all of them together, as JSON.
    pub bytes: usize,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// That is no statement of the kind that was asked for.
    #[error(transparent)]
    Statement(#[from] BadStatement),
    /// It may only be read.
    #[error("the manifest lets this service read the database and not change it; write mode = \"write\" there")]
    ReadOnly,
    /// Too many rows.
    #[error("the answer has more than {0} rows; ask for fewer with LIMIT")]
    Rows(usize),
    /// Too long rows.
    #[error("the answer has more than {0} bytes; ask for fewer columns, or fewer rows with LIMIT")]
    Bytes(usize),
    /// A value of a kind that JSON has not.
    #[error("column {0:?} holds what cannot be told")]
    Kind(String),
    /// The database took too long.
    #[error("the database needs longer than {} s", PATIENCE.as_secs())]
    Late,
    /// The database, or its driver, said no.
    #[error("the database says no")]
    Said(#[source] Told),
    /// Nobody answers there.
    #[error("the database is away")]
    Away(#[source] Told),
}

impl From<sqlx::Error> for ForeignError {
    fn from(error: sqlx::Error) -> Self {
        let told = Told::from(&error);
        match error {
            sqlx::Error::PoolTimedOut => Self::Late,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed => Self::Away(told),
            _ => Self::Said(told),
        }
    }
}

/// Such a database. Connected to when it is asked first.
pub struct Foreign {
    pool: Pool,
    may_write: bool,
}

enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Foreign {
    /// The database at that place, to be read, or to be changed as well.
    pub fn at(place: &Place, may_write: bool) -> Self {
        let pool = match place {
            Place::Sqlite(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .read_only(!may_write)
                    .create_if_missing(false)
                    .foreign_keys(true)
                    .busy_timeout(BUSY_WAIT);
                let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).idle_timeout(KEPT_FOR);
                Pool::Sqlite(pool.acquire_timeout(PATIENCE).connect_lazy_with(options))
            }
            Place::Postgres { options, .. } => {
                let longest = PATIENCE.as_millis().to_string();
                let options = options.as_ref().clone().application_name("patchcord script");
                // What we gave up on must not go on working over there.
                let options = options.options([("statement_timeout", &longest), ("lock_timeout", &longest)]);
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).idle_timeout(KEPT_FOR);
                Pool::Postgres(pool.acquire_timeout(PATIENCE).connect_lazy_with(options))
            }
        };
        Self { pool, may_write }
    }

    /// The rows that a statement gives.
    pub async fn query(&self, sql: &str, values: &[Value], terms: Terms) -> Result<Vec<Value>, ForeignError> {
        let statement = self.judged(sql, values, Deed::Query)?;
        let rows = tokio::time::timeout(PATIENCE, async {
            match &self.pool {
                Pool::Sqlite(pool) => rows_of_sqlite(pool, &statement, values, terms).await,
                Pool::Postgres(pool) => self.rows_of_postgres(pool, &statement, values, terms).await,
            }
        });
        rows.await.unwrap_or(Err(ForeignError::Late))
    }

    /// How many rows a statement changed.
    pub async fn exec(&self, sql: &str, values: &[Value]) -> Result<u64, ForeignError> {
        let statement = self.judged(sql, values, Deed::Exec)?;
        let text = AssertSqlSafe(statement.text.to_owned());
        let changed = tokio::time::timeout(PATIENCE, async {
            Ok(match &self.pool {
                Pool::Sqlite(pool) => {
                    let (mut connection, patience) = patient(pool).await?;
                    let query = values.iter().fold(sqlx::query(text), reading::bind_sqlite);
                    let changed = query.persistent(false).execute(&mut *connection).await;
                    patience.end(connection).await?;
                    changed?.rows_affected()
                }
                Pool::Postgres(pool) => {
                    let query = values.iter().fold(sqlx::query(text), reading::bind_postgres);
                    query.persistent(false).execute(pool).await?.rows_affected()
                }
            })
        });
        changed.await.unwrap_or(Err(ForeignError::Late))
    }

    /// Lets go of every connection.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    fn judged<'a>(&self, sql: &'a str, values: &[Value], deed: Deed) -> Result<Statement<'a>, ForeignError> {
        let statement = match self.pool {
            Pool::Sqlite(_) => Statement::of_sqlite(sql, values)?,
            Pool::Postgres(_) => Statement::of_postgres(sql, values)?,
        };
        statement.check(deed)?;
        match self.may_write || !statement.changes(deed) {
            true => Ok(statement),
            false => Err(ForeignError::ReadOnly),
        }
    }

    async fn rows_of_postgres(
        &self,
        pool: &PgPool,
        statement: &Statement<'_>,
        values: &[Value],
        terms: Terms,
    ) -> Result<Vec<Value>, ForeignError> {
        // The server writes the JSON: it knows all of its types. A comment at the end must not hide our bracket.
        let sql = format!("WITH asked AS ({}\n) SELECT row_to_json(asked)::text FROM asked", statement.text);
        let mut whole = match self.may_write {
            true => pool.begin().await?,
            false => pool.begin_with("BEGIN READ ONLY").await?,
        };
        let query = values.iter().fold(sqlx::query(AssertSqlSafe(sql)), reading::bind_postgres).persistent(false);
        let mut taken = Taken::new(terms);
        let mut rows = query.fetch(&mut *whole);
        while let Some(row) = rows.try_next().await? {
            taken.take(&row.try_get::<String, _>(0)?)?;
        }
        drop(rows);
        whole.commit().await?;
        Ok(taken.rows)
    }
}

async fn rows_of_sqlite(
    pool: &SqlitePool,
    statement: &Statement<'_>,
    values: &[Value],
    terms: Terms,
) -> Result<Vec<Value>, ForeignError> {
    let (mut connection, patience) = patient(pool).await?;
    let query = sqlx::query(AssertSqlSafe(statement.text.to_owned()));
    let query = values.iter().fold(query, reading::bind_sqlite).persistent(false);
    let mut taken = Taken::new(terms);
    let mut rows = query.fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        taken.take(&reading::of_sqlite(&row)?.to_string())?;
    }
    drop(rows);
    patience.end(connection).await?;
    Ok(taken.rows)
}

/// What was taken of an answer.
struct Taken {
    terms: Terms,
    rows: Vec<Value>,
    bytes: usize,
}

impl Taken {
    fn new(terms: Terms) -> Self {
        Self { terms, rows: Vec::new(), bytes: 0 }
    }

    fn take(&mut self, row: &str) -> Result<(), ForeignError> {
        self.bytes += row.len();
        if self.bytes > self.terms.bytes {
            return Err(ForeignError::Bytes(self.terms.bytes));
        }
        if self.rows.len() == self.terms.rows {
            return Err(ForeignError::Rows(self.terms.rows));
        }
        let row = serde_json::from_str(row).map_err(|_| ForeignError::Kind("a row".into()))?;
        self.rows.push(row);
        Ok(())
    }
}

/// Ends what SQLite does as soon as it is dropped: its machine runs on a thread that nobody else could stop.
struct Patience(Arc<AtomicBool>);

/// A connection whose work ends with the patience beside it.
async fn patient(pool: &SqlitePool) -> Result<(PoolConnection<Sqlite>, Patience), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let over = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&over);
    connection.lock_handle().await?.set_progress_handler(STEPS, move || !asked.load(Relaxed));
    Ok((connection, Patience(over)))
}

impl Patience {
    /// The work is done.
    async fn end(self, mut connection: PoolConnection<Sqlite>) -> Result<(), sqlx::Error> {
        connection.lock_handle().await?.remove_progress_handler();
        Ok(())
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
