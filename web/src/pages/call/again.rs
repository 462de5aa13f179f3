//! A past call, again: against the script as it is today, and as a test of it.

use axum::{
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::journal::{Story, clean, moment, sentence};

use super::super::{
    Guest, Rooms,
    frame::{Frame, Place},
    words::exact,
    wrong::Wrong,
};
use crate::{
    api::records::story,
    people::Right,
    problem::Problem,
    workshop::{Replay, ReplayEnd, SaidThen, Workshop},
};

/// Orders before the one that differs that are shown.
const BEFORE: usize = 8;

/// The call as it was, for whoever may see all of it: one that is masked would go otherwise.
async fn whole(rooms: &Rooms, guest: &Guest, call: &str) -> Result<Story, Wrong> {
    guest.may(Right::ReadRecords)?;
    guest.may(Right::ReadNumbers)?;
    story(rooms, &guest.0, call).await.map_err(|problem| Wrong::from(problem).to(&guest.0))
}

/// Who can look into scripts.
pub fn workshop<'a>(rooms: &'a Rooms, guest: &Guest) -> Result<&'a dyn Workshop, Wrong> {
    let none = || Problem::new(StatusCode::NOT_FOUND, "no scripts are served here");
    rooms.house.workshop().ok_or_else(|| Wrong::from(none()).to(&guest.0))
}

/// `GET /calls/{call}/replay`
pub async fn replay(State(rooms): State<Rooms>, guest: Guest, Path(call): Path<String>) -> Result<Response, Wrong> {
    let story = whole(&rooms, &guest, &call).await?;
    let record = story.record.clone();
    let replay = workshop(&rooms, &guest)?.replay(story).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let body = html! {
        div {
            p.kicker { a href={ "/calls/" (record.call) } { "The call" } " · " (moment(record.began)) " UTC · " span.mono { (record.call) } }
            h1 { "Replay on today's script" }
            p.muted { (sentence(&record)) }
        }
        (verdict(&replay))
        section.card.flush { h2 { "Orders of the script" } (orders(&replay)) }
        div.buttons {
            a.button href={ "/calls/" (record.call) "/as-test" } { "Make this a test" }
            @if let Some(service) = &record.service { a.button href={ "/services/" (clean(service)) } { "Read the script" } }
        }
    };
    Ok(Frame::new("Replay", Place::Records, &guest.0).page(body).into_response())
}

fn verdict(replay: &Replay) -> Markup {
    let same = match replay.same.len() {
        1 => "1 order is the same".to_owned(),
        many => format!("{many} orders are the same"),
    };
    match &replay.end {
        ReplayEnd::Through => {
            html! { p.flash.good #verdict role="status" { "It would go as it went then: " (same) "." } }
        }
        ReplayEnd::Otherwise { at, .. } => {
            html! { p.flash.bad #verdict role="status" { "After " (exact(*at)) " it would go otherwise; before that " (same) "." } }
        }
        ReplayEnd::Unknown(why) => {
            html! { p.flash #verdict role="status" { "Up to here " (same) "; then the journal does not say enough: " (clean(why)) "." } }
        }
    }
}

fn orders(replay: &Replay) -> Markup {
    let otherwise = matches!(replay.end, ReplayEnd::Otherwise { .. });
    let skipped = if otherwise { replay.same.len().saturating_sub(BEFORE) } else { 0 };
    let row = |kind: &str, when: &str, said: &SaidThen| {
        html! {
            tr class=(kind) {
                td.nowrap.muted { (when) }
                td.mono.nowrap { (said.place.as_deref().map_or_else(|| "–".into(), clean)) }
                td.mono.wide { (clean(&said.what)) }
            }
        }
    };
    html! {
        div.scroll {
            table.rows.named {
                thead { tr { th { "When" } th { "Line" } th { "Order" } } }
                tbody {
                    @if skipped > 0 { tr { td.wide colspan="3" { (skipped) " orders before are the same" } } }
                    @for said in &replay.same[skipped..] { (row("", "then and today", said)) }
                    @if let ReplayEnd::Otherwise { then, today, .. } = &replay.end {
                        (row("gone", "then", then))
                        (row("come", "today", today))
                    }
                }
            }
        }
        @if replay.same.is_empty() && !otherwise { p.empty { "The script gave no order." } }
    }
}

/// `GET /calls/{call}/as-test`
pub async fn test(State(rooms): State<Rooms>, guest: Guest, Path(call): Path<String>) -> Result<Response, Wrong> {
    let story = whole(&rooms, &guest, &call).await?;
    let record = story.record.clone();
    let made = workshop(&rooms, &guest)?.test_of(story).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let body = html! {
        div.head {
            div {
                p.kicker { a href={ "/calls/" (record.call) } { "The call" } " · " (moment(record.began)) " UTC · " span.mono { (record.call) } }
                h1 { "The call as a test" }
                p.muted { "Put it beside " code { (made.service) ".rhai" } " as " code { (made.service) "_test.rhai" } ", or into that file; "
                    code { "patchcord test" } " runs it." }
            }
            div.buttons { a.button.primary href={ "/calls/" (record.call) "/as-test/file" } { "Download" } }
        }
        @match &made.ran {
            Ok(()) => { p.flash.good #verdict role="status" { "It was run against today's script, and holds." } }
            Err(why) => { div.flash.bad #verdict role="status" { p { "It was run against today's script, and fails there:" } pre { (why) } } }
        }
        section.card.flush { ol.source { @for line in made.text.lines() { li { code { (line) } } } } }
    };
    Ok(Frame::new("Call as a test", Place::Records, &guest.0).page(body).into_response())
}

/// `GET /calls/{call}/as-test/file`
pub async fn test_file(State(rooms): State<Rooms>, guest: Guest, Path(call): Path<String>) -> Result<Response, Wrong> {
    let story = whole(&rooms, &guest, &call).await?;
    let made = workshop(&rooms, &guest)?.test_of(story).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    // The name of a service is letters, digits, - and _.
    let name = format!("attachment; filename=\"{}_test.rhai\"", made.service);
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, made.text).into_response())
}
