//! Where the database is.
//!
//! A [`Place`] is read once, at start, from `[database] url`. It prints without its password, so it may stand in any
//! error or log line. It opens nothing.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use sqlx::postgres::PgConnectOptions;

/// Which database, and where.
#[derive(Clone)]
pub enum Place {
    /// A file of this machine, made when it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres {
        /// What the driver needs to connect.
        options: Box<PgConnectOptions>,
        /// The URL with `***` where the password was.
        shown: String,
    },
}

/// Why a text is no place for a database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// It does not begin with a scheme that we serve.
    #[error("names no database that this server knows")]
    Scheme,
    /// `sqlite:` and no file, or `:memory:`.
    #[error("names no file to keep the database in")]
    NoFile,
    /// `?…` after a SQLite file.
    #[error("has options after the file name, which are not supported")]
    Options,
    /// The PostgreSQL driver cannot read it.
    #[error("is not a PostgreSQL URL: {reason}")]
    Postgres {
        /// What the driver said, without the URL.
        reason: String,
    },
}

impl PlaceError {
    /// What to write instead.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Scheme | Self::NoFile | Self::Options => {
                "write \"sqlite:data/patchcord.db\", or \"postgres://user:password@host/database\""
            }
            Self::Postgres { .. } => {
                "write \"postgres://user:password@host/database\"; in the password, @ is %40, / is %2F, : is %3A, ? is %3F and # is %23"
            }
        }
    }
}

impl Place {
    /// Reads a database URL; a relative SQLite file is looked for in `base`.
    pub fn parse(url: &str, base: &Path) -> Result<Self, PlaceError> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let file = rest.strip_prefix("//").unwrap_or(rest);
            return match file {
                "" | ":memory:" => Err(PlaceError::NoFile),
                file if file.contains('?') => Err(PlaceError::Options),
                file => Ok(Self::Sqlite(base.join(file))),
            };
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(PlaceError::Scheme);
        }
        if hides_a_password(url) {
            return Err(PlaceError::Postgres { reason: "an @ stands where no user and password are any more".into() });
        }
        match PgConnectOptions::from_str(url) {
            Ok(options) => Ok(Self::Postgres { options: Box::new(options), shown: without_password(url) }),
            Err(sqlx::Error::Configuration(reason)) => Err(PlaceError::Postgres { reason: reason.to_string() }),
            Err(_) => Err(PlaceError::Postgres { reason: "it cannot be read".into() }),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { shown, .. } => f.write_str(shown),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether a password with an unescaped `/`, `?` or `#` in it would be read as a host, a database or options.
fn hides_a_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let path = behind.split(['?', '#']).next().unwrap_or_default();
    path.contains('@') || (behind.contains('@') && !authority.contains('@'))
}

/// `url` with `***` for every password in it: the one before the `@` and the one that may stand in the query.
fn without_password(url: &str) -> String {
    let (before_query, query) = url.split_once('?').map_or((url, None), |(before, query)| (before, Some(query)));
    let (scheme, rest) = before_query.split_once("://").unwrap_or(("", before_query));
    let mut shown = match rest.rsplit_once('@') {
        Some((who, host)) => match who.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
            None => format!("{scheme}://{who}@{host}"),
        },
        None => format!("{scheme}://{rest}"),
    };
    for (index, pair) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        let secret = pair.split_once('=').filter(|(key, _)| key.to_ascii_lowercase().contains("password"));
        match secret {
            Some((key, _)) => {
                shown.push_str(key);
                shown.push_str("=***");
            }
            None => shown.push_str(pair),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        Place::parse(url, Path::new("/srv/pbx")).expect("a place").to_string()
    }

    #[test]
    fn a_relative_file_lies_beside_the_configuration() {
        assert_eq!(shown("sqlite:data/patchcord.db"), "sqlite:/srv/pbx/data/patchcord.db");
        assert_eq!(shown("sqlite://data/patchcord.db"), "sqlite:/srv/pbx/data/patchcord.db");
        assert_eq!(shown("sqlite:///var/lib/patchcord.db"), "sqlite:/var/lib/patchcord.db");
    }

    #[test]
    fn a_password_is_never_printed() {
        assert_eq!(shown("postgres://pbx:s3cret@db.example/pbx"), "postgres://pbx:***@db.example/pbx");
        assert_eq!(shown("postgres://pbx@db.example/pbx"), "postgres://pbx@db.example/pbx");
        assert_eq!(
            shown("postgresql://db.example/pbx?user=pbx&password=s3cret"),
            "postgresql://db.example/pbx?user=pbx&password=***"
        );
        let place = Place::parse("postgres://pbx:s3cret@db.example/pbx", Path::new("/")).expect("a place");
        assert_eq!(format!("{place:?}"), "postgres://pbx:***@db.example/pbx");
    }

    #[test]
    fn what_is_no_database_is_refused_with_a_remedy() {
        for (url, error) in [
            ("mysql://db.example/pbx", PlaceError::Scheme),
            ("patchcord.db", PlaceError::Scheme),
            ("sqlite:", PlaceError::NoFile),
            ("sqlite::memory:", PlaceError::NoFile),
            ("sqlite:a.db?mode=ro", PlaceError::Options),
        ] {
            assert_eq!(Place::parse(url, Path::new("/")).map(|place| place.to_string()), Err(error), "{url}");
        }
        for url in ["postgres://u:to@p/secret@h:1/d", "postgres://u:12/secret@h/d", "postgres://u:12?secret@h/d"] {
            let error = Place::parse(url, Path::new("/")).expect_err(url);
            assert!(!error.to_string().contains("secret"), "{error} shows the password");
        }
        let error = Place::parse("postgres://pbx:a/b@host/db", Path::new("/")).expect_err("the slash is not escaped");
        assert!(!error.to_string().contains("a/b"), "{error} shows the password");
        assert!(error.remedy().contains("%2F"), "{}", error.remedy());
    }
}
