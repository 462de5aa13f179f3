//! Past calls: filters that are an address, a list, and the way on.

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::journal::{By, Outcome, Record, sentence};

use super::{
    Guest, Rooms, filters,
    frame::{Frame, Place},
    waiting,
    words::{badge, lasted, when, who},
    wrong::Wrong,
};
use crate::{
    api::{
        records::{found_on, page, shown},
        wanted::Filters,
    },
    people::Right,
    problem::Problem,
};

/// Calls on a page: some screens of them.
const PAGE: usize = 50;

pub async fn show(
    State(rooms): State<Rooms>,
    guest: Guest,
    asked: Result<Query<Filters>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecords)?;
    let to = |wrong: Wrong| wrong.to(&guest.0);
    let Query(asked) = asked.map_err(|wrong| to(Problem::new(wrong.status(), wrong.body_text()).into()))?;
    let wanted = asked.wanted_by(&guest.0, &rooms.accounts.board().directory).map_err(|problem| to(problem.into()))?;
    let (before, most) = page(&rooms, &asked, PAGE).await.map_err(|problem| to(problem.into()))?;
    let found = found_on(&rooms, &wanted, before, most).await.map_err(|error| to(error.into()))?;
    let records: Vec<Record> = found.records.into_iter().map(|record| shown(record, &guest.0)).collect();
    let query = asked.query();
    let first = before.is_none();
    let saved = filters::row(&rooms, &guest, &query).await?;
    let body = html! {
        div.head {
            h1 { "Records" }
            div.buttons {
                a.button href={ "/api/v1/records/export?format=csv&" (query) } data-export="calls.csv" { "CSV" }
                a.button href={ "/api/v1/records/export?format=json&" (query) } data-export="calls.json" { "JSON" }
            }
        }
        div.flash #export hidden { span role="status" {} " " button.plain type="button" { "Stop" } }
        (waiting::calls(&rooms))
        (saved)
        (form(&asked))
        section.card.flush {
            @if records.is_empty() {
                p.empty {
                    @if found.next.is_some() { "Nothing of the kind among the calls that were looked at so far. Look further back below, or name a number, a service or a time, which are found at once." }
                    @else if !first { "There are no earlier calls. " a href={ "/records?" (query) } { "To the newest" } }
                    @else if query.is_empty() { "No calls yet. The first one shows up here when it is over: " a href="/phone" { "call 9196 from the browser phone" } ", which echoes." }
                    @else { "No call is like that. " a href="/records" { "Clear the filters" } ", or take one of them away." }
                }
            } @else { (table(&records)) }
        }
        nav.pager aria-label="Pages of calls" {
            @if !first { a.button href={ "/records?" (query) } { "To the newest" } } @else { span {} }
            @if let Some(next) = found.next {
                a.button rel="next" href={ "/records?" (query) "&before=" (next) } {
                    @if records.is_empty() { "Look further back" } @else { "Older calls" }
                }
            }
        }
    };
    Ok(Frame::new("Records", Place::Records, &guest.0).page(body).into_response())
}

/// Calls, one a line.
pub fn table(records: &[Record]) -> Markup {
    html! {
        table.calls {
            thead { tr { th { "Began (UTC)" } th { "Who" } th { "What happened" } th.right { "Lasted" } th { "Outcome" } } }
            tbody {
                @for record in records {
                    tr {
                        td.when { (when(record.began)) }
                        td.whom { (who(&record.from)) " → " (who(&record.to)) }
                        td.what { a.whole href={ "/calls/" (record.call) } { (sentence(record)) } }
                        td.right.lasted { (lasted(record)) }
                        td.outcome {
                            (badge(record.outcome))
                            @if !record.recordings.is_empty() { " " span.rec title="recorded" { "●" span.unseen { " recorded" } } }
                        }
                    }
                }
            }
        }
    }
}

fn form(filters: &Filters) -> Markup {
    let text = |name: &str, label: &str, value: &str, hint: &str| {
        html! { label { span { (label) } input name=(name) value=(value) placeholder=(hint) maxlength="200" autocomplete="off"; } }
    };
    let choice = |name: &str, label: &str, value: &str, words: &[&str]| {
        html! {
            label { span { (label) }
                select name=(name) {
                    option value="" { "any" }
                    @for word in words { option value=(word) selected[*word == value] { (word.replace('_', " ")) } }
                }
            }
        }
    };
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.word()).collect();
    let ends: Vec<&str> = By::ALL.iter().map(|by| by.word()).collect();
    let more = [
        &filters.cause,
        &filters.fault,
        &filters.tag,
        &filters.min_s,
        &filters.max_s,
        &filters.ended_by,
        &filters.service,
        &filters.version,
        &filters.mos_below,
    ];
    html! {
        form.card.filters method="get" action="/records" role="search" {
            div.fields {
                (text("text", "Words", &filters.text, "name, reason, tag"))
                (text("number", "Number", &filters.number, "102 or +4930*"))
                (choice("outcome", "Outcome", &filters.outcome, &outcomes))
                (text("from", "From", &filters.from, "2026-11-21"))
                (text("to", "Before", &filters.to, "2026-11-22T08:00"))
                (choice("recorded", "Recorded", &filters.recorded, &["yes", "no"]))
            }
            details open[more.iter().any(|text| !text.is_empty())] {
                summary { "More filters" }
                div.fields {
                    (text("service", "Service", &filters.service, "reception"))
                    (text("version", "Its version", &filters.version, "as a call tells it"))
                    (choice("ended_by", "Ended by", &filters.ended_by, &ends))
                    (text("cause", "Cause", &filters.cause, "Q.850 or SIP, as 486"))
                    (text("min_s", "Lasted at least (s)", &filters.min_s, "10"))
                    (text("max_s", "Lasted at most (s)", &filters.max_s, "600"))
                    (text("mos_below", "Heard worse than (MOS)", &filters.mos_below, "3.5"))
                    (text("tag", "Tag", &filters.tag, "customer=42"))
                }
            }
            div.buttons {
                button.primary type="submit" { "Find" }
                a.button href="/records" { "Clear" }
            }
        }
    }
}
