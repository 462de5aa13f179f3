//! Which days a rule of opening hours is about.
//!
//! Weekdays and ranges of them, dates of each year or of one, ranges of those, and days counted from Easter Sunday (of the
//! western churches). A range that ends before it begins goes round: `Sat-Mon`, `12-24..01-02`.

use jiff::{ToSpan, civil::Date};

use super::Wrong;

/// As they are written; any longer beginning of the English name will do.
pub(super) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The English names.
const LONG_WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// How far from Easter a day may be counted: from before carnival to after Corpus Christi.
const FROM_EASTER: std::ops::RangeInclusive<i64> = -70..=70;

/// What to write instead of something that is no day.
const REMEDY: &str = "write Mon, Mon-Fri, daily, 12-25, 2026-12-25, 12-24..12-26 or Easter+1";

/// Some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// From one weekday to another, counted from Monday.
    Weekdays(i8, i8),
    /// From one day of each year to another, as month and day.
    Yearly((i8, i8), (i8, i8)),
    /// From one date to another.
    Once(Date, Date),
    /// So many days after Easter Sunday.
    Easter(i64),
}

impl Days {
    /// Reads one item, which stands at that column.
    pub(super) fn read(text: &str, column: usize) -> Result<Self, Wrong> {
        let lower = text.to_ascii_lowercase();
        if lower == "daily" {
            return Ok(Self::Weekdays(0, 6));
        }
        if let Some(offset) = lower.strip_prefix("easter") {
            return easter_offset(offset, text, column);
        }
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return dates(text, column);
        }
        let (first, last) = text.split_once(['-', '–']).unwrap_or((text, text));
        let after = column + text.chars().count() - last.chars().count();
        Ok(Self::Weekdays(weekday(first, column)?, weekday(last, after)?))
    }

    /// Whether they are named by the calendar and not by the week.
    pub(super) fn is_dated(&self) -> bool {
        !matches!(self, Self::Weekdays(..))
    }

    /// Whether that day is among them.
    pub(super) fn has(&self, day: Date) -> bool {
        match self {
            Self::Weekdays(first, last) => around(*first, day.weekday().to_monday_zero_offset(), *last),
            Self::Yearly(first, last) => around(*first, (day.month(), day.day()), *last),
            Self::Once(first, last) => (*first..=*last).contains(&day),
            Self::Easter(offset) => {
                // A day counted from Easter lies in Easter's year: the counting is bounded.
                easter(day.year()).and_then(|sunday| sunday.checked_add(offset.days()).ok()) == Some(day)
            }
        }
    }
}

/// Whether `asked` lies from `first` to `last`, where a range that ends before it begins goes round.
fn around<T: Ord>(first: T, asked: T, last: T) -> bool {
    if first <= last { first <= asked && asked <= last } else { asked >= first || asked <= last }
}

fn weekday(text: &str, column: usize) -> Result<i8, Wrong> {
    let lower = text.to_ascii_lowercase();
    let found = LONG_WEEKDAYS.iter().position(|name| lower.len() >= 3 && name.starts_with(&lower));
    let found = found.and_then(|index| i8::try_from(index).ok());
    found.ok_or_else(|| Wrong::new(column, format!("{text:?} is no day"), REMEDY))
}

fn easter_offset(offset: &str, text: &str, column: usize) -> Result<Days, Wrong> {
    let read = match offset {
        "" => Some(0),
        signed if signed.starts_with(['+', '-']) => signed.parse().ok(),
        _ => None,
    };
    let found = read.filter(|days| FROM_EASTER.contains(days)).map(Days::Easter);
    found.ok_or_else(|| {
        Wrong::new(column, format!("{text:?} is no day"), "write Easter, Easter+1 or Easter-2, up to 70 days away")
    })
}

fn dates(text: &str, column: usize) -> Result<Days, Wrong> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let after = column + text.chars().count() - last.chars().count();
    match (date(first, column)?, date(last, after)?) {
        ((None, first), (None, last)) => Ok(Days::Yearly(first, last)),
        ((Some(first), _), (Some(last), _)) if first <= last => Ok(Days::Once(first, last)),
        ((Some(_), _), (Some(_), _)) => {
            Err(Wrong::new(column, format!("{text:?} ends before it begins"), "turn it round"))
        }
        _ => Err(Wrong::new(
            column,
            format!("{text:?} has a year on one side only"),
            "write it on both sides, or on none",
        )),
    }
}

/// A day of the year, and which one it is if a year is said.
fn date(text: &str, column: usize) -> Result<(Option<Date>, (i8, i8)), Wrong> {
    let wrong = || Wrong::new(column, format!("{text:?} is no date"), REMEDY);
    let numbers: Option<Vec<i16>> = text.split('-').map(|part| part.parse().ok()).collect();
    let (year, month, day) = match numbers.as_deref() {
        Some(&[month, day]) => (None, month, day),
        Some(&[year, month, day]) if year >= 1970 => (Some(year), month, day),
        _ => return Err(wrong()),
    };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else { return Err(wrong()) };
    // The twenty-ninth of February is a day of each year in which there is one.
    let found = Date::new(year.unwrap_or(2024), month, day).map_err(|_| wrong())?;
    Ok((year.map(|_| found), (month, day)))
}

/// Easter Sunday of the Gregorian calendar (the rule of Meeus, Jones and Butcher).
pub(super) fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let from_march = h + l - 7 * m + 114;
    let (month, day) = (i8::try_from(from_march / 31).ok()?, i8::try_from(from_march % 31 + 1).ok()?);
    Date::new(year, month, day).ok()
}
