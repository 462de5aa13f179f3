//! A call as files that a browser keeps.

use axum::{
    extract::{Path, State},
    response::Response,
};
use patchcord_engine::journal::Story;

use super::super::{Guest, Rooms, wrong::Wrong};
use crate::{
    api::records::story,
    call_files::{as_packets, as_text, file},
    control::words::WholeCall,
    json::shielded,
    people::Right,
};

async fn found(rooms: &Rooms, guest: &Guest, call: &str, right: Right) -> Result<Story, Wrong> {
    guest.may(right)?;
    story(rooms, &guest.0, call).await.map_err(|problem| Wrong::from(problem).to(&guest.0))
}

pub async fn text(State(rooms): State<Rooms>, guest: Guest, Path(call): Path<String>) -> Result<Response, Wrong> {
    Ok(as_text(&found(&rooms, &guest, &call, Right::ReadRecords).await?))
}

pub async fn json(State(rooms): State<Rooms>, guest: Guest, Path(call): Path<String>) -> Result<Response, Wrong> {
    let story = found(&rooms, &guest, &call, Right::ReadRecords).await?;
    let record = story.record.clone();
    let text = serde_json::to_string_pretty(&WholeCall::from(story)).expect("a call is JSON");
    Ok(file("application/json", &record, "json", shielded(text)))
}

pub async fn pcap(State(rooms): State<Rooms>, guest: Guest, Path(call): Path<String>) -> Result<Response, Wrong> {
    Ok(as_packets(&found(&rooms, &guest, &call, Right::ReadNumbers).await?))
}
