//! Why the store did not open, and what to do about it; and which refusals of a database no second try will change.

use sqlx::sqlite::SqliteError;

use crate::store::{Place, SealError};

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key that passwords are sealed with cannot be had.
    #[error(transparent)]
    Seal(SealError),
    /// A SQLite file or its folder cannot be made.
    #[error("database {place} cannot be made")]
    Folder {
        /// The database.
        place: Place,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Nobody answers there, or it refuses us.
    #[error("database {place} cannot be opened")]
    Unreachable {
        /// The database.
        place: Place,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// Tables were made that this version has never heard of.
    #[error(
        "database {place} was last used by a newer version (it has migration {migration}, this version knows {known})"
    )]
    Newer {
        /// The database.
        place: Place,
        /// The first migration that we do not know.
        migration: i64,
        /// The last one that we do.
        known: i64,
    },
    /// The tables could not be made.
    #[error("the tables of database {place} cannot be brought up to date")]
    Migration {
        /// The database.
        place: Place,
        /// What went wrong.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

impl OpenError {
    /// What the person who starts the server can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Seal(error) => error.remedy(),
            Self::Folder { .. } => {
                "give this user the right to write there, or name another place in [database] url".into()
            }
            Self::Unreachable { place: Place::Sqlite(path), .. } => format!(
                "see that {} is a SQLite database which this user may write, or name another in [database] url",
                path.display()
            ),
            Self::Unreachable { place: Place::Postgres { .. }, .. } => {
                "see that PostgreSQL runs there and takes this user and password (psql <url> must connect), or correct \
                 [database] url"
                    .into()
            }
            Self::Newer { .. } => {
                "start the newer version again, or restore the backup that was made before the upgrade".into()
            }
            Self::Migration { .. } => {
                "see that the database is ours alone and that this user may make tables in it; a backup of it may have \
                 to be restored"
                    .into()
            }
        }
    }
}

/// Whether the database answered, and refused what it was given for its content.
pub(super) fn is_about_content(error: &sqlx::Error) -> bool {
    // SQLITE_TOOBIG, SQLITE_CONSTRAINT and SQLITE_MISMATCH, in the low byte of the extended code.
    const SQLITE: [i32; 3] = [18, 19, 20];
    // The SQLSTATE classes of PostgreSQL: data exception, integrity constraint violation, program limit exceeded.
    const POSTGRES: [&str; 3] = ["22", "23", "54"];
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(told) => {
            let code = told.code().unwrap_or_default();
            match told.try_downcast_ref::<SqliteError>() {
                Some(_) => code.parse().is_ok_and(|code: i32| SQLITE.contains(&(code & 0xff))),
                None => POSTGRES.iter().any(|class| code.starts_with(class)),
            }
        }
        _ => false,
    }
}
