//! What became of calls: records by filter, one call with its journal, and all of them as CSV or JSON.
//!
//! It reads and changes nothing. Calls that go on stand in it as far as their rows are written.

use axum::{Json, extract::State, http::StatusCode, response::Response};
use patchcord_engine::{
    journal::{CallId, NoCallId, Record, RecordShelf, Story, sentence},
    routing::ShelfError,
};

use super::{
    Rooms,
    ask::{Asked, Named},
    export,
    wanted::Filters,
};
use crate::{
    control::words::{Records, Told, WholeCall},
    masking::{mask_journal, mask_record},
    people::{Asker, Right, guard::away},
    problem::Problem,
};

/// Records in a page, unless another number is asked for.
const USUAL: usize = 100;

pub(super) async fn list(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(filters): Asked<Filters>,
) -> Result<Json<Records>, Problem> {
    let (before, most) = filters.page(USUAL)?;
    let found = rooms
        .store
        .find_calls(&filters.wanted_by(&asker, &rooms.accounts.board().directory)?, before, most)
        .await
        .map_err(|error| away(&error))?;
    let records = found.records.into_iter().map(|record| Told::from(shown(record, &asker)));
    Ok(Json(Records { records: records.collect(), next: found.next.map(|call| call.to_string()) }))
}

pub(super) async fn show(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<Json<WholeCall>, Problem> {
    let Story { record, entries } = story(&rooms, &asker, &call).await?;
    Ok(Json(WholeCall { sentence: sentence(&record), record, journal: entries }))
}

pub(super) async fn give_all(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(filters): Asked<Filters>,
) -> Result<Response, Problem> {
    let wanted = filters.wanted_by(&asker, &rooms.accounts.board().directory)?;
    Ok(export::stream(rooms.store, wanted, export::Format::of(&filters.format)?, asker))
}

/// One call, as far as who asks may see it.
pub(crate) async fn story(rooms: &Rooms, asker: &Asker, call: &str) -> Result<Story, Problem> {
    let id: CallId = call.parse().map_err(no_id)?;
    let found: Result<Option<Story>, ShelfError> = rooms.store.story(id).await;
    match found.map_err(|error| away(&error))? {
        Some(Story { record, mut entries }) => {
            if record.outcome.is_none() {
                // What it has noted since is written by the time that somebody looks again.
                rooms.accounts.board().live.read(id);
            }
            if !asker.rights.has(Right::ReadNumbers) {
                mask_journal(&mut entries);
            }
            Ok(Story { record: shown(record, asker), entries })
        }
        None => Err(Problem::new(StatusCode::NOT_FOUND, format!("no call {id} is kept")).remedy(SEE_LIST)),
    }
}

/// A record, as far as who asks may see it.
pub(crate) fn shown(mut record: Record, asker: &Asker) -> Record {
    if !asker.rights.has(Right::ReadNumbers) {
        mask_record(&mut record);
    }
    record
}

const SEE_LIST: &str = "`patchcord calls` lists those that are";

fn no_id(error: NoCallId) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, error.to_string()).remedy(SEE_LIST)
}
