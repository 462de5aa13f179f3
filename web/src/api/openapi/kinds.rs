//! What a value may be, as JSON schemas: patterns, lengths, bounds and words, each taken from the code that reads it.
//!
//! Whoever keeps to them may still be told that there is no such thing, or that it does not go together.

use patchcord_engine::{
    journal::{By, Fault, Outcome},
    routing::{Codec, MAX_FORWARDS, MAX_USER, RING_RANGE},
};
use serde_json::{Value, json};

use crate::{
    accounts::rules::{MAX_NUMBER, MAX_PASSWORD, MOST_CALLS},
    api::wanted,
    people::{MAX_NAME, Role, password},
};

/// Anything in one line.
const LINE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// A number that a phone can dial.
const DIALLED: &str = "^\\+?[0-9*#]+$";

/// An address of IPv4, or a network.
const IPV4: &str = "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\
                    (/([1-2]?[0-9]|3[0-2]))?$";

/// The same, with networks of /8 and narrower only.
const BANNED_IPV4: &str = "^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\\.){3}\
                           (25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(/([89]|[12][0-9]|3[0-2]))?$";

/// A day, a minute or a second in UTC, or milliseconds since 1970.
const MOMENT: &str = "^((19[7-9][0-9]|[2-9][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\
                      (T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?Z?)?|[0-9]{9,14})$";

/// A call, as its id is written.
pub fn call() -> Value {
    json!({ "type": "string", "pattern": "^[0-9a-hjkmnp-tv-z]{20}$" })
}

/// Text in one line, of so many letters at most.
pub fn line(least: usize, most: usize) -> Value {
    json!({ "type": "string", "minLength": least, "maxLength": most, "pattern": LINE })
}

/// The text of a filter.
pub fn filter() -> Value {
    line(0, wanted::LONGEST)
}

/// A whole number, from nought to that.
pub fn count(most: u64) -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": most })
}

/// A whole number, from one to that.
pub fn from_one(most: u64) -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": most })
}

/// That, or nothing, as forms send a filter that was left empty.
pub fn or_empty(kind: &Value) -> Value {
    json!({ "anyOf": [kind, { "type": "string", "enum": [""] }] })
}

/// That, or null.
pub fn or_null(kind: &Value) -> Value {
    json!({ "anyOf": [kind, { "type": "null" }] })
}

/// One of those words.
pub fn one_of(words: impl IntoIterator<Item = &'static str>) -> Value {
    json!({ "type": "string", "enum": words.into_iter().collect::<Vec<_>>() })
}

/// One of those words, or nothing.
fn word_or_empty(words: impl IntoIterator<Item = &'static str>) -> Value {
    one_of(words.into_iter().chain([""]))
}

/// What one filter of records may say.
pub fn of_records(name: &str) -> Value {
    match name {
        "outcome" => word_or_empty(Outcome::ALL.iter().map(|word| word.word())),
        "ended_by" => word_or_empty(By::ALL.iter().map(|word| word.word())),
        "fault" => word_or_empty(Fault::ALL.iter().map(|word| word.word())),
        "recorded" => word_or_empty(["yes", "no", "true", "false"]),
        "format" => word_or_empty(["csv", "json"]),
        "cause" => or_empty(&count(u16::MAX.into())),
        "min_s" | "max_s" => or_empty(&count(u32::MAX.into())),
        "mos_below" => or_empty(&json!({ "type": "number", "minimum": 1, "maximum": 5 })),
        "limit" => or_empty(&from_one(u64::MAX)),
        "from" | "to" => or_empty(&json!({ "type": "string", "pattern": MOMENT })),
        "before" => or_empty(&call()),
        _ => filter(),
    }
}

/// The name of an endpoint.
pub fn endpoint() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_.+-]+$", "minLength": 1, "maxLength": MAX_USER })
}

/// A number that somebody dials.
pub fn number() -> Value {
    json!({ "type": "string", "pattern": DIALLED, "minLength": 1, "maxLength": MAX_NUMBER })
}

/// The password of an endpoint.
pub fn endpoint_password() -> Value {
    line(1, MAX_PASSWORD)
}

/// What an endpoint has that is not as usual.
pub fn endpoint_settings() -> [(&'static str, Value); 5] {
    let target = json!({ "type": "string", "pattern": "^[A-Za-z0-9_.+-]{1,64}$" });
    let targets = json!({ "type": "array", "items": target, "maxItems": MAX_FORWARDS });
    let codecs = json!({ "type": "array", "items": one_of(Codec::names()), "minItems": 1, "uniqueItems": true });
    let forward = json!({
        "type": "object", "additionalProperties": false,
        "properties": {
            "always": targets, "busy": targets, "no_answer": targets, "unreachable": targets,
            "after_s": or_null(&from_one(RING_RANGE.end().as_secs())),
        },
    });
    [
        ("codecs", or_null(&codecs)),
        ("srtp", or_null(&one_of(["required", "offered", "off"]))),
        ("calls", or_null(&from_one(MOST_CALLS.into()))),
        ("caller_id", or_null(&number())),
        ("forward", or_null(&forward)),
    ]
}

/// The name of a person or a token.
pub fn person() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_.@-]+$", "minLength": 1, "maxLength": MAX_NAME, "not": { "enum": [".", ".."] } })
}

/// What a token is for.
pub fn label() -> Value {
    said(MAX_NAME)
}

/// Text in one line that is not blank.
pub fn said(most: usize) -> Value {
    const NOT_BLANK: &str =
        "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\s\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$";
    json!({ "type": "string", "minLength": 1, "maxLength": most, "pattern": NOT_BLANK })
}

/// The password of a person.
pub fn password() -> Value {
    json!({ "type": "string", "minLength": password::SHORTEST, "maxLength": password::LONGEST })
}

/// What a person is here.
pub fn role() -> Value {
    one_of(Role::ALL.map(Role::word))
}

/// The name of a prompt, with a language before it where one is wanted.
pub fn sound() -> Value {
    json!({ "type": "string", "pattern": "^([A-Za-z0-9_-]{1,64}/)?[A-Za-z0-9_-]{1,64}$" })
}

/// Whom somebody calls, or the name of a service: signs of ASCII that are not all blank.
pub fn target(most: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": most, "pattern": "^[ -~]*[!-~][ -~]*$" })
}

/// An address, or a network that is not wider than one may ban.
pub fn banned() -> Value {
    json!({ "anyOf": [{ "type": "string", "pattern": BANNED_IPV4 }, { "type": "string", "format": "ipv6" }] })
}

/// An address, or a network.
pub fn network() -> Value {
    json!({ "anyOf": [{ "type": "string", "pattern": IPV4 }, { "type": "string", "format": "ipv6" }] })
}
