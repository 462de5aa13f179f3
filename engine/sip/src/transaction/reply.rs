//! Which way an answer goes, and answers that are given without a transaction.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use super::news::{Output, Sender};
use crate::hop::{Hop, Transport};
use crate::message::{Draft, Name, Request, Via};

/// How long a refused client should stay away: the time in which a table full of finished requests loses a third.
const RETRY_AFTER_SECONDS: u32 = 10;

/// The way an answer takes (RFC 3261 §18.2.2, RFC 3581).
#[derive(Clone, Copy, Debug)]
pub(super) struct WayBack {
    /// How the request came.
    pub came_by: Hop,
    /// The group of listeners that its sender named.
    group: Option<IpAddr>,
    /// The port that its sender listens on; `None`: the one it came from, or no other connection.
    port: Option<u16>,
}

impl WayBack {
    pub fn of(via: &Via<'_>, came_by: Hop) -> Self {
        let port = via.port().unwrap_or(came_by.transport.default_port());
        let (group, port) = match came_by.transport {
            Transport::Tcp | Transport::Tls => (None, Some(port)),
            // A browser listens nowhere.
            Transport::Ws | Transport::Wss => (None, None),
            Transport::Udp => {
                // RFC 3261 §18.2.2 has an answer go to any `maddr`. A stranger could have us send to any host that way,
                // more than he sends us, so it is believed for what it was made for: groups of listeners.
                // Whoever knows of no group of ours has none of his own.
                let to_group = came_by.local.ip().is_multicast();
                let group = via.maddr().and_then(address).filter(|ip| to_group && ip.is_multicast());
                (group, (group.is_some() || via.rport().is_none()).then_some(port))
            }
        };
        Self { came_by, group, port }
    }

    /// Back to where it came from, whatever its Via says.
    pub fn to_source(came_by: Hop) -> Self {
        Self { came_by, group: None, port: None }
    }

    pub fn send(&self, bytes: Bytes, sender: Sender) -> Output {
        let from = self.came_by.peer;
        if self.came_by.transport.is_reliable() {
            let otherwise = self.port.map(|port| SocketAddr::new(from.ip(), port));
            return Output::Send { hop: self.came_by, otherwise, bytes, sender };
        }
        let peer = SocketAddr::new(self.group.unwrap_or(from.ip()), self.port.unwrap_or(from.port()));
        Output::Send { hop: Hop { peer, ..self.came_by }, otherwise: None, bytes, sender }
    }
}

/// An address, an IPv6 one with or without brackets. A name is of no use here: an answer does not wait for DNS.
fn address(text: &str) -> Option<IpAddr> {
    text.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// An answer that no transaction keeps: the same request gets the same one again.
pub(super) fn stateless(request: &Request, came_by: Hop, status: u16, tag: u64) -> Draft {
    let draft = Draft::reply(request, came_by.peer, status).to_tag(&spelled(tag));
    if status == 503 { draft.header(Name::RetryAfter, RETRY_AFTER_SECONDS) } else { draft }
}

/// A tag as it is written.
pub(super) fn spelled(tag: u64) -> String {
    format!("{tag:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hop::FlowId;

    fn sent(via: &str, transport: Transport) -> (String, Option<String>) {
        sent_to("192.0.2.1:5060", via, transport)
    }

    fn sent_to(local: &str, via: &str, transport: Transport) -> (String, Option<String>) {
        let local = local.parse().unwrap();
        let peer = "198.51.100.9:40000".parse().unwrap();
        let way = WayBack::of(&Via::parse(via).unwrap(), Hop { transport, flow: FlowId(1), local, peer });
        match way.send(Bytes::new(), Sender::Nobody) {
            Output::Send { hop, otherwise, .. } => (hop.peer.to_string(), otherwise.map(|place| place.to_string())),
            Output::Heard(_) => panic!("an answer is sent"),
        }
    }

    fn udp_peer(via: &str) -> String {
        sent(via, Transport::Udp).0
    }

    #[test]
    fn a_datagram_is_answered_at_the_port_of_its_via() {
        assert_eq!(udp_peer("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKa"), "198.51.100.9:5070");
        assert_eq!(udp_peer("SIP/2.0/UDP phone.example;branch=z9hG4bKa"), "198.51.100.9:5060");
    }

    #[test]
    fn a_datagram_that_asks_for_it_is_answered_where_it_came_from() {
        assert_eq!(udp_peer("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKa"), "198.51.100.9:40000");
    }

    #[test]
    fn a_datagram_to_a_group_may_want_its_answer_at_one_and_no_other_may() {
        let via = "SIP/2.0/UDP 10.0.0.1;rport;maddr=239.1.2.3;branch=z9hG4bKa";
        assert_eq!(sent_to("224.0.1.75:5060", via, Transport::Udp).0, "239.1.2.3:5060");
        assert_eq!(udp_peer(via), "198.51.100.9:40000");
        assert_eq!(udp_peer("SIP/2.0/UDP 10.0.0.1;maddr=a.example;branch=z9hG4bKa"), "198.51.100.9:5060");
    }

    #[test]
    fn nobody_has_a_datagram_answered_at_a_host_of_his_choice() {
        let elsewhere = "SIP/2.0/UDP 10.0.0.1:5070;rport;maddr=203.0.113.77;branch=z9hG4bKa";
        assert_eq!(udp_peer(elsewhere), "198.51.100.9:40000");
    }

    #[test]
    fn an_answer_goes_over_the_connection_of_its_request_or_else_to_the_port_of_its_via() {
        for (via, transport, otherwise) in [
            ("SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bKa", Transport::Tcp, Some("198.51.100.9:5070")),
            ("SIP/2.0/TLS 10.0.0.1;branch=z9hG4bKa", Transport::Tls, Some("198.51.100.9:5061")),
            ("SIP/2.0/WSS b.invalid;branch=z9hG4bKa", Transport::Wss, None),
        ] {
            let (peer, place) = sent(via, transport);
            assert_eq!((peer.as_str(), place.as_deref()), ("198.51.100.9:40000", otherwise));
        }
    }
}
