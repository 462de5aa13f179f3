//! Small modules without a world: time, lots, JSON, and lines for the journal.

use patchcord_engine::call::Verb;
use rhai::{Array, Dynamic, EvalAltResult, Map};
use serde_json::Value;

use super::given::Given;
use super::kind::{Kind, in_words};
use super::shape::Shape;
use super::{Answer, Of, Word, part};

/// The longest line of a log.
const LINE: usize = 1024;

pub(super) const WORDS: &[Word] = &[
    Word {
        of: Of::Module("rand"),
        name: "int",
        takes: &[
            part("least", Kind::Number, "The least that is drawn."),
            part("most", Kind::Number, "The most that is drawn."),
        ],
        needs: 2,
        options: &[],
        ends: &[],
        gives: Shape::Number,
        says: "Draws a number. A call that is replayed draws the same ones.",
        does: |given| {
            let (least, most) = (number(given, "least"), number(given, "most"));
            if least > most {
                return Err(given.wrong(format!("rand::int was given {least} and {most}: the least comes first")));
            }
            let drawn = given.scene()?.random(given)?;
            let range = u128::from(most.abs_diff(least)) + 1;
            let offset = i128::try_from(u128::from(drawn) % range).unwrap_or(0);
            Ok(Dynamic::from(i64::try_from(i128::from(least) + offset).unwrap_or(least)))
        },
    },
    Word {
        of: Of::Module("json"),
        name: "parse",
        takes: &[part("text", Kind::Text, "JSON.")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Any,
        says: "Reads JSON.",
        does: |given| {
            let value: Value = serde_json::from_str(&given.needed("text"))
                .map_err(|error| given.wrong(format!("json::parse: {error}")))?;
            from_json(given, value)
        },
    },
    Word {
        of: Of::Module("json"),
        name: "text",
        takes: &[part("value", Kind::Json, "A map, a list, text, a number, a flag or ().")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Text,
        says: "Writes JSON.",
        does: |given| Ok(to_json(given, given.get("value").unwrap_or(&Dynamic::UNIT))?.to_string().into()),
    },
    Word {
        of: Of::Module("log"),
        name: "info",
        takes: &[part("text", Kind::Any, "What is written.")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "Writes a line into the timeline of the call.",
        does: |given| log(given, "info"),
    },
    Word {
        of: Of::Module("log"),
        name: "warn",
        takes: &[part("text", Kind::Any, "What is written.")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Nothing,
        says: "The same, for what somebody should look at.",
        does: |given| log(given, "warn"),
    },
];

fn number(given: &Given<'_>, name: &str) -> i64 {
    given.get(name).and_then(|value| value.as_int().ok()).unwrap_or(0)
}

fn log(given: &Given<'_>, kind: &str) -> Answer {
    let mut text = given.get("text").map(in_words).unwrap_or_default();
    if text.len() > LINE {
        let end = (0..=LINE).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    given.scene()?.want(given, None, Verb::Log(kind.into(), text))?;
    Given::nothing()
}

/// A value of Rhai as JSON.
pub(super) fn to_json(given: &Given<'_>, value: &Dynamic) -> Result<Value, Box<EvalAltResult>> {
    json_of(value).map_err(|other| given.wrong(format!("{other} is not {KNOWN}")))
}

/// What can be.
pub(crate) const KNOWN: &str = "what can be kept: texts, numbers, true, false, (), and lists and maps of them";

/// The same; else what there is in it that JSON does not know.
pub(crate) fn json_of(value: &Dynamic) -> Result<Value, String> {
    if let Some(list) = value.read_lock::<Array>() {
        return list.iter().map(json_of).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    if let Some(map) = value.read_lock::<Map>() {
        let entry = |(name, value): (&rhai::Identifier, &Dynamic)| Ok((name.to_string(), json_of(value)?));
        return map.iter().map(entry).collect::<Result<serde_json::Map<_, _>, _>>().map(Value::Object);
    }
    match Shape::of(value) {
        shape @ (Shape::Leg | Shape::Handle | Shape::Wish | Shape::Room | Shape::Time | Shape::Function) => {
            Err(shape.named().to_owned())
        }
        _ => rhai::serde::from_dynamic(value).map_err(|_| Shape::Any.named().to_owned()),
    }
}

/// JSON as a value of Rhai.
pub(super) fn from_json(given: &Given<'_>, value: Value) -> Answer {
    rhai::serde::to_dynamic(value).map_err(|error| given.wrong(error.to_string()))
}
