//! What a test says of the world outside: replies of web servers and databases, what is stored, which letters were sent.

use std::time::Duration;

use patchcord_engine::asked;
use rhai::{Dynamic, Engine, EvalAltResult, Map, NativeCallContext};
use serde_json::{Value, json};

use super::failed::wrong;
use super::phone::time;
use super::words::Test;
use crate::simulator::{Reply, Stage};

type Said<T> = Result<T, Box<EvalAltResult>>;

/// A request whose reply is about to be agreed on.
#[derive(Clone)]
struct Asked {
    stage: Stage,
    to: String,
    of_web: bool,
}

impl Asked {
    fn answered(&self, answer: Result<Value, String>, after: Duration, once: bool) {
        self.stage.replies(Reply { to: self.to.clone(), answer, after, once });
    }
}

/// Teaches Rhai these words.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Asked>("Request");
    engine.register_fn("http", |context: NativeCallContext<'_>, test: &mut Test, to: &str| {
        let known = to.split_once(' ').filter(|(method, _)| *method == "*" || asked::method(method).is_ok());
        match known.filter(|(method, _)| !method.contains(char::is_lowercase)) {
            Some(_) => Ok(request(test, to, true)),
            None => wrong(
                &context,
                format!(
                    "{to:?} fits no request; write a method and an address, as in t.http(\"GET https://example.org/*\")"
                ),
            ),
        }
    });
    engine.register_fn("db", |test: &mut Test, to: &str| request(test, to, false));
    engine.register_fn("replies", |context: NativeCallContext<'_>, asked: &mut Asked, status: i64, body: Dynamic| {
        reply(&context, asked, status, &body, &Map::new())
    });
    engine.register_fn("replies", |context: NativeCallContext<'_>, asked: &mut Asked, status: i64| {
        reply(&context, asked, status, &Dynamic::UNIT, &Map::new())
    });
    engine.register_fn(
        "replies",
        |context: NativeCallContext<'_>, asked: &mut Asked, status: i64, body: Dynamic, options: Map| {
            reply(&context, asked, status, &body, &options)
        },
    );
    engine.register_fn("gives", |context: NativeCallContext<'_>, asked: &mut Asked, rows: Dynamic| -> Said<()> {
        let rows = json_of(&context, &rows)?;
        asked.answered(Ok(rows), Duration::ZERO, false);
        Ok(())
    });
    engine.register_fn("fails", |asked: &mut Asked, why: &str| {
        asked.answered(Err(why.to_owned()), Duration::ZERO, false);
    });
    engine.register_fn("outside", |context: NativeCallContext<'_>, test: &mut Test, noun: &str, answer: Dynamic| {
        let answer = json_of(&context, &answer)?;
        test.stage.outside(noun, Ok(answer.to_string()));
        Ok::<_, Box<EvalAltResult>>(())
    });
    engine.register_fn("store", |context: NativeCallContext<'_>, test: &mut Test, key: &str| -> Said<Dynamic> {
        let kept = test.stage.store(&test.service, key);
        kept.map_or(Ok(Dynamic::UNIT), |kept| value_of(&context, kept))
    });
    engine.register_fn("keep", |context: NativeCallContext<'_>, test: &mut Test, key: &str, value: Dynamic| {
        let value = json_of(&context, &value)?;
        test.stage.keep(&test.service, key, value);
        Ok::<_, Box<EvalAltResult>>(())
    });
    engine.register_fn("mailbox", |context: NativeCallContext<'_>, test: &mut Test, user: &str| -> Said<Dynamic> {
        value_of(&context, Value::Array(test.stage.mailbox(user)))
    });
    engine.register_fn("mailbox", |context: NativeCallContext<'_>, test: &mut Test, user: &str, options: Map| {
        mailbox(&context, test, user, &options)
    });
    engine.register_fn("letters", |context: NativeCallContext<'_>, test: &mut Test| -> Said<Dynamic> {
        value_of(&context, Value::Array(test.stage.letters()))
    });
    engine.register_fn("requests", |context: NativeCallContext<'_>, test: &mut Test| -> Said<Dynamic> {
        value_of(&context, json!(test.stage.requests()))
    });
}

/// What a mailbox is like from now on.
fn mailbox(context: &NativeCallContext<'_>, test: &Test, user: &str, options: &Map) -> Said<()> {
    for (name, value) in options {
        let text = (!value.is_unit()).then(|| value.to_string());
        match name.as_str() {
            "pin" => test.stage.set_mailbox(user, |owner| owner.pin = text),
            "mail" => test.stage.set_mailbox(user, |owner| owner.mail = text),
            "full" => test.stage.set_mailbox(user, |owner| owner.full = value.as_bool().unwrap_or(false)),
            other => return wrong(context, format!("mailbox knows pin, mail and full, and not {other}")),
        }
    }
    Ok(())
}

fn request(test: &Test, to: &str, of_web: bool) -> Asked {
    Asked { stage: test.stage.clone(), to: to.to_owned(), of_web }
}

fn reply(
    context: &NativeCallContext<'_>,
    asked: &Asked,
    status: i64,
    body: &Dynamic,
    options: &Map,
) -> Result<(), Box<EvalAltResult>> {
    if !asked.of_web {
        return wrong(context, "a database replies by gives([#{ name: \"Ann\" }])");
    }
    let (mut after, mut once, mut headers) = (Duration::ZERO, false, json!({}));
    for (name, value) in options {
        match name.as_str() {
            "after" => after = time(context, value)?,
            "once" => once = value.as_bool().unwrap_or(false),
            "headers" => headers = json_of(context, value)?,
            other => return wrong(context, format!("replies knows after, once and headers, and not {other}")),
        }
    }
    let body = match json_of(context, body)? {
        Value::Null => String::new(),
        Value::String(text) => text,
        json => json.to_string(),
    };
    asked.answered(Ok(json!({ "status": status, "headers": headers, "body": body })), after, once);
    Ok(())
}

pub(super) fn json_of(context: &NativeCallContext<'_>, value: &Dynamic) -> Said<Value> {
    let what = "this is no JSON: it may hold texts, numbers, flags, lists and maps of them";
    rhai::serde::from_dynamic(value).or_else(|_| wrong(context, what))
}

/// JSON as a value of Rhai.
pub(super) fn value_of(context: &NativeCallContext<'_>, value: Value) -> Said<Dynamic> {
    rhai::serde::to_dynamic(value).or_else(|error| wrong(context, error.to_string()))
}
