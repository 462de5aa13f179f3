//! Prompts: listed, heard, uploaded, put back, removed.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use patchcord_engine::runtime::clock;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    Rooms,
    ask::{Asked, Named, Said, Sent},
};
use crate::{
    json::Json,
    people::Asker,
    problem::{Problem, chain},
    recordings,
    sounds::{NoSound, Sound},
};

/// Uploads that are decoded at once: each may take some hundred megabytes while it is.
static DECODING: Semaphore = Semaphore::const_new(2);

/// `GET /api/v1/sounds`
pub(super) async fn list(State(rooms): State<Rooms>) -> Result<Json<Value>, Problem> {
    let all = all(&rooms).await?;
    Ok(Json(json!({ "sounds": all.iter().map(told).collect::<Vec<_>>() })))
}

/// All prompts, by name.
pub(crate) async fn all(rooms: &Rooms) -> Result<Vec<Sound>, Problem> {
    let sounds = rooms.sounds.clone();
    off_the_loop(move || Ok(sounds.list())).await
}

/// One of them.
pub(crate) async fn one(rooms: &Rooms, name: String) -> Result<Sound, Problem> {
    let sounds = rooms.sounds.clone();
    off_the_loop(move || sounds.find(&name)).await
}

fn told(sound: &Sound) -> Value {
    let ms = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    json!({
        "name": sound.name, "source": if sound.own { "file" } else { "shipped" }, "shipped": sound.shipped,
        "bytes": sound.bytes, "changed_ms": sound.changed.map(ms), "versions_ms": sound.versions,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    version: Option<u64>,
}

/// `GET /api/v1/sounds/{name}`
pub(super) async fn give(
    State(rooms): State<Rooms>,
    Named(name): Named<String>,
    headers: HeaderMap,
    Asked(which): Asked<Which>,
) -> Result<Response, Problem> {
    hear(&rooms, &headers, name, which.version).await
}

/// The sound of a prompt, or of a version that it had, whole or in part.
pub(crate) async fn hear(
    rooms: &Rooms,
    headers: &HeaderMap,
    name: String,
    version: Option<u64>,
) -> Result<Response, Problem> {
    let sounds = rooms.sounds.clone();
    let bytes = Bytes::from(off_the_loop(move || sounds.read(&name, version)).await?);
    let kind = if bytes.starts_with(b"RIFF") { "audio/wav" } else { "audio/ogg" };
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let length = bytes.len() as u64;
    let heads = [(header::CONTENT_TYPE, kind), (header::ACCEPT_RANGES, "bytes")];
    Ok(match recordings::range(asked, length) {
        Err(_) => {
            let all = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, all).into_response()
        }
        Ok(None) => (heads, bytes).into_response(),
        Ok(Some((from, to))) => {
            let range = [(header::CONTENT_RANGE, format!("bytes {from}-{to}/{length}"))];
            // A range lies within what is there.
            let part = bytes.slice(from as usize..=to as usize);
            (StatusCode::PARTIAL_CONTENT, heads, range, part).into_response()
        }
    })
}

/// `PUT /api/v1/sounds/{name}`
pub(super) async fn put(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
    Sent(bytes): Sent,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let sound = take(&rooms, &asker, name, (None, bytes)).await?;
    Ok((StatusCode::CREATED, Json(sound)))
}

/// That nothing is to be heard in a prompt.
pub(crate) const SILENT: &str = "nothing is to be heard in it";

/// Whether that is so of what lies there now.
pub(crate) async fn is_silent(rooms: &Rooms, name: String) -> bool {
    let sounds = rooms.sounds.clone();
    // Two at once, as with uploads; who finds no place is told nothing of it this time.
    let Ok(_place) = DECODING.try_acquire() else { return false };
    off_the_loop(move || sounds.is_silent(&name)).await.unwrap_or(false)
}

/// Takes an upload, with what its file is called, and notes who brought it.
pub(crate) async fn take(
    rooms: &Rooms,
    asker: &Asker,
    name: String,
    (file, bytes): (Option<String>, Bytes),
) -> Result<Value, Problem> {
    let busy = |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, "two uploads are being read").remedy("try again soon");
    let _place = DECODING.try_acquire().map_err(busy)?;
    let (sounds, named, now) = (rooms.sounds.clone(), name.clone(), clock::wall());
    let (taken, sound) = off_the_loop(move || {
        let taken = sounds.put(&named, file.as_deref(), bytes.into(), now)?;
        Ok((taken, sounds.find(&named)?))
    })
    .await?;
    rooms.people.note(asker, "uploaded sound", &name, now).await;
    let mut told = told(&sound);
    told["seconds"] = json!(taken.plays.as_secs_f64());
    if taken.is_silent {
        told["warning"] = json!(SILENT);
    }
    Ok(told)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    version_ms: u64,
}

/// `POST /api/v1/sounds/{name}/restore`
pub(super) async fn restore(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
    Said(back): Said<Back>,
) -> Result<StatusCode, Problem> {
    put_back(&rooms, &asker, name, back.version_ms).await.map(|()| StatusCode::NO_CONTENT)
}

/// Puts a version back, and notes who wanted it.
pub(crate) async fn put_back(rooms: &Rooms, asker: &Asker, name: String, version: u64) -> Result<(), Problem> {
    let (sounds, named, now) = (rooms.sounds.clone(), name.clone(), clock::wall());
    off_the_loop(move || sounds.restore(&named, version, now)).await?;
    rooms.people.note(asker, "put sound back", &name, now).await;
    Ok(())
}

/// `DELETE /api/v1/sounds/{name}`
pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    take_away(&rooms, &asker, name).await.map(|()| StatusCode::NO_CONTENT)
}

/// Takes a prompt away, and notes who wanted it.
pub(crate) async fn take_away(rooms: &Rooms, asker: &Asker, name: String) -> Result<(), Problem> {
    let (sounds, named, now) = (rooms.sounds.clone(), name.clone(), clock::wall());
    off_the_loop(move || sounds.remove(&named, now)).await?;
    rooms.people.note(asker, "removed sound", &name, now).await;
    Ok(())
}

async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NoSound> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    done.map_err(Problem::from)
}

impl From<NoSound> for Problem {
    fn from(why: NoSound) -> Self {
        let (status, remedy) = match &why {
            NoSound::Name(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "write letters, digits, - and _, at most 64, with a language before them as in de/welcome",
            ),
            NoSound::Missing(_) => (StatusCode::NOT_FOUND, "see /api/v1/sounds for those there are"),
            NoSound::Unplayable(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "upload wav, aiff, mp3, ogg, flac, m4a, aac, Opus or webm of 15 minutes at most",
            ),
            NoSound::Full => (StatusCode::INSUFFICIENT_STORAGE, "remove some first"),
            NoSound::Folder(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "see that the server's user may write in the folder of [scripts] path",
            ),
        };
        Self::new(status, chain(&why)).remedy(remedy)
    }
}
