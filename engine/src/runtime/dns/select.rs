//! RFC 3263 as arithmetic: what to ask for an address, and in which order to try what was found.
//!
//! Records in, ordered targets out. Nothing is asked in here, and randomness is handed in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use patchcord_sip::hop::Transport;
use patchcord_sip::uri::{Scheme, Uri};

/// What an address says about where it is to be found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    pub host: Host,
    pub port: Option<u16>,
    /// As the address says, or as its scheme leaves no choice.
    pub transport: Option<Transport>,
    /// `sips:`: only TLS will do.
    pub secure: bool,
}

/// A place by name or by number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    Address(IpAddr),
    Name(Arc<str>),
}

/// The address is none that a request could be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoTarget;

impl Wanted {
    /// What this address says.
    pub fn of(uri: &Uri<'_>) -> Result<Self, NoTarget> {
        let secure = match uri.scheme() {
            Scheme::Sip => false,
            Scheme::Sips => true,
            Scheme::Tel | Scheme::Other => return Err(NoTarget),
        };
        let said = uri.transport().map(|name| name.parse::<Transport>().map_err(|_| NoTarget)).transpose()?;
        let transport = match (secure, said) {
            (true, Some(Transport::Udp)) => return Err(NoTarget),
            (true, Some(Transport::Tcp)) => Some(Transport::Tls),
            (true, Some(Transport::Ws)) => Some(Transport::Wss),
            (_, said) => said,
        };
        let maddr = uri.params().get("maddr").filter(|maddr| !maddr.is_empty());
        let host = maddr.or(uri.host()).ok_or(NoTarget)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let host = match bare.parse::<IpAddr>() {
            Ok(ip) => Host::Address(ip),
            Err(_) => Host::Name(host.trim_end_matches('.').to_ascii_lowercase().into()),
        };
        Ok(Self { host, port: uri.port(), transport, secure })
    }

    /// The transport when nobody says anything else (RFC 3263 §4.1): UDP, or what comes next to it where we speak none.
    pub fn usual_transport(&self, speaks: impl Fn(Transport) -> bool) -> Transport {
        self.transport.unwrap_or(match self.secure {
            true => Transport::Tls,
            false if speaks(Transport::Udp) => Transport::Udp,
            false => Transport::Tcp,
        })
    }

    /// The only target of an address by number.
    pub fn by_number(&self, speaks: impl Fn(Transport) -> bool) -> Option<Target> {
        let Host::Address(ip) = self.host else { return None };
        let transport = self.usual_transport(speaks);
        let port = self.port.unwrap_or(transport.default_port());
        Some(Target { transport, peer: SocketAddr::new(ip, port), name: None })
    }

    /// The service to ask for by SRV, for each transport that will do and that we speak, the usual one first. A port in
    /// the address means that there is nothing to ask for.
    pub fn services(&self, speaks: impl Fn(Transport) -> bool) -> Vec<Service> {
        let Host::Name(name) = &self.host else { return Vec::new() };
        let open = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let fits = |transport: &Transport| match self.transport {
            Some(said) => said == *transport,
            None => !self.secure || transport.is_secure(),
        };
        let service = |transport| Service { transport, name: format!("{}.{name}", label(transport)) };
        open.into_iter().filter(fits).filter(|transport| speaks(*transport)).map(service).collect()
    }
}

fn label(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    }
}

/// A name to ask for by SRV, and what it means to find something there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub transport: Transport,
    pub name: String,
}

/// A NAPTR record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Naptr {
    pub order: u16,
    pub preference: u16,
    pub flags: String,
    pub service: String,
    pub replacement: String,
}

/// The services that a domain names, as it prefers them; those that will not do are left out.
pub(crate) fn from_naptr(mut records: Vec<Naptr>, secure: bool, speaks: impl Fn(Transport) -> bool) -> Vec<Service> {
    records.sort_by_key(|record| (record.order, record.preference));
    let meaning = |record: &Naptr| {
        let meant = [("SIP+D2U", Transport::Udp), ("SIP+D2T", Transport::Tcp), ("SIPS+D2T", Transport::Tls)];
        meant.into_iter().find(|(name, _)| record.service.eq_ignore_ascii_case(name)).map(|(_, transport)| transport)
    };
    let mut services = Vec::new();
    for record in records.iter().filter(|record| record.flags.eq_ignore_ascii_case("s")) {
        let Some(transport) = meaning(record) else { continue };
        if speaks(transport) && (!secure || transport.is_secure()) && !record.replacement.is_empty() {
            services.push(Service { transport, name: record.replacement.trim_end_matches('.').to_owned() });
        }
    }
    services
}

/// An SRV record, and the addresses of its host once they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Srv {
    pub priority: u16,
    pub weight: u16,
    pub port: u16,
    pub host: String,
    pub addresses: Vec<IpAddr>,
}

/// What was found: hosts for each transport, the preferred transport first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub ways: Vec<(Transport, Vec<Srv>)>,
    /// Whom a certificate has to name: the domain that was wanted, not the host that serves it (RFC 5922 §4).
    pub domain: Option<Arc<str>>,
}

/// One place to send a request to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub transport: Transport,
    pub peer: SocketAddr,
    pub name: Option<Arc<str>>,
}

impl Found {
    /// The places in the order in which to try them, drawn anew for each request. `draw(n)` gives a number below `n`.
    pub fn targets(&self, mut draw: impl FnMut(u64) -> u64) -> Vec<Target> {
        let mut targets = Vec::new();
        for (transport, hosts) in &self.ways {
            for host in in_order(hosts, &mut draw) {
                targets.extend(host.addresses.iter().map(|&ip| Target {
                    transport: *transport,
                    peer: SocketAddr::new(ip, host.port),
                    name: self.domain.clone().filter(|_| transport.is_secure()),
                }));
            }
        }
        targets
    }
}

/// RFC 2782: lower priority first; among equals by chance, in proportion to the weights.
fn in_order<'a>(hosts: &'a [Srv], draw: &mut impl FnMut(u64) -> u64) -> Vec<&'a Srv> {
    let mut left: Vec<&Srv> = hosts.iter().collect();
    // Hosts without weight come first in the drawing, where only a zero finds them.
    left.sort_by_key(|host| (host.priority, host.weight != 0));
    let mut ordered = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let equals = left.iter().take_while(|host| host.priority == first.priority).count();
        let total: u64 = left[..equals].iter().map(|host| u64::from(host.weight)).sum();
        let drawn = draw(total + 1);
        let mut sum = 0;
        let reached = |host: &&Srv| {
            sum += u64::from(host.weight);
            sum >= drawn
        };
        let at = left[..equals].iter().position(reached).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}

#[cfg(test)]
#[path = "select_tests.rs"]
mod tests;
