//! How things are, on one screen: what goes on, how it went since yesterday, who answers, and what went wrong last.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{Outcome, Record, clean, long, sentence},
    routing::{Standing, Trunk},
    runtime::clock,
};

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    troubles::first,
    words::{badge, colour, when},
    wrong::Wrong,
};
use crate::{
    api::records::shown,
    people::Right,
    store::{Health, Served, Survey, Wanted},
};

/// How far back "lately" goes.
const LATELY: Duration = Duration::from_secs(24 * 3600);

/// Problems that are told of.
const PROBLEMS: usize = 5;

/// Services that are told of.
const SERVICES: usize = 8;

/// Trunks that are told of.
const TRUNKS: usize = 12;

pub async fn show(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadStatus)?;
    let to = |error: patchcord_engine::routing::ShelfError| Wrong::from(error).to(&guest.0);
    let (status, hindrances) = (rooms.house.status(), rooms.house.hindrances().await);
    let since = clock::wall() - LATELY;
    let survey = rooms.store.survey(since).await.map_err(to)?;
    let health = rooms.store.health(since).await.map_err(to)?;
    let leaked = rooms.accounts.board().calls_tally.leaked_legs.load(Relaxed);
    let wanted = Wanted { since: Some(since), problems: true, ..Wanted::default() };
    let found = rooms.store.find_calls(&wanted, None, PROBLEMS).await.map_err(to)?;
    let problems: Vec<Record> = found.records.into_iter().map(|record| shown(record, &guest.0)).collect();
    let plan = rooms.accounts.board().plan();
    let most = plan.calls();
    let body = html! {
        h1.unseen { "How things are" }
        div.home #now data-live {
            @for hindrance in &hindrances { p.flash.bad role="alert" { "Not ready: " (hindrance) } }
            @if guest.0.rights.has(Right::ReadRoutes) { (first(&rooms.house.troubles(), &guest.0)) }
            div.tiles {
                a.tile href="/live" { p.figure { (rooms.accounts.board().live.count()) small { " of " (most) } } p.label { "calls now; most in 24 h: " (health.peak) } }
                div.tile { p.figure { (share(survey.answered, survey.over())) } p.label { "answered, of " (survey.over()) " in 24 h" } }
                div.tile { p.figure { (delay(survey.usual_delay)) } p.label { "until it rings or is answered; 95 %: " (delay(survey.long_delay)) } }
                a.tile href="/endpoints" { p.figure { (status.registered) small { " of " (status.endpoints) } } p.label { "endpoints registered" } }
                div.tile { p.figure { (status.sound.load_permille / 10) "." (status.sound.load_permille % 10) small { " %" } } p.label { "sound threads busy" } }
            }
            @if leaked > 0 { p.flash.bad role="alert" { (leaked) " legs outlived their calls, which is a fault of this server: please report it." } }
            div.cards {
                section.card { h2 { "How calls came out in the last 24 hours" } (outcomes(&survey)) }
                section.card { h2 { "How well they were heard" } (heard(&health)) }
            }
            div.cards.three {
                section.card.flush {
                    h2 { "Last problems" }
                    @if problems.is_empty() { p.empty { "None in the last 24 hours. " a href="/records" { "See all calls" } "." } }
                    ul.stories {
                        @for record in &problems {
                            li { a href={ "/calls/" (record.call) } { (sentence(record)) } p.small.muted { (badge(record.outcome)) " " (when(record.began)) } }
                        }
                    }
                }
                section.card.flush { h2 { "Trunks" } (trunks(plan.trunks())) }
                section.card.flush { h2 { "Services in the last 24 hours" } (services(&health.services, &rooms)) }
            }
        }
    };
    Ok(Frame::new("Home", Place::Home, &guest.0).page(body).into_response())
}

fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".into(),
        whole => format!("{} %", (part * 100 + whole / 2) / whole),
    }
}

fn delay(delay: Option<Duration>) -> String {
    delay.map_or_else(|| "–".into(), long)
}

/// One bar of all outcomes, and what its colours are.
fn outcomes(survey: &Survey) -> Markup {
    let whole = survey.over().max(1) as f64;
    let mut begun = 0.0;
    let parts: Vec<(f64, f64, Outcome, u64)> = survey
        .outcomes
        .iter()
        .map(|(outcome, calls)| {
            let (at, width) = (begun, *calls as f64 * 100.0 / whole);
            begun += width;
            (at, width, *outcome, *calls)
        })
        .collect();
    html! {
        @if parts.is_empty() { p.muted { "No call was over in that time. " a href="/live" { "See those that go on" } "." } }
        @else {
            svg.share width="100%" height="16" role="img" aria-label="Shares of outcomes" {
                @for (at, width, outcome, calls) in &parts {
                    rect class=(colour(*outcome)) x=(format!("{at:.2}%")) width=(format!("{width:.2}%")) height="16" {
                        title { (outcome.word().replace('_', " ")) ": " (calls) }
                    }
                }
            }
            p.legend {
                @for (_, _, outcome, calls) in &parts {
                    a.plainly href={ "/records?outcome=" (outcome.word()) } { (badge(Some(*outcome))) " " (calls) }
                }
            }
        }
    }
}

/// One bar of how well legs were heard.
fn heard(health: &Health) -> Markup {
    const WORDS: [(&str, &str); 3] =
        [("good", "good (MOS 4 and better)"), ("warn", "fair (3 to 4)"), ("bad", "bad (below 3)")];
    let whole: u64 = health.heard.iter().sum();
    let width = |legs: u64| legs as f64 * 100.0 / whole.max(1) as f64;
    let begun = |at: usize| width(health.heard[..at].iter().sum());
    html! {
        @if whole == 0 { p.muted { "No leg was measured in that time: one is after some seconds of talk." } }
        @else {
            svg.share width="100%" height="16" role="img" aria-label="Shares of quality" {
                @for (at, (colour, words)) in WORDS.iter().enumerate() {
                    rect class=(colour) x=(format!("{:.2}%", begun(at))) width=(format!("{:.2}%", width(health.heard[at]))) height="16" {
                        title { (words) ": " (health.heard[at]) }
                    }
                }
            }
            p.legend { @for (at, (colour, words)) in WORDS.iter().enumerate() { span { span class={ "badge " (colour) } { (words) } " " (share(health.heard[at], whole)) } } }
        }
    }
}

/// Services that heard calls: which version, how many, how many failed.
fn services(served: &[Served], rooms: &Rooms) -> Markup {
    let now = rooms.house.services();
    let is_live =
        |one: &Served| now.iter().any(|it| it.name == one.service && Some(&it.version) == one.version.as_ref());
    html! {
        @if served.is_empty() { p.empty { "No service heard a call. " a href="/phone" { "Call 1000 from the browser phone" } ", which is answered." } }
        @else {
            table {
                tbody {
                    @for one in served.iter().take(SERVICES) {
                        tr {
                            td { a href={ "/services/" (clean(&one.service)) } { (clean(&one.service)) } p.small.muted { @if let Some(version) = &one.version { "version " (clean(version)) @if !is_live(one) { ", no longer served" } } } }
                            td.right.nowrap { (one.calls) @if one.calls == 1 { " call" } @else { " calls" } }
                            td.right.nowrap { @if one.failed > 0 { span.badge.bad { (share(one.failed, one.calls)) " failed" } } @else { span.badge.good { "none failed" } } }
                        }
                    }
                }
            }
        }
    }
}

fn trunks(trunks: &[Arc<Trunk>]) -> Markup {
    html! {
        @if trunks.is_empty() { p.empty { "None is configured: nothing leads outside. " code { "[[trunk]]" } " in the configuration names a carrier." } }
        @else {
            table {
                tbody {
                    @for trunk in trunks.iter().take(TRUNKS) {
                        tr { td { (trunk.name) } td { (standing(trunk)) } td.right.nowrap { (trunk.traffic.calls.count()) " calls" } }
                    }
                }
            }
        }
    }
}

/// Whether a trunk answers, in a coloured word.
pub fn standing(trunk: &Trunk) -> Markup {
    match trunk.traffic.standing() {
        Standing::Up => html! { span.badge.good { "answers" } },
        Standing::Down => html! { span.badge.bad { "does not answer" } },
        Standing::Unknown if !trunk.is_asked => html! { span.badge { "not asked (options = false)" } },
        Standing::Unknown => html! { span.badge { "not asked yet" } },
    }
}
