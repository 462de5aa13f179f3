//! The world outside, as a test wants it: a store in memory, letters that are kept, replies that were agreed on.
//!
//! It opens nothing. What no test has spoken of is answered with an error that says what to say.

use std::collections::BTreeMap;
use std::time::Duration;

use patchcord_engine::errand::Outside;
use serde_json::{Map, Value, json};

use super::limits;
use super::postbox::Postbox;

/// Keys that all services share begin so; others are the service's own.
const SHARED: &str = "shared:";

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Double {
    store: BTreeMap<String, Kept>,
    /// Letters, in the order in which they were sent.
    pub letters: Vec<Value>,
    /// Requests that were made, as `GET https://…`.
    pub requests: Vec<String>,
    replies: Vec<Reply>,
    /// What other nouns answer.
    given: BTreeMap<String, Result<String, String>>,
    /// Mailboxes.
    pub postbox: Postbox,
}

/// A value, and until when it is kept.
#[derive(Clone, Debug)]
struct Kept {
    value: Value,
    until: Option<Duration>,
}

/// What is replied to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// As `GET https://…`, `* https://…`, or with a star at its end; for a database, the text of the query.
    pub to: String,
    /// JSON, or why there is none.
    pub answer: Result<Value, String>,
    /// How long it takes.
    pub after: Duration,
    /// Whether it is for one request only.
    pub once: bool,
}

impl Reply {
    fn fits(&self, request: &str) -> bool {
        let fits = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
            Some(begin) => text.starts_with(begin),
            None => pattern == text,
        };
        match (self.to.strip_prefix("* "), request.split_once(' ')) {
            (Some(url), Some((_, asked))) => fits(url, asked),
            _ => fits(&self.to, request),
        }
    }
}

impl Double {
    /// Agrees on a reply. Later ones come first.
    pub fn agree(&mut self, reply: Reply) {
        self.replies.push(reply);
    }

    /// Agrees on what a noun answers that this house does not know.
    pub fn give(&mut self, noun: &str, answer: Result<String, String>) {
        self.given.insert(noun.to_owned(), answer);
    }

    /// A value of the store: of a service, or shared.
    pub fn stored(&self, service: &str, key: &str, wall: Duration) -> Option<&Value> {
        let kept = self.store.get(&place(service, key))?;
        kept.until.is_none_or(|until| wall < until).then_some(&kept.value)
    }

    /// Puts a value into the store.
    pub fn put(&mut self, service: &str, key: &str, value: Value) {
        self.store.insert(place(service, key), Kept { value, until: None });
    }

    /// Does an errand: how long it takes, and what comes of it.
    pub fn answer(&mut self, outside: &Outside, wall: Duration) -> (Duration, Result<String, String>) {
        let ask: Value = match serde_json::from_str(&outside.ask) {
            Ok(ask) => ask,
            Err(error) => return (Duration::ZERO, Err(format!("{} was asked no JSON: {error}", outside.noun))),
        };
        if let Some(given) = self.given.get(&outside.noun) {
            return (Duration::ZERO, given.clone());
        }
        let (after, answer) = match outside.noun.as_str() {
            "store" => (Duration::ZERO, self.keep(&outside.service, &ask, wall)),
            "mail" => (Duration::ZERO, self.send(ask)),
            "mailbox" => {
                (Duration::ZERO, self.postbox.answer(&ask, u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)))
            }
            "token" => {
                let lasts = ask["expires"].as_u64().unwrap_or(3600);
                let numbers: Vec<&str> =
                    ask["numbers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                let token = format!("pbt_for-{}", numbers.join("-"));
                (Duration::ZERO, Ok(json!({ "token": token, "expires": wall.as_secs() + lasts })))
            }
            "http" => self.request(&ask),
            "db" => self.reply(ask["sql"].as_str().unwrap_or_default(), "t.db"),
            noun => (Duration::ZERO, Err(format!("this test has no {noun}; say t.outside(\"{noun}\", …)"))),
        };
        (after, answer.map(|answer| answer.to_string()))
    }

    fn keep(&mut self, service: &str, ask: &Value, wall: Duration) -> Result<Value, String> {
        let key = ask["key"].as_str().ok_or("a value is stored under a key")?;
        let until = ask["ttl_ms"].as_u64().map(|ttl| wall + Duration::from_millis(ttl));
        let now = self.stored(service, key, wall).cloned();
        let place = place(service, key);
        match ask["do"].as_str() {
            Some("get") => Ok(now.unwrap_or_default()),
            Some("set") if self.store.len() >= limits::KEPT => Err("the store of a test is full".into()),
            // Nothing is what is not there.
            Some("set") if ask["value"].is_null() => {
                self.store.remove(&place);
                Ok(Value::Null)
            }
            Some("set") => {
                self.store.insert(place, Kept { value: ask["value"].clone(), until });
                Ok(ask["value"].clone())
            }
            Some("incr") => {
                let before = now.unwrap_or(json!(0)).as_i64().ok_or_else(|| format!("{key} is no number"))?;
                let value = json!(before + ask["by"].as_i64().unwrap_or(1));
                let until = until.or(self.store.get(&place).and_then(|kept| kept.until));
                self.store.insert(place, Kept { value: value.clone(), until });
                Ok(value)
            }
            Some("del") => Ok(json!(self.store.remove(&place).is_some())),
            other => Err(format!("a store gets, sets, incrs and dels, and does not {other:?}")),
        }
    }

    fn send(&mut self, letter: Value) -> Result<Value, String> {
        if self.letters.len() >= limits::KEPT {
            return Err("a test takes no more letters".into());
        }
        self.letters.push(letter);
        Ok(Value::Object(Map::new()))
    }

    fn request(&mut self, ask: &Value) -> (Duration, Result<Value, String>) {
        let method = ask["method"].as_str().unwrap_or("GET").to_ascii_uppercase();
        let request = format!("{method} {}", ask["url"].as_str().unwrap_or_default());
        if self.requests.len() < limits::KEPT {
            self.requests.push(request.clone());
        }
        let patience = ask["timeout_ms"].as_u64().map(Duration::from_millis);
        match (self.reply(&request, "t.http"), patience) {
            ((after, _), Some(patience)) if after > patience => (patience, Err("no answer came in time".into())),
            (reply, _) => reply,
        }
    }

    fn reply(&mut self, request: &str, word: &str) -> (Duration, Result<Value, String>) {
        let Some(place) = self.replies.iter().rposition(|reply| reply.fits(request)) else {
            let reply = if word == "t.db" { "gives([…])" } else { "replies(…)" };
            let what = format!("this test has no reply to {request}; say {word}(\"{request}\").{reply}");
            return (Duration::ZERO, Err(what));
        };
        let reply = self.replies[place].clone();
        if reply.once {
            self.replies.remove(place);
        }
        (reply.after, reply.answer)
    }
}

/// Where a key lies in the store.
fn place(service: &str, key: &str) -> String {
    if key.starts_with(SHARED) { key.to_owned() } else { format!("{service}/{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(double: &mut Double, noun: &str, ask: &Value, at: u64) -> Result<Value, String> {
        let outside = Outside {
            service: "ivr".into(),
            noun: noun.into(),
            ask: ask.to_string(),
            patience: Duration::from_secs(5),
        };
        let (_, answer) = double.answer(&outside, Duration::from_secs(at));
        answer.map(|answer| serde_json::from_str(&answer).expect("JSON"))
    }

    #[test]
    fn what_is_stored_with_a_time_to_live_is_gone_after_it() {
        let mut double = Double::default();
        let set = json!({ "do": "set", "key": "pin", "value": "1234", "ttl_ms": 5000 });
        assert_eq!(ask(&mut double, "store", &set, 10), Ok(json!("1234")));
        let get = json!({ "do": "get", "key": "pin" });
        assert_eq!(ask(&mut double, "store", &get, 14), Ok(json!("1234")));
        assert_eq!(ask(&mut double, "store", &get, 15), Ok(Value::Null));
        let incr = json!({ "do": "incr", "key": "calls", "by": 2 });
        assert_eq!(ask(&mut double, "store", &incr, 15), Ok(json!(2)));
        assert_eq!(ask(&mut double, "store", &incr, 16), Ok(json!(4)));
    }

    #[test]
    fn a_request_that_no_test_has_spoken_of_says_what_to_say() {
        let mut double = Double::default();
        let get = json!({ "method": "get", "url": "https://example.org/hours" });
        let refused = ask(&mut double, "http", &get, 0).expect_err("nobody answers");
        assert!(refused.contains("t.http(\"GET https://example.org/hours\")"), "{refused}");
        let answer = Ok(json!({ "status": 200, "headers": {}, "body": "open" }));
        double.agree(Reply { to: "GET https://example.org/*".into(), answer, after: Duration::ZERO, once: true });
        assert_eq!(ask(&mut double, "http", &get, 0).expect("a reply")["body"], "open");
        assert!(ask(&mut double, "http", &get, 0).is_err(), "once was agreed on");
    }
}
