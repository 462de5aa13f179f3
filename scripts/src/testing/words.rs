//! What a test says of its stage: `t.phone(…)`, `t.advance(…)`, `t.record(…)`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use patchcord_engine::originate::{Then, Wanted};
use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::failed::{met, wrong};
use super::phone::{self, time};
use super::{occasions, world};
use crate::simulator::{Closed, Stage, Stop};

/// What a test computes, at most: a second of one core is a loop without end.
pub(super) const OPERATIONS: u64 = 20_000_000;

/// Operations between two looks at whether somebody still waits for the test.
const LOOK: u64 = 256;

/// How deep functions of a test call each other.
pub(super) const LEVELS: usize = 32;

/// The `t` of a test.
#[derive(Clone)]
pub(super) struct Test {
    pub stage: Stage,
    /// The service beside the test.
    pub service: String,
}

type Said<T = ()> = Result<T, Box<EvalAltResult>>;

/// Rhai with the words of tests.
pub(super) fn engine() -> Engine {
    let mut engine = Engine::new();
    engine.set_max_expr_depths(128, 128).set_max_operations(OPERATIONS).set_max_call_levels(LEVELS);
    engine.set_max_string_size(1 << 20).set_max_array_size(100_000).set_max_map_size(10_000).set_max_modules(0);
    engine.disable_symbol("eval").disable_symbol("import");
    crate::words::times(&mut engine);
    crate::language::never_sleeps(&mut engine);
    engine.register_type_with_name::<Test>("Test");
    people(&mut engine);
    clock(&mut engine);
    judgements(&mut engine);
    phone::register(&mut engine);
    world::register(&mut engine);
    occasions::register(&mut engine);
    engine
}

/// Ends a test in the midst of what it computes, once the word of the one that runs is said.
pub(super) fn end_with(engine: &mut Engine, running: Rc<RefCell<Stop>>) {
    engine.on_progress(move |operations| {
        let why = operations.is_multiple_of(LOOK).then(|| running.borrow().why())?;
        why.map(Dynamic::from)
    });
}

fn people(engine: &mut Engine) {
    engine.register_fn("endpoint", |test: &mut Test, name: &str| test.stage.endpoint(name));
    engine.register_fn("phone", |test: &mut Test, number: &str| test.stage.phone(number));
    engine.register_fn("route", |test: &mut Test, number: &str, service: &str| test.stage.route(number, service));
    engine.register_fn("group", |context: NativeCallContext<'_>, test: &mut Test, name: &str, members: Array| {
        let Some(members) = crate::words::kind::texts_of(&members.into()) else {
            return wrong(&context, "group takes a list of endpoints, as [\"alice\", \"bob\"]");
        };
        test.stage.group(name, &members.iter().map(String::as_str).collect::<Vec<_>>());
        Ok(())
    });
    engine.register_fn(
        "prompt",
        |context: NativeCallContext<'_>, test: &mut Test, name: &str, long: Dynamic| -> Said {
            test.stage.prompt(name, time(&context, &long)?);
            Ok(())
        },
    );
    engine.register_fn("without_prompt", |test: &mut Test, name: &str| test.stage.without_prompt(name));
}

fn clock(engine: &mut Engine) {
    engine.register_fn("advance", |context: NativeCallContext<'_>, test: &mut Test, long: Dynamic| -> Said {
        let long = time(&context, &long)?;
        met(&context, test.stage.advance(long))
    });
    engine.register_fn("at", |context: NativeCallContext<'_>, test: &mut Test, moment: &str| -> Said {
        match moment_of(moment) {
            Some(wall) => test.stage.at(wall),
            None => {
                let how = "a moment is a date, a time and a zone, as \"2026-12-24 10:00 Europe/Berlin\"";
                return wrong(&context, format!("{moment:?}: {how}"));
            }
        }
        Ok(())
    });
}

fn judgements(engine: &mut Engine) {
    engine.register_fn("expect", |context: NativeCallContext<'_>, test: &mut Test, is_so: bool, what: &str| {
        met(&context, test.stage.expect(is_so, what))
    });
    engine.register_fn("expect", |context: NativeCallContext<'_>, test: &mut Test, is_so: bool| {
        met(&context, test.stage.expect(is_so, "this to be so"))
    });
    engine.register_fn("record", |context: NativeCallContext<'_>, test: &mut Test| -> Said<Map> {
        Ok(shown(&met(&context, test.stage.record())?))
    });
    engine.register_fn("record", |context: NativeCallContext<'_>, test: &mut Test, wanted: Map| -> Said {
        let closed = met(&context, test.stage.record())?;
        judged(&context, &test.stage, &closed, &wanted)
    });
    engine.register_fn("faults", |test: &mut Test| -> Array {
        test.stage.forgive_faults();
        test.stage.faults().into_iter().map(Dynamic::from).collect()
    });
    engine.register_fn("originate", |context: NativeCallContext<'_>, test: &mut Test, target: &str| -> Said {
        originate(&context, test, target, &Map::new())
    });
    engine.register_fn(
        "originate",
        |context: NativeCallContext<'_>, test: &mut Test, target: &str, options: Map| -> Said {
            originate(&context, test, target, &options)
        },
    );
    engine.register_fn("ladder", |test: &mut Test| test.stage.ladder());
}

/// The house begins a call: to whoever is named, for the service beside the test where no other one is named.
fn originate(context: &NativeCallContext<'_>, test: &Test, target: &str, options: &Map) -> Said {
    let mut wanted = Wanted::new(target, Then::Service(test.service.clone()));
    for (name, value) in options {
        match name.as_str() {
            "service" => wanted.then = Then::Service(value.to_string()),
            "dial" => wanted.then = Then::Dial(value.to_string()),
            "caller_id" => wanted.caller_id = Some(value.to_string()),
            "ring" => wanted.ring = time(context, value)?,
            "vars" => wanted.vars = world::json_of(context, value)?.to_string(),
            other => {
                let what = format!("originate knows service, dial, caller_id, ring and vars, and not {other}");
                return wrong(context, what);
            }
        }
    }
    met(context, test.stage.originate(&wanted))
}

/// `2026-12-24 10:00 Europe/Berlin` as the time since 1970.
fn moment_of(text: &str) -> Option<Duration> {
    let (local, zone) = text.trim().rsplit_once(' ')?;
    let local: jiff::civil::DateTime = local.trim().replacen(' ', "T", 1).parse().ok()?;
    let second = local.in_tz(zone).ok()?.timestamp().as_second();
    u64::try_from(second).ok().map(Duration::from_secs)
}

/// A record as a test sees it.
pub(super) fn shown(closed: &Closed) -> Map {
    let record = &closed.record;
    let tags = record.tags.iter().map(|(key, value)| ((&**key).into(), value.to_string().into()));
    Map::from([
        ("outcome".into(), closed.outcomes().first().cloned().unwrap_or_default().into()),
        ("legs".into(), i64::try_from(record.legs.len()).unwrap_or(i64::MAX).into()),
        ("ended_by".into(), closed.ended_by().into()),
        ("service".into(), closed.service.clone().into()),
        ("from".into(), record.from.number.to_string().into()),
        ("to".into(), record.to.number.to_string().into()),
        ("talk".into(), Dynamic::from(crate::words::Span(record.talk))),
        ("answered".into(), record.answered.is_some().into()),
        ("fault".into(), closed.fault.clone().map_or(Dynamic::UNIT, Dynamic::from)),
        ("tags".into(), tags.collect::<Map>().into()),
    ])
}

/// A value as it is compared and told; Rhai knows nothing of a time but that it is one.
fn in_words(value: &Dynamic) -> String {
    value.read_lock::<crate::words::Span>().map_or_else(|| value.to_string(), |span| span.to_string())
}

/// What is said of a name that is neither a fact of a record nor a tag of this one.
fn unknown_fact(name: &str, closed: &Closed) -> String {
    let facts = shown(closed);
    let tags: Vec<&str> = closed.record.tags.iter().map(|(key, _)| &**key).collect();
    let known = facts.keys().map(|fact| fact.as_str()).filter(|fact| *fact != "tags").chain(tags.iter().copied());
    match crate::check::near(name, known).filter(|_| name.len() > 3) {
        Some(near) => format!("{name} is no part of the record and no tag of this call; is {near} meant?"),
        None if tags.is_empty() => format!("{name} is no part of the record, and this call has no tags"),
        None => format!("{name} is no part of the record and no tag of this call; its tags are {}", tags.join(", ")),
    }
}

/// Fails unless a record is as wanted. What is no part of a record is a tag.
pub(super) fn judged(context: &NativeCallContext<'_>, stage: &Stage, closed: &Closed, wanted: &Map) -> Said {
    let there = shown(closed);
    let mut other = Vec::new();
    for (name, wanted) in wanted {
        let is_so = match (name.as_str(), there.get(name.as_str())) {
            ("outcome", _) => closed.outcomes().contains(&wanted.to_string()),
            ("tags", _) => {
                let tags = wanted.read_lock::<Map>().map(|tags| tags.clone()).unwrap_or_default();
                tags.iter().all(|(name, value)| closed.tag(name) == Some(value.to_string().as_str()))
            }
            (_, Some(there)) => in_words(there) == in_words(wanted),
            (tag, None) => closed.tag(tag) == Some(wanted.to_string().as_str()),
        };
        let is_known = there.contains_key(name.as_str()) || closed.tag(name).is_some();
        if !is_so && !is_known {
            other.push(unknown_fact(name, closed));
        } else if !is_so {
            let was = there.get(name.as_str()).map(in_words);
            let was = was.or_else(|| closed.tag(name).map(str::to_owned)).unwrap_or_default();
            other.push(format!("{name} is {was}, not {}", in_words(wanted)));
        }
    }
    if other.is_empty() {
        return Ok(());
    }
    let failure = stage.failure("the record to be as written", other.join(", "));
    met(context, Err(failure))
}
