//! The world beyond the call: `store`, `http`, `db`, `mail`, `registrar`. Each word is an errand; what it brings is JSON.

use std::time::Duration;

use patchcord_engine::call::verb::{Handle, Play};
use patchcord_engine::call::{Outcome, Verb};
use rhai::{Dynamic, EvalAltResult};
use serde_json::{Map as Json, Value, json};

use super::given::Given;
use super::kind::Kind;
use super::shape::{Record, Shape, field, gives, may_be};
use super::small::{from_json, to_json};
use super::{Answer, Of, Part, Word, part};

/// How long the house's own nouns may take: a database that needs longer counts as away.
const SOON: Duration = Duration::from_secs(15);

/// How long somebody else's server may take.
const WEB: Duration = Duration::from_secs(60);

/// What is heard before a filler is: most servers have answered by then.
const NOT_YET: &str = "silence::700";

/// The longest that a word of the store may be kept.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

const TTL: &[Part] = &[part("ttl", Kind::Time, "After how long it is forgotten; never where it is missing.")];

const REQUEST: &[Part] = &[
    part("json", Kind::Json, "What is sent, as JSON."),
    part("body", Kind::Text, "What is sent, as it is."),
    part("headers", Kind::Map, "Headers, as #{ \"X-Key\": \"1\" }."),
    part("timeout", Kind::Time, "How long to wait; 10 seconds where it is missing, and at most 60."),
    part(
        "filler",
        Kind::Text,
        "A prompt that the caller hears where the answer takes longer than 700 ms, over and over.",
    ),
];

/// What a web server has answered.
const REPLY: Record = Record {
    of: "what a web server gives",
    fields: &[
        field("status", Shape::Number),
        field("headers", Shape::Map),
        field("body", Shape::Text),
        field("json", Shape::Any),
    ],
};

const TOKEN: Record =
    Record { of: "what for_browser gives", fields: &[field("token", Shape::Text), field("expires", Shape::Number)] };

/// Where a phone is registered.
const BINDING: Shape = Shape::Record(&Record {
    of: "a registration",
    fields: &[
        field("address", Shape::Text),
        field("age_s", Shape::Number),
        field("expires_s", Shape::Number),
        field("transport", Shape::Text),
        field("peer", Shape::Text),
        field("reachable", Shape::Flag),
        may_be("user_agent", &Shape::Text, "the phone does not say what it is"),
    ],
});

const KEY: Part =
    part("key", Kind::Text, "Under which name; names that begin with \"shared:\" are seen by all services.");
const URL: Part = part("url", Kind::Text, "An address that the manifest of the service allows.");

pub(super) const WORDS: &[Word] = &[
    store("get", &[KEY], &[], "Gives what is kept under a name, or ().", |given| {
        keep(given, json!({ "do": "get", "key": given.needed("key") }))
    }),
    store("set", &[KEY, part("value", Kind::Json, "What is kept.")], TTL, "Keeps a value.", |given| {
        let value = to_json(given, given.get("value").unwrap_or(&Dynamic::UNIT))?;
        keep(given, json!({ "do": "set", "key": given.needed("key"), "value": value }))
    }),
    Word {
        of: Of::Module("store"),
        name: "incr",
        takes: &[KEY, part("by", Kind::Number, "By how much; 1 where it is missing.")],
        needs: 1,
        options: TTL,
        ends: &[],
        gives: Shape::Number,
        says: "Adds to a number, which begins at 0, and gives what came of it. No count is lost between calls.",
        does: |given| {
            let by = given.get("by").and_then(|by| by.as_int().ok()).unwrap_or(1);
            keep(given, json!({ "do": "incr", "key": given.needed("key"), "by": by }))
        },
    },
    store("del", &[KEY], &[], "Forgets what is kept under a name.", |given| {
        keep(given, json!({ "do": "del", "key": given.needed("key") }))
    }),
    http("get", "Asks a web server; gives #{ status, headers, body, json }.", |given| request(given, "GET")),
    http("post", "Sends something to a web server; gives #{ status, headers, body, json }.", |given| {
        request(given, "POST")
    }),
    http("put", "The same with PUT.", |given| request(given, "PUT")),
    http("del", "The same with DELETE.", |given| request(given, "DELETE")),
    db(
        "query",
        Shape::List(&Shape::Map),
        "Asks the database that the manifest names; gives a list of rows, each a map.",
        |given| sql(given, "query"),
    ),
    db("exec", Shape::Any, "Changes it, where the manifest allows that; gives how many rows it changed.", |given| {
        sql(given, "exec")
    }),
    Word {
        of: Of::Module("mail"),
        name: "send",
        takes: &[part("to", Kind::Text, "To whom.")],
        needs: 1,
        options: &[
            part("subject", Kind::Text, "What it is about."),
            part("text", Kind::Text, "What it says."),
            part("attach", Kind::Strings, "Recordings that go with it: the `.file` of a recording, or a list."),
        ],
        ends: &[],
        gives: gives!("send", may_be("why", &Shape::Text, "the letter was sent")),
        says: "Sends a letter.",
        does: |given| {
            let letter = json!({
                "to": given.needed("to"), "subject": given.text("subject"), "text": given.text("text"),
                "attach": given.texts("attach"),
            });
            let sent = given.scene()?.outside(given, "mail", &letter, WEB)?;
            from_json(given, sent)
        },
    },
    Word {
        of: Of::Module("token"),
        name: "for_browser",
        takes: &[],
        needs: 0,
        options: &[
            part("numbers", Kind::Any, "Whom it may call: a number, or a list; the manifest names them as `guests`."),
            part("expires", Kind::Time, "How long it is good for; an hour where it is missing."),
            part("calls", Kind::Number, "How many calls at once; one where it is missing."),
            part("name", Kind::Text, "What those are shown whom it calls; \"Guest\" where it is missing."),
        ],
        ends: &[],
        gives: Shape::Record(&TOKEN),
        says: "Makes a token with which a browser may call a few numbers and nothing else; gives #{ token, expires }, the end in seconds since 1970.",
        does: |given| {
            let numbers = given.get("numbers").and_then(super::kind::texts_of);
            let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) else {
                return Err(given.wrong("token::for_browser wants `numbers`, as #{ numbers: [\"100\"] }"));
            };
            let mut ask = json!({ "numbers": numbers });
            if let Some(time) = given.time("expires", YEAR)? {
                ask["expires"] = time.as_secs().max(1).into();
            }
            if let Some(calls) = given.get("calls").and_then(|calls| calls.as_int().ok()) {
                ask["calls"] = calls.into();
            }
            if let Some(name) = given.text("name") {
                ask["name"] = name.into();
            }
            let made = given.scene()?.outside(given, "token", &ask, SOON)?;
            from_json(given, made)
        },
    },
    Word {
        of: Of::Module("registrar"),
        name: "find",
        takes: &[part("user", Kind::Text, "The name of an endpoint.")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::List(&BINDING),
        says: "Gives where an endpoint is registered now: a list, empty where it is not.",
        does: |given| {
            let found = given.scene()?.outside(given, "registrar", &json!({ "user": given.needed("user") }), SOON)?;
            from_json(given, found)
        },
    },
    Word {
        of: Of::Module("route"),
        name: "find",
        takes: &[part("target", Kind::Text, "As of dial: a number, \"user:alice\", \"forward:alice:102\" and others.")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: gives!("find", may_be("why", &Shape::Text, "it leads somewhere")),
        says: "Asks where a target would lead for this caller, and calls nobody; gives #{ status, why }: \"leads\", \"service\", \"nowhere\", or \"forbidden\".",
        does: |given| {
            let led = given.scene()?.outside(given, "route", &json!({ "target": given.needed("target") }), SOON)?;
            from_json(given, led)
        },
    },
];

const fn store(
    name: &'static str,
    takes: &'static [Part],
    options: &'static [Part],
    says: &'static str,
    does: fn(&Given<'_>) -> Answer,
) -> Word {
    Word { of: Of::Module("store"), name, takes, needs: takes.len(), options, ends: &[], gives: Shape::Any, says, does }
}

const fn http(name: &'static str, says: &'static str, does: fn(&Given<'_>) -> Answer) -> Word {
    Word {
        of: Of::Module("http"),
        name,
        takes: &[URL],
        needs: 1,
        options: REQUEST,
        ends: &[],
        gives: Shape::Record(&REPLY),
        says,
        does,
    }
}

const fn db(name: &'static str, gives: Shape, says: &'static str, does: fn(&Given<'_>) -> Answer) -> Word {
    const TAKES: &[Part] = &[
        part("sql", Kind::Text, "A statement with $1, $2 … where values go."),
        part("values", Kind::Any, "The values, a list."),
    ];
    Word { of: Of::Module("db"), name, takes: TAKES, needs: 1, options: &[], ends: &[], gives, says, does }
}

fn keep(given: &Given<'_>, mut ask: Value) -> Answer {
    // Not every word of the store has one.
    if ["set", "incr"].contains(&ask["do"].as_str().unwrap_or_default())
        && let Some(ttl) = given.time("ttl", YEAR)?
    {
        ask["ttl_ms"] = json!(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
    }
    let kept = given.scene()?.outside(given, "store", &ask, SOON)?;
    from_json(given, kept)
}

fn request(given: &Given<'_>, method: &str) -> Answer {
    let timeout = given.time("timeout", WEB)?.unwrap_or(Duration::from_secs(10));
    let mut ask = json!({ "method": method, "url": given.needed("url"), "timeout_ms": timeout.as_millis() as u64 });
    if let Some(body) = given.get("json") {
        ask["json"] = to_json(given, body)?;
    }
    if let Some(body) = given.text("body") {
        ask["body"] = body.into();
    }
    if let Some(headers) = given.map("headers") {
        let headers: Json<String, Value> =
            headers.into_iter().map(|(name, value)| (name.to_string(), value.to_string().into())).collect();
        ask["headers"] = headers.into();
    }
    let filler = given.text("filler").map(|prompt| fill(given, prompt)).transpose()?.flatten();
    let reply = given.scene()?.outside(given, "http", &ask, timeout + Duration::from_secs(1));
    if let Some(filler) = filler {
        given.scene()?.want(given, None, Verb::Stop(filler))?;
    }
    let mut reply = reply?;
    let body = reply["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    reply["json"] = body.unwrap_or(Value::Null);
    from_json(given, reply)
}

/// Begins what the caller hears meanwhile; nothing where nobody hears it, or is busy with something else.
fn fill(given: &Given<'_>, prompt: String) -> Result<Option<Handle>, Box<EvalAltResult>> {
    let scene = given.scene()?;
    let leg = scene.first.get();
    if scene.is_gone(leg) || scene.facts(leg, true)?.state != "answered" {
        return Ok(None);
    }
    let play = Play { prompts: vec![NOT_YET.into(), prompt], loops: 0, ..Play::default() };
    match scene.want(given, None, Verb::StartPlay(leg, play)) {
        Ok(Outcome::Handle(handle)) => Ok(Some(handle)),
        // Another word plays there already: that is what is heard.
        Ok(_) => Ok(None),
        Err(error) if error.is_catchable() => Ok(None),
        Err(unwound) => Err(unwound),
    }
}

fn sql(given: &Given<'_>, what: &str) -> Answer {
    let values = match given.get("values") {
        Some(values) if values.is_array() => to_json(given, values)?,
        Some(_) => return Err(given.wrong(format!("`values` of {what} wants a list, as [1, \"a\"]"))),
        None => json!([]),
    };
    let ask = json!({ "do": what, "sql": given.needed("sql"), "params": values });
    let rows = given.scene()?.outside(given, "db", &ask, SOON)?;
    from_json(given, rows)
}
