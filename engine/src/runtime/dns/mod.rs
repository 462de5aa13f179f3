//! From an address to places: NAPTR, SRV, A and AAAA, as RFC 3263 has it.
//!
//! `select` decides what to ask and in which order to try; [`Records`] is whoever can be asked; this file asks. It runs as
//! a task of its own, so a slow name server delays nobody but the request that needs it.

mod dead;
mod hickory;
mod select;

use std::net::IpAddr;

use futures_util::future::{LocalBoxFuture, join_all};
use patchcord_sip::hop::Transport;

pub(crate) use dead::DeadTargets;
pub(crate) use hickory::NameServers;
pub(crate) use select::{Found, Host, Target, Wanted};
use select::{Naptr, Service, Srv, from_naptr};

/// Services of one domain that are looked at: three transports, and some more that a domain may split them into.
const SERVICES: usize = 8;

/// Hosts of one service that are looked at. Nobody waits through more failures than that.
const HOSTS: usize = 16;

/// Addresses of one host that are looked at.
const ADDRESSES: usize = 8;

/// Nobody answered a question.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupFault {
    #[error("the name server does not answer properly")]
    Unanswered(#[source] hickory_resolver::net::NetError),
    #[error("there is no name server to ask")]
    Nobody,
    #[error("{0:?} is no name")]
    Nameless(String),
}

type Answer<'a, T> = LocalBoxFuture<'a, Result<Vec<T>, LookupFault>>;

/// Whoever knows names. That there is nothing under a name is an empty answer, not a fault.
pub(crate) trait Records {
    fn naptr<'a>(&'a self, name: &'a str) -> Answer<'a, Naptr>;
    fn srv<'a>(&'a self, name: &'a str) -> Answer<'a, Srv>;
    fn addresses<'a>(&'a self, name: &'a str) -> Answer<'a, IpAddr>;
}

/// What we can speak, and over which kinds of addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spoken {
    /// UDP over IPv4 and over IPv6: only where there is a socket.
    pub udp: (bool, bool),
    /// Connections over IPv4 and over IPv6.
    pub connections: (bool, bool),
}

impl Spoken {
    /// Whether a transport is spoken at all.
    pub fn speaks(self, transport: Transport) -> bool {
        let (v4, v6) = self.families(transport);
        v4 || v6
    }

    fn families(self, transport: Transport) -> (bool, bool) {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp | Transport::Tls => self.connections,
            // Browsers connect to us, never we to them.
            Transport::Ws | Transport::Wss => (false, false),
        }
    }

    fn reaches(self, transport: Transport, ip: &IpAddr) -> bool {
        let (v4, v6) = self.families(transport);
        if ip.is_ipv4() { v4 } else { v6 }
    }
}

/// Finds the places of an address. `None`: it leads nowhere.
pub(crate) async fn resolve(records: &dyn Records, wanted: &Wanted, spoken: Spoken) -> Option<Found> {
    let Host::Name(name) = &wanted.host else { return None };
    let mut ways = match wanted.port {
        // RFC 3263 §4.2: whoever names a port means this very host.
        Some(_) => Vec::new(),
        None => by_service(records, wanted, name, spoken).await,
    };
    if ways.is_empty() {
        let transport = wanted.usual_transport(|transport| spoken.speaks(transport));
        let port = wanted.port.unwrap_or(transport.default_port());
        let host = Srv { priority: 0, weight: 0, port, host: name.to_string(), addresses: Vec::new() };
        ways.push((transport, vec![host]));
    }
    let hosts =
        join_all(ways.into_iter().map(|(transport, hosts)| with_addresses(records, transport, hosts, spoken))).await;
    let ways: Vec<_> = hosts.into_iter().filter(|(_, hosts)| !hosts.is_empty()).collect();
    (!ways.is_empty()).then(|| Found { ways, domain: Some(name.clone()) })
}

async fn by_service(records: &dyn Records, wanted: &Wanted, name: &str, spoken: Spoken) -> Vec<(Transport, Vec<Srv>)> {
    let guessed = wanted.services(|transport| spoken.speaks(transport));
    let services = match wanted.transport {
        Some(_) => guessed,
        None => {
            let found = heard(records.naptr(name).await, "NAPTR", name);
            let services = from_naptr(found, wanted.secure, |transport| spoken.speaks(transport));
            if services.is_empty() { guessed } else { services }
        }
    };
    let ask = |service: Service| async move {
        let mut hosts = heard(records.srv(&service.name).await, "SRV", &service.name);
        // RFC 2782: a host that is only a dot says that there is no such service.
        hosts.retain(|host| !host.host.trim_end_matches('.').is_empty() && host.port != 0);
        hosts.sort_by_key(|host| host.priority);
        hosts.truncate(HOSTS);
        (service.transport, hosts)
    };
    let found = join_all(services.into_iter().take(SERVICES).map(ask)).await;
    found.into_iter().filter(|(_, hosts)| !hosts.is_empty()).collect()
}

async fn with_addresses(
    records: &dyn Records,
    transport: Transport,
    hosts: Vec<Srv>,
    spoken: Spoken,
) -> (Transport, Vec<Srv>) {
    let ask = |mut host: Srv| async move {
        let mut addresses = heard(records.addresses(&host.host).await, "address", &host.host);
        addresses.retain(|ip| spoken.reaches(transport, ip));
        // IPv4 first: where IPv6 is broken, a request over UDP would wait half a minute to find out.
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.truncate(ADDRESSES);
        host.addresses = addresses;
        host
    };
    let mut hosts = join_all(hosts.into_iter().map(ask)).await;
    hosts.retain(|host| !host.addresses.is_empty());
    (transport, hosts)
}

/// A question that nobody answers is one without an answer: the next one may have more luck (RFC 3263 §4.1).
fn heard<T>(answer: Result<Vec<T>, LookupFault>, kind: &str, name: &str) -> Vec<T> {
    answer.unwrap_or_else(|fault| {
        let cause = std::error::Error::source(&fault).map(ToString::to_string);
        tracing::debug!(kind, name, %fault, cause, "name not resolved");
        Vec::new()
    })
}
