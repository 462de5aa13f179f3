//! Phones and browsers: who may register, and where each can be reached now.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{Account, By, CallId, clean, ended, long},
    routing::{Binding, Endpoint, Failed, Failure, Origin, Reach},
    runtime::clock,
};
use serde::Deserialize;

pub mod change;

use change::Made;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    words::when,
    wrong::Wrong,
};
use crate::{
    api::records::shown,
    masking::told,
    people::{Asker, Right},
    store::Wanted,
};

/// Endpoints on a page.
const PAGE: usize = 100;

/// Calls that went wrong which are looked at for whose phone that was, and how far back.
const FAILURES: usize = 200;
const FAILURES_SINCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A call to an endpoint that went wrong there.
struct Missed {
    call: CallId,
    at: SystemTime,
    why: String,
}

#[derive(Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: String,
    #[serde(default)]
    text: String,
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    page(&rooms, &guest, asked, None).await
}

/// The page; with a password that was just made, which is told this once.
async fn page(rooms: &Rooms, guest: &Guest, asked: Asked, made: Option<Made>) -> Result<Response, Wrong> {
    guest.may(Right::ReadEndpoints)?;
    let may = guest.0.rights.has(Right::ChangeEndpoints);
    let sees_calls = guest.0.rights.has(Right::ReadRecords);
    let (board, now) = (rooms.accounts.board(), clock::now());
    let mut all = board.directory.list();
    all.sort_by(|one, other| one.user.cmp(&other.user));
    let text = asked.text.trim().to_lowercase();
    let wanted = |endpoint: &Endpoint| {
        *endpoint.user > *asked.after
            && (endpoint.user.to_lowercase().contains(&text)
                || endpoint.number.as_deref().is_some_and(|number| told(number, &guest.0).contains(&text)))
    };
    let mut found: Vec<_> = all.iter().filter(|endpoint| wanted(endpoint)).take(PAGE + 1).collect();
    let next =
        (found.len() > PAGE).then(|| found.pop()).flatten().and_then(|_| found.last().map(|last| last.user.clone()));
    let damaged = rooms.accounts.damaged();
    let failures = failures(rooms, guest).await?;
    let body = html! {
        div.head {
            div { p.kicker { (board.location.endpoints()) " of " (all.len()) " are registered" } h1 { "Endpoints" } }
            form.inline method="get" action="/endpoints" role="search" {
                input name="text" value=(asked.text) placeholder="name or number" aria-label="Name or number" maxlength="64";
                button type="submit" { "Find" }
            }
        }
        @if let Some(made) = &made { (change::told(made)) }
        @for broken in &damaged {
            p.flash.bad role="alert" { "Endpoint " (broken.user) " is left out: " (broken.reason) }
        }
        section.card.flush #registrations data-live {
            @if found.is_empty() {
                p.empty {
                    @if all.is_empty() { "There is none. " @if may { "Add the first below. " } code { "patchcord endpoint add alice --number 101" } " on the machine of the server, " code { "POST /api/v1/endpoints" } " and " code { "[[endpoint]]" } " in the configuration do so, too." }
                    @else if text.is_empty() { "There are no more. " a href="/endpoints" { "To the first" } }
                    @else { "No endpoint is like that. " a href="/endpoints" { "See all " (all.len()) } "." }
                }
            } @else {
                div.scroll {
                    table.rows.named {
                        thead { tr { th { "Endpoint" } th { "Number" } th { "Where" } th { "Over" } th { "Phone" } th.right { "Refreshed" } th.right { "Lapses in" } th { "Last failure" } th { "From" } @if may { th {} } } }
                        tbody {
                            @for endpoint in &found {
                                @let bindings = board.location.bindings(&endpoint.user, now);
                                @for (at, binding) in bindings.iter().map(Some).chain(bindings.is_empty().then_some(None)).enumerate() {
                                    tr.again[at > 0] {
                                        td.wide { @if at == 0 { strong { (calls_of(&endpoint.user, sees_calls)) } } }
                                        td.mono { @if at == 0 { (endpoint.number.as_deref().map_or_else(|| "–".into(), |number| told(number, &guest.0))) } }
                                        (place(binding, now))
                                        td.whole { @if at == 0 { (failure(&board.failures.last(&endpoint.user), failures.get(&*endpoint.user), &guest.0)) } }
                                        td.muted data-of="from" { @if at == 0 { @if endpoint.origin == Origin::File { "configuration" } @else { "database" } } }
                                        @if may { td.right { @if at == 0 { (change::deeds(endpoint, &guest.0)) } } }
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
        @if may { (change::form(&guest.0)) }
    };
    Ok(Frame::new("Endpoints", Place::Endpoints, &guest.0).page(body).into_response())
}

/// An endpoint's name, which leads to its calls for whoever may see them.
fn calls_of(user: &str, sees_calls: bool) -> Markup {
    let query = serde_urlencoded::to_string([("number", user)]).unwrap_or_default();
    html! {
        @if sees_calls { a.plainly href={ "/records?" (query) } title={ "Calls of " (user) } { (user) } } @else { (user) }
    }
}

/// How the way to a phone is, where it is not simply its address.
fn behind(binding: &Binding) -> Option<&'static str> {
    match binding.reach {
        Reach::Contact => None,
        Reach::Source => Some("behind a NAT: reached where it registered from"),
        Reach::Flow => Some("reached by its connection alone"),
        Reach::Lost => Some("must come back before it can be reached"),
    }
}

/// How long ago something was.
fn ago(time: Duration) -> String {
    match time.as_secs() {
        0 => "just now".into(),
        seconds => format!("{} ago", long(Duration::from_secs(seconds))),
    }
}

/// The last call to each endpoint that went wrong there, among the latest that went wrong at all.
async fn failures(rooms: &Rooms, guest: &Guest) -> Result<HashMap<String, Missed>, Wrong> {
    let mut found = HashMap::new();
    if !guest.0.rights.has(Right::ReadRecords) {
        return Ok(found);
    }
    let wanted = Wanted { since: Some(clock::wall() - FAILURES_SINCE), problems: true, ..Wanted::default() };
    let records = rooms.store.find_calls(&wanted, None, FAILURES).await;
    for record in records.map_err(|error| Wrong::from(error).to(&guest.0))?.records {
        let record = shown(record, &guest.0);
        for leg in &record.legs {
            let (Account::Endpoint(user), Some(cause)) = (&leg.account, &leg.cause) else { continue };
            if leg.answered.is_none() && (cause.by == By::System || cause.sip.is_some_and(|sip| sip >= 400)) {
                let failure = || Missed { call: record.call, at: record.began, why: ended(cause) };
                found.entry(user.to_string()).or_insert_with(failure);
            }
        }
    }
    Ok(found)
}

/// What went wrong last: the phone could not register, or a call could not reach it.
fn failure(failed: &Failed, missed: Option<&Missed>, asker: &Asker) -> Markup {
    let how = |failure: &Failure| {
        html! {
            " " (failure.status) " " (told(&clean(&failure.why), asker))
            p.small.muted {
                @if failure.times > 1 { (failure.times) " times, last " }
                (when(failure.at)) " from " span.mono { (failure.peer.ip().to_canonical()) }
            }
        }
    };
    html! {
        @if let Some(own) = &failed.own {
            div.small {
                @if own.times > 0 { span.badge.bad { "cannot register" } } @else { span.badge { "could not register" } }
                (how(own))
            }
        }
        @if let Some(elsewhere) = &failed.elsewhere {
            div.small { span.badge.warn title="Not where it is registered: the phone at another place, or somebody who guesses" { "refused elsewhere" } (how(elsewhere)) }
        }
        @if let Some(missed) = missed { p.small { a href={ "/calls/" (missed.call) } { (missed.why) } } p.small.muted { (when(missed.at)) } }
    }
}

/// Where one binding of an endpoint leads; or that it has none.
fn place(binding: Option<&Binding>, now: Instant) -> Markup {
    match binding {
        None => html! { td { span.badge { "not registered" } } td {} td {} td {} td {} },
        Some(binding) => {
            let left = Duration::from_secs(binding.left(now).as_secs());
            html! {
                td {
                    @if binding.reachable() { span.badge.good { "reachable" } } @else { span.badge.warn { "connection lost" } }
                    " " span.mono.small { (binding.hop.peer) }
                    @if let Some(behind) = behind(binding) { p.small.muted { (behind) } }
                }
                td { (binding.hop.transport) }
                td.small data-of="phone" { (binding.user_agent.as_deref().map_or_else(|| "–".into(), clean)) }
                td.right.nowrap data-of="refreshed" { (ago(now.saturating_duration_since(binding.updated))) }
                td.right.nowrap data-of="lapses in" { (long(left)) }
            }
        }
    }
}
