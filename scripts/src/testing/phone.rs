//! What a test says of a phone: what it does when it is called, what it does, and what it is expected to meet.

use std::time::Duration;

use patchcord_media::dtmf::Via;
use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::failed::{met, wrong};
use super::words::{self, judged};
use crate::simulator::{Failure, Phone};
use crate::words::Span;
use crate::words::kind::Kind;

/// What is expected of a phone and somebody else.
type Word = fn(&Phone, &str) -> Result<Phone, Failure>;

type Met<T = Phone> = Result<T, Box<EvalAltResult>>;

/// Teaches Rhai the words of a phone.
pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Phone>("Phone");
    engine.register_get("name", |phone: &mut Phone| phone.name());
    engine.register_fn("to_string", |phone: &mut Phone| phone.name());
    manners(engine);
    deeds(engine);
    expectations(engine);
}

fn manners(engine: &mut Engine) {
    engine.register_fn("rings", |phone: &mut Phone| phone.rings());
    engine.register_fn("busy", |phone: &mut Phone| phone.busy());
    engine.register_fn("browser", |phone: &mut Phone| phone.browser());
    engine.register_fn("unregistered", |phone: &mut Phone| phone.unregistered());
    engine.register_fn("answers", |phone: &mut Phone| phone.answers(Duration::ZERO));
    engine.register_fn("answers", |context: NativeCallContext<'_>, phone: &mut Phone, after: Dynamic| -> Met {
        Ok(phone.answers(time(&context, &after)?))
    });
    engine.register_fn("answers_and_presses", |phone: &mut Phone, keys: &str| phone.answers_and_presses(keys));
    text_word(engine, "has_number", Phone::has_number);
    engine.register_fn("rejects", |context: NativeCallContext<'_>, phone: &mut Phone, status: i64| -> Met {
        Ok(phone.rejects(refusal(&context, status)?))
    });
    engine.register_fn("shows", |phone: &mut Phone, name: &str| phone.shows(name));
    engine.register_fn("says", |phone: &mut Phone, header: &str, value: &str| phone.says(header, value));
}

fn deeds(engine: &mut Engine) {
    engine.register_fn("dials", |context: NativeCallContext<'_>, phone: &mut Phone, number: &str| -> Met {
        if number.trim().is_empty() {
            return wrong(&context, "a phone dials a number or a service, as \"100\" or \"office\", and was given an empty text");
        }
        if let Some(service) = phone.stage().lacks(number) {
            let why = format!("nobody answers {number}: there is no service {service}; name one that is there, or say t.endpoint(\"{number}\") or t.route(\"{number}\", …)");
            return wrong(&context, why);
        }
        met(&context, phone.dials(number))
    });
    text_word(engine, "presses", Phone::presses);
    text_word(engine, "transfers_to", Phone::transfers_to);
    text_word(engine, "writes", Phone::writes);
    time_word(engine, "after", Phone::after);
    time_word(engine, "silent", Phone::silent);
    time_word(engine, "speaks", Phone::speaks);
    plain_word(engine, "hangs_up", Phone::hangs_up);
    plain_word(engine, "holds", |phone| phone.holds(true));
    plain_word(engine, "resumes", |phone| phone.holds(false));
    engine.register_fn(
        "presses",
        |context: NativeCallContext<'_>, phone: &mut Phone, keys: &str, options: Map| -> Met {
            let via = options.get("via").map(ToString::to_string);
            let via = match (via.as_deref(), options.len()) {
                (Some("rtp"), 1) => Via::Rtp,
                (Some("info"), 1) => Via::Info,
                (Some("inband"), 1) => Via::Inband,
                _ => return wrong(&context, "presses takes #{ via: \"rtp\" }, \"info\" or \"inband\""),
            };
            met(&context, phone.presses_by(keys, via))
        },
    );
    engine.register_fn(
        "sends_info",
        |context: NativeCallContext<'_>, phone: &mut Phone, kind: &str, body: &str| -> Met {
            met(&context, phone.sends_info(kind, body))
        },
    );
}

fn expectations(engine: &mut Engine) {
    text_word(engine, "hears", Phone::hears);
    text_word(engine, "hears_keys", Phone::hears_keys);
    text_word(engine, "talks_to", Phone::talks_to);
    text_word(engine, "does_not_hear", Phone::does_not_hear);
    text_word(engine, "reads", Phone::reads);
    plain_word(engine, "hears_nothing", Phone::hears_nothing);
    plain_word(engine, "is_answered", Phone::is_answered);
    plain_word(engine, "is_ringing", Phone::is_ringing);
    plain_word(engine, "is_hung_up", Phone::is_hung_up);
    let words =
        [("hears", Phone::hears as Word), ("talks_to", Phone::talks_to), ("does_not_hear", Phone::does_not_hear)];
    for (name, word) in words {
        engine.register_fn(name, move |context: NativeCallContext<'_>, phone: &mut Phone, other: Phone| -> Met {
            met(&context, word(phone, &other.name()))
        });
    }
    engine.register_fn("hears", |context: NativeCallContext<'_>, phone: &mut Phone, all: Array| -> Met {
        let Some(prompts) = crate::words::kind::texts_of(&all.into()) else {
            return wrong(&context, "hears takes the name of a prompt, or a list of names");
        };
        for prompt in prompts {
            met(&context, phone.hears(&prompt))?;
        }
        Ok(phone.clone())
    });
    engine.register_fn("hears", |context: NativeCallContext<'_>, phone: &mut Phone, what: &str, options: Map| -> Met {
        if let Some(other) = options.keys().find(|name| *name != "within") {
            return wrong(&context, format!("hears knows the option within, and not {other}"));
        }
        let Some(within) = options.get("within") else { return met(&context, phone.hears(what)) };
        met(&context, phone.hears_within(what, time(&context, within)?))
    });
    engine.register_fn("is_rejected", |context: NativeCallContext<'_>, phone: &mut Phone, status: i64| -> Met {
        let status = refusal(&context, status)?;
        met(&context, phone.is_rejected(status))
    });
    engine.register_fn(
        "is_told_of_transfer",
        |context: NativeCallContext<'_>, phone: &mut Phone, status: i64| -> Met {
            met(&context, phone.is_told_of_transfer(u16::try_from(status).unwrap_or(0)))
        },
    );
    engine.register_fn("record", |context: NativeCallContext<'_>, phone: &mut Phone| -> Met<Map> {
        Ok(words::shown(&met(&context, phone.record())?))
    });
    engine.register_fn("record", |context: NativeCallContext<'_>, phone: &mut Phone, wanted: Map| -> Met {
        let closed = met(&context, phone.record())?;
        judged(&context, phone.stage(), &closed, &wanted)?;
        Ok(phone.clone())
    });
}

fn plain_word(engine: &mut Engine, name: &str, does: fn(&Phone) -> Result<Phone, Failure>) {
    engine.register_fn(name, move |context: NativeCallContext<'_>, phone: &mut Phone| met(&context, does(phone)));
}

fn text_word(engine: &mut Engine, name: &str, does: fn(&Phone, &str) -> Result<Phone, Failure>) {
    engine.register_fn(name, move |context: NativeCallContext<'_>, phone: &mut Phone, text: &str| {
        met(&context, does(phone, text))
    });
}

fn time_word(engine: &mut Engine, name: &str, does: fn(&Phone, Duration) -> Result<Phone, Failure>) {
    engine.register_fn(name, move |context: NativeCallContext<'_>, phone: &mut Phone, long: Dynamic| {
        let long = time(&context, &long)?;
        met(&context, does(phone, long))
    });
}

/// A time with its unit.
pub(super) fn time(context: &NativeCallContext<'_>, given: &Dynamic) -> Met<Duration> {
    match (given.clone().try_cast::<Span>(), Kind::Time.check(given)) {
        (Some(span), _) => Ok(span.0),
        (None, Err(why)) => wrong(context, why),
        (None, Ok(())) => wrong(context, Kind::Time.wanted()),
    }
}

fn refusal(context: &NativeCallContext<'_>, status: i64) -> Met<u16> {
    match u16::try_from(status) {
        Ok(status) if (300..700).contains(&status) => Ok(status),
        _ => wrong(context, format!("{status} refuses no call: there are the statuses from 300 to 699")),
    }
}
