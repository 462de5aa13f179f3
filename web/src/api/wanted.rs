//! Which calls somebody asks for, as a query says it: the API and the pages read the same words.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use patchcord_engine::{
    journal::{By, CallId, Fault, MAX_PAGE, NoCallId, Outcome},
    routing::Directory,
};
use serde::{Deserialize, Serialize};

use crate::{
    masking::hides,
    people::{Asker, Right},
    problem::Problem,
    store::Wanted,
};

/// Longest text of one filter, in letters. Far beyond any number or name.
pub const LONGEST: usize = 200;

/// The filters of a query. An empty one asks for nothing, as forms send it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filters {
    /// Who called or was called; `+4930*` is a beginning.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub number: String,
    /// The service that heard it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// How it came out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// Who ended it: `caller`, `callee`, `script` or `system`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ended_by: String,
    /// Whose fault it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fault: String,
    /// The Q.850 cause or SIP status that it ended by.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// Not before: `2026-11-21`, `2026-11-21T16:50` (UTC), or milliseconds since 1970.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Before.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// It lasted so many seconds at least.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub min_s: String,
    /// It lasted so many seconds at most.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub max_s: String,
    /// A leg was heard worse than that, as a mean MOS: `3.5`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mos_below: String,
    /// A tag: `name` or `name=value`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// `yes` or `no`: whether something was recorded.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub recorded: String,
    /// Words in a number, a name, a reason or a tag.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Go on before this call.
    #[serde(skip_serializing)]
    pub before: String,
    /// How many at most.
    #[serde(skip_serializing)]
    pub limit: String,
    /// Of an export: `csv` or `json`.
    #[serde(skip_serializing)]
    pub format: String,
}

impl Filters {
    /// What the store is asked for, as far as who asks may: whoever must not see a number must not find it out by asking for it, digit
    /// by digit.
    pub fn wanted_by(&self, asker: &Asker, directory: &Directory) -> Result<Wanted, Problem> {
        let mut wanted = self.wanted()?;
        // Whoever looks for an endpoint by its name or its number means the same phone.
        let known = wanted.number.take();
        let small = known.as_deref().map(str::to_lowercase);
        let endpoint = [&known, &small].into_iter().flatten().find_map(|known| directory.reached_by(known));
        (wanted.number, wanted.alias) = match endpoint {
            // However somebody writes a name: that of the endpoint is as it is.
            Some(endpoint) => match endpoint.number.as_deref().filter(|number| known.as_deref() == Some(*number)) {
                Some(_) => (known, Some(endpoint.user.as_ref().into())),
                None => (Some(endpoint.user.as_ref().into()), endpoint.number.as_deref().map(Into::into)),
            },
            None => (known, None),
        };
        if asker.rights.has(Right::ReadNumbers) {
            return Ok(wanted);
        }
        let beginning = wanted.number.as_ref().is_some_and(|number| number.ends_with('*'));
        let value = wanted.tag.as_ref().and_then(|(_, value)| value.as_deref());
        if beginning || wanted.number.as_deref().is_some_and(hides) || value.is_some_and(hides) {
            let detail = "who may not see long numbers cannot look for them";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail).remedy("ask an admin for the right numbers:read"));
        }
        Ok(Wanted { discreet: true, ..wanted })
    }

    /// What the store is asked for, or which filter says what cannot be.
    pub fn wanted(&self) -> Result<Wanted, Problem> {
        // What only another door would read must be readable here, too.
        self.page(1)?;
        super::export::Format::of(self.format.trim())?;
        let said = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        for (name, text) in self.texts() {
            if text.chars().count() > LONGEST {
                return Err(wrong(name, text, "shorten it"));
            }
            // No record holds one, and PostgreSQL takes no NUL.
            if text.chars().any(char::is_control) {
                return Err(wrong(name, text, "write it in one line"));
            }
        }
        let tag = said(&self.tag).map(|tag| match tag.split_once('=') {
            Some((name, value)) => (name.trim().to_owned(), Some(value.trim().to_owned())),
            None => (tag, None),
        });
        let recorded = match self.recorded.trim() {
            "" => None,
            "yes" | "true" => Some(true),
            "no" | "false" => Some(false),
            other => return Err(wrong("recorded", other, "write yes or no")),
        };
        Ok(Wanted {
            number: said(&self.number),
            alias: None,
            service: said(&self.service),
            version: said(&self.version),
            outcome: word("outcome", &self.outcome, Outcome::ALL.iter().map(|word| word.word()))?,
            by: word("ended_by", &self.ended_by, By::ALL.iter().map(|word| word.word()))?,
            fault: word("fault", &self.fault, Fault::ALL.iter().map(|word| word.word()))?,
            cause: number("cause", &self.cause)?,
            since: time("from", &self.from)?,
            until: time("to", &self.to)?,
            longer: number::<u32>("min_s", &self.min_s)?.map(|s| Duration::from_secs(s.into())),
            shorter: number::<u32>("max_s", &self.max_s)?.map(|s| Duration::from_secs(s.into())),
            worse: mos("mos_below", &self.mos_below)?,
            tag,
            recorded,
            problems: false,
            text: said(&self.text),
            discreet: false,
        })
    }

    /// Which page: before which call, and how many where nothing else is said.
    pub fn page(&self, usual: usize) -> Result<(Option<CallId>, usize), Problem> {
        let before = match self.before.trim() {
            "" => None,
            text => Some(text.parse().map_err(|error: NoCallId| wrong("before", text, error.to_string()))?),
        };
        Ok((before, at_most(number("limit", &self.limit)?, usual, MAX_PAGE)?))
    }

    /// The same as a query, without which page it is.
    pub fn query(&self) -> String {
        serde_urlencoded::to_string(self).expect("texts make a query")
    }

    fn texts(&self) -> [(&'static str, &str); 15] {
        [
            ("number", &self.number),
            ("service", &self.service),
            ("version", &self.version),
            ("outcome", &self.outcome),
            ("ended_by", &self.ended_by),
            ("fault", &self.fault),
            ("cause", &self.cause),
            ("from", &self.from),
            ("to", &self.to),
            ("min_s", &self.min_s),
            ("max_s", &self.max_s),
            ("mos_below", &self.mos_below),
            ("tag", &self.tag),
            ("recorded", &self.recorded),
            ("text", &self.text),
        ]
    }
}

/// How many a page of a list has: as many as somebody asks for, up to a bound, or as many as is usual.
pub(super) fn at_most(limit: Option<usize>, usual: usize, bound: usize) -> Result<usize, Problem> {
    match limit.unwrap_or(usual) {
        0 => Err(wrong("limit", "0", format!("write a number from 1 to {bound}, or leave it away for {usual}"))),
        most => Ok(most.min(bound)),
    }
}

fn wrong(name: &str, text: &str, remedy: impl Into<String>) -> Problem {
    let shown: String = text.chars().take(40).collect();
    Problem::new(StatusCode::BAD_REQUEST, format!("{name} cannot be {shown:?}")).remedy(remedy)
}

fn word<T: std::str::FromStr>(
    name: &str,
    text: &str,
    known: impl Iterator<Item = &'static str>,
) -> Result<Option<T>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse() {
            Ok(word) => Ok(Some(word)),
            Err(_) => Err(wrong(name, text, format!("write one of {}", known.collect::<Vec<_>>().join(", ")))),
        },
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<Option<T>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| wrong(name, text, "write a whole number")),
    }
}

/// A MOS, in hundredths.
fn mos(name: &str, text: &str) -> Result<Option<u16>, Problem> {
    match text.trim() {
        "" => Ok(None),
        text => match text.parse::<f64>() {
            Ok(mos) if (1.0..=5.0).contains(&mos) => Ok(Some((mos * 100.0).round() as u16)),
            _ => Err(wrong(name, text, "write a MOS from 1 to 5, as 3.5")),
        },
    }
}

fn time(name: &str, text: &str) -> Result<Option<SystemTime>, Problem> {
    const REMEDY: &str = "write 2026-11-21, 2026-11-21T16:50 (UTC), or milliseconds since 1970";
    match text.trim() {
        "" => Ok(None),
        text => moment(text).map(Some).ok_or_else(|| wrong(name, text, REMEDY)),
    }
}

fn moment(text: &str) -> Option<SystemTime> {
    if text.len() > 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return UNIX_EPOCH.checked_add(Duration::from_millis(text.parse().ok()?));
    }
    let text = text.trim_end_matches('Z');
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let [year, month, day] = fields::<3>(date, '-')?;
    let [hour, minute, second] = fields::<3>(clock, ':').or_else(|| {
        let [hour, minute] = fields::<2>(clock, ':')?;
        Some([hour, minute, 0])
    })?;
    let fits = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn fields<const N: usize>(text: &str, between: char) -> Option<[u64; N]> {
    let mut found = [0; N];
    let mut parts = text.split(between);
    for field in &mut found {
        *field = parts.next().filter(|part| part.len() <= 4)?.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// Days from 1970 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Counted from March on, so that the odd day is the last of its year.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, of_era) = (year / 400, year % 400);
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use patchcord_engine::journal::moment as shown;

    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_shown() {
        for text in ["1970-01-01 00:00:00", "2026-11-21 16:50:03", "2024-02-29 23:59:59", "2000-03-01 00:00:00"] {
            assert_eq!(shown(moment(text).expect("a moment")), text);
        }
        assert_eq!(moment("2026-11-21"), moment("2026-11-21T00:00Z"));
        assert_eq!(moment("1795000000000"), UNIX_EPOCH.checked_add(Duration::from_millis(1_795_000_000_000)));
        for bad in ["yesterday", "2026-13-01", "2026-11-21T25:00", "99999999999999999999", "2026-11", "-1"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_empty_form_asks_for_everything() {
        assert_eq!(Filters::default().wanted(), Ok(Wanted::default()));
        assert_eq!(Filters::default().query(), "");
    }

    #[test]
    fn a_filter_that_cannot_be_is_told_with_what_can() {
        let outcome = Filters { outcome: "great".into(), ..Filters::default() }.wanted().expect_err("no such word");
        assert!(outcome.remedy.expect("a remedy").contains("no_answer"));
        for mos in ["0.9", "5.1", "good", "NaN", "-3"] {
            let bad = Filters { mos_below: mos.into(), ..Filters::default() }.wanted().expect_err(mos);
            assert!(bad.remedy.expect("a remedy").contains("3.5"), "{mos}");
        }
        let fair =
            Filters { mos_below: "3.57".into(), version: "2".into(), ..Filters::default() }.wanted().expect("fine");
        assert_eq!((fair.worse, fair.version.as_deref()), (Some(357), Some("2")));
        let huge = Filters { text: "x".repeat(LONGEST + 1), ..Filters::default() };
        assert_eq!(huge.wanted().expect_err("too long").status, 400);
        let hostile = Filters { number: "+49\0".into(), ..Filters::default() };
        assert!(hostile.wanted().expect_err("no text").detail.contains("number"));
    }

    #[test]
    fn filters_go_through_a_query_unchanged() {
        let filters = Filters { text: "a&b=c d".into(), number: "+4930*".into(), ..Filters::default() };
        let read: Filters = serde_urlencoded::from_str(&filters.query()).expect("read");
        assert_eq!(read, filters);
    }
}
