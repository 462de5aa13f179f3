//! What a test asks of its service outside of any call: a request, a moment of its schedule, a phone that registers, a text.

use patchcord_engine::occasion::{Kind, Occasion};
use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};
use serde_json::{Map as Json, Value, json};

use super::failed::{met, wrong};
use super::words::Test;
use super::world::{json_of, value_of};

type Said<T> = Result<T, Box<EvalAltResult>>;

/// Teaches Rhai these words.
pub(super) fn register(engine: &mut Engine) {
    engine.register_fn("web", |context: NativeCallContext<'_>, test: &mut Test, method: &str| {
        web(&context, test, method, &Map::new())
    });
    engine.register_fn("web", |context: NativeCallContext<'_>, test: &mut Test, method: &str, options: Map| {
        web(&context, test, method, &options)
    });
    engine.register_fn("timer", |context: NativeCallContext<'_>, test: &mut Test, name: &str| -> Said<()> {
        let occasion = Occasion::new(Kind::Timer, &format!("timer {name}"), &json!(name));
        ask(&context, test, &occasion).map(drop)
    });
    engine.register_fn("register", |context: NativeCallContext<'_>, test: &mut Test, user: &str| {
        registers(&context, test, user, &Map::new())
    });
    engine.register_fn("register", |context: NativeCallContext<'_>, test: &mut Test, user: &str, options: Map| {
        registers(&context, test, user, &options)
    });
    engine.register_fn("message", |context: NativeCallContext<'_>, test: &mut Test, from: &str, text: &str| {
        message(&context, test, from, text, &Map::new())
    });
    engine.register_fn(
        "message",
        |context: NativeCallContext<'_>, test: &mut Test, from: &str, text: &str, options: Map| {
            message(&context, test, from, text, &options)
        },
    );
}

fn web(context: &NativeCallContext<'_>, test: &Test, method: &str, options: &Map) -> Said<Dynamic> {
    let mut about = json!({ "method": method, "query": {}, "headers": {}, "body": "", "who": "a test" });
    for (name, value) in options {
        let value = json_of(context, value)?;
        match (name.as_str(), value) {
            ("json", value) => about["body"] = value.to_string().into(),
            ("body", Value::String(text)) => about["body"] = text.into(),
            ("query", Value::Object(map)) => about["query"] = texts(map),
            ("headers", Value::Object(map)) => {
                about["headers"] = texts(map.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect());
            }
            (other @ ("body" | "query" | "headers"), _) => {
                return wrong(context, format!("`{other}` of web is a text, or a map of texts"));
            }
            (other, _) => return wrong(context, format!("web knows json, body, query and headers, and not {other}")),
        }
    }
    let answer = ask(context, test, &Occasion::new(Kind::Web, "a test", &about))?;
    let mut answer = answer.unwrap_or_else(|| json!({ "status": 500, "headers": {}, "body": "" }));
    let read = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
    answer["json"] = read.unwrap_or(Value::Null);
    value_of(context, answer)
}

fn texts(map: Json<String, Value>) -> Value {
    let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    map.into_iter().map(|(name, value)| (name, Value::String(text(value)))).collect::<Json<_, _>>().into()
}

fn registers(context: &NativeCallContext<'_>, test: &Test, user: &str, options: &Map) -> Said<Map> {
    let about = json!({
        "user": user, "number": null, "contact": format!("<sip:{user}@192.0.2.7>"), "user_agent": "a test",
        "transport": "udp", "address": "192.0.2.7",
    });
    let about = with(context, about, options, "register")?;
    judged(context, test, &Occasion::new(Kind::Register, user, &about))
}

fn message(context: &NativeCallContext<'_>, test: &Test, from: &str, text: &str, options: &Map) -> Said<Map> {
    let about = json!({
        "from": from, "to": test.service, "endpoint": null, "trunk": null, "name": null,
        "content_type": "text/plain", "body": text,
    });
    let about = with(context, about, options, "message")?;
    judged(context, test, &Occasion::new(Kind::Message, from, &about))
}

/// What is told, with what a test says otherwise.
fn with(context: &NativeCallContext<'_>, mut about: Value, options: &Map, word: &str) -> Said<Value> {
    for (name, value) in options {
        if about.get(name.as_str()).is_none() {
            let known: Vec<&str> = about.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            return wrong(context, format!("{word} knows {}, and not {name}", known.join(", ")));
        }
        about[name.as_str()] = json_of(context, value)?;
    }
    Ok(about)
}

/// Whether a phone was told yes.
fn judged(context: &NativeCallContext<'_>, test: &Test, occasion: &Occasion) -> Said<Map> {
    let answer = ask(context, test, occasion)?.unwrap_or_else(|| json!({ "status": 503 }));
    let status = answer["status"].as_i64().unwrap_or(500);
    let reason = answer["reason"].as_str().unwrap_or_default().to_owned();
    let accepted = (200..300).contains(&status);
    Ok(Map::from([
        ("accepted".into(), accepted.into()),
        ("status".into(), status.into()),
        ("reason".into(), reason.into()),
    ]))
}

/// What the service beside the test answers; `None` where its script failed, which the test fails by on its own.
fn ask(context: &NativeCallContext<'_>, test: &Test, occasion: &Occasion) -> Said<Option<Value>> {
    let answer = met(context, test.stage.ask(&test.service, occasion))?;
    Ok(answer.ok().and_then(|answer| serde_json::from_str(&answer).ok()))
}
