//! The Date header (RFC 3261 §20.17): the one place where we tell a phone what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment, written as `Sat, 13 Nov 2010 23:29:00 GMT`.
pub(super) struct Date(pub(super) SystemTime);

const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Date {
    /// Written by hand: each registration is told the time, and the formatter of the standard library takes its own.
    pub(super) fn text(&self) -> String {
        // A clock before 1970 is a clock that was never set; the epoch says so well enough.
        let seconds = self.0.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let mut text = String::with_capacity(32);
        text.extend([WEEKDAYS[(days % 7) as usize], ", "]);
        two_digits(day, &mut text);
        text.extend([" ", MONTHS[month], " "]);
        // Nobody's clock says more than four digits.
        two_digits(year / 100, &mut text);
        two_digits(year, &mut text);
        for (before, unit) in [(' ', second / 3600), (':', second / 60 % 60), (':', second % 60)] {
            text.push(before);
            two_digits(unit, &mut text);
        }
        text.push_str(" GMT");
        text
    }
}

fn two_digits(number: u64, text: &mut String) {
    for digit in [number / 10 % 10, number % 10] {
        text.push(char::from(b'0' + digit as u8));
    }
}

/// Year, month from 0 and day from 1 of a day counted from 1970-01-01.
pub(crate) fn civil(days: u64) -> (u64, usize, u64) {
    // Counted from a first of March, a leap day is the last day of its year and needs no care. Four hundred years have
    // the same number of days wherever they begin; the first of these begin with the year 0.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // The months from March on have 153 days in each five of them.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let is_next_year = month >= 10;
    (era * 400 + year + u64::from(is_next_year), (month as usize + 2) % 12, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> String {
        Date(UNIX_EPOCH + Duration::from_secs(seconds)).text()
    }

    #[test]
    fn the_example_of_the_standard_is_written_as_it_stands_there() {
        assert_eq!(at(1_289_690_940), "Sat, 13 Nov 2010 23:29:00 GMT");
    }

    #[test]
    fn leap_days_and_the_ends_of_years_fall_where_they_should() {
        assert_eq!(at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(at(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(at(1_709_164_800), "Thu, 29 Feb 2024 00:00:00 GMT");
        assert_eq!(at(1_798_761_599), "Thu, 31 Dec 2026 23:59:59 GMT");
        assert_eq!(at(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT");
    }
}
