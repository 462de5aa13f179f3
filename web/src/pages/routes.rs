//! Numbers and where they lead, and what would happen if somebody called one.
//!
//! ```text
//! added  routes that somebody adds, changes and removes here
//! ```

pub(super) mod added;

use std::{sync::Arc, time::UNIX_EPOCH};

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    routing::{Ask, Caller, Plan, Trunk, Verdict, shipped},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    home::standing,
    words::when,
    wrong::Wrong,
};
use crate::{
    api::{routing, wanted::Filters},
    masking::told,
    people::Right,
    workshop::Imagined,
};

/// Routes and numbers that are shown.
const MOST: usize = 500;

/// Longest name or number that is tried.
const LONGEST: usize = 128;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    caller: String,
    #[serde(default)]
    called: String,
    #[serde(default)]
    at: String,
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let board = rooms.accounts.board();
    let plan = board.plan();
    let mut numbered: Vec<_> = board.directory.list();
    numbered.retain(|endpoint| endpoint.number.is_some());
    numbered.sort_by(|one, other| one.number.cmp(&other.number));
    let explained = explained(&plan, &asked, &rooms);
    let story = match &explained {
        // What it would do is what it says.
        Some(Told { service: Some(service), .. }) if guest.0.rights.read_sources() => {
            imagined(&rooms, &guest, &asked, service).await?
        }
        _ => None,
    };
    let routes = routing::all(&rooms, &guest.0).routes;
    let is_taken = |number: &str| routes.iter().any(|route| route.number == number && route.hindrance.is_none());
    let body = html! {
        h1 { "Numbers and routes" }
        section.card {
            h2 { "What would happen if …" }
            form.fields.roomy method="get" action="/routes" {
                label { span { "… this one" } input name="caller" value=(asked.caller) placeholder="alice, trunk:north or 203.0.113.7" maxlength="128" autocomplete="off"; }
                label { span { "called" } input name="called" value=(asked.called) placeholder="1000 or +4930123101" maxlength="128" autocomplete="off" required; }
                label.long { span { "… then, in UTC (now, unless one is said)" } input type="datetime-local" name="at" value=(asked.at); }
                div.buttons { button.primary type="submit" { "Tell" } }
            }
            @if let Some(plan_words) = explained.as_ref().map(|explained| told(&explained.words, &guest.0)) {
                div.flash.told-plan role="status" { @for line in plan_words.lines() { p { (line) } } }
            }
            @if let Some(story) = story {
                h3.spaced { "What the service would do, if the caller said nothing and pressed no key" }
                pre.sip.story #story { (story) }
            }
        }
        section.card.flush {
            h2 { "Routes" }
            (added::table(&routes, &guest.0))
        }
        @if guest.0.rights.has(Right::ChangeRoutes) { (added::form(&guest.0)) }
        div.cards.three {
            section.card.flush {
                h2 { "Numbers of endpoints" }
                @if numbered.is_empty() { p.empty { "No endpoint has a number." } }
                table { tbody {
                    @for endpoint in numbered.iter().take(MOST) {
                        @let number = endpoint.number.as_deref().unwrap_or_default();
                        tr { td.mono { (told(number, &guest.0)) } td { "rings " (endpoint.user) @if is_taken(number) { p.small.muted { "where no route takes it" } } } }
                    }
                } }
            }
            section.card.flush {
                h2 { "Shipped numbers" }
                p.note.small.muted { "For endpoints and browsers, unless a route or an endpoint has the number." }
                (shipped_numbers())
            }
            section.card.flush {
                h2 { "Trunks" }
                (carriers(plan.trunks()))
            }
        }
    };
    Ok(Frame::new("Numbers and routes", Place::Routes, &guest.0).page(body).into_response())
}

/// Each trunk, how it stands, and what failed there last.
fn carriers(trunks: &[Arc<Trunk>]) -> Markup {
    html! {
        @if trunks.is_empty() { p.empty { "None is configured." } }
        table.narrow { tbody {
            @for trunk in trunks {
                @let calls = trunk.traffic.calls.count();
                tr { td {
                    div.between {
                        strong { (trunk.name) }
                        span {
                            (standing(trunk))
                            @if trunk.register.is_some() && !trunk.traffic.is_registered() { " " span.badge.warn { "not registered" } }
                        }
                    }
                    @for server in &trunk.servers { p.small.muted.mono { (server) } }
                    p.small { (calls) @if calls == 1 { " call" } @else { " calls" } }
                    @if let Some(mishap) = trunk.traffic.mishap() { p.small.muted { (mishap) ", " (when(mishap.at)) " UTC" } }
                } }
            }
        } }
    }
}

/// What the plan would decide, in its own words; and which service would answer.
struct Told {
    words: String,
    service: Option<String>,
}

/// What the service would do at that time.
async fn imagined(rooms: &Rooms, guest: &Guest, asked: &Asked, service: &str) -> Result<Option<String>, Wrong> {
    let Some(workshop) = rooms.house.workshop() else { return Ok(None) };
    let filters = Filters { from: asked.at.clone(), ..Filters::default() };
    let at = filters.wanted().map_err(|problem| Wrong::from(problem).to(&guest.0))?.since;
    let wall = at.unwrap_or_else(clock::wall).duration_since(UNIX_EPOCH).unwrap_or_default();
    let caller = if asked.caller.trim().is_empty() { "anonymous" } else { asked.caller.trim() };
    let (caller, called) = (caller.to_owned(), asked.called.trim().to_owned());
    let wanted = Imagined { service: service.to_owned(), caller, called, wall };
    let story = workshop.imagine(wanted).await;
    story.map(Some).map_err(|problem| Wrong::from(problem).to(&guest.0))
}

fn explained(plan: &Plan, asked: &Asked, rooms: &Rooms) -> Option<Told> {
    let (caller, called) = (asked.caller.trim(), asked.called.trim());
    if called.is_empty() || called.len() > LONGEST || caller.len() > LONGEST {
        return None;
    }
    let directory = &rooms.accounts.board().directory;
    let nobody = |words: String| Some(Told { words, service: None });
    let caller = match (caller.strip_prefix("trunk:"), caller.parse()) {
        (Some(trunk), _) if plan.trunk(trunk.trim()).is_some() => Caller::Trunk(trunk.trim()),
        (Some(trunk), _) => return nobody(format!("There is no trunk {trunk}.")),
        (None, Ok(address)) => Caller::Stranger(address),
        (None, Err(_)) if directory.find(caller).is_some() => Caller::Endpoint(caller),
        (None, Err(_)) if caller.is_empty() => Caller::Stranger(std::net::Ipv4Addr::new(203, 0, 113, 7).into()),
        (None, Err(_)) => return nobody(format!("There is no endpoint {caller}.")),
    };
    let ask = Ask::new(caller, called);
    let service = match plan.decide(&ask, directory).verdict {
        Verdict::Service(service) => Some(service.to_string()),
        _ => None,
    };
    Some(Told { words: plan.explain(&ask, directory), service })
}

/// What endpoints may call without a route, and which service answers.
fn shipped_numbers() -> Markup {
    html! {
        table { tbody {
            @for (number, service) in shipped() {
                tr {
                    td.mono.nowrap { (number) }
                    td { "service " a href={ "/services/" (service) } { (service) } }
                }
            }
        } }
    }
}
