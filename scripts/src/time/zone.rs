//! A moment as the clock on the wall shows it, somewhere.

use std::{sync::LazyLock, time::Duration};

use jiff::{
    Timestamp, Zoned,
    fmt::strtime,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::Wrong;

/// The longest pattern of a date that is taken.
const LONGEST_PATTERN: usize = 200;

/// The zones that are compiled in, whatever the machine has.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// What the clock and the calendar on the wall show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// As in 2026.
    pub year: i16,
    /// From 1.
    pub month: i8,
    /// From 1.
    pub day: i8,
    /// From 0 to 23.
    pub hour: i8,
    /// From 0 to 59.
    pub minute: i8,
    /// From 0 to 59.
    pub second: i8,
    /// `Mon`, `Tue` … `Sun`.
    pub weekday: &'static str,
    /// The day of the year, from 1.
    pub day_of_year: i16,
    /// How far the clock is ahead of UTC.
    pub offset_seconds: i32,
    /// Whether that is summer time.
    pub summer: bool,
}

/// What the clock shows in that zone at that moment, told since 1970.
///
/// # Errors
/// When there is no such zone.
pub fn show(now: Duration, zone: &str) -> Result<Shown, Wrong> {
    let at = at(now, &named(zone, 1)?)?;
    let weekday = super::days::WEEKDAYS[usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default()];
    Ok(Shown {
        year: at.year(),
        month: at.month(),
        day: at.day(),
        hour: at.hour(),
        minute: at.minute(),
        second: at.second(),
        weekday,
        day_of_year: at.day_of_year(),
        offset_seconds: at.offset().seconds(),
        summer: at.time_zone().to_offset_info(at.timestamp()).dst().is_dst(),
    })
}

/// That moment in that zone, written by a pattern of `strftime`, as in `"%Y-%m-%d %H:%M"`.
///
/// # Errors
/// When there is no such zone, or the pattern asks for what there is not.
pub fn format(now: Duration, pattern: &str, zone: &str) -> Result<String, Wrong> {
    let wrong = |reason: String| Wrong::new(1, reason, "write a pattern as in \"%Y-%m-%d %H:%M\"");
    if pattern.len() > LONGEST_PATTERN {
        return Err(wrong(format!("the pattern has {} bytes, and {LONGEST_PATTERN} are the most", pattern.len())));
    }
    strtime::format(pattern, &at(now, &named(zone, 1)?)?)
        .map_err(|error| wrong(format!("{pattern:?} is no pattern: {error}")))
}

/// The zone of that name, which stands at that column.
pub(super) fn named(name: &str, column: usize) -> Result<TimeZone, Wrong> {
    ZONES.get(name).map_err(|_| {
        let last = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let meant = ZONES.available().find(|zone| zone.as_str().contains('/') && last(zone.as_str()) == last(name));
        let remedy = match meant {
            Some(zone) => format!("did you mean {}?", zone.as_str()),
            None => "write one as in Europe/Berlin, America/New_York or UTC".into(),
        };
        Wrong::new(column, format!("{name:?} is no time zone"), remedy)
    })
}

/// A moment in a zone.
pub(super) fn at(now: Duration, zone: &TimeZone) -> Result<Zoned, Wrong> {
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let moment = Timestamp::new(seconds, i32::try_from(now.subsec_nanos()).unwrap_or_default());
    let moment = moment.map_err(|_| {
        Wrong::new(1, "the moment lies beyond the year 9999", "hand in seconds since 1970, and not milliseconds")
    })?;
    Ok(moment.to_zoned(zone.clone()))
}
