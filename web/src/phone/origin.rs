//! Which web pages may open a socket here.
//!
//! A browser tells with each socket which site began it, and would open one to us from any page that somebody looks at. Pages of
//! our own may, and those of the sites that `[web] origins` names. What is no browser says nothing of a site and is no page.

use std::fmt;

use axum::http::{HeaderMap, StatusCode, header};

use crate::problem::Problem;

/// Most sites that are named.
pub const MOST: usize = 100;

/// The sites that may, beside our own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<Origin>);

/// One site, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every page there is.
    Any,
    /// This one, as browsers write it: `https://shop.example.org`, with a port where it is not the usual one.
    Site(String),
}

/// A text that names no site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no site")]
pub struct NoSite(pub String);

impl std::str::FromStr for Origin {
    type Err = NoSite;

    fn from_str(text: &str) -> Result<Self, NoSite> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let site = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let site = site.filter(|url| url.path() == "/" && url.query().is_none() && url.username().is_empty());
        site.map(|url| Self::Site(url.origin().ascii_serialization())).ok_or_else(|| NoSite(text.into()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Site(site) => f.write_str(site),
        }
    }
}

impl FromIterator<Origin> for Origins {
    fn from_iter<T: IntoIterator<Item = Origin>>(sites: T) -> Self {
        Self(sites.into_iter().collect())
    }
}

impl Origins {
    /// Whether the page that asks may have a socket.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("?");
        if is_ours(headers) || self.names(origin) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::FORBIDDEN, format!("pages of {origin} may open no socket here"))
            .remedy(format!("write origins = [{origin:?}] in [web]")))
    }

    fn names(&self, origin: &str) -> bool {
        self.0.iter().any(|known| match known {
            Origin::Any => true,
            Origin::Site(site) => site == origin,
        })
    }
}

/// Whether a page of our own asks: only its cookie may speak for somebody.
pub fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::ORIGIN) {
        None => true,
        Some(origin) => origin.split_once("://").is_some_and(|(_, host)| Some(host) == text(header::HOST)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "pbx.example.org:8443".parse().expect("a value"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("a value"));
        }
        headers
    }

    fn origins(text: &[&str]) -> Origins {
        text.iter().map(|text| text.parse::<Origin>().expect("a site")).collect()
    }

    #[test]
    fn our_own_pages_and_what_is_no_browser_may_and_other_sites_only_when_they_are_named() {
        let none = Origins::default();
        assert!(none.admit(&from(None)).is_ok());
        assert!(none.admit(&from(Some("https://pbx.example.org:8443"))).is_ok());
        for strange in
            ["https://pbx.example.org", "https://evil.example", "null", "https://pbx.example.org:8443.evil.example"]
        {
            let refused = none.admit(&from(Some(strange))).expect_err("another site");
            assert!(refused.detail.contains(strange), "{refused:?}");
        }
        let shop = origins(&["https://shop.example.org/"]);
        assert!(shop.admit(&from(Some("https://shop.example.org"))).is_ok());
        assert!(shop.admit(&from(Some("http://shop.example.org"))).is_err());
        assert!(origins(&["*"]).admit(&from(Some("null"))).is_ok());
    }

    #[test]
    fn a_site_is_written_as_browsers_write_it() {
        let written = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        assert_eq!(written("https://Shop.example.org:443/").as_deref(), Ok("https://shop.example.org"));
        for wrong in ["shop.example.org", "ftp://shop.example.org", "https://shop.example.org/path", ""] {
            assert!(written(wrong).is_err(), "{wrong}");
        }
    }
}
