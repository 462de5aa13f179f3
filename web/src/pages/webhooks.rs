//! What is told to programs elsewhere: who is told and how that goes, what waits and what is dead, with the reason; sent again, thrown
//! away, tried.
//!
//! ```text
//! receivers  who is told; added, changed and removed here, unless the configuration names them
//! ```

pub mod receivers;

use std::time::Duration;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{clean, long},
    runtime::clock,
};
use patchcord_media::prompt;
use serde::Deserialize;

use super::{
    Guest, Nothing, Posted, Rooms,
    frame::{Frame, Place, csrf},
    words::when,
    wrong::Wrong,
};
use crate::{
    api::webhooks as doors,
    people::{Asker, Right},
    store::webhooks::Delivery,
};

/// Deliveries on a page.
const PAGE: usize = 25;

/// Letters of a delivery's text that are shown: who and what. A page of them stays below fifty kilobytes; the API has all of it.
const MOST_BODY: usize = 1_000;

#[derive(Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    before: Option<String>,
}

/// `GET /webhooks`
pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ChangeServer)?;
    page(&rooms, &guest, &asked, None).await
}

/// The page; with word of what was just done.
async fn page(rooms: &Rooms, guest: &Guest, asked: &Asked, said: Option<Markup>) -> Result<Response, Wrong> {
    let to = |problem: crate::problem::Problem| Wrong::from(problem).to(&guest.0);
    let receivers = receivers::all(rooms).await.map_err(|error| Wrong::from(error).to(&guest.0))?;
    let dead = asked.state != "waiting";
    let found = doors::page(rooms, dead, asked.before.as_deref(), PAGE).await.map_err(to)?;
    let next = (found.len() == PAGE).then(|| found.last().map(|last| last.id.clone())).flatten();
    let state = if dead { "dead" } else { "waiting" };
    let body = html! {
        div.head {
            div { p.kicker { "What happens here, told to programs elsewhere over HTTP" } h1 { "Webhooks" } }
            @if receivers.iter().any(receivers::Told::is_told) {
                form method="post" action="/webhooks/ping" { (csrf(&guest.0)) button type="submit" { "Send a ping to all" } }
            }
        }
        @if let Some(said) = said { (said) }
        section.card.flush #receivers { h2 { "Receivers" } (receivers::table(&receivers, &guest.0)) }
        @if receivers.is_empty() { section.card { h2 { "Add a receiver" } (receivers::form(&guest.0)) } }
        @else { details.card { summary { "Add a receiver" } (receivers::form(&guest.0)) } }
        section.card.flush {
            div.title {
                h2 { "Deliveries" }
                nav.chips aria-label="Which deliveries" {
                    a.chip href="/webhooks" aria-current=[dead.then_some("true")] { "Dead" }
                    a.chip href="/webhooks?state=waiting" aria-current=[(!dead).then_some("true")] { "Waiting" }
                }
            }
            @if found.is_empty() {
                p.empty {
                    @if asked.before.is_some() { "There are no earlier ones. " a href={ "/webhooks?state=" (state) } { "To the latest" } }
                    @else if dead { "None is dead: each was taken, or is still tried. " a href="/webhooks?state=waiting" { "See those that wait" } "." }
                    @else if receivers.is_empty() { "None waits, because nobody is told anything: add a receiver above." }
                    @else { "None waits: each was taken. A ping, above, shows whether a receiver still listens." }
                }
            } @else { (table(&found, &guest.0, state)) }
        }
        nav.pager aria-label="Pages of deliveries" {
            @if asked.before.is_some() { a.button href={ "/webhooks?state=" (state) } { "To the latest" } } @else { span {} }
            @if let Some(next) = next { a.button rel="next" href={ "/webhooks?state=" (state) "&before=" (next) } { "Earlier" } }
        }
    };
    Ok(Frame::new("Webhooks", Place::Webhooks, &guest.0).page(body).into_response())
}

fn table(deliveries: &[Delivery], asker: &Asker, state: &str) -> Markup {
    html! {
        div.scroll {
            table.rows {
                thead { tr { th { "Happened (UTC)" } th { "What" } th { "To" } th { "What went wrong" } th {} } }
                tbody { @for delivery in deliveries { (row(delivery, asker, state)) } }
            }
        }
    }
}

fn row(delivery: &Delivery, asker: &Asker, state: &str) -> Markup {
    let deed = |deed: &str, danger: bool, says: &str, what: &str| {
        html! {
            form method="post" action={ "/webhooks/deliveries/" (delivery.id) "/" (deed) "?state=" (state) } {
                (csrf(asker))
                button.danger[danger] type="submit" aria-label={ (says) ": " (what) } { (says) }
            }
        }
    };
    html! {
        tr {
            td.nowrap { (when(delivery.made)) }
            td.wide {
                strong { (delivery.event) }
                @if asker.rights.has(Right::ReadNumbers) { details { summary.small.muted { "Text" } pre.sip.body { (body(delivery)) } } }
            }
            td.mono.small.wide { (clean(&prompt::shown(&delivery.url))) }
            td.wide {
                (delivery.why.as_deref().map_or_else(|| "not tried yet".into(), clean))
                p.small.muted { (delivery.tries) @if delivery.tries == 1 { " try" } @else { " tries" } (next(delivery)) }
            }
            td.right {
                div.deeds {
                    (deed("resend", false, "Send again", &delivery.event))
                    (deed("remove", true, "Throw away", &delivery.event))
                }
            }
        }
    }
}

fn next(delivery: &Delivery) -> String {
    let Some(next) = delivery.next else { return String::new() };
    let left = next.duration_since(clock::wall()).unwrap_or_default().as_secs();
    if left == 0 {
        ", the next one now".into()
    } else {
        format!(", the next one in {}", long(Duration::from_secs(left)))
    }
}

/// The text of a delivery as people read JSON.
fn body(delivery: &Delivery) -> String {
    let read: Result<serde_json::Value, _> = serde_json::from_str(&delivery.body);
    let text = read.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| delivery.body.clone());
    let mut shown: String = text.chars().take(MOST_BODY).collect();
    if shown.len() < text.len() {
        shown.push_str("\n…");
    }
    shown
}

fn back(asked: &Asked) -> Redirect {
    Redirect::to(if asked.state == "waiting" { "/webhooks?state=waiting" } else { "/webhooks" })
}

/// `POST /webhooks/ping`
pub async fn ping(
    State(rooms): State<Rooms>,
    guest: Guest,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeServer)?;
    doors::try_all(&rooms, &guest.0).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to("/webhooks?state=waiting"))
}

/// `POST /webhooks/deliveries/{id}/resend`
pub async fn resend(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeServer)?;
    doors::send_again(&rooms, &guest.0, &id).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(back(&asked))
}

/// `POST /webhooks/deliveries/{id}/remove`
pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeServer)?;
    doors::throw_away(&rooms, &guest.0, &id).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(back(&asked))
}
