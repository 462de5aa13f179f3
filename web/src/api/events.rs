//! What happens to calls and in rooms, as server-sent events.
//!
//! `Last-Event-ID`, or `after` in the query, says where a listener was. A stream ends after [`LONGEST`], and browsers come
//! back by themselves: so nobody listens for long whose session or token is over.

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use patchcord_engine::{runtime::clock, switchboard::Switchboard};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::timeout,
};

use super::{Rooms, ask::Asked, records::shown};
use crate::{
    control::words::Told,
    feed::{Feed, News},
    json,
    people::{Asker, Right},
    problem::Problem,
};

/// Listeners at once: dashboards on walls, and some programs.
pub const LISTENERS: usize = 64;

/// How long a stream lasts.
const LONGEST: Duration = Duration::from_secs(600);

/// How often something is said though nothing happens: proxies close what is quiet for a minute.
const QUIET: Duration = Duration::from_secs(15);

/// How often it is looked whether something has changed in rooms: who talks is seen without delay.
const LOOK: Duration = Duration::from_millis(250);

/// Rooms that one event tells of; whoever has more asks for their list.
const ROOMS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    after: Option<u64>,
}

/// Where a listener is.
struct Listener {
    feed: Arc<Feed>,
    last: watch::Receiver<u64>,
    at: u64,
    board: Arc<Switchboard>,
    /// What of the rooms was told.
    rooms: u64,
    asker: Asker,
    until: Instant,
    _place: OwnedSemaphorePermit,
}

pub(super) async fn listen(
    State(rooms): State<Rooms>,
    asker: Asker,
    headers: HeaderMap,
    Asked(from): Asked<From>,
) -> Result<Response, Problem> {
    let place = place(&rooms)?;
    // Whoever says something else than we ever told has heard nothing, and is told what it missed.
    let said = headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.trim().parse().ok()));
    let resumed = said.map(Option::unwrap_or_default);
    let last = rooms.feed.last();
    let at = resumed.or(from.after).unwrap_or(*last.borrow());
    let until = clock::now() + LONGEST;
    let board = rooms.accounts.board().clone();
    let listener = Listener { feed: rooms.feed, last, at, board, rooms: 0, asker, until, _place: place };
    let events = stream::unfold(listener, async |mut listener| {
        let said = listener.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(said)), listener))
    });
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response())
}

/// A place among those who listen.
pub(super) fn place(rooms: &Rooms) -> Result<OwnedSemaphorePermit, Problem> {
    rooms.listeners.clone().try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{LISTENERS} listen already")).remedy("close a page")
    })
}

impl Listener {
    /// What is said next; nothing when the stream ends.
    async fn next(&mut self) -> Option<String> {
        let _seen = *self.last.borrow_and_update();
        let (events, missed) = self.feed.after(self.at);
        let Some(last) = events.last() else {
            let left = self.until.checked_duration_since(clock::now())?;
            let quiet = clock::now() + QUIET.min(left);
            loop {
                if let Some(said) = self.in_rooms() {
                    return Some(said);
                }
                match timeout(LOOK, self.last.changed()).await {
                    Ok(changed) => return changed.ok().map(|()| ":\n\n".into()),
                    Err(_) if clock::now() >= quiet => return Some(":\n\n".into()),
                    Err(_) => {}
                }
            }
        };
        self.at = last.number;
        let mut said = if missed { "event: missed\ndata: {}\n\n".to_owned() } else { String::new() };
        for event in events {
            said += &told(event.number, event.news, &self.asker);
        }
        Some(said)
    }
}

impl Listener {
    /// What goes on in rooms, where that is not what was told last. It has no number: whoever comes back hears how it is then.
    fn in_rooms(&mut self) -> Option<String> {
        let changes = self.board.rooms.changes();
        if std::mem::replace(&mut self.rooms, changes) == changes {
            return None;
        }
        let all = super::rooms::of(&self.board, &self.asker);
        let rooms: Vec<_> = all
            .iter()
            .take(ROOMS)
            .map(|room| {
                let talking: Vec<_> =
                    room.members.iter().filter(|member| member.talks).map(|member| member.member).collect();
                json!({ "name": room.name, "members": room.members.len(), "talking": talking, "floor": room.floor })
            })
            .collect();
        Some(format!("event: rooms\ndata: {}\n\n", json!({ "rooms": rooms, "open": all.len() })))
    }
}

/// One event: a call is opened, or over; a room is, or somebody comes or goes. JSON has no line ends, so it is one line.
fn told(number: u64, news: News, asker: &Asker) -> String {
    let (kind, data) = match news {
        News::Call(record) => {
            let kind = if record.outcome.is_some() { "call.ended" } else { "call.open" };
            (kind, json::text(&Told::from(shown(*record, asker))))
        }
        News::Room(mut news) => {
            if let Some(member) = news.member.as_mut().filter(|_| !asker.rights.has(Right::ReadNumbers)) {
                super::rooms::mask(&mut member.name, &mut member.number);
            }
            (news.kind.word(), json::text(&news))
        }
    };
    format!("id: {number}\nevent: {kind}\ndata: {data}\n\n")
}
