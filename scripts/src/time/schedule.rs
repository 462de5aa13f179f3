//! When something is done again and again: at times of days in a zone, or each so long.
//!
//! ```text
//! schedule = [ day { "," day } ] time { "," time } zone      Mon-Fri 08:00, 13:30 Europe/Berlin · 03:00 UTC
//! ```
//!
//! A time that the clock on the wall leaves out in spring comes when the clock has gone on, so once; one that it shows twice in autumn comes
//! the first time only.

use std::time::Duration;

use jiff::{ToSpan, civil::Time, tz::TimeZone};

use super::{Wrong, days::Days, hours, zone};

/// How far ahead is looked: to the second next leap day.
const FARTHEST: i64 = 366 * 9;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(When);

#[derive(Clone, Debug, PartialEq)]
enum When {
    Each(Duration),
    At { days: Vec<Days>, seconds: Vec<u32>, zone: TimeZone },
}

impl Schedule {
    /// Each so long, counted from midnight of 1970 in UTC: so a server that starts again goes on in step.
    #[must_use]
    pub fn each(time: Duration) -> Self {
        Self(When::Each(time.max(Duration::from_secs(1))))
    }

    /// Reads times of days and a zone.
    ///
    /// # Errors
    /// When the text is none; the column says where.
    pub fn read(text: &str) -> Result<Self, Wrong> {
        let (items, zone) = hours::items_and_zone(text)?;
        let first_time = items.iter().position(|item| item.text.contains(':')).unwrap_or(items.len());
        let (days, times) = items.split_at(first_time);
        let mut days: Vec<Days> = days.iter().map(|day| Days::read(day.text, day.column)).collect::<Result<_, _>>()?;
        if days.is_empty() {
            days.push(Days::Weekdays(0, 6));
        }
        let mut seconds: Vec<u32> =
            times.iter().map(|time| hours::time(time.text, time.column)).collect::<Result<_, _>>()?;
        if seconds.is_empty() || seconds.contains(&hours::DAY) {
            let reason = "it names no time of day from 00:00 to 23:59";
            return Err(Wrong::new(1, reason, "write one before the zone, as in Mon-Fri 08:00 Europe/Berlin"));
        }
        seconds.sort_unstable();
        Ok(Self(When::At { days, seconds, zone }))
    }

    /// The next moment behind that one, both told since 1970; `None` where there is none in the years to come.
    #[must_use]
    pub fn next(&self, after: Duration) -> Option<Duration> {
        match &self.0 {
            When::Each(each) => {
                let times = after.as_nanos() / each.as_nanos() + 1;
                u32::try_from(times).ok().and_then(|times| each.checked_mul(times)).or_else(|| after.checked_add(*each))
            }
            When::At { days, seconds, zone } => {
                let today = zone::at(after, zone).ok()?.date();
                let dates = (0..FARTHEST).map_while(|day| today.checked_add(day.days()).ok());
                let dates = dates.filter(|date| days.iter().any(|days| days.has(*date)));
                let moments = dates.flat_map(|date| seconds.iter().map(move |second| (date, *second)));
                let mut moments = moments.filter_map(|(date, second)| {
                    let time = Time::midnight().checked_add(i64::from(second).seconds()).ok()?;
                    let moment = date.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp().as_second();
                    u64::try_from(moment).ok().map(Duration::from_secs)
                });
                moments.find(|moment| *moment > after)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment in UTC.
    fn at(text: &str) -> Duration {
        let moment: jiff::Timestamp = text.parse().expect("a moment");
        Duration::from_secs(u64::try_from(moment.as_second()).expect("after 1970"))
    }

    #[test]
    fn times_come_on_their_days_by_the_clock_on_the_wall() {
        let schedule = Schedule::read("Mon-Fri 08:00, 13:30 Europe/Berlin").expect("a schedule");
        // A Friday in November.
        let friday = at("2026-11-20T07:00:00Z");
        assert_eq!(schedule.next(friday - Duration::from_secs(1)), Some(friday));
        assert_eq!(schedule.next(friday), Some(at("2026-11-20T12:30:00Z")));
        assert_eq!(schedule.next(at("2026-11-20T12:30:00Z")), Some(at("2026-11-23T07:00:00Z")));
        let summer = Schedule::read("08:00 Europe/Berlin").expect("a schedule");
        assert_eq!(summer.next(at("2026-07-01T00:00:00Z")), Some(at("2026-07-01T06:00:00Z")));
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_or_shows_twice_comes_once() {
        let schedule = Schedule::read("02:30 Europe/Berlin").expect("a schedule");
        let spring = schedule.next(at("2026-03-28T12:00:00Z")).expect("a moment");
        assert_eq!(spring, at("2026-03-29T01:30:00Z"), "03:30 by the clock on the wall");
        assert_eq!(schedule.next(spring), Some(at("2026-03-30T00:30:00Z")));
        let autumn = schedule.next(at("2026-10-24T12:00:00Z")).expect("a moment");
        assert_eq!(autumn, at("2026-10-25T00:30:00Z"));
        assert_eq!(schedule.next(autumn), Some(at("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn each_so_long_goes_on_in_step() {
        let schedule = Schedule::each(Duration::from_secs(900));
        assert_eq!(schedule.next(at("2026-11-20T07:01:00Z")), Some(at("2026-11-20T07:15:00Z")));
        assert_eq!(schedule.next(at("2026-11-20T07:15:00Z")), Some(at("2026-11-20T07:30:00Z")));
    }

    #[test]
    fn what_is_no_schedule_is_told_with_its_column() {
        for (text, why) in [
            ("08:00", "names no time zone"),
            ("Mon-Fri Europe/Berlin", "names no time of day"),
            ("Mon 24:00 UTC", "names no time of day from"),
            ("Mon 8:61 UTC", "column 5"),
            ("Montag 08:00 UTC", "column 1"),
            ("08:00 Europe/Berln", "is no time zone"),
        ] {
            let told = Schedule::read(text).expect_err(text).to_string();
            assert!(told.contains(why), "{text}: {told}");
        }
        assert_eq!(Schedule::read("2020-01-01 08:00 UTC").expect("it was one").next(at("2026-01-01T00:00:00Z")), None);
    }
}
