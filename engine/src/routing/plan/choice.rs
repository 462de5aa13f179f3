//! Which rule is the most specific one for a number and a caller.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use super::{Denial, Plan};
use crate::routing::{
    directory::Directory,
    number::is_dialable,
    pattern::Pattern,
    route::{Caller, Route, Shipped},
};

/// What decided a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The route with this index in [`Plan::routes`].
    Route(usize),
    /// The endpoint of that name or number.
    Endpoint {
        /// Which.
        user: Arc<str>,
        /// Whether it was meant by its number.
        by_number: bool,
    },
    /// The service that is shipped at that number.
    Shipped(&'static str),
    /// It is an emergency that no route takes.
    AnyTrunk,
    /// It was forwarded to a service by name.
    Named,
    /// Something that stands before any rule.
    Objection(Denial),
    /// No rule.
    Nothing(Denial),
}

/// Routes by what they take; each list holds indices in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Index {
    exact: HashMap<Box<str>, Vec<usize>>,
    beginnings: HashMap<Box<str>, Vec<usize>>,
    /// Of a beginning, in bytes.
    longest: usize,
    expressions: Vec<usize>,
    any: Vec<usize>,
}

impl Index {
    pub(super) fn of(routes: &[Route]) -> Self {
        let mut index = Self::default();
        for (at, route) in routes.iter().enumerate() {
            match &route.number {
                Pattern::Exact(number) => index.exact.entry(number.clone()).or_default().push(at),
                Pattern::Prefix(beginning) => {
                    index.longest = index.longest.max(beginning.len());
                    index.beginnings.entry(beginning.clone()).or_default().push(at);
                }
                Pattern::Expression(_) => index.expressions.push(at),
                Pattern::Any => index.any.push(at),
            }
        }
        index
    }
}

impl Plan {
    /// The rule for that number.
    pub(super) fn choose(&self, caller: Caller<'_>, number: &str, emergency: bool, directory: &Directory) -> Why {
        let own = caller.endpoint().is_some() && !emergency;
        let best = |routes: Option<&Vec<usize>>| self.best(routes.into_iter().flatten().copied(), caller);
        let endpoint = || {
            let endpoint = directory.reached_by(number)?;
            Some(Why::Endpoint { by_number: *endpoint.user != *number, user: endpoint.user.clone() })
        };
        let shipped = |service: Option<&'static str>| service.filter(|_| own).map(Why::Shipped);
        let by_beginning = || {
            let lengths = (1..=self.index.longest.max(Shipped::HUNDRED).min(number.len())).rev();
            lengths.filter_map(|length| Some((length, number.get(..length)?))).find_map(|(length, beginning)| {
                let hundred = || shipped(Shipped::among(number).filter(|_| length == Shipped::HUNDRED));
                best(self.index.beginnings.get(beginning)).or_else(hundred)
            })
        };
        let by_expression = || {
            let taking = self.index.expressions.iter().copied().filter(|at| self.routes[*at].number.takes(number));
            self.best(taking, caller)
        };
        best(self.index.exact.get(number))
            .or_else(|| if own { endpoint() } else { None })
            .or_else(|| shipped(Shipped::at(number)))
            .or_else(by_beginning)
            .or_else(by_expression)
            .or_else(|| best(Some(&self.index.any)))
            .or_else(|| (emergency && !self.trunks.is_empty()).then_some(Why::AnyTrunk))
            .unwrap_or_else(|| Why::Nothing(self.denial(caller, number, emergency)))
    }

    /// Of routes that take a number alike, the one that names the caller most narrowly, then the first.
    fn best(&self, routes: impl Iterator<Item = usize>, caller: Caller<'_>) -> Option<Why> {
        let admitting = routes.filter_map(|at| Some((Reverse(self.routes[at].admits(caller)?), at)));
        admitting.min().map(|(_, at)| Why::Route(at))
    }

    fn denial(&self, caller: Caller<'_>, number: &str, emergency: bool) -> Denial {
        let number = || Box::from(number);
        if let Caller::Stranger(_) = caller {
            return Denial::Stranger;
        }
        if let Some(at) = self.routes.iter().position(|route| route.number.takes(&number())) {
            let whom = self.routes[at].whom();
            return Denial::ForOthers { number: number(), route: at + 1, whom };
        }
        match caller {
            Caller::Trunk(trunk) => Denial::NoRouteIn { number: number(), trunk: trunk.into() },
            _ if emergency => Denial::NoTrunk { number: number() },
            _ if is_dialable(&number()) => Denial::NoRoute { number: number() },
            _ => Denial::NoSuchName { name: number() },
        }
    }
}
