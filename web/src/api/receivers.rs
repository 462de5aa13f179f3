//! Receivers of webhooks beside those of the configuration: added, changed, tried, removed. Each deed stands in the audit log.
//!
//! A secret is told once, when it was made here; afterwards nobody is told it any more.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use patchcord_engine::runtime::clock;
use patchcord_media::prompt::shown;
use serde::Deserialize;
use serde_json::json;

use super::{
    Rooms,
    ask::{Named, Said},
};
use crate::{
    json::Json,
    people::{Asker, guard::away},
    problem::Problem,
    webhooks::{self, EVENTS, MOST_RECEIVERS, Pattern, Receiver, SHORTEST_SECRET, UnknownEvent},
};

/// Letters of a secret at most: more prove nothing more.
pub(super) const LONGEST_SECRET: usize = 200;

/// Letters of an address at most.
pub(super) const LONGEST_URL: usize = 2_000;

/// Bytes of a secret that is made here.
const DRAWN: usize = 32;

/// What a receiver is to be. What is not said stays as it is, and is as usual for a new one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Its address.
    pub url: Option<String>,
    /// What it hears of; everything unless said.
    pub events: Option<Vec<String>>,
    /// What its deliveries are signed with; made here unless said.
    pub secret: Option<String>,
}

/// A receiver that was added.
pub(crate) struct Added {
    /// Its name.
    pub id: String,
    /// Its secret, where it was made here.
    pub secret: Option<String>,
}

/// `POST /api/v1/webhooks/receivers`
pub(super) async fn post(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(wish): Said<Wish>,
) -> Result<Response, Problem> {
    let Added { id, secret } = add(&rooms, &asker, wish).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "secret": secret }))).into_response())
}

/// `PUT /api/v1/webhooks/receivers/{id}`
pub(super) async fn put(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
    Said(wish): Said<Wish>,
) -> Result<StatusCode, Problem> {
    change(&rooms, &asker, &id, wish).await.map(|()| StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/webhooks/receivers/{id}`
pub(super) async fn delete(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    remove(&rooms, &asker, &id).await.map(|()| StatusCode::NO_CONTENT)
}

/// `POST /api/v1/webhooks/receivers/{id}/ping`
pub(super) async fn ping(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    try_one(&rooms, &asker, &id).await.map(|()| StatusCode::ACCEPTED)
}

/// Adds one.
pub(crate) async fn add(rooms: &Rooms, asker: &Asker, wish: Wish) -> Result<Added, Problem> {
    let known = rooms.webhooks.receivers();
    if known.len() >= MOST_RECEIVERS {
        let full =
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, format!("{MOST_RECEIVERS} receivers are told already"));
        return Err(full.remedy("remove one first, or let one program tell the others"));
    }
    let url = url(wish.url.as_deref().unwrap_or_default())?;
    is_new(&known, &url)?;
    let events = wish.events.map_or_else(|| Ok(vec![Pattern::all()]), |words| events(&words))?;
    let id = drawn(6)?;
    let made = match &wish.secret {
        Some(_) => None,
        None => Some(drawn(DRAWN)?),
    };
    let secret = wish.secret.map(secret).transpose()?.or_else(|| made.clone()).unwrap_or_default();
    let receiver = Receiver { id: Some(id.clone()), url, secret, events };
    let added = rooms.store.add_webhook_receiver(&id, &receiver, clock::wall()).await;
    added.map_err(|error| away(&error))?;
    done(rooms, asker, "added receiver", &receiver.url).await?;
    Ok(Added { id, secret: made })
}

/// Changes one.
pub(crate) async fn change(rooms: &Rooms, asker: &Asker, id: &str, wish: Wish) -> Result<(), Problem> {
    let known = rooms.webhooks.receivers();
    let before = found(&known, id)?;
    if wish.url.is_none() && wish.events.is_none() && wish.secret.is_none() {
        let nothing = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "nothing is to be changed");
        return Err(nothing.remedy("name url, events or secret"));
    }
    let mut receiver = before.clone();
    if let Some(wanted) = &wish.url {
        receiver.url = url(wanted)?;
        if receiver.url != before.url {
            is_new(&known, &receiver.url)?;
        }
    }
    if let Some(words) = &wish.events {
        receiver.events = events(words)?;
    }
    if let Some(wanted) = wish.secret {
        receiver.secret = secret(wanted)?;
    }
    let changed = rooms.store.change_webhook_receiver(id, &before.url, &receiver).await;
    if !changed.map_err(|error| away(&error))? {
        return Err(nobody(id));
    }
    done(rooms, asker, "changed receiver", &receiver.url).await
}

/// Removes one, and what waits for it.
pub(crate) async fn remove(rooms: &Rooms, asker: &Asker, id: &str) -> Result<(), Problem> {
    let known = rooms.webhooks.receivers();
    let url = &found(&known, id)?.url;
    if !rooms.store.remove_webhook_receiver(id, url).await.map_err(|error| away(&error))? {
        return Err(nobody(id));
    }
    done(rooms, asker, "removed receiver", url).await
}

/// Tells one a ping.
pub(crate) async fn try_one(rooms: &Rooms, asker: &Asker, id: &str) -> Result<(), Problem> {
    let known = rooms.webhooks.receivers();
    let url = &found(&known, id)?.url;
    rooms.webhooks.ping(&asker.name, Some(url), clock::wall());
    rooms.people.note(asker, "pinged receiver", &shown(url), clock::wall()).await;
    Ok(())
}

/// Whoever tells hears of the change, and the audit log has it.
async fn done(rooms: &Rooms, asker: &Asker, deed: &str, url: &str) -> Result<(), Problem> {
    rooms.people.note(asker, deed, &shown(url), clock::wall()).await;
    let added = rooms.store.webhook_receivers().await.map_err(|error| away(&error))?;
    rooms.webhooks.tell_also(added);
    Ok(())
}

fn found<'a>(known: &'a [Receiver], id: &str) -> Result<&'a Receiver, Problem> {
    known.iter().find(|receiver| receiver.id.as_deref() == Some(id)).ok_or_else(|| nobody(id))
}

fn nobody(id: &str) -> Problem {
    let id: String = id.chars().take(60).collect();
    Problem::new(StatusCode::NOT_FOUND, format!("no receiver {id} was added"))
        .remedy("see /api/v1/webhooks; one without an id is changed in the configuration")
}

fn is_new(known: &[Receiver], url: &str) -> Result<(), Problem> {
    match known.iter().find(|receiver| receiver.url == url) {
        None => Ok(()),
        Some(receiver) => {
            let by = if receiver.id.is_some() { "was added before" } else { "stands in the configuration" };
            let twice = Problem::new(StatusCode::CONFLICT, format!("a receiver at {} {by}", shown(url)));
            Err(twice.remedy("change that one, or give this one another address"))
        }
    }
}

fn url(text: &str) -> Result<String, Problem> {
    let fits = Some(text.trim()).filter(|text| text.len() <= LONGEST_URL && !text.chars().any(char::is_control));
    fits.and_then(webhooks::receiver).ok_or_else(|| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "url is no address of the web")
            .remedy("write it as in https://crm.example.org/patchcord")
    })
}

fn events(words: &[String]) -> Result<Vec<Pattern>, Problem> {
    let known = || EVENTS.iter().filter(|event| **event != "ping").copied().collect::<Vec<_>>().join(", ");
    let wrong = |detail: String| {
        let remedy = format!("write some of {}, a kind as call.*, or *", known());
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).remedy(remedy)
    };
    if words.is_empty() || words.len() > EVENTS.len() {
        return Err(wrong(format!("it would hear of {} things", words.len())));
    }
    words.iter().map(|word| word.parse().map_err(|error: UnknownEvent| wrong(error.to_string()))).collect()
}

fn secret(text: String) -> Result<String, Problem> {
    match text.chars().count() {
        SHORTEST_SECRET..=LONGEST_SECRET if !text.chars().any(char::is_control) => Ok(text),
        letters => {
            let wrong = format!("the secret has {letters} letters, or some that are none");
            let remedy =
                format!("write {SHORTEST_SECRET} to {LONGEST_SECRET}, by chance, or leave it out: then one is made");
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, wrong).remedy(remedy))
        }
    }
}

/// So many bytes that nobody guesses, in small hex.
fn drawn(bytes: usize) -> Result<String, Problem> {
    let mut drawn = vec![0; bytes];
    let without = |error: getrandom::Error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    getrandom::fill(&mut drawn).map_err(without)?;
    Ok(data_encoding::HEXLOWER.encode(&drawn))
}
