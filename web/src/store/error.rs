//! Why the store did not open, and what to do about it; and which refusals of a database no second try will change.

use std::{error::Error, path::PathBuf};

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
    /// PostgreSQL does not answer now, or takes nobody yet.
    #[error("database {place} does not answer")]
    Away {
        /// The database.
        place: Place,
        /// What the driver said.
        #[source]
        source: Told,
    },
    /// It refuses us, or is none.
    #[error("database {place} cannot be opened")]
    Unreachable {
        /// The database.
        place: Place,
        /// What the driver said.
        #[source]
        source: Told,
    },
    /// Another server has it.
    #[error("database {place} is held by another server{by}", by = by.as_ref().map(|by| format!(", with {by}")).unwrap_or_default())]
    Held {
        /// The database.
        place: Place,
        /// Which, where that is known.
        by: Option<String>,
    },
    /// Another program has the file of a SQLite database locked.
    #[error("database {place} is locked by {by}", by = if by.is_empty() { "another program".to_owned() } else { by.join(", ") })]
    Locked {
        /// The database.
        place: Place,
        /// Which, where the system tells.
        by: Vec<String>,
    },
    /// What is sealed in it, our key does not open.
    #[error("database {place} belongs to another data folder: its passwords are sealed with another key than {key}", key = key.display())]
    OtherKey {
        /// The database.
        place: Place,
        /// Our key file.
        key: PathBuf,
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
        source: Told,
    },
}

impl OpenError {
    /// What the database at that place said when it was opened.
    pub(super) fn said(place: &Place, error: &sqlx::Error) -> Self {
        let (place, source) = (place.clone(), Told::from(error));
        match place {
            Place::Postgres { .. } if is_away(error) => Self::Away { place, source },
            place => Self::Unreachable { place, source },
        }
    }

    /// Whether it may be otherwise in a while, without anybody doing anything here.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Away { .. })
    }

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
            Self::Away { .. } | Self::Unreachable { place: Place::Postgres { .. }, .. } => {
                "see that PostgreSQL runs there and takes this user and password (psql <url> must connect), or correct \
                 [database] url"
                    .into()
            }
            Self::Held { .. } => {
                "stop that server first, or give this one a database of its own in [database] url".into()
            }
            Self::Locked { place: Place::Sqlite(path), by } if by.is_empty() => format!(
                "end the program that has it open, such as a backup or a sqlite3 shell (`fuser -v {}` names it), and start again",
                path.display()
            ),
            Self::Locked { .. } => {
                "let that program finish or end it, such as a backup or a sqlite3 shell, and start again".into()
            }
            Self::OtherKey { key, .. } => format!(
                "give this server a database of its own in [database] url, or restore {} from a backup of the data folder \
                 that the database belongs to; if that key is lost, delete all rows of the table endpoints and add them again",
                key.display()
            ),
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

/// Whether PostgreSQL cannot be reached now, or says itself that it serves nobody now: what waiting may change.
fn is_away(error: &sqlx::Error) -> bool {
    // Too many connections; ended by an operator or by a crash; starting or stopping; and the class of connections that broke.
    const LATER: [&str; 4] = ["53300", "57P01", "57P02", "57P03"];
    match error {
        // A socket that this user may not use is a matter of rights.
        sqlx::Error::Io(error) => error.kind() != std::io::ErrorKind::PermissionDenied,
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(told) => {
            told.code().is_some_and(|code| LATER.contains(&&*code) || code.starts_with("08"))
        }
        _ => false,
    }
}

/// Whether SQLite says that somebody else has the file: SQLITE_BUSY and SQLITE_LOCKED, in the low byte of the extended code.
pub(super) fn is_locked(told: &Told) -> bool {
    told.code().and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| [5, 6].contains(&(code & 0xff)))
}

/// What a database or its driver said, once: the driver's own errors repeat their causes, and name lines of the
/// database's source.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct Told {
    text: String,
    code: Option<String>,
}

impl Told {
    /// SQLSTATE, or SQLite's code, when the database itself said no.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

impl<E: Error + 'static> From<&E> for Told {
    fn from(error: &E) -> Self {
        let mut told = Self { text: String::new(), code: None };
        let whole: &(dyn Error + 'static) = error;
        if let Some(sqlx::Error::PoolTimedOut) = whole.downcast_ref() {
            told.text = "the database does not answer, or all our connections to it are busy".into();
            return told;
        }
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            let by_database = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
            let whole = error.to_string();
            let said = by_database.map_or_else(|| whole.clone(), |database| database.message().to_owned());
            match told.text.as_str() {
                "" => told.text = said,
                text if text.contains(&whole) => told.text = text.replace(&whole, &said),
                // An error that shows its cause within itself ends with it.
                text if said.contains(text) => told.text = said,
                _ => told.text += &format!(": {said}"),
            }
            if let Some(database) = by_database {
                told.code = database.code().map(Into::into);
                break;
            }
            next = error.source();
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_said_is_told_once() {
        let cause = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "nobody listens there");
        let told = Told::from(&sqlx::Error::Io(cause));
        assert_eq!(told.to_string().matches("nobody listens there").count(), 1, "{told}");
        assert_eq!((told.source().is_none(), told.code()), (true, None), "whoever prints the causes finds no more");
    }

    #[test]
    fn only_what_may_pass_is_waited_for() {
        use std::io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied, TimedOut, UnexpectedEof};
        let place = |url: &str| Place::parse(url, std::path::Path::new("")).expect("a place");
        let (postgres, sqlite) = (place("postgres://pbx:s3cret@db/pbx"), place("sqlite:calls.db"));
        let io = |kind| sqlx::Error::Io(std::io::Error::from(kind));
        for kind in [ConnectionRefused, NotFound, TimedOut, UnexpectedEof] {
            assert!(OpenError::said(&postgres, &io(kind)).may_pass(), "{kind:?}");
            assert!(!OpenError::said(&sqlite, &io(kind)).may_pass(), "a file is there or it is not: {kind:?}");
        }
        for never in [io(PermissionDenied), sqlx::Error::Protocol("no PostgreSQL".into())] {
            assert!(!OpenError::said(&postgres, &never).may_pass(), "{never:?}");
        }
    }
}
