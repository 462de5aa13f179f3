//! Bans as the API says them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchcord_engine::bans::{Ban, shown};
use serde::{Deserialize, Serialize};

/// The bans that stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BansTold {
    /// The latest first.
    pub bans: Vec<BanTold>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BanTold {
    /// An address, or a network as `192.0.2.0/24`.
    pub network: String,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub made_by: String,
    /// When, in milliseconds since 1970.
    pub made_ms: u64,
    /// Until when, likewise; absent: until somebody lifts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ms: Option<u64>,
    /// Whether the house made it, after too many wrong passwords.
    pub automatic: bool,
}

/// A ban that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBan {
    /// An address, or a network as `192.0.2.0/24`.
    pub network: String,
    /// Why.
    pub reason: String,
    /// For how many seconds; absent: until somebody lifts it.
    #[serde(default)]
    pub for_s: Option<u64>,
}

impl From<Ban> for BanTold {
    fn from(ban: Ban) -> Self {
        let Ban { network, reason, made_by, made_at, until, automatic } = ban;
        Self {
            network: shown(network),
            reason,
            made_by,
            made_ms: millis(made_at),
            until_ms: until.map(millis),
            automatic,
        }
    }
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
