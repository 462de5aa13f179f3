//! What became of calls: a page of records, and one call with its journal.
//!
//! It reads and changes nothing. Calls that go on stand in it as far as their rows are written.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use patchcord_engine::{
    journal::{CallId, MAX_PAGE, NoCallId, Page, RecordShelf, Story, sentence},
    routing::ShelfError,
};
use serde::Deserialize;

use super::{Rooms, ask::Asked};
use crate::{
    control::words::{Records, Told, WholeCall},
    problem::{Problem, chain},
};

/// Records in a page, unless another number is asked for.
const USUAL: usize = 100;

/// What the query of a list may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    before: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(State(rooms): State<Rooms>, Asked(asked): Asked<Listed>) -> Result<Json<Records>, Problem> {
    let before = asked.before.as_deref().map(str::parse).transpose().map_err(no_id)?;
    let most = asked.limit.unwrap_or(USUAL).clamp(1, MAX_PAGE);
    let found = rooms.store.records(Page { before, most }).await.map_err(away)?;
    let next = (found.len() == most).then(|| found.last().map(|record| record.call.to_string())).flatten();
    Ok(Json(Records { records: found.into_iter().map(Told::from).collect(), next }))
}

pub(super) async fn show(State(rooms): State<Rooms>, Path(call): Path<String>) -> Result<Json<WholeCall>, Problem> {
    let id: CallId = call.parse().map_err(no_id)?;
    match rooms.store.story(id).await.map_err(away)? {
        Some(Story { record, entries }) => {
            Ok(Json(WholeCall { sentence: sentence(&record), record, journal: entries }))
        }
        None => Err(Problem::new(StatusCode::NOT_FOUND, format!("no call {id} is kept")).remedy(SEE_LIST)),
    }
}

const SEE_LIST: &str = "`patchcord calls` lists those that are";

fn no_id(error: NoCallId) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string()).remedy(SEE_LIST)
}

fn away(error: ShelfError) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, chain(&error)).remedy("see that the database runs")
}
