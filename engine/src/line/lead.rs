//! Which way a request inside a dialog goes.
//!
//! By the book it goes to the first route, or to the party's Contact. Behind a NAT, or on the far side of a connection that
//! only the party could open, the Contact names a place that nobody reaches; then it goes where the party's messages come
//! from.

use std::net::IpAddr;

use patchcord_sip::dialog::Dialog;
use patchcord_sip::hop::{Hop, Transport};
use patchcord_sip::uri::Uri;

/// Which way a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// As the call was opened: whoever made the line knows the way.
    Opening,
    /// Where the party's messages come from. When that connection has closed, [`Line::address`](super::Line::address) is
    /// the best there is.
    Hop(Hop),
    /// Wherever this address leads.
    Uri(String),
}

/// The way to the other side of a dialog whose last message came by `hop`.
pub(super) fn of(dialog: &Dialog, hop: Option<&Hop>) -> Lead {
    let address = dialog.next_hop();
    let by_book = || Lead::Uri(address.to_owned());
    // A first route is a proxy, which says where it can be reached.
    match hop {
        Some(hop) if address == dialog.target() && !is_reachable(address, hop) => Lead::Hop(*hop),
        _ => by_book(),
    }
}

/// Whether the Contact is worth a try, given where the party's messages come from.
fn is_reachable(contact: &str, hop: &Hop) -> bool {
    let Ok(uri) = Uri::parse(contact) else { return false };
    let of_streams = hop.transport.is_reliable();
    if matches!(hop.transport, Transport::Ws | Transport::Wss) {
        return false;
    }
    match uri.address() {
        // The same machine: over a connection it is the one there is; another port by UDP is where it listens.
        Some(ip) if ip == hop.peer.ip() => {
            !of_streams && uri.port().unwrap_or(hop.transport.default_port()) != hop.peer.port()
        }
        Some(ip) => !is_inner(ip),
        None => !of_streams && !uri.host().is_some_and(|host| host.to_ascii_lowercase().ends_with(".invalid")),
    }
}

/// Addresses that mean something else outside of their network.
fn is_inner(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            // 100.64.0.0/10 stands between a carrier and its customers (RFC 6598).
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || ip.is_unspecified()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use patchcord_sip::hop::FlowId;

    fn hop(transport: Transport, peer: &str) -> Hop {
        let local = "192.0.2.1:5060".parse().expect("an address");
        Hop { transport, flow: FlowId(1), local, peer: peer.parse().expect("an address") }
    }

    #[test]
    fn a_contact_is_tried_where_somebody_may_be_reached_by_it() {
        for (contact, transport, peer, tried) in [
            ("sip:a@198.51.100.7:5060", Transport::Udp, "198.51.100.7:5060", false),
            ("sip:a@198.51.100.7", Transport::Udp, "198.51.100.7:5060", false),
            ("sip:a@198.51.100.7:5070", Transport::Udp, "198.51.100.7:5060", true),
            ("sip:a@198.51.100.7:5070", Transport::Tcp, "198.51.100.7:41000", false),
            ("sip:a@10.0.0.7:5060", Transport::Udp, "198.51.100.7:1025", false),
            ("sip:a@192.168.1.2", Transport::Udp, "10.0.0.1:1025", false),
            ("sip:a@198.51.100.8:5060", Transport::Udp, "198.51.100.7:5060", true),
            ("sip:a@phone.example.org", Transport::Udp, "198.51.100.7:5060", true),
            ("sip:a@phone.example.org", Transport::Tls, "198.51.100.7:41000", false),
            ("sip:x@abc.invalid;transport=ws", Transport::Wss, "198.51.100.7:41000", false),
            ("sip:x@[fd00::1]", Transport::Udp, "[2001:db8::1]:5060", false),
            ("no address", Transport::Udp, "198.51.100.7:5060", false),
        ] {
            assert_eq!(is_reachable(contact, &hop(transport, peer)), tried, "{contact} from {peer}");
        }
    }
}
