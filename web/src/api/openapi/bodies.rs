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
        ("post", "/api/v1/webhooks/receivers") => {
            let [url, events, secret] = receiver_fields();
            object(&["url"], [url, (events.0, or_null(&events.1)), (secret.0, or_null(&secret.1))])
        }
        ("put", "/api/v1/webhooks/receivers/{id}") => one_at_least(receiver_fields()),
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
        ("put", "/api/v1/users/{user}") => one_at_least([
            ("password", kinds::password()),
            ("role", kinds::role()),
            ("endpoint", kinds::or_empty(&kinds::endpoint())),
        ]),
        ("post", "/api/v1/sounds/{name}/restore") => object(&["version_ms"], [("version_ms", count(u64::MAX))]),
        ("post", "/api/v1/bans") => object(
            &["network", "reason"],
            [
                ("network", kinds::banned()),
                ("reason", kinds::said(MAX_REASON)),
                ("for_s", or_null(&from_one(bans::LONGEST_S))),
            ],
        ),
        ("post", "/api/v1/calls/{call}/transfer") => object(
            &["to"],
            [
                ("to", described(kinds::target(MAX_NAME), "who is called instead: user:alice, a number, sip:…")),
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

/// An address of the web: a name or an address of IPv4, a port, a path.
const URL: &str = "^https?://[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[1-9][0-9]{0,3})?\
                   (/[A-Za-z0-9_.~/!$&()*+,;=:@-]*)?$";

/// Of these something has to be said; whatever is null is not.
fn one_at_least<const N: usize>(fields: [(&'static str, Value); N]) -> Value {
    let with = |needed: &'static str| {
        let field =
            |(name, kind): &(&'static str, Value)| (*name, if *name == needed { kind.clone() } else { or_null(kind) });
        object(&[needed], fields.each_ref().map(field))
    };
    json!({ "anyOf": fields.iter().map(|(name, _)| with(name)).collect::<Vec<_>>() })
}

/// What each deed wants beside its name; the others want nothing.
const WANTS: &[(&str, &[&str])] = &[
    ("role", &["role"]),
    ("gain", &["db"]),
    ("gate", &["db"]),
    ("hears", &["other", "db"]),
    ("move", &["room"]),
    ("merge", &["room"]),
    ("announce", &["prompts"]),
    ("invite", &["target"]),
];

fn room_order() -> Value {
    let plain = DEEDS.iter().copied().filter(|deed| WANTS.iter().all(|(wanting, _)| wanting != deed));
    let wanting = WANTS.iter().map(|(deed, wants)| deed_of(kinds::one_of([*deed]), wants, None));
    let opened = deed_of(kinds::one_of(["gate"]), &[], Some(json!({ "const": false })));
    let all = std::iter::once(deed_of(kinds::one_of(plain), &[], None)).chain(wanting).chain([opened]);
    json!({ "anyOf": all.collect::<Vec<_>>() })
}

/// A deed with what it wants; for whom it is, and whether it begins, may be said of each.
fn deed_of(deed: Value, wants: &[&'static str], on: Option<Value>) -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": rooms::LONGEST, "pattern": "^[ -~]*$" });
    let member = count(u64::MAX);
    let kind = |what: &str| match what {
        "other" => described(member.clone(), "whom the member hears otherwise"),
        "db" => json!({ "type": "integer", "minimum": i8::MIN, "maximum": i8::MAX }),
        "role" => kinds::one_of(["listener", "speaker", "moderator"]),
        "room" => json!({ "type": "string", "pattern": "^[A-Za-z0-9_.+-]{1,64}$" }),
        "prompts" => json!({ "type": "array", "items": name, "minItems": 1, "maxItems": rooms::PROMPTS }),
        _ => name.clone(),
    };
    let mut said = object(
        &["do"],
        [
            ("do", deed),
            ("member", described(or_null(&member), "everybody where it is missing")),
            ("on", on.clone().unwrap_or_else(|| json!({ "type": ["boolean", "null"] }))),
        ],
    );
    let needed = ["do"].into_iter().chain(wants.iter().copied()).chain(on.map(|_| "on"));
    said["required"] = needed.collect();
    for what in wants {
        said["properties"][*what] = kind(what);
    }
    said
}

fn origination() -> Value {
    let name = || kinds::target(MAX_NAME);
    let mut target = described(name(), "who is rung: user:alice, a number, sip:…");
    target["not"] = json!({ "pattern": "^service:" });
    let going_on = |key: &'static str, meaning: &str| {
        object(
            &["target", key],
            [
                ("target", target.clone()),
                (key, described(name(), meaning)),
                ("caller_id", described(or_null(&name()), "the number that is shown")),
                ("ring_s", or_null(&from_one(LONGEST_RING.as_secs()))),
                (
                    "vars",
                    json!({ "type": ["object", "null"], "description": "what the service finds in caller.vars; 512 bytes as JSON at most" }),
                ),
            ],
        )
    };
    json!({ "oneOf": [
        going_on("service", "what goes on with whoever answers"),
        going_on("dial", "instead of a service: who is called then, and joined with the first"),
    ] })
}

/// What is said of a receiver of webhooks; what is left out stays as it is, or is as usual.
fn receiver_fields() -> [(&'static str, Value); 3] {
    let kinds = EVENTS.into_iter().filter(|event| *event != "ping").chain([
        "call.*",
        "recording.*",
        "trunk.*",
        "registration.*",
        "room.*",
        "*",
    ]);
    let events = json!({ "type": "array", "items": kinds::one_of(kinds), "minItems": 1, "maxItems": EVENTS.len() });
    let url =
        json!({ "type": "string", "maxLength": LONGEST_URL, "pattern": URL, "description": "http://… or https://…" });
    [
        ("url", url),
        ("events", events),
        ("secret", described(line(SHORTEST_SECRET, LONGEST_SECRET), "made, and told once, where it is missing")),
    ]
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
                ("name", or_null(&kinds::said(token::MAX_NAME))),
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
    object(&["endpoints"], [("endpoints", json!({ "type": "array", "items": one, "minItems": 1 }))])
}
