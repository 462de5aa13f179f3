//! `originate`: a call of its own that a script has the house begin.

use patchcord_engine::call::{Outcome, Verb};
use patchcord_engine::errand::{Brought, Errand};
use patchcord_engine::originate::{LONGEST_RING, Then, USUAL_RING, Wanted};
use rhai::Dynamic;

use super::given::Given;
use super::kind::Kind;
use super::shape::{Shape, gives, may_be};
use super::small::to_json;
use super::{Answer, Of, Word, ended, part};

pub(super) const WORDS: &[Word] = &[Word {
    of: Of::House,
    name: "originate",
    takes: &[part("target", Kind::Text, "Who is rung: \"user:alice\", a number, \"sip:…\", \"tel:…\".")],
    needs: 1,
    options: &[
        part(
            "service",
            Kind::Text,
            "The service that goes on with whoever answers: it is the `caller` of its on_invite.",
        ),
        part("dial", Kind::Text, "Instead of a service: who is called then, and joined with the first."),
        part("caller_id", Kind::Text, "The number that is shown; that of the house where it is missing."),
        part("ring", Kind::Time, "How long it rings; 30 seconds where it is missing, and at most 300."),
        part("vars", Kind::Map, "What the service finds in `caller.vars`; at most 512 bytes as JSON."),
    ],
    ends: &["begun", "no_service", "unreachable", "forbidden", "full", "invalid"],
    gives: gives!(
        "originate",
        may_be("id", &Shape::Text, "no call was begun"),
        may_be("why", &Shape::Text, "a call was begun")
    ),
    says: "Begins a call of its own, with a record of its own, and does not wait for it. With it come `.id`, its name among all calls, and `.why`, where none was begun.",
    does: |given| {
        let then = match (given.text("service"), given.text("dial")) {
            (Some(service), None) => Then::Service(service),
            (None, Some(other)) => Then::Dial(other),
            _ => {
                return Err(
                    given.wrong("originate wants one of `service` and `dial`: what goes on with whoever answers")
                );
            }
        };
        let vars = match given.map("vars") {
            Some(vars) => to_json(given, &vars.into())?.to_string(),
            None => String::new(),
        };
        let wanted = Wanted {
            caller_id: given.text("caller_id"),
            ring: given.some_time("ring", LONGEST_RING)?.unwrap_or(USUAL_RING),
            vars,
            ..Wanted::new(&given.needed("target"), then)
        };
        begun(given, wanted)
    },
}];

fn begun(given: &Given<'_>, wanted: Wanted) -> Answer {
    let errand = Verb::Errand(Box::new(Errand::Originate(Box::new(wanted))));
    let brought = match given.scene()?.want(given, None, errand)? {
        Outcome::Brought(brought) => *brought,
        _ => return Err(given.wrong("the call is being taken down")),
    };
    match brought {
        Brought::Begun(Ok(call)) => Ok(ended("begun", [("id", call.to_string().into()), ("why", Dynamic::UNIT)])),
        Brought::Begun(Err(why)) => Ok(ended(why.word(), [("id", Dynamic::UNIT), ("why", why.to_string().into())])),
        Brought::Answer(Err(why)) => Err(given.wrong(format!("originate: {why}"))),
        _ => Err(given.wrong("the house gave another answer")),
    }
}
