//! What scripts keep: a value a key, within bounds for each owner.
//!
//! An owner is a service, or what all services share. Whoever changes an owner's shelf takes the owner's row first, so changes
//! of one owner happen one after the other on either database: no count is lost, and the bounds hold. What has lapsed is
//! nothing to whoever asks; its row goes with [`Store::sweep_shelf`], or earlier when its owner needs the room.
//!
//! What a value means is decided by whoever keeps it; here it is JSON text, and a whole number when it is counted.

use std::time::{Duration, SystemTime};

use patchcord_engine::routing::ShelfError;

use crate::store::{
    PATIENCE, Store,
    database::on_either,
    failed,
    time::{from_millis, to_millis},
};

/// Owners of one sweep: there are about as many as services.
const OWNERS_PER_SWEEP: i64 = 100;

/// Rows of one owner that go in one turn, so that nobody waits long for it.
const ROWS_PER_TURN: i64 = 500;

const TAKE_TURN: &str = "INSERT INTO shelf_owners (owner, entries, bytes) VALUES ($1, 0, 0) \
                         ON CONFLICT (owner) DO UPDATE SET owner = excluded.owner RETURNING entries, bytes";
const END_TURN: &str = "UPDATE shelf_owners SET entries = $2, bytes = $3 WHERE owner = $1";
const FIND: &str = "SELECT value, bytes, expires_at FROM shelf WHERE owner = $1 AND name = $2";
const PUT: &str = "INSERT INTO shelf (owner, name, value, bytes, expires_at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (owner, name) DO UPDATE SET value = excluded.value, bytes = excluded.bytes, \
                   expires_at = excluded.expires_at";
const REMOVE: &str = "DELETE FROM shelf WHERE owner = $1 AND name = $2";
const REMOVE_LAPSED: &str = "DELETE FROM shelf WHERE owner = $1 AND name IN (SELECT name FROM shelf \
                             WHERE owner = $1 AND expires_at <= $2 LIMIT $3) RETURNING bytes";
const WITH_LAPSED: &str = "SELECT DISTINCT owner FROM shelf WHERE expires_at <= $1 LIMIT $2";

/// How much one owner may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Values.
    pub entries: usize,
    /// Bytes of keys and values together.
    pub bytes: usize,
}

/// What is done with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// This stands there from now on. It lapses with the time that is given, or never.
    Put(String),
    /// So much is added to the number there. What is not there is zero; only then does the time that is given count, so that
    /// "three in an hour" ends an hour after the first.
    Add(i64),
    /// Nothing stands there any more.
    Remove,
}

/// A change of one value.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Whose it is.
    pub owner: &'a str,
    /// Under which name.
    pub name: &'a str,
    /// What is done.
    pub change: Change,
    /// How long it stays.
    pub lasts: Option<Duration>,
}

/// Why a value was not changed.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Something else than a whole number is there.
    #[error("{name:?} holds no whole number, so nothing can be added to it")]
    NoNumber {
        /// The key.
        name: String,
    },
    /// The sum is no number of 64 bits.
    #[error("the number at {name:?} would grow out of 64 bits")]
    Overflow {
        /// The key.
        name: String,
    },
    /// The owner has too many values.
    #[error("{most} values are kept here already, which is the most; delete some, or let them lapse with a ttl")]
    TooMany {
        /// How many are allowed.
        most: usize,
    },
    /// The owner's values are too large.
    #[error("the values kept here would be more than {most} bytes together; delete some, or let them lapse with a ttl")]
    TooMuch {
        /// How many bytes are allowed.
        most: usize,
    },
    /// The database does not do it.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

impl From<sqlx::Error> for KeepError {
    fn from(error: sqlx::Error) -> Self {
        failed(error).into()
    }
}

/// A row as it stands.
type Row = (String, i64, Option<i64>);

/// What an owner keeps.
#[derive(Clone, Copy)]
struct Tally {
    entries: i64,
    bytes: i64,
}

impl Tally {
    fn without(self, entries: usize, bytes: i64) -> Self {
        Self { entries: self.entries - entries as i64, bytes: self.bytes - bytes }
    }

    fn with(self, bytes: i64) -> Self {
        Self { entries: self.entries + 1, bytes: self.bytes + bytes }
    }

    fn judge(self, bounds: Bounds) -> Result<(), KeepError> {
        if usize::try_from(self.entries).is_ok_and(|entries| entries > bounds.entries) {
            return Err(KeepError::TooMany { most: bounds.entries });
        }
        if usize::try_from(self.bytes).is_ok_and(|bytes| bytes > bounds.bytes) {
            return Err(KeepError::TooMuch { most: bounds.bytes });
        }
        Ok(())
    }
}

impl Store {
    /// What stands there at `now`.
    pub async fn shelved(&self, owner: &str, name: &str, now: SystemTime) -> Result<Option<String>, ShelfError> {
        self.within(PATIENCE, async {
            let found: Option<Row> = on_either!(&self.database, |pool: Kind| sqlx::query_as(FIND)
                .bind(owner)
                .bind(name)
                .fetch_optional(pool)
                .await)
            .map_err(failed)?;
            Ok(found.filter(|row| stands(row, to_millis(now))).map(|(value, ..)| value))
        })
        .await
    }

    /// Changes what stands there, and gives what stands there now; what was removed, if there was something to remove.
    pub async fn shelve(&self, order: Order<'_>, bounds: Bounds, now: SystemTime) -> Result<Option<String>, KeepError> {
        let changed = tokio::time::timeout(PATIENCE, self.shelve_in_turn(order, bounds, now));
        changed.await.unwrap_or_else(|elapsed| Err(ShelfError::Away(Box::new(elapsed)).into()))
    }

    async fn shelve_in_turn(
        &self,
        order: Order<'_>,
        bounds: Bounds,
        now: SystemTime,
    ) -> Result<Option<String>, KeepError> {
        let (owner, name, at) = (order.owner, order.name, to_millis(now));
        on_either!(&self.database, |pool: Kind| {
            let mut turn = pool.begin().await?;
            let (entries, bytes) = sqlx::query_as(TAKE_TURN).bind(owner).fetch_one(&mut *turn).await?;
            let found: Option<Row> = sqlx::query_as(FIND).bind(owner).bind(name).fetch_optional(&mut *turn).await?;
            let mut tally = Tally { entries, bytes };
            if let Some((_, bytes, _)) = &found {
                tally = tally.without(1, *bytes);
            }
            let standing = found.filter(|row| stands(row, at));
            let told = match order.next(standing.as_ref(), now)? {
                None => {
                    sqlx::query(REMOVE).bind(owner).bind(name).execute(&mut *turn).await?;
                    standing.map(|(value, ..)| value)
                }
                Some((value, bytes, expires_at)) => {
                    tally = tally.with(bytes);
                    if tally.judge(bounds).is_err() {
                        let freed: Vec<i64> = sqlx::query_scalar(REMOVE_LAPSED)
                            .bind(owner)
                            .bind(at)
                            .bind(i64::MAX)
                            .fetch_all(&mut *turn)
                            .await?;
                        tally = tally.without(freed.len(), freed.iter().sum());
                        tally.judge(bounds)?;
                    }
                    let put = sqlx::query(PUT).bind(owner).bind(name).bind(&value).bind(bytes).bind(expires_at);
                    put.execute(&mut *turn).await?;
                    Some(value)
                }
            };
            let end = sqlx::query(END_TURN).bind(owner).bind(tally.entries).bind(tally.bytes);
            end.execute(&mut *turn).await?;
            turn.commit().await?;
            Ok(told)
        })
    }

    /// Takes away what has lapsed, in small turns; gives back how many values that were.
    pub async fn sweep_shelf(&self, now: SystemTime) -> Result<usize, ShelfError> {
        let at = to_millis(now);
        let owners: Vec<String> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_scalar(WITH_LAPSED)
                    .bind(at)
                    .bind(OWNERS_PER_SWEEP)
                    .fetch_all(pool)
                    .await)
                .map_err(failed)
            })
            .await?;
        let mut swept = 0;
        for owner in owners {
            loop {
                let freed = self.within(PATIENCE, self.sweep_turn(&owner, at)).await?;
                swept += freed;
                if (freed as i64) < ROWS_PER_TURN {
                    break;
                }
            }
        }
        Ok(swept)
    }

    async fn sweep_turn(&self, owner: &str, at: i64) -> Result<usize, ShelfError> {
        on_either!(&self.database, |pool: Kind| async {
            let mut turn = pool.begin().await?;
            let (entries, bytes) = sqlx::query_as(TAKE_TURN).bind(owner).fetch_one(&mut *turn).await?;
            let freed: Vec<i64> = sqlx::query_scalar(REMOVE_LAPSED)
                .bind(owner)
                .bind(at)
                .bind(ROWS_PER_TURN)
                .fetch_all(&mut *turn)
                .await?;
            let tally = Tally { entries, bytes }.without(freed.len(), freed.iter().sum());
            let end = sqlx::query(END_TURN).bind(owner).bind(tally.entries).bind(tally.bytes);
            end.execute(&mut *turn).await?;
            turn.commit().await?;
            Ok(freed.len())
        }
        .await)
        .map_err(failed)
    }
}

impl Order<'_> {
    /// The row that is to stand there, if any is.
    fn next(&self, standing: Option<&Row>, now: SystemTime) -> Result<Option<Row>, KeepError> {
        let name = || self.name.to_owned();
        let fresh = self.lasts.map(|lasts| to_millis(now.checked_add(lasts).unwrap_or(from_millis(i64::MAX))));
        let (value, expires_at) = match &self.change {
            Change::Remove => return Ok(None),
            Change::Put(value) => (value.clone(), fresh),
            Change::Add(by) => {
                let (before, expires_at) = match standing {
                    None => (0, fresh),
                    Some((value, _, expires_at)) => {
                        let number = value.parse::<i64>().map_err(|_| KeepError::NoNumber { name: name() })?;
                        (number, *expires_at)
                    }
                };
                let sum = before.checked_add(*by).ok_or_else(|| KeepError::Overflow { name: name() })?;
                (sum.to_string(), expires_at)
            }
        };
        let bytes = (self.name.len() + value.len()) as i64;
        Ok(Some((value, bytes, expires_at)))
    }
}

fn stands((.., expires_at): &Row, at: i64) -> bool {
    expires_at.is_none_or(|expires_at| expires_at > at)
}
