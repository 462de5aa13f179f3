//! Calls that go on, as they go on; and the end of one that should not.

use axum::{
    extract::{Path, Query, State},
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
    Guest, Nothing, Posted, Rooms,
    frame::{Frame, Place, hidden},
    words::{leg_name, who},
    wrong::Wrong,
};
use crate::{
    api::{
        calls::{hang_up, pass_on},
        records::shown,
    },
    people::{Asker, Right},
    problem::Problem,
};

/// Calls that are shown; with more of them nobody reads a list.
const MOST: usize = 200;

/// What somebody wanted of a call a moment ago.
#[derive(Deserialize)]
pub struct Came {
    #[serde(default)]
    ended: String,
    #[serde(default)]
    passed: String,
}

impl Came {
    /// That it was asked for, and how that call stands.
    fn told(&self, rooms: &Rooms) -> Markup {
        let (id, ends) = if self.ended.is_empty() { (&self.passed, false) } else { (&self.ended, true) };
        let Ok(id) = id.parse::<CallId>() else { return html! {} };
        let goes_on = rooms.accounts.board().live.goes_on(id);
        html! {
            p.flash role="status" {
                a href={ "/calls/" (id) } { "The call " span.mono { (id) } }
                @match (ends, goes_on) {
                    (true, true) => " is being hung up.",
                    (true, false) => " is over.",
                    (false, true) => " is being passed on.",
                    (false, false) => " was passed on, and is over.",
                }
            }
        }
    }
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(came): Query<Came>) -> Result<Response, Wrong> {
    guest.may(Right::ReadCalls)?;
    let board = rooms.accounts.board();
    let (count, calls) = board.live.census(MOST, clock::wall());
    let calls: Vec<Record> = calls.into_iter().map(|record| shown(record, &guest.0)).collect();
    let body = html! {
        div #live data-live {
            (came.told(&rooms))
            div.head { h1 { (count) @if count == 1 { " call now" } @else { " calls now" } } }
            section.card.flush.spaced {
                @if calls.is_empty() { p.empty { "Nobody speaks. A call shows up here as soon as it comes in. " a href="/phone" { "Make one from the browser phone" } ", or see " a href="/records" { "those that are over" } "." } }
                @else {
                    @if count > calls.len() { p.compared.small.muted { "The latest " (calls.len()) " of them." } }
                    (table(&calls, &guest.0))
                }
            }
        }
    };
    Ok(Frame::new("Live", Place::Live, &guest.0).page(body).into_response())
}

fn table(calls: &[Record], asker: &Asker) -> Markup {
    let may = asker.rights.has(Right::ChangeCalls);
    html! {
        div.scroll {
            table.middle.rows {
                thead { tr { th { "Who" } th { "Service" } th { "Now" } th.right { "For" } @if may { th {} } } }
                tbody {
                    @for record in calls {
                        tr {
                            td { a href={ "/calls/" (record.call) } { (who(&record.from)) " → " (who(&record.to)) } }
                            td data-of="service" { (record.heard_by().map_or_else(|| "–".into(), clean)) }
                            td { (now(record)) }
                            td.right.nowrap { (lasts(record)) }
                            @if may {
                                td.right { (deeds(record, asker)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What may be done with a call: a party of it is passed on, or all of it ends.
pub(super) fn deeds(record: &Record, asker: &Asker) -> Markup {
    let csrf = asker.session.as_ref().map(|session| session.csrf.as_str()).unwrap_or_default();
    let talking: Vec<_> = record.legs.iter().filter(|leg| leg.answered.is_some() && leg.ended.is_none()).collect();
    html! {
        div.deeds {
            @if talking.len() > 1 {
                details.more {
                    summary { "Pass on" }
                    form.inline method="post" action={ "/live/" (record.call) "/transfer" } {
                        (hidden(csrf))
                        select name="leg" aria-label="Who is passed on" {
                            @for leg in &talking { option value=(leg.leg) { (leg_name(record, leg)) } }
                        }
                        input name="to" placeholder="103 or user:alice" aria-label="To whom" required maxlength="128";
                        button type="submit" { "Pass on" }
                    }
                }
            }
            form method="post" action={ "/live/" (record.call) "/hangup" } {
                (hidden(csrf))
                button.danger type="submit" { "Hang up" }
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

fn read(guest: &Guest, call: &str) -> Result<CallId, Wrong> {
    let no_id = |_| Problem::new(StatusCode::BAD_REQUEST, "that is no call's id");
    call.parse().map_err(no_id).map_err(|problem| Wrong::from(problem).to(&guest.0))
}

/// Who is passed on, and to whom.
#[derive(Deserialize)]
pub struct Passed {
    leg: u32,
    to: String,
}

/// `POST /live/{call}/transfer`
pub async fn pass(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(call): Path<String>,
    Posted(passed): Posted<Passed>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeCalls)?;
    let call = read(&guest, &call)?;
    let begun = pass_on(&rooms, &guest.0, call, Some(passed.leg), &passed.to).await;
    begun.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to(&format!("/live?passed={call}")))
}

pub async fn end(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(call): Path<String>,
    Posted(_): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeCalls)?;
    let call = read(&guest, &call)?;
    hang_up(&rooms, &guest.0, call).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to(&format!("/live?ended={call}")))
}
