//! `registrar`: where an endpoint can be reached now.
//!
//! `{user}` → `[{address, age_s, expires_s, transport, peer, reachable, user_agent}]`, the preferred one first; nobody's list is
//! empty.

use std::time::Instant;

use patchcord_engine::switchboard::Switchboard;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Misasked, read};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    user: String,
}

pub(super) fn answer(board: Option<&Switchboard>, ask: &str, now: Instant) -> Result<Value, Misasked> {
    let Ask { user } = read(ask)?;
    let held = board.map(|board| board.location.bindings(&user, now)).unwrap_or_default();
    let told = held.iter().map(|binding| {
        json!({
            "address": binding.contact,
            "age_s": now.saturating_duration_since(binding.updated).as_secs(),
            "expires_s": binding.left(now).as_secs(),
            "transport": binding.hop.transport.to_string(),
            "peer": binding.hop.peer.to_string(),
            "reachable": binding.reachable(),
            "user_agent": binding.user_agent,
        })
    });
    Ok(told.collect())
}
