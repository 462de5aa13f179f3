//! One service: its text with what its tests reached and how many callers came by, what is wrong with it, its tests, its versions.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{RecordShelf, Story, What, long},
    routing::ShelfError,
};
use serde::Deserialize;

use super::{
    Guest, Rooms,
    call::again::workshop,
    frame::{Frame, Place},
    troubles::{findings, told},
    words::when,
    wrong::Wrong,
};
use crate::{
    house::{Service, Trouble},
    masking::masked,
    people::{Asker, Right},
    problem::Problem,
    store::{
        Wanted,
        versions::{KEPT, Past},
    },
    versions::Reason,
    workshop::Examined,
};

/// Calls whose journals are read to see where callers come by.
const CALLS: usize = 60;

/// Which version is looked at beside the one that is served.
#[derive(Deserialize)]
pub struct Asked {
    version: Option<String>,
}

/// How many of the last calls came by each line.
#[derive(Default)]
struct Funnel {
    calls: usize,
    lines: BTreeMap<usize, usize>,
}

/// `GET /services/{name}`
pub async fn show(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let troubles: Vec<Trouble> = rooms.house.troubles().into_iter().filter(|trouble| trouble.service == name).collect();
    let Some(service) = rooms.house.services().into_iter().find(|service| service.name == name) else {
        if !troubles.is_empty() {
            return Ok(unserved(&name, &troubles, &guest));
        }
        return Err(Wrong::from(Problem::new(StatusCode::NOT_FOUND, "there is no such service")).to(&guest.0));
    };
    let examined =
        workshop(&rooms, &guest)?.examine(name).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let sources = guest.0.rights.read_sources();
    let funnel = match sources && guest.0.rights.has(Right::ReadRecords) {
        true => funnel(&rooms, &service).await.map_err(|error| Wrong::from(error).to(&guest.0))?,
        false => Funnel::default(),
    };
    let away = |error: ShelfError| Wrong::from(error).to(&guest.0);
    let past = rooms.store.versions_of(&service.name).await.map_err(away)?;
    let old = match asked.version.filter(|version| sources && *version != service.version) {
        Some(version) => {
            rooms.store.text_of_version(&service.name, &version).await.map_err(away)?.map(|text| (version, text))
        }
        None => None,
    };
    let body = html! {
        div.head {
            div {
                p.kicker { a href="/services" { "Services" } " · version " (service.version) " · " span.mono { (service.file) } }
                h1 { (service.name) }
            }
            div.buttons { a.button href={ "/records?service=" (service.name) } { "Its calls" } }
        }
        (told(&troubles, &guest.0, false))
        (verdict(&examined))
        @if !examined.faults.is_empty() { (faults(&examined.faults, &guest.0)) }
        section.card.flush {
            h2 { "Text" }
            @if sources {
                p.compared.small.muted {
                    @if funnel.calls > 0 { "The bars say how many of the last " @if funnel.calls == 1 { "call" } @else { (funnel.calls) " calls" } " of this version gave that order. " }
                    @if !examined.lines.is_empty() { "Lines that no test reached are marked." }
                }
                (text(&service.text, &examined, &funnel))
            } @else { p.empty { "Operators and admins may read it: numbers, PINs and keys may be written there." } }
        }
        div.cards {
            section.card.flush { h2 { "Tests" } (tests(&service.name, &examined, sources)) }
            section.card.flush { h2 { "Versions" } (versions(&service, &past, sources)) }
        }
        @if let Some((version, text)) = &old { (difference(&service, version, text)) }
    };
    Ok(Frame::new(&service.name, Place::Services, &guest.0).page(body).into_response())
}

/// A service that is there by its file and not served.
fn unserved(name: &str, troubles: &[Trouble], guest: &Guest) -> Response {
    let body = html! {
        div { p.kicker { a href="/services" { "Services" } " · not served" } h1 { (name) } }
        (told(troubles, &guest.0, false))
    };
    Frame::new(name, Place::Services, &guest.0).page(body).into_response()
}

/// Where the last calls of the version that is served came by.
async fn funnel(rooms: &Rooms, service: &Service) -> Result<Funnel, ShelfError> {
    let wanted = Wanted { service: Some(service.name.clone()), ..Wanted::default() };
    let found = rooms.store.find_calls(&wanted, None, CALLS).await?;
    let mut funnel = Funnel::default();
    for record in found.records.iter().filter(|record| record.version.as_deref() == Some(&*service.version)) {
        let Some(Story { entries, .. }) = rooms.store.story(record.call).await? else { continue };
        let line = |place: &str| {
            let (file, line) = place.rsplit_once(':')?;
            (file == service.file).then(|| line.parse().ok()).flatten()
        };
        let lines: BTreeSet<usize> = entries
            .iter()
            .filter_map(|entry| match &entry.what {
                What::Verb(verb) => line(verb.place.as_deref()?),
                _ => None,
            })
            .collect();
        funnel.calls += 1;
        lines.into_iter().for_each(|line| *funnel.lines.entry(line).or_default() += 1);
    }
    Ok(funnel)
}

fn verdict(examined: &Examined) -> Markup {
    let failed = examined.tests.iter().filter(|test| test.failed.is_some()).count() + examined.broken.len();
    let (can, ran) = (examined.lines.len(), examined.lines.iter().filter(|(_, ran)| *ran).count());
    html! {
        div.tiles #examined {
            div.tile { p.figure { (examined.faults.len()) } p.label { "faults found by reading" } }
            div.tile { p.figure { (examined.tests.len() - examined.tests.iter().filter(|test| test.failed.is_some()).count()) small { " of " (examined.tests.len()) } } p.label { "tests hold" } }
            div.tile { p.figure { @if can == 0 || examined.tests.is_empty() { "–" } @else { (ran * 100 / can) small { " %" } } } p.label { "of its lines reached by tests" } }
        }
        @if failed > 0 { p.flash.bad role="status" { (failed) @if failed == 1 { " test fails." } @else { " tests fail." } } }
        @else if examined.tests.is_empty() { p.flash { "It has no tests: write " code { "fn test_…(t)" } " into a file beside it, or make one of a call." } }
    }
}

/// A fault quotes names out of the text, and numbers among them.
fn faults(faults: &[String], asker: &Asker) -> Markup {
    let told = |fault: &str| if asker.rights.read_sources() { fault.to_owned() } else { masked(fault) };
    html! { section.card.flush { h2 { "What is wrong with it" } ul.stories { @for fault in faults { li.mono { (told(fault)) } } } } }
}

fn text(text: &str, examined: &Examined, funnel: &Funnel) -> Markup {
    let reached: BTreeMap<usize, bool> = examined.lines.iter().copied().collect();
    let tried = !examined.tests.is_empty();
    html! {
        ol.source.covered {
            @for (line, said) in (1..).zip(text.lines()) {
                @let missed = tried && reached.get(&line) == Some(&false);
                @let came = funnel.lines.get(&line).copied().unwrap_or_default();
                li class=[missed.then_some("missed")] #{ "l" (line) } {
                    span.came title=[(came > 0).then(|| format!("{came} of {} calls", funnel.calls))] {
                        @if came > 0 { meter min="0" max=(funnel.calls) value=(came) aria-label={ (came) " of " (funnel.calls) " calls" } {} }
                    }
                    code { (said) }
                    @if missed { span.unseen { " no test reaches this line" } }
                }
            }
        }
    }
}

/// Where the text may be read, also how a test failed, which tells what the service did.
fn tests(service: &str, examined: &Examined, sources: bool) -> Markup {
    let name = |name: &str| if sources { name.to_owned() } else { masked(name) };
    html! {
        @for broken in &examined.broken { p.flash.bad { (if sources { broken.clone() } else { masked(broken) }) } }
        @if examined.tests.is_empty() { p.empty { "None. Write " code { "fn test_…(t)" } " into " code { (service) "_test.rhai" } ", or make one of a call, on the page of that call." } }
        ul.stories {
            @for test in &examined.tests {
                li {
                    @match &test.failed {
                        None => { span.badge.good { "holds" } " " (name(&test.name)) },
                        Some(why) => {
                            span.badge.bad { "fails" } " " (name(&test.name))
                            @if sources { details { summary { "Why" } pre.sip { (clean_lines(why)) } } }
                        }
                    }
                    p.small.muted { span.mono { (test.place) } ", " (long(test.lasted)) " in its own time" }
                }
            }
        }
    }
}

fn clean_lines(text: &str) -> String {
    text.lines().map(|line| clean_spaces(line) + "\n").collect()
}

/// A line of a ladder keeps its columns.
fn clean_spaces(line: &str) -> String {
    line.chars().filter(|letter| !letter.is_control()).collect()
}

fn versions(service: &Service, versions: &[Past], sources: bool) -> Markup {
    html! {
        @if versions.is_empty() { p.empty { "Its version is being written down: load the page again." } }
        @else if versions.len() >= KEPT { p.compared.small.muted { "The " (KEPT) " that were served last; earlier ones are forgotten." } }
        table.rows { tbody {
            @for version in versions {
                tr {
                    td.mono.nowrap { (version.name) }
                    td {
                        span.nowrap { "since " (when(version.since)) }
                        p.small.muted {
                            (reason(version.reason)) ", " (version.bytes) " bytes"
                            @if version.first < version.since { ", for the first time " (when(version.first)) }
                        }
                    }
                    td { (findings(version.findings, version.reason == Reason::Shipped)) }
                    td.right {
                        @if version.name == service.version { span.badge.good { "served" } }
                        @else if sources { a href={ "/services/" (service.name) "?version=" (version.name.replace(' ', "+")) "#difference" } { "what changed since" } }
                    }
                }
            }
        } }
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Shipped => "comes with the server",
        Reason::Found => "lay in the folder at a start",
        Reason::Saved => "saved while the server ran",
    }
}

fn difference(service: &Service, version: &str, text: &str) -> Markup {
    html! {
        section.card.flush #difference {
            h2 { "What changed since version " (version) }
            (super::call::compare::lines_of(text, &service.text))
        }
    }
}
