//! What the shards of one runtime have in common, and how they pass each other what is not theirs.
//!
//! A call lives on the shard that the hash of its Call-ID names, so that INVITE, ACK, CANCEL and BYE meet wherever they
//! came in. With one shard nothing is ever passed.

use std::hash::{BuildHasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;

use memchr::memchr;
use patchcord_sip::hop::{FlowId, Transport};

use super::address::Addresses;
use super::clock;
use super::entrance::Entrance;
use super::settings::{Listen, Settings};
use super::stats::Counters;
use super::transport::flows::{Crowded, Flow, Flows};
use super::transport::tls::Tls;
use crate::redact::Redacted;
use crate::seldom::Seldom;

/// What the shards have in common.
pub(crate) struct Shared {
    pub settings: Settings,
    /// The listeners, now that their ports are known.
    pub bound: Vec<Listen>,
    pub addresses: Addresses,
    pub flows: Flows,
    pub tls: Tls,
    /// One for each shard.
    pub entrances: Vec<Entrance>,
    pub counters: Vec<Arc<Counters>>,
    /// A source that is turned away is worth a line in the log, and a flood of it is worth no more.
    turned_away: Seldom,
    /// Seeded anew at each start, so that nobody can aim all calls at one shard.
    spread: Spread,
}

impl Shared {
    pub fn new(settings: Settings, bound: Vec<Listen>, tls: Tls, entrances: Vec<Entrance>, start: u32) -> Self {
        let addresses = Addresses::new(settings.advertise.clone(), settings.local.clone(), bound.clone());
        let flows = Flows::new(settings.limits.clone(), start);
        let counters = entrances.iter().map(|_| Arc::default()).collect();
        let spread = Spread { shards: entrances.len(), keys: RandomState::new() };
        Self { settings, bound, addresses, flows, tls, entrances, counters, turned_away: Seldom::default(), spread }
    }

    /// Takes in a connection that a peer made. Neighbours have a limit of their own: a proxy in front of us brings the
    /// phones of a whole town from one address.
    pub fn accept(&self, transport: Transport, peer: SocketAddr) -> Result<Arc<Flow>, Crowded> {
        let accepted = self.flows.accept(transport, peer, self.addresses.is_local(peer.ip()));
        if let Err(crowded) = &accepted
            && let Some(unsaid) = self.turned_away.say(clock::now())
        {
            tracing::warn!(peer = %Redacted(peer.ip()), why = %crowded, unsaid, "connection turned away");
        }
        accepted
    }

    /// Who spreads the calls over the shards.
    pub fn spread(&self) -> &Spread {
        &self.spread
    }

    /// Tells every shard that a connection has closed.
    pub async fn closed(&self, flow: FlowId) {
        for entrance in &self.entrances {
            // A shard that has ended has nobody left who would want to know.
            let _ended = entrance.closings.send(flow).await;
        }
    }
}

/// Which call lives where.
pub(crate) struct Spread {
    shards: usize,
    keys: RandomState,
}

impl Spread {
    /// Whether every call lives on the only shard.
    pub fn is_single(&self) -> bool {
        self.shards <= 1
    }

    /// The shard of a message; `None` for one without Call-ID, which whoever reads it may refuse.
    pub fn owner_of(&self, message: &[u8]) -> Option<usize> {
        call_id(message).map(|call_id| self.shard_of(call_id))
    }

    /// The shard of a Call-ID.
    pub fn shard_of(&self, call_id: &[u8]) -> usize {
        if self.is_single() {
            return 0;
        }
        (self.keys.hash_one(call_id) % self.shards as u64) as usize
    }
}

/// The Call-ID as it stands in the message: only good for telling messages apart, for nobody has checked it.
fn call_id(message: &[u8]) -> Option<&[u8]> {
    let mut rest = message;
    while let Some(end) = memchr(b'\n', rest) {
        let line = &rest[..end];
        rest = &rest[end + 1..];
        if line.is_empty() || line == b"\r" {
            // Line ends before the start line are allowed; the first real empty line ends the head.
            if rest.len() + 2 < message.len() && !message[..message.len() - rest.len()].trim_ascii().is_empty() {
                return None;
            }
            continue;
        }
        let Some(colon) = memchr(b':', line) else { continue };
        let name = line[..colon].trim_ascii();
        if name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i") {
            return Some(line[colon + 1..].trim_ascii()).filter(|value| !value.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_id_is_found_in_every_spelling() {
        for head in ["Call-ID: abc@d", "CALL-id :abc@d", "i:abc@d  ", "i : abc@d"] {
            let message = format!("\r\nINVITE sip:a SIP/2.0\r\nTo: <sip:i:b@c>\r\n{head}\r\nCSeq: 1 INVITE\r\n\r\n");
            assert_eq!(call_id(message.as_bytes()), Some(&b"abc@d"[..]), "{head}");
        }
    }

    #[test]
    fn a_call_id_in_the_body_or_none_at_all_is_none() {
        assert_eq!(call_id(b"INVITE sip:a SIP/2.0\r\nTo: <sip:b>\r\n\r\nCall-ID: abc\r\n"), None);
        assert_eq!(call_id(b"INVITE sip:a SIP/2.0\r\nCall-ID:\r\n\r\n"), None);
        assert_eq!(call_id(b"\r\n\r\n"), None);
        assert_eq!(call_id(b""), None);
    }

    #[test]
    fn the_same_call_always_lives_on_the_same_shard_and_calls_spread() {
        let spread = Spread { shards: 4, keys: RandomState::new() };
        let mut calls = [0; 4];
        for number in 0..400 {
            let call_id = format!("{number}@host");
            assert_eq!(spread.shard_of(call_id.as_bytes()), spread.shard_of(call_id.as_bytes()));
            calls[spread.shard_of(call_id.as_bytes())] += 1;
        }
        // Forty-one of four hundred in one shard of four would be eight deviations away from a hundred.
        assert!(calls.into_iter().all(|calls| calls > 40), "{calls:?}");
    }
}
