//! The description of the API, made from the table of its doors.

use axum::Json;
use patchcord_engine::{bans::MAX_REASON, originate::MAX_NAME};
use serde_json::{Map, Value, json};

use super::{DOORS, Door};
use crate::control::words::DEEDS;

/// What the queries of doors may say: path, name, meaning.
const QUERIES: &[(&str, &[(&str, &str)])] = &[
    ("/api/v1/records", RECORDS),
    ("/api/v1/records/export", RECORDS),
    ("/api/v1/recordings", RECORDS),
    ("/api/v1/registrations", &[("after", "go on behind this endpoint"), ("limit", "how many endpoints at most")]),
    ("/api/v1/audit", &[("before", "go on before this number"), ("limit", "how many at most")]),
    (
        "/api/v1/past-rooms",
        &[("room", "of this name only"), ("before", "go on before this one"), ("limit", "how many at most, up to 500")],
    ),
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

const RECORDS: &[(&str, &str)] = &[
    ("number", "who called or was called; with * at its end a beginning"),
    ("service", "the service that heard it"),
    ("outcome", "how it came out"),
    ("ended_by", "caller, callee, script or system"),
    ("fault", "whose fault it is"),
    ("cause", "the Q.850 cause or SIP status that it ended by"),
    ("from", "not before: 2026-11-21, 2026-11-21T16:50 (UTC) or milliseconds since 1970"),
    ("to", "before, written likewise"),
    ("min_s", "it lasted so many seconds at least"),
    ("max_s", "it lasted so many seconds at most"),
    ("tag", "name or name=value"),
    ("recorded", "yes or no"),
    ("text", "words in a number, a name, a reason or a tag"),
    ("before", "go on before this call"),
    ("limit", "how many at most, up to 500"),
    ("format", "of an export: csv or json"),
];

/// What a body says: method and path of its door, required texts, optional fields with their kind.
type Body = (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// The bodies that are made of plain texts.
const BODIES: &[Body] = &[
    ("post", "/api/v1/users", &["name", "password", "role"], &[]),
    ("put", "/api/v1/users/{user}", &[], &[("password", "string"), ("role", "string"), ("endpoint", "string")]),
    ("put", "/api/v1/endpoints/{user}/password", &["password"], &[]),
];

/// `GET /api/v1/openapi.json`
pub(super) async fn give() -> Json<Value> {
    let mut paths: Map<String, Value> = Map::new();
    for door in DOORS {
        let path = paths.entry(door.path).or_insert_with(|| json!({}));
        path[door.method] = operation(door);
    }
    Json(json!({
        "openapi": "3.1.0",
        "info": { "title": "Patchcord", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": crate::people::guard::COOKIE },
            },
            "schemas": { "Problem": {
                "type": "object",
                "required": ["status", "title", "detail"],
                "properties": {
                    "status": { "type": "integer" }, "title": { "type": "string" },
                    "detail": { "type": "string" }, "remedy": { "type": "string" },
                },
            } },
        },
    }))
}

fn operation(door: &Door) -> Value {
    let in_path = door.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path =
        in_path.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let asked = QUERIES.iter().filter(|(path, _)| *path == door.path).flat_map(|(_, asked)| asked.iter());
    let asked = asked.map(|(name, meaning)| {
        json!({ "name": name, "in": "query", "description": meaning, "schema": { "type": "string" } })
    });
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let mut operation = json!({
        "summary": door.does,
        "description": format!("Needs the right `{}`.", door.right.word()),
        "security": [{ "token": [] }, { "session": [] }],
        "parameters": in_path.chain(if door.method == "get" { asked.collect() } else { Vec::new() }).collect::<Vec<_>>(),
        "responses": {
            "2XX": { "description": "Done." },
            "default": { "description": "Refused.", "content": { "application/problem+json": { "schema": problem } } },
        },
    });
    if let Some(body) = body(door) {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body } } });
    }
    if (door.method, door.path) == ("put", "/api/v1/sounds/{name}") {
        let sound = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
        operation["requestBody"] = json!({ "required": true, "content": sound });
    }
    operation
}

/// What a door is told.
fn body(door: &Door) -> Option<Value> {
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    match (door.method, door.path) {
        ("post", "/api/v1/rooms/{room}/orders") => Some(json!({
            "type": "object", "required": ["do"], "additionalProperties": false,
            "properties": {
                "do": { "type": "string", "enum": DEEDS },
                "member": { "type": ["integer", "null"], "minimum": 0, "description": "everybody where it is missing" },
                "other": { "type": ["integer", "null"], "minimum": 0, "description": "of hears: whom the member hears otherwise" },
                "on": { "type": ["boolean", "null"] },
                "db": { "type": ["integer", "null"], "minimum": -60, "maximum": 12 },
                "role": { "type": ["string", "null"], "enum": ["listener", "speaker", "moderator", null] },
                "room": { "type": ["string", "null"] },
                "target": { "type": ["string", "null"] },
                "prompts": { "type": ["array", "null"], "items": { "type": "string" }, "maxItems": 32 },
            },
        })),
        ("post", "/api/v1/originate") => Some(json!({
            "type": "object", "required": ["target"], "additionalProperties": false,
            "properties": {
                "target": { "type": "string", "description": "who is rung: user:alice, a number, sip:…" },
                "service": { "type": ["string", "null"], "description": "what goes on with whoever answers" },
                "dial": { "type": ["string", "null"], "description": "instead of a service: who is called then" },
                "caller_id": { "type": ["string", "null"], "description": "the number that is shown" },
                "ring_s": { "type": ["integer", "null"], "minimum": 1, "maximum": 300 },
                "vars": { "type": ["object", "null"], "description": "what the service finds in caller.vars" },
            },
        })),
        ("post", "/api/v1/tokens") => Some(json!({ "oneOf": [
            {
                "type": "object", "required": ["name", "scopes"], "additionalProperties": false,
                "properties": {
                    "name": { "type": "string" }, "scopes": strings, "days": { "type": ["integer", "null"] },
                },
            },
            {
                "type": "object", "required": ["kind", "numbers"], "additionalProperties": false,
                "properties": {
                    "kind": { "const": "browser" }, "numbers": strings, "name": { "type": ["string", "null"] },
                    "expires": { "type": ["integer", "null"] }, "calls": { "type": ["integer", "null"] },
                },
            },
        ] })),
        ("post", "/api/v1/endpoints") => Some(json!({
            "type": "object", "required": ["endpoints"], "additionalProperties": false,
            "properties": { "endpoints": { "type": "array", "items": {
                "type": "object", "required": ["user", "password"],
                "properties": { "user": { "type": "string" }, "password": { "type": "string" }, "number": { "type": ["string", "null"] } },
            } } },
        })),
        _ => small_body(door),
    }
}

/// The bodies of doors that are told little.
fn small_body(door: &Door) -> Option<Value> {
    match (door.method, door.path) {
        ("post", "/api/v1/sounds/{name}/restore") => Some(json!({
            "type": "object", "required": ["version_ms"], "additionalProperties": false,
            "properties": { "version_ms": { "type": "integer", "minimum": 0 } },
        })),
        ("post", "/api/v1/bans") => Some(json!({
            "type": "object", "required": ["network", "reason"], "additionalProperties": false,
            "properties": {
                "network": { "type": "string", "description": "an address, or a network as 192.0.2.0/24" },
                "reason": { "type": "string", "minLength": 1, "maxLength": MAX_REASON },
                "for_s": { "type": ["integer", "null"], "minimum": 1, "maximum": super::bans::LONGEST_S },
            },
        })),
        ("post", "/api/v1/calls/{call}/transfer") => Some(json!({
            "type": "object", "required": ["to"], "additionalProperties": false,
            "properties": {
                "to": { "type": "string", "minLength": 1, "maxLength": MAX_NAME,
                        "description": "who is called instead: user:alice, a number, sip:…" },
                "leg": { "type": ["integer", "null"], "minimum": 0, "maximum": u32::MAX,
                         "description": "whose party is passed on; the caller's where it is missing" },
            },
        })),
        (method, path) => {
            let (_, _, required, others) = BODIES.iter().find(|(m, p, ..)| (*m, *p) == (method, path))?;
            let mut properties: Map<String, Value> =
                required.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect();
            properties
                .extend(others.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": [kind, "null"] }))));
            Some(
                json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false }),
            )
        }
    }
}
