//! Routes as the API says them.

use std::time::UNIX_EPOCH;

use patchcord_engine::routing::{Origin, Route, Target};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    masking::told,
    people::{Asker, Right},
    routes::Kept,
};

/// Where numbers lead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoutesTold {
    /// Those of the file in its order, then those that were added, in the order of that.
    pub routes: Vec<RouteTold>,
    /// What endpoints and browsers may call without a route.
    pub shipped: Vec<ShippedTold>,
}

/// A number that is served without a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedTold {
    /// The number, or from which to which.
    pub number: String,
    /// The service that answers.
    pub service: String,
}

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteTold {
    /// Its name, when it was added; one of the configuration has none, and is changed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which numbers.
    pub number: String,
    /// For whom.
    pub from: Vec<String>,
    /// `service`, `trunks` or `endpoints`.
    pub to: String,
    /// Which.
    pub names: Vec<String>,
    /// `file` or `database`.
    pub source: String,
    /// What becomes of the numbers on the way, as it was written; of one that was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Value>,
    /// Who wrote it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_by: Option<String>,
    /// When it was added, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_ms: Option<u64>,
    /// Why it is not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindrance: Option<String>,
    /// Why whoever calls there is refused although it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl RouteTold {
    /// One that is in force, for somebody.
    pub fn of(route: &Route, asker: &Asker) -> Self {
        let (kind, names) = match &route.target {
            Target::Service(name) => ("service", vec![name]),
            Target::Trunks(names) => ("trunks", names.iter().collect()),
            Target::Endpoints(names) => ("endpoints", names.iter().collect()),
        };
        let source = if route.origin == Origin::File { "file" } else { "database" };
        Self {
            number: told(&route.number.to_string(), asker),
            from: route.from.iter().map(ToString::to_string).collect(),
            to: kind.into(),
            names: names.into_iter().map(|name| name.to_string()).collect(),
            source: source.into(),
            ..Self::default()
        }
    }

    /// One that was added, for somebody.
    pub fn of_kept(kept: &Kept, asker: &Asker) -> Self {
        let Kept { added, route } = kept;
        let sees = asker.rights.has(Right::ReadNumbers);
        let one = match route {
            Ok(route) => Self::of(route, asker),
            Err(_) => {
                let kinds = [("service", "service"), ("trunk", "trunks"), ("endpoint", "endpoints")];
                let said = kinds.into_iter().find_map(|(key, kind)| Some((kind, added.written.get(key)?)));
                let (to, names) = said.map_or(("", Vec::new()), |(kind, said)| (kind, words(Some(said))));
                let number = added.written.get("number").and_then(Value::as_str).unwrap_or_default();
                let (number, from) = (told(number, asker), words(added.written.get("from")));
                Self { number, from, to: to.into(), names, source: "database".into(), ..Self::default() }
            }
        };
        let since = added.added_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self {
            id: Some(added.id.clone()),
            rewrite: added.written.get("rewrite").filter(|rewrite| sees && !rewrite.is_null()).cloned(),
            written_by: Some(added.written_by.clone()),
            added_ms: u64::try_from(since).ok(),
            hindrance: route.as_ref().err().map(|problem| told(&problem.detail, asker)),
            ..one
        }
    }
}

/// A text, or those of a list.
fn words(said: Option<&Value>) -> Vec<String> {
    match said {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}
