//! `[[route]]`: which numbers lead where, and for whom. One that is added while the server runs is read by the same code.

use std::{collections::HashSet, sync::Arc};

use patchcord_engine::routing::{
    MAX_EXPRESSIONS, MAX_ROUTES, MAX_TARGETS, Origin, Pattern, PatternFault, Route, Source, Target, Trunk,
};
use patchcord_web::{accounts::rules, routes::Written};

use super::{
    problem::{Place, Problem, Report, Wrong},
    rewriting,
    section::Section,
    tree,
};

/// Reads them all. Trunks that they name must be there; endpoints may be added later by command.
pub fn read_all(sections: Vec<Section<'_>>, trunks: &[Trunk]) -> Vec<Route> {
    let names: HashSet<&str> = trunks.iter().map(|trunk| &*trunk.name).collect();
    let mut routes = Vec::new();
    let mut expressions = 0;
    for mut section in sections {
        let place = section.place().clone();
        let Some(route) = read(&mut section, &names, Origin::File) else { continue };
        expressions += usize::from(matches!(route.number, Pattern::Expression(_)));
        if expressions > MAX_EXPRESSIONS {
            let reason = format!("is the {expressions}th expression, and {MAX_EXPRESSIONS} are allowed");
            section.object(&place, "number", Wrong::new(reason, "write beginnings, as in \"+4930*\""));
        }
        if routes.len() >= MAX_ROUTES {
            let reason = format!("there are more than {MAX_ROUTES}");
            section.object(&place, "number", Wrong::new(reason, "have a service look the numbers up"));
        }
        routes.push(route);
    }
    routes
}

/// Why a route that somebody wants to add cannot be one.
#[derive(Debug)]
pub struct Unfit {
    /// What is wrong; at least one thing.
    pub problems: Vec<Problem>,
    /// Whether nothing is wrong with it but that a trunk is not there.
    pub only_absent: bool,
}

/// Reads one that is added: the keys of `[[route]]`, and the same words when they are wrong.
pub fn read_added(written: &Written, trunks: &[Trunk]) -> Result<Route, Unfit> {
    let names: HashSet<&str> = trunks.iter().map(|trunk| &*trunk.name).collect();
    attempt(written, &names).map_err(|problems| {
        let mut every = names;
        for named in ["trunk", "from"].into_iter().filter_map(|key| written.get(key)) {
            let one = named.as_str().into_iter();
            let all = one.chain(named.as_array().into_iter().flatten().filter_map(|name| name.as_str()));
            every.extend(all.map(|name| name.strip_prefix("trunk:").unwrap_or(name).trim()));
        }
        Unfit { problems, only_absent: attempt(written, &every).is_ok() }
    })
}

fn attempt(written: &Written, trunks: &HashSet<&str>) -> Result<Route, Vec<Problem>> {
    let report = Report::default();
    let route = read(&mut Section::new("", Place::Whole, tree::of_json(written), &report), trunks, Origin::Store);
    match (report.into_problems(String::new()), route) {
        (Some(problems), _) => Err(problems.found),
        (None, route) => Ok(route.expect("what cannot be read is reported")),
    }
}

fn read(section: &mut Section<'_>, trunks: &HashSet<&str>, origin: Origin) -> Option<Route> {
    let place = section.place().clone();
    let has_number = section.has("number");
    let number = section.take_parsed("number", pattern);
    let source = |text: &str| {
        let remedy = "write \"endpoints\", \"browsers\", \"trunk:\" with the name of a trunk, or \"anyone\"";
        match text.parse() {
            Ok(Source::Trunk(name)) if !trunks.contains(&*name) => Err(no_trunk(&name)),
            Ok(source) => Ok(source),
            Err(_) => Err(Wrong::new(format!("{text:?} is nobody who calls"), remedy)),
        }
    };
    let from = section.take_one_or_more("from", source);
    let target = target(section, &place, trunks);
    let rewrite = section.has("rewrite").then(|| rewriting::outward(&mut section.take_section("rewrite"), None));
    section.close();
    if !has_number {
        let remedy = "write number = \"1000\", \"+4930*\", \"*\", or an expression in slashes";
        section.object(&place, "number", Wrong::new("is missing", remedy));
    }
    let from = from.unwrap_or_else(|| vec![Source::Endpoints]);
    if from.is_empty() {
        section.object(&place, "from", Wrong::new("is empty", "leave it out for endpoints"));
    }
    let target = target?;
    if matches!(target, Target::Trunks(_)) && from.contains(&Source::Anyone) {
        let reason = "would let strangers call out at your cost";
        section.object(&place, "from", Wrong::new(reason, "write from = \"endpoints\", or name a trunk"));
    }
    Some(Route { number: number?.0, from, target, rewrite, origin })
}

fn pattern(text: &str) -> Result<Pattern, Wrong> {
    text.parse().map_err(|fault: PatternFault| {
        let remedy = match fault {
            PatternFault::Neither(_) => "write \"1000\", \"+4930*\", \"*\", or an expression in slashes",
            PatternFault::Unreadable(_) => {
                "correct what stands between the slashes; a backslash is doubled, or the text is in '…'"
            }
            PatternFault::TooLarge => "write a shorter one, or several routes",
        };
        Wrong::new(fault.to_string(), remedy)
    })
}

/// The one of `service`, `trunk` and `endpoint` that is there.
fn target(section: &mut Section<'_>, place: &Place, trunks: &HashSet<&str>) -> Option<Target> {
    let given = ["service", "trunk", "endpoint"].into_iter().filter(|key| section.has(key)).count();
    let name = |what: &'static str| move |text: &str| named(what, text);
    let trunk = |text: &str| match trunks.contains(text) {
        true => Ok(Arc::from(text)),
        false => Err(no_trunk(text)),
    };
    let service = section.take_parsed("service", name("a service")).map(|(service, _)| service);
    let out = section.take_one_or_more("trunk", trunk);
    let endpoints = section.take_one_or_more("endpoint", name("an endpoint"));
    if given != 1 {
        let reason = if given == 0 { "leads nowhere" } else { "leads to more than one thing" };
        section.object(place, "service", Wrong::new(reason, "write exactly one of service, trunk and endpoint"));
        return None;
    }
    for (key, list) in [("trunk", &out), ("endpoint", &endpoints)] {
        let Some(list) = list else { continue };
        if list.is_empty() {
            section.object(place, key, Wrong::new("is empty", "name at least one"));
        }
        if list.len() > MAX_TARGETS {
            section.object(place, key, Wrong::new(format!("there are more than {MAX_TARGETS}"), "name fewer"));
        }
    }
    let service = service.map(Target::Service);
    let lists = out.filter(|list| !list.is_empty()).map(Target::Trunks);
    service.or(lists).or(endpoints.filter(|list| !list.is_empty()).map(Target::Endpoints))
}

fn named(what: &str, text: &str) -> Result<Arc<str>, Wrong> {
    rules::user(text).map(|()| Arc::from(text)).map_err(|_| {
        let remedy = "use 1 to 64 letters, digits and - _ . +";
        Wrong::new(format!("{text:?} cannot be the name of {what}"), remedy)
    })
}

/// The name of a service.
pub fn service(text: &str) -> Result<Arc<str>, Wrong> {
    named("a service", text)
}

fn no_trunk(name: &str) -> Wrong {
    Wrong::new(format!("there is no trunk {name}"), format!("write a [[trunk]] with name = \"{name}\", or correct it"))
}
