//! What a service may reach outside its calls, as its manifest says.
//!
//! The manifest is read elsewhere; this is what remains of it here. Whoever has no rules reaches nothing outside the house.

use url::{Host, Url};

use crate::store::Place;

/// Who knows what each service may reach. Asked for each errand, so a manifest that changes counts at once.
pub trait RuleBook: Send + Sync + 'static {
    /// What that service may reach; nothing when there is no such service.
    fn rules(&self, service: &str) -> Option<Rules>;
}

/// What one service may reach. By default nothing.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Servers that it may speak HTTP with.
    pub hosts: Hosts,
    /// The database that it may ask.
    pub database: Option<Database>,
    /// Whether it may send letters.
    pub mail: bool,
    /// Numbers that browsers may call with tokens of its making, `*` standing for anything.
    pub guests: Vec<Box<str>>,
}

/// A database that a service may ask.
#[derive(Clone, Debug)]
pub struct Database {
    /// Where it is.
    pub place: Place,
    /// Whether it may change it, too.
    pub may_write: bool,
}

impl Database {
    /// Whether both are the same, as far as may be seen: passwords are not compared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.may_write == other.may_write && self.place.to_string() == other.place.to_string()
    }
}

/// Servers that a service may speak HTTP with. By default none.
///
/// A server that is named in full may be anywhere, in the house as well: whoever wrote the manifest knows it. What a pattern
/// lets in is only reached on the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// This one, at this port if one is said.
    Named(String, Option<u16>),
    /// Each one below this domain, and not the domain itself.
    Below(String),
    /// Each one of the public internet.
    Public,
}

/// Why a text names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no server; write api.example.org, api.example.org:8443, *.example.org, or * for all of the public internet"
)]
pub struct NoHost(String);

/// Where a server may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowed {
    /// On the public internet.
    Public,
    /// Wherever its name leads.
    Anywhere,
}

impl Hosts {
    /// Reads the servers that a manifest names.
    ///
    /// # Errors
    /// When one of the texts names none.
    pub fn read<T: AsRef<str>>(named: impl IntoIterator<Item = T>) -> Result<Self, NoHost> {
        named.into_iter().map(|text| Pattern::read(text.as_ref())).collect::<Result<_, _>>().map(Self)
    }

    /// Where the server of that address may be; `None`: it may not be asked at all.
    pub(super) fn judge(&self, url: &Url) -> Option<Allowed> {
        let (host, port) = (url.host_str()?, url.port_or_known_default());
        let judged = self.0.iter().filter_map(|pattern| match pattern {
            Pattern::Named(named, at) => (named == host && (at.is_none() || *at == port)).then_some(Allowed::Anywhere),
            Pattern::Below(domain) => {
                let below =
                    host.strip_suffix(domain.as_str()).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1);
                below.then_some(Allowed::Public)
            }
            Pattern::Public => Some(Allowed::Public),
        });
        judged.max_by_key(|allowed| *allowed == Allowed::Anywhere)
    }
}

impl Pattern {
    fn read(text: &str) -> Result<Self, NoHost> {
        let wrong = || NoHost(text.into());
        if text == "*" {
            return Ok(Self::Public);
        }
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        // A port that is the usual one is not told by an address that has one of its own.
        let url =
            Url::parse(&format!("none://{rest}/")).ok().filter(|_| !rest.contains(['/', '@', '?', '#', '*', '\\']));
        let port = url.ok_or_else(wrong)?.port();
        let url = Url::parse(&format!("http://{rest}/")).map_err(|_| wrong())?;
        match url.host() {
            Some(Host::Domain(domain)) if below && port.is_none() => Ok(Self::Below(domain.into())),
            Some(host) if !below => Ok(Self::Named(host.to_string(), port)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(hosts: &[&str], url: &str) -> Option<Allowed> {
        Hosts::read(hosts).expect("servers").judge(&Url::parse(url).expect("an address"))
    }

    #[test]
    fn a_server_is_reached_by_the_name_that_the_manifest_gives_it() {
        let hosts = ["api.example.org", "intern.example:8443", "*.example.com", "10.0.0.7", "[fd00::1]"];
        for url in [
            "http://api.example.org/x",
            "https://API.example.org:444/",
            "https://intern.example:8443/",
            "http://10.0.0.7/",
            "http://0x0a000007/",
            "http://[fd00::1]:80/",
        ] {
            assert_eq!(judged(&hosts, url), Some(Allowed::Anywhere), "{url}");
        }
        for url in ["https://a.example.com/", "https://a.b.example.com/"] {
            assert_eq!(judged(&hosts, url), Some(Allowed::Public), "{url}");
        }
        for url in [
            "http://example.org/",
            "http://api.example.org.evil.test/",
            "https://intern.example/",
            "https://example.com/",
            "https://badexample.com/",
            "http://10.0.0.8/",
            "http://api.example.org@evil.test/",
        ] {
            assert_eq!(judged(&hosts, url), None, "{url}");
        }
        assert_eq!(judged(&["*"], "http://127.0.0.1/"), Some(Allowed::Public), "and there it is not");
        assert_eq!(judged(&["*", "localhost"], "http://localhost/"), Some(Allowed::Anywhere));
        assert_eq!(judged(&[], "http://example.org/"), None);
        assert_eq!(judged(&["example.org:80"], "https://example.org/"), None);
        assert_eq!(judged(&["example.org:80"], "http://example.org/"), Some(Allowed::Anywhere));
    }

    #[test]
    fn what_names_no_server_is_refused() {
        for text in [
            "",
            "http://example.org",
            "example.org/path",
            "*.",
            "**",
            "a@b",
            "*.10.0.0.1",
            "*.example.org:80",
            "exa mple.org",
            "example.org:99999",
        ] {
            assert_eq!(Hosts::read([text]), Err(NoHost(text.into())), "{text}");
        }
    }
}
