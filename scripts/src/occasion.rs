//! What a script is asked outside of any call, and what its handler gives back as an answer.
//!
//! ```text
//! on_web(req)          a text, (), a status, or #{ status, headers, body, json }
//! on_register(reg)     () or true: yes; false, a status or #{ status, reason }: no
//! on_message((), msg)  the same: whether the text was taken
//! on_timer(name)       nobody listens
//! ```
//!
//! What is none of these is a fault of the script, told with the line of its handler.

use std::rc::Rc;

use patchcord_engine::occasion::{Kind, Occasion};
use rhai::{Dynamic, EvalAltResult, Map, Position};
use serde_json::{Value, json};

use crate::check::near;
use crate::host::Compiled;
use crate::scene::Scene;
use crate::words::shape::Shape;
use crate::words::small;

/// What a map that answers a request may have.
const WEB_PARTS: [&str; 4] = ["status", "headers", "body", "json"];

/// Headers that a service may set: nothing that changes what else a browser keeps of this house.
const HEADERS: [&str; 9] = [
    "content-type",
    "content-language",
    "content-disposition",
    "location",
    "cache-control",
    "retry-after",
    "allow",
    "etag",
    "last-modified",
];

type Said<T> = Result<T, Box<EvalAltResult>>;

/// Runs the handler, and says its answer.
pub(crate) fn answer(text: &Rc<Compiled>, scene: &Rc<Scene>, occasion: &Occasion) -> Said<Dynamic> {
    let handler = occasion.kind.handler();
    let at = text.position(handler);
    let mut about: Value = serde_json::from_str(&occasion.about).unwrap_or_default();
    if occasion.kind == Kind::Web {
        let read = about["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
        about["json"] = read.unwrap_or(Value::Null);
    }
    let told: Dynamic = rhai::serde::to_dynamic(about)?;
    let values = if occasion.kind == Kind::Message { vec![Dynamic::UNIT, told] } else { vec![told] };
    if !text.has(handler, values.len()) {
        let what = format!("{handler} would be given {} values and takes another number of them", values.len());
        return Err(wrong(at, what));
    }
    let given = crate::script::run(text, handler, values)?;
    let answer = match occasion.kind {
        Kind::Timer => Value::Null,
        Kind::Web => of_web(&given).map_err(|what| wrong(at, what))?,
        Kind::Register | Kind::Message => verdict(handler, &given).map_err(|what| wrong(at, what))?,
    };
    scene.reply(answer.to_string())?;
    Ok(Dynamic::UNIT)
}

fn wrong(at: Position, what: String) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(what.into(), at).into()
}

/// An answer to a request.
fn of_web(given: &Dynamic) -> Result<Value, String> {
    if given.is_unit() {
        return Ok(json!({ "status": 204, "headers": {}, "body": "" }));
    }
    if let Ok(status) = given.as_int() {
        return Ok(json!({ "status": status_of("on_web", status, 200..600)?, "headers": {}, "body": "" }));
    }
    if let Ok(text) = given.as_immutable_string_ref() {
        let headers = json!({ "content-type": "text/plain; charset=utf-8" });
        return Ok(json!({ "status": 200, "headers": headers, "body": text.as_str() }));
    }
    let Some(map) = given.read_lock::<Map>() else {
        let what = "on_web gives back a text, a status, () or a map with some of";
        return Err(format!("{what} {}; this gave {}", WEB_PARTS.join(", "), Shape::of(given).named()));
    };
    if let Some(other) = map.keys().find(|key| !WEB_PARTS.contains(&key.as_str())) {
        let all = WEB_PARTS.join(", ");
        return Err(format!(
            "on_web gave a map with `{other}`, and an answer has {all}; write #{{ json: … }} to answer with a map"
        ));
    }
    let status = match map.get("status") {
        Some(status) => {
            status_of("on_web", status.as_int().map_err(|_| "a `status` is a number".to_owned())?, 200..600)?
        }
        None => 200,
    };
    let mut headers = serde_json::Map::new();
    let body = match (map.get("json"), map.get("body")) {
        (Some(_), Some(_)) => return Err("an answer has one of `json` and `body`".into()),
        (Some(value), None) => {
            headers.insert("content-type".into(), "application/json".into());
            small::json_of(value)
                .map_err(|other| format!("`json` has {other} in it, which is not {}", small::KNOWN))?
                .to_string()
        }
        (None, Some(body)) => {
            headers.insert("content-type".into(), "text/plain; charset=utf-8".into());
            body.to_string()
        }
        (None, None) => String::new(),
    };
    if let Some(said) = map.get("headers") {
        let said = said.read_lock::<Map>().ok_or("`headers` is a map, as #{ \"X-Key\": \"1\" }")?;
        for (name, value) in said.iter() {
            let name = name.to_ascii_lowercase();
            if !HEADERS.contains(&name.as_str()) && !name.starts_with("x-") {
                return Err(format!("an answer may not set {name}; it may set {} and x-…", HEADERS.join(", ")));
            }
            headers.insert(name, one_line(&value.to_string())?.into());
        }
    }
    Ok(json!({ "status": status, "headers": headers, "body": body }))
}

/// Parts of an answer to a phone.
const VERDICT: [&str; 2] = ["status", "reason"];

/// What a phone is told: yes, or why not.
fn verdict(handler: &str, given: &Dynamic) -> Result<Value, String> {
    if given.is_unit() || given.as_bool() == Ok(true) {
        return Ok(json!({ "status": 200 }));
    }
    if given.as_bool() == Ok(false) {
        return Ok(json!({ "status": 403 }));
    }
    if let Ok(status) = given.as_int() {
        return Ok(json!({ "status": status_of(handler, status, 400..700)? }));
    }
    let how = "gives back true, false, a status from 400 on, or #{ status: 403, reason: \"…\" }";
    let Some(map) = given.read_lock::<Map>() else {
        return Err(format!("{handler} {how}; this gave {}", Shape::of(given).named()));
    };
    if let Some(other) = map.keys().find(|key| !VERDICT.contains(&key.as_str())) {
        let near = near(other, VERDICT.into_iter());
        let hint = near
            .map_or_else(|| format!("an answer has {}", VERDICT.join(" and ")), |near| format!("is `{near}` meant?"));
        return Err(format!("{handler} gave a map with `{other}`; {hint}"));
    }
    let status = map.get("status").and_then(|status| status.as_int().ok());
    let status = status_of(handler, status.ok_or_else(|| format!("{handler} {how}"))?, 400..700)?;
    match map.get("reason") {
        Some(reason) => Ok(json!({ "status": status, "reason": one_line(&reason.to_string())? })),
        None => Ok(json!({ "status": status })),
    }
}

fn status_of(handler: &str, status: i64, within: std::ops::Range<i64>) -> Result<i64, String> {
    let (least, most) = (within.start, within.end - 1);
    if within.contains(&status) {
        Ok(status)
    } else {
        Err(format!("{handler} may answer {least} to {most}, not {status}"))
    }
}

fn one_line(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) || text.len() > 1024 {
        true => Err(format!("{:?} is no line of at most 1024 letters", text.get(..32).unwrap_or(text))),
        false => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(script: &str) -> Dynamic {
        rhai::Engine::new().eval(script).expect("a value")
    }

    #[test]
    fn a_request_is_answered_by_whatever_reads_like_an_answer() {
        let said = |script: &str| of_web(&value(script)).map(|answer| answer.to_string());
        assert_eq!(said("()").as_deref(), Ok(r#"{"body":"","headers":{},"status":204}"#));
        assert_eq!(said("404").as_deref(), Ok(r#"{"body":"","headers":{},"status":404}"#));
        assert!(said("\"hello\"").is_ok_and(|said| said.contains("hello") && said.contains("text/plain")));
        let map = said("#{ status: 201, json: #{ a: 1 }, headers: #{ \"X-Key\": 5 } }").expect("an answer");
        assert!(
            map.contains(r#""body":"{\"a\":1}""#) && map.contains(r#""x-key":"5""#) && map.contains("201"),
            "{map}"
        );
        for (wrong, why) in [
            ("1.5", "this gave a number with a point"),
            ("#{ stats: 1 }", "a map with `stats`"),
            ("99", "may answer 200 to 599"),
            ("#{ headers: #{ \"Set-Cookie\": \"a=b\" } }", "may not set set-cookie"),
            ("#{ headers: #{ \"X-A\": \"b\\r\\nc: d\" } }", "is no line"),
            ("#{ body: \"a\", json: 1 }", "one of `json` and `body`"),
        ] {
            let told = said(wrong).expect_err(wrong);
            assert!(told.contains(why), "{wrong}: {told}");
        }
    }

    #[test]
    fn a_phone_is_told_yes_or_a_status() {
        let said = |script: &str| verdict("on_register", &value(script)).map(|answer| answer.to_string());
        assert_eq!(said("()"), Ok(r#"{"status":200}"#.into()));
        assert_eq!(said("true"), Ok(r#"{"status":200}"#.into()));
        assert_eq!(said("false"), Ok(r#"{"status":403}"#.into()));
        assert_eq!(said("480"), Ok(r#"{"status":480}"#.into()));
        assert_eq!(
            said("#{ status: 403, reason: \"Not Today\" }"),
            Ok(r#"{"reason":"Not Today","status":403}"#.into())
        );
        let told = said("#{ status: 403, raeson: \"x\" }");
        assert_eq!(told, Err("on_register gave a map with `raeson`; is `reason` meant?".into()));
        let told = said("#{ status: 403, retry: 5 }");
        assert_eq!(told, Err("on_register gave a map with `retry`; an answer has status and reason".into()));
        for wrong in ["200", "\"no\"", "#{ reason: \"x\" }", "#{ status: 403, reason: \"a\\nb\" }"] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
    }
}
