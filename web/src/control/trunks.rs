//! Trunks as the API says them, and whether new calls are taken.

use std::time::UNIX_EPOCH;

use patchcord_engine::routing::{Standing, Trunk};
use serde::{Deserialize, Serialize};

/// The carriers of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunksTold {
    /// In the order of the file.
    pub trunks: Vec<TrunkTold>,
}

/// One of them, and how it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrunkTold {
    /// How routes name it.
    pub name: String,
    /// Its servers, in the order in which they are tried.
    pub servers: Vec<String>,
    /// Whether we register there.
    pub registers: bool,
    /// Whether we are registered there now; absent where we do not want to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<bool>,
    /// Whether it is asked by OPTIONS if it is there.
    pub asked: bool,
    /// `up`, `down` or `unknown`.
    pub standing: String,
    /// Calls now.
    pub calls: u32,
    /// Most calls at once; absent: as many as there are.
    pub most_calls: Option<u32>,
    /// What went wrong last, since the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<FailureTold>,
}

/// Something that a carrier did not do as it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureTold {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it was, in words.
    pub what: String,
}

impl TrunkTold {
    /// As it is now.
    pub fn of(trunk: &Trunk) -> Self {
        let standing = match trunk.traffic.standing() {
            Standing::Up => "up",
            Standing::Down => "down",
            Standing::Unknown => "unknown",
        };
        let last_failure = trunk.traffic.mishap().map(|mishap| {
            let since = mishap.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
            FailureTold { at_ms: u64::try_from(since).unwrap_or(u64::MAX), what: mishap.to_string() }
        });
        Self {
            name: trunk.name.to_string(),
            servers: trunk.servers.iter().map(ToString::to_string).collect(),
            registers: trunk.register.is_some(),
            registered: trunk.register.map(|_| trunk.traffic.is_registered()),
            asked: trunk.is_asked,
            standing: standing.into(),
            calls: trunk.traffic.calls.count(),
            most_calls: trunk.calls,
            last_failure,
        }
    }
}

/// Whether the server is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainTold {
    /// Whether it takes no new calls.
    pub draining: bool,
    /// Calls that go on.
    pub calls: u32,
}
