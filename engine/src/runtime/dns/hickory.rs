//! Names by `hickory-resolver`: the configured name servers or the system's, answers kept as long as they live.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts, ServerOrderingStrategy,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::select::{Naptr, Srv};
use super::{Answer, LookupFault, Records};
use crate::runtime::settings::Limits;

/// How long a name server is given before it is asked again, or another one is. Three tries fit into the time that a
/// whole resolution may take.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The name servers of one shard, with its cache.
pub(crate) struct NameServers(Option<TokioResolver>);

impl NameServers {
    /// Those that were configured, or else the system's. `v6`: whether IPv6 addresses are of any use.
    pub fn new(servers: &[SocketAddr], limits: &Limits, v6: bool) -> Self {
        let (config, mut options) = match servers {
            [] => match hickory_resolver::system_conf::read_system_conf() {
                Ok(system) => system,
                Err(error) => {
                    tracing::warn!(%error, "the system names no name server; set [sip] dns to reach hosts by name");
                    return Self(None);
                }
            },
            _ => (
                ResolverConfig::from_name_servers(servers.iter().copied().map(name_server).collect()),
                ResolverOpts::default(),
            ),
        };
        if !servers.is_empty() {
            // As they were written, so that whoever lists a spare knows which one that is.
            options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
            options.num_concurrent_reqs = 1;
        }
        options.timeout = PATIENCE;
        options.cache_size = limits.dns_answers;
        options.ip_strategy = if v6 { LookupIpStrategy::Ipv4AndIpv6 } else { LookupIpStrategy::Ipv4Only };
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
        match builder.build() {
            Ok(resolver) => Self(Some(resolver)),
            Err(error) => {
                tracing::warn!(%error, "no name can be resolved");
                Self(None)
            }
        }
    }

    fn resolver(&self) -> Result<&TokioResolver, LookupFault> {
        self.0.as_ref().ok_or(LookupFault::Nobody)
    }

    /// Asks for the records of a whole name; the search domains of the system are for people at terminals.
    fn ask<'a, T: 'a>(&'a self, name: &'a str, kind: RecordType, read: fn(&Record) -> Option<T>) -> Answer<'a, T> {
        Box::pin(async move {
            let mut name = Name::from_utf8(name).map_err(|_| LookupFault::Nameless(name.to_owned()))?;
            name.set_fqdn(true);
            // Boxed: the future of a lookup is large, and many may wait at once.
            let lookup: BoxFuture<'_, _> = Box::pin(self.resolver()?.lookup(name, kind));
            match lookup.await {
                Ok(lookup) => Ok(lookup.answers().iter().filter_map(read).collect()),
                Err(error) => nothing(error),
            }
        })
    }
}

fn name_server(addr: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = addr.port();
        connection
    });
    NameServerConfig::new(addr.ip(), true, connections.into())
}

fn nothing<T>(error: NetError) -> Result<Vec<T>, LookupFault> {
    if error.is_no_records_found() { Ok(Vec::new()) } else { Err(LookupFault::Unanswered(error)) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Records for NameServers {
    fn naptr<'a>(&'a self, name: &'a str) -> Answer<'a, Naptr> {
        self.ask(name, RecordType::NAPTR, |record| match &record.data {
            RData::NAPTR(naptr) => Some(Naptr {
                order: naptr.order,
                preference: naptr.preference,
                flags: text(&naptr.flags),
                service: text(&naptr.services),
                replacement: naptr.replacement.to_utf8(),
            }),
            _ => None,
        })
    }

    fn srv<'a>(&'a self, name: &'a str) -> Answer<'a, Srv> {
        self.ask(name, RecordType::SRV, |record| match &record.data {
            RData::SRV(srv) => Some(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                host: srv.target.to_utf8(),
                addresses: Vec::new(),
            }),
            _ => None,
        })
    }

    fn addresses<'a>(&'a self, name: &'a str) -> Answer<'a, IpAddr> {
        Box::pin(async move {
            let lookup: BoxFuture<'_, _> = Box::pin(self.resolver()?.lookup_ip(name));
            match lookup.await {
                Ok(lookup) => Ok(lookup.iter().collect()),
                Err(error) => nothing(error),
            }
        })
    }
}
