//! Numbers and where they lead, and what would happen if somebody called one.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::routing::{Ask, Caller, Plan, Target};
use serde::Deserialize;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    home::standing,
    wrong::Wrong,
};
use crate::people::Right;

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
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let board = rooms.accounts.board();
    let plan = board.plan();
    let mut numbered: Vec<_> = board.directory.list();
    numbered.retain(|endpoint| endpoint.number.is_some());
    numbered.sort_by(|one, other| one.number.cmp(&other.number));
    let told = explained(&plan, &asked, &rooms);
    let body = html! {
        h1 { "Numbers and routes" }
        section.card {
            h2 { "What would happen if …" }
            form.fields method="get" action="/routes" {
                label { span { "… this one" } input name="caller" value=(asked.caller) placeholder="alice, trunk:north or 203.0.113.7" maxlength="128" autocomplete="off"; }
                label { span { "called" } input name="called" value=(asked.called) placeholder="1000 or +4930123101" maxlength="128" autocomplete="off" required; }
                div.buttons { button.primary type="submit" { "Tell" } }
            }
            @if let Some(told) = told {
                div.flash.told-plan role="status" { @for line in told.lines() { p { (line) } } }
            }
        }
        div.cards {
            section.card.flush { h2 { "Routes" } (routes(&plan)) }
            section.card.flush {
                h2 { "Numbers of endpoints" }
                @if numbered.is_empty() { p.empty { "No endpoint has a number." } }
                table { tbody {
                    @for endpoint in numbered.iter().take(MOST) {
                        tr { td.mono { (endpoint.number.as_deref().unwrap_or_default()) } td { "rings " (endpoint.user) } }
                    }
                } }
            }
            section.card.flush {
                h2 { "Trunks" }
                @if plan.trunks().is_empty() { p.empty { "None is configured." } }
                table { tbody {
                    @for trunk in plan.trunks() {
                        tr { td { strong { (trunk.name) } p.small.muted.mono { (trunk.servers.join(", ")) } } td { (standing(trunk)) } td.right.nowrap { (trunk.traffic.calls.count()) " calls" } }
                    }
                } }
            }
        }
    };
    Ok(Frame::new("Numbers and routes", Place::Routes, &guest.0).page(body).into_response())
}

/// What the plan would decide, in its own words.
fn explained(plan: &Plan, asked: &Asked, rooms: &Rooms) -> Option<String> {
    let (caller, called) = (asked.caller.trim(), asked.called.trim());
    if called.is_empty() || called.len() > LONGEST || caller.len() > LONGEST {
        return None;
    }
    let directory = &rooms.accounts.board().directory;
    let caller = match (caller.strip_prefix("trunk:"), caller.parse()) {
        (Some(trunk), _) if plan.trunk(trunk.trim()).is_some() => Caller::Trunk(trunk.trim()),
        (Some(trunk), _) => return Some(format!("There is no trunk {trunk}.")),
        (None, Ok(address)) => Caller::Stranger(address),
        (None, Err(_)) if directory.find(caller).is_some() => Caller::Endpoint(caller),
        (None, Err(_)) if caller.is_empty() => Caller::Stranger(std::net::Ipv4Addr::new(203, 0, 113, 7).into()),
        (None, Err(_)) => return Some(format!("There is no endpoint {caller}.")),
    };
    Some(plan.explain(&Ask::new(caller, called), directory))
}

fn routes(plan: &Plan) -> Markup {
    let names = |all: &[std::sync::Arc<str>]| all.iter().map(|name| &**name).collect::<Vec<_>>().join(", then ");
    html! {
        @if plan.routes().is_empty() {
            p.empty { "No route is configured. Endpoints reach each other and the shipped services all the same." }
        } @else {
            table {
                thead { tr { th { "Number" } th { "From" } th { "Leads to" } } }
                tbody {
                    @for route in plan.routes().iter().take(MOST) {
                        tr {
                            td.mono { (route.number) }
                            td { (route.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")) }
                            td { @match &route.target {
                                Target::Service(name) => { "service " strong { (name) } }
                                Target::Trunks(trunks) => { "out by " (names(trunks)) }
                                Target::Endpoints(users) => { "rings " (users.iter().map(|user| &**user).collect::<Vec<_>>().join(", ")) }
                            } }
                        }
                    }
                }
            }
        }
    }
}
