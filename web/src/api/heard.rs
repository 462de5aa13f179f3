//! What a member of a room heard, as a wav: made again from the room's ledger. Each listening stands in the audit log.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use patchcord_engine::{
    room::{Past, Refused},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    Rooms,
    ask::{Asked, Named},
    rooms::{past_story, story},
};
use crate::{
    heard::{AT_ONCE, LONGEST_S, NotHeard, Part, again, wanted},
    people::Asker,
    problem::Problem,
    recordings,
};

/// Whose ears, from when on and until when, in milliseconds since the room was opened.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ears {
    member: u64,
    from_ms: Option<u64>,
    to_ms: Option<u64>,
}

/// `GET /api/v1/past-rooms/{id}/heard`
pub(super) async fn past(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
    Asked(ears): Asked<Ears>,
) -> Result<Response, Problem> {
    let past = past_story(&rooms, &asker, &id).await?;
    hear(&rooms, &asker, &past, &ears).await
}

/// `GET /api/v1/rooms/{room}/heard`: of a room that goes on.
pub(super) async fn now(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
    Asked(ears): Asked<Ears>,
) -> Result<Response, Problem> {
    let story = story(&rooms, &asker, &name).ok_or_else(|| Problem::from(Refused::NoRoom(name)))?;
    hear(&rooms, &asker, &story, &ears).await
}

/// The sound of that part.
pub(crate) async fn hear(rooms: &Rooms, asker: &Asker, past: &Past, ears: &Ears) -> Result<Response, Problem> {
    let part =
        Part { member: ears.member, from_ms: ears.from_ms.unwrap_or(0), to_ms: ears.to_ms.unwrap_or(past.lasted_ms) };
    let (wanted, file) = wanted(past, part)?;
    let Ok(_turn) = AT_ONCE.try_acquire() else {
        let busy = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "as many ledgers are read already as may be at once");
        return Err(busy.remedy("ask again in a few seconds"));
    };
    let (folder, named) = (rooms.recordings.clone(), file.to_owned());
    let made = tokio::task::spawn_blocking(move || {
        let ledgers = recordings::ledgers(&folder, &named);
        if ledgers.is_empty() { Err(None) } else { again(ledgers, wanted).map_err(Some) }
    });
    let wav = match made.await {
        Ok(Ok(wav)) => wav,
        Ok(Err(Some(why))) => return Err(why.into()),
        Ok(Err(None)) => return Err(super::recordings::gone()),
        Err(error) => return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    };
    let noted = format!("{} in {} ({file})", ears.member, past.room);
    rooms.people.note(asker, "listened with the ears of member", &noted, clock::wall()).await;
    Ok(([(header::CONTENT_TYPE, "audio/wav")], wav).into_response())
}

impl From<NotHeard> for Problem {
    fn from(why: NotHeard) -> Self {
        let (status, remedy) = match why {
            NotHeard::NotKept => (
                StatusCode::NOT_FOUND,
                "write record_members = true into its [[room]]; rooms that begin then are kept".into(),
            ),
            NotHeard::NoMember | NotHeard::Nothing => {
                (StatusCode::NOT_FOUND, "see in the record of the room who was in, and from when to when".into())
            }
            NotHeard::Backwards => (
                StatusCode::UNPROCESSABLE_ENTITY,
                format!(
                    "let to_ms be later than from_ms and than when it came; at most {LONGEST_S} s are given at once"
                ),
            ),
            NotHeard::Torn(_) => (StatusCode::NOT_FOUND, "ask for an earlier part".to_owned()),
        };
        Self::new(status, why.to_string()).remedy(remedy)
    }
}
