//! `store`: values that stay when a call ends, per service or for all of them.
//!
//! `{do: "get" | "set" | "incr" | "del", key, value?, by?, ttl_ms?}`. A key that begins with `shared:` is everybody's, each
//! other one the service's own. `get` and `set` give the value, `incr` the new number, `del` whether there was anything;
//! what is not there is `null`, and setting `null` is deleting.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;
use tracing::warn;

use super::{Misasked, read};
use crate::{
    problem::chain,
    store::{
        Store,
        shelf::{Bounds, Change, KeepError, Order},
    },
};

/// What one service may keep. Values are for counters and small facts; more belongs into a database of its own.
const BOUNDS: Bounds = Bounds { entries: 10_000, bytes: 16 << 20 };

/// The longest key.
const LONGEST_KEY: usize = 200;

/// The largest value, as JSON.
const LARGEST_VALUE: usize = 64 << 10;

/// The longest time that a value may be given; beyond it somebody mistook the unit.
const LONGEST_TTL: Duration = Duration::from_secs(10 * 366 * 86_400);

/// What a key begins with that belongs to all services.
const SHARED: &str = "shared:";

/// The values of scripts.
pub(super) struct Values(Store);

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    r#do: Deed,
    key: String,
    #[serde(default)]
    value: Value,
    by: Option<i64>,
    ttl_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deed {
    Get,
    Set,
    Incr,
    Del,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    #[error(transparent)]
    Misasked(#[from] Misasked),
    #[error("a key has 1 to {LONGEST_KEY} bytes and no control characters")]
    Key,
    #[error("the value at {key:?} has {bytes} bytes as JSON, and {LARGEST_VALUE} are the most")]
    Large { key: String, bytes: usize },
    #[error("ttl is from 1 ms to ten years")]
    Ttl,
    #[error(transparent)]
    Refused(#[from] KeepError),
    #[error("what was kept at {key:?} is damaged; set it again")]
    Damaged {
        key: String,
        #[source]
        source: serde_json::Error,
    },
}

impl Values {
    pub(super) fn new(store: Store) -> Self {
        Self(store)
    }

    pub(super) async fn answer(&self, service: &str, ask: &str, now: SystemTime) -> Result<Value, NotKept> {
        let ask: Ask = read(ask)?;
        let (owner, name) = match ask.key.strip_prefix(SHARED) {
            Some(name) => (SHARED, name),
            None => (service, ask.key.as_str()),
        };
        if name.is_empty() || name.len() > LONGEST_KEY || name.chars().any(char::is_control) {
            return Err(NotKept::Key);
        }
        let lasts = ask.ttl_ms.map(Duration::from_millis);
        if lasts.is_some_and(|lasts| lasts.is_zero() || lasts > LONGEST_TTL) {
            return Err(NotKept::Ttl);
        }
        let change = match ask.r#do {
            Deed::Get => {
                let found = self.0.shelved(owner, name, now).await.map_err(KeepError::from)?;
                return value(found, &ask.key);
            }
            Deed::Set if ask.value.is_null() => Change::Remove,
            Deed::Set => Change::Put(text(&ask)?),
            Deed::Incr => Change::Add(ask.by.unwrap_or(1)),
            Deed::Del => Change::Remove,
        };
        let removed = change == Change::Remove;
        let told = self.0.shelve(Order { owner, name, change, lasts }, BOUNDS, now).await?;
        match (removed, ask.r#do) {
            (true, Deed::Del) => Ok(told.is_some().into()),
            (true, _) => Ok(Value::Null),
            (false, _) => value(told, &ask.key),
        }
    }

    /// Takes away what has lapsed. A store that is away keeps it until the next time.
    pub(super) async fn sweep(&self, now: SystemTime) {
        if let Err(error) = self.0.sweep_shelf(now).await {
            warn!(why = chain(&error), "values of scripts that have lapsed are not swept");
        }
    }
}

fn text(ask: &Ask) -> Result<String, NotKept> {
    let text = ask.value.to_string();
    match text.len() {
        bytes if bytes > LARGEST_VALUE => Err(NotKept::Large { key: ask.key.clone(), bytes }),
        _ => Ok(text),
    }
}

fn value(found: Option<String>, key: &str) -> Result<Value, NotKept> {
    let read = |text: String| serde_json::from_str(&text);
    found.map_or(Ok(Value::Null), read).map_err(|source| NotKept::Damaged { key: key.into(), source })
}
