//! Calls that the house begins, because a program or a person wants it.

use axum::{extract::State, http::StatusCode};
use patchcord_engine::{
    originate::{NotBegun, Wanted},
    runtime::clock,
};

use super::{Rooms, ask::Said};
use crate::{
    control::words::{BegunCall, NewCall},
    json::Json,
    people::Asker,
    problem::Problem,
};

/// `POST /api/v1/originate`
pub(super) async fn begin(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(new): Said<NewCall>,
) -> Result<(StatusCode, Json<BegunCall>), Problem> {
    let wanted = Wanted::try_from(new).map_err(Problem::from)?;
    let target = wanted.target.clone();
    let call = rooms.house.originate(wanted).await.map_err(Problem::from)?.to_string();
    rooms.people.note(&asker, "began call", &format!("{call} to {target}"), clock::wall()).await;
    Ok((StatusCode::ACCEPTED, Json(BegunCall { call })))
}

impl From<NotBegun> for Problem {
    fn from(why: NotBegun) -> Self {
        let (status, remedy) = match &why {
            NotBegun::NoService(_) => (StatusCode::NOT_FOUND, "see /api/v1/services for those that are served"),
            NotBegun::Nobody(_) => (StatusCode::NOT_FOUND, "see /api/v1/endpoints for those that can be called"),
            NotBegun::Away(_) => (StatusCode::CONFLICT, "see /api/v1/registrations for who can be reached"),
            NotBegun::Forbidden(..) => (StatusCode::FORBIDDEN, "write a [[route]] that leads there from endpoints"),
            NotBegun::Full(_) => (StatusCode::SERVICE_UNAVAILABLE, "try again when calls have ended"),
            NotBegun::Unreadable(_) => (StatusCode::UNPROCESSABLE_ENTITY, "see /api/v1/openapi.json for what is taken"),
            NotBegun::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "try again when the server runs"),
        };
        Self::new(status, why.to_string()).remedy(remedy)
    }
}
