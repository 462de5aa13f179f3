//! How English says it, as in the United States: no "and" within numbers, years in pairs, the month before the day.

use super::calendar::Day;
use super::words::Words;
use super::{Clock, Currency};

pub(super) fn number(value: u64, words: &mut Words) {
    if value == 0 {
        return words.count(0);
    }
    for (size, name) in [(1_000_000, "number/million"), (1000, "number/thousand")] {
        let block = value / size % 1000;
        if block > 0 {
            words.below_thousand(block);
            words.word(name);
        }
    }
    words.below_thousand(value % 1000);
}

pub(super) fn date(day: Day, words: &mut Words) {
    words.word(&format!("weekday/{}", day.weekday()));
    words.word(&format!("month/{}", day.month));
    words.word(&format!("ordinal/{}", day.day));
    year(u64::from(day.year), words);
}

/// Nineteen eighty-four, nineteen oh five, nineteen hundred, two thousand five.
fn year(year: u64, words: &mut Words) {
    let (century, rest) = (year / 100, year % 100);
    if century == 0 || century.is_multiple_of(10) && rest < 10 {
        return number(year, words);
    }
    words.count(century);
    match rest {
        0 => words.word("number/hundred"),
        rest => padded(rest, words),
    }
}

/// Oh five, twenty-five.
fn padded(number: u64, words: &mut Words) {
    if number < 10 {
        words.word("time/oh");
    }
    words.count(number);
}

pub(super) fn time(hour: u8, minute: u8, clock: Clock, words: &mut Words) {
    let minutes = u64::from(minute);
    match (clock, hour, minute) {
        (Clock::Twelve, 0, 0) => words.word("time/midnight"),
        (Clock::Twelve, 12, 0) => words.word("time/noon"),
        (Clock::Twelve, ..) => {
            words.count(u64::from((hour + 11) % 12 + 1));
            if minute > 0 {
                padded(minutes, words);
            }
            words.word(if hour < 12 { "time/am" } else { "time/pm" });
        }
        (Clock::TwentyFour, ..) => {
            match hour {
                0 => words.count(0),
                hour => padded(u64::from(hour), words),
            }
            match minutes {
                0 => words.word("time/hundred-hours"),
                minutes => padded(minutes, words),
            }
        }
    }
}

pub(super) fn money(whole: u64, hundredths: u64, currency: Currency, words: &mut Words) {
    let (one, many, cent, cents) = match currency {
        Currency::Euro => ("money/euro", "money/euros", "money/cent", "money/cents"),
        Currency::Dollar => ("money/dollar", "money/dollars", "money/cent", "money/cents"),
        Currency::Pound => ("money/pound", "money/pounds", "money/penny", "money/pence"),
    };
    if whole > 0 || hundredths == 0 {
        number(whole, words);
        words.word(if whole == 1 { one } else { many });
        if hundredths > 0 {
            words.word("money/and");
        }
    }
    if hundredths > 0 {
        words.count(hundredths);
        words.word(if hundredths == 1 { cent } else { cents });
    }
}
