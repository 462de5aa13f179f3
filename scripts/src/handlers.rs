//! The functions that the house calls: their names, what they take, and what is wrong with those of a text.

use patchcord_engine::occasion::Kind;
use rhai::{AST, Position};

use crate::check::near;
use crate::fault::Fault;

/// Handlers, and how many values each takes.
pub const HANDLERS: &[(&str, usize, &str)] = &[
    ("on_invite", 1, "on_invite(caller): a call arrives for this service."),
    ("on_dtmf", 2, "on_dtmf(leg, key): a key that no gather took; key.digit, key.ms, key.via."),
    ("on_info", 2, "on_info(leg, info): SIP INFO that is no key; info.content_type, info.body."),
    (
        "on_refer",
        2,
        "on_refer(leg, req): a party asks to be transferred; req.to, req.replaces, req.accept(), req.reject(code).",
    ),
    ("on_hold", 2, "on_hold(leg, held): a party holds, or resumes."),
    (
        "on_message",
        2,
        "on_message(leg, msg): a text; msg.content_type, msg.body. Outside of any call leg is (), and there are msg.from, msg.to, msg.name, msg.endpoint, msg.trunk; it gives back what on_register does.",
    ),
    ("on_bye", 2, "on_bye(leg, why): once for each leg that ends; why.by, why.cause, why.sip, why.reason, why.at."),
    (
        "on_room",
        2,
        "on_room(leg, ev): something happens in the conference room of a leg; ev.kind (join, leave, talk_start, talk_stop, floor, hand, mute, lock, record, wait, denied), ev.on, ev.me, ev.member, ev.name, ev.number, ev.role, ev.members, ev.room.",
    ),
    ("on_error", 2, "on_error(leg, err): the script has failed; err.text."),
    (
        "on_web",
        1,
        "on_web(req): somebody asks /services/NAME over HTTP; req.method, req.query, req.headers, req.body, req.json, req.who. Gives back a text, a status, () or #{ status, headers, body, json }.",
    ),
    ("on_timer", 1, "on_timer(name): a moment that [timer] of the manifest names."),
    (
        "on_register",
        1,
        "on_register(reg): a phone registers, asked of the service of the house; reg.user, reg.number, reg.contact, reg.user_agent, reg.transport, reg.address. Gives back true or (), false, a status, or #{ status, reason }.",
    ),
];

/// Handlers that are given no leg.
pub(crate) const WITHOUT_PARTY: &[&str] = &["on_web", "on_timer", "on_register"];

/// What is wrong with the handlers of a text: one that nobody calls, one that takes something else, none to begin with.
pub(crate) fn wrong(file: &str, text: &str, ast: &AST) -> Vec<Fault> {
    let mut faults = Vec::new();
    let functions: Vec<(String, usize)> =
        ast.iter_functions().map(|function| (function.name.to_owned(), function.params.len())).collect();
    let mut meant = Vec::new();
    for (name, count) in functions.iter().filter(|(name, _)| name.starts_with("on_")) {
        let at = place_of_function(text, name, *count);
        match HANDLERS.iter().find(|(known, ..)| known == name) {
            Some((_, takes, says)) if takes != count => {
                let (is, are) = (in_words(*count), in_words(*takes));
                faults.push(Fault::at(
                    file,
                    at,
                    format!("{name} has {is} here and takes {are}, so it would never be called: it is {says}"),
                ));
                meant.push(name.as_str());
            }
            Some(_) => {}
            None => {
                let near = near(name, HANDLERS.iter().map(|(known, ..)| *known));
                let hint = near.map_or_else(String::new, |near| format!("; is {near} meant?"));
                meant.extend(near);
                faults.push(Fault::at(file, at, format!("nobody calls a handler {name}{hint}")));
            }
        }
    }
    let begins = |name: &str| name == "on_invite" || Kind::ALL.iter().any(|kind| kind.handler() == name);
    let is_begun = functions.iter().any(|(name, _)| begins(name)) || meant.into_iter().any(begins);
    if !is_begun {
        faults.push(Fault::of_file(file, "it has no fn on_invite(caller), which a call begins with"));
    }
    faults
}

/// Where a function of that name, with so many values, has its name.
pub(crate) fn place_of_function(text: &str, name: &str, count: usize) -> Position {
    let place = |(number, line): (usize, &str)| {
        let rest = line.trim_start();
        let rest = rest.strip_prefix("private ").map_or(rest, str::trim_start).strip_prefix("fn ")?.trim_start();
        let takes = rest.strip_prefix(name)?.trim_start().strip_prefix('(')?;
        let takes = takes.split(')').next().unwrap_or(takes).split(',').filter(|part| !part.trim().is_empty());
        let column = line.chars().count() - rest.chars().count() + 1;
        let at = Position::new(u16::try_from(number + 1).ok()?, u16::try_from(column).ok()?);
        Some((takes.count(), at))
    };
    let places: Vec<(usize, Position)> = text.lines().enumerate().filter_map(place).collect();
    let exact = places.iter().find(|(takes, _)| *takes == count).or(places.first());
    exact.map_or(Position::NONE, |(_, at)| *at)
}

fn in_words(count: usize) -> String {
    match count {
        0 => "no value".into(),
        1 => "1 value".into(),
        count => format!("{count} values"),
    }
}
