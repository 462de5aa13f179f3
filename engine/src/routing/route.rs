//! A route: who may call which numbers, and where those lead. And the numbers that are served without one.

use std::{fmt, net::IpAddr, str::FromStr, sync::Arc};

use super::{directory::Origin, number::Outward, pattern::Pattern};

/// Most routes: a plan with more is read from a database by a service.
pub const MAX_ROUTES: usize = 10_000;

/// Most routes with an expression: each is tried for a number that no other route takes.
pub const MAX_EXPRESSIONS: usize = 200;

/// Most trunks or endpoints that one route names.
pub const MAX_TARGETS: usize = 16;

/// Who asks for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller<'a> {
    /// A phone that has proved to be this endpoint.
    Endpoint(&'a str),
    /// A browser that has.
    Browser(&'a str),
    /// A carrier, known by where it sends from.
    Trunk(&'a str),
    /// A service that may call this by its manifest, for whomever it speaks with.
    Service,
    /// Somebody else.
    Stranger(IpAddr),
}

impl<'a> Caller<'a> {
    /// The endpoint that it has proved to be.
    pub fn endpoint(self) -> Option<&'a str> {
        match self {
            Self::Endpoint(user) | Self::Browser(user) => Some(user),
            Self::Trunk(_) | Self::Service | Self::Stranger(_) => None,
        }
    }
}

impl fmt::Display for Caller<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(user) => write!(f, "endpoint {user}"),
            Self::Browser(user) => write!(f, "browser {user}"),
            Self::Trunk(name) => write!(f, "trunk {name}"),
            Self::Service => f.write_str("a service"),
            Self::Stranger(address) => write!(f, "stranger {address}"),
        }
    }
}

/// Whom a route is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Whoever has proved to be an endpoint, phone or browser.
    Endpoints,
    /// Browsers only.
    Browsers,
    /// This trunk.
    Trunk(Arc<str>),
    /// Everybody, strangers too.
    Anyone,
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nobody who calls")]
pub struct UnknownSource(pub String);

impl Source {
    /// Whether it is that caller.
    pub fn admits(&self, caller: Caller<'_>) -> bool {
        match (self, caller) {
            (Self::Anyone, _) => true,
            (Self::Endpoints, Caller::Endpoint(_) | Caller::Browser(_) | Caller::Service)
            | (Self::Browsers, Caller::Browser(_)) => true,
            (Self::Trunk(name), Caller::Trunk(trunk)) => **name == *trunk,
            _ => false,
        }
    }

    /// How much it narrows down.
    fn narrowness(&self) -> u8 {
        match self {
            Self::Trunk(_) | Self::Browsers => 2,
            Self::Endpoints => 1,
            Self::Anyone => 0,
        }
    }
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        match text {
            "endpoints" => Ok(Self::Endpoints),
            "browsers" => Ok(Self::Browsers),
            "anyone" => Ok(Self::Anyone),
            _ => match text.strip_prefix("trunk:").map(str::trim) {
                Some(name) if !name.is_empty() => Ok(Self::Trunk(name.into())),
                _ => Err(UnknownSource(text.into())),
            },
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoints => f.write_str("endpoints"),
            Self::Browsers => f.write_str("browsers"),
            Self::Trunk(name) => write!(f, "trunk:{name}"),
            Self::Anyone => f.write_str("anyone"),
        }
    }
}

/// Where a number leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this service.
    Service(Arc<str>),
    /// Out by the first of these trunks that takes it.
    Trunks(Vec<Arc<str>>),
    /// To these endpoints, all at once.
    Endpoints(Vec<Arc<str>>),
}

/// One `[[route]]`, or one that was added while the server ran.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which numbers.
    pub number: Pattern,
    /// For whom.
    pub from: Vec<Source>,
    /// Where to.
    pub target: Target,
    /// What becomes of the numbers on the way.
    pub rewrite: Option<Outward>,
    /// Where it is written down.
    pub origin: Origin,
}

impl Route {
    /// How narrowly it says that it is for that caller; `None`: it is not.
    pub(super) fn admits(&self, caller: Caller<'_>) -> Option<u8> {
        self.from.iter().filter(|source| source.admits(caller)).map(Source::narrowness).max()
    }

    /// Whom it is for, in words.
    pub(super) fn whom(&self) -> String {
        self.from.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

/// Numbers that endpoints may call without a route.
pub(super) enum Shipped {
    /// This number.
    Number(&'static str, &'static str),
    /// The numbers of four digits that begin so.
    Hundred(&'static str, &'static str),
}

/// All of them. Who runs a service, and whether anybody does, is not asked here.
pub(super) const SHIPPED: [Shipped; 9] = [
    Shipped::Number("1000", "reception"),
    Shipped::Number("2000", "team"),
    Shipped::Hundred("30", "conference"),
    Shipped::Number("9196", "echo"),
    Shipped::Number("9197", "tone"),
    Shipped::Number("9198", "readback"),
    Shipped::Number("9664", "music"),
    Shipped::Number("*97", "voicemail"),
    Shipped::Number("*72", "forward"),
];

/// The numbers that endpoints may call without a route, with the service that answers each: `1000`, `3000–3099`.
pub fn shipped() -> impl Iterator<Item = (String, &'static str)> {
    SHIPPED.iter().map(|shipped| match shipped {
        Shipped::Number(at, service) => ((*at).to_owned(), *service),
        Shipped::Hundred(beginning, service) => (format!("{beginning}00–{beginning}99"), *service),
    })
}

impl Shipped {
    /// The service that is shipped at exactly this number.
    pub(super) fn at(number: &str) -> Option<&'static str> {
        SHIPPED.iter().find_map(|shipped| match shipped {
            Self::Number(at, service) => (*at == number).then_some(*service),
            Self::Hundred(..) => None,
        })
    }

    /// The service that is shipped for the hundred that this number lies in.
    pub(super) fn among(number: &str) -> Option<&'static str> {
        let four_digits = number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit());
        SHIPPED.iter().filter(|_| four_digits).find_map(|shipped| match shipped {
            Self::Hundred(beginning, service) => number.starts_with(beginning).then_some(*service),
            Self::Number(..) => None,
        })
    }

    /// How long the beginning of a hundred is: that specific it is.
    pub(super) const HUNDRED: usize = 2;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_admits_whom_it_names() {
        let source = |text: &str| text.parse::<Source>().unwrap_or_else(|fault| panic!("{fault}"));
        let stranger = Caller::Stranger(IpAddr::from([192, 0, 2, 1]));
        let callers = [Caller::Endpoint("alice"), Caller::Browser("bob"), Caller::Trunk("north"), stranger];
        for (text, admitted) in [
            ("endpoints", [true, true, false, false]),
            ("browsers", [false, true, false, false]),
            ("trunk:north", [false, false, true, false]),
            ("trunk:south", [false; 4]),
            ("anyone", [true; 4]),
        ] {
            assert_eq!(callers.map(|caller| source(text).admits(caller)), admitted, "{text}");
            assert_eq!(source(text).to_string(), text);
        }
        for nobody in ["", "trunk:", "trunks", "alice"] {
            assert_eq!(nobody.parse::<Source>(), Err(UnknownSource(nobody.into())));
        }
    }

    #[test]
    fn shipped_numbers_are_listed_with_who_answers() {
        let listed: Vec<_> = shipped().collect();
        assert!(listed.contains(&("1000".into(), "reception")) && listed.contains(&("*97".into(), "voicemail")));
        assert!(listed.contains(&("3000–3099".into(), "conference")), "{listed:?}");
    }

    #[test]
    fn conferences_have_a_hundred_numbers() {
        assert_eq!(Shipped::among("3000"), Some("conference"));
        assert_eq!(Shipped::among("3099"), Some("conference"));
        for other in ["3100", "300", "30000", "30*1", "+300"] {
            assert_eq!(Shipped::among(other), None, "{other}");
        }
        assert_eq!(Shipped::at("9196"), Some("echo"));
        assert_eq!(Shipped::at("3000"), None);
    }
}
