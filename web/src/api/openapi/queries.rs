//! What stands in the paths and queries of doors: names, meanings and what each may be.

use serde_json::{Value, json};

use super::{
    super::{Door, ask::LONGEST},
    kinds::{self, call, count, line},
};

/// What the queries of doors may say: path, name, meaning.
const QUERIES: &[(&str, &[(&str, &str)])] = &[
    ("/api/v1/records", RECORDS),
    ("/api/v1/records/export", RECORDS),
    ("/api/v1/recordings", RECORDS),
    ("/api/v1/registrations", &[("after", "go on behind this endpoint"), ("limit", "how many endpoints at most")]),
    ("/api/v1/audit", &[("before", "go on before this number"), ("limit", "how many at most")]),
    (
        "/api/v1/past-rooms",
        &[
            ("room", "of this name only"),
            ("before", "go on before this one"),
            ("limit", "how many at most, up to 500"),
            ("empty", "true: also where somebody stood at the door and nobody came in"),
        ],
    ),
    (
        "/api/v1/rooms/{room}/tries",
        &[("before_ms", "before this moment, in milliseconds since 1970"), ("limit", "how many at most, up to 500")],
    ),
    ("/api/v1/past-rooms/{id}/heard", EARS),
    ("/api/v1/rooms/{room}/heard", EARS),
    (
        "/api/v1/webhooks/deliveries",
        &[("state", "dead or waiting"), ("before", "go on before this one"), ("limit", "how many at most, up to 500")],
    ),
    (
        "/api/v1/sounds/{name}",
        &[("version", "one that it had, by its milliseconds; what stands there where it is missing")],
    ),
    ("/api/v1/events", &[("after", "the number of the last event that was heard")]),
];

const EARS: &[(&str, &str)] = &[
    ("member", "whose ears, by the number that the room's record gives it"),
    ("from_ms", "from so long after the room was opened; from when it came where it is missing"),
    ("to_ms", "until so long after; ten minutes at most are given at once"),
];

const RECORDS: &[(&str, &str)] = &[
    ("number", "who called or was called; with * at its end a beginning"),
    ("service", "the service that heard it"),
    ("version", "its version, as records name it"),
    ("outcome", "how it came out"),
    ("ended_by", "caller, callee, script or system"),
    ("fault", "whose fault it is"),
    ("cause", "the Q.850 cause or SIP status that it ended by"),
    ("from", "not before: 2026-11-21, 2026-11-21T16:50 (UTC) or milliseconds since 1970"),
    ("to", "before, written likewise"),
    ("min_s", "it lasted so many seconds at least"),
    ("max_s", "it lasted so many seconds at most"),
    ("mos_below", "a leg was heard worse than that, as a mean MOS from 1 to 5"),
    ("tag", "name or name=value"),
    ("recorded", "yes or no"),
    ("text", "words in a number, a name, a reason or a tag"),
    ("before", "go on before this call"),
    ("limit", "how many at most, up to 500"),
    ("format", "of an export: csv or json"),
];

/// All parameters of a door.
pub fn parameters(door: &Door) -> Vec<Value> {
    let in_path = door.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": of_path(door.path, name) }));
    let asked = QUERIES.iter().filter(|(path, _)| *path == door.path && door.method == "get");
    let asked = asked.flat_map(|(path, asked)| asked.iter().map(move |(name, meaning)| (path, name, meaning)));
    let asked = asked.map(|(path, name, meaning)| {
        let needed = *name == "member";
        json!({ "name": name, "in": "query", "required": needed, "description": meaning, "schema": of_query(path, name) })
    });
    in_path.chain(asked).collect()
}

fn of_path(path: &str, name: &str) -> Value {
    match (path, name) {
        (_, "call") => call(),
        (_, "number") => count(u32::MAX.into()),
        (_, "network") => kinds::network(),
        (path, "user") if path.starts_with("/api/v1/users/") => kinds::person(),
        (_, "user") => kinds::endpoint(),
        (path, "name") if path.starts_with("/api/v1/sounds/") => kinds::sound(),
        _ => line(1, LONGEST),
    }
}

fn of_query(path: &str, name: &str) -> Value {
    match (path, name) {
        ("/api/v1/records" | "/api/v1/records/export" | "/api/v1/recordings", name) => kinds::of_records(name),
        ("/api/v1/audit", "before") => json!({ "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX }),
        (_, "empty") => json!({ "type": "boolean" }),
        (_, "limit") => kinds::from_one(u64::MAX),
        (_, "version" | "member" | "from_ms" | "to_ms" | "before_ms") | ("/api/v1/events", "after") => count(u64::MAX),
        (_, "state") => kinds::one_of(["dead", "waiting"]),
        _ => line(0, LONGEST),
    }
}
