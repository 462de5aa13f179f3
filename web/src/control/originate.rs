//! A call that somebody wants the house to begin, as it is written in JSON.

use std::time::Duration;

use patchcord_engine::originate::{NotBegun, Then, USUAL_RING, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A call that is to be begun.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCall {
    /// Who is rung: `user:alice`, a number, `sip:…`, `tel:…`.
    pub target: String,
    /// The service that goes on with whoever answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Instead of a service: who is called then, and joined with the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial: Option<String>,
    /// The number that is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_id: Option<String>,
    /// How many seconds it rings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_s: Option<u64>,
    /// What the service finds in `caller.vars`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vars: Option<Map<String, Value>>,
}

/// A call that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BegunCall {
    /// Its name among all calls, under which its record will stand.
    pub call: String,
}

impl TryFrom<NewCall> for Wanted {
    type Error = NotBegun;

    fn try_from(new: NewCall) -> Result<Self, NotBegun> {
        let then = match (new.service, new.dial) {
            (Some(service), None) => Then::Service(service),
            (None, Some(other)) => Then::Dial(other),
            _ => {
                return Err(NotBegun::Unreadable(
                    "write one of service and dial: what goes on with who answers".into(),
                ));
            }
        };
        let wanted = Self {
            caller_id: new.caller_id,
            ring: new.ring_s.map_or(USUAL_RING, Duration::from_secs),
            vars: new.vars.map(|vars| Value::Object(vars).to_string()).unwrap_or_default(),
            ..Self::new(&new.target, then)
        };
        wanted.check().map(|()| wanted)
    }
}
