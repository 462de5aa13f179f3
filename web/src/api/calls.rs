//! Calls that go on: listed, hung up, and a party of one passed on.

use std::time::Duration;

use axum::{extract::State, http::StatusCode};
use patchcord_engine::{
    journal::{CallId, LegNumber, MAX_PAGE, NoCallId},
    live::{NotTransferred, Transferring},
    runtime::clock,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, time::timeout};

use super::{
    Rooms,
    ask::{Named, Said},
    records::shown,
};
use crate::{
    control::words::{Records, Told},
    json::Json,
    people::Asker,
    problem::Problem,
};

/// How long whoever asks waits for the call's thread, which looks four times a second.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn list(State(rooms): State<Rooms>, asker: Asker) -> Json<Records> {
    let calls = rooms.accounts.board().live.latest(MAX_PAGE, clock::wall());
    Json(Records { records: calls.into_iter().map(|record| Told::from(shown(record, &asker))).collect(), next: None })
}

pub(super) async fn end(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<StatusCode, Problem> {
    hang_up(&rooms, &asker, read(&call)?).await?;
    Ok(StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTransfer {
    to: String,
    #[serde(default)]
    leg: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Begun {
    call: String,
    /// The leg that is passed on.
    leg: u32,
    to: String,
}

pub(super) async fn transfer(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
    Said(new): Said<NewTransfer>,
) -> Result<(StatusCode, Json<Begun>), Problem> {
    let call = read(&call)?;
    let leg = pass_on(&rooms, &asker, call, new.leg, &new.to).await?;
    Ok((StatusCode::ACCEPTED, Json(Begun { call: call.to_string(), leg, to: new.to })))
}

/// Passes a party on, and notes who wanted that; gives its leg. The one it talks with stays until the other has answered.
pub(crate) async fn pass_on(
    rooms: &Rooms,
    asker: &Asker,
    call: CallId,
    leg: Option<u32>,
    to: &str,
) -> Result<u32, Problem> {
    let (tell, told) = oneshot::channel();
    // Who does not wait any more is not told.
    let wish = Transferring::new(call, leg.map(LegNumber), to, move |begun| drop(tell.send(begun)));
    rooms.accounts.board().live.transfer(wish);
    let begun = timeout(PATIENCE, told).await.map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the call does not answer").remedy("see whether it still goes on")
    })?;
    let LegNumber(leg) = begun.unwrap_or(Err(NotTransferred::NoCall))?;
    rooms.people.note(asker, "transferred call", &format!("{call} leg {leg} to {}", to.trim()), clock::wall()).await;
    Ok(leg)
}

impl From<NotTransferred> for Problem {
    fn from(why: NotTransferred) -> Self {
        use NotTransferred as Not;
        let (status, remedy) = match &why {
            Not::NoCall => (StatusCode::NOT_FOUND, "it may be over already; see /api/v1/calls"),
            Not::NoLeg => (StatusCode::NOT_FOUND, "see the legs of the call in /api/v1/calls"),
            Not::NotTalking => (StatusCode::CONFLICT, "wait until somebody has answered, or hang the call up"),
            Not::UnderWay => (StatusCode::CONFLICT, "wait until the first transfer has come about, or has not"),
            Not::Nobody(_) => (StatusCode::NOT_FOUND, "see /api/v1/endpoints for those that can be called"),
            Not::Unreachable(_) => (StatusCode::CONFLICT, "see /api/v1/registrations for who can be reached"),
            Not::Forbidden(..) => (StatusCode::FORBIDDEN, "write a [[route]] that leads there from endpoints"),
            Not::Service(..) => (StatusCode::CONFLICT, "name an endpoint or a number outside"),
            Not::Unreadable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "write user:alice, a number or sip:…"),
            Not::Full => (StatusCode::SERVICE_UNAVAILABLE, "try again in a second"),
        };
        Self::new(status, why.to_string()).remedy(remedy)
    }
}

fn read(call: &str) -> Result<CallId, Problem> {
    call.parse().map_err(|error: NoCallId| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))
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
