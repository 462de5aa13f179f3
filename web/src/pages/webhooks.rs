//! What is told to programs elsewhere: who is told and how that goes, what waits and what is dead, with the reason; sent again, thrown
//! away, tried. Who a receiver is, is said by the configuration alone; the page says how.

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
    webhooks::EVENTS,
};

/// Deliveries on a page.
const PAGE: usize = 40;

/// Letters of a delivery's text that are shown: all but the longest records.
const MOST_BODY: usize = 4_000;

/// What a configuration says to have a receiver told.
const EXAMPLE: &str = "[webhooks]\nurl = \"https://crm.example.org/patchcord\"\nsecret_env = \"WEBHOOK_SECRET\"\n\
                       events = [\"call.*\", \"trunk.down\"]";

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    before: Option<String>,
}

/// A receiver, and how it stands with it.
struct Receiver {
    url: String,
    configured: bool,
    waiting: i64,
    dead: i64,
}

/// `GET /webhooks`
pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ChangeServer)?;
    let to = |problem: crate::problem::Problem| Wrong::from(problem).to(&guest.0);
    let receivers = receivers(&rooms).await.map_err(|error| Wrong::from(error).to(&guest.0))?;
    let dead = asked.state != "waiting";
    let found = doors::page(&rooms, dead, asked.before.as_deref(), PAGE).await.map_err(to)?;
    let next = (found.len() == PAGE).then(|| found.last().map(|last| last.id.clone())).flatten();
    let state = if dead { "dead" } else { "waiting" };
    let body = html! {
        div.head {
            div { p.kicker { "What happens here, told to programs elsewhere over HTTP" } h1 { "Webhooks" } }
            @if receivers.iter().any(|receiver| receiver.configured) {
                form method="post" action="/webhooks/ping" { (csrf(&guest.0)) button type="submit" { "Send a ping to all" } }
            }
        }
        section.card.flush #receivers data-live { h2 { "Receivers" } (receiver_table(&receivers)) }
        @if receivers.is_empty() { (how()) } @else { details.card { summary { "Add a receiver" } (lines()) } }
        section.card.flush {
            div.title {
                h2 { "Deliveries" }
                nav.chips aria-label="Which deliveries" {
                    a.chip href="/webhooks" aria-current=[dead.then_some("true")] { "Dead" }
                    a.chip href="/webhooks?state=waiting" aria-current=[(!dead).then_some("true")] { "Waiting" }
                }
            }
            @if found.is_empty() {
                p.empty { @if dead { "None is dead: each was taken, or is still tried." } @else { "None waits." } }
            } @else { (table(&found, &guest.0, state)) }
        }
        nav.pager aria-label="Pages of deliveries" {
            @if asked.before.is_some() { a.button href={ "/webhooks?state=" (state) } { "To the latest" } } @else { span {} }
            @if let Some(next) = next { a.button rel="next" href={ "/webhooks?state=" (state) "&before=" (next) } { "Earlier" } }
        }
    };
    Ok(Frame::new("Webhooks", Place::Webhooks, &guest.0).page(body).into_response())
}

/// Those that are configured, and those that something is kept for all the same.
async fn receivers(rooms: &Rooms) -> Result<Vec<Receiver>, patchcord_engine::routing::ShelfError> {
    let kept = rooms.store.webhook_standings().await?;
    let named = rooms.webhooks.receivers();
    let of = |url: &String| {
        let found = kept.iter().find(|standing| standing.url == *url);
        let (waiting, dead) = found.map_or((0, 0), |standing| (standing.waiting, standing.dead));
        Receiver { url: prompt::shown(url), configured: true, waiting, dead }
    };
    let others = kept.iter().filter(|standing| !named.contains(&standing.url)).map(|standing| Receiver {
        url: prompt::shown(&standing.url),
        configured: false,
        waiting: standing.waiting,
        dead: standing.dead,
    });
    Ok(named.iter().map(of).chain(others).collect())
}

fn receiver_table(receivers: &[Receiver]) -> Markup {
    html! {
        @if receivers.is_empty() { p.empty { "Nobody is told anything." } }
        @else {
            div.scroll {
                table {
                    thead { tr { th { "Who" } th { "How it goes" } th.right { "Waiting" } th.right { "Dead" } } }
                    tbody {
                        @for receiver in receivers {
                            tr {
                                td.wide.mono { (clean(&receiver.url)) }
                                td { (standing(receiver)) }
                                td.right { (receiver.waiting) }
                                td.right { (receiver.dead) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn standing(receiver: &Receiver) -> Markup {
    match receiver {
        Receiver { configured: false, .. } => html! { span.badge { "no longer configured" } },
        Receiver { waiting: 0, dead: 0, .. } => html! { span.badge.good { "takes everything" } },
        Receiver { waiting: 0, .. } => html! { span.badge.warn { "missed some" } },
        _ => html! { span.badge.warn { "is behind" } },
    }
}

fn how() -> Markup {
    html! { section.card { h2 { "Add a receiver" } (lines()) } }
}

fn lines() -> Markup {
    html! {
        p { "Write it into " code { "patchcord.toml" } ", put the secret into the environment, and start the server again:" }
        pre.sip.lines-of-toml { (EXAMPLE) }
        p.small.muted { "There are: " (EVENTS.join(", ")) ". Each delivery is signed with the secret, and tried ten times over two days." }
    }
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
