//! How the server is, and what changes it as a whole.

use axum::{Json, extract::State};

use super::Rooms;
use crate::{
    house::{Reloaded, Status},
    people::Asker,
    problem::Problem,
};
use patchcord_engine::runtime::clock;

pub(super) async fn status(State(rooms): State<Rooms>) -> Json<Status> {
    let hindrances = rooms.house.hindrances().await;
    Json(Status { hindrances, ..rooms.house.status() })
}

pub(super) async fn services(State(rooms): State<Rooms>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "services": rooms.house.services() }))
}

pub(super) async fn reload(State(rooms): State<Rooms>, asker: Asker) -> Result<Json<Reloaded>, Problem> {
    let done = rooms.house.reload().await?;
    rooms.people.note(&asker, "reloaded the configuration", "", clock::wall()).await;
    Ok(Json(done))
}
