//! Who is called: beside the caller, or for a leg of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use patchcord_engine::call::verb::{Dial, Ringback, Screen, Strategy};
use patchcord_engine::call::{Outcome, Verb};
use patchcord_media::dtmf::Key;
use rhai::{Dynamic, EvalAltResult, ImmutableString, Map};

use super::given::Given;
use super::kind::{Kind, texts_of};
use super::leg::simple;
use super::shape::{Field, Shape, field, gives, may_be};
use super::{Answer, Leg, Of, Part, Span, Word, ended, part};
use crate::scene::KeyDoes;

/// How long somebody rings where a script does not say.
const RING: Duration = Duration::from_secs(30);

/// How long somebody may ring.
const LONGEST_RING: Duration = Duration::from_secs(300);

/// How long two may talk where a script bounds it.
const LONGEST_TALK: Duration = Duration::from_secs(24 * 3600);

/// The cause that the other one is hung up with where a key has ended the talk: normal clearing.
const BY_KEY: u8 = 16;

const SCREEN: &[Part] = &[
    part("prompt", Kind::Text, "What asks."),
    part("key", Kind::Keys, "The key that means yes."),
    part("timeout", Kind::Time, "How long to wait for it."),
];

const DIAL: &[Part] = &[
    part("ring", Kind::Time, "How long each target rings; 30 seconds where it is missing."),
    part(
        "strategy",
        Kind::OneOf(&["all", "one_by_one", "steps"]),
        "All at once, one after the other, or each a step later while the others ring on.",
    ),
    part("step", Kind::Time, "How much later the next one rings with \"steps\"; 5 seconds where it is missing."),
    part(
        "ringback",
        Kind::Text,
        "What the caller hears meanwhile: \"pass\" (what the other side sends), \"phone\" (its own phone's tone), or a prompt as \"music\".",
    ),
    part(
        "early_media",
        Kind::Flag,
        "Whether sound of the other side is passed before it answers; it is where it is missing.",
    ),
    part(
        "screen",
        Kind::TextOrMap,
        "What the callee must agree to by a key before being joined: a prompt, or #{ prompt, key, timeout }.",
    ),
    part("caller_id", Kind::Text, "The number that is shown instead of the caller's."),
    part("present", Kind::Flag, "Whether the caller's number is shown at all; it is where it is missing."),
    part("max_talk", Kind::Time, "How long they may talk."),
    part("warn_at", Kind::Time, "How long before that both are warned."),
    part(
        "record",
        Kind::Flag,
        "Whether their talk is recorded, a channel for each; the recording stands in the record of the call. Not of call_out.",
    ),
    part(
        "keys",
        Kind::Map,
        "What keys of the caller do while they talk, as #{ \"#\": \"end\", \"*\": |caller| caller.tag(\"starred\", true) }; \"end\" hangs the other one up, and dial comes back. Other keys reach on_dtmf. Not of call_out.",
    ),
    part("headers", Kind::Map, "Headers for the callee, as #{ \"X-Order\": \"12\" }."),
    part("codecs", Kind::Texts, "Codecs, where not those of the target."),
    part("secure", Kind::Flag, "Whether the sound must be protected, or must not be."),
];

/// Headers that a script may not set: they are the house's own.
const OURS: &[&str] = &[
    "via",
    "from",
    "to",
    "call-id",
    "cseq",
    "contact",
    "max-forwards",
    "route",
    "record-route",
    "content-length",
    "content-type",
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "proxy-authenticate",
    "supported",
    "require",
    "allow",
    "v",
    "f",
    "t",
    "i",
    "m",
    "l",
    "c",
    "k",
];

/// How a call to others may end.
const ENDS: &[&str] =
    &["answered", "busy", "no_answer", "rejected", "unreachable", "cancelled", "screened", "forbidden", "gone"];

/// Who answered.
const REACHED: Field = may_be("leg", &Shape::Leg, "nobody answered");

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Leg,
        name: "dial",
        takes: &[part(
            "targets",
            Kind::Targets,
            "Who is called: \"user:alice\", a number, \"sip:…\", \"tel:…\", or a list; \"service:voicemail\" takes the call when nobody else of them does, as continue_as.",
        )],
        needs: 1,
        options: DIAL,
        ends: ENDS,
        gives: gives!("dial", REACHED, field("sip", Shape::Number), field("talk", Shape::Time)),
        says: "Calls others and joins the first who answers, until one of both hangs up. With it come `.leg`, `.sip` and `.talk`.",
        does: |given| {
            let Leg(leg) = given.leg();
            let (dial, keys) = (dial(given)?, keys(given)?);
            let scene = given.scene()?;
            scene.set_keys(leg, keys);
            scene.ended_by_key.set(false);
            let answer = dialled(given, Some(leg), Verb::Dial(leg, Box::new(dial)));
            scene.set_keys(leg, BTreeMap::new());
            hang_up_the_other(given, &answer?)
        },
    },
    Word {
        of: Of::Leg,
        name: "call_out",
        takes: &[part("targets", Kind::Targets, "Who is called.")],
        needs: 1,
        options: DIAL,
        ends: ENDS,
        gives: gives!("call_out", REACHED, field("sip", Shape::Number), field("talk", Shape::Time)),
        says: "Calls others without joining them; the leg of who answered is `.leg`.",
        does: |given| {
            let dial = dial(given)?;
            if let Some(service) = dial.targets.iter().find_map(|target| target.strip_prefix("service:")) {
                let what = "call_out calls a party, and a service is none; dial it, or hand the call on by";
                return Err(given.wrong(format!("{what} continue_as({service:?})")));
            }
            dialled(given, Some(given.leg().0), Verb::CallOut(Box::new(dial)))
        },
    },
    Word {
        of: Of::Leg,
        name: "bridge",
        takes: &[part("other", Kind::Leg, "Another leg of this call.")],
        needs: 1,
        options: &[],
        ends: &["done", "stopped", "gone"],
        gives: gives!("bridge"),
        says: "Lets two legs hear each other, until one of both hangs up or they are parted.",
        does: |given| {
            let other = given.get("other").and_then(|other| other.clone().try_cast::<Leg>());
            let Some(Leg(other)) = other else { return Err(given.wrong("bridge wants a leg")) };
            if given.leg().0 == other {
                return Err(given.wrong("bridge was given the leg itself; it wants another leg of this call (echo lets a party hear itself)"));
            }
            simple(given, |leg| Verb::Bridge(leg, other))
        },
    },
    Word {
        of: Of::Leg,
        name: "unbridge",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("unbridge"),
        says: "Parts two legs; both stay. The bridge or the dial that had joined them comes back.",
        does: |given| simple(given, Verb::Unbridge),
    },
];

fn dial(given: &Given<'_>) -> Result<Dial, Box<EvalAltResult>> {
    let ring = given.some_time("ring", LONGEST_RING)?.unwrap_or(RING);
    let (max_talk, warn_at) = talk(given)?;
    let step = given.some_time("step", LONGEST_RING)?;
    if step.is_some() && given.text("strategy").as_deref() != Some("steps") {
        return Err(given.wrong(
            "`step` of dial says how much later the next one rings with strategy: \"steps\"; it goes with that",
        ));
    }
    let strategy = match given.text("strategy").as_deref() {
        Some("one_by_one") => Strategy::OneByOne,
        Some("steps") => Strategy::Steps(step.unwrap_or(Duration::from_secs(5))),
        _ => Strategy::All,
    };
    let early = given.flag("early_media").unwrap_or(true);
    let ringback = match given.text("ringback").as_deref() {
        Some("phone") => Ringback::Phone,
        None | Some("pass") if early => Ringback::Pass,
        None | Some("pass") => Ringback::Phone,
        Some(prompt) => Ringback::Own(prompt.to_owned()),
    };
    let codecs = given.get("codecs").and_then(texts_of).unwrap_or_default();
    let known = ["opus", "g722", "pcma", "pcmu", "l16", "g729"];
    if let Some(other) = codecs.iter().find(|codec| !known.contains(&codec.as_str())) {
        return Err(given.wrong_with("codecs", format!("there is no codec {other:?}; there are {}", known.join(", "))));
    }
    Ok(Dial {
        strategy,
        ringback,
        screen: screen(given)?,
        caller_id: given.text("caller_id"),
        present: given.flag("present").unwrap_or(true),
        max_talk,
        warn_at,
        headers: headers(given)?,
        codecs,
        secure: given.flag("secure"),
        record: given.flag("record").unwrap_or(false),
        ..Dial::new(given.texts("targets"), ring)
    })
}

/// How long they may talk, and how long before that they are warned.
fn talk(given: &Given<'_>) -> Result<(Option<Duration>, Option<Duration>), Box<EvalAltResult>> {
    let longest = given.some_time("max_talk", LONGEST_TALK)?;
    let before = given.some_time("warn_at", LONGEST_TALK)?;
    match (longest, before) {
        (None, Some(_)) => Err(given
            .wrong("`warn_at` of dial says how long before the end of `max_talk` both are warned; it goes with that")),
        (Some(longest), Some(before)) if before >= longest => Err(given.wrong(format!(
            "`warn_at` of dial is {}, and the talk ends after {}: it is how long before that end both are warned",
            Span(before),
            Span(longest)
        ))),
        both => Ok(both),
    }
}

/// A talk that a key has ended is over for the one who was called as well. Gives back what came of the dial.
fn hang_up_the_other(given: &Given<'_>, answer: &Dynamic) -> Answer {
    let scene = given.scene()?;
    let other = answer.read_lock::<Map>().and_then(|answer| answer.get("leg")?.clone().try_cast::<Leg>());
    if let Some(Leg(other)) = other.filter(|_| scene.ended_by_key.take()) {
        scene.want(given, None, Verb::HangUp(other, BY_KEY))?;
    }
    Ok(answer.clone())
}

/// What each key does during a talk.
fn keys(given: &Given<'_>) -> Result<BTreeMap<char, KeyDoes>, Box<EvalAltResult>> {
    let mut keys = BTreeMap::new();
    for (key, then) in given.map("keys").unwrap_or_default() {
        let mut letters = key.chars();
        let (Some(letter), None) = (letters.next().filter(|letter| Key::of_char(*letter).is_some()), letters.next())
        else {
            return Err(given.wrong_with("keys", format!("{key:?} is no key; there are 0 to 9, *, #, and A to D")));
        };
        let ends = then.read_lock::<ImmutableString>().is_some_and(|word| word.as_str() == "end");
        let Some(then) = ends.then_some(KeyDoes::End).or_else(|| Some(KeyDoes::Run(given.later(then.try_cast()?))))
        else {
            let how = "a key ends the talk or does what a function says, as #{ \"#\": \"end\", \"*\": |caller| caller.tag(\"starred\", true) }";
            return Err(given.wrong_with("keys", how));
        };
        keys.insert(letter.to_ascii_uppercase(), then);
    }
    Ok(keys)
}

fn screen(given: &Given<'_>) -> Result<Option<Screen>, Box<EvalAltResult>> {
    let usual = |prompt: String| Screen { prompt, key: one(), timeout: Duration::from_secs(10) };
    if let Some(prompt) = given.text("screen") {
        return Ok(Some(usual(prompt)));
    }
    let Some(map) = given.map("screen") else { return Ok(None) };
    given.inner("screen", &map, SCREEN)?;
    let prompt = map.get("prompt").map(ToString::to_string);
    let mut screen = usual(prompt.ok_or_else(|| given.wrong_with("screen", "it has no `prompt`"))?);
    if let Some(key) = map.get("key").and_then(|key| key.to_string().chars().next()).and_then(Key::of_char) {
        screen.key = key;
    }
    if let Some(Span(timeout)) = map.get("timeout").and_then(|timeout| timeout.clone().try_cast()) {
        screen.timeout = timeout;
    }
    Ok(Some(screen))
}

fn one() -> Key {
    Key::of_char('1').expect("1 is a key")
}

fn headers(given: &Given<'_>) -> Result<Vec<(String, String)>, Box<EvalAltResult>> {
    let mut headers = Vec::new();
    for (name, value) in given.map("headers").unwrap_or_default() {
        let value = value.to_string();
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(given.wrong_with("headers", format!("{name:?} is no name of a header")));
        }
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(given.wrong_with("headers", format!("{name} is written by the house; a script may add others")));
        }
        if value.len() > 1024 || value.contains(['\r', '\n', '\0']) {
            return Err(given.wrong_with("headers", format!("{name} has a line end in it, or more than 1024 bytes")));
        }
        headers.push((name.to_string(), value));
    }
    Ok(headers)
}

fn dialled(given: &Given<'_>, leg: Option<patchcord_engine::call::LegId>, verb: Verb) -> Answer {
    let scene = given.scene()?;
    Ok(match scene.want(given, leg, verb)? {
        Outcome::Dialled { status, leg, sip, talk } => {
            let leg = leg.map_or(Dynamic::UNIT, |leg| Dynamic::from(Leg(leg)));
            ended(status.word(), [("leg", leg), ("sip", i64::from(sip).into()), ("talk", Dynamic::from(Span(talk)))])
        }
        other => {
            let none = [("leg", Dynamic::UNIT), ("sip", 0_i64.into()), ("talk", Dynamic::from(Span::millis(0)))];
            ended(super::sound::status_of(&other), none)
        }
    })
}
