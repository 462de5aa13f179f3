//! Opening hours as people write them, on the days on which clocks and calendars are awkward.

use jiff::{civil::date, tz::TimeZoneDatabase};
use proptest::prelude::*;

use super::{days::easter, *};

/// A moment of `2026-03-29T02:30:00[Europe/Berlin]` or the like.
fn moment(text: &str) -> Duration {
    let zoned: jiff::Timestamp = text.parse().expect("a moment");
    Duration::from_secs(zoned.as_second().unsigned_abs())
}

fn open(hours: &str, at: &str) -> bool {
    within(hours, moment(at)).unwrap_or_else(|wrong| panic!("{hours}: {wrong}"))
}

fn told(hours: &str) -> String {
    Hours::read(hours).err().unwrap_or_else(|| panic!("taken: {hours}")).to_string()
}

#[test]
fn an_office_is_open_on_weekdays_by_the_clock_on_its_wall() {
    let office = "Mon-Fri 09:00-18:00 Europe/Berlin";
    // A Friday in November: Berlin is an hour ahead of UTC.
    assert!(!open(office, "2026-11-20T07:59:59Z"));
    assert!(open(office, "2026-11-20T08:00:00Z"));
    assert!(open(office, "2026-11-20T16:59:59Z"));
    assert!(!open(office, "2026-11-20T17:00:00Z"));
    assert!(!open(office, "2026-11-21T10:00:00Z"), "that is a Saturday");
    // In July it is two hours ahead.
    assert!(open(office, "2026-07-03T07:00:00Z"));
    assert!(!open(office, "2026-07-03T16:00:00Z"));
}

#[test]
fn several_ranges_and_rules_add_up() {
    let shop = "Mon-Fri 9:00-12:00, 13:00-18:00; Sat 10:00-14:00; Thu 18:00-20:00 UTC";
    for (at, is_open) in [
        ("2026-11-19T11:59:00Z", true),
        ("2026-11-19T12:30:00Z", false),
        ("2026-11-19T19:00:00Z", true),
        ("2026-11-20T19:00:00Z", false),
        ("2026-11-21T13:00:00Z", true),
        ("2026-11-21T14:00:00Z", false),
        ("2026-11-22T11:00:00Z", false),
    ] {
        assert_eq!(open(shop, at), is_open, "{at}");
    }
    assert!(open("Sat-Mon 10:00-11:00 UTC", "2026-11-22T10:00:00Z"), "a week goes round");
    assert!(!open("Sat-Mon 10:00-11:00 UTC", "2026-11-24T10:00:00Z"));
    assert!(open("monday,WED daily UTC", "2026-11-22T10:00:00Z"));
    assert!(open("10:00-11:00 UTC", "2026-11-24T10:00:00Z"), "without days it is each day");
    assert!(open("Tue UTC", "2026-11-24T23:59:59Z"), "without times it is the whole day");
}

#[test]
fn hours_over_midnight_belong_to_the_day_that_they_begin_on() {
    let bar = "Fri,Sat 22:00-02:00; closed 2026-11-22 Europe/Berlin";
    assert!(open(bar, "2026-11-20T21:00:00Z"), "Friday, ten at night");
    assert!(open(bar, "2026-11-21T00:59:59Z"), "it is Saturday, nearly two");
    assert!(!open(bar, "2026-11-21T01:00:00Z"));
    assert!(open(bar, "2026-11-22T00:30:00Z"), "Sunday is closed, and Saturday goes on into it");
    assert!(!open(bar, "2026-11-20T00:30:00Z"), "Thursday had none");
    assert!(open("daily 00:00-24:00 UTC", "2026-11-20T23:59:59Z"));
    assert!(!open("Fri 18:00-24:00 UTC", "2026-11-21T00:00:00Z"));
}

#[test]
fn holidays_are_dates_of_each_year_of_one_year_or_counted_from_easter() {
    let office =
        "Mon-Fri 09:00-18:00; closed 12-24..01-02, 05-01, 2026-11-20, Easter-2, Easter+1; 12-23 09:00-12:00 UTC";
    for (at, is_open) in [
        ("2026-12-22T17:00:00Z", true),
        ("2026-12-23T11:00:00Z", true),
        ("2026-12-23T17:00:00Z", false),
        ("2026-12-24T10:00:00Z", false),
        ("2026-12-31T10:00:00Z", false),
        ("2027-01-01T10:00:00Z", false),
        ("2027-01-04T10:00:00Z", true),
        ("2026-05-01T10:00:00Z", false),
        ("2026-11-20T10:00:00Z", false),
        ("2025-11-20T10:00:00Z", true),
        ("2026-04-03T10:00:00Z", false),
        ("2026-04-06T10:00:00Z", false),
        ("2026-04-07T10:00:00Z", true),
    ] {
        assert_eq!(open(office, at), is_open, "{at}");
    }
    let sunday = "Mon-Fri 09:00-18:00; 2026-11-22 10:00-12:00 UTC";
    assert!(open(sunday, "2026-11-22T11:00:00Z"), "a date opens a day of the weekend");
    assert!(!open("daily; closed 02-29 UTC", "2028-02-29T11:00:00Z"));
}

#[test]
fn a_day_is_a_holiday_from_its_first_second_to_its_last_by_the_clock_on_the_wall() {
    let days = "01-01, 12-24..12-26, Easter+1, 2026-11-27 Europe/Berlin";
    for (at, is_one) in [
        ("2026-12-23T22:59:59Z", false),
        ("2026-12-23T23:00:00Z", true),
        ("2026-12-26T22:59:59Z", true),
        ("2026-12-26T23:00:00Z", false),
        ("2026-04-06T10:00:00Z", true),
        ("2026-11-27T10:00:00Z", true),
        ("2027-11-27T10:00:00Z", false),
    ] {
        assert_eq!(is_day(days, moment(at)), Ok(is_one), "{at}");
    }
    for wrong in ["", "12-25", "Europe/Berlin", "Xmas Europe/Berlin"] {
        assert!(is_day(wrong, moment("2026-12-25T10:00:00Z")).is_err(), "{wrong}");
    }
}

#[test]
fn clocks_that_change_open_twice_or_not_at_all() {
    // On 29 March 2026 Berlin goes from 01:59 to 03:00, on 25 October from 02:59 back to 02:00.
    let night = "02:00-03:00 Europe/Berlin";
    assert!(!open(night, "2026-03-29T00:59:59Z"), "a second before two");
    assert!(!open(night, "2026-03-29T01:00:00Z"), "it is three already");
    for (at, is_open) in [
        ("2026-10-24T23:59:59Z", false),
        ("2026-10-25T00:00:00Z", true),
        ("2026-10-25T00:59:59Z", true),
        ("2026-10-25T01:00:00Z", true),
        ("2026-10-25T01:59:59Z", true),
        ("2026-10-25T02:00:00Z", false),
    ] {
        assert_eq!(open(night, at), is_open, "{at}");
    }
    // New York changes on other days than Berlin, and half an hour is an offset, too.
    assert!(open("Mon-Fri 09:00-17:00 America/New_York", "2026-03-23T13:00:00Z"));
    assert!(!open("Mon-Fri 09:00-17:00 America/New_York", "2026-03-02T13:00:00Z"));
    assert!(open("09:00-17:00 Asia/Kolkata", "2026-03-02T03:30:00Z"));
    // Samoa went from 29 to 31 December 2011.
    assert!(open("Sat 00:00-01:00 Pacific/Apia", "2011-12-30T10:30:00Z"));
}

#[test]
fn what_is_wrong_is_told_with_its_column() {
    const DAY: &str = "write Mon, Mon-Fri, daily, 12-25, 2026-12-25, 12-24..12-26 or Easter+1";
    const RANGE: &str = "write 09:00-18:00, without spaces within";
    const ZONE: &str = "it names no time zone; end it with one, as in Mon-Fri 09:00-18:00 Europe/Berlin";
    for (hours, why) in [
        ("", format!("column 1: {ZONE}")),
        ("Mon-Fri 09:00-18:00", format!("column 20: {ZONE}")),
        ("Mon-Fri", format!("column 8: {ZONE}")),
        ("UTC", "column 1: there are no hours; write them before the zone, as in Mon-Fri 09:00-18:00".into()),
        ("Mon 09:00-18:00 Berlin", "column 17: \"Berlin\" is no time zone; did you mean Europe/Berlin?".into()),
        (
            "Mon 09:00-18:00 Europe/Bärlin",
            "column 17: \"Europe/Bärlin\" is no time zone; write one as in Europe/Berlin, America/New_York or UTC"
                .into(),
        ),
        ("Mon-Foo 09:00-18:00 UTC", format!("column 5: \"Foo\" is no day; {DAY}")),
        ("Mo 09:00-18:00 UTC", format!("column 1: \"Mo\" is no day; {DAY}")),
        ("Mon 9-18:00 UTC", format!("column 5: \"9\" is no time of day; {RANGE}")),
        ("Mon 09:00-25:00 UTC", format!("column 11: \"25:00\" is no time of day; {RANGE}")),
        ("Mon 09:00-24:01 UTC", format!("column 11: \"24:01\" is no time of day; {RANGE}")),
        ("Mon 09:00 - 18:00 UTC", format!("column 5: \"09:00\" is no range of times; {RANGE}")),
        ("Mon 09:00-09:00 UTC", "column 5: \"09:00-09:00\" has no length; write 00:00-24:00 for the whole day".into()),
        (
            "Mon 09:00-12:00 Tue UTC",
            "column 17: \"Tue\" stands behind hours; begin another rule with ; before it".into(),
        ),
        ("Mon; 13-01 UTC", format!("column 6: \"13-01\" is no date; {DAY}")),
        ("Mon; 02-30 UTC", format!("column 6: \"02-30\" is no date; {DAY}")),
        ("2027-02-29 UTC", format!("column 1: \"2027-02-29\" is no date; {DAY}")),
        (
            "2027-01-02..01-03 UTC",
            "column 1: \"2027-01-02..01-03\" has a year on one side only; write it on both sides, or on none".into(),
        ),
        (
            "2027-01-02..2026-01-03 UTC",
            "column 1: \"2027-01-02..2026-01-03\" ends before it begins; turn it round".into(),
        ),
        ("Mon; closed UTC", "column 16: closed names no days; write closed 12-25, or closed Sun".into()),
        (
            "Mon; closed 12-25 10:00-11:00 UTC",
            "column 19: what is closed has no hours; leave them away, or take closed away".into(),
        ),
        (
            "closed Easter+99 UTC",
            "column 8: \"Easter+99\" is no day; write Easter, Easter+1 or Easter-2, up to 70 days away".into(),
        ),
    ] {
        assert_eq!(told(hours), why, "{hours}");
    }
    assert!(told(&"Mon ".repeat(600)).contains("2400 bytes"));
}

#[test]
fn easter_is_where_the_churches_have_it() {
    for (year, month, day) in [
        (1961, 4, 2),
        (2000, 4, 23),
        (2008, 3, 23),
        (2011, 4, 24),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2027, 3, 28),
        (2038, 4, 25),
        (2285, 3, 22),
    ] {
        assert_eq!(easter(year), Some(date(year, month, day)));
    }
}

#[test]
fn a_moment_is_shown_as_the_wall_shows_it() {
    let at = moment("2026-07-03T22:05:06Z");
    let shown = show(at, "Europe/Berlin").expect("a zone");
    assert_eq!((shown.year, shown.month, shown.day, shown.hour, shown.minute, shown.second), (2026, 7, 4, 0, 5, 6));
    assert_eq!((shown.weekday, shown.day_of_year, shown.offset_seconds, shown.summer), ("Sat", 185, 7200, true));
    assert!(!show(moment("2026-01-01T00:00:00Z"), "europe/berlin").expect("a zone").summer);
    assert_eq!(format(at, "%A %Y-%m-%d %H:%M %Z", "Europe/Berlin"), Ok("Saturday 2026-07-04 00:05 CEST".into()));
    let wrong = format(at, "%&!", "UTC").expect_err("that is no pattern");
    assert!(wrong.reason.starts_with("\"%&!\" is no pattern"), "{wrong}");
    assert!(show(at, "Mars/Olympus").is_err());
    assert!(show(Duration::MAX, "UTC").expect_err("too far").reason.contains("9999"));
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(text in "[A-Za-z0-9:;,.+/ –-]{0,60}( UTC)?", seconds in 0_u64..8_000_000_000) {
        if let Ok(hours) = Hours::read(&text) {
            prop_assert!(hours.is_open(Duration::from_secs(seconds)).is_ok());
        }
    }

    #[test]
    fn open_hours_and_their_complement_share_no_moment(from in 1_u32..1439, seconds in 0_u64..4_000_000_000) {
        let at = Duration::from_secs(seconds);
        let (hour, minute) = (from / 60, from % 60);
        let first = format!("00:00-{hour}:{minute:02} Europe/Berlin");
        let second = format!("{hour}:{minute:02}-24:00 Europe/Berlin");
        prop_assert_ne!(within(&first, at), within(&second, at));
    }

    #[test]
    fn each_zone_shows_each_moment(index in 0_usize..500, seconds in 0_u64..8_000_000_000) {
        let zones = TimeZoneDatabase::bundled();
        let zone = zones.available().nth(index);
        if let Some(zone) = zone {
            prop_assert!(show(Duration::from_secs(seconds), zone.as_str()).is_ok());
        }
    }
}
