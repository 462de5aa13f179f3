//! What a route says, as the code that reads `[[route]]` takes it. That a trunk or a service is not there, no schema says.

use patchcord_engine::routing::MAX_TARGETS;
use serde_json::{Value, json};

use super::bodies::{described, object};

/// A number as people write it, a name, the beginning of either, or everything. Of expressions only those of digits are told.
const NUMBER: &str = "^(\\*|\\+\\*|/[0-9]{1,32}/|[A-Za-z0-9_.+-]{1,64}\\*?|\
                      [-.() ]*(\\+[-.() ]*)?([0-9*#][-.() ]*)+(;[^\\u0000-\\u001f]*)?)$";

/// The name of a service, a trunk or an endpoint.
const NAME: &str = "[A-Za-z0-9_.+-]{1,64}";

/// Somebody for whom a route may be, one at least.
const MOST_CALLERS: usize = 16;

/// The body of a route.
pub fn route() -> Value {
    let strangers_too = ["endpoints", "browsers", "anyone"];
    // Strangers would call out at the cost of the house.
    let mut out = leading("trunk", one_or_more(&name(), MAX_TARGETS), &strangers_too[..2]);
    // Inside nothing becomes of a number on its way.
    out["properties"]["rewrite"] = json!({ "anyOf": [rewrite_at_home(), rewrite_abroad()] });
    json!({ "oneOf": [
        leading("service", name(), &strangers_too),
        leading("endpoint", one_or_more(&name(), MAX_TARGETS), &strangers_too),
        out,
    ] })
}

fn leading(key: &'static str, target: Value, callers: &[&str]) -> Value {
    let trunk = json!({ "type": "string", "pattern": format!("^trunk:{NAME}$") });
    let caller = json!({ "anyOf": [{ "type": "string", "enum": callers }, trunk] });
    let number = json!({ "type": "string", "pattern": NUMBER, "minLength": 1, "maxLength": 64 });
    object(
        &["number", key],
        [
            ("number", described(number, "exact, a beginning as +4930*, an expression in slashes, or *")),
            ("from", described(one_or_more(&caller, MOST_CALLERS), "endpoints where it is missing")),
            (key, target),
        ],
    )
}

fn name() -> Value {
    json!({ "type": "string", "pattern": format!("^{NAME}$") })
}

fn one_or_more(kind: &Value, most: usize) -> Value {
    json!({ "anyOf": [kind, { "type": "array", "items": kind, "minItems": 1, "maxItems": most }] })
}

fn affix() -> Value {
    json!({ "type": "string", "pattern": "^(\\+[0-9*#]{0,15}|[0-9*#]{0,16})$" })
}

fn code() -> Value {
    json!({ "type": "string", "pattern": "^[1-9][0-9]{0,15}$" })
}

fn prefix() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{0,16}$" })
}

/// With a country, numbers can be written in each form.
fn rewrite_at_home() -> Value {
    let form = json!({ "type": "string", "enum": ["e164", "plain", "00", "national", "subscriber", "as-is"] });
    object(
        &["country"],
        [
            ("country", code()),
            ("area", code()),
            ("national", prefix()),
            ("international", prefix()),
            ("number", form.clone()),
            ("caller_id", form),
            ("strip", affix()),
            ("prepend", affix()),
            ("caller_strip", affix()),
            ("caller_prepend", affix()),
        ],
    )
}

/// Without one, only in those that name it.
fn rewrite_abroad() -> Value {
    let form = json!({ "type": "string", "enum": ["e164", "plain", "00", "as-is"] });
    object(
        &[],
        [
            ("national", prefix()),
            ("international", prefix()),
            ("number", form.clone()),
            ("caller_id", form),
            ("strip", affix()),
            ("prepend", affix()),
            ("caller_strip", affix()),
            ("caller_prepend", affix()),
        ],
    )
}
