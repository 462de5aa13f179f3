//! Recordings of calls: found by whom, when and what service, heard where they stand, deleted by whoever may.
//!
//! A recording is named by its call and its place in that call's record; no path is taken from a request. Each listening stands in the
//! audit log, as everywhere.

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::journal::{Record, clean, sentence};
use serde::Deserialize;

use super::{
    Guest, Posted, Rooms,
    call::sound,
    frame::{Frame, Place, csrf},
    waiting,
    words::{size, when, who},
    wrong::Wrong,
};
use crate::{
    api::{
        recordings::delete,
        records::{page, shown},
        wanted::Filters,
    },
    people::{Asker, Right},
    problem::Problem,
    recordings::{self, Peaks},
    store::Wanted,
};

/// Calls on a page: each shows a picture of its sound, and a page stays under a hundred kilobytes.
const PAGE: usize = 15;

/// Bars of a picture: what can be told apart beside a player.
const BARS: usize = 72;

/// Recordings that are shown of one call; its own page has all of them.
const MOST_OF_CALL: usize = 4;

/// A recording, as far as its file is there.
struct Kept {
    bytes: Option<u64>,
    peaks: Option<Peaks>,
    /// What is wrong with the file, in words.
    damage: Option<String>,
    /// How long it plays.
    seconds: Option<f64>,
    /// Only the copy in the bucket is left.
    is_elsewhere: bool,
}

/// `GET /recordings`
pub async fn show(
    State(rooms): State<Rooms>,
    guest: Guest,
    asked: Result<Query<Filters>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecordings)?;
    let to = |wrong: Wrong| wrong.to(&guest.0);
    let Query(asked) = asked.map_err(|wrong| to(Problem::new(wrong.status(), wrong.body_text()).into()))?;
    let wanted = asked.wanted_by(&guest.0, &rooms.accounts.board().directory).map_err(|problem| to(problem.into()))?;
    let (before, most) = page(&rooms, &asked, PAGE).await.map_err(|problem| to(problem.into()))?;
    let wanted = Wanted { recorded: Some(true), ..wanted };
    let found = rooms.store.find_calls(&wanted, before, most.min(PAGE)).await.map_err(|error| to(error.into()))?;
    let kept = kept(&rooms, &found.records).await;
    let (query, may) = (asked.query(), guest.0.rights.has(Right::ChangeRecordings));
    let next = found.next;
    let calls: Vec<(Record, Vec<Kept>)> =
        found.records.into_iter().map(|record| shown(record, &guest.0)).zip(kept).collect();
    let body = html! {
        div.head { h1 { "Recordings" } }
        (left_behind(&rooms))
        (waiting::calls(&rooms))
        (form(&asked))
        section.card.flush {
            @if calls.is_empty() {
                p.empty {
                    @if next.is_some() { "Nothing of the kind among the calls that were looked at so far. Look further back below." }
                    @else if before.is_some() { "There are no earlier recordings. " a href={ "/recordings?" (query) } { "To the newest" } }
                    @else if query.is_empty() { "Nothing was recorded yet. A service records with " code { "caller.start_record(#{})" } "." }
                    @else { "No recording is like that. " a href="/recordings" { "Clear the filters" } ", or take one of them away." }
                }
            }
            @for (record, kept) in &calls { (of_call(record, kept, &query, may.then_some(&guest.0))) }
        }
        nav.pager aria-label="Pages of recordings" {
            @if before.is_some() { a.button href={ "/recordings?" (query) } { "To the newest" } } @else { span {} }
            @if let Some(next) = next {
                a.button rel="next" href={ "/recordings?" (query) "&before=" (next) } {
                    @if calls.is_empty() { "Look further back" } @else { "Older recordings" }
                }
            }
        }
    };
    Ok(Frame::new("Recordings", Place::Recordings, &guest.0).page(body).into_response())
}

/// How large each recording of those calls is, and how loud it was.
async fn kept(rooms: &Rooms, records: &[Record]) -> Vec<Vec<Kept>> {
    let folder = rooms.recordings.clone();
    let calls: Vec<Vec<Box<str>>> =
        records.iter().map(|record| record.recordings.iter().take(MOST_OF_CALL).cloned().collect()).collect();
    let empty = || calls.iter().map(|_| Vec::new()).collect();
    let (nothing, look) = (empty(), move || {
        let one = |path: &str| {
            let found = recordings::open(&folder, path);
            let (bytes, seconds) =
                (found.as_ref().map(|found| found.length), found.as_ref().and_then(|found| found.seconds));
            let damage = found.and_then(|found| found.damage);
            let peaks = bytes.and_then(|_| recordings::peaks(&folder, path));
            let seconds = seconds.or(peaks.as_ref().map(Peaks::seconds));
            Kept {
                bytes,
                peaks,
                damage,
                seconds,
                is_elsewhere: bytes.is_none() && recordings::is_elsewhere(&folder, path),
            }
        };
        calls.iter().map(|paths| paths.iter().map(|path| one(path)).collect()).collect()
    });
    tokio::task::spawn_blocking(look).await.unwrap_or(nothing)
}

fn of_call(record: &Record, kept: &[Kept], query: &str, may: Option<&Asker>) -> Markup {
    let more = record.recordings.len().saturating_sub(kept.len());
    html! {
        article.recorded {
            div.about {
                p { strong { (who(&record.from)) " → " (who(&record.to)) } }
                p.small.muted { (when(record.began)) @if let Some(service) = &record.service { " · " (clean(service)) } }
                p.small { a href={ "/calls/" (record.call) } { (sentence(record)) } }
            }
            div.heard-list {
                @for (at, one) in kept.iter().enumerate() { (player(record, at, one, query, may)) }
                @if more > 0 { p.small.muted { (more) " more on the " a href={ "/calls/" (record.call) } { "page of the call" } "." } }
            }
        }
    }
}

fn player(record: &Record, at: usize, one: &Kept, query: &str, may: Option<&Asker>) -> Markup {
    let address = format!("/calls/{}/recordings/{at}", record.call);
    let delete = || html! { @if let Some(asker) = may { (deletion(record, at, query, asker)) } };
    let Some(bytes) = one.bytes else {
        return html! {
            @if one.is_elsewhere {
                div.small.muted { "Recording " (at + 1) " made room on this machine's disk; the bucket has it. " (delete()) }
            } @else {
                p.small.muted { "Recording " (at + 1) " is not there any more: it was deleted, or its time was over." }
            }
        };
    };
    html! {
        figure.sound.one {
            @if let Some(damage) = &one.damage { p.flash.bad.small { "Damaged: " (damage) "." } }
            @if let Some(peaks) = &one.peaks { (sound::small_picture(peaks, BARS)) }
            audio controls preload="none" src=(address) data-seconds=[one.seconds.map(|seconds| format!("{seconds:.1}"))] aria-label={ "Recording " (at + 1) " of the call at " (patchcord_engine::journal::moment(record.began)) } {}
            figcaption.small.muted {
                @if let Some(seconds) = one.seconds { (format!("{seconds:.0} s · ")) }
                (size(bytes)) " · " a href=(address) download { "Save" }
                (delete())
            }
        }
    }
}

fn deletion(record: &Record, at: usize, query: &str, asker: &Asker) -> Markup {
    html! {
        details.sure {
            summary { "Delete" }
            form method="post" action={ "/recordings/" (record.call) "/" (at) "/delete" } {
                (csrf(asker))
                input type="hidden" name="back" value=(query);
                button.danger type="submit" { "Delete this sound for good" }
            }
        }
    }
}

/// What was deleted here, and not yet in the bucket: told once a try has failed.
fn left_behind(rooms: &Rooms) -> Markup {
    let (copies, why) = rooms.uploads.left_behind();
    html! {
        @if let (1.., Some(why)) = (copies, why) {
            p.notice.warn role="status" {
                @if copies == 1 { "A deleted recording lies" } @else { (copies) " deleted recordings lie" }
                " in the bucket still: " (clean(&why)) ". It is tried again by itself; see that the bucket answers and that its keys may delete."
            }
        }
    }
}

fn form(filters: &Filters) -> Markup {
    let text = |name: &str, label: &str, value: &str, hint: &str| {
        html! { label { span { (label) } input name=(name) value=(value) placeholder=(hint) maxlength="200" autocomplete="off"; } }
    };
    html! {
        form.card.filters method="get" action="/recordings" role="search" {
            div.fields {
                (text("text", "Words", &filters.text, "name, reason, tag"))
                (text("number", "Number", &filters.number, "102 or +4930*"))
                (text("service", "Service", &filters.service, "reception"))
                (text("from", "From", &filters.from, "2026-11-21"))
                (text("to", "Before", &filters.to, "2026-11-22"))
                (text("min_s", "Lasted at least (s)", &filters.min_s, "10"))
            }
            div.buttons { button.primary type="submit" { "Find" } a.button href="/recordings" { "Clear" } }
        }
    }
}

#[derive(Deserialize)]
pub struct Back {
    #[serde(default)]
    back: String,
}

/// `POST /recordings/{call}/{at}/delete`
pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path((call, at)): Path<(String, usize)>,
    Posted(back): Posted<Back>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeRecordings)?;
    delete(&rooms, &guest.0, &call, at).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    // Only what is a filter leads back to one.
    let filters: Filters = serde_urlencoded::from_str(&back.back).unwrap_or_default();
    Ok(Redirect::to(&format!("/recordings?{}", filters.query())))
}
