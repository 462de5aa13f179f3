//! Who did what, and who listened to what.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{journal::CallId, routing::ShelfError};
use serde::Deserialize;

use super::{
    Guest, Rooms,
    frame::{Frame, Place},
    waiting,
    words::when,
    wrong::Wrong,
};
use crate::{
    masking::masked,
    people::{Deed, Right},
};

/// Deeds on a page.
const PAGE: usize = 100;

/// Deeds that are looked through for a page of those that somebody wants; further back he asks again.
const LOOKED_THROUGH: usize = 20 * PAGE;

#[derive(Deserialize)]
pub struct Asked {
    before: Option<i64>,
    #[serde(default)]
    text: String,
}

/// What of the log goes on a page.
struct Part {
    deeds: Vec<Deed>,
    /// From where on one looks further back; none where there is nothing before.
    next: Option<i64>,
}

/// The latest deeds in which these words stand. Who does not see numbers does not find them either.
async fn part(rooms: &Rooms, guest: &Guest, asked: &Asked) -> Result<Part, ShelfError> {
    let words: Vec<String> = asked.text.split_whitespace().map(str::to_lowercase).collect();
    let fits = |deed: &Deed| {
        let line = format!("{} {} {} {}", deed.who, deed.deed, deed.object, deed.origin).to_lowercase();
        words.iter().all(|word| line.contains(word))
    };
    let sees_numbers = guest.0.rights.has(Right::ReadNumbers);
    let (mut found, mut before, mut looked) = (Vec::new(), asked.before, 0);
    while found.len() < PAGE && looked < LOOKED_THROUGH {
        let mut deeds = rooms.people.deeds(before, PAGE).await?;
        if !sees_numbers {
            deeds.iter_mut().for_each(|deed| deed.object = masked(&deed.object));
        }
        let is_last = deeds.len() < PAGE;
        looked += deeds.len();
        for deed in deeds {
            if found.len() == PAGE {
                break;
            }
            before = Some(deed.number);
            found.extend(Some(deed).filter(|deed| fits(deed)));
        }
        if is_last && found.len() < PAGE {
            before = None;
            break;
        }
    }
    Ok(Part { deeds: found, next: before })
}

/// To whom or what it was done; a call that is named in it is led to.
fn object(deed: &Deed) -> Markup {
    let call = deed.object.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| word.parse::<CallId>().ok());
    html! {
        span.mono.small {
            @match call {
                Some(call) => { a href={ "/calls/" (call) } { (deed.object) } }
                None => { (deed.object) }
            }
        }
    }
}

pub async fn show(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadAudit)?;
    let Part { deeds, next } = part(&rooms, &guest, &asked).await.map_err(|error| Wrong::from(error).to(&guest.0))?;
    let text = asked.text.trim();
    let query = serde_urlencoded::to_string([("text", text)]).unwrap_or_default();
    let body = html! {
        div.head {
            h1 { "Audit log" }
            form.inline method="get" action="/audit" role="search" {
                input name="text" value=(text) placeholder="bob, listened, 01m4…" aria-label="Who, what, or a call" maxlength="100";
                button type="submit" { "Find" }
            }
        }
        (waiting::deeds(&rooms))
        section.card.flush {
            @if deeds.is_empty() { p.empty {
                @if next.is_some() { "Nothing like that among the deeds that were looked at so far. Look further back below." }
                @else if !text.is_empty() { "Nothing like that was done. " a href="/audit" { "See all" } }
                @else if asked.before.is_some() { "Nothing was done before. " a href="/audit" { "To the latest" } }
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
                                    td { (deed.deed) " " (object(deed)) }
                                    td.muted.nowrap { (deed.origin) }
                                }
                            }
                        }
                    }
                }
            }
        }
        nav.pager {
            @if asked.before.is_some() { a.button href={ "/audit?" (query) } { "To the latest" } } @else { span {} }
            @if let Some(next) = next { a.button rel="next" href={ "/audit?" (query) "&before=" (next) } { "Earlier" } }
        }
    };
    Ok(Frame::new("Audit log", Place::Audit, &guest.0).page(body).into_response())
}
