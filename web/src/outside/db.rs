//! `db`: the database that a service's manifest names.
//!
//! `{do: "query" | "exec", sql, params?}` → rows `[{column: value}]`, or `{changed}`. Values go in apart from the text, as `$1`,
//! `$2` …; what may only be read is opened for reading. Each service has connections of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Misasked, read, rules::Database};
use crate::store::foreign::{Foreign, ForeignError, Terms};

/// How much of an answer a script gets: what it reads aloud is less.
const TERMS: Terms = Terms { rows: 1_000, bytes: 1 << 20 };

/// Databases that are open. There are about as many as services.
const MOST_OPEN: usize = 256;

/// The databases of the services.
#[derive(Default)]
pub(super) struct Databases(Mutex<HashMap<String, (Database, Arc<Foreign>)>>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    r#do: Deed,
    sql: String,
    #[serde(default)]
    params: Vec<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deed {
    Query,
    Exec,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRows {
    #[error(transparent)]
    Misasked(#[from] Misasked),
    #[error("this service has no database: its manifest names none; write its url under [database] there")]
    NoDatabase,
    #[error("{MOST_OPEN} services have their databases open already")]
    Full,
    #[error(transparent)]
    Foreign(#[from] ForeignError),
}

impl Databases {
    pub(super) async fn answer(&self, service: &str, rule: Option<Database>, ask: &str) -> Result<Value, NoRows> {
        let Ask { r#do, sql, params } = read(ask)?;
        let database = self.open(service, rule.ok_or(NoRows::NoDatabase)?)?;
        let answer = match r#do {
            Deed::Query => database.query(&sql, &params, TERMS).await.map(Value::Array),
            Deed::Exec => database.exec(&sql, &params).await.map(|changed| json!({ "changed": changed })),
        };
        if let Err(ForeignError::Away(_)) = &answer {
            // Its password may have been corrected: the next one begins anew.
            self.forget(service);
        }
        Ok(answer?)
    }

    fn open(&self, service: &str, rule: Database) -> Result<Arc<Foreign>, NoRows> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, database)) = open.get(service).filter(|(known, _)| known.is_same(&rule)) {
            return Ok(database.clone());
        }
        if open.len() >= MOST_OPEN && !open.contains_key(service) {
            return Err(NoRows::Full);
        }
        let database = Arc::new(Foreign::at(&rule.place, rule.may_write));
        // Whoever still asks the old one has its answer; then it closes by itself.
        open.insert(service.into(), (rule, database.clone()));
        Ok(database)
    }

    fn forget(&self, service: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(service);
    }
}
