//! Opening hours: which times of which days, in one zone.
//!
//! ```text
//! hours  = rule { ";" rule } zone
//! rule   = "closed" days | days times | days | times
//! days   = day { "," day }        Mon · Mon-Fri · daily · 12-25 · 2026-12-25 · 12-24..12-26 · Easter+1
//! times  = range { "," range }    09:00-18:00 · 22:00-02:00 (into the next day) · 00:00-24:00
//! ```
//!
//! Rules about weekdays add up. A day that is named by its date has only the hours given there, and `closed` closes it
//! whatever else is said. Hours that go into the next day belong to the day that they begin on. All is told by the clock on
//! the wall: an hour that the clock leaves out in spring is never open, one that it shows twice in autumn is open twice.

use std::time::Duration;

use jiff::{civil::Date, tz::TimeZone};

use super::{Wrong, days::Days, zone};

/// The longest text that is read.
const LONGEST_TEXT: usize = 2_000;

/// What to write instead of something that is no range of times.
const RANGE: &str = "write 09:00-18:00, without spaces within";

/// Seconds of a day by the clock on the wall.
pub(super) const DAY: u32 = 86_400;

/// Opening hours.
#[derive(Clone, Debug)]
pub struct Hours {
    rules: Vec<Rule>,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
struct Rule {
    days: Vec<Days>,
    times: Times,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Times {
    Closed,
    /// From one second of the day to before another; one beyond the day's end is in the next day.
    Open(Vec<(u32, u32)>),
}

/// A piece of the text, and at which column it begins.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) text: &'a str,
    pub(super) column: usize,
}

impl Hours {
    /// Reads a text of opening hours.
    ///
    /// # Errors
    /// When it is none; the column says where.
    pub fn read(text: &str) -> Result<Self, Wrong> {
        if text.len() > LONGEST_TEXT {
            let reason = format!("it has {} bytes, and {LONGEST_TEXT} are the most", text.len());
            return Err(Wrong::new(1, reason, "split it, and ask for one after the other"));
        }
        let mut rules: Vec<Vec<Item<'_>>> = text_of_rules(text);
        let zone = zone(rules.last_mut().and_then(Vec::pop), text)?;
        if rules.last().is_some_and(Vec::is_empty) {
            rules.pop();
        }
        if rules.is_empty() {
            return Err(Wrong::new(1, "there are no hours", "write them before the zone, as in Mon-Fri 09:00-18:00"));
        }
        let end = text.chars().count() + 1;
        let rules = rules.into_iter().map(|items| rule(&items, end)).collect::<Result<_, _>>()?;
        Ok(Self { rules, zone })
    }

    /// Whether it is open at that moment, told since 1970.
    ///
    /// # Errors
    /// When the moment lies beyond all calendars.
    pub fn is_open(&self, now: Duration) -> Result<bool, Wrong> {
        let at = zone::at(now, &self.zone)?;
        let (today, time) = (at.date(), at.time());
        let second = [(time.hour(), 3600), (time.minute(), 60), (time.second(), 1)];
        let second: u32 = second.into_iter().map(|(count, each)| u32::from(count.unsigned_abs()) * each).sum();
        let since_yesterday = today.yesterday().is_ok_and(|yesterday| self.opens(yesterday, second + DAY));
        Ok(self.opens(today, second) || since_yesterday)
    }

    /// Whether what begins on that day is open so many seconds after its midnight.
    fn opens(&self, day: Date, second: u32) -> bool {
        let about = |rule: &&Rule| rule.days.iter().any(|days| days.has(day));
        let dated = |rule: &&Rule| rule.days.iter().any(|days| days.is_dated() && days.has(day));
        if self.rules.iter().filter(about).any(|rule| rule.times == Times::Closed) {
            return false;
        }
        let only_dated = self.rules.iter().any(|rule| dated(&rule));
        let rules = self.rules.iter().filter(about).filter(|rule| !only_dated || dated(rule));
        rules.flat_map(|rule| rule.times.ranges()).any(|(from, to)| (*from..*to).contains(&second))
    }
}

impl Times {
    fn ranges(&self) -> &[(u32, u32)] {
        match self {
            Self::Closed => &[],
            Self::Open(ranges) => ranges,
        }
    }
}

/// What stands before a zone, and the zone.
pub(super) fn items_and_zone(text: &str) -> Result<(Vec<Item<'_>>, TimeZone), Wrong> {
    let mut items: Vec<Item<'_>> =
        text_of_rules(text.get(..LONGEST_TEXT).unwrap_or(text)).into_iter().flatten().collect();
    let zone = zone(items.pop(), text)?;
    Ok((items, zone))
}

/// The items of each rule. One that says nothing is left out, so a `;` may stand at the end.
fn text_of_rules(text: &str) -> Vec<Vec<Item<'_>>> {
    let mut rules = vec![Vec::new()];
    let mut column = 1;
    for part in text.split_inclusive([' ', '\t', '\n', '\r', ',', ';']) {
        let bare = part.trim_end_matches([' ', '\t', '\n', '\r', ',', ';']);
        if let Some(rule) = rules.last_mut().filter(|_| !bare.is_empty()) {
            rule.push(Item { text: bare, column });
        }
        if part.ends_with(';') && rules.last().is_some_and(|rule| !rule.is_empty()) {
            rules.push(Vec::new());
        }
        column += part.chars().count();
    }
    rules
}

/// The zone, which stands last.
fn zone(last: Option<Item<'_>>, text: &str) -> Result<TimeZone, Wrong> {
    const REMEDY: &str = "end it with one, as in Mon-Fri 09:00-18:00 Europe/Berlin";
    let none = |column| Wrong::new(column, "it names no time zone", REMEDY);
    let Some(Item { text: name, column }) = last else { return Err(none(text.chars().count() + 1)) };
    let is_no_name = name.starts_with(|c: char| c.is_ascii_digit()) || Days::read(name, column).is_ok();
    if is_no_name || name.eq_ignore_ascii_case("closed") {
        return Err(none(column + name.chars().count()));
    }
    zone::named(name, column)
}

fn rule(items: &[Item<'_>], end: usize) -> Result<Rule, Wrong> {
    let (closed, items) = match items {
        [Item { text, .. }, rest @ ..] if text.eq_ignore_ascii_case("closed") => (true, rest),
        items => (false, items),
    };
    let first_time = items.iter().position(|item| item.text.contains(':')).unwrap_or(items.len());
    let (days, times) = items.split_at(first_time);
    let days: Vec<Days> = days.iter().map(|item| Days::read(item.text, item.column)).collect::<Result<_, _>>()?;
    if closed {
        return match (times.first(), days.is_empty()) {
            (Some(time), _) => {
                Err(Wrong::new(time.column, "what is closed has no hours", "leave them away, or take closed away"))
            }
            (None, true) => Err(Wrong::new(end, "closed names no days", "write closed 12-25, or closed Sun")),
            (None, false) => Ok(Rule { days, times: Times::Closed }),
        };
    }
    let ranges = times.iter().map(range).collect::<Result<Vec<_>, _>>()?;
    let days = if days.is_empty() { vec![Days::Weekdays(0, 6)] } else { days };
    let all_day = vec![(0, DAY)];
    Ok(Rule { days, times: Times::Open(if ranges.is_empty() { all_day } else { ranges }) })
}

fn range(item: &Item<'_>) -> Result<(u32, u32), Wrong> {
    let Item { text, column } = *item;
    if !text.contains(':') {
        let reason = format!("{text:?} stands behind hours");
        return Err(Wrong::new(column, reason, "begin another rule with ; before it"));
    }
    let (from, to) = text
        .split_once(['-', '–'])
        .ok_or_else(|| Wrong::new(column, format!("{text:?} is no range of times"), RANGE))?;
    let after = column + text.chars().count() - to.chars().count();
    let (from, to) = (time(from, column)?, time(to, after)?);
    if from == to || from == DAY {
        return Err(Wrong::new(column, format!("{text:?} has no length"), "write 00:00-24:00 for the whole day"));
    }
    Ok((from, if to < from { to + DAY } else { to }))
}

/// Seconds since midnight of `9:00` or `24:00`.
pub(super) fn time(text: &str, column: usize) -> Result<u32, Wrong> {
    let wrong = || Wrong::new(column, format!("{text:?} is no time of day"), RANGE);
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let is_number = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| is_number)
    };
    let (hour, minute) = (number(hour, 1..=2).ok_or_else(wrong)?, number(minute, 2..=2).ok_or_else(wrong)?);
    if (hour > 23 || minute > 59) && (hour, minute) != (24, 0) {
        return Err(wrong());
    }
    Ok(hour * 3600 + minute * 60)
}
