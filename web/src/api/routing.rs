//! Routes, those of the configuration and those that are added here; trunks, as the configuration has them, and how they are.
//!
//! What is added is in force at once and kept. Each deed stands in the audit log: a route out costs money.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use patchcord_engine::{
    routing::{Origin, shipped},
    runtime::clock,
};
use serde_json::json;

use super::{
    Rooms,
    ask::{Named, Said},
};
use crate::{
    control::words::{RouteTold, RoutesTold, ShippedTold, TrunkTold, TrunksTold},
    json::Json,
    people::Asker,
    problem::Problem,
    routes::{Added, Change, Written},
};

/// `GET /api/v1/routes`
pub(super) async fn routes(State(rooms): State<Rooms>, asker: Asker) -> Json<RoutesTold> {
    Json(all(&rooms, &asker))
}

/// `POST /api/v1/routes`
pub(super) async fn add(
    State(rooms): State<Rooms>,
    asker: Asker,
    Said(written): Said<Written>,
) -> Result<Response, Problem> {
    let added = change(&rooms, &asker, Change::Add(written)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": added.id }))).into_response())
}

/// `PUT /api/v1/routes/{id}`
pub(super) async fn put(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
    Said(written): Said<Written>,
) -> Result<StatusCode, Problem> {
    change(&rooms, &asker, Change::Put(id, written)).await.map(|_| StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/routes/{id}`
pub(super) async fn remove(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    change(&rooms, &asker, Change::Remove(id)).await.map(|_| StatusCode::NO_CONTENT)
}

/// Where numbers lead, as somebody may see it.
pub(crate) fn all(rooms: &Rooms, asker: &Asker) -> RoutesTold {
    let plan = rooms.accounts.board().plan();
    let filed = plan.routes().iter().filter(|route| route.origin == Origin::File);
    let kept = rooms.house.routes().map(|book| book.kept()).unwrap_or_default();
    let routes = filed.map(|route| RouteTold::of(route, asker));
    let looked_at = |route: RouteTold| RouteTold { warning: astray(&route, rooms), ..route };
    let shipped = shipped().map(|(number, service)| ShippedTold { number, service: service.into() });
    let added = kept.iter().map(|kept| RouteTold::of_kept(kept, asker));
    RoutesTold { routes: routes.chain(added).map(looked_at).collect(), shipped: shipped.collect() }
}

/// That it leads to a service which is not there: one that was taken away since, or never written.
fn astray(route: &RouteTold, rooms: &Rooms) -> Option<String> {
    let leads = route.to == "service" && route.hindrance.is_none();
    let missing = route.names.iter().find(|name| leads && !rooms.house.is_served(name))?;
    Some(format!("there is no service {missing}: whoever calls is refused"))
}

/// Changes one, and notes who wanted it.
pub(crate) async fn change(rooms: &Rooms, asker: &Asker, change: Change) -> Result<Added, Problem> {
    let Some(book) = rooms.house.routes() else {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "no routes are kept here")
            .remedy("write them into the configuration"));
    };
    let deed = match &change {
        Change::Add(_) => "added route",
        Change::Put(..) => "changed route",
        Change::Remove(_) => "removed route",
    };
    let changed = book.change(change, asker.name.clone()).await?;
    let object = serde_json::to_string(&changed.written).expect("a map of JSON is JSON");
    rooms.people.note(asker, deed, &format!("{} {object}", changed.id), clock::wall()).await;
    Ok(changed)
}

/// `GET /api/v1/trunks`
pub(super) async fn trunks(State(rooms): State<Rooms>) -> Json<TrunksTold> {
    let plan = rooms.accounts.board().plan();
    Json(TrunksTold { trunks: plan.trunks().iter().map(|trunk| TrunkTold::of(trunk)).collect() })
}
