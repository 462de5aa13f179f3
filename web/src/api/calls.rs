//! Calls that go on: listed, and hung up.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use patchcord_engine::{
    journal::{CallId, MAX_PAGE, NoCallId},
    runtime::clock,
};

use super::{Rooms, records::shown};
use crate::{
    control::words::{Records, Told},
    people::Asker,
    problem::Problem,
};

pub(super) async fn list(State(rooms): State<Rooms>, asker: Asker) -> Json<Records> {
    let calls = rooms.accounts.board().live.latest(MAX_PAGE);
    Json(Records { records: calls.into_iter().map(|record| Told::from(shown(record, &asker))).collect(), next: None })
}

pub(super) async fn end(
    State(rooms): State<Rooms>,
    asker: Asker,
    Path(call): Path<String>,
) -> Result<StatusCode, Problem> {
    let call: CallId =
        call.parse().map_err(|error: NoCallId| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    hang_up(&rooms, &asker, call).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Has a call hung up, and notes who wanted that.
pub(crate) async fn hang_up(rooms: &Rooms, asker: &Asker, call: CallId) -> Result<(), Problem> {
    if !rooms.accounts.board().live.hang_up(call) {
        let gone = Problem::new(StatusCode::NOT_FOUND, format!("call {call} does not go on"));
        return Err(gone.remedy("it may be over already; see /api/v1/calls"));
    }
    rooms.people.note(asker, "hung up call", &call.to_string(), clock::wall()).await;
    Ok(())
}
