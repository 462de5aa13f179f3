//! Who did what, and who listened to what.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::html;
use serde::Deserialize;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    words::when,
    wrong::Wrong,
};
use crate::{masking::masked, people::Right};

/// Deeds on a page.
const PAGE: usize = 100;

#[derive(Deserialize)]
pub struct Asked {
    before: Option<i64>,
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadAudit)?;
    let mut deeds = rooms.people.deeds(asked.before, PAGE).await.map_err(|error| Wrong::from(error).to(&guest.0))?;
    if !guest.0.rights.has(Right::ReadNumbers) {
        deeds.iter_mut().for_each(|deed| deed.object = masked(&deed.object));
    }
    let next = (deeds.len() == PAGE).then(|| deeds.last().map(|deed| deed.number)).flatten();
    let body = html! {
        h1 { "Audit log" }
        section.card.flush {
            @if deeds.is_empty() { p.empty {
                @if asked.before.is_some() { "Nothing was done before. " a href="/audit" { "To the latest" } }
                @else { "Nothing was done yet. Whatever somebody changes or listens to shows up here." }
            } }
            @else {
                div.scroll {
                    table.rows {
                        thead { tr { th { "When (UTC)" } th { "Who" } th { "Did" } th { "From" } } }
                        tbody {
                            @for deed in &deeds {
                                tr {
                                    td.muted.nowrap { (when(deed.at)) }
                                    td { strong { (deed.who) } }
                                    td { (deed.deed) " " span.mono.small { (deed.object) } }
                                    td.muted.nowrap { (deed.origin) }
                                }
                            }
                        }
                    }
                }
            }
        }
        nav.pager {
            @if asked.before.is_some() { a.button href="/audit" { "To the latest" } } @else { span {} }
            @if let Some(next) = next { a.button rel="next" href={ "/audit?before=" (next) } { "Earlier" } }
        }
    };
    Ok(Frame::new("Audit log", Place::Audit, &guest.0).page(body).into_response())
}
