//! Calls that go on, as they go on; and the end of one that should not.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{CallId, Direction, Record, clean, long},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    Guest, Posted, Rooms,
    frame::{Frame, Place, hidden},
    words::{leg_name, who},
    wrong::Wrong,
};
use crate::{
    api::{calls::hang_up, records::shown},
    people::{Asker, Right},
    problem::Problem,
};

/// Calls that are shown; with more of them nobody reads a list.
const MOST: usize = 200;

pub async fn show(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let board = rooms.accounts.board();
    let calls: Vec<Record> = board.live.latest(MOST).into_iter().map(|record| shown(record, &guest.0)).collect();
    let count = board.calls.count();
    let body = html! {
        div #live data-live {
            div.head { h1 { (count) @if count == 1 { " call now" } @else { " calls now" } } }
            section.card.flush.spaced {
                @if calls.is_empty() { p.empty { "Nobody speaks. A call shows up here as soon as it comes in." } }
                @else { (table(&calls, &guest.0)) }
            }
        }
    };
    Ok(Frame::new("Live", Place::Live, &guest.0).page(body).into_response())
}

fn table(calls: &[Record], asker: &Asker) -> Markup {
    let csrf = asker.session.as_ref().map(|session| session.csrf.as_str()).unwrap_or_default();
    let may = asker.rights.has(Right::ChangeCalls);
    html! {
        div.scroll {
            table {
                thead { tr { th { "Who" } th { "Service" } th { "Now" } th.right { "For" } @if may { th {} } } }
                tbody {
                    @for record in calls {
                        tr {
                            td { a href={ "/calls/" (record.call) } { (who(&record.from)) " → " (who(&record.to)) } }
                            td { (record.service.as_deref().map_or_else(|| "–".into(), clean)) }
                            td { (now(record)) }
                            td.right.nowrap { (lasts(record)) }
                            @if may {
                                td.right {
                                    form method="post" action={ "/live/" (record.call) "/hangup" } {
                                        (hidden(csrf))
                                        button.danger type="submit" { "Hang up" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What goes on in a call, in words.
fn now(record: &Record) -> String {
    let called = record.legs.iter().filter(|leg| leg.direction == Direction::Outbound && leg.ended.is_none());
    let names = |answered: bool| {
        let legs = called.clone().filter(|leg| leg.answered.is_some() == answered);
        legs.map(|leg| leg_name(record, leg)).collect::<Vec<_>>().join(", ")
    };
    match (names(true), names(false)) {
        (with, _) if !with.is_empty() => format!("speaks with {with}"),
        (_, ringing) if !ringing.is_empty() => format!("rings {ringing}"),
        _ if record.answered.is_some() => "is served".into(),
        _ => "comes in".into(),
    }
}

fn lasts(record: &Record) -> String {
    let since = clock::wall().duration_since(record.began).unwrap_or_default();
    long(std::time::Duration::from_secs(since.as_secs()))
}

#[derive(Deserialize)]
pub struct Nothing {}

pub async fn end(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(call): Path<String>,
    Posted(_): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeCalls)?;
    let no_id = |_| Problem::new(StatusCode::BAD_REQUEST, "that is no call's id");
    let call: CallId = call.parse().map_err(no_id).map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    hang_up(&rooms, &guest.0, call).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to("/live"))
}
