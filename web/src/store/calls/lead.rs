//! Which index leads to the calls that are wanted. One of them does; what else is asked for is looked at.

use std::time::Duration;

use patchcord_engine::journal::{Fault, Outcome};

use super::{
    find::{
        Part::{self, Number, Sql, Text},
        Wanted, as_written,
    },
    words,
};

/// Calls that a beginning of a number, or words of PostgreSQL, lead to at once; beyond, calls are looked through until so many are found.
pub const LED_TO: i64 = 20_000;

/// Classes of lengths: below a second, below two, below four, and the last one for whatever is longer.
const CLASSES: u8 = 16;

/// Behind whatever letter may follow in a number or a name.
const LAST: char = '\u{10ffff}';

/// What lies in one class of MOS, in hundredths; the index says the same.
const HEARD_STEP: u16 = 25;

/// The best MOS that there is, in hundredths.
const BEST: u16 = 500;

/// The one filter whose index leads to calls, the newest first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// Whoever called, was called and was rung on the way, each in an index of its own; and what else it goes by.
    Number(&'a str, Option<&'a str>, bool),
    /// The same by the beginning of a number.
    Beginning(&'a str),
    /// Words, where the index of them leads to all calls at once.
    Words(&'a str),
    Fault(Fault),
    Problems,
    Heard(u16),
    Service(&'a str),
    Tagged,
    Version(&'a str),
    Cause(u16),
    Recorded,
    Length(Option<Duration>, Option<Duration>),
    Outcome(Outcome),
    All,
}

/// The class of that length in microseconds.
pub fn class_of(micros: i64) -> i64 {
    let seconds = micros.max(0) / 1_000_000;
    i64::from((i64::BITS - seconds.leading_zeros()).min(u32::from(CLASSES) - 1))
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl<'a> Source<'a> {
    /// Where to begin: with what usually leads to the fewest calls.
    pub fn of(wanted: &'a Wanted) -> Self {
        match wanted {
            Wanted { number: Some(number), .. } => match number.strip_suffix('*') {
                Some(start) => Self::Beginning(start),
                None => Self::Number(number, wanted.alias.as_deref(), wanted.discreet),
            },
            Wanted { fault: Some(fault), .. } => Self::Fault(*fault),
            Wanted { problems: true, .. } => Self::Problems,
            Wanted { worse: Some(worse), .. } => Self::Heard(*worse),
            Wanted { service: Some(service), .. } => Self::Service(service),
            Wanted { tag: Some(_), .. } => Self::Tagged,
            Wanted { version: Some(version), .. } => Self::Version(version),
            Wanted { cause: Some(cause), .. } => Self::Cause(*cause),
            Wanted { recorded: Some(true), .. } => Self::Recorded,
            Wanted { longer: None, shorter: None, outcome: Some(outcome), .. } => Self::Outcome(*outcome),
            Wanted { longer: None, shorter: None, .. } => Self::All,
            Wanted { longer, shorter, .. } => Self::Length(*longer, *shorter),
        }
    }

    /// Conditions as the indexes have them, one for each that is asked by itself.
    pub fn branches(self, before: &str) -> Vec<Vec<Part>> {
        match self {
            Self::Number(number, alias, discreet) => by_number(number, alias, discreet, before),
            Self::Beginning(start) => by_beginning(start),
            Self::Words(text) => by_words(text),
            Self::Fault(fault) => vec![vec![Sql(" AND fault = "), Text(fault.word().into())]],
            Self::Problems => vec![vec![Sql(" AND COALESCE(outcome, '') IN "), Sql(PROBLEMS)]],
            Self::Heard(worse) => by_quality(worse),
            Self::Service(service) => vec![vec![Sql(" AND service = "), Text(service.into())]],
            Self::Tagged => vec![vec![Sql(" AND tags <> '[]'")]],
            Self::Version(version) => vec![vec![Sql(" AND version = "), Text(version.into())]],
            Self::Cause(cause) => {
                ["q850 = ", "sip = "].map(|column| vec![Sql(" AND "), Sql(column), Number(cause.into())]).into()
            }
            Self::Recorded => vec![vec![Sql(" AND recordings <> '[]'")]],
            Self::Length(longer, shorter) => by_length(longer.map(micros), shorter.map(micros)),
            Self::Outcome(outcome) => vec![vec![Sql(" AND outcome = "), Text(outcome.word().into())]],
            Self::All => vec![Vec::new()],
        }
    }
}

/// The index of names holds those that there are, and SQLite takes it only where that is said.
const NAMED: &str = " AND from_name IS NOT NULL AND lower(from_name) = ";

fn by_number(number: &str, alias: Option<&str>, discreet: bool, before: &str) -> Vec<Vec<Part>> {
    let known = [Some(number), alias].into_iter().flatten();
    let branches = known.flat_map(|known| {
        let known = || Text(known.into());
        let of_leg = |column| {
            let legs = Sql(" AND id IN (SELECT DISTINCT call_id FROM legs WHERE ");
            let newest = Sql(" ORDER BY call_id DESC LIMIT ");
            let before = [Sql(" AND call_id < "), Text(before.into())];
            [&[legs, Sql(column), known()], &before[..], &[newest, Number(super::find::LOOKED_UP), Sql(")")]].concat()
        };
        [
            vec![Sql(" AND from_number = "), known()],
            vec![Sql(" AND to_number = "), known()],
            of_leg("to_number = "),
            of_leg("account = "),
        ]
    });
    // What somebody calls himself is not shown to everybody, and not looked for by everybody.
    let names = if discreet { Vec::new() } else { as_written(number) };
    branches.chain(names.into_iter().map(|name| vec![Sql(NAMED), Text(name)])).collect()
}

/// Those of a number that begins so, in each of its indexes, or with those words; none where an index leads from call to call.
pub fn counted(source: Source<'_>) -> Vec<Vec<Part>> {
    let most = [Sql(" LIMIT "), Number(LED_TO)];
    match source {
        Source::Beginning(start) => beginning(start).map(|part| [&part[..], &most[..]].concat()).into(),
        Source::Words(text) => vec![words::led_to(text).into_iter().chain(most).collect()],
        _ => Vec::new(),
    }
}

fn beginning(start: &str) -> [Vec<Part>; 4] {
    const PLACES: [(&str, &str); 4] = [
        ("SELECT id FROM calls WHERE ", "from_number"),
        ("SELECT id FROM calls WHERE ", "to_number"),
        ("SELECT call_id FROM legs WHERE ", "to_number"),
        ("SELECT call_id FROM legs WHERE ", "account"),
    ];
    PLACES.map(|(select, column)| {
        let from = [Sql(select), Sql(column), Sql(" >= "), Text(start.into())];
        let until = [Sql(" AND "), Sql(column), Sql(" < "), Text(format!("{start}{LAST}"))];
        from.into_iter().chain(until).collect()
    })
}

/// Each of them is led to; where there are too many for that, somebody has looked before.
fn by_beginning(start: &str) -> Vec<Vec<Part>> {
    let within = |found: Vec<Part>| [&[Sql(" AND id IN (")], &found[..], &[Sql(")")]].concat();
    counted(Source::Beginning(start)).into_iter().map(within).collect()
}

/// Those that the index leads to, looked up one by one whatever the database thinks of how many they are; and those that go on, which
/// stand in no index of words and are few.
fn by_words(text: &str) -> Vec<Vec<Part>> {
    let led = [Sql(" AND id = ANY(ARRAY(")].into_iter().chain(words::led_to(text)).chain([Sql("))")]);
    vec![led.collect(), vec![Sql(" AND outcome IS NULL")]]
}

/// All classes below, and what lies in the class of that MOS itself.
fn by_quality(worse: u16) -> Vec<Vec<Part>> {
    const CLASS: &str = " AND worst_mos / 25 = ";
    let worse = worse.min(BEST + 1);
    let below = (0..worse / HEARD_STEP).map(|class| vec![Sql(CLASS), Number(class.into())]);
    let class = Number((worse / HEARD_STEP).into());
    below.chain([vec![Sql(CLASS), class, Sql(" AND worst_mos < "), Number(worse.into())]]).collect()
}

/// All classes between, and what lies in those of the two lengths themselves.
fn by_length(longer: Option<i64>, shorter: Option<i64>) -> Vec<Vec<Part>> {
    let (first, last) = (longer.map_or(0, class_of), shorter.map_or(i64::from(CLASSES) - 1, class_of));
    let branch = |class: i64| {
        let mut parts = vec![Sql(" AND length_class = "), Number(class)];
        if let Some(longer) = longer.filter(|_| class == first) {
            parts.extend([Sql(" AND ended_us >= "), Number(longer)]);
        }
        if let Some(shorter) = shorter.filter(|_| class == last) {
            parts.extend([Sql(" AND ended_us <= "), Number(shorter)]);
        }
        parts
    };
    match first <= last {
        true => (first..=last).map(branch).collect(),
        false => vec![vec![Sql(" AND 1 = 0")]],
    }
}

/// Outcomes that nobody wanted; an index of their calls says the same.
pub const PROBLEMS: &str = "('failed', 'crashed', 'interrupted', 'unreachable', 'not_found', 'forbidden')";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_double_from_class_to_class() {
        let second = 1_000_000;
        let classes = [0, second - 1, second, 2 * second, 4 * second - 1, 4 * second, 16_384 * second, i64::MAX];
        assert_eq!(classes.map(class_of), [0, 0, 1, 2, 2, 3, 15, 15]);
    }
}
