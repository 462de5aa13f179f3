//! What is said over the control socket. Both ends read and write these.

use patchcord_engine::routing::DamagedEndpoint;
use serde::{Deserialize, Serialize};

/// The endpoints, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// All of them.
    pub endpoints: Vec<Endpoint>,
}

/// An endpoint, without its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its name.
    pub user: String,
    /// The short number that rings it.
    pub number: Option<String>,
    /// What it is asked for to prove itself; absent: what everybody is asked for.
    pub digest: Option<String>,
    /// `file` or `database`.
    pub source: String,
    /// Whether it can be reached now.
    pub reachable: bool,
    /// Why it is left out, when it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl From<DamagedEndpoint> for Endpoint {
    fn from(damaged: DamagedEndpoint) -> Self {
        let DamagedEndpoint { user, reason } = damaged;
        Self { user, number: None, digest: None, source: "database".into(), reachable: false, fault: Some(reason) }
    }
}

/// Endpoints to be added: all of them, or none.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Additions {
    /// At least one.
    pub endpoints: Vec<Addition>,
}

/// An endpoint to be added.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The short number that rings it.
    #[serde(default)]
    pub number: Option<String>,
    /// What it is asked for to prove itself.
    #[serde(default)]
    pub digest: Option<String>,
}

/// Another password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The password.
    pub password: String,
}

/// A page of registrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrations {
    /// By endpoint.
    pub registrations: Vec<Registration>,
    /// Ask on after this endpoint; absent: this was the last page.
    pub next: Option<String>,
}

/// Where an endpoint can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Whose it is.
    pub user: String,
    /// The address, as the phone wrote it.
    pub contact: String,
    /// What the phone registered over.
    pub transport: String,
    /// Where its REGISTER came from.
    pub peer: String,
    /// Whether a call could be sent to it.
    pub reachable: bool,
    /// Seconds until it lapses.
    pub expires_s: u64,
    /// User-Agent of the phone.
    pub user_agent: Option<String>,
}
