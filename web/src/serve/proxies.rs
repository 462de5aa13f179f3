//! Proxies in front of us that may say for whom they ask. What anybody else says of that is not looked at, since it costs nothing to
//! write.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName},
    middleware::Next,
    response::Response,
};
use ipnet::IpNet;

use super::{Ends, Source};

/// Networks that are named, at most.
pub const MOST: usize = 64;

/// Addresses of one request that are looked at: no chain of proxies is as long.
const MOST_HOPS: usize = 32;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Those that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

impl FromIterator<IpNet> for Proxies {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl Proxies {
    fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// For whom the one at the other end asks: the last address that none of our proxies has; itself, unless it is one of them.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
        let mut said = lines.flat_map(|line| line.rsplit(',')).take(MOST_HOPS).map(address);
        let mut client = peer;
        while self.has(client) {
            match said.next() {
                Some(Some(before)) => client = before,
                // Whoever stands behind what cannot be read is not known: the proxy answers for it.
                Some(None) | None => break,
            }
        }
        client
    }
}

/// `198.51.100.7`, `198.51.100.7:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    bare.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

/// From here on a request comes from whom it was sent for.
pub async fn see_through(State(proxies): State<Proxies>, mut request: Request, next: Next) -> Response {
    if let Some(Ends { local, peer, secure }) = request.extensions().get().copied()
        && proxies.has(peer.ip())
    {
        let client = proxies.client(peer.ip(), request.headers());
        let secure = secure || request.headers().get(FORWARDED_PROTO).is_some_and(|scheme| scheme == "https");
        request.extensions_mut().insert(Ends { local, peer: SocketAddr::new(client, peer.port()), secure });
        request.extensions_mut().insert(Source::of(client));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        ["127.0.0.1/32", "10.0.0.0/8", "2001:db8:1::/48"].iter().map(|net| net.parse().expect("a network")).collect()
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| (FORWARDED_FOR, line.parse().expect("a value")));
        proxies().client(peer.parse().expect("an address"), &lines.collect()).to_string()
    }

    #[test]
    fn only_proxies_of_ours_are_believed_and_only_what_they_have_added() {
        assert_eq!(client("198.51.100.7", &["203.0.113.9"]), "198.51.100.7", "a stranger speaks for himself");
        assert_eq!(client("10.1.1.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.1.1.1", &["1.2.3.4, 203.0.113.9, 127.0.0.1"]), "203.0.113.9", "the client wrote 1.2.3.4");
        assert_eq!(client("10.1.1.1", &["1.2.3.4", "203.0.113.9"]), "203.0.113.9", "lines are one list");
        assert_eq!(client("::ffff:10.1.1.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("2001:db8:1::5", &["203.0.113.9:4711"]), "203.0.113.9");
    }

    #[test]
    fn what_says_nobody_is_the_proxy_itself() {
        assert_eq!(client("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &["unknown"]), "10.1.1.1");
        assert_eq!(client("10.1.1.1", &["203.0.113.9, ", "10.2.2.2"]), "10.2.2.2");
        let long = "10.0.0.1,".repeat(10_000);
        assert_eq!(client("10.1.1.1", &[&long]), "10.1.1.1");
    }
}
