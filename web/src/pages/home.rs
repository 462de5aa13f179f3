//! How things are, on one screen: what goes on, how it went since yesterday, who answers, and what went wrong last.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{Outcome, Record, clean, long, sentence},
    routing::{ShelfError, Standing, Trunk},
    runtime::clock,
};

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    troubles::first,
    words::{badge, colour, when},
    wrong::{Wrong, sentence as sentence_of},
};
use crate::{
    api::records::shown,
    masking::told,
    people::{Asker, Right},
    problem::chain,
    store::{Health, Served, Survey, Wanted},
};

/// How far back "lately" goes.
const LATELY: Duration = Duration::from_secs(24 * 3600);

/// How long the page waits for what was.
const LONG_ENOUGH: Duration = Duration::from_secs(4);

/// Calls with a problem that are looked at for those.
const LOOKED_AT: usize = 100;

/// Kinds of problems that are told of.
const PROBLEMS: usize = 5;

/// Services that are told of.
const SERVICES: usize = 8;

/// Trunks that are told of.
const TRUNKS: usize = 12;

pub async fn show(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    guest.may(Right::ReadStatus)?;
    let (status, hindrances) = (rooms.house.status(), rooms.house.hindrances().await);
    let since = clock::wall() - LATELY;
    let unkept = rooms.accounts.board().calls_tally.unkept.lately(clock::wall());
    let live = rooms.accounts.board().live.count();
    let leaked = rooms.accounts.board().calls_tally.leaked_legs.load(Relaxed);
    // What goes on now is known without the database.
    let (past, unread) = past(&rooms, since, &guest.0).await;
    let is_known = past.is_some();
    let Past { survey, health, problems } = past.unwrap_or_default();
    let known = |count: u64| if is_known { count.to_string() } else { "–".into() };
    let plan = rooms.accounts.board().plan();
    let most = plan.calls();
    let body = html! {
        h1.unseen { "How things are" }
        div.home #now data-live {
            @for hindrance in &hindrances { p.flash.bad role="alert" { "Not ready: " (hindrance) } }
            @if let Some(why) = &unread { p.flash.bad role="alert" { "What was cannot be told now: " (why) ". Calls go on; what they leave is kept." } }
            @for warning in &status.warnings { p.flash.warn role="alert" { (sentence_of(&told(warning, &guest.0))) } }
            @if guest.0.rights.has(Right::ReadRoutes) { (first(&rooms.house.troubles(), &guest.0)) }
            div.tiles {
                a.tile href="/live" { p.figure { (live) small { " of " (most) } } p.label { "calls now; most in 24 h: " (known(health.peak.max(live as u64))) } }
                div.tile { p.figure { (share(survey.answered, survey.over())) } p.label { "answered, of " (known(survey.over())) " in 24 h" } }
                div.tile { p.figure { (delay(survey.usual_delay)) } p.label { "until it rings or is answered; 95 %: " (delay(survey.long_delay)) } }
                a.tile href="/endpoints" { p.figure { (status.registered) small { " of " (status.endpoints) } } p.label { "endpoints registered" } }
                div.tile { p.figure { (status.sound.load_permille / 10) "." (status.sound.load_permille % 10) small { " %" } } p.label { "sound threads busy" } }
            }
            @if leaked > 0 { p.flash.bad role="alert" { (leaked) " legs outlived their calls, which is a fault of this server: please report it." } }
            div.cards {
                section.card { h2 { "How calls came out in the last 24 hours" } @if is_known { (outcomes(&survey)) } @else { (unknown()) } }
                section.card { h2 { "How well they were heard" } @if is_known { (heard(&health)) } @else { (unknown()) } }
            }
            div.cards.three {
                section.card.flush {
                    h2 { "Last problems" }
                    @if !is_known { (unknown()) }
                    @else if problems.is_empty() { p.empty { "None in the last 24 hours. " a href="/records" { "See all calls" } "." } }
                    ul.stories {
                        @for (record, count) in &problems {
                            li { a href={ "/calls/" (record.call) } { (sentence(record)) } p.small.muted { (badge(record.outcome)) " " (when(record.began)) @if *count > 1 { " · " a href={ "/records?outcome=" (record.outcome.map_or("", Outcome::word)) } { (count) @if *count == LOOKED_AT { " and more" } " like it" } } } }
                        }
                        @if unkept > 0 { li.small.muted { "And " (unkept) @if unkept == 1 { " more call was" } @else { " more calls were" } " refused: of those who dial on and on only some leave a record." } }
                    }
                }
                section.card.flush { h2 { "Trunks" } (trunks(plan.trunks())) }
                section.card.flush { h2 { "Services in the last 24 hours" } @if is_known { (services(&health.services, &rooms)) } @else { (unknown()) } }
            }
        }
    };
    Ok(Frame::new("Home", Place::Home, &guest.0).page(body).into_response())
}

/// How it went lately, and what went wrong last.
#[derive(Default)]
struct Past {
    survey: Survey,
    health: Health,
    /// The latest of each kind, and how many there are.
    problems: Vec<(Record, usize)>,
}

/// That, or why it cannot be told: the page shows what goes on now whatever the database does.
async fn past(rooms: &Rooms, since: SystemTime, asker: &Asker) -> (Option<Past>, Option<String>) {
    let read = async {
        let (survey, health) = (rooms.store.survey(since).await?, rooms.store.health(since).await?);
        let wanted = Wanted { since: Some(since), problems: true, ..Wanted::default() };
        let found = rooms.store.find_calls(&wanted, None, LOOKED_AT).await?;
        let problems = kinds(found.records.into_iter().map(|record| shown(record, asker)));
        Ok::<_, ShelfError>(Past { survey, health, problems })
    };
    match tokio::time::timeout(LONG_ENOUGH, read).await {
        Ok(Ok(past)) => (Some(past), None),
        Ok(Err(error)) => (None, Some(chain(&error))),
        Err(_) => (None, Some(format!("the database takes longer than {} s", LONG_ENOUGH.as_secs()))),
    }
}

/// Problems by how they came out, whom they were for and why: whoever sees ten equal lines sees nothing else.
fn kinds(records: impl Iterator<Item = Record>) -> Vec<(Record, usize)> {
    let mut kinds: Vec<(Record, usize)> = Vec::new();
    let like = |one: &Record, other: &Record| {
        let why = |record: &Record| record.end.as_ref().map(|end| (end.by, end.q850, end.reason.clone()));
        (one.outcome, &one.to.number, why(one)) == (other.outcome, &other.to.number, why(other))
    };
    for record in records {
        match kinds.iter_mut().find(|(known, _)| like(known, &record)) {
            Some((_, count)) => *count += 1,
            None => kinds.push((record, 1)),
        }
    }
    kinds.truncate(PROBLEMS);
    kinds
}

/// In place of what only the database knows, while it is away.
fn unknown() -> Markup {
    html! { p.empty { "– Not known while the database is away." } }
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
