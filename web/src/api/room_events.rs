//! One room as it goes on, as server-sent events: who speaks and how loud, and that it looks otherwise now.
//!
//! ```text
//! event: room    who is in and how they stand, whole: at the beginning, and whenever that changes
//! event: levels  who speaks, how loud, who has the floor: as often as that changes, ten times a second at most
//! event: over    the room has ended
//! ```

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use patchcord_engine::{room::RoomView, runtime::clock};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;

use super::{Rooms, ask::Named, events, rooms};
use crate::{people::Asker, problem::Problem};

/// How often it is looked whether something is other than it was: eyes see no more of a level.
const LOOK: Duration = Duration::from_millis(100);

/// How long a stream lasts; browsers come back by themselves, and whose session is over does not.
const LONGEST: Duration = Duration::from_secs(600);

/// How often something is said though nothing happens: proxies close what is quiet for a minute.
const QUIET: Duration = Duration::from_secs(15);

/// Steps in which it is told for how long nothing was heard of a member.
const UNHEARD_STEP_MS: u64 = 5000;

/// Somebody who watches a room.
struct Watcher {
    rooms: Rooms,
    asker: Asker,
    name: String,
    /// What was told last.
    stands: Option<Value>,
    levels: Option<Value>,
    said_at: Instant,
    until: Instant,
    over: bool,
    turn: tokio::time::Interval,
    _place: OwnedSemaphorePermit,
}

/// `GET /api/v1/rooms/{room}/events`
pub(super) async fn watch(
    State(all): State<Rooms>,
    asker: Asker,
    Named(name): Named<String>,
) -> Result<Response, Problem> {
    let _it_is_there = rooms::one(&all, &asker, &name)?;
    let place = events::place(&all)?;
    let now = clock::now();
    let watcher = Watcher {
        rooms: all,
        asker,
        name,
        stands: None,
        levels: None,
        said_at: now,
        until: now + LONGEST,
        over: false,
        turn: tokio::time::interval(LOOK),
        _place: place,
    };
    let told = stream::unfold(watcher, async |mut watcher| {
        let said = watcher.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(said)), watcher))
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(told)).into_response())
}

impl Watcher {
    /// What is said next; nothing when the stream ends.
    async fn next(&mut self) -> Option<String> {
        loop {
            self.turn.tick().await;
            let now = clock::now();
            if self.over || now >= self.until {
                return None;
            }
            let said = self.look().or_else(|| (now >= self.said_at + QUIET).then(|| ":\n\n".to_owned()));
            if let Some(said) = said {
                self.said_at = now;
                return Some(said);
            }
        }
    }

    /// What is other than it was.
    fn look(&mut self) -> Option<String> {
        let Ok(room) = rooms::one(&self.rooms, &self.asker, &self.name) else {
            self.over = true;
            return Some("event: over\ndata: {}\n\n".into());
        };
        let (stands, levels) = (stands(&room), levels(&room));
        let mut said = String::new();
        if self.stands.as_ref() != Some(&stands) {
            said += &format!("event: room\ndata: {stands}\n\n");
            self.stands = Some(stands);
        }
        if self.levels.as_ref() != Some(&levels) {
            said += &format!("event: levels\ndata: {levels}\n\n");
            self.levels = Some(levels);
        }
        (!said.is_empty()).then_some(said)
    }
}

/// How a room stands, but for what changes with every breath.
fn stands(room: &RoomView) -> Value {
    let members: Vec<Value> = room
        .members
        .iter()
        .map(|member| {
            json!({
                "member": member.member, "name": member.name, "number": member.number, "role": member.role,
                "state": member.state, "muted": member.muted, "deaf": member.deaf, "held": member.held,
                "hand": member.hand_ms.is_some(), "gain_db": member.gain_db,
                // So that whoever looks on sees it grow.
                "unheard_s": member.unheard_ms.map(|unheard| unheard / UNHEARD_STEP_MS * UNHEARD_STEP_MS / 1000),
            })
        })
        .collect();
    json!({ "name": room.name, "locked": room.locked, "recording": room.recording, "members": members })
}

/// Who speaks, and how loud: 0 is the loudest, 127 silence.
fn levels(room: &RoomView) -> Value {
    let talking = room.members.iter().filter(|member| member.talks);
    let talking: Vec<Value> = talking.map(|member| json!({ "member": member.member, "level": member.level })).collect();
    json!({ "talking": talking, "floor": room.floor })
}
