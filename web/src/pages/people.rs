//! Users and tokens: who may come in, and what programs may ask.

use std::{collections::HashMap, time::Duration};

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{journal::moment, runtime::clock};
use serde::Deserialize;

use super::{
    Guest, Nothing, Posted, Rooms,
    frame::{Frame, Place, hidden},
    wrong::Wrong,
};
use crate::{
    people::{Held, PeopleError, Right, Rights, Role, User},
    phone::own,
    problem::Problem,
};

/// What the box of a scope is called in the form, before its word.
const MAY: &str = "may:";

/// What most programs want: to read what happened.
const USUAL: [Right; 2] = [Right::ReadRecords, Right::ReadStatus];

/// Endpoints that the page suggests: what a list can be read of.
const MOST_ENDPOINTS: usize = 200;

pub async fn show(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    page(&rooms, &guest, None).await
}

/// The page; with the text of a token that was just made, which is told this once.
async fn page(rooms: &Rooms, guest: &Guest, made: Option<&str>) -> Result<Response, Wrong> {
    guest.may(Right::ChangePeople)?;
    let to = |error: patchcord_engine::routing::ShelfError| Wrong::from(error).to(&guest.0);
    let directory = &rooms.accounts.board().directory;
    let users = rooms.people.users().await.map_err(to)?;
    let tokens = rooms.people.tokens().await.map_err(to)?;
    let endpoints: Vec<String> =
        directory.list().iter().take(MOST_ENDPOINTS).map(|known| known.user.to_string()).collect();
    let csrf = guest.0.session.as_ref().map(|session| session.csrf.clone()).unwrap_or_default();
    let body = html! {
        h1 { "People and programs" }
        @if let Some(made) = made {
            p.flash.good role="status" data-address="/people" { "The token, which is not shown again: " code.token { (made) } }
        }
        section.card.flush { h2 { "Users" } (user_table(&users, &endpoints, &csrf)) }
        section.card {
            h2 { "Add a user" }
            form.fields method="post" action="/people/users" {
                (hidden(&csrf))
                label { span { "Name" } input name="name" required maxlength="64" autocomplete="off" autocapitalize="none"; }
                label { span { "Password" } input name="password" type="password" required minlength="10" maxlength="256" autocomplete="new-password"; }
                label { span { "Role" } (roles(Role::Viewer)) }
                div.buttons { button.primary type="submit" { "Add" } }
            }
            p.muted.small { "An admin may do everything. An operator sees and hears calls, and ends them. A viewer sees what happened, with long numbers masked." }
        }
        section.card.flush {
            h2 { "Tokens of programs" }
            @if tokens.is_empty() { p.empty { "No program has one. Make the first below." } } @else { (token_table(&tokens, &csrf)) }
        }
        section.card {
            h2 { "Make a token" }
            form.stack method="post" action="/people/tokens" {
                (hidden(&csrf))
                div.fields {
                    label { span { "What it is for" } input name="name" required maxlength="64" autocomplete="off"; }
                    label { span { "Days that it is good for (empty: no end)" } input name="days" inputmode="numeric" maxlength="4" autocomplete="off"; }
                }
                fieldset.boxes {
                    legend { "What it may do" }
                    @for right in by_word() {
                        label.check { input type="checkbox" name={ (MAY) (right.word()) } checked[USUAL.contains(&right)]; span.mono { (right.word()) } }
                    }
                }
                div.buttons { button.primary type="submit" { "Make" } }
            }
        }
    };
    Ok(Frame::new("People and programs", Place::People, &guest.0).page(body).into_response())
}

/// All scopes, those of the same thing beside each other.
fn by_word() -> Vec<Right> {
    let mut all = Right::ALL.to_vec();
    all.sort_by_key(|right| right.word());
    all
}

fn roles(chosen: Role) -> Markup {
    html! {
        select name="role" aria-label="Role" {
            @for role in Role::ALL { option value=(role) selected[role == chosen] { (role) } }
        }
    }
}

fn user_table(users: &[User], endpoints: &[String], csrf: &str) -> Markup {
    html! {
        datalist #endpoints { @for endpoint in endpoints { option value=(endpoint) {} } }
        div.scroll {
            table.middle.rows {
                thead { tr { th { "Name" } th { "Role" } th { "Calls as" } th { "Since" } th {} } }
                tbody {
                    @for user in users {
                        tr {
                            td { strong { (user.name) } }
                            td {
                                form.inline method="post" action={ "/people/users/" (user.name) "/role" } {
                                    (hidden(csrf)) (roles(user.role)) button type="submit" { "Set" }
                                }
                            }
                            td {
                                form.inline method="post" action={ "/people/users/" (user.name) "/endpoint" } {
                                    (hidden(csrf))
                                    input name="endpoint" list="endpoints" value=(user.endpoint.as_deref().unwrap_or_default())
                                        maxlength="64" placeholder="no endpoint" aria-label="Endpoint" autocomplete="off" autocapitalize="none";
                                    button type="submit" { "Set" }
                                }
                            }
                            td.muted.nowrap { (moment(user.created).split(' ').next().unwrap_or_default()) }
                            td.right {
                                form method="post" action={ "/people/users/" (user.name) "/remove" } {
                                    (hidden(csrf)) button.danger type="submit" { "Remove" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn token_table(tokens: &[Held], csrf: &str) -> Markup {
    html! {
        div.scroll {
            table.middle.rows {
                thead { tr { th { "For" } th { "May" } th { "Made by" } th { "Until" } th {} } }
                tbody {
                    @for Held { token, now } in tokens {
                        @let asleep = token.rights.without(*now);
                        tr {
                            td { strong { (token.name) } p.small.muted.mono { (token.id) } }
                            td.small {
                                span.mono { (now) }
                                @if asleep != Rights::default() {
                                    p.muted { "Not " span.mono { (asleep) } ", because " (token.person.as_deref().unwrap_or("nobody")) " may not, or is not there any more." }
                                }
                            }
                            td { (token.made_by) }
                            td.nowrap { (token.expires.map_or_else(|| "no end".into(), moment)) }
                            td.right {
                                form method="post" action={ "/people/tokens/" (token.id) "/remove" } {
                                    (hidden(csrf)) button.danger type="submit" { "Remove" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub struct NewUser {
    name: String,
    password: String,
    role: String,
}

#[derive(Deserialize)]
pub struct NewRole {
    role: String,
}

#[derive(Deserialize)]
pub struct NewEndpoint {
    endpoint: String,
}

#[derive(Deserialize)]
pub struct NewToken {
    name: String,
    days: String,
    /// A box for each scope that was chosen.
    #[serde(flatten)]
    boxes: HashMap<String, String>,
}

fn role(word: &str) -> Result<Role, Problem> {
    word.parse().map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "there is no such role"))
}

/// Back to the page, or what went wrong.
fn done(guest: &Guest, done: Result<(), PeopleError>) -> Result<Redirect, Wrong> {
    done.map(|()| Redirect::to("/people")).map_err(|error| Wrong::from(error).to(&guest.0))
}

pub async fn add(State(rooms): State<Rooms>, guest: Guest, Posted(new): Posted<NewUser>) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangePeople)?;
    let role = role(&new.role).map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    done(&guest, rooms.people.add(&guest.0, new.name.trim(), new.password, role, clock::wall()).await)
}

pub async fn set_role(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(name): Path<String>,
    Posted(new): Posted<NewRole>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangePeople)?;
    let role = role(&new.role).map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    done(&guest, rooms.people.change(&guest.0, &name, None, Some(role), clock::wall()).await)
}

pub async fn set_endpoint(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(name): Path<String>,
    Posted(new): Posted<NewEndpoint>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangePeople)?;
    let endpoint = Some(new.endpoint.trim()).filter(|endpoint| !endpoint.is_empty());
    let done = own::tie(&rooms, &guest.0, &name, endpoint).await;
    done.map(|()| Redirect::to("/people")).map_err(|problem| Wrong::from(problem).to(&guest.0))
}

pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(name): Path<String>,
    Posted(_): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangePeople)?;
    done(&guest, rooms.people.remove(&guest.0, &name, clock::wall()).await)
}

pub async fn make_token(
    State(rooms): State<Rooms>,
    guest: Guest,
    Posted(new): Posted<NewToken>,
) -> Result<Response, Wrong> {
    guest.may(Right::ChangePeople)?;
    let wrong = |detail: &str| Wrong::from(Problem::new(StatusCode::BAD_REQUEST, detail)).to(&guest.0);
    let scopes: Vec<&str> = new.boxes.keys().filter_map(|name| name.strip_prefix(MAY)).collect();
    let rights =
        Rights::of_scopes(&scopes.join(" ")).map_err(|word| wrong(&format!("there is no scope {:?}", word.0)))?;
    if scopes.is_empty() {
        return Err(wrong("a token that may do nothing is of no use; choose what it may do"));
    }
    let lasts = match new.days.trim() {
        "" => None,
        days => match days.parse::<u32>() {
            Ok(days @ 1..=3650) => Some(Duration::from_secs(u64::from(days) * 86_400)),
            _ => return Err(wrong("days are a number from 1 to 3650")),
        },
    };
    let made = rooms.people.make_token(&guest.0, &new.name, rights, lasts, clock::wall()).await;
    let token = made.map_err(|error| Wrong::from(error).to(&guest.0))?;
    page(&rooms, &guest, Some(&token)).await
}

pub async fn remove_token(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Posted(_): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangePeople)?;
    done(&guest, rooms.people.remove_token(&guest.0, &id, clock::wall()).await)
}
