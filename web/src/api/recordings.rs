//! Recordings of calls: listed, heard in whole or in part, deleted. Each listening stands in the audit log.
//!
//! A recording is named by its call and its place in that call's record; no path is ever taken from a request.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use patchcord_engine::{
    journal::{CallId, NoCallId, Record, RecordShelf},
    runtime::clock,
};
use serde_json::{Value, json};

use super::{
    Rooms,
    ask::{Asked, Named},
    records::page,
    records::{found_on, shown},
    wanted::Filters,
};
use crate::{
    control::words::Told,
    json::Json,
    people::{Asker, guard::away},
    problem::Problem,
    recordings,
    store::Wanted,
};

/// Says what is wrong with a recording that is given as far as it goes.
const DAMAGE: HeaderName = HeaderName::from_static("patchcord-damage");

/// Calls in a page, unless another number is asked for.
const USUAL: usize = 50;

/// `GET /api/v1/recordings`: calls that were recorded, by the filters of records.
pub(super) async fn list(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(filters): Asked<Filters>,
) -> Result<Json<Value>, Problem> {
    let (before, most) = page(&rooms, &filters, USUAL).await?;
    let wanted = Wanted { recorded: Some(true), ..filters.wanted_by(&asker, &rooms.accounts.board().directory)? };
    let found = found_on(&rooms, &wanted, before, most).await.map_err(|error| away(&error))?;
    let (folder, paths) = (rooms.recordings.clone(), found.records.iter().map(|record| record.recordings.clone()));
    let paths: Vec<Vec<Box<str>>> = paths.collect();
    let sizes = tokio::task::spawn_blocking(move || {
        let bytes = |path: &str| {
            let found = recordings::open(&folder, path)?;
            let drawn = || recordings::peaks(&folder, path).map(|peaks| peaks.seconds());
            Some((found.length, found.damage, found.seconds.or_else(drawn)))
        };
        paths.iter().map(|of_call| of_call.iter().map(|path| bytes(path)).collect()).collect()
    });
    let sizes: Vec<Vec<Sized>> = sizes.await.unwrap_or_default();
    let calls = found.records.into_iter().zip(sizes).map(|(record, sizes)| of_call(record, &sizes, &asker));
    let next = found.next.map(|call| call.to_string());
    let (copies, why) = rooms.uploads.left_behind();
    let left_behind = json!({ "copies": copies, "why": why });
    Ok(Json(json!({ "calls": calls.collect::<Vec<_>>(), "next": next, "left_in_bucket": left_behind })))
}

/// How many bytes a file has, what is wrong with it, and how long it plays; none where there is none.
type Sized = Option<(u64, Option<String>, Option<f64>)>;

fn of_call(record: Record, sizes: &[Sized], asker: &Asker) -> Value {
    let call = record.call;
    let paths = record.recordings.iter().zip(sizes).enumerate().map(|(at, (path, found))| {
        let (bytes, damage) = (found.as_ref().map(|it| it.0), found.as_ref().and_then(|it| it.1.as_ref()));
        let seconds = found.as_ref().and_then(|it| it.2);
        let url = format!("/api/v1/recordings/{call}/{at}");
        json!({ "number": at, "path": path, "url": url, "bytes": bytes, "seconds": seconds, "is_there": bytes.is_some(), "damage": damage })
    });
    let recordings: Vec<Value> = paths.collect();
    let Told { sentence, record, .. } = Told::from(shown(record, asker));
    json!({ "call": call, "began_ms": record.began.duration_since(std::time::UNIX_EPOCH).map_or(0, |at| at.as_millis() as u64),
            "from": record.from, "to": record.to, "sentence": sentence, "recordings": recordings })
}

/// `GET /api/v1/recordings/{call}/{number}`
pub(super) async fn give(
    State(rooms): State<Rooms>,
    asker: Asker,
    headers: HeaderMap,
    Named((call, number)): Named<(String, String)>,
) -> Result<Response, Problem> {
    hear(&rooms, &asker, &headers, &call, place(&number)?).await
}

/// `DELETE /api/v1/recordings/{call}/{number}`
pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named((call, number)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    delete(&rooms, &asker, &call, place(&number)?).await.map(|()| StatusCode::NO_CONTENT)
}

fn place(number: &str) -> Result<usize, Problem> {
    number.parse().map_err(|_| gone())
}

/// That there is no such recording.
pub(crate) fn gone() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such recording").remedy("it may have been deleted")
}

/// The path of a recording, out of its call's record.
async fn path(rooms: &Rooms, call: &str, at: usize) -> Result<Arc<str>, Problem> {
    let id: CallId =
        call.parse().map_err(|error: NoCallId| Problem::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    let story = rooms.store.story(id).await.map_err(|error| away(&error))?;
    let record = story.ok_or_else(gone)?.record;
    record.recordings.get(at).map(|path| (**path).into()).ok_or_else(gone)
}

/// The sound itself, whole or in part, and a line in the audit log for whoever begins to listen.
pub(crate) async fn hear(
    rooms: &Rooms,
    asker: &Asker,
    headers: &HeaderMap,
    call: &str,
    at: usize,
) -> Result<Response, Problem> {
    let path = path(rooms, call, at).await?;
    play(rooms, asker, headers, &path).await
}

/// The recording of that path, which a record names; whoever begins to listen is noted.
pub(crate) async fn play(rooms: &Rooms, asker: &Asker, headers: &HeaderMap, path: &str) -> Result<Response, Problem> {
    let (folder, named) = (rooms.recordings.clone(), path.to_owned());
    let opened = tokio::task::spawn_blocking(move || recordings::open(&folder, &named)).await;
    let recording = opened.ok().flatten().ok_or_else(gone)?;
    let (length, kind) = (recording.length, recording.kind);
    if let Some(damage) = recording.damage.as_ref().filter(|_| recording.is_dead) {
        let dead = Problem::new(StatusCode::GONE, format!("nothing can be heard of the recording: {damage}"));
        return Err(dead.remedy("delete it; nothing was written, or somebody changed it"));
    }
    let damage = recording.damage.as_deref().and_then(|damage| HeaderValue::from_str(damage).ok());
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Ok(asked) = recordings::range(asked, length) else {
        let all = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
    };
    let (from, to) = asked.unwrap_or((0, length.saturating_sub(1)));
    if from == 0 {
        // A player asks for many parts; it begins to listen once.
        rooms.people.note(asker, "listened to", path, clock::wall()).await;
    }
    let count = to - from + 1;
    let part = recording.part(from, count);
    let part = part.map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_LENGTH, count.to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    let body = Body::from_stream(part);
    let mut answer = match asked {
        None => (headers, body).into_response(),
        Some((from, to)) => {
            let range = [(header::CONTENT_RANGE, format!("bytes {from}-{to}/{length}"))];
            (StatusCode::PARTIAL_CONTENT, headers, range, body).into_response()
        }
    };
    if let Some(damage) = damage {
        answer.headers_mut().insert(DAMAGE, damage);
    }
    Ok(answer)
}

/// Deletes the sound, and notes who wanted it. The record goes on saying that there was one.
pub(crate) async fn delete(rooms: &Rooms, asker: &Asker, call: &str, at: usize) -> Result<(), Problem> {
    let path = path(rooms, call, at).await?;
    let (folder, named) = (rooms.recordings.clone(), path.clone());
    let deleted = tokio::task::spawn_blocking(move || recordings::delete(&folder, &named)).await;
    match deleted {
        Ok(Ok(true)) => {}
        Ok(Ok(false)) => return Err(gone()),
        Ok(Err(error)) => return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
        Err(error) => return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
    rooms.uploads.erase(&path);
    rooms.people.note(asker, "deleted recording", &path, clock::wall()).await;
    Ok(())
}
