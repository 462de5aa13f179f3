//! What each language says, read aloud.

use super::*;

/// What was said, as it stands in the list of what was recorded.
fn aloud(said: Result<Vec<String>, Unsayable>) -> String {
    let list = |tag: &str| match tag {
        "en" => include_str!("../../sounds/en/words.txt"),
        "de" => include_str!("../../sounds/de/words.txt"),
        other => panic!("no words of {other}"),
    };
    let word = |name: &String| {
        let Some((tag, name)) = name.split_once('/') else { return ",".to_owned() };
        let begin = format!("{name} = ");
        let found = list(tag).lines().find_map(|line| line.strip_prefix(&begin));
        found.unwrap_or_else(|| panic!("{tag}/{name} was never recorded")).to_owned()
    };
    said.expect("it can be said").iter().map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn english_counts() {
    for (value, told) in [
        (0, "zero"),
        (7, "seven"),
        (42, "forty two"),
        (100, "one hundred"),
        (115, "one hundred fifteen"),
        (1001, "one thousand one"),
        (21_300, "twenty one thousand three hundred"),
        (-5, "minus five"),
        (999_999_999, "nine hundred ninety nine million nine hundred ninety nine thousand nine hundred ninety nine"),
    ] {
        assert_eq!(aloud(number(value, Language::English)), told);
    }
}

#[test]
fn german_counts_and_knows_three_words_for_one() {
    for (value, told) in [
        (0, "null"),
        (1, "eins"),
        (21, "einundzwanzig"),
        (101, "einhundert eins"),
        (1000, "ein tausend"),
        (1001, "ein tausend eins"),
        (101_000, "einhundert ein tausend"),
        (21_000, "einundzwanzig tausend"),
        (1_000_000, "eine Million"),
        (2_000_000, "zwei Millionen"),
        (101_000_000, "einhundert eine Millionen"),
        (-3, "minus drei"),
    ] {
        assert_eq!(aloud(number(value, Language::German)), told);
    }
}

#[test]
fn keys_are_said_one_by_one_and_groups_are_parted() {
    assert_eq!(aloud(digits("+1 20*#", Language::English)), "plus one , two zero star hash");
    assert_eq!(aloud(digits("7D", Language::German)), "sieben deh");
    assert_eq!(digits("12x", Language::English), Err(Unsayable::NoKey('x')));
    assert_eq!(digits(&"1".repeat(65), Language::English), Err(Unsayable::TooManyKeys(65)));
}

#[test]
fn a_day_is_said_with_its_weekday_and_its_year() {
    let english = |year, month, day| aloud(date(year, month, day, Language::English));
    assert_eq!(english(2026, 11, 21), "Saturday November twenty first twenty twenty six");
    assert_eq!(english(2005, 3, 2), "Wednesday March second two thousand five");
    assert_eq!(english(1905, 1, 1), "Sunday January first nineteen oh five");
    assert_eq!(english(1900, 1, 1), "Monday January first nineteen hundred");
    let german = |year, month, day| aloud(date(year, month, day, Language::German));
    assert_eq!(german(2026, 11, 21), "Samstag einundzwanzigster November zwei tausend sechsundzwanzig");
    assert_eq!(german(1984, 3, 3), "Samstag dritter März neunzehn hundert vierundachtzig");
    assert_eq!(date(2023, 2, 29, Language::German), Err(Unsayable::NoDay(2023, 2, 29)));
}

#[test]
fn the_time_is_said_by_either_clock() {
    let english = |hour, minute, clock| aloud(time(hour, minute, clock, Language::English));
    assert_eq!(english(15, 5, Clock::Twelve), "three oh five pee em");
    assert_eq!(english(3, 0, Clock::Twelve), "three ay em");
    assert_eq!(english(0, 0, Clock::Twelve), "midnight");
    assert_eq!(english(12, 0, Clock::Twelve), "noon");
    assert_eq!(english(12, 30, Clock::Twelve), "twelve thirty pee em");
    assert_eq!(english(15, 0, Clock::TwentyFour), "fifteen hundred hours");
    assert_eq!(english(9, 5, Clock::TwentyFour), "oh nine oh five");
    let german = |hour, minute, clock| aloud(time(hour, minute, clock, Language::German));
    assert_eq!(german(1, 0, Clock::TwentyFour), "ein Uhr");
    assert_eq!(german(21, 30, Clock::TwentyFour), "einundzwanzig Uhr dreißig");
    assert_eq!(german(15, 5, Clock::Twelve), "drei Uhr fünf nachmittags");
    assert_eq!(german(0, 0, Clock::TwentyFour), "null Uhr");
    assert_eq!(time(24, 0, Clock::Twelve, Language::German), Err(Unsayable::NoTime(24, 0)));
}

#[test]
fn money_is_said_in_whole_and_in_hundredths() {
    let english = |amount, currency| aloud(money(amount, currency, Language::English));
    assert_eq!(english(1250, Currency::Dollar), "twelve dollars and fifty cents");
    assert_eq!(english(101, Currency::Pound), "one pound and one penny");
    assert_eq!(english(2, Currency::Pound), "two pence");
    assert_eq!(english(-100, Currency::Euro), "minus one euro");
    assert_eq!(english(0, Currency::Euro), "zero euros");
    let german = |amount, currency| aloud(money(amount, currency, Language::German));
    assert_eq!(german(101, Currency::Euro), "ein Euro und ein Cent");
    assert_eq!(german(10_150, Currency::Dollar), "einhundert ein Dollar und fünfzig Cent");
    assert_eq!(german(-1, Currency::Pound), "minus ein Penny");
    assert_eq!(money(MOST * 100 + 100, Currency::Euro, Language::English), Err(Unsayable::TooLarge(MOST + 1)));
}

#[test]
fn languages_and_currencies_are_known_by_their_tags() {
    assert_eq!(Language::of("de-AT"), Some(Language::German));
    assert_eq!(Language::of("EN"), Some(Language::English));
    assert_eq!(Language::of("fr"), None);
    assert_eq!(Currency::of("eur"), Some(Currency::Euro));
    assert_eq!(Currency::of("BTC"), None);
}
