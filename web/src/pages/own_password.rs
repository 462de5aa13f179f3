//! A person's own password: who knows it gives himself another one, and logs in with that.

use axum::{
    extract::State,
    http::{Extensions, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use maud::html;
use patchcord_engine::runtime::clock;
use serde::Deserialize;

use super::{
    Guest, Posted, Rooms,
    frame::{Frame, Place, hidden},
    wrong::Wrong,
};
use crate::{
    people::{LogInError, guard},
    problem::{Problem, chain},
};

#[derive(Deserialize)]
pub struct Said {
    old: String,
    password: String,
}

/// `GET /password`
pub async fn show(guest: Guest) -> Response {
    let csrf = guest.0.session.as_ref().map(|session| session.csrf.clone()).unwrap_or_default();
    let body = html! {
        h1 { "Your password" }
        section.card {
            p.muted { "Another one ends all your sessions, this one as well: log in with it then." }
            form.fields method="post" action="/password" {
                (hidden(&csrf))
                label { span { "The password of now" } input name="old" type="password" required maxlength="256" autocomplete="current-password"; }
                label { span { "The new one" } input name="password" type="password" required minlength="10" maxlength="256" autocomplete="new-password"; }
                button.primary type="submit" { "Change" }
            }
        }
    };
    Frame::new("Your password", Place::Nowhere, &guest.0).page(body).into_response()
}

/// `POST /password`
pub async fn change(
    State(rooms): State<Rooms>,
    guest: Guest,
    extensions: Extensions,
    Posted(said): Posted<Said>,
) -> Result<Redirect, Wrong> {
    let to = |problem: Problem| Wrong::from(problem).to(&guest.0);
    match rooms.people.knows(&guest.0, said.old, guard::source(&extensions), clock::now()).await {
        Ok(true) => {}
        Ok(false) => return Err(to(Problem::new(StatusCode::FORBIDDEN, "that is not your password of now"))),
        Err(LogInError::Slow(wait)) => {
            let told = format!("too many wrong passwords; try again in {} s", wait.as_secs() + 1);
            return Err(to(Problem::new(StatusCode::TOO_MANY_REQUESTS, told)));
        }
        Err(LogInError::Shelf(error)) => return Err(Wrong::from(error).to(&guest.0)),
        Err(error) => return Err(to(Problem::new(StatusCode::SERVICE_UNAVAILABLE, chain(&error)))),
    }
    let name = guest.0.name.clone();
    let changed = rooms.people.change(&guest.0, &name, Some(said.password), None, clock::wall()).await;
    changed.map_err(|error| to(error.into()))?;
    Ok(Redirect::to("/login"))
}
