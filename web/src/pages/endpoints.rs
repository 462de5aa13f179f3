//! Phones and browsers: who may register, and where each can be reached now.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::html;
use patchcord_engine::{
    journal::long,
    routing::{Binding, Endpoint, Origin},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    wrong::Wrong,
};
use crate::people::Right;

/// Endpoints on a page.
const PAGE: usize = 100;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: String,
    #[serde(default)]
    text: String,
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadEndpoints)?;
    let (board, now) = (rooms.accounts.board(), clock::now());
    let mut all = board.directory.list();
    all.sort_by(|one, other| one.user.cmp(&other.user));
    let text = asked.text.trim().to_lowercase();
    let wanted = |endpoint: &Endpoint| {
        *endpoint.user > *asked.after
            && (endpoint.user.to_lowercase().contains(&text)
                || endpoint.number.as_deref().is_some_and(|number| number.contains(&text)))
    };
    let mut found: Vec<_> = all.iter().filter(|endpoint| wanted(endpoint)).take(PAGE + 1).collect();
    let next =
        (found.len() > PAGE).then(|| found.pop()).flatten().and_then(|_| found.last().map(|last| last.user.clone()));
    let damaged = rooms.accounts.damaged();
    let body = html! {
        div.head {
            div { p.kicker { (board.location.endpoints()) " of " (all.len()) " are registered" } h1 { "Endpoints" } }
            form.inline method="get" action="/endpoints" role="search" {
                input name="text" value=(asked.text) placeholder="name or number" aria-label="Name or number" maxlength="64";
                button type="submit" { "Find" }
            }
        }
        @for broken in &damaged {
            p.flash.bad role="alert" { "Endpoint " (broken.user) " is left out: " (broken.reason) }
        }
        section.card.flush #registrations data-live {
            @if found.is_empty() {
                p.empty { "There is none. " code { "patchcord endpoint add alice --number 101" } " adds the first." }
            } @else {
                div.scroll {
                    table {
                        thead { tr { th { "Endpoint" } th { "Number" } th { "Where" } th { "Over" } th { "Phone" } th.right { "Lapses in" } th { "From" } } }
                        tbody {
                            @for endpoint in &found {
                                @let bindings = board.location.bindings(&endpoint.user, now);
                                @for (at, binding) in bindings.iter().map(Some).chain(bindings.is_empty().then_some(None)).enumerate() {
                                    tr {
                                        td { @if at == 0 { strong { (endpoint.user) } } }
                                        td.mono { @if at == 0 { (endpoint.number.as_deref().unwrap_or("–")) } }
                                        (place(binding, now))
                                        td.muted { @if at == 0 { @if endpoint.origin == Origin::File { "configuration" } @else { "database" } } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        @if let Some(next) = next {
            nav.pager { span {} a.button rel="next" href={ "/endpoints?after=" (next) } { "More" } }
        }
    };
    Ok(Frame::new("Endpoints", Place::Endpoints, &guest.0).page(body).into_response())
}

/// Where one binding of an endpoint leads; or that it has none.
fn place(binding: Option<&Binding>, now: std::time::Instant) -> maud::Markup {
    match binding {
        None => html! { td { span.badge { "not registered" } } td {} td {} td {} },
        Some(binding) => {
            let left = std::time::Duration::from_secs(binding.left(now).as_secs());
            html! {
                td {
                    @if binding.reachable() { span.badge.good { "reachable" } } @else { span.badge.warn { "connection lost" } }
                    " " span.mono.small { (binding.hop.peer) }
                }
                td { (binding.hop.transport) }
                td.small { (binding.user_agent.as_deref().unwrap_or("–")) }
                td.right.nowrap { (long(left)) }
            }
        }
    }
}
