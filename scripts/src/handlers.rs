//! The functions that the house calls: their names, what they take, and what is wrong with those of a text.

use patchcord_engine::occasion::Kind;
use rhai::{AST, Position};

use crate::check::near;
use crate::fault::Fault;
use crate::words::shape::{Field, Record, Shape, field, may_be};

/// A function that the house calls.
pub struct Handler {
    /// Its name.
    pub name: &'static str,
    /// What it is handed, by the names that the manual gives them.
    pub takes: &'static [Field],
    /// When it is called, and with what, in a sentence.
    pub says: &'static str,
}

const LEG: Field = field("leg", Shape::Leg);

/// A map that a handler is handed.
macro_rules! handed {
    ($name:literal, $of:literal, $($field:expr),* $(,)?) => {
        field($name, Shape::Record(&Record { of: concat!("the `", $name, "` of ", $of), fields: &[$($field),*] }))
    };
}

/// All handlers.
pub const HANDLERS: &[Handler] = &[
    Handler { name: "on_invite", takes: &[field("caller", Shape::Leg)], says: "a call arrives for this service." },
    Handler {
        name: "on_dtmf",
        takes: &[
            LEG,
            handed!(
                "key",
                "on_dtmf",
                field("digit", Shape::Text),
                field("ms", Shape::Number),
                field("via", Shape::Text)
            ),
        ],
        says: "a key that no gather took; key.digit, key.ms, key.via.",
    },
    Handler {
        name: "on_info",
        takes: &[LEG, handed!("info", "on_info", field("content_type", Shape::Text), field("body", Shape::Text))],
        says: "SIP INFO that is no key; info.content_type, info.body.",
    },
    Handler {
        name: "on_refer",
        takes: &[LEG, field("req", Shape::Wish)],
        says: "a party asks to be transferred; req.to, req.replaces, req.accept(), req.reject(code).",
    },
    Handler { name: "on_hold", takes: &[LEG, field("held", Shape::Flag)], says: "a party holds, or resumes." },
    Handler {
        name: "on_message",
        takes: &[
            may_be("leg", &Shape::Leg, "the text came outside of any call"),
            handed!(
                "msg",
                "on_message",
                field("content_type", Shape::Text),
                field("body", Shape::Text),
                may_be("from", &Shape::Text, "the text came within a call"),
                may_be("to", &Shape::Text, "the text came within a call"),
                may_be("name", &Shape::Text, "nobody said it"),
                may_be("endpoint", &Shape::Text, "who wrote is no endpoint of this house"),
                may_be("trunk", &Shape::Text, "the text came by no trunk"),
            ),
        ],
        says: "a text; msg.content_type, msg.body. Outside of any call leg is (), and there are msg.from, msg.to, msg.name, msg.endpoint, msg.trunk; it gives back what on_register does.",
    },
    Handler {
        name: "on_bye",
        takes: &[
            LEG,
            handed!(
                "why",
                "on_bye",
                field("by", Shape::Text),
                field("cause", Shape::Number),
                field("sip", Shape::Number),
                field("reason", Shape::Text),
                field("at", Shape::Text),
            ),
        ],
        says: "once for each leg that ends; why.by, why.cause, why.sip, why.reason, why.at.",
    },
    Handler {
        name: "on_room",
        takes: &[
            LEG,
            handed!(
                "ev",
                "on_room",
                field("kind", Shape::Text),
                field("on", Shape::Flag),
                field("me", Shape::Flag),
                may_be("member", &Shape::Number, "it is about nobody"),
                field("name", Shape::Text),
                field("number", Shape::Text),
                field("role", Shape::Text),
                field("members", Shape::Number),
                field("room", Shape::Text),
            ),
        ],
        says: "something happens in the conference room of a leg; ev.kind (join, leave, talk_start, talk_stop, floor, hand, mute, lock, record, wait, denied), ev.on, ev.me, ev.member, ev.name, ev.number, ev.role, ev.members, ev.room.",
    },
    Handler {
        name: "on_error",
        takes: &[LEG, handed!("err", "on_error", field("text", Shape::Text))],
        says: "the script has failed; err.text.",
    },
    Handler {
        name: "on_web",
        takes: &[handed!(
            "req",
            "on_web",
            field("method", Shape::Text),
            field("query", Shape::Map),
            field("headers", Shape::Map),
            field("body", Shape::Text),
            field("json", Shape::Any),
            field("who", Shape::Text),
        )],
        says: "somebody asks /services/NAME over HTTP; req.method, req.query, req.headers, req.body, req.json, req.who. Gives back a text, a status, () or #{ status, headers, body, json }.",
    },
    Handler {
        name: "on_timer",
        takes: &[field("name", Shape::Text)],
        says: "a moment that [timer] of the manifest names.",
    },
    Handler {
        name: "on_register",
        takes: &[handed!(
            "reg",
            "on_register",
            field("user", Shape::Text),
            may_be("number", &Shape::Text, "the endpoint has none"),
            field("contact", Shape::Text),
            field("user_agent", Shape::Text),
            field("transport", Shape::Text),
            field("address", Shape::Text),
        )],
        says: "a phone registers, asked of the service of the house; reg.user, reg.number, reg.contact, reg.user_agent, reg.transport, reg.address. Gives back true or (), false, a status, or #{ status, reason }.",
    },
];

impl Handler {
    /// The one of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        HANDLERS.iter().find(|handler| handler.name == name)
    }

    /// How it is written: `on_dtmf(leg, key)`.
    pub fn written(&self) -> String {
        let takes: Vec<&str> = self.takes.iter().map(|part| part.name).collect();
        format!("{}({})", self.name, takes.join(", "))
    }
}

/// What is wrong with the handlers of a text: one that nobody calls, one that takes something else, none to begin with.
pub(crate) fn wrong(file: &str, text: &str, ast: &AST) -> Vec<Fault> {
    let mut faults = Vec::new();
    let functions: Vec<(String, usize)> =
        ast.iter_functions().map(|function| (function.name.to_owned(), function.params.len())).collect();
    let mut meant = Vec::new();
    for (name, count) in functions.iter().filter(|(name, _)| name.starts_with("on_")) {
        let at = place_of_function(text, name, *count);
        match Handler::named(name) {
            Some(handler) if handler.takes.len() != *count => {
                let (is, are) = (in_words(*count), in_words(handler.takes.len()));
                let (written, says) = (handler.written(), handler.says);
                let what = format!(
                    "{name} has {is} here and takes {are}, so it would never be called: it is {written}: {says}"
                );
                faults.push(Fault::at(file, at, what));
                meant.push(name.as_str());
            }
            Some(_) => {}
            None => {
                let near = near(name, HANDLERS.iter().map(|handler| handler.name));
                let hint = near.map_or_else(String::new, |near| format!("; is {near} meant?"));
                meant.extend(near);
                faults.push(Fault::at(file, at, format!("nobody calls a handler {name}{hint}")));
            }
        }
    }
    let begins = |name: &str| name == "on_invite" || Kind::ALL.iter().any(|kind| kind.handler() == name);
    let bare = |name: &str| name.replace('_', "").to_lowercase();
    for (name, count) in functions.iter().filter(|(name, _)| !name.starts_with("on_")) {
        if let Some(handler) = HANDLERS.iter().find(|handler| bare(handler.name) == bare(name)) {
            let what = format!("nobody calls a handler {name}; is {} meant?", handler.name);
            faults.push(Fault::at(file, place_of_function(text, name, *count), what));
            meant.push(handler.name);
        }
    }
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
