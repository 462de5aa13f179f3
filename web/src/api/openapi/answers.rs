//! What is answered: where that needs a word, and where one leads on to the next.

use serde_json::{Map, Value, json};

use super::Door;

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
    match links.is_empty() {
        true => json!({ "description": told }),
        false => json!({ "description": told, "links": links }),
    }
}

fn link(to: &str, varies: &str, at: &str) -> Value {
    let operation = format!("#/paths/{}/get", to.replace('~', "~0").replace('/', "~1"));
    json!({ "operationRef": operation, "parameters": { varies: format!("$response.body#{at}") } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DOORS;

    #[test]
    fn each_link_leads_from_a_door_to_a_door() {
        let is_there = |path: &str| DOORS.iter().any(|door| (door.method, door.path) == ("get", path));
        for (from, _, to, varies, _) in LINKS {
            assert!(is_there(from) && is_there(to), "{from} {to}");
            assert!(varies.starts_with("query.") || to.contains(&format!("{{{}}}", &varies[5..])), "{to} {varies}");
        }
        assert!(TOLD.iter().all(|(_, path, _)| is_there(path)));
    }
}
