//! Who stood at the door of a room and did not come in, over all its lives that are kept.

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use maud::html;
use patchcord_engine::journal::{clean, moment};
use serde::Deserialize;

use super::super::{
    Guest, Rooms,
    frame::{Frame, Place},
    wrong::Wrong,
};
use crate::{
    api::{ask::Asked, tries},
    people::Right,
};

/// Tries in a page.
const PAGE: usize = 100;

/// What the page is asked for.
#[derive(Deserialize)]
pub struct Wanted {
    before_ms: Option<u64>,
}

/// `GET /rooms/{room}/tries`
pub async fn show(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(room): Path<String>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecords)?;
    let told = tries::of(&rooms, &guest.0, &room, wanted.before_ms, PAGE).await;
    let told = told.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let room = clean(&room);
    let body = html! {
        div {
            p.kicker { a href="/rooms" { "Rooms" } " · " (room) }
            h1 { "At the door of " (room) }
            p { "Wrong PINs, and who was not let in, the latest first." }
        }
        section.card.flush {
            @if told.tries.is_empty() {
                p.empty { "Nobody was refused here, as far as it is kept." }
            } @else {
                div.scroll { table {
                    thead { tr { th { "When (UTC)" } th { "Who" } th { "From" } th { "What" } th {} } }
                    tbody {
                        @for one in &told.tries {
                            tr {
                                td.nowrap { (moment(UNIX_EPOCH + Duration::from_millis(one.at_ms))) }
                                td { (clean(&one.visitor.called())) }
                                td.small { (clean(&one.visitor.from)) }
                                td { (clean(one.said())) }
                                td.small.nowrap {
                                    @if let Some(call) = one.visitor.call { a href={ "/calls/" (call) } { "call" } " · " }
                                    a href={ "/past-rooms/" (one.room_id) } { "room" }
                                }
                            }
                        }
                    }
                } }
            }
        }
        @if let Some(before) = told.next_before_ms { p { a href={ "/rooms/" (room) "/tries?before_ms=" (before) } { "Earlier ones" } } }
    };
    Ok(Frame::new(&format!("At the door of {room}"), Place::Rooms, &guest.0).page(body).into_response())
}
