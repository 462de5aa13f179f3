//! How German says it: one is "eins" at the end, "ein" before what it counts and "eine" before a million.

use super::calendar::Day;
use super::words::Words;
use super::{Clock, Currency};

/// What becomes of a one at the end of a number.
#[derive(Clone, Copy)]
enum One {
    /// Nothing follows: eins.
    Last,
    /// What it counts follows: ein.
    Before,
    /// Millions follow: eine.
    BeforeMillions,
}

pub(super) fn number(value: u64, words: &mut Words) {
    counted(value, One::Last, words);
}

fn counted(value: u64, one: One, words: &mut Words) {
    if value == 0 {
        return words.count(0);
    }
    match value / 1_000_000 {
        0 => {}
        // Recorded with its "eine".
        1 => words.word("number/million"),
        millions => {
            block(millions, One::BeforeMillions, words);
            words.word("number/millions");
        }
    }
    let thousands = value / 1000 % 1000;
    if thousands > 0 {
        block(thousands, One::Before, words);
        words.word("number/thousand");
    }
    block(value % 1000, one, words);
}

fn block(number: u64, one: One, words: &mut Words) {
    let name = match one {
        One::Before if number % 100 == 1 => "number/ein",
        One::BeforeMillions if number % 100 == 1 => "number/eine",
        _ => return words.below_thousand(number),
    };
    words.below_thousand(number - 1);
    words.word(name);
}

pub(super) fn date(day: Day, words: &mut Words) {
    words.word(&format!("weekday/{}", day.weekday()));
    words.word(&format!("ordinal/{}", day.day));
    words.word(&format!("month/{}", day.month));
    year(u64::from(day.year), words);
}

/// Neunzehnhundertvierundachtzig, and all others as they are counted.
fn year(year: u64, words: &mut Words) {
    if (1100..2000).contains(&year) {
        words.count(year / 100);
        words.word("number/hundred");
        words.below_thousand(year % 100);
    } else {
        number(year, words);
    }
}

pub(super) fn time(hour: u8, minute: u8, clock: Clock, words: &mut Words) {
    let shown = match (clock, hour, minute) {
        (Clock::Twelve, 0, 0) => return words.word("time/midnight"),
        (Clock::Twelve, 12, 0) => return words.word("time/noon"),
        (Clock::Twelve, ..) => (hour + 11) % 12 + 1,
        (Clock::TwentyFour, ..) => hour,
    };
    counted(u64::from(shown), One::Before, words);
    words.word("time/oclock");
    if minute > 0 {
        words.count(u64::from(minute));
    }
    if clock == Clock::Twelve {
        words.word(match hour {
            5..=8 => "time/morning",
            9..=11 => "time/forenoon",
            12..=17 => "time/afternoon",
            18..=22 => "time/evening",
            _ => "time/night",
        });
    }
}

pub(super) fn money(whole: u64, hundredths: u64, currency: Currency, words: &mut Words) {
    let (money, cent, cents) = match currency {
        Currency::Euro => ("money/euro", "money/cent", "money/cent"),
        Currency::Dollar => ("money/dollar", "money/cent", "money/cent"),
        Currency::Pound => ("money/pound", "money/penny", "money/pence"),
    };
    if whole > 0 || hundredths == 0 {
        counted(whole, One::Before, words);
        words.word(money);
        if hundredths > 0 {
            words.word("money/and");
        }
    }
    if hundredths > 0 {
        counted(hundredths, One::Before, words);
        words.word(if hundredths == 1 { cent } else { cents });
    }
}
