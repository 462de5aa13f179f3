//! Who is logged in, by the hash of a cookie.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;

use crate::{
    people::{
        User,
        session::{IDLE, Kept, LONGEST, MOST},
    },
    store::{
        PATIENCE, Store,
        database::on_either,
        failed,
        time::{from_millis, to_millis},
    },
};

/// One makes room for the new one.
const MAKE_ROOM: &str = "DELETE FROM sessions WHERE owner = $1 AND hash NOT IN \
                         (SELECT hash FROM sessions WHERE owner = $1 ORDER BY used_at DESC, began_at DESC LIMIT $2)";
/// Nobody comes in by a password that was changed while it was compared.
const BEGIN: &str = "INSERT INTO sessions (hash, owner, began_at, used_at) SELECT $1, name, $3, $3 FROM users \
                     WHERE name = $2 AND password_hash = $4";
const ONE: &str = "SELECT s.owner, u.role, s.began_at, s.used_at FROM sessions AS s JOIN users AS u ON u.name = s.owner \
                   WHERE s.hash = $1";
const USE: &str = "UPDATE sessions SET used_at = $2 WHERE hash = $1 AND used_at < $2";
const END: &str = "DELETE FROM sessions WHERE hash = $1";
pub(super) const END_ALL: &str = "DELETE FROM sessions WHERE owner = $1";
const SWEEP: &str = "DELETE FROM sessions WHERE used_at <= $1 OR began_at <= $2";

impl Store {
    /// Keeps a new session; says whether that user still has that password. The one that he used longest ago ends where there are too many.
    pub async fn begin_session(&self, hash: &[u8], user: &User, now: SystemTime) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                sqlx::query(MAKE_ROOM).bind(&user.name).bind(MOST as i64 - 1).execute(&mut *turn).await?;
                let begin = sqlx::query(BEGIN).bind(hash).bind(&user.name).bind(to_millis(now)).bind(&user.hash);
                let done = begin.execute(&mut *turn).await?.rows_affected();
                turn.commit().await?;
                Ok(done == 1)
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// The session of that hash, lapsed or not.
    pub async fn session(&self, hash: &[u8]) -> Result<Option<Kept>, ShelfError> {
        let row: Option<(String, String, i64, i64)> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ONE).bind(hash).fetch_optional(pool).await)
                    .map_err(failed)
            })
            .await?;
        Ok(row.map(|(owner, role, began, used)| {
            let (role, began, used) = (role.parse().ok(), from_millis(began), from_millis(used));
            Kept { owner, role, began, used }
        }))
    }

    /// A session was used then.
    pub async fn use_session(&self, hash: &[u8], now: SystemTime) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(USE).bind(hash).bind(to_millis(now)).execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Ends a session.
    pub async fn end_session(&self, hash: &[u8]) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| sqlx::query(END).bind(hash).execute(pool).await.map(drop))
                .map_err(failed)
        })
        .await
    }

    /// Forgets sessions that have lapsed by themselves; says how many.
    pub async fn forget_sessions(&self, now: SystemTime) -> Result<u64, ShelfError> {
        let before = |longest| now.checked_sub(longest).map_or(0, to_millis);
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let sweep = sqlx::query(SWEEP).bind(before(IDLE)).bind(before(LONGEST));
                sweep.execute(pool).await.map(|done| done.rows_affected())
            })
            .map_err(failed)
        })
        .await
    }
}
