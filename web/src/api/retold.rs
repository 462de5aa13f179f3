//! A past call told otherwise: as text, as packets, against the script of today, and as a test of it.

use axum::{extract::State, http::StatusCode, response::Response};
use patchcord_engine::journal::Story;
use serde_json::{Value, json};

use super::{Rooms, ask::Named, may_not, records::story};
use crate::{
    call_files::{as_packets, as_text},
    json::Json,
    people::{Asker, Right},
    problem::Problem,
    workshop::{MadeTest, Replay, ReplayEnd, SaidThen, Workshop},
};

/// `GET /api/v1/records/{call}/text`
pub(super) async fn text(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<Response, Problem> {
    Ok(as_text(&story(&rooms, &asker, &call).await?))
}

/// `GET /api/v1/records/{call}/pcap`
pub(super) async fn pcap(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<Response, Problem> {
    Ok(as_packets(&whole(&rooms, &asker, &call).await?))
}

/// `GET /api/v1/records/{call}/replay`
pub(super) async fn replay(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<Json<Value>, Problem> {
    let story = whole(&rooms, &asker, &call).await?;
    let Replay { same, end } = workshop(&rooms)?.replay(story).await?;
    let same: Vec<Value> = same.iter().map(said).collect();
    Ok(Json(match end {
        ReplayEnd::Through => json!({ "goes": "as_then", "same": same }),
        ReplayEnd::Otherwise { at, then, today } => json!({
            "goes": "otherwise", "same": same, "at_us": u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
            "then": said(&then), "today": said(&today),
        }),
        ReplayEnd::Unknown(why) => json!({ "goes": "unknown", "same": same, "why": why }),
    }))
}

/// `GET /api/v1/records/{call}/test`
pub(super) async fn test(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(call): Named<String>,
) -> Result<Json<Value>, Problem> {
    let story = whole(&rooms, &asker, &call).await?;
    let MadeTest { service, text, ran } = workshop(&rooms)?.test_of(story).await?;
    Ok(Json(json!({ "service": service, "text": text, "holds": ran.is_ok(), "why": ran.err() })))
}

fn said(said: &SaidThen) -> Value {
    json!({ "what": said.what, "place": said.place })
}

/// The call as it was, for whoever may see all of it: one that is masked would go otherwise.
async fn whole(rooms: &Rooms, asker: &Asker, call: &str) -> Result<Story, Problem> {
    match asker.rights.has(Right::ReadRecords) {
        true => story(rooms, asker, call).await,
        false => Err(may_not(Right::ReadRecords)),
    }
}

/// Who can look into scripts.
fn workshop(rooms: &Rooms) -> Result<&dyn Workshop, Problem> {
    rooms.house.workshop().ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no scripts are served here"))
}
