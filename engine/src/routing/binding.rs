//! One binding: where one phone of an endpoint can be reached, until when, and how.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use patchcord_sip::hop::{FlowId, Hop};

use super::shelf::BindingRow;

/// Where a phone said it can be reached. A few hundred bytes, most of them the phone's own words.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The Contact's address, as the phone wrote it.
    pub contact: Box<str>,
    /// `+sip.instance`: the same phone, whatever its address.
    pub instance: Option<Box<str>>,
    /// `reg-id`: which of that phone's flows this is.
    pub reg_id: Option<u32>,
    /// Preference, 0 to 1000.
    pub q_thousandths: u16,
    /// Path to send along, the nearest proxy first.
    pub path: Box<[Box<str>]>,
    /// Call-ID of the last REGISTER for it.
    pub call_id: Box<str>,
    /// CSeq of the last REGISTER for it.
    pub cseq: u32,
    /// When it lapses.
    pub expires: Instant,
    /// When it was last refreshed.
    pub updated: Instant,
    /// What the last REGISTER came over.
    pub hop: Hop,
    /// How to reach it.
    pub reach: Reach,
    /// User-Agent of the phone.
    pub user_agent: Option<Box<str>>,
}

/// The way to a bound phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The Contact's own address.
    Contact,
    /// Where its REGISTER came from: the Contact names a place behind a NAT.
    Source,
    /// Only over the connection it registered on; the binding dies with it.
    Flow,
    /// That connection was lost with a restart of ours; the phone must come back before it can be reached.
    Lost,
}

impl Reach {
    /// Decides how a phone is reached that registered `outbound` (RFC 5626) or not, from its Contact's host and port.
    ///
    /// A datagram's source is as good a place as any, so UDP falls back to it. A connection's source is a port that
    /// nobody listens on: a Contact that names it, or one that the phone's address belies, or a phone that would
    /// need a certificate of its own, can only be reached over the connection that the phone made.
    pub fn of(host: &str, port: Option<u16>, hop: &Hop, outbound: bool) -> Self {
        let port = port.unwrap_or(hop.transport.default_port());
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let names_the_source = address == Some(hop.peer.ip().to_canonical()) && port == hop.peer.port();
        if !hop.transport.is_reliable() {
            let direct = names_the_source || (address.is_none() && !is_invalid(host));
            return if direct { Self::Contact } else { Self::Source };
        }
        let websocket = matches!(hop.transport.via_name(), "WS" | "WSS");
        let elsewhere = address.is_some_and(|ip| ip != hop.peer.ip().to_canonical()) || is_invalid(host);
        if outbound || websocket || hop.transport.is_secure() || names_the_source || elsewhere {
            Self::Flow
        } else {
            Self::Contact
        }
    }
}

/// RFC 2606 names that browsers put into a Contact because they have no address.
fn is_invalid(host: &str) -> bool {
    host.len() >= 7 && host[host.len() - 7..].eq_ignore_ascii_case("invalid")
}

impl Binding {
    /// Whether it still stands at `now`.
    pub fn stands(&self, now: Instant) -> bool {
        self.expires > now
    }

    /// How long it still stands.
    pub fn left(&self, now: Instant) -> Duration {
        self.expires.saturating_duration_since(now)
    }

    /// Whether a call could be sent to it: its way is not lost.
    pub fn reachable(&self) -> bool {
        self.reach != Reach::Lost
    }

    /// As the store keeps it.
    pub(super) fn to_row(&self, user: &str, now: Instant, wall: SystemTime) -> BindingRow {
        BindingRow {
            user: user.into(),
            contact: self.contact.to_string(),
            instance: self.instance.as_deref().map(Into::into),
            reg_id: self.reg_id,
            q_thousandths: self.q_thousandths,
            path: self.path.iter().map(|hop| hop.to_string()).collect(),
            call_id: self.call_id.to_string(),
            cseq: self.cseq,
            expires: wall + self.left(now),
            transport: self.hop.transport,
            local: self.hop.local,
            peer: self.hop.peer,
            flow_bound: matches!(self.reach, Reach::Flow | Reach::Lost),
            user_agent: self.user_agent.as_deref().map(Into::into),
            updated: wall.checked_sub(now.saturating_duration_since(self.updated)).unwrap_or(wall),
        }
    }

    /// As it stands after a restart; `None` when it lapsed meanwhile. No flow of before is left.
    pub(super) fn from_row(row: BindingRow, now: Instant, wall: SystemTime) -> Option<(Arc<str>, Self)> {
        let left = row.expires.duration_since(wall).ok().filter(|left| !left.is_zero())?;
        let age = wall.duration_since(row.updated).unwrap_or_default();
        let hop = Hop { transport: row.transport, flow: NO_FLOW, local: row.local, peer: row.peer };
        let reach = match row.flow_bound {
            true => Reach::Lost,
            false if !row.transport.is_reliable() => reach_of_contact(&row.contact, &hop),
            false => Reach::Contact,
        };
        let binding = Self {
            contact: row.contact.into(),
            instance: row.instance.map(Into::into),
            reg_id: row.reg_id,
            q_thousandths: row.q_thousandths,
            path: row.path.into_iter().map(Into::into).collect(),
            call_id: row.call_id.into(),
            cseq: row.cseq,
            // The store is outside: a date from the far future must not overflow the clock.
            expires: now + left.min(MAX_LEFT),
            updated: now.checked_sub(age).unwrap_or(now),
            hop,
            reach,
            user_agent: row.user_agent.map(Into::into),
        };
        Some((row.user.into(), binding))
    }
}

/// No socket and no connection has this id: a binding that was read from the store has lost its own. Whoever sends to a
/// [`Reach::Source`] then takes the socket at the binding's local address.
pub const NO_FLOW: FlowId = FlowId(u64::MAX);

/// Longest a stored binding may still stand: far above any registration.
const MAX_LEFT: Duration = Duration::from_secs(30 * 24 * 3600);

fn reach_of_contact(contact: &str, hop: &Hop) -> Reach {
    match patchcord_sip::uri::Uri::parse(contact) {
        Ok(uri) => Reach::of(uri.host().unwrap_or_default(), uri.port(), hop, false),
        Err(_) => Reach::Source,
    }
}

/// The address a binding was made from, for those who list them.
impl Binding {
    /// Where its last REGISTER came from.
    pub fn peer(&self) -> SocketAddr {
        self.hop.peer
    }
}

#[cfg(test)]
mod tests {
    use patchcord_sip::hop::Transport;

    use super::*;

    fn hop(transport: Transport, peer: &str) -> Hop {
        let peer = peer.parse().expect("an address");
        Hop { transport, flow: FlowId(7), local: "192.0.2.1:5060".parse().expect("an address"), peer }
    }

    #[test]
    fn a_datagram_phone_is_reached_where_it_says_unless_a_nat_belies_it() {
        let udp = hop(Transport::Udp, "192.0.2.9:5060");

        assert_eq!(Reach::of("192.0.2.9", None, &udp, false), Reach::Contact);
        assert_eq!(Reach::of("phone.example.org", None, &udp, false), Reach::Contact);
        assert_eq!(Reach::of("10.0.0.4", Some(5060), &udp, false), Reach::Source);
        assert_eq!(Reach::of("192.0.2.9", Some(9999), &udp, false), Reach::Source);
        assert_eq!(Reach::of("x9a.invalid", None, &udp, false), Reach::Source);
    }

    #[test]
    fn a_connection_is_the_only_way_to_a_phone_that_does_not_listen() {
        let tcp = hop(Transport::Tcp, "192.0.2.9:40123");

        assert_eq!(Reach::of("192.0.2.9", Some(5060), &tcp, false), Reach::Contact, "it listens on its own port");
        assert_eq!(Reach::of("192.0.2.9", Some(40123), &tcp, false), Reach::Flow, "it names the connection");
        assert_eq!(Reach::of("10.0.0.4", Some(5060), &tcp, false), Reach::Flow, "it sits behind a NAT");
        assert_eq!(Reach::of("192.0.2.9", Some(5060), &tcp, true), Reach::Flow, "it asked for it");
        assert_eq!(Reach::of("192.0.2.9", None, &hop(Transport::Tls, "192.0.2.9:1"), false), Reach::Flow);
        assert_eq!(Reach::of("df7jal23ls0d.invalid", None, &hop(Transport::Wss, "192.0.2.9:1"), false), Reach::Flow);
    }
}
