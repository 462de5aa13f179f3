//! Endpoints that are added, given another password and removed on their page. Those of the configuration are changed there.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    routing::{Calling, Endpoint, Origin},
    runtime::clock,
};
use serde::Deserialize;

use super::{
    super::{Guest, Nothing, Posted, Rooms, frame::csrf, wrong::Wrong},
    Asked, page,
};
use crate::{
    accounts::{AccountError, NewEndpoint, rules},
    people::{Asker, Right},
    problem::Problem,
};

/// A password that was just made, which is told this once.
pub(super) struct Made {
    pub user: String,
    pub password: String,
}

/// What a person is told who adds an endpoint, or has given one another password.
pub(super) fn told(made: &Made) -> Markup {
    html! {
        p.flash.good role="status" data-address="/endpoints" {
            "Set " strong { (made.user) } " as user name in the phone, this server as its registrar, and the password, which is not shown again: "
            code.token { (made.password) }
        }
    }
}

/// What may be done with one.
pub(super) fn deeds(endpoint: &Endpoint, asker: &Asker) -> Markup {
    if endpoint.origin == Origin::File {
        return html! {};
    }
    let user = &endpoint.user;
    html! {
        div.deeds {
            details.sure.calm {
                summary aria-label={ "Give " (user) " another password" } { "Password" }
                form method="post" action={ "/endpoints/" (user) "/password" } {
                    (csrf(asker))
                    button type="submit" { "Make another one" }
                }
            }
            details.sure {
                summary aria-label={ "Remove " (user) } { "Remove" }
                form method="post" action={ "/endpoints/" (user) "/remove" } {
                    (csrf(asker))
                    button.danger type="submit" { "Remove it" }
                }
            }
        }
    }
}

/// The form for another one.
pub(super) fn form(asker: &Asker) -> Markup {
    html! {
        section.card {
            h2 { "Add an endpoint" }
            form.fields method="post" action="/endpoints" {
                (csrf(asker))
                label { span { "Name" } input.mono name="user" required maxlength="64" placeholder="alice" autocomplete="off" autocapitalize="none"; }
                label { span { "Number" } input.mono name="number" maxlength="32" placeholder="101, or nothing" inputmode="tel" autocomplete="off"; }
                label { span { "Number shown outside" } input.mono name="caller_id" maxlength="32" placeholder="+49301234101, or nothing" inputmode="tel" autocomplete="off"; }
                div.buttons { button.primary type="submit" { "Add it" } }
            }
            p.small.muted { "A phone or a browser registers under its name with a password, which is made for you. Whoever dials the number rings it." }
        }
    }
}

#[derive(Deserialize)]
pub struct New {
    user: String,
    #[serde(default)]
    number: String,
    #[serde(default)]
    caller_id: String,
}

/// `POST /endpoints`
pub async fn add(State(rooms): State<Rooms>, guest: Guest, Posted(new): Posted<New>) -> Result<Response, Wrong> {
    guest.may(Right::ChangeEndpoints)?;
    let to = |problem: Problem| Wrong::from(problem).to(&guest.0);
    let said = |text: &str| Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned);
    let (user, password) = (new.user.trim().to_owned(), password().map_err(to)?);
    let calling = crate::control::words::CallWords { caller_id: said(&new.caller_id), ..Default::default() };
    let calling = Calling::try_from(calling).map_err(|unfit| to(AccountError::from(unfit).into()))?;
    let endpoint = NewEndpoint {
        user: user.clone(),
        password: password.clone(),
        number: said(&new.number),
        digests: None,
        calling,
    };
    rooms.accounts.add(vec![endpoint], clock::wall()).await.map_err(|error| to(error.into()))?;
    rooms.people.note(&guest.0, "added endpoint", &user, clock::wall()).await;
    page(&rooms, &guest, Asked::default(), Some(Made { user, password })).await
}

/// `POST /endpoints/{user}/password`
pub async fn change_password(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(user): Path<String>,
    Posted(_): Posted<Nothing>,
) -> Result<Response, Wrong> {
    guest.may(Right::ChangeEndpoints)?;
    let to = |problem: Problem| Wrong::from(problem).to(&guest.0);
    let password = password().map_err(to)?;
    let changed = rooms.accounts.change_password(&user, password.clone(), clock::wall()).await;
    changed.map_err(|error| to(error.into()))?;
    rooms.people.note(&guest.0, "changed password of endpoint", &user, clock::wall()).await;
    page(&rooms, &guest, Asked::default(), Some(Made { user, password })).await
}

/// `POST /endpoints/{user}/remove`
pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(user): Path<String>,
    Posted(_): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeEndpoints)?;
    rooms.accounts.remove(&user).await.map_err(|error| Wrong::from(Problem::from(error)).to(&guest.0))?;
    rooms.people.note(&guest.0, "removed endpoint", &user, clock::wall()).await;
    Ok(Redirect::to("/endpoints"))
}

fn password() -> Result<String, Problem> {
    rules::make_password().map_err(|error| {
        let detail = format!("the system gives no random numbers: {error}");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).remedy("try again")
    })
}
