//! What a browser is told of the servers that help it to be reached: STUN, and TURN with credentials that soon lapse.
//!
//! The credentials are those of coturn's REST scheme: the user name is when they lapse and for whom they are, the password is its
//! HMAC-SHA1 under a secret that only we and the TURN server know. So no secret that lasts ever reaches a browser. We ask no server
//! ourselves.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use data_encoding::BASE64;
use ring::hmac;
use serde::Serialize;

/// How long credentials are good: longer than a working day of one page, and useless to whoever finds them the day after.
pub const LASTS: Duration = Duration::from_secs(12 * 3600);

/// Most servers that are handed out: browsers warn beyond five and slow down.
pub const MOST: usize = 5;

/// Servers for browsers, as the configuration names them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ice {
    /// `stun:host:port`.
    pub stun: Vec<String>,
    /// `turn:host:port?transport=udp`, or `turns:`.
    pub turn: Vec<String>,
    /// What we share with the TURN servers.
    pub secret: Option<String>,
}

/// One entry of what browsers call `iceServers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Where.
    pub urls: Vec<String>,
    /// As whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// By what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl Ice {
    /// What `whom` is told now.
    pub fn servers(&self, whom: &str, now: SystemTime) -> Vec<Server> {
        let stun =
            (!self.stun.is_empty()).then(|| Server { urls: self.stun.clone(), username: None, credential: None });
        let turn = (!self.turn.is_empty()).then(|| {
            let lapses = now.duration_since(UNIX_EPOCH).unwrap_or_default() + LASTS;
            let username = self.secret.as_ref().map(|_| format!("{}:{whom}", lapses.as_secs()));
            let credential = self.secret.as_ref().zip(username.as_ref()).map(|(secret, name)| password(secret, name));
            Server { urls: self.turn.clone(), username, credential }
        });
        stun.into_iter().chain(turn).collect()
    }
}

/// A secret is not shown, also not by accident.
impl fmt::Debug for Ice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.secret.as_ref().map(|_| "…");
        f.debug_struct("Ice").field("stun", &self.stun).field("turn", &self.turn).field("secret", &secret).finish()
    }
}

fn password(secret: &str, name: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    BASE64.encode(hmac::sign(&key, name.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ice() -> Ice {
        Ice {
            stun: vec!["stun:stun.example.org".into()],
            turn: vec!["turn:turn.example.org".into()],
            secret: Some("north".into()),
        }
    }

    #[test]
    fn credentials_are_what_coturn_computes_and_lapse_within_a_day() {
        let servers = ice().servers("alice", UNIX_EPOCH + Duration::from_secs(1_000_000_000));
        assert_eq!(servers.len(), 2);
        assert_eq!(servers[0].credential, None);
        assert_eq!(servers[1].username.as_deref(), Some("1000043200:alice"));
        // printf 1000043200:alice | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(servers[1].credential.as_deref(), Some("AXfFrxqZwxAcydx4W+ZCMRsrNWc="));
    }

    #[test]
    fn nothing_is_handed_out_where_nothing_is_configured() {
        assert_eq!(Ice::default().servers("alice", UNIX_EPOCH), []);
    }

    #[test]
    fn the_secret_is_never_printed() {
        assert!(!format!("{:?}", ice()).contains("north"));
    }
}
