//! One call: a sentence that says what happened, and the proof below it.
//!
//! ```text
//! axis     its legs, keys, prompts and orders on one axis of time
//! ladder   who sent which message when, with its text behind a click
//! strips   what stands along it: the service's lines, messages, loudness, quality
//! compare  two messages, and what differs
//! sound    recordings: heard, and seen
//! again    the call against today's script, and as a test
//! files    the same as text, JSON and pcap
//! ```

pub mod again;
mod axis;
pub mod compare;
pub mod files;
mod ladder;
pub mod sound;
mod strips;

use std::time::Duration;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::journal::{
    Account, Entry, LegNumber, LegRecord, Record, Story, clean, ended, long, sentence, words,
};
use patchcord_engine::runtime::clock;

use compare::Chosen;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    live::deeds,
    waiting,
    words::{as_known, badge, exact, lasted, leg_name, when, who},
    wrong::Wrong,
};
use crate::{api::records::story, call_files::in_time, people::Right};

/// Entries that the page shows; the files have all of them.
const MOST_ENTRIES: usize = 2_000;

pub async fn show(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(call): Path<String>,
    Query(chosen): Query<Chosen>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecords)?;
    let found = story(&rooms, &guest.0, &call).await;
    let Story { record, entries } = found.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let hears = guest.0.rights.has(Right::ReadRecordings);
    let sounds = if hears { sound::taken(&rooms, &record, &entries).await } else { Vec::new() };
    let numbers = guest.0.rights.has(Right::ReadNumbers);
    let going_on = record.outcome.is_none();
    let body = html! {
        article.call #call data-live[going_on] {
            header.head {
                div {
                    p.kicker { (badge(record.outcome)) " " (when(record.began)) " UTC · " span.mono { (record.call) } }
                    h1 { (sentence(&record)) }
                }
                div.buttons {
                    @if let Some(now) = going_on.then(|| rooms.accounts.board().live.find(record.call, clock::wall())).flatten() {
                        @if guest.0.rights.has(Right::ChangeCalls) { (deeds(&now, &guest.0)) }
                    }
                    a.button href={ "/calls/" (record.call) "/text" } { "Text" }
                    a.button href={ "/calls/" (record.call) "/json" } { "JSON" }
                    @if numbers {
                        a.button href={ "/calls/" (record.call) "/pcap" } { "pcap" }
                        @if record.service.is_some() && !going_on {
                            a.button href={ "/calls/" (record.call) "/replay" } { "Replay on today's script" }
                            a.button href={ "/calls/" (record.call) "/as-test" } { "Make this a test" }
                        }
                    }
                }
            }
            (waiting::journal(&record, &entries))
            (facts(&record))
            section.card {
                h2 { "On one axis of time" }
                @if !sounds.is_empty() { p.small.muted { "A click on the axis, or on a time in the journal, plays that second." } }
                (axis::draw(&record, &entries, &sounds))
                p.small.muted #heard role="status" {}
            }
            (sound::card(&record, &sounds))
            section.card.flush { h2 { "Legs" } (legs(&record)) }
            (ladder::card(&record, &entries, numbers, &chosen))
            @if numbers { (compare::card(&entries, &chosen)) }
            (journal(&record, &entries))
        }
    };
    Ok(Frame::new(&sentence(&record), Place::Records, &guest.0).page(body).into_response())
}

fn facts(record: &Record) -> Markup {
    // Where a service answered, whom it rang later is no part of the caller's wait; the legs tell how long each of them took.
    let rang = record.rang.filter(|rang| record.answered.is_none_or(|answered| *rang <= answered));
    let answered = Some((record.answered, "until it was answered"));
    let steps = [rang.map(|rang| (Some(rang), "until it rang")), answered].into_iter().flatten();
    html! {
        div.tiles {
            @if record.outcome.is_none() {
                div.tile { p.figure { (long(so_far(record))) } p.label { "so far; this page goes along" } }
            } @else {
                div.tile { p.figure { (lasted(record)) } p.label { "lasted" } }
            }
            @if let Some(answered) = record.answered.filter(|_| record.outcome.is_none()) {
                div.tile { p.figure { (long(so_far(record).saturating_sub(answered))) } p.label { "answered for so far" } }
                @if !record.talk.is_zero() { div.tile { p.figure { (long(whole(record.talk))) } p.label { "talked so far" } } }
            } @else if let Some(answered) = record.answered_for().filter(|_| record.talk.is_zero()) {
                div.tile { p.figure { (as_known(record, answered)) } p.label { "answered for" } }
            } @else {
                div.tile { p.figure { (as_known(record, record.talk)) } p.label { "talked" } }
            }
            @for (at, label) in steps {
                div.tile { p.figure { (at.map_or_else(|| "–".into(), long)) } p.label { (label) } }
            }
        }
        dl.facts {
            div { dt { "From" } dd { (who(&record.from)) } }
            div { dt { "To" } dd { (who(&record.to)) } }
            @if let Some(service) = &record.service {
                div { dt { "Service" } dd { (clean(service)) @if let Some(version) = &record.version { " " span.muted { "version " (clean(version)) } } @if let Some(later) = record.heard_by().filter(|later| *later != &**service) { ", then " (clean(later)) } } }
            }
            @if let Some(route) = &record.route { div { dt { "Route" } dd { (clean(route)) } } }
            @if let Some(end) = &record.end { div { dt { "Ended" } dd { (ended(end)) } } }
            @if let Some(fault) = record.fault { div { dt { "Fault of" } dd { (fault) } } }
            @if let Some(told) = announced(record) { div { dt { "Recording announced" } dd { (told) } } }
            @for (key, value) in &record.tags { div { dt { (clean(key)) } dd { (clean(value)) } } }
        }
    }
}

/// The page goes along in whole seconds.
fn whole(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}

/// How long a call has gone on.
fn so_far(record: &Record) -> Duration {
    Duration::from_secs(clock::wall().duration_since(record.began).unwrap_or_default().as_secs())
}

/// Which legs had heard that they are recorded, and when.
fn announced(record: &Record) -> Option<String> {
    let told = |leg: &LegRecord| leg.told_recorded.map(|at| format!("to leg {} after {}", leg.leg, long(at)));
    let told: Vec<String> = record.legs.iter().filter_map(told).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn legs(record: &Record) -> Markup {
    let since =
        |leg: &LegRecord, at: Option<Duration>| at.map_or_else(|| "–".into(), |at| long(at.saturating_sub(leg.began)));
    html! {
        div.scroll {
            table.legs.rows.named {
                thead { tr { th { "Leg" } th { "Party" } th { "Over" } th.right { "Rang after" } th.right { "Answered after" } th.right { "Talked" } th { "Sound" } th { "Ended" } } }
                tbody {
                    @for leg in &record.legs {
                        tr #{ "leg-" (leg.leg) } {
                            td.nowrap { span class={ "dot leg" (colour(leg.leg)) } {} " " (indent(record, leg)) (leg.leg) }
                            td.wide { (leg_name(record, leg)) " " span.muted.small { (account(leg)) } }
                            td.nowrap { (leg.transport) }
                            td.right.nowrap data-of="rang after" { (since(leg, leg.rang)) }
                            td.right.nowrap data-of="answered after" { (since(leg, leg.answered)) }
                            td.right.nowrap data-of="talked" { (leg.talk.map_or_else(|| "–".into(), long)) }
                            td.nowrap data-of="sound" { (heard(leg)) }
                            td.whole data-of="ended" { @match &leg.cause { Some(cause) => { (ended(cause)) } None => { "–" } } }
                        }
                    }
                }
            }
        }
    }
}

/// How deep a leg stands in the tree.
fn indent(record: &Record, leg: &LegRecord) -> &'static str {
    match leg.parent.and_then(|parent| record.leg(parent)) {
        None => "",
        Some(parent) if parent.parent.is_none() => "└ ",
        Some(_) => "  └ ",
    }
}

fn account(leg: &LegRecord) -> String {
    match &leg.account {
        Account::Endpoint(name) => format!("endpoint {} at {}", clean(name), clean(&leg.peer)),
        Account::Trunk(name) => format!("trunk {}", clean(name)),
        Account::Stranger => clean(&leg.peer),
    }
}

/// How well a leg was heard, in figures.
fn heard(leg: &LegRecord) -> String {
    let Some(quality) = &leg.quality else { return "–".into() };
    let track = quality.here.as_ref().or(quality.there.as_ref());
    track.map_or_else(
        || "–".into(),
        |track| {
            let mos =
                track.mos_hundredths.map(|mos| format!("MOS {}.{:02}, ", mos / 100, mos % 100)).unwrap_or_default();
            format!("{mos}lost {}.{} %", track.lost_permille / 10, track.lost_permille % 10)
        },
    )
}

/// Which of the few colours a leg has.
fn colour(leg: LegNumber) -> u32 {
    leg.0 % 5
}

fn journal(record: &Record, entries: &[Entry]) -> Markup {
    let beyond = entries.len().saturating_sub(MOST_ENTRIES);
    // Of a call that goes on the last ones are on their way.
    let missing = record.outcome.map_or(0, |_| (record.entries as usize).saturating_sub(entries.len()));
    html! {
        section.card.flush {
            h2 { "Journal" }
            div.scroll {
                table.journal {
                    tbody {
                        @for entry in in_time(entries).take(MOST_ENTRIES) {
                            tr #{ "n" (entry.number) } {
                                td.right.mono.nowrap { a.muted href={ "#n" (entry.number) } data-at=(axis::seconds(entry.at)) { (exact(entry.at)) } }
                                td.nowrap { @if let Some(leg) = entry.what.leg() { span class={ "dot leg" (colour(leg)) } title={ "leg " (leg) } {} } }
                                td.told { (words(&entry.what)) }
                            }
                        }
                    }
                }
            }
            @if beyond > 0 { p.empty { (beyond) " more entries are in the text and JSON files." } }
            @match missing {
                0 => {}
                1 => { p.empty { "One entry was not kept, or is not shown to you." } }
                many => { p.empty { (many) " entries were not kept, or are not shown to you." } }
            }
        }
    }
}
