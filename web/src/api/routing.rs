//! Routes and trunks, as the configuration has them, and how the trunks are.

use axum::{Json, extract::State};
use patchcord_engine::routing::{Standing, Target};
use serde_json::{Value, json};

use super::Rooms;

/// `GET /api/v1/routes`
pub(super) async fn routes(State(rooms): State<Rooms>) -> Json<Value> {
    let plan = rooms.accounts.board().plan();
    let routes = plan.routes().iter().map(|route| {
        let from: Vec<String> = route.from.iter().map(ToString::to_string).collect();
        let (kind, names) = match &route.target {
            Target::Service(name) => ("service", vec![name]),
            Target::Trunks(names) => ("trunks", names.iter().collect()),
            Target::Endpoints(names) => ("endpoints", names.iter().collect()),
        };
        let names: Vec<&str> = names.into_iter().map(|name| &**name).collect();
        json!({ "number": route.number.to_string(), "from": from, "to": kind, "names": names })
    });
    Json(json!({ "routes": routes.collect::<Vec<_>>() }))
}

/// `GET /api/v1/trunks`
pub(super) async fn trunks(State(rooms): State<Rooms>) -> Json<Value> {
    let plan = rooms.accounts.board().plan();
    let trunks = plan.trunks().iter().map(|trunk| {
        let standing = match trunk.traffic.standing() {
            Standing::Up => "up",
            Standing::Down => "down",
            Standing::Unknown => "unknown",
        };
        json!({
            "name": &*trunk.name, "servers": trunk.servers.iter().map(|server| &**server).collect::<Vec<_>>(),
            "registers": trunk.register.is_some(), "standing": standing, "calls": trunk.traffic.calls.count(),
            "most_calls": trunk.calls,
        })
    });
    Json(json!({ "trunks": trunks.collect::<Vec<_>>() }))
}
