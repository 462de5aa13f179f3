//! What a party hears and says: prompts, keys, recordings.

use std::time::Duration;

use patchcord_engine::call::verb::{Gather, Play, Record, SendKeys};
use patchcord_engine::call::{Outcome, Verb};
use rhai::{Dynamic, EvalAltResult};

use super::given::{Given, counted};
use super::kind::{Kind, texts_of};
use super::leg::simple;
use super::shape::{Field, Shape, field, gives, may_be};
use super::{Answer, Leg, Of, Part, Word, ended, part};

/// The longest that a key or a pause is waited for.
const WAIT: Duration = Duration::from_secs(600);

/// The longest recording.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Prompts of one play.
const PROMPTS: usize = 64;

/// Keys of one answer.
const DIGITS: i64 = 64;

pub(super) const PLAY: &[Part] = &[
    part("stop_keys", Kind::Keys, "Keys that end it, as \"#\"; none where it is missing."),
    part("volume", Kind::Number, "Louder or softer, in decibels from -40 to 20; 0 where it is missing."),
    part("loops", Kind::Number, "How often; 0 plays until something else ends it; 1 where it is missing."),
    part("from", Kind::Time, "Where the first prompt begins; at its start where it is missing."),
];

pub(super) const RECORD: &[Part] = &[
    part("max", Kind::Time, "The longest; 2 minutes where it is missing, and at most 4 hours."),
    part("silence", Kind::Time, "How long a silence ends it; none does where it is missing."),
    part("end", Kind::Keys, "Keys that end it; \"#\" where it is missing."),
    part("beep", Kind::Flag, "Whether a beep comes first; it does where it is missing."),
    part("min", Kind::Time, "Shorter ones are thrown away; 1 second where it is missing."),
    part(
        "format",
        Kind::OneOf(&["wav", "opus"]),
        "What kind of file; that of [recordings] where it is missing, and \"wav\" without.",
    ),
];

/// The file of a recording.
const KEPT: Field = may_be("file", &Shape::Text, "nothing was kept; `.status` says why");

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Leg,
        name: "play",
        takes: &[part("prompts", Kind::Prompts, "Names of files, addresses, `tone::…`, or what `say::` gives.")],
        needs: 1,
        options: PLAY,
        ends: &["done", "stopped", "missing", "gone"],
        gives: gives!("play"),
        says: "Plays prompts, one after the other, to their end or to a key.",
        does: |given| {
            let play = playing(given)?;
            simple(given, |leg| Verb::Play(leg, play))
        },
    },
    Word {
        of: Of::Leg,
        name: "echo",
        takes: &[],
        needs: 0,
        options: &[],
        ends: &["stopped", "gone"],
        gives: gives!("echo"),
        says: "Lets the party hear itself, until it hangs up.",
        does: |given| simple(given, Verb::Echo),
    },
    Word {
        of: Of::Leg,
        name: "gather",
        takes: &[],
        needs: 0,
        options: &[
            part("prompt", Kind::Prompts, "What asks for the keys."),
            part("digits", Kind::Number, "How many keys, where it is one number: the same as `min` and `max`."),
            part("min", Kind::Number, "The fewest keys that are an answer; 1 where it is missing."),
            part(
                "max",
                Kind::Number,
                "The most keys; the last one ends it. Where it is missing: 32 with `end`, else the longest of `accept`, else 1.",
            ),
            part(
                "end",
                Kind::Keys,
                "Keys that end it and do not count, as \"#\"; one that comes next behind the last of `max` belongs to it, too.",
            ),
            part(
                "timeout",
                Kind::Time,
                "How long to wait for the first key after the prompt; 5 seconds where it is missing.",
            ),
            part("gap", Kind::Time, "How long to wait for each further key; 3 seconds where it is missing."),
            part("barge_in", Kind::Flag, "Whether a key silences the prompt; it does where it is missing."),
            part("tries", Kind::Number, "How often to ask in all; once where it is missing."),
            part("invalid", Kind::Prompts, "What is said before asking again."),
            part(
                "accept",
                Kind::Strings,
                "The only answers that are taken, as [\"1\", \"2\"] or \"1xx\"; x is any digit.",
            ),
            part("clear_first", Kind::Flag, "Whether keys that were pressed before do not count."),
            part(
                "secret",
                Kind::Flag,
                "Whether journal, ladder and pages show • for each key, until something else is asked: for a PIN, or the number of a card.",
            ),
        ],
        ends: &["digits", "timeout", "invalid", "gone"],
        gives: gives!("gather", field("digits", Shape::Text)),
        says: "Asks for keys. What was pressed is `.digits`.",
        does: gather,
    },
    Word {
        of: Of::Leg,
        name: "record",
        takes: &[],
        needs: 0,
        options: RECORD,
        ends: &["kept", "too_short", "silence", "failed", "gone"],
        gives: gives!("record", KEPT, field("ms", Shape::Number)),
        says: "Records what the party says. The file is `.file`, its length in milliseconds `.ms`.",
        does: |given| {
            let (rules, Leg(leg)) = (recording(given, false)?, given.leg());
            Ok(recorded(&given.scene()?.want(given, Some(leg), Verb::Record(leg, rules))?))
        },
    },
    Word {
        of: Of::Leg,
        name: "send_keys",
        takes: &[part("keys", Kind::Keys, "Which, as \"12#\".")],
        needs: 1,
        options: &[
            part(
                "via",
                Kind::OneOf(&["rtp", "info"]),
                "Beside the sound, or as SIP INFO; \"rtp\" where it is missing.",
            ),
            part("ms", Kind::Number, "How long each is held, from 40 to 2000; 100 where it is missing."),
            part("gap", Kind::Number, "The rest between two in milliseconds, from 40 to 2000; 80 where it is missing."),
        ],
        ends: &["ok", "gone"],
        gives: gives!("send_keys"),
        says: "Presses keys towards the party.",
        does: |given| {
            let millis = |name, usual| {
                let millis = given.number(name, 40, 2000)?.unwrap_or(usual);
                Ok::<_, Box<EvalAltResult>>(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
            };
            let keys = SendKeys {
                keys: given.keys("keys"),
                by_info: given.text("via").is_some_and(|via| via == "info"),
                held: millis("ms", 100)?,
                gap: millis("gap", 80)?,
            };
            simple(given, |leg| Verb::SendKeys(leg, keys))
        },
    },
    Word {
        of: Of::Leg,
        name: "send_info",
        takes: &[
            part("content_type", Kind::Text, "As \"application/json\"."),
            part("body", Kind::Text, "What it says."),
        ],
        needs: 2,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("send_info"),
        says: "Sends a SIP INFO.",
        does: |given| {
            let (kind, body) = (given.needed("content_type"), given.needed("body").into_bytes());
            if kind.is_empty() || kind.contains(['\r', '\n']) {
                return Err(given.wrong("`content_type` of send_info is no type of a body"));
            }
            simple(given, |leg| Verb::SendInfo(leg, kind, body))
        },
    },
    Word {
        of: Of::Leg,
        name: "send_message",
        takes: &[part("text", Kind::Text, "What it says.")],
        needs: 1,
        options: &[],
        ends: &["ok", "gone"],
        gives: gives!("send_message"),
        says: "Sends a text to the party's phone.",
        does: |given| {
            let text = given.needed("text");
            simple(given, |leg| Verb::SendMessage(leg, text))
        },
    },
];

/// Prompts that are played once.
pub(super) fn prompts(given: &Given<'_>, name: &str) -> Play {
    Play { prompts: given.texts(name), loops: 1, ..Play::default() }
}

/// What `play` was given.
pub(super) fn playing(given: &Given<'_>) -> Result<Play, Box<EvalAltResult>> {
    let play = Play {
        prompts: given.texts("prompts"),
        stop_keys: given.keys("stop_keys"),
        volume_db: i8::try_from(given.number("volume", -40, 20)?.unwrap_or(0)).unwrap_or(0),
        loops: u32::try_from(given.number("loops", 0, 1_000_000)?.unwrap_or(1)).unwrap_or(1),
        from: given.time("from", LONGEST)?.unwrap_or_default(),
    };
    if play.prompts.len() > PROMPTS {
        return Err(given.wrong(format!("play was given {} prompts; it takes {PROMPTS} at once", play.prompts.len())));
    }
    Ok(play)
}

fn gather(given: &Given<'_>) -> Answer {
    let count = |name| Ok::<_, Box<EvalAltResult>>(given.number(name, 1, DIGITS)?.and_then(|n| u32::try_from(n).ok()));
    let (digits, end) = (count("digits")?, given.keys("end"));
    if digits.is_some() && (given.get("min").is_some() || given.get("max").is_some()) {
        return Err(given.wrong("gather takes `digits`, or `min` and `max`, and not both"));
    }
    let accept = given.get("accept").and_then(texts_of).unwrap_or_default();
    let keys = |answer: &String| u32::try_from(answer.chars().count()).unwrap_or(u32::MAX);
    let longest = accept.iter().map(keys).max().unwrap_or(1);
    let usual_max = if end.is_empty() { longest } else { 32 };
    let (min, max) = (digits.or(count("min")?).unwrap_or(1), digits.or(count("max")?).unwrap_or(usual_max));
    let max = if digits.is_none() && given.get("max").is_none() { max.max(min) } else { max };
    if min > max {
        return Err(given.wrong(format!("`min` of gather is {min}, which is more than `max`, {max}")));
    }
    if let Some(other) = accept.iter().find(|text| !is_pattern(text)) {
        let why = format!("{other:?} is no answer; there are 0 to 9, *, #, A to D, and x for any digit");
        return Err(given.wrong_with("accept", why));
    }
    if let Some(other) = accept.iter().find(|answer| keys(answer) > max) {
        let (long, max) = (counted(other.chars().count(), "key"), counted(max as usize, "key"));
        return Err(given.wrong(format!(
            "`accept` of gather has {other:?}, which is {long}, and an answer has {max} at most; say max: {}",
            keys(other)
        )));
    }
    let play = |name| given.get(name).map(|_| prompts(given, name));
    let rules = Gather {
        prompt: play("prompt"),
        min,
        max,
        end,
        timeout: given.time("timeout", WAIT)?.unwrap_or(Duration::from_secs(5)),
        gap: given.time("gap", WAIT)?.unwrap_or(Duration::from_secs(3)),
        barge_in: given.flag("barge_in").unwrap_or(true),
        tries: given.number("tries", 1, 20)?.and_then(|tries| u32::try_from(tries).ok()).unwrap_or(1),
        invalid: play("invalid"),
        accept,
        clear_first: given.flag("clear_first").unwrap_or(false),
        secret: given.flag("secret").unwrap_or(false),
    };
    let Leg(leg) = given.leg();
    match given.scene()?.want(given, Some(leg), Verb::Gather(leg, Box::new(rules)))? {
        Outcome::Gathered { status, digits } => Ok(ended(status.word(), [("digits", digits.into())])),
        other => Ok(ended(crate::words::sound::status_of(&other), [("digits", "".into())])),
    }
}

fn is_pattern(text: &str) -> bool {
    // Keys come as they are written here: a small letter is none.
    let is_key = |letter: char| key(letter).is_some_and(|key| key.as_char() == letter);
    !text.is_empty() && text.chars().all(|letter| letter == 'x' || is_key(letter))
}

/// What `record` and `start_record` were given.
pub(super) fn recording(given: &Given<'_>, both: bool) -> Result<Record, Box<EvalAltResult>> {
    let longest = if both { LONGEST } else { Duration::from_secs(120) };
    Ok(Record {
        max: given.some_time("max", LONGEST)?.unwrap_or(longest),
        silence: given.time("silence", WAIT)?,
        end: if given.get("end").is_some() { given.keys("end") } else { "#".chars().filter_map(key).collect() },
        beep: given.flag("beep").unwrap_or(true),
        min: given.time("min", LONGEST)?.unwrap_or(Duration::from_secs(1)),
        format: given.text("format"),
        both,
    })
}

fn key(written: char) -> Option<patchcord_media::dtmf::Key> {
    patchcord_media::dtmf::Key::of_char(written)
}

/// The map of a recording.
pub(super) fn recorded(outcome: &Outcome) -> Dynamic {
    match outcome {
        Outcome::Recorded { status, file, length } => {
            let file = file.clone().map_or(Dynamic::UNIT, Dynamic::from);
            let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
            ended(status.word(), [("file", file), ("ms", millis.into())])
        }
        other => ended(status_of(other), [("file", Dynamic::UNIT), ("ms", 0_i64.into())]),
    }
}

/// The status of an outcome that is none of the kind that was waited for.
pub(super) fn status_of(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Plain(status) => status.word(),
        _ => "failed",
    }
}
