//! Laws of all that is said: every piece was recorded, different values sound different, and nothing grows long.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

fn language() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

/// Each name is a silence or a sound that is shipped.
fn recorded(said: &[String]) -> Result<(), TestCaseError> {
    for name in said {
        prop_assert!(name == PAUSE || crate::shipped::sound(name).is_some(), "{name} was never recorded");
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_number_can_be_said_shortly(value in -MOST..=MOST, language in language()) {
        let said = number(value, language).expect("it is within bounds");
        recorded(&said)?;
        prop_assert!(!said.is_empty() && said.len() <= 10, "{said:?}");
    }

    #[test]
    fn two_numbers_never_sound_the_same(a in -MOST..=MOST, near in -1200..1200_i64, language in language()) {
        let b = (a + near).clamp(-MOST, MOST);
        prop_assert_eq!(a == b, number(a, language) == number(b, language));
    }

    #[test]
    fn what_is_too_large_is_refused(beyond in 1..=i64::MAX - MOST, language in language()) {
        prop_assert_eq!(number(MOST + beyond, language), Err(Unsayable::TooLarge(MOST + beyond)));
        prop_assert_eq!(number(-MOST - beyond, language), Err(Unsayable::TooLarge(-MOST - beyond)));
    }

    #[test]
    fn keys_are_as_many_as_were_pressed(keys in "[0-9*#+A-Da-d -]{0,64}", language in language()) {
        let said = digits(&keys, language).expect("these are keys");
        recorded(&said)?;
        prop_assert_eq!(said.len(), keys.len());
    }

    #[test]
    fn whatever_is_to_be_spelled_stops_nobody(text in ".{0,80}", language in language()) {
        let _ = digits(&text, language);
    }

    #[test]
    fn every_day_is_said_or_is_none(year in 0..=u16::MAX, month in 0..=13_u8, day in 0..=32_u8, language in language()) {
        match date(year, month, day, language) {
            Ok(said) => recorded(&said)?,
            Err(told) => prop_assert_eq!(told, Unsayable::NoDay(year, month, day)),
        }
    }

    #[test]
    fn every_amount_can_be_said(hundredths in -MOST * 100 - 99..=MOST * 100 + 99, language in language(), currency in 0..3_usize) {
        let said = money(hundredths, Currency::ALL[currency], language).expect("it is within bounds");
        recorded(&said)?;
        prop_assert!(said.len() <= 15, "{said:?}");
    }
}

#[test]
fn each_minute_of_the_day_sounds_like_no_other() {
    for language in Language::ALL {
        for clock in [Clock::Twelve, Clock::TwentyFour] {
            let mut heard = HashMap::new();
            for (hour, minute) in (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute))) {
                let said = time(hour, minute, clock, language).expect("it is a time");
                recorded(&said).expect("all of it was recorded");
                assert_eq!(heard.insert(said.clone(), (hour, minute)), None, "{said:?} is {hour}:{minute}, too");
            }
        }
    }
}

#[test]
fn no_piece_was_recorded_in_vain() {
    let mut said = HashSet::new();
    for language in Language::ALL {
        // Below a thousand, full thousands and full millions have all the words of counting.
        let numbers = (0..1000).flat_map(|n| [n, n * 1000, n * 1_000_000, -n]);
        said.extend(numbers.flat_map(|value| number(value, language).expect("it is within bounds")));
        said.extend(digits("0123456789*#+ABCD", language).expect("these are keys"));
        let days = (1..=12).flat_map(|month| (1..=31).filter_map(move |day| date(1905, month, day, language).ok()));
        said.extend(days.flatten());
        said.extend(date(1900, 1, 1, language).expect("a day"));
        let clocks = [Clock::Twelve, Clock::TwentyFour].into_iter();
        said.extend(
            clocks.flat_map(|clock| (0..24).flat_map(move |hour| time(hour, 0, clock, language).expect("a time"))),
        );
        said.extend(time(15, 5, Clock::Twelve, language).expect("a time"));
        let amounts = [1, 2, 100, 200, 250].into_iter();
        let amounts = amounts.flat_map(|amount| Currency::ALL.map(|currency| money(amount, currency, language)));
        said.extend(amounts.flat_map(|said| said.expect("it is within bounds")));
    }
    let pieces = crate::shipped::sounds().filter(|name| name.matches('/').count() == 2);
    let unsaid: Vec<_> = pieces.filter(|name| !said.contains(*name)).collect();
    assert!(unsaid.is_empty(), "{unsaid:?}");
}
