//! How the server is, and what changes it as a whole.

use axum::extract::State;
use serde_json::{Value, json};

use super::Rooms;
use crate::{
    control::words::DrainTold,
    house::{Reloaded, Service, Status, Trouble},
    json::Json,
    masking::{masked, told},
    people::Asker,
    problem::Problem,
};
use patchcord_engine::runtime::clock;

pub(super) async fn status(State(rooms): State<Rooms>, asker: Asker) -> Json<Status> {
    let hindrances = rooms.house.hindrances().await;
    let status = rooms.house.status();
    let warnings = status.warnings.iter().map(|warning| told(warning, &asker)).collect();
    Json(Status { hindrances, warnings, ..status })
}

/// `GET /api/v1/services`: their text only to whoever may read it; and what is wrong with those whose files are not as they should be.
pub(super) async fn services(State(rooms): State<Rooms>, asker: Asker) -> Json<Value> {
    let sources = asker.rights.read_sources();
    let services = rooms.house.services().into_iter().map(|service| match sources {
        true => json!(service),
        false => {
            let Service { name, version, file, findings, shipped, text: _ } = service;
            json!({ "name": name, "version": version, "file": file, "findings": findings, "shipped": shipped })
        }
    });
    // A fault quotes names out of the text, and numbers among them.
    let troubles = rooms.house.troubles().into_iter().map(|trouble| match sources {
        true => trouble,
        false => Trouble { why: masked(&trouble.why), ..trouble },
    });
    Json(json!({ "services": services.collect::<Vec<_>>(), "troubles": troubles.collect::<Vec<_>>() }))
}

pub(super) async fn reload(State(rooms): State<Rooms>, asker: Asker) -> Result<Json<Reloaded>, Problem> {
    let done = rooms.house.reload().await?;
    rooms.people.note(&asker, "reloaded the configuration", "", clock::wall()).await;
    Ok(Json(done))
}

/// `GET /api/v1/drain`
pub(super) async fn draining(State(rooms): State<Rooms>) -> Json<DrainTold> {
    let board = rooms.accounts.board();
    Json(DrainTold { draining: board.is_draining(), calls: board.calls.count() })
}

/// `POST /api/v1/drain`
pub(super) async fn drain(State(rooms): State<Rooms>, asker: Asker) -> Json<DrainTold> {
    turn(rooms, &asker, true).await
}

/// `DELETE /api/v1/drain`
pub(super) async fn undrain(State(rooms): State<Rooms>, asker: Asker) -> Json<DrainTold> {
    turn(rooms, &asker, false).await
}

/// Takes new calls from now on, or none, and notes who wanted that where it was otherwise before.
async fn turn(rooms: Rooms, asker: &Asker, draining: bool) -> Json<DrainTold> {
    let board = rooms.accounts.board();
    if board.is_draining() != draining {
        board.drain(draining);
        let deed = if draining { "drained the server" } else { "had new calls taken again" };
        rooms.people.note(asker, deed, "", clock::wall()).await;
    }
    Json(DrainTold { draining, calls: board.calls.count() })
}
