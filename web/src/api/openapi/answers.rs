//! What is answered: where that needs a word, and where one leads on to the next.

use serde_json::{Map, Value, json};

use super::{Door, shapes};

/// What each door answers that answers more than a status: the shape of its JSON.
const SHAPES: &[(&str, &str, &str)] = &[
    ("get", "/api/v1/status", "Status"),
    ("post", "/api/v1/reload", "Reloaded"),
    ("get", "/api/v1/drain", "Drain"),
    ("post", "/api/v1/drain", "Drain"),
    ("delete", "/api/v1/drain", "Drain"),
    ("get", "/api/v1/endpoints", "Endpoints"),
    ("get", "/api/v1/registrations", "Registrations"),
    ("get", "/api/v1/calls", "Records"),
    ("post", "/api/v1/calls/{call}/transfer", "Passing"),
    ("post", "/api/v1/originate", "BegunCall"),
    ("get", "/api/v1/rooms", "Rooms"),
    ("get", "/api/v1/rooms/{room}", "Room"),
    ("get", "/api/v1/rooms/{room}/story", "RoomStory"),
    ("post", "/api/v1/rooms/{room}/orders", "Done"),
    ("get", "/api/v1/rooms/{room}/tries", "Tries"),
    ("get", "/api/v1/past-rooms", "PastRooms"),
    ("get", "/api/v1/past-rooms/{id}", "RoomStory"),
    ("get", "/api/v1/routes", "Routes"),
    ("post", "/api/v1/routes", "Id"),
    ("get", "/api/v1/trunks", "Trunks"),
    ("get", "/api/v1/services", "Services"),
    ("get", "/api/v1/services/{name}/versions", "Versions"),
    ("get", "/api/v1/bans", "Bans"),
    ("post", "/api/v1/bans", "Ban"),
    ("get", "/api/v1/webhooks", "Receivers"),
    ("get", "/api/v1/webhooks/deliveries", "Deliveries"),
    ("post", "/api/v1/webhooks/receivers", "MadeReceiver"),
    ("get", "/api/v1/recordings", "RecordedCalls"),
    ("get", "/api/v1/sounds", "Prompts"),
    ("put", "/api/v1/sounds/{name}", "Prompt"),
    ("get", "/api/v1/records", "Records"),
    ("get", "/api/v1/records/{call}", "WholeCall"),
    ("get", "/api/v1/records/{call}/replay", "Replay"),
    ("get", "/api/v1/records/{call}/test", "MadeTest"),
    ("get", "/api/v1/users", "Users"),
    ("get", "/api/v1/tokens", "Tokens"),
    ("post", "/api/v1/tokens", "MadeToken"),
    ("get", "/api/v1/audit", "Audit"),
];

/// Doors that answer something else than JSON of one shape: of which kinds.
const OTHERS: &[(&str, &str, &[&str])] = &[
    ("get", "/api/v1/rooms/{room}/events", &["text/event-stream"]),
    ("get", "/api/v1/events", &["text/event-stream"]),
    ("get", "/api/v1/rooms/{room}/heard", &["audio/wav"]),
    ("get", "/api/v1/past-rooms/{id}/heard", &["audio/wav"]),
    ("get", "/api/v1/recordings/{call}/{number}", &["audio/wav", "audio/ogg"]),
    ("get", "/api/v1/records/{call}/text", &["text/plain"]),
    ("get", "/api/v1/records/{call}/pcap", &["application/vnd.tcpdump.pcap"]),
];

/// What stands in answers that does not say itself what it means.
const TOLD: &[(&str, &str, &str)] = &[
    ("get", "/api/v1/records", RECORD),
    ("get", "/api/v1/records/{call}", RECORD),
    ("get", "/api/v1/records/export", RECORD),
    ("get", "/api/v1/calls", RECORD),
];

const RECORD: &str = "Done. `length_is_known`: whether the call is over and known how long it lasted. It is false where the server was killed \
                      in the middle of the call: `ended_us` and `talk_us` are then the least that they can be. Where a page has `next`, ask \
                      on with it as `before`.";

/// From a list to one that stands in it: the list's door, the name of the link, the door that it leads to, what varies there, and where
/// in the answer that stands.
const LINKS: &[(&str, &str, &str, &str, &str)] = &[
    ("/api/v1/records", "record", "/api/v1/records/{call}", "path.call", "/records/0/record/call"),
    ("/api/v1/records", "next", "/api/v1/records", "query.before", "/next"),
    ("/api/v1/calls", "record", "/api/v1/records/{call}", "path.call", "/records/0/record/call"),
    ("/api/v1/recordings", "record", "/api/v1/records/{call}", "path.call", "/calls/0/call"),
    ("/api/v1/recordings", "next", "/api/v1/recordings", "query.before", "/next"),
];

/// The answer of a door that did as it was asked.
pub fn done(door: &Door) -> Value {
    let is_its = |method: &str, path: &str| (method, path) == (door.method, door.path);
    let told = TOLD.iter().find(|(method, path, _)| is_its(method, path)).map_or("Done.", |(.., told)| told);
    let links = LINKS.iter().filter(|(path, ..)| is_its("get", path));
    let links: Map<String, Value> =
        links.map(|(_, name, to, varies, at)| ((*name).to_owned(), link(to, varies, at))).collect();
    let mut done = json!({ "description": told });
    if let Some(content) = content(door) {
        done["content"] = content;
    }
    if !links.is_empty() {
        done["links"] = links.into();
    }
    done
}

/// What stands in it.
fn content(door: &Door) -> Option<Value> {
    let is_its = |method: &str, path: &str| (method, path) == (door.method, door.path);
    if is_its("get", "/api/v1/records/export") {
        let all = json!({ "type": "array", "items": shapes::named("Told") });
        return Some(json!({ "text/csv": { "schema": { "type": "string" } }, "application/json": { "schema": all } }));
    }
    if let Some((.., kinds)) = OTHERS.iter().find(|(method, path, _)| is_its(method, path)) {
        let raw = || json!({ "schema": { "type": "string" } });
        return Some(kinds.iter().map(|kind| ((*kind).to_owned(), raw())).collect::<Map<_, _>>().into());
    }
    let (.., shape) = SHAPES.iter().find(|(method, path, _)| is_its(method, path))?;
    Some(json!({ "application/json": { "schema": shapes::named(shape) } }))
}

fn link(to: &str, varies: &str, at: &str) -> Value {
    let operation = format!("#/paths/{}/get", to.replace('~', "~0").replace('/', "~1"));
    json!({ "operationRef": operation, "parameters": { varies: format!("$response.body#{at}") } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{ASK, DOORS};

    /// What a service answers as it likes, this description, and prompts, which are sounds of any kind.
    const BARE: [&str; 3] = [ASK, "/api/v1/openapi.json", "/api/v1/sounds/{name}"];

    #[test]
    fn each_link_leads_from_a_door_to_a_door() {
        let is_there = |path: &str| DOORS.iter().any(|door| (door.method, door.path) == ("get", path));
        for (from, _, to, varies, _) in LINKS {
            assert!(is_there(from) && is_there(to), "{from} {to}");
            assert!(varies.starts_with("query.") || to.contains(&format!("{{{}}}", &varies[5..])), "{to} {varies}");
        }
        assert!(TOLD.iter().all(|(_, path, _)| is_there(path)));
    }

    #[test]
    fn whatever_is_answered_is_answered_by_a_door_and_has_a_shape() {
        let is_there = |method: &str, path: &str| DOORS.iter().any(|door| (door.method, door.path) == (method, path));
        let all = shapes::all();
        for (method, path, shape) in SHAPES {
            assert!(is_there(method, path) && all.contains_key(*shape), "{method} {path} {shape}");
        }
        assert!(OTHERS.iter().all(|(method, path, _)| is_there(method, path)));
        // Whatever is only read answers something.
        for door in DOORS.iter().filter(|door| door.method == "get" && !BARE.contains(&door.path)) {
            assert!(content(door).is_some(), "{} is read, and what it answers is not described", door.path);
        }
    }
}
