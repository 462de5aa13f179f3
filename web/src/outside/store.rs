//! `store`: values that stay when a call ends, per service or for all of them.
//!
//! `{do: "get" | "set" | "incr" | "del", key, value?, by?, ttl_ms?}`. A key that begins with `shared:` is everybody's, each
//! other one the service's own. `get` and `set` give the value, `incr` the new number, `del` whether there was anything;
//! what is not there is `null`, and setting `null` is deleting.

use std::time::{Duration, SystemTime};

use patchcord_engine::asked::{self, SHARED, Unasked};
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
    #[error(transparent)]
    Unasked(#[from] Unasked),
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
        asked::key(&ask.key)?;
        let lasts = ask.ttl_ms.map(Duration::from_millis);
        asked::ttl(lasts)?;
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
    asked::value(&ask.key, &text)?;
    Ok(text)
}

fn value(found: Option<String>, key: &str) -> Result<Value, NotKept> {
    let read = |text: String| serde_json::from_str(&text);
    found.map_or(Ok(Value::Null), read).map_err(|source| NotKept::Damaged { key: key.into(), source })
}
