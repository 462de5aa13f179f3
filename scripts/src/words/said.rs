//! Numbers and dates as prompts (`say::`), and the clock on a wall (`time::`).

use std::time::Duration;

use rhai::{Array, Dynamic, EvalAltResult, Map};

use super::given::Given;
use super::kind::Kind;
use super::shape::{Record, Shape, field};
use super::{Answer, Of, Part, Word, part};
use crate::say::{self, Clock, Currency, Language, Unsayable};
use crate::time;

const LANGUAGE: Part = part("language", Kind::Text, "\"en\" or \"de\"; that of the house where it is missing.");

const ZONE: Part = part("zone", Kind::Text, "As \"Europe/Berlin\"; UTC where it is missing.");

const CLOCK: Part =
    part("clock", Kind::OneOf(&["12", "24"]), "How hours are counted; as the language does where it is missing.");

const CURRENCY: Part = part("currency", Kind::OneOf(&["EUR", "USD", "GBP"]), "Which money; EUR where it is missing.");

const NOW: Record = Record {
    of: "what now gives",
    fields: &[
        field("year", Shape::Number),
        field("month", Shape::Number),
        field("day", Shape::Number),
        field("hour", Shape::Number),
        field("minute", Shape::Number),
        field("second", Shape::Number),
        field("weekday", Shape::Text),
        field("date", Shape::Text),
        field("time", Shape::Text),
        field("unix", Shape::Number),
    ],
};

pub(super) const WORDS: &[Word] = &[
    say(
        "number",
        &[part("number", Kind::Number, "A whole number.")],
        &[LANGUAGE],
        "Gives the prompts of a number.",
        |given| {
            let number = given.get("number").and_then(|number| number.as_int().ok()).unwrap_or(0);
            prompts(given, say::number(number, language(given)?))
        },
    ),
    say(
        "digits",
        &[part("keys", Kind::Any, "Keys, or a number.")],
        &[LANGUAGE],
        "Gives the prompts of digits, one by one.",
        |given| {
            let keys = given.get("keys").map(ToString::to_string).unwrap_or_default();
            prompts(given, say::digits(&keys, language(given)?))
        },
    ),
    say(
        "date",
        &[part("date", Kind::Text, "A day, as \"2026-12-24\".")],
        &[LANGUAGE],
        "Gives the prompts of a day.",
        |given| {
            let text = given.needed("date");
            let parts: Vec<u16> = text.split('-').filter_map(|part| part.parse().ok()).collect();
            let [year, month, day] = parts[..] else {
                return Err(given.wrong(format!("{text:?} is no day; write it as 2026-12-24")));
            };
            let small = |number: u16| u8::try_from(number).unwrap_or(u8::MAX);
            prompts(given, say::date(year, small(month), small(day), language(given)?))
        },
    ),
    say(
        "time",
        &[part("time", Kind::Text, "A time of day, as \"17:30\".")],
        &[LANGUAGE, CLOCK],
        "Gives the prompts of a time of day.",
        |given| {
            let text = given.needed("time");
            let read =
                || text.split_once(':').and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
            let (hour, minute) =
                read().ok_or_else(|| given.wrong(format!("{text:?} is no time of day; write it as 17:30")))?;
            let language = language(given)?;
            let clock = match given.text("clock").as_deref() {
                Some("12") => Clock::Twelve,
                Some(_) => Clock::TwentyFour,
                None => language.clock(),
            };
            prompts(given, say::time(hour, minute, clock, language))
        },
    ),
    say(
        "money",
        &[part("hundredths", Kind::Number, "Cents or pence.")],
        &[LANGUAGE, CURRENCY],
        "Gives the prompts of a sum of money.",
        |given| {
            let hundredths = given.get("hundredths").and_then(|sum| sum.as_int().ok()).unwrap_or(0);
            let currency = given.text("currency").and_then(|code| Currency::of(&code)).unwrap_or(Currency::Euro);
            prompts(given, say::money(hundredths, currency, language(given)?))
        },
    ),
    Word {
        of: Of::Module("time"),
        name: "now",
        takes: &[ZONE],
        needs: 0,
        options: &[],
        ends: &[],
        gives: Shape::Record(&NOW),
        says: "Gives the time of day: #{ year, month, day, hour, minute, second, weekday, date, time, unix }.",
        does: |given| {
            let zone = given.text("zone").unwrap_or_else(|| "UTC".into());
            let show = |now| time::show(now, &zone).map_err(|wrong| given.wrong_with("zone", wrong.bare()));
            // What cannot be read is told before anything is asked.
            show(Duration::ZERO)?;
            let (now, _) = given.scene()?.moment(given)?;
            let shown = show(now)?;
            Ok(now_map(now, &shown).into())
        },
    },
    Word {
        of: Of::Module("time"),
        name: "within",
        takes: &[part("hours", Kind::Text, "As \"Mon-Fri 09:00-18:00 Europe/Berlin\".")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Flag,
        says: "Gives whether these hours are now.",
        does: |given| {
            let within =
                |now| time::within(&given.needed("hours"), now).map_err(|wrong| given.wrong(wrong.to_string()));
            // What cannot be read is told before anything is asked.
            within(Duration::ZERO)?;
            Ok(within(given.scene()?.moment(given)?.0)?.into())
        },
    },
    Word {
        of: Of::Module("time"),
        name: "holiday",
        takes: &[part("days", Kind::Text, "As \"01-01, 12-25, Easter+1, 2026-11-27 Europe/Berlin\".")],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Flag,
        says: "Gives whether today is one of these days.",
        does: |given| {
            let is_one = |now| time::is_day(&given.needed("days"), now).map_err(|wrong| given.wrong(wrong.to_string()));
            is_one(Duration::ZERO)?;
            Ok(is_one(given.scene()?.moment(given)?.0)?.into())
        },
    },
    Word {
        of: Of::Module("time"),
        name: "format",
        takes: &[part("pattern", Kind::Text, "As \"%Y-%m-%d %H:%M\"."), ZONE],
        needs: 1,
        options: &[],
        ends: &[],
        gives: Shape::Text,
        says: "Writes the time of day by a pattern.",
        does: |given| {
            let zone = given.text("zone").unwrap_or_else(|| "UTC".into());
            let written = |now| {
                time::format(now, &given.needed("pattern"), &zone).map_err(|wrong| given.wrong(wrong.to_string()))
            };
            written(Duration::ZERO)?;
            let (now, _) = given.scene()?.moment(given)?;
            Ok(written(now)?.into())
        },
    },
];

const fn say(
    name: &'static str,
    takes: &'static [Part],
    options: &'static [Part],
    says: &'static str,
    does: fn(&Given<'_>) -> Answer,
) -> Word {
    Word {
        of: Of::Module("say"),
        name,
        takes,
        needs: 1,
        options,
        ends: &[],
        gives: Shape::List(&Shape::Text),
        says,
        does,
    }
}

fn language(given: &Given<'_>) -> Result<Language, Box<EvalAltResult>> {
    let Some(tag) = given.text("language") else {
        // Whether a day is one is the same in each.
        return if given.is_rehearsed() { Ok(Language::English) } else { Ok(given.scene()?.limits.language) };
    };
    Language::of(&tag).ok_or_else(|| {
        let why = format!("nobody has taught the house to count in {tag:?}; there are \"en\" and \"de\"");
        given.wrong_with("language", why)
    })
}

fn prompts(given: &Given<'_>, names: Result<Vec<String>, Unsayable>) -> Answer {
    let names = names.map_err(|unsayable| given.wrong(unsayable.to_string()))?;
    let names: Array = names.into_iter().map(Dynamic::from).collect();
    Ok(names.into())
}

fn now_map(now: Duration, shown: &time::Shown) -> Map {
    let number = |number: i64| Dynamic::from(number);
    Map::from([
        ("year".into(), number(shown.year.into())),
        ("month".into(), number(shown.month.into())),
        ("day".into(), number(shown.day.into())),
        ("hour".into(), number(shown.hour.into())),
        ("minute".into(), number(shown.minute.into())),
        ("second".into(), number(shown.second.into())),
        ("weekday".into(), shown.weekday.into()),
        ("date".into(), format!("{:04}-{:02}-{:02}", shown.year, shown.month, shown.day).into()),
        ("time".into(), format!("{:02}:{:02}", shown.hour, shown.minute).into()),
        ("unix".into(), number(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))),
    ])
}
