//! Time as scripts speak of it: zones, opening hours, holidays, and dates in words of numbers.
//!
//! Every function is handed the moment; nothing here reads a clock. What zones there are and when their clocks change is
//! compiled in, so that a call replayed tomorrow on another machine is judged as it was today.
//!
//! ```text
//! hours   "Mon-Fri 09:00-18:00; closed 12-25, Easter+1 Europe/Berlin" ─read─▶ Hours ─is_open(moment)─▶ bool
//! schedule  "Mon-Fri 08:00 Europe/Berlin": the next moment behind one
//! days    which days a rule is about: weekdays, dates, ranges of them, Easter
//! zone    a moment as the clock on the wall shows it
//! wrong   what is wrong with a text, and at which column
//! ```

mod days;
mod hours;
mod schedule;
#[cfg(test)]
mod tests;
mod wrong;
mod zone;

use std::time::Duration;

pub use hours::Hours;
pub use schedule::Schedule;
pub use wrong::Wrong;
pub use zone::{Shown, format, show};

/// Whether a moment lies on one of some days, such as `"01-01, 12-25, Easter+1 Europe/Berlin"`.
///
/// # Errors
/// When that is no text of days and a zone.
pub fn is_day(days: &str, now: Duration) -> Result<bool, Wrong> {
    let days = days.trim();
    let (days, zone) = days.rsplit_once(char::is_whitespace).unwrap_or(("", days));
    if days.is_empty() {
        return Err(Wrong::new(
            1,
            "it names no days, or no time zone",
            "write them as in 12-25, Easter+1 Europe/Berlin",
        ));
    }
    // Hours that are the whole day.
    within(&format!("{days} 00:00-24:00 {zone}"), now)
}

/// Whether a moment, told since 1970, lies within opening hours such as `"Mon-Fri 09:00-18:00 Europe/Berlin"`.
///
/// # Errors
/// When that is no text of opening hours.
pub fn within(hours: &str, now: Duration) -> Result<bool, Wrong> {
    Hours::read(hours)?.is_open(now)
}
