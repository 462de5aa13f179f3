//! What the world refuses before anybody answers, by the rules of the real house.

use std::time::Duration;

use patchcord_engine::asked::{self, Unasked};
use patchcord_engine::errand::Outside;
use serde_json::Value;

use super::house::House;

impl House {
    /// Why the real house would not do that errand, whatever a test says of the world.
    pub fn refuses(&self, outside: &Outside) -> Option<String> {
        let ask: Value = serde_json::from_str(&outside.ask).ok()?;
        let judged = match outside.noun.as_str() {
            "store" => stored(&ask),
            "mailbox" => self.left(&ask),
            "mail" => self.sent(&ask),
            "http" => requested(&ask),
            _ => Ok(()),
        };
        judged.err().map(|why| format!("{}: {why}", outside.noun))
    }

    fn left(&self, ask: &Value) -> Result<(), Unasked> {
        if ask["do"] != "save" {
            return Ok(());
        }
        asked::mailbox(text(ask, "user"))?;
        self.recorded(text(ask, "file"))
    }

    fn sent(&self, ask: &Value) -> Result<(), Unasked> {
        let to = texts(&ask["to"]);
        let attached = texts(&ask["attach"]);
        asked::letter(&to, text(ask, "subject"), text(ask, "text"), attached.len())?;
        attached.iter().try_for_each(|file| self.recorded(file))
    }

    /// Whether there is a recording of that name: one of this test.
    fn recorded(&self, file: &str) -> Result<(), Unasked> {
        asked::recording(file)?;
        if self.lengths.is_recorded(file) { Ok(()) } else { Err(Unasked::NoRecording(file.into())) }
    }
}

fn stored(ask: &Value) -> Result<(), Unasked> {
    let key = text(ask, "key");
    asked::key(key)?;
    asked::ttl(ask["ttl_ms"].as_u64().map(Duration::from_millis))?;
    if ask["do"] == "set" { asked::value(key, &ask["value"].to_string()) } else { Ok(()) }
}

fn requested(ask: &Value) -> Result<(), Unasked> {
    asked::address(text(ask, "url"))?;
    asked::method(ask["method"].as_str().unwrap_or("GET"))?;
    let said: Vec<(&str, &str)> = ask["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    asked::headers(said.iter().copied())?;
    let json = ask.get("json").map(|json| json.to_string().len());
    asked::body(ask["body"].as_str().map(str::len), json)
}

fn text<'a>(ask: &'a Value, name: &str) -> &'a str {
    ask[name].as_str().unwrap_or_default()
}

/// A text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
