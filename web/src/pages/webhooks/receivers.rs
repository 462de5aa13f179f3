//! Receivers of webhooks on their page: how it stands with each; those that were added here are tried, changed and removed here.

use std::collections::HashMap;

use axum::{
    extract::{Path, State},
    response::{Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::{journal::clean, routing::ShelfError};
use patchcord_media::prompt;
use serde::Deserialize;

use super::{
    super::{Guest, Nothing, Posted, Rooms, frame::csrf, wrong::Wrong},
    Asked, page,
};
use crate::{
    api::receivers::{self as doors, Wish},
    people::{Asker, Right},
    store::webhooks::Standing,
    webhooks::{EVENTS, Pattern, Receiver, SHORTEST_SECRET},
};

/// A receiver, and how it stands with it.
pub(super) struct Told {
    url: String,
    /// Who it is; none: something waits for an address that nobody names any more.
    receiver: Option<Receiver>,
    waiting: i64,
    dead: i64,
}

/// Those that are told, and those that something is kept for all the same.
pub(super) async fn all(rooms: &Rooms) -> Result<Vec<Told>, ShelfError> {
    let kept = rooms.store.webhook_standings().await?;
    let named = rooms.webhooks.receivers();
    let of = |receiver: &Receiver| {
        let found = kept.iter().find(|standing| standing.url == receiver.url);
        let (waiting, dead) = found.map_or((0, 0), |standing| (standing.waiting, standing.dead));
        Told { url: receiver.url.clone(), receiver: Some(receiver.clone()), waiting, dead }
    };
    let is_named = |standing: &&Standing| named.iter().any(|receiver| receiver.url == standing.url);
    let others = kept.iter().filter(|standing| !is_named(standing)).map(|standing| Told {
        url: standing.url.clone(),
        receiver: None,
        waiting: standing.waiting,
        dead: standing.dead,
    });
    Ok(named.iter().map(of).chain(others).collect())
}

impl Told {
    pub(super) fn is_told(&self) -> bool {
        self.receiver.is_some()
    }
}

pub(super) fn table(receivers: &[Told], asker: &Asker) -> Markup {
    html! {
        @if receivers.is_empty() { p.empty { "Nobody is told anything yet. Add the address of a program below." } }
        @else {
            div.scroll {
                table.rows.named {
                    thead { tr { th { "Who" } th { "Hears of" } th { "How it goes" } th.right { "Waiting" } th.right { "Dead" } th {} } }
                    tbody { @for told in receivers { (row(told, asker)) } }
                }
            }
        }
    }
}

fn row(told: &Told, asker: &Asker) -> Markup {
    let added = told.receiver.as_ref().and_then(|receiver| receiver.id.as_deref().map(|id| (id, receiver)));
    let url = prompt::shown(&told.url);
    html! {
        tr {
            td.wide {
                span.mono { (clean(&url)) }
                @if told.is_told() && added.is_none() { p.small.muted { "of the configuration" } }
            }
            td.small.mono data-of="hears of" { (told.receiver.as_ref().map_or_else(String::new, words)) }
            td { (standing(told)) }
            td.right data-of="waiting" { (told.waiting) }
            td.right data-of="dead" { (told.dead) }
            td.right {
                @if let Some((id, receiver)) = added {
                    div.deeds {
                        form method="post" action={ "/webhooks/receivers/" (id) "/ping" } {
                            (csrf(asker)) button type="submit" aria-label={ "Send a ping to " (url) } { "Try" }
                        }
                        details.sure.calm {
                            summary { "Change" }
                            form.stack method="post" action={ "/webhooks/receivers/" (id) } {
                                (csrf(asker))
                                (fields(&receiver.url, &receiver.events, "as it is"))
                                button type="submit" { "Change it" }
                            }
                        }
                        details.sure {
                            summary { "Remove" }
                            form method="post" action={ "/webhooks/receivers/" (id) "/remove" } {
                                (csrf(asker))
                                button.danger type="submit" aria-label={ "Remove " (url) } { "Remove it, and what waits for it" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn words(receiver: &Receiver) -> String {
    receiver.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn standing(told: &Told) -> Markup {
    match told {
        Told { receiver: None, .. } => html! { span.badge { "told no longer" } },
        Told { waiting: 0, dead: 0, .. } => html! { span.badge { "nothing waits" } },
        Told { waiting: 0, .. } => html! { span.badge.warn { "missed some" } },
        _ => html! { span.badge.warn { "is behind" } },
    }
}

/// What the box of an event is called in the form, before its word.
const HEARS: &str = "hears:";

/// Everything, all of a kind where it has several events, and each event.
fn patterns() -> Vec<(String, &'static str)> {
    let known: Vec<&str> = EVENTS.into_iter().filter(|event| *event != "ping").collect();
    let kind = |event: &str| event.split('.').next().unwrap_or_default().to_owned();
    let mut all = vec![("*".to_owned(), "everything")];
    for (at, event) in known.iter().enumerate() {
        let is_first = at == 0 || kind(known[at - 1]) != kind(event);
        if is_first && known.iter().filter(|other| kind(other) == kind(event)).count() > 1 {
            all.push((format!("{}.*", kind(event)), "all of them"));
        }
        all.push(((*event).to_owned(), ""));
    }
    all
}

fn fields(url: &str, events: &[Pattern], secret: &str) -> Markup {
    html! {
        label { span { "Address" }
            input name="url" type="url" value=(url) required maxlength="2000" placeholder="https://crm.example.org/patchcord" autocomplete="off";
        }
        fieldset.boxes {
            legend { "Hears of" }
            @for (pattern, means) in patterns() {
                @let is_chosen = events.iter().any(|event| event.to_string() == pattern);
                label.check {
                    input type="checkbox" name={ (HEARS) (pattern) } checked[is_chosen];
                    span { span.mono { (pattern) } @if !means.is_empty() { " " (means) } }
                }
            }
        }
        label { span { "Secret, " (SHORTEST_SECRET) " letters and more" }
            input name="secret" type="password" minlength=(SHORTEST_SECRET) maxlength="200" placeholder=(secret) autocomplete="new-password";
        }
    }
}

/// The form for another one.
pub(super) fn form(asker: &Asker) -> Markup {
    html! {
        form.stack method="post" action="/webhooks/receivers" {
            (csrf(asker))
            (fields("", &[Pattern::all()], "made for you, and shown once"))
            div.buttons { button.primary type="submit" { "Add it" } }
        }
        p.small.muted {
            "Each delivery is signed with the secret, and tried ten times over two days. Receivers may also stand in " code { "[webhooks]" } " of " code { "patchcord.toml" } "; those are changed there."
        }
    }
}

#[derive(Deserialize)]
pub struct Written {
    url: String,
    #[serde(default)]
    secret: String,
    /// A box for each event that was chosen.
    #[serde(flatten)]
    boxes: HashMap<String, String>,
}

impl From<Written> for Wish {
    fn from(Written { url, secret, boxes }: Written) -> Self {
        let mut words: Vec<String> =
            boxes.keys().filter_map(|name| name.strip_prefix(HEARS)).map(str::to_owned).collect();
        words.sort();
        Self { url: Some(url), events: Some(words), secret: Some(secret).filter(|secret| !secret.is_empty()) }
    }
}

/// `POST /webhooks/receivers`
pub async fn add(State(rooms): State<Rooms>, guest: Guest, Posted(new): Posted<Written>) -> Result<Response, Wrong> {
    guest.may(Right::ChangeServer)?;
    let added = doors::add(&rooms, &guest.0, new.into()).await;
    let added = added.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let said = html! {
        p.flash.good role="status" {
            "It is told from now on. "
            @if let Some(secret) = &added.secret { "Its secret, which is not shown again: " code.token { (secret) } }
        }
    };
    page(&rooms, &guest, &Asked::default(), Some(said)).await
}

/// `POST /webhooks/receivers/{id}`
pub async fn change(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Posted(new): Posted<Written>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeServer)?;
    done(&guest, doors::change(&rooms, &guest.0, &id, new.into()).await)
}

/// `POST /webhooks/receivers/{id}/remove`
pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeServer)?;
    done(&guest, doors::remove(&rooms, &guest.0, &id).await)
}

/// `POST /webhooks/receivers/{id}/ping`
pub async fn ping(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(id): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeServer)?;
    done(&guest, doors::try_one(&rooms, &guest.0, &id).await)
}

fn done(guest: &Guest, done: Result<(), crate::problem::Problem>) -> Result<Redirect, Wrong> {
    done.map(|()| Redirect::to("/webhooks")).map_err(|problem| Wrong::from(problem).to(&guest.0))
}
