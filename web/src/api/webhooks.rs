//! What is told to programs elsewhere: who is told, what waits, what is dead; sent again, thrown away, tried.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::{extract::State, http::StatusCode};
use patchcord_engine::runtime::clock;
use patchcord_media::prompt::shown;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Rooms,
    ask::{Asked, Named, line},
    wanted::at_most,
};
use crate::{
    json::Json,
    people::{Asker, Right, guard::away},
    problem::Problem,
    store::webhooks::{Delivery, MAX_PAGE},
    webhooks::Receiver,
};

/// Deliveries in a page, unless another number is asked for.
const USUAL: usize = 100;

/// `GET /api/v1/webhooks`
pub(super) async fn standings(State(rooms): State<Rooms>) -> Result<Json<Value>, Problem> {
    told(&rooms).await.map(Json)
}

/// How it stands with each receiver, and with those that something is kept for and that are configured no more.
pub(crate) async fn told(rooms: &Rooms) -> Result<Value, Problem> {
    let mut kept = rooms.store.webhook_standings().await.map_err(|error| away(&error))?;
    let of = |receiver: &Receiver| {
        let found = kept.iter().position(|standing| standing.url == receiver.url).map(|at| kept.swap_remove(at));
        let (waiting, dead) = found.map_or((0, 0), |standing| (standing.waiting, standing.dead));
        let events: Vec<String> = receiver.events.iter().map(ToString::to_string).collect();
        json!({ "id": receiver.id, "url": shown(&receiver.url), "configured": true, "is_fixed": receiver.id.is_none(),
                "events": events, "waiting": waiting, "dead": dead })
    };
    let named: Vec<_> = rooms.webhooks.receivers().iter().map(of).collect();
    let others = kept.iter().map(|standing| {
        let (waiting, dead) = (standing.waiting, standing.dead);
        json!({ "url": shown(&standing.url), "configured": false, "waiting": waiting, "dead": dead })
    });
    Ok(json!({ "receivers": named.into_iter().chain(others).collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    #[serde(default)]
    state: Kept,
    before: Option<String>,
    limit: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kept {
    #[default]
    Dead,
    Waiting,
}

/// `GET /api/v1/webhooks/deliveries`
pub(super) async fn deliveries(
    State(rooms): State<Rooms>,
    asker: Asker,
    Asked(which): Asked<Which>,
) -> Result<Json<Value>, Problem> {
    line("before", which.before.as_deref().unwrap_or_default())?;
    let most = at_most(which.limit, USUAL, MAX_PAGE)?;
    let found = page(&rooms, which.state == Kept::Dead, which.before.as_deref(), most).await?;
    let next = found.last().filter(|_| found.len() == most).map(|last| last.id.clone());
    let deliveries: Vec<_> =
        found.into_iter().map(|delivery| one(&delivery, asker.rights.has(Right::ReadNumbers))).collect();
    Ok(Json(json!({ "deliveries": deliveries, "next": next })))
}

/// Deliveries that are dead or that wait, the latest first.
pub(crate) async fn page(
    rooms: &Rooms,
    dead: bool,
    before: Option<&str>,
    most: usize,
) -> Result<Vec<Delivery>, Problem> {
    rooms.store.webhooks(dead, before, most).await.map_err(|error| away(&error))
}

/// A delivery; what it says is for those who may see numbers.
fn one(delivery: &Delivery, numbers: bool) -> Value {
    let ms = |at: SystemTime| u64::try_from(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(0);
    let body: Value =
        Some(&delivery.body).filter(|_| numbers).and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    json!({
        "id": delivery.id, "url": shown(&delivery.url), "event": delivery.event, "made_ms": ms(delivery.made),
        "tries": delivery.tries, "next_ms": delivery.next.map(ms), "why": delivery.why, "body": body,
    })
}

/// `POST /api/v1/webhooks/deliveries/{id}/resend`
pub(super) async fn resend(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    send_again(&rooms, &asker, &id).await.map(|()| StatusCode::ACCEPTED)
}

/// Has a delivery tried anew, and notes who wanted it.
pub(crate) async fn send_again(rooms: &Rooms, asker: &Asker, id: &str) -> Result<(), Problem> {
    let now = clock::wall();
    if !rooms.store.revive_webhook(id, now).await.map_err(|error| away(&error))? {
        return Err(nothing(id));
    }
    rooms.people.note(asker, "sent delivery again", id, now).await;
    Ok(())
}

/// `DELETE /api/v1/webhooks/deliveries/{id}`
pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    throw_away(&rooms, &asker, &id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Throws a delivery away, and notes who wanted it.
pub(crate) async fn throw_away(rooms: &Rooms, asker: &Asker, id: &str) -> Result<(), Problem> {
    if !rooms.store.remove_webhook(id).await.map_err(|error| away(&error))? {
        return Err(nothing(id));
    }
    rooms.people.note(asker, "threw delivery away", id, clock::wall()).await;
    Ok(())
}

/// `POST /api/v1/webhooks/ping`
pub(super) async fn ping(State(rooms): State<Rooms>, asker: Asker) -> Result<StatusCode, Problem> {
    try_all(&rooms, &asker).await.map(|()| StatusCode::ACCEPTED)
}

/// Tells all receivers a ping, and notes who wanted it.
pub(crate) async fn try_all(rooms: &Rooms, asker: &Asker) -> Result<(), Problem> {
    if rooms.webhooks.receivers().is_empty() {
        let nobody = Problem::new(StatusCode::CONFLICT, "no receiver is told");
        return Err(nobody.remedy("add one, or write [webhooks] with url and secret_env into patchcord.toml"));
    }
    rooms.webhooks.ping(&asker.name, None, clock::wall());
    rooms.people.note(asker, "pinged receivers", "", clock::wall()).await;
    Ok(())
}

fn nothing(id: &str) -> Problem {
    let id: String = id.chars().take(60).collect();
    Problem::new(StatusCode::NOT_FOUND, format!("no delivery {id} is kept"))
        .remedy("it may have been taken; see /api/v1/webhooks/deliveries")
}
