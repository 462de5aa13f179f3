//! What the bodies of requests say.

use patchcord_engine::{
    bans::MAX_REASON,
    originate::{LONGEST_RING, MAX_NAME},
    routing::MAX_GUEST_NUMBERS,
};
use serde_json::{Map, Value, json};

use super::{
    super::{
        ASK, Door, bans, people,
        receivers::{LONGEST_SECRET, LONGEST_URL},
        services::MAX_ASKED,
    },
    kinds::{self, count, from_one, line, or_null},
    routes,
};
use crate::{
    control::{rooms, words::DEEDS},
    people::Right,
    phone::token,
    webhooks::{EVENTS, SHORTEST_SECRET},
};

/// The body of a door that is told something.
pub fn body(door: &Door) -> Option<Value> {
    let said = match (door.method, door.path) {
        ("put", "/api/v1/sounds/{name}") => {
            let sound = json!({ "application/octet-stream": { "schema": { "type": "string", "format": "binary" } } });
            return Some(json!({ "required": true, "content": sound }));
        }
        ("post" | "put" | "patch", ASK) => {
            let text = json!({ "text/plain": { "schema": { "type": "string", "maxLength": MAX_ASKED } } });
            return Some(json!({ "required": false, "content": text }));
        }
        ("post", "/api/v1/rooms/{room}/orders") => room_order(),
        ("post", "/api/v1/webhooks/receivers") => receiver(&["url"]),
        ("put", "/api/v1/webhooks/receivers/{id}") => receiver(&[]),
        ("post", "/api/v1/routes") | ("put", "/api/v1/routes/{id}") => routes::route(),
        ("post", "/api/v1/originate") => origination(),
        ("post", "/api/v1/tokens") => token(),
        ("post", "/api/v1/endpoints") => endpoints(),
        ("put", "/api/v1/endpoints/{user}/password") => {
            object(&["password"], [("password", kinds::endpoint_password())])
        }
        ("post", "/api/v1/users") => object(
            &["name", "password", "role"],
            [("name", kinds::person()), ("password", kinds::password()), ("role", kinds::role())],
        ),
        ("put", "/api/v1/users/{user}") => object(
            &[],
            [
                ("password", or_null(&kinds::password())),
                ("role", or_null(&kinds::role())),
                ("endpoint", or_null(&kinds::or_empty(&kinds::endpoint()))),
            ],
        ),
        ("post", "/api/v1/sounds/{name}/restore") => object(&["version_ms"], [("version_ms", count(u64::MAX))]),
        ("post", "/api/v1/bans") => object(
            &["network", "reason"],
            [
                ("network", kinds::network()),
                ("reason", line(1, MAX_REASON)),
                ("for_s", or_null(&from_one(bans::LONGEST_S))),
            ],
        ),
        ("post", "/api/v1/calls/{call}/transfer") => object(
            &["to"],
            [
                ("to", described(line(1, MAX_NAME), "who is called instead: user:alice, a number, sip:…")),
                ("leg", described(or_null(&count(u32::MAX.into())), "whose party; the caller's where it is missing")),
            ],
        ),
        _ => return None,
    };
    Some(json!({ "required": true, "content": { "application/json": { "schema": said } } }))
}

pub(super) fn object<const N: usize>(required: &[&str], fields: [(&str, Value); N]) -> Value {
    let properties: Map<String, Value> = fields.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

pub(super) fn described(mut kind: Value, meaning: &str) -> Value {
    kind["description"] = json!(meaning);
    kind
}

fn room_order() -> Value {
    let (text, member) = (line(1, rooms::LONGEST), count(u64::MAX));
    let prompts = json!({ "type": "array", "items": text, "minItems": 1, "maxItems": rooms::PROMPTS });
    object(
        &["do"],
        [
            ("do", kinds::one_of(DEEDS.iter().copied())),
            ("member", described(or_null(&member), "everybody where it is missing")),
            ("other", described(or_null(&member), "of hears: whom the member hears otherwise")),
            ("on", json!({ "type": ["boolean", "null"] })),
            ("db", or_null(&json!({ "type": "integer", "minimum": i8::MIN, "maximum": i8::MAX }))),
            ("role", or_null(&kinds::one_of(["listener", "speaker", "moderator"]))),
            ("room", or_null(&text)),
            ("target", or_null(&text)),
            ("prompts", or_null(&prompts)),
        ],
    )
}

fn origination() -> Value {
    let name = line(1, MAX_NAME);
    object(
        &["target"],
        [
            ("target", described(name.clone(), "who is rung: user:alice, a number, sip:…")),
            ("service", described(or_null(&name), "what goes on with whoever answers")),
            ("dial", described(or_null(&name), "instead of a service: who is called then")),
            ("caller_id", described(or_null(&name), "the number that is shown")),
            ("ring_s", or_null(&from_one(LONGEST_RING.as_secs()))),
            ("vars", json!({ "type": ["object", "null"], "description": "what the service finds in caller.vars" })),
        ],
    )
}

/// A receiver of webhooks; what is left out stays as it is, or is as usual.
fn receiver(required: &[&str]) -> Value {
    let kinds = EVENTS.into_iter().filter(|event| *event != "ping").chain([
        "call.*",
        "recording.*",
        "trunk.*",
        "registration.*",
        "*",
    ]);
    let events = json!({ "type": "array", "items": kinds::one_of(kinds), "minItems": 1, "maxItems": EVENTS.len() });
    let mut url = line(1, LONGEST_URL);
    url["description"] = "http://… or https://…".into();
    object(
        required,
        [
            ("url", or_null(&url)),
            ("events", or_null(&events)),
            (
                "secret",
                described(or_null(&line(SHORTEST_SECRET, LONGEST_SECRET)), "made, and told once, where it is missing"),
            ),
        ],
    )
}

/// A token of a program, or of a guest in a browser.
fn token() -> Value {
    let scopes = json!({ "type": "array", "items": kinds::one_of(Right::ALL.map(Right::word)), "minItems": 1 });
    let number = json!({ "type": "string", "pattern": "^[A-Za-z0-9_.+*# -]{1,64}$" });
    let numbers = json!({ "type": "array", "items": number, "minItems": 1, "maxItems": MAX_GUEST_NUMBERS });
    json!({ "oneOf": [
        object(
            &["name", "scopes"],
            [("name", kinds::label()), ("scopes", scopes), ("days", or_null(&from_one(people::MOST_DAYS.into())))],
        ),
        object(
            &["kind", "numbers"],
            [
                ("kind", json!({ "const": "browser" })),
                ("numbers", numbers),
                ("name", or_null(&line(1, token::MAX_NAME))),
                ("expires", or_null(&from_one(token::MOST.as_secs()))),
                ("calls", or_null(&from_one(token::MOST_CALLS.into()))),
            ],
        ),
    ] })
}

fn endpoints() -> Value {
    let mut one = object(
        &["user", "password"],
        [
            ("user", kinds::endpoint()),
            ("password", kinds::endpoint_password()),
            ("number", or_null(&kinds::number())),
            ("digest", or_null(&kinds::one_of(["md5", "sha-256", "sha-256,md5"]))),
        ],
    );
    for (name, kind) in kinds::endpoint_settings() {
        one["properties"][name] = kind;
    }
    object(&["endpoints"], [("endpoints", json!({ "type": "array", "items": one }))])
}
