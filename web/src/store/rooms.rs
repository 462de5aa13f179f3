//! Rooms that are over: found by their name and by when they were, each with its story.

use std::time::SystemTime;

use patchcord_engine::{room::Past, routing::ShelfError};
use serde::{Deserialize, Serialize};

use crate::store::{PATIENCE, Store, database::on_either, failed, time::to_millis};

/// Rooms in one page, at most.
pub const MAX_PAGE: usize = 500;

const KEEP: &str = "INSERT INTO past_rooms (id, room, opened_at, lasted_ms, most, story) VALUES ($1, $2, $3, $4, $5, $6) \
                    ON CONFLICT (id) DO NOTHING";
const LATEST: &str = "SELECT id, room, opened_at, lasted_ms, most FROM past_rooms WHERE id < $1 AND most >= $3 \
                      ORDER BY id DESC LIMIT $2";
const OF_ROOM: &str = "SELECT id, room, opened_at, lasted_ms, most FROM past_rooms WHERE id < $1 AND most >= $3 AND room = $4 \
                       ORDER BY id DESC LIMIT $2";
// Only a moment of somebody at the door names a visitor.
const TRIED: &str = "SELECT story FROM past_rooms WHERE room = $1 AND opened_at < $2 AND story LIKE '%\"visitor\":{%' \
                     ORDER BY id DESC LIMIT $3";
const STORY: &str = "SELECT story FROM past_rooms WHERE id = $1";
const FORGET: &str = "DELETE FROM past_rooms WHERE opened_at < $1";

/// Which rooms that are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those in which somebody was.
    Met,
    /// Also those at whose door somebody stood, and nobody came in.
    All,
}

impl Which {
    /// As it is asked for.
    #[must_use]
    pub fn of(empty: Option<bool>) -> Self {
        if empty.unwrap_or(false) { Self::All } else { Self::Met }
    }

    /// The fewest members that such a room had.
    const fn fewest(self) -> i64 {
        match self {
            Self::Met => 1,
            Self::All => 0,
        }
    }
}

/// Behind every name: they are digits and small letters.
const LAST: &str = "~";

/// A room that is over, without its story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRoom {
    /// Its name in the store.
    pub id: String,
    /// The name of the room.
    pub room: String,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
    /// How long it lasted.
    pub lasted_ms: u64,
    /// The most members that were in at once.
    pub most: u64,
}

impl Store {
    /// Keeps rooms that are over. One that is kept already stays as it is.
    pub async fn keep_rooms(&self, past: &[Past]) -> Result<(), ShelfError> {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| async {
                let mut turn = pool.begin().await?;
                for past in past {
                    let story = serde_json::to_string(past).expect("texts and numbers are JSON");
                    let row = sqlx::query(KEEP).bind(&past.id).bind(&past.room).bind(number(past.opened_ms));
                    let row = row.bind(number(past.lasted_ms)).bind(past.most as i64).bind(story);
                    row.execute(&mut *turn).await?;
                }
                turn.commit().await
            }
            .await)
            .map_err(failed)
        })
        .await
    }

    /// Rooms that are over, the latest first: of that name or of any, and before that one.
    pub async fn past_rooms(
        &self,
        room: Option<&str>,
        before: Option<&str>,
        most: usize,
        which: Which,
    ) -> Result<Vec<PastRoom>, ShelfError> {
        type Row = (String, String, i64, i64, i64);
        let (before, most) = (before.unwrap_or(LAST), most.min(MAX_PAGE) as i64);
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                let fewest = which.fewest();
                on_either!(&self.database, |pool: Kind| match room {
                    Some(room) => {
                        let rooms = sqlx::query_as(OF_ROOM).bind(before).bind(most).bind(fewest).bind(room);
                        rooms.fetch_all(pool).await
                    }
                    None => sqlx::query_as(LATEST).bind(before).bind(most).bind(fewest).fetch_all(pool).await,
                })
                .map_err(failed)
            })
            .await?;
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let past = |(id, room, opened, lasted, most): Row| PastRoom {
            id,
            room,
            opened_ms: number(opened),
            lasted_ms: number(lasted),
            most: number(most),
        };
        Ok(rows.into_iter().map(past).collect())
    }

    /// Stories of a room in which somebody stood at the door and did not come in, the latest first: of those opened before that
    /// moment, so many at most.
    pub async fn tried_rooms(&self, room: &str, before_ms: u64, most: usize) -> Result<Vec<Past>, ShelfError> {
        let (before, most) = (i64::try_from(before_ms).unwrap_or(i64::MAX), most.min(MAX_PAGE) as i64);
        let stories: Vec<String> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| {
                    sqlx::query_scalar(TRIED).bind(room).bind(before).bind(most).fetch_all(pool).await
                })
                .map_err(failed)
            })
            .await?;
        Ok(stories.iter().filter_map(|story| serde_json::from_str(story).ok()).collect())
    }

    /// One of them with its story.
    pub async fn past_room(&self, id: &str) -> Result<Option<Past>, ShelfError> {
        let story: Option<String> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_scalar(STORY).bind(id).fetch_optional(pool).await)
                    .map_err(failed)
            })
            .await?;
        Ok(story.and_then(|story| serde_json::from_str(&story).ok()))
    }

    /// Forgets rooms that were opened before that moment; says how many.
    pub async fn forget_rooms(&self, before: SystemTime) -> Result<u64, ShelfError> {
        let before = to_millis(before);
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(FORGET).bind(before).execute(pool).await.map(|done| done.rows_affected())
            })
            .map_err(failed)
        })
        .await
    }
}
