//! A database of its own for each test, and the macro that runs a law on both kinds.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use patchcord_web::store::{Place, Store};
use tempfile::TempDir;

use crate::cluster::Cluster;

/// Which database a law runs on.
#[derive(Clone, Copy)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// An empty database and a data folder, gone when the test ends.
pub struct Lab {
    pub place: Place,
    pub kind: Kind,
    folder: TempDir,
    // Kept for its end: the server stops when this goes.
    _cluster: Option<Cluster>,
}

impl Lab {
    pub fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (url, cluster) = match kind {
            Kind::Sqlite => ("sqlite:made/on/first/start.db".to_owned(), None),
            Kind::Postgres => {
                let cluster = Cluster::start();
                (cluster.url(), Some(cluster))
            }
        };
        let place = Place::parse(&url, folder.path()).expect("a database URL");
        Self { place, kind, folder, _cluster: cluster }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Opens the store as a starting server does.
    pub async fn store(&self) -> Store {
        Store::open(&self.place, &self.data()).await.expect("the store opens")
    }

    /// Does what no server would do to the database.
    pub async fn tamper(&self, sql: &'static str) {
        match &self.place {
            Place::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let pool = sqlx::SqlitePool::connect_with(options).await.expect("connected");
                sqlx::query(sql).execute(&pool).await.expect("tampered");
                pool.close().await;
            }
            Place::Postgres { options, .. } => {
                let pool = sqlx::PgPool::connect_with((**options).clone()).await.expect("connected");
                sqlx::query(sql).execute(&pool).await.expect("tampered");
                pool.close().await;
            }
        }
    }

    /// The one text that a question to the database gives.
    pub async fn ask(&self, sql: &'static str) -> String {
        match &self.place {
            Place::Sqlite(path) => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let pool = sqlx::SqlitePool::connect_with(options).await.expect("connected");
                sqlx::query_scalar(sql).fetch_one(&pool).await.expect("an answer")
            }
            Place::Postgres { options, .. } => {
                let pool = sqlx::PgPool::connect_with((**options).clone()).await.expect("connected");
                sqlx::query_scalar(sql).fetch_one(&pool).await.expect("an answer")
            }
        }
    }
}

/// A moment of the tests, that many seconds after a fixed start.
pub fn moment(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

/// Runs each law on both databases: `async fn law(lab: Lab)` becomes `sqlite::law` and `postgres::law`.
macro_rules! laws {
    ($($law:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $law() {
                super::$law($crate::lab::Lab::new($crate::lab::Kind::Sqlite)).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $law() {
                super::$law($crate::lab::Lab::new($crate::lab::Kind::Postgres)).await;
            })+
        }
    };
}
pub(crate) use laws;
