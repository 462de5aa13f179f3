//! Routes that were added while the server ran, as they were written. Whether they are in force is not asked here.

use std::time::SystemTime;

use patchcord_engine::routing::ShelfError;
use sqlx::FromRow;
use tracing::warn;

use crate::{
    routes::Added,
    store::{
        PATIENCE, Store,
        database::on_either,
        failed,
        time::{from_millis, to_millis},
    },
};

const ALL: &str = "SELECT id, written, written_by, added_at FROM routes ORDER BY added_at, id";
const ADD: &str = "INSERT INTO routes (id, written, written_by, added_at) VALUES ($1, $2, $3, $4)";
const CHANGE: &str = "UPDATE routes SET written = $2, written_by = $3 WHERE id = $1";
const REMOVE: &str = "DELETE FROM routes WHERE id = $1";

#[derive(FromRow)]
struct Row {
    id: String,
    written: String,
    written_by: String,
    added_at: i64,
}

impl Store {
    /// All of them, in the order in which they were added. One that is no JSON is told in the log and left out.
    pub async fn routes(&self) -> Result<Vec<Added>, ShelfError> {
        let rows: Vec<Row> = self
            .within(PATIENCE, async {
                on_either!(&self.database, |pool: Kind| sqlx::query_as(ALL).fetch_all(pool).await).map_err(failed)
            })
            .await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// Adds one.
    pub async fn add_route(&self, route: &Added) -> Result<(), ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let add = sqlx::query(ADD).bind(&route.id).bind(text(route)).bind(&route.written_by);
                add.bind(to_millis(route.added_at)).execute(pool).await.map(drop)
            })
            .map_err(failed)
        })
        .await
    }

    /// Changes what one says, and who said so last. False where there is none.
    pub async fn change_route(&self, route: &Added) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                let change = sqlx::query(CHANGE).bind(&route.id).bind(text(route)).bind(&route.written_by);
                change.execute(pool).await.map(|done| done.rows_affected() > 0)
            })
            .map_err(failed)
        })
        .await
    }

    /// Removes one. False where there is none.
    pub async fn remove_route(&self, id: &str) -> Result<bool, ShelfError> {
        self.within(PATIENCE, async {
            on_either!(&self.database, |pool: Kind| {
                sqlx::query(REMOVE).bind(id).execute(pool).await.map(|done| done.rows_affected() > 0)
            })
            .map_err(failed)
        })
        .await
    }
}

fn text(route: &Added) -> String {
    serde_json::to_string(&route.written).expect("a map of JSON is JSON")
}

impl Row {
    fn read(self) -> Option<Added> {
        let Self { id, written, written_by, added_at } = self;
        let written = serde_json::from_str(&written).inspect_err(|error| {
            warn!(route = id, %error, "a route that is kept cannot be read, and is left out");
        });
        let added_at: SystemTime = from_millis(added_at);
        Some(Added { id, written: written.ok()?, written_by, added_at })
    }
}
