//! `mailbox`: what was left for people who did not answer. Each word is an errand; a mailbox has the name or the number of its
//! owner.

use std::time::Duration;

use serde_json::{Value, json};

use super::given::Given;
use super::kind::Kind;
use super::shape::{Record, Shape, field, may_be};
use super::small::from_json;
use super::{Answer, Of, Part, Word, part};

/// How long the house may take: a store that needs longer counts as away.
const SOON: Duration = Duration::from_secs(15);

const USER: Part = part("user", Kind::Text, "Whose: the name of an endpoint, or its number.");

const ID: Part = part("id", Kind::Text, "Which message: its `.id`.");

const LEFT: &[Part] = &[
    part("from", Kind::Text, "The number that it is from."),
    part("ms", Kind::Number, "How long it is, in milliseconds."),
];

const FILE: Part = part("file", Kind::Text, "The `.file` of a recording.");

const PIN: Part = part("pin", Kind::Text, "What was pressed.");

/// What is known of a mailbox.
const ABOUT: Record = Record {
    of: "what about gives",
    fields: &[may_be("mail", &Shape::Text, "its owner is written to nowhere"), field("pin", Shape::Flag)],
};

const COUNT: Record = Record {
    of: "what count gives",
    fields: &[field("unheard", Shape::Number), field("heard", Shape::Number), field("full", Shape::Flag)],
};

const SAVED: Record = Record { of: "what save gives", fields: &[field("id", Shape::Text)] };

const MESSAGE: Shape = Shape::Record(&Record {
    of: "a message of a mailbox",
    fields: &[
        field("id", Shape::Text),
        field("file", Shape::Text),
        field("from", Shape::Text),
        field("ms", Shape::Number),
        field("at_ms", Shape::Number),
        field("heard", Shape::Flag),
    ],
});

const TRIED: Record = Record {
    of: "what pin gives",
    fields: &[
        field("status", Shape::Text),
        may_be("tries_left", &Shape::Number, "the PIN was not wrong"),
        may_be("locked_s", &Shape::Number, "the mailbox is not locked"),
    ],
};

pub(super) const WORDS: &[Word] = &[
    mailbox(
        "about",
        &[USER],
        &[],
        Shape::Record(&ABOUT),
        "What is known of a mailbox: #{ mail, pin }, where its owner is written to, or (), and whether it has a PIN.",
        |given| ask(given, "about", json!({})),
    ),
    mailbox(
        "count",
        &[USER],
        &[],
        Shape::Record(&COUNT),
        "How many messages there are: #{ unheard, heard, full }.",
        |given| ask(given, "count", json!({})),
    ),
    mailbox(
        "save",
        &[USER, FILE],
        LEFT,
        Shape::Record(&SAVED),
        "Leaves a recording there; gives its #{ id }.",
        |given| {
            let ms = given.get("ms").and_then(|ms| ms.as_int().ok()).unwrap_or_default();
            let with = json!({ "file": given.needed("file"), "from": given.needed("from"), "ms": ms.max(0) });
            ask(given, "save", with)
        },
    ),
    mailbox(
        "list",
        &[USER],
        &[],
        Shape::List(&MESSAGE),
        "The messages, the new ones first: a list of #{ id, file, from, ms, at_ms, heard }.",
        |given| ask(given, "list", json!({})),
    ),
    mailbox(
        "mark_heard",
        &[USER, ID],
        &[],
        Shape::Flag,
        "Counts a message as heard; gives whether there is such a one.",
        |given| ask(given, "mark_heard", json!({ "id": given.needed("id") })),
    ),
    mailbox(
        "delete",
        &[USER, ID],
        &[],
        Shape::Flag,
        "Deletes a message; gives whether there was such a one.",
        |given| ask(given, "delete", json!({ "id": given.needed("id") })),
    ),
    mailbox(
        "pin",
        &[USER, PIN],
        &[],
        Shape::Record(&TRIED),
        "Tries a PIN: the status is \"ok\", \"wrong\", \"locked\", or \"none\" where there is no PIN. After three wrong ones none is looked at for a while.",
        |given| ask(given, "pin", json!({ "pin": given.needed("pin") })),
    ),
];

const fn mailbox(
    name: &'static str,
    takes: &'static [Part],
    options: &'static [Part],
    gives: Shape,
    says: &'static str,
    does: fn(&Given<'_>) -> Answer,
) -> Word {
    Word { of: Of::Module("mailbox"), name, takes, needs: takes.len(), options, ends: &[], gives, says, does }
}

fn ask(given: &Given<'_>, what: &str, mut with: Value) -> Answer {
    with["do"] = what.into();
    with["user"] = given.needed("user").into();
    let scene = given.scene()?;
    let answer = scene.outside(given, "mailbox", &with, SOON)?;
    // What lies in a mailbox may be heard by whoever may look into it.
    let listed = answer.as_array().into_iter().flatten().filter_map(|message| message["file"].as_str());
    listed.for_each(|file| scene.has_file(file));
    from_json(given, answer)
}
