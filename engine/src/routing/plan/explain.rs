//! What would happen if somebody called a number, in words: which rule wins, why, and what it passed over.

use std::fmt::Write;

use super::{Ask, Decision, Plan, Verdict, Why};
use crate::routing::{
    directory::{Directory, Origin},
    pattern::Pattern,
};

/// Most rules that an explanation tells of beside the one that wins.
const MAX_TOLD: usize = 20;

impl Plan {
    /// Says where that call leads and why, one sentence a line.
    pub fn explain(&self, ask: &Ask<'_>, directory: &Directory) -> String {
        let decision = self.decide(ask, directory);
        let mut told = format!("{} calls {}", ask.caller, ask.called);
        if *decision.called != *ask.called {
            let _infallible = write!(told, ", which is {} here", decision.called);
        }
        let _infallible = write!(told, ".\n{}.\n{}.", self.reason(&decision), outcome(&decision.verdict));
        if decision.emergency {
            told += "\nIt is an emergency and passes every limit.";
        }
        if !matches!(decision.why, Why::Objection(_)) {
            self.tell_others(&mut told, ask, &decision);
        }
        told
    }

    fn reason(&self, decision: &Decision) -> String {
        match &decision.why {
            Why::Route(at) => {
                let specific = match &self.routes[*at].number {
                    Pattern::Exact(_) => "names exactly this number",
                    Pattern::Prefix(_) => "names the longest beginning of it",
                    Pattern::Expression(_) => "describes it, and nothing more specific takes it",
                    Pattern::Any => "takes whatever nobody else does",
                };
                format!("{} {specific}", self.named(*at))
            }
            Why::Endpoint { user, by_number: true } => format!("It is the number of endpoint {user}"),
            Why::Endpoint { user, by_number: false } => format!("It is the name of endpoint {user}"),
            Why::Shipped(service) => format!("It is the number at which service {service} is shipped"),
            Why::AnyTrunk => "It is an emergency, no route takes it, and so every trunk is tried".into(),
            Why::Named => "It is the name of a service".into(),
            Why::Objection(denial) | Why::Nothing(denial) => format!("It leads nowhere: {denial}"),
        }
    }

    /// The rules that take the number, too, and why they do not win.
    fn tell_others(&self, told: &mut String, ask: &Ask<'_>, decision: &Decision) {
        let taking = self.routes.iter().enumerate().filter(|(_, route)| route.number.takes(&decision.called));
        let others = taking.filter(|(at, _)| decision.why != Why::Route(*at));
        for (at, route) in others.take(MAX_TOLD) {
            let why_not = match (route.admits(ask.caller), &decision.why) {
                (None, _) => "is not for this caller",
                (Some(_), Why::Route(winner)) if self.routes[*winner].number.rank() == route.number.rank() => {
                    match self.routes[*winner].admits(ask.caller) == route.admits(ask.caller) {
                        true if route.origin == Origin::Store => "was added behind it",
                        true => "stands behind it in the file",
                        false => "names its callers less narrowly",
                    }
                }
                (Some(_), _) => "is less specific",
            };
            let _infallible = write!(told, "\n{} takes it, too, but {why_not}.", self.named(at));
        }
    }

    fn named(&self, at: usize) -> String {
        let route = &self.routes[at];
        let added = if route.origin == Origin::Store { ", added" } else { "" };
        format!("Route {} (number \"{}\" from {}{added})", at + 1, route.number, route.whom())
    }
}

fn outcome(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Service(service) => format!("Service {service} answers"),
        Verdict::Ring(users) => format!("It rings {}", users.join(", ")),
        Verdict::Trunks(ways) => {
            let ways = ways.iter().map(|way| {
                let shown = way.caller.as_deref().map_or("no number".into(), |caller| format!("number {caller}"));
                format!("{} as {} with {shown} shown", way.trunk.name, way.number)
            });
            format!("It goes out by {}", ways.collect::<Vec<_>>().join(", then by "))
        }
        Verdict::Refused(denial) => format!("The caller is answered {} {}", denial.status(), denial.phrase()),
    }
}
