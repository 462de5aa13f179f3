//! Filters of the records page that somebody saved: links with a name. Each person has his own.

use axum::{extract::State, http::StatusCode, response::Redirect};
use maud::{Markup, html};
use patchcord_engine::{journal::clean, runtime::clock};
use serde::Deserialize;

use super::{Guest, Posted, Rooms, frame::hidden, wrong::Wrong};
use crate::{
    api::wanted::Filters,
    people::Right,
    problem::Problem,
    store::filters::{MOST, SavedFilter},
};

/// Letters of a name: what stands on a button.
const LONGEST: usize = 40;

/// The row of saved filters, and a form for one more where a filter is set.
pub async fn row(rooms: &Rooms, guest: &Guest, query: &str) -> Result<Markup, Wrong> {
    let Some(session) = &guest.0.session else { return Ok(html! {}) };
    let saved = rooms.store.saved_filters(&guest.0.name).await.map_err(|error| Wrong::from(error).to(&guest.0))?;
    let current = saved.iter().find(|filter| filter.query == query).map(|filter| filter.name.as_str());
    Ok(html! {
        @if !saved.is_empty() || !query.is_empty() {
            div.saved {
                @if !saved.is_empty() {
                    nav.chips aria-label="Saved filters" {
                        @for filter in &saved {
                            a.chip href={ "/records?" (filter.query) } aria-current=[(current == Some(&filter.name)).then_some("true")] { (clean(&filter.name)) }
                        }
                    }
                }
                @match current {
                    Some(name) => form method="post" action="/records/filters/remove" {
                        (hidden(&session.csrf))
                        input type="hidden" name="name" value=(name);
                        button.plain type="submit" { "Forget this filter" }
                    }
                    None if !query.is_empty() => form.inline method="post" action="/records/filters" {
                        (hidden(&session.csrf))
                        input type="hidden" name="query" value=(query);
                        input name="name" placeholder="Name of this filter" aria-label="Name of this filter" maxlength=(LONGEST) required;
                        button type="submit" { "Save" }
                    }
                    None => {}
                }
            }
        }
    })
}

#[derive(Deserialize)]
pub struct New {
    name: String,
    query: String,
}

/// `POST /records/filters`
pub async fn save(State(rooms): State<Rooms>, guest: Guest, Posted(new): Posted<New>) -> Result<Redirect, Wrong> {
    guest.may(Right::ReadRecords)?;
    let refused = |why: String| Wrong::from(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why)).to(&guest.0);
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(refused(format!("the name of a filter has 1 to {LONGEST} letters")));
    }
    // Only what is a filter is kept, written as the page writes it: a saved one leads nowhere else.
    let filters: Filters = serde_urlencoded::from_str(&new.query).map_err(|error| refused(error.to_string()))?;
    filters.wanted().map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let filter = SavedFilter { name: name.into(), query: filters.query() };
    let saved = rooms.store.save_filter(&guest.0.name, &filter, clock::wall()).await;
    match saved.map_err(|error| Wrong::from(error).to(&guest.0))? {
        true => Ok(Redirect::to(&format!("/records?{}", filter.query))),
        false => Err(refused(format!("you have {MOST} filters already; forget one that you do not need"))),
    }
}

#[derive(Deserialize)]
pub struct Which {
    name: String,
}

/// `POST /records/filters/remove`
pub async fn forget(State(rooms): State<Rooms>, guest: Guest, Posted(which): Posted<Which>) -> Result<Redirect, Wrong> {
    let gone = rooms.store.forget_filter(&guest.0.name, &which.name).await;
    gone.map_err(|error| Wrong::from(error).to(&guest.0))?;
    Ok(Redirect::to("/records"))
}
