//! Voicemail: what was left for whom, and how often somebody tried a wrong PIN.
//!
//! Only what is known of a message lies here; its sound lies in the folder of recordings. Tries of a PIN are counted one after
//! the other, so that many callers at once guess no more often than one.

use std::time::{Duration, SystemTime};

use patchcord_engine::routing::ShelfError;
use sqlx::FromRow;

use crate::store::{
    PATIENCE, Store,
    database::on_either,
    failed,
    time::{from_millis, to_millis},
};

const LEAVE: &str = "INSERT INTO voicemails (id, mailbox, file, from_number, ms, left_at, heard) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const COUNT: &str = "SELECT heard, COUNT(*) FROM voicemails WHERE mailbox = $1 GROUP BY heard";
const LIST: &str = "SELECT id, file, from_number, ms, left_at, heard FROM voicemails WHERE mailbox = $1 \
                    ORDER BY heard, left_at, id LIMIT $2";
const MARK: &str = "UPDATE voicemails SET heard = $3 WHERE mailbox = $1 AND id = $2";
const REMOVE: &str = "DELETE FROM voicemails WHERE mailbox = $1 AND id = $2 RETURNING file";
const OTHERS: &str = "SELECT COUNT(*) FROM voicemails WHERE file = $1";
const TAKE_TURN: &str = "INSERT INTO pin_tries (mailbox, failed, locked_until) VALUES ($1, 0, 0) \
                         ON CONFLICT (mailbox) DO UPDATE SET mailbox = excluded.mailbox RETURNING failed, locked_until";
const FORGET_TRIES: &str = "DELETE FROM pin_tries WHERE mailbox = $1";
const NOTE_TRIES: &str = "UPDATE pin_tries SET failed = $2, locked_until = $3 WHERE mailbox = $1";

/// A message that was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voicemail {
    /// Unlike each other.
    pub id: String,
    /// Its file in the folder of recordings.
    pub file: String,
    /// The number that left it.
    pub from: String,
    /// How long it is.
    pub length: Duration,
    /// When it was left.
    pub left: SystemTime,
    /// Whether somebody heard it.
    pub heard: bool,
}

/// How many messages a mailbox has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Nobody heard them yet.
    pub unheard: usize,
    /// Somebody did.
    pub heard: usize,
}

/// How often a PIN may be wrong, and what then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// So many wrong ones in a row …
    pub most: usize,
    /// … and no other is looked at for so long.
    pub lock: Duration,
}

/// What came of a PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the one.
    Right,
    /// It is not; so many may still follow before the mailbox is locked.
    Wrong(usize),
    /// It was not looked at, or was one too many: for so long none is.
    Locked(Duration),
}

#[derive(FromRow)]
struct Row {
    id: String,
    file: String,
    from_number: String,
    ms: i64,
    left_at: i64,
    heard: bool,
}

impl Store {
    /// Keeps a message, unless the mailbox has `most` of them.
    pub async fn leave_voicemail(&self, mailbox: &str, message: &Voicemail, most: usize) -> Result<bool, ShelfError> {
        let Count { unheard, heard } = self.count_voicemails(mailbox).await?;
        if unheard + heard >= most {
            return Ok(false);
        }
        let Voicemail { id, file, from, length, left, heard } = message;
        let (length, left) = (i64::try_from(length.as_millis()).unwrap_or(i64::MAX), to_millis(*left));
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let row = sqlx::query(LEAVE).bind(id).bind(mailbox).bind(file).bind(from).bind(length).bind(left);
                row.bind(heard).execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await?;
        Ok(true)
    }

    /// Messages of a mailbox: first those that nobody heard, and the older before the newer.
    pub async fn voicemails(&self, mailbox: &str, most: usize) -> Result<Vec<Voicemail>, ShelfError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(LIST)
                    .bind(mailbox)
                    .bind(most)
                    .fetch_all(pool)
                    .await)
                .map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().map(Voicemail::from).collect())
    }

    /// How many messages a mailbox has.
    pub async fn count_voicemails(&self, mailbox: &str) -> Result<Count, ShelfError> {
        let rows: Vec<(bool, i64)> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(COUNT).bind(mailbox).fetch_all(pool).await)
                    .map_err(failed)
            })
            .await?;
        let count = |wanted| {
            let found = rows.iter().filter(|(heard, _)| *heard == wanted).map(|(_, count)| *count).sum::<i64>();
            usize::try_from(found).unwrap_or_default()
        };
        Ok(Count { unheard: count(false), heard: count(true) })
    }

    /// Notes whether somebody heard a message; says whether there is such a one.
    pub async fn mark_voicemail(&self, mailbox: &str, id: &str, heard: bool) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            let marked = on_either!(&self.database, |pool: Kind| {
                let mark = sqlx::query(MARK).bind(mailbox).bind(id).bind(heard);
                mark.execute(pool).await.map(|done| done.rows_affected())
            });
            Ok(marked.map_err(failed)? > 0)
        })
        .await
    }

    /// Forgets a message. Gives its file when there was such a one, and whether no other message has the same file.
    pub async fn remove_voicemail(&self, mailbox: &str, id: &str) -> Result<Option<(String, bool)>, ShelfError> {
        self.within(PATIENCE, async {
            let removed = on_either!(&self.database, |pool: Kind| async {
                let mut both = pool.begin().await?;
                let file: Option<String> =
                    sqlx::query_scalar(REMOVE).bind(mailbox).bind(id).fetch_optional(&mut *both).await?;
                let Some(file) = file else { return Ok(None) };
                let others: i64 = sqlx::query_scalar(OTHERS).bind(&file).fetch_one(&mut *both).await?;
                both.commit().await?;
                Ok(Some((file, others == 0)))
            }
            .await);
            removed.map_err(failed)
        })
        .await
    }

    /// Tries a PIN, of which is known whether it is right: unless the mailbox is locked, in which case nobody is told.
    pub async fn try_pin(
        &self,
        mailbox: &str,
        is_right: bool,
        tries: Tries,
        now: SystemTime,
    ) -> Result<Tried, ShelfError> {
        let at = to_millis(now);
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                let (failed, locked_until): (i64, i64) =
                    sqlx::query_as(TAKE_TURN).bind(mailbox).fetch_one(&mut *turn).await?;
                let rest = u64::try_from(locked_until - at).unwrap_or_default();
                let tried = judge(failed, Duration::from_millis(rest), is_right, tries);
                match tried {
                    Tried::Right => sqlx::query(FORGET_TRIES).bind(mailbox).execute(&mut *turn).await?,
                    Tried::Wrong(_) => {
                        let note = sqlx::query(NOTE_TRIES).bind(mailbox).bind(failed + 1).bind(0_i64);
                        note.execute(&mut *turn).await?
                    }
                    Tried::Locked(rest) => {
                        let until = to_millis(now + rest);
                        sqlx::query(NOTE_TRIES).bind(mailbox).bind(0_i64).bind(until).execute(&mut *turn).await?
                    }
                };
                turn.commit().await?;
                Ok(tried)
            }
            .await)
            .map_err(|error: sqlx::Error| crate::store::failed(error))
        })
        .await
    }
}

/// What comes of a PIN after so many wrong ones, at a mailbox that is locked for that long.
fn judge(failed: i64, locked: Duration, is_right: bool, tries: Tries) -> Tried {
    let failed = usize::try_from(failed).unwrap_or_default() + 1;
    match () {
        () if !locked.is_zero() => Tried::Locked(locked),
        () if is_right => Tried::Right,
        () if failed >= tries.most => Tried::Locked(tries.lock),
        () => Tried::Wrong(tries.most - failed),
    }
}

impl From<Row> for Voicemail {
    fn from(row: Row) -> Self {
        let Row { id, file, from_number, ms, left_at, heard } = row;
        let length = Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        Self { id, file, from: from_number, length, left: from_millis(left_at), heard }
    }
}
