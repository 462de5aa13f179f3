//! The state of a leg: ringing, answered, ended; and what is written of it.

use std::time::Duration;

use patchcord_engine::call::{LegId, Status, Verb};

use rhai::Dynamic;

use super::given::Given;
use super::kind::{Kind, in_words, shown};
use super::shape::{Shape, gives};
use super::sound::prompts;
use super::span::Span;
use super::{Answer, Of, Word, ended, part};
use crate::limits::{Limits, by};
use crate::scene::{self, Unwound};

/// A leg, as a script has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leg(pub LegId);

/// The longest that a script may sleep at once.
const SLEEP: Duration = Duration::from_secs(4 * 3600);

/// Words of one record: what it stands for, and its value.
const TAG: usize = 256;

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Leg,
        name: "ring",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("ring"),
        says: "Lets the caller hear that it rings.",
        does: |given| simple(given, Verb::Ring),
    },
    Word {
        of: Of::Leg,
        name: "progress",
        takes: &[part("prompt", Kind::Prompts, "What the caller hears before the call is answered.")],
        needs: 0,
        options: &[],
        ends: &["ok", "done", "missing", "gone"],
        gives: gives!("progress"),
        says: "Opens the sound before the call is answered, and plays a prompt there.",
        does: |given| {
            let (scene, Leg(leg)) = (given.scene()?, given.leg());
            let opened = scene.want_status(given, leg, Verb::Progress(leg))?;
            if opened != Status::Ok || given.get("prompt").is_none() {
                return Ok(ended(opened.word(), []));
            }
            let played = scene.want_status(given, leg, Verb::Play(leg, prompts(given, "prompt")))?;
            Ok(ended(played.word(), []))
        },
    },
    Word {
        of: Of::Leg,
        name: "answer",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("answer"),
        says: "Answers the call.",
        does: |given| simple(given, Verb::Answer),
    },
    Word {
        of: Of::Leg,
        name: "reject",
        takes: &[
            part("code", Kind::Number, "The SIP status, from 400 to 699; 486 is busy, 603 is declined."),
            part("reason", Kind::Text, "What is said beside it."),
        ],
        needs: 1,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("reject"),
        says: "Refuses a call that is not answered yet.",
        does: |given| {
            let code = u16::try_from(given.number("code", 400, 699)?.unwrap_or(480)).unwrap_or(480);
            let reason = given.text("reason");
            simple(given, move |leg| Verb::Reject(leg, code, reason))
        },
    },
    Word {
        of: Of::Leg,
        name: "redirect",
        takes: &[part("uri", Kind::Text, "Where to call instead, as \"sip:bob@example.org\".")],
        needs: 1,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("redirect"),
        says: "Sends the caller's phone elsewhere (302) before the call is answered.",
        does: |given| {
            let uri = given.needed("uri");
            simple(given, move |leg| Verb::Redirect(leg, uri))
        },
    },
    Word {
        of: Of::Leg,
        name: "hangup",
        takes: &[part(
            "cause",
            Kind::Number,
            "The cause of Q.850, from 1 to 127; 16 is a normal end, and counts where none is given.",
        )],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Ends the leg. On the caller's leg it ends the story, too.",
        does: |given| {
            let cause = u8::try_from(given.number("cause", 1, 127)?.unwrap_or(16)).unwrap_or(16);
            let Leg(leg) = given.leg();
            given.scene()?.want(given, Some(leg), Verb::HangUp(leg, cause))?;
            Given::nothing()
        },
    },
    Word {
        of: Of::Leg,
        name: "sleep",
        takes: &[part("time", Kind::Time, "How long, as 500.ms(); at most 4 hours.")],
        needs: 1,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("sleep"),
        says: "Lets time pass, for as long as the party is there; ends with `gone` as soon as an outlived one is not.",
        does: |given| {
            let (time, Leg(leg)) = (given.time("time", SLEEP)?.unwrap_or_default(), given.leg());
            let scene = given.scene()?;
            if time > scene.limits.sleep {
                let (most, key) = (Span(scene.limits.sleep), by(Limits::SLEEP));
                return Err(given.wrong_with("time", format!("{} is too long; the longest is {most}{key}", Span(time))));
            }
            // Nobody is there for whose sake time could pass.
            if scene.is_gone(leg) && scene.is_outlived(leg) {
                return Ok(ended(Status::Gone.word(), []));
            }
            let status = scene.want_status(given, leg, Verb::Sleep(time))?;
            Ok(ended(status.word(), []))
        },
    },
    Word {
        of: Of::Leg,
        name: "tag",
        takes: &[part("name", Kind::Text, "Under which name."), part("value", Kind::Any, "Text, a number or a flag.")],
        needs: 2,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Writes a word into the record of the call.",
        does: |given| {
            if let Some(value) = given.get("value").filter(|value| !is_word(value)) {
                let what = "it wants a text, a number, a flag or a time, and was given";
                let remedy = "write what of it is wanted, as `${value.name}`";
                return Err(given.wrong_with("value", format!("{what} {}; {remedy}", shown(value))));
            }
            let (name, value) = (given.needed("name"), given.get("value").map(in_words).unwrap_or_default());
            if name.is_empty() || name.len() > TAG || value.len() > TAG {
                return Err(
                    given.wrong(format!("a tag's name and value have at most {TAG} bytes, and a name at least one"))
                );
            }
            // A record is written to when its caller has left, too.
            given.scene()?.want(given, None, Verb::Tag(name, value))?;
            Given::nothing()
        },
    },
    Word {
        of: Of::Leg,
        name: "detach",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("detach"),
        says: "Lets the leg live on when the story has ended, for as long as it is joined with another one.",
        does: |given| simple(given, Verb::Detach),
    },
    Word {
        of: Of::Leg,
        name: "outlive",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Lets the story go on when this leg has gone: its verbs then end with `gone`.",
        does: |given| {
            given.scene()?.outlive(given.leg().0);
            Given::nothing()
        },
    },
    Word {
        of: Of::Leg,
        name: "continue_as",
        takes: &[part("service", Kind::Text, "The name of a service.")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Hands the call to another service. Nothing behind it is done.",
        does: |given| {
            let service = given.needed("service");
            if !given.scene()?.is_served(&service) {
                return Err(given.wrong_with(
                    "service",
                    format!("there is no service {service:?}; write {service}.rhai, or name one that there is"),
                ));
            }
            Err(scene::unwind(&Unwound::ContinueAs(service)))
        },
    },
];

/// A verb that takes nothing but its leg, and of which only the status counts.
pub(super) fn simple(given: &Given<'_>, verb: impl FnOnce(LegId) -> Verb) -> Answer {
    let Leg(leg) = given.leg();
    let status = given.scene()?.want_status(given, leg, verb(leg))?;
    Ok(ended(status.word(), []))
}

/// Whether that can be a word of a record.
fn is_word(value: &Dynamic) -> bool {
    let is_number = value.is_int() || value.is_float() || value.is_bool();
    is_number || value.is_string() || value.is_char() || value.is::<Span>()
}
