//! Routes and trunks, as the configuration has them, and how the trunks are.

use axum::{Json, extract::State};
use patchcord_engine::routing::{Standing, Target, shipped};
use serde_json::{Value, json};

use super::Rooms;
use crate::{masking::told, people::Asker};

/// `GET /api/v1/routes`
pub(super) async fn routes(State(rooms): State<Rooms>, asker: Asker) -> Json<Value> {
    let plan = rooms.accounts.board().plan();
    let routes = plan.routes().iter().map(|route| {
        let from: Vec<String> = route.from.iter().map(ToString::to_string).collect();
        let (kind, names) = match &route.target {
            Target::Service(name) => ("service", vec![name]),
            Target::Trunks(names) => ("trunks", names.iter().collect()),
            Target::Endpoints(names) => ("endpoints", names.iter().collect()),
        };
        let names: Vec<&str> = names.into_iter().map(|name| &**name).collect();
        json!({ "number": told(&route.number.to_string(), &asker), "from": from, "to": kind, "names": names })
    });
    let shipped = shipped().map(|(number, service)| json!({ "number": number, "service": service }));
    Json(json!({ "routes": routes.collect::<Vec<_>>(), "shipped": shipped.collect::<Vec<_>>() }))
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
            "registers": trunk.register.is_some(), "asked": trunk.is_asked, "standing": standing, "calls": trunk.traffic.calls.count(),
            "most_calls": trunk.calls,
        })
    });
    Json(json!({ "trunks": trunks.collect::<Vec<_>>() }))
}
