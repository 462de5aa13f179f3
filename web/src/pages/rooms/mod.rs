//! Rooms: those there are now, and those that are over.
//!
//! ```text
//! live   one that goes on, with who speaks and what can be done
//! tries  who stood at the door of a room and did not come in
//! lines  the time of a room: who was in, who talked, who had the floor
//! ```

mod lines;
mod live;
mod tries;

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    Router,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{clean, long, moment},
    room::{MemberView, Moment, Past, RoomView},
};

use serde::Deserialize;

use super::{
    Guest, Rooms,
    call::sound::given,
    frame::{Frame, Place},
    wrong::Wrong,
};
use crate::{
    api::{ask::Asked, heard as heard_api, recordings::gone, rooms as live_api},
    people::Right,
    store::rooms::{PastRoom, Which},
};

/// Rooms that are over, as many as the page shows.
const PAST: usize = 50;

/// Recordings of one room that are offered.
const MOST_SOUNDS: usize = 100;

/// All pages of rooms.
pub fn routes() -> Router<Rooms> {
    Router::new()
        .route("/rooms", get(list))
        .route("/rooms/{room}", get(live::show))
        .route("/rooms/{room}/order", post(live::obey))
        .route("/rooms/{room}/tries", get(tries::show))
        .route("/past-rooms/{id}", get(past))
        .route("/past-rooms/{id}/recordings/{at}", get(hear))
        .route("/past-rooms/{id}/heard", get(heard))
}

/// What the list is asked for.
#[derive(Deserialize)]
struct Shown {
    empty: Option<bool>,
}

/// `GET /rooms`
async fn list(State(rooms): State<Rooms>, guest: Guest, Asked(shown): Asked<Shown>) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let now = live_api::now(&rooms, &guest.0);
    let which = Which::of(shown.empty);
    let past = rooms.store.past_rooms(None, None, PAST, which).await;
    let body = html! {
        div #rooms data-live {
            div.head { h1 { (now.len()) @if now.len() == 1 { " room now" } @else { " rooms now" } } }
            section.card.flush.spaced {
                @if now.is_empty() { p.empty { "No room is open. One opens when its first member comes; endpoints dial 3000 to 3099." } }
                @else { (open(&now)) }
            }
            section.card.flush.spaced {
                div.head {
                    h2 { "Over" }
                    @match which {
                        Which::Met => a.small href="/rooms?empty=true" { "Also where nobody came in" },
                        Which::All => a.small href="/rooms" { "Only where somebody was in" },
                    }
                }
                @match &past {
                    Ok(past) if past.is_empty() => p.empty { "No room has ended yet. One is told here with who was in and who talked, when its last member has gone." },
                    Ok(past) => (over(past)),
                    Err(_) => p.empty { "The database does not answer at the moment." },
                }
            }
        }
    };
    Ok(Frame::new("Rooms", Place::Rooms, &guest.0).page(body).into_response())
}

fn open(now: &[RoomView]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "Room" } th { "Members" } th { "Speaks" } th {} th.right { "For" } } }
                tbody {
                    @for room in now {
                        tr {
                            td { a href={ "/rooms/" (room.name) } { strong { (room.name) } } }
                            td { (room.members.len()) " of " (room.most) }
                            td { (talking(room)) }
                            td { (marks(room)) }
                            td.right.nowrap { (lasts(room.lasts_ms)) }
                        }
                    }
                }
            }
        }
    }
}

fn over(past: &[PastRoom]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "Room" } th { "Opened (UTC)" } th.right { "Most members" } th.right { "Lasted" } } }
                tbody {
                    @for room in past {
                        tr {
                            td { a href={ "/past-rooms/" (room.id) } { (room.room) } }
                            td.nowrap { (moment(UNIX_EPOCH + Duration::from_millis(room.opened_ms))) }
                            td.right { @if room.most == 0 { a.small href={ "/rooms/" (room.room) "/tries" } { "nobody came in" } } @else { (room.most) } }
                            td.right.nowrap { (lasts(room.lasted_ms)) }
                        }
                    }
                }
            }
        }
    }
}

fn lasts(ms: u64) -> String {
    long(Duration::from_secs(ms / 1000))
}

/// Who talks now, in words.
fn talking(room: &RoomView) -> String {
    let names: Vec<String> = room.members.iter().filter(|member| member.talks).map(name).collect();
    if names.is_empty() { "nobody".into() } else { names.join(", ") }
}

fn marks(room: &RoomView) -> Markup {
    html! {
        @if room.recording { span.badge.bad { "recorded" } " " }
        @if room.locked { span.badge.warn { "locked" } " " }
        @if room.has_pin { span.badge { "PIN" } }
    }
}

fn name(member: &MemberView) -> String {
    clean(&member.called())
}

/// `GET /past-rooms/{id}`
async fn past(State(rooms): State<Rooms>, guest: Guest, Path(id): Path<String>) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let past =
        live_api::past_story(&rooms, &guest.0, &id).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let began = UNIX_EPOCH + Duration::from_millis(past.opened_ms);
    let hears = guest.0.rights.has(Right::ReadRecordings);
    let told = past.moments.iter().filter(|moment| moment.what != "floor");
    let body = html! {
        div {
            p.kicker { a href="/rooms" { "Rooms" } " · " (moment(began)) " UTC" }
            h1 { (past.room) }
            p { "It lasted " (lasts(past.lasted_ms)) ", had " (past.most) " members at most, and ended because " (clean(&past.because())) "." }
            @if past.moments.iter().any(|moment| moment.visitor.is_some()) {
                p.small { a href={ "/rooms/" (past.room) "/tries" } { "All who stood at the door of " (past.room) " and did not come in" } }
            }
        }
        section.card.flush { h2 { "Who spoke when" } (lines::draw(&past)) }
        @if hears { (recorded(&past)) (ears(&past)) }
        section.card.flush {
            h2 { "What happened" }
            div.scroll { table {
                thead { tr { th { "After" } th { "What" } th { "Whom" } th {} th { "Ordered by" } } }
                tbody { @for moment in told { (happened(&past, moment)) } }
            } }
            @if past.left_out > 0 { p.empty { (past.left_out) " more are not kept." } }
        }
    };
    Ok(Frame::new(&past.room, Place::Rooms, &guest.0).page(body).into_response())
}

/// A moment as a row: when, what, whom it was done to, more in words, and who ordered it.
fn happened(past: &Past, moment: &Moment) -> Markup {
    html! {
        tr {
            td.mono.nowrap { (lines::at(moment.at_ms)) }
            td { (clean(&moment.said())) }
            td {
                @match &moment.visitor {
                    Some(visitor) => { (clean(&visitor.called())) @if let Some(call) = visitor.call { " " a.small href={ "/calls/" (call) } { "call" } } },
                    None => (lines::named(past, moment.member)),
                }
            }
            td.small { (clean(&moment.note)) @if let Some(visitor) = &moment.visitor { " " span.muted { "from " (clean(&visitor.from)) } } }
            td.small { @if let Some(by) = &moment.by { (clean(&by.to_string())) } }
        }
    }
}

/// Recordings of a room, each with whose it is and since when it runs: first of what all heard, then of each member.
fn recordings(past: &Past) -> impl Iterator<Item = (String, u64, &str)> {
    let begun = past.moments.iter().filter(|moment| moment.what == "record" && moment.on).map(|moment| moment.at_ms);
    let begun = begun.chain(std::iter::repeat(0));
    let all = past.recordings.iter().zip(begun).map(|(path, at)| ("All".to_owned(), at, path.as_str()));
    let each = past
        .stays
        .iter()
        .flat_map(|stay| stay.recordings.iter().map(|path| (lines::name(stay), stay.came_ms, path.as_str())));
    all.chain(each)
}

fn recorded(past: &Past) -> Markup {
    let mut all = recordings(past).peekable();
    html! {
        @if all.peek().is_some() {
            section.card {
                h2 { "Recordings" }
                @for (at, (whose, from, path)) in all.take(MOST_SOUNDS).enumerate() {
                    figure.sound data-from=(format!("{:.3}", from as f64 / 1000.0)) {
                        audio controls preload="none" src={ "/past-rooms/" (past.id) "/recordings/" (at) } aria-label={ "Recording of " (whose) } {}
                        figcaption.small.muted { (whose) ", from " (lines::at(from)) " on · " span.mono { (clean(path)) } }
                    }
                }
            }
        }
    }
}

/// With whose ears the room can be heard again.
fn ears(past: &Past) -> Markup {
    let kept = || past.stays.iter().filter(|stay| stay.heard_as.is_some());
    html! {
        @if past.ledger.is_some() && kept().next().is_some() {
            section.card {
                h2 { "What each heard" }
                @for stay in kept().take(MOST_SOUNDS) {
                    figure.sound data-from=(format!("{:.3}", stay.came_ms as f64 / 1000.0)) {
                        audio controls preload="none" src={ "/past-rooms/" (past.id) "/heard?member=" (stay.member) "&from_ms=" (stay.came_ms) } aria-label={ "What " (lines::name(stay)) " heard" } {}
                        figcaption.small.muted { "Heard by " (lines::name(stay)) ", from " (lines::at(stay.came_ms)) " on; ten minutes at most" }
                    }
                }
            }
        }
    }
}

/// `GET /past-rooms/{id}/heard`
async fn heard(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Asked(ears): Asked<heard_api::Ears>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecordings)?;
    let told = |problem| Wrong::from(problem).to(&guest.0);
    let past = live_api::past_story(&rooms, &guest.0, &id).await.map_err(told)?;
    heard_api::hear(&rooms, &guest.0, &past, &ears).await.map_err(told)
}

/// `GET /past-rooms/{id}/recordings/{at}`
async fn hear(
    State(rooms): State<Rooms>,
    guest: Guest,
    headers: HeaderMap,
    Path((id, at)): Path<(String, usize)>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecordings)?;
    let past =
        live_api::past_story(&rooms, &guest.0, &id).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let path = recordings(&past).nth(at).map(|(_, _, path)| path.to_owned());
    let path = path.ok_or_else(gone)?;
    given(&rooms, &guest, &headers, &path).await
}
