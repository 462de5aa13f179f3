//! The plan: who may call whom, and where a number leads. Made whole from the configuration, never changed, replaced
//! whole by a reload; a call under way keeps what it was decided by.
//!
//! ```text
//! Ask ──▶ inward rewriting ──▶ the most specific of: routes, endpoints, shipped numbers ──▶ Verdict
//! ```
//!
//! What is most specific, the first first:
//!
//! 1. a route with exactly this number
//! 2. the endpoint of that name or number; a shipped number
//! 3. the route with the longer beginning (`+4930*`); conferences stand among these as `30*`
//! 4. a route with an expression (`/…/`)
//! 5. a route for everything (`*`)
//!
//! A route counts only for callers that its `from` admits. Of two alike, the one whose `from` is narrower wins
//! (`trunk:…` and `browsers` before `endpoints` before `anyone`), then the one that stands first in the file, then the one
//! that was added first. Of one that was added the file must not have the number: whoever joins them sees to that. Endpoints
//! and shipped numbers are there for endpoints and browsers only. Whoever finds nothing is refused.
//!
//! A number for emergencies, called by an endpoint or a browser, is never an endpoint or a shipped number, is not rewritten
//! by a trunk, and where no route takes it, every trunk is tried.

mod choice;
mod denial;
mod explain;

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

pub use choice::Why;
pub use denial::{Denial, NO_SUCH_NAME};

use super::{
    admission::{DEFAULT_CALLS, DEFAULT_ENDPOINT_CALLS, DEFAULT_STRANGER_CALLS},
    calling::Calling,
    directory::Directory,
    number::{MAX_NUMBER, Outward, is_dialable, plain},
    route::{Caller, Route, Target},
    trunk::{MAX_TRUNKS, Neighbours, Trunk},
};
use choice::Index;

/// The numbers for emergencies unless told otherwise: what every mobile phone in the world takes for one (3GPP TS 22.101).
pub const EMERGENCY: [&str; 2] = ["112", "911"];

/// What a plan is made from.
#[derive(Clone, Debug)]
pub struct PlanSettings {
    /// Our domain; `None`: whatever a phone says is ours.
    pub domain: Option<Box<str>>,
    /// In the order of the file, and behind them those that were added, in the order of that.
    pub routes: Vec<Route>,
    /// In the order of the file.
    pub trunks: Vec<Trunk>,
    /// The service that is asked about registrations, and reads texts that no other one does.
    pub front: Option<Arc<str>>,
    /// Numbers that pass every limit.
    pub emergency: Vec<Box<str>>,
    /// Most calls at once of the whole server.
    pub calls: u32,
    /// Most calls at once of an endpoint that says nothing else.
    pub calls_per_endpoint: u32,
    /// Most calls at once from one address that nobody knows.
    pub calls_per_stranger: u32,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            domain: None,
            routes: Vec::new(),
            trunks: Vec::new(),
            front: None,
            emergency: EMERGENCY.map(Into::into).into(),
            calls: DEFAULT_CALLS,
            calls_per_endpoint: DEFAULT_ENDPOINT_CALLS,
            calls_per_stranger: DEFAULT_STRANGER_CALLS,
        }
    }
}

/// Why settings make no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A route names a trunk that is not there.
    #[error("route {route} leads to trunk {trunk}, which is not there")]
    UnknownTrunk {
        /// Which route, counted from one.
        route: usize,
        /// The trunk it names.
        trunk: Arc<str>,
    },
    /// Two trunks have one name.
    #[error("two trunks are called {0}")]
    TrunkTwice(Arc<str>),
    /// There are too many of them.
    #[error("there are more than {MAX_TRUNKS} trunks")]
    TooManyTrunks,
}

/// Somebody asks for a call.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Who.
    pub caller: Caller<'a>,
    /// Whom: the user part without escapes, or the number of a `tel:` address.
    pub called: &'a str,
    /// Where: the host part; `None` for `tel:`.
    pub host: Option<&'a str>,
    /// The number that the caller says is its own. Of an endpoint it is not believed.
    pub from: Option<&'a str>,
    /// Whether it said that this is an emergency (`urn:service:sos`), whatever number it wrote.
    pub emergency: bool,
}

impl<'a> Ask<'a> {
    /// That caller, that number, at our own domain.
    pub fn new(caller: Caller<'a>, called: &'a str) -> Self {
        Self { caller, called, host: None, from: None, emergency: false }
    }
}

/// What becomes of a call.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Where it leads.
    pub verdict: Verdict,
    /// Whom it calls, as the house writes it.
    pub called: Box<str>,
    /// The number or name of the caller that the house shows inside; of a trunk's call what it said, as we write it.
    pub from: Option<Box<str>>,
    /// Whether it passes every limit.
    pub emergency: bool,
    /// What decided it.
    pub why: Why,
}

/// Where a call leads.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// To the service of that name.
    Service(Arc<str>),
    /// To these endpoints, all at once.
    Ring(Vec<Arc<str>>),
    /// Out by these, one after another.
    Trunks(Vec<Way>),
    /// Nowhere.
    Refused(Denial),
}

/// A way out.
#[derive(Clone, Debug)]
pub struct Way {
    /// The trunk.
    pub trunk: Arc<Trunk>,
    /// Whom to call there, as it wants it.
    pub number: Box<str>,
    /// The number to show there, as it wants it; `None`: there is none to show.
    pub caller: Option<Box<str>>,
}

/// Who may call whom. See the head of this file for the rules.
#[derive(Debug)]
pub struct Plan {
    domain: Option<Box<str>>,
    routes: Vec<Route>,
    index: Index,
    trunks: Vec<Arc<Trunk>>,
    by_name: HashMap<Arc<str>, Arc<Trunk>>,
    neighbours: Neighbours,
    front: Option<Arc<str>>,
    emergency: Vec<Box<str>>,
    calls: u32,
    calls_per_endpoint: u32,
    calls_per_stranger: u32,
}

impl Default for Plan {
    fn default() -> Self {
        Self::of_domain(None)
    }
}

impl Plan {
    /// The plan of those settings. Trunks go on counting where those of the same name in `before` stand.
    pub fn new(settings: PlanSettings, before: Option<&Self>) -> Result<Self, PlanError> {
        let PlanSettings { domain, routes, trunks, front, emergency, calls, calls_per_endpoint, calls_per_stranger } =
            settings;
        if trunks.len() > MAX_TRUNKS {
            return Err(PlanError::TooManyTrunks);
        }
        let mut by_name = HashMap::new();
        let mut joined = Vec::new();
        for mut trunk in trunks {
            if let Some(known) = before.and_then(|before| before.trunk(&trunk.name)) {
                trunk.traffic = known.traffic.clone();
            }
            let trunk = Arc::new(trunk);
            if by_name.insert(trunk.name.clone(), trunk.clone()).is_some() {
                return Err(PlanError::TrunkTwice(trunk.name.clone()));
            }
            joined.push(trunk);
        }
        for (route, Route { target, .. }) in (1..).zip(&routes) {
            let named = if let Target::Trunks(named) = target { &named[..] } else { &[] };
            if let Some(trunk) = named.iter().find(|name| !by_name.contains_key(*name)) {
                return Err(PlanError::UnknownTrunk { route, trunk: trunk.clone() });
            }
        }
        let (index, neighbours) = (Index::of(&routes), Neighbours::of(&joined));
        let trunks = joined;
        Ok(Self {
            domain,
            routes,
            index,
            trunks,
            by_name,
            neighbours,
            front,
            emergency,
            calls,
            calls_per_endpoint,
            calls_per_stranger,
        })
    }

    /// What is served without any configuration.
    pub fn of_domain(domain: Option<&str>) -> Self {
        let settings = PlanSettings { domain: domain.map(Into::into), ..PlanSettings::default() };
        Self::new(settings, None).expect("no routes and no trunks are a plan")
    }

    /// The trunk of that name.
    pub fn trunk(&self, name: &str) -> Option<&Arc<Trunk>> {
        self.by_name.get(name)
    }

    /// The trunk that a request from there comes from.
    pub fn trunk_at(&self, peer: SocketAddr) -> Option<&Arc<Trunk>> {
        self.neighbours.find(peer)
    }

    /// Whether requests of some trunk come from that address.
    pub fn knows(&self, address: IpAddr) -> bool {
        self.neighbours.know(address)
    }

    /// All of them, in the order of the file.
    pub fn trunks(&self) -> &[Arc<Trunk>] {
        &self.trunks
    }

    /// The routes, in the order of the file; behind them those that were added.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The service that is asked about registrations, and reads texts that no other one does.
    pub fn front(&self) -> Option<Arc<str>> {
        self.front.clone()
    }

    /// Most calls at once of the whole server.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Most calls at once of an endpoint with those settings.
    pub fn calls_of(&self, calling: &Calling) -> u32 {
        calling.calls.unwrap_or(self.calls_per_endpoint)
    }

    /// Most calls at once from one address that nobody knows.
    pub fn calls_of_stranger(&self) -> u32 {
        self.calls_per_stranger
    }

    /// Whether that is a number for emergencies.
    pub fn is_emergency(&self, number: &str) -> bool {
        self.emergency.iter().any(|emergency| **emergency == *number)
    }

    /// Where that call leads.
    pub fn decide(&self, ask: &Ask<'_>, directory: &Directory) -> Decision {
        let inside = ask.caller.endpoint().is_some();
        let (mut called, from) = self.read(ask, directory);
        if ask.emergency && inside && !self.is_emergency(&called) {
            // `urn:service:sos` and its kind name no number.
            called = self.emergency.first().map_or(called, |number| number.to_string());
        }
        let emergency = inside && self.is_emergency(&called);
        let why = match self.objection(ask, &called) {
            Some(denial) => Why::Objection(denial),
            None => self.choose(ask.caller, &called, emergency, directory),
        };
        let verdict = self.verdict(&why, ask.caller, &called, from.as_deref(), emergency, directory);
        Decision { verdict, called: called.into(), from: from.map(Into::into), emergency, why }
    }

    /// The rule that decided a call, as a record names it: the number of a route, an endpoint, what is shipped.
    pub fn rule(&self, why: &Why) -> Option<Box<str>> {
        match why {
            Why::Route(at) => Some(self.routes.get(*at)?.number.to_string().into()),
            Why::Endpoint { user, .. } => Some(format!("endpoint {user}").into()),
            Why::Shipped(_) => Some("shipped number".into()),
            Why::AnyTrunk => Some("emergency".into()),
            Why::Named | Why::Objection(_) | Why::Nothing(_) => None,
        }
    }

    /// Where a call to `endpoint` leads that it forwards to `target`: what it could call itself, or a service by name.
    pub fn forward(&self, endpoint: &str, target: &str, directory: &Directory) -> Decision {
        let decision = self.decide(&Ask::new(Caller::Endpoint(endpoint), target), directory);
        match decision.verdict {
            Verdict::Refused(Denial::NoSuchName { .. }) => {
                Decision { verdict: Verdict::Service(target.into()), why: Why::Named, ..decision }
            }
            _ => decision,
        }
    }

    /// Called and calling number as the house writes them.
    fn read(&self, ask: &Ask<'_>, directory: &Directory) -> (String, Option<String>) {
        match ask.caller {
            Caller::Trunk(name) => match self.trunk(name) {
                Some(trunk) => (trunk.inward.called(ask.called), ask.from.map(|from| trunk.inward.caller(from))),
                None => (plain(ask.called).into(), ask.from.map(|from| plain(from).into())),
            },
            Caller::Endpoint(user) | Caller::Browser(user) => {
                let known = directory.find(user);
                let number = known.and_then(|endpoint| endpoint.number.as_deref().map(str::to_owned));
                (plain(ask.called).into(), Some(number.unwrap_or_else(|| user.into())))
            }
            Caller::Stranger(_) | Caller::Service => {
                (plain(ask.called).into(), ask.from.map(|from| plain(from).into()))
            }
        }
    }

    /// What keeps a call from being looked up at all.
    fn objection(&self, ask: &Ask<'_>, called: &str) -> Option<Denial> {
        if called.is_empty() {
            return Some(Denial::Nobody);
        }
        if called.len() > MAX_NUMBER {
            return Some(Denial::TooLong);
        }
        if let Caller::Trunk(name) = ask.caller {
            // A carrier writes whatever host it knows us by.
            return self.trunk(name).is_none().then(|| Denial::UnknownTrunk { trunk: name.into() });
        }
        let host = ask.host.filter(|host| !serves(self.domain.as_deref(), host))?;
        Some(Denial::OtherDomain { host: host.into() })
    }

    fn verdict(
        &self,
        why: &Why,
        caller: Caller<'_>,
        called: &str,
        from: Option<&str>,
        emergency: bool,
        directory: &Directory,
    ) -> Verdict {
        let way_by = |rewrite: Option<&Outward>, trunk: &Arc<Trunk>| {
            let shown = match caller.endpoint() {
                Some(user) => directory.find(user).and_then(|endpoint| endpoint.calling.caller_id.clone()),
                None => from.map(Into::into),
            };
            way(trunk, rewrite, called, shown, emergency)
        };
        match why {
            Why::Objection(denial) | Why::Nothing(denial) => Verdict::Refused(denial.clone()),
            Why::Named => Verdict::Service(called.into()),
            Why::Shipped(service) => Verdict::Service((*service).into()),
            Why::Endpoint { user, .. } => Verdict::Ring(vec![user.clone()]),
            Why::AnyTrunk => Verdict::Trunks(self.trunks.iter().map(|trunk| way_by(None, trunk)).collect()),
            Why::Route(index) => {
                let Route { target, rewrite, .. } = &self.routes[*index];
                match target {
                    Target::Service(service) => Verdict::Service(service.clone()),
                    Target::Trunks(names) => {
                        let trunks = names.iter().map(|name| &self.by_name[name]);
                        Verdict::Trunks(trunks.map(|trunk| way_by(rewrite.as_ref(), trunk)).collect())
                    }
                    Target::Endpoints(users) => {
                        let there: Vec<_> =
                            users.iter().filter(|user| directory.find(user).is_some()).cloned().collect();
                        match there.is_empty() {
                            true => Verdict::Refused(Denial::NoSuchName { name: users[0].as_ref().into() }),
                            false => Verdict::Ring(there),
                        }
                    }
                }
            }
        }
    }
}

/// How a call goes out by that trunk.
fn way(trunk: &Arc<Trunk>, rewrite: Option<&Outward>, called: &str, shown: Option<Box<str>>, emergency: bool) -> Way {
    let number = rewrite.map_or_else(|| called.to_owned(), |rewrite| rewrite.called(called));
    let number = if emergency { number } else { trunk.outward.called(&number) };
    let shown = shown.filter(|shown| is_dialable(&plain(shown))).or_else(|| trunk.caller_id.clone());
    let caller = shown.map(|shown| {
        let shown = rewrite.map_or_else(|| shown.to_string(), |rewrite| rewrite.caller(&shown));
        trunk.outward.caller(&shown).into()
    });
    Way { trunk: trunk.clone(), number: number.into(), caller }
}

/// Whether addresses at `host` are ours. Whoever knows us by address means us, too.
pub fn serves(domain: Option<&str>, host: &str) -> bool {
    let is_address = || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    match domain {
        Some(domain) => domain.eq_ignore_ascii_case(host) || is_address() || host.eq_ignore_ascii_case("localhost"),
        None => !host.is_empty(),
    }
}

#[cfg(test)]
mod tests;
