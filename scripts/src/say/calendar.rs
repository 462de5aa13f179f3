//! Days of the Gregorian calendar, and which day of the week each is.

/// A day that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub year: u16,
    pub month: u8,
    pub day: u8,
}

impl Day {
    /// `None` where the calendar has no such day. Years have four places at most.
    pub(super) fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists = (1..=9999).contains(&year) && (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// Monday is 1, Sunday 7.
    pub(super) fn weekday(self) -> u8 {
        let before = u32::from(self.year) - 1;
        let leap_days = before / 4 - before / 100 + before / 400;
        let this_year: u32 = (1..self.month).map(|month| u32::from(days(self.year, month))).sum();
        // The first of January of year 1 was a Monday.
        ((before * 365 + leap_days + this_year + u32::from(self.day) - 1) % 7 + 1) as u8
    }
}

fn days(year: u16, month: u8) -> u8 {
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leaps => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekdays_are_those_of_the_calendar_on_the_wall() {
        for (year, month, day, weekday) in
            [(1, 1, 1, 1), (1900, 1, 1, 1), (1969, 7, 20, 7), (2000, 2, 29, 2), (2024, 12, 31, 2), (2026, 11, 21, 6)]
        {
            assert_eq!(Day::new(year, month, day).expect("it exists").weekday(), weekday, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn days_that_never_were_are_none() {
        for (year, month, day) in [(2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 13, 1), (2024, 1, 0), (0, 1, 1)]
        {
            assert_eq!(Day::new(year, month, day), None, "{year}-{month}-{day}");
        }
    }
}
