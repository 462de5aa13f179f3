//! Calls for people who may know what happened and not with whom.
//!
//! A number of [`LONG`] digits or more keeps its last two, however it is written: blanks, dots, dashes, strokes and brackets between
//! digits part none. A name beside such a number goes with it, and the text of SIP messages goes as a whole, as do keys that were
//! pressed. Short numbers and names of endpoints are those of the house and stay, as do times of day and the address behind an
//! `@`. It changes what is shown, never what is kept.

use std::net::Ipv4Addr;

use patchcord_engine::journal::{Entry, Facts, LegRecord, Notice, Party, Record, What};

use crate::people::{Asker, Right};

/// Digits from which on a number is somebody's out there: numbers within a house are shorter.
const LONG: usize = 6;

/// Digits of it that stay.
const SHOWN: usize = 2;

/// What stands in place of the others.
const MASK: &str = "•••";

/// Signs that may stand together between the digits of one number, as in `+49 (0) 170`; more part two columns.
const BETWEEN: usize = 3;

/// Whether something of that text would be masked.
pub fn hides(text: &str) -> bool {
    masked(text) != text
}

/// `text`, with each long number in it masked.
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(char::is_numeric) {
        shown += &rest[..at];
        let kept = kept(&rest[at..], &text[..text.len() - rest.len() + at]);
        let length = if kept > 0 { kept } else { length(&rest[at..]) };
        let (number, behind) = rest[at..].split_at(length);
        rest = behind;
        let digits: Vec<char> = number.chars().filter(|letter| letter.is_numeric()).collect();
        if kept > 0 || digits.len() < LONG {
            shown += number;
            continue;
        }
        // A bracket that closes within the number opened before it.
        let closes = number.matches(')').count() > number.matches('(').count();
        let opening = |letter| letter == '+' || (closes && letter == '(');
        shown.truncate(shown.trim_end_matches(opening).len());
        shown += MASK;
        shown.extend(&digits[digits.len() - SHOWN..]);
    }
    shown + rest
}

/// Bytes of a number that begins here, with what stands between its digits.
fn length(text: &str) -> usize {
    let (mut length, mut between) = (0, 0);
    for (at, letter) in text.char_indices() {
        match letter {
            digit if digit.is_numeric() => {
                // What is a time of day belongs to no number before it.
                if between > 0 && time(&text[at..]) > 0 {
                    break;
                }
                (length, between) = (at + digit.len_utf8(), 0);
            }
            ' ' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '.' | '-' | '\u{2010}'..='\u{2014}' | '(' | ')' | '/' | '+'
                if between < BETWEEN =>
            {
                between += 1;
            }
            _ => break,
        }
    }
    length
}

/// Bytes of a time of day, or of an address, that begin here behind that text; 0 where none does.
fn kept(text: &str, before: &str) -> usize {
    let time = time(text);
    if time > 0 && !before.ends_with(':') {
        return time;
    }
    let end = text.find(|letter: char| !(letter.is_ascii_digit() || letter == '.')).unwrap_or(text.len());
    let address = text[..end].trim_end_matches('.');
    match before.ends_with('@') && address.parse::<Ipv4Addr>().is_ok() {
        true => address.len(),
        false => 0,
    }
}

/// Bytes of a time of day, as `7:05` or `16:50:03`, that begins here.
fn time(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let two = |at: usize| text.get(at..).and_then(|rest| rest.strip_prefix(':')).is_some_and(|rest| digits(rest) == 2);
    let length = match digits(text) {
        hour @ 1..=2 if two(hour) && two(hour + 3) => hour + 6,
        hour @ 1..=2 if two(hour) => hour + 3,
        _ => return 0,
    };
    // Longer chains of pairs are no time.
    let mut behind = text[length..].chars();
    let goes_on = behind.next().is_some_and(|sign| sign == ':' && behind.next().is_some_and(char::is_numeric));
    if goes_on { 0 } else { length }
}

/// `text` as it is told to whoever asks.
pub fn told(text: &str, asker: &Asker) -> String {
    if asker.rights.has(Right::ReadNumbers) { text.to_owned() } else { masked(text) }
}

/// A record without long numbers and the names beside them.
pub fn mask_record(record: &mut Record) {
    party(&mut record.from);
    party(&mut record.to);
    record.legs.iter_mut().for_each(leg);
    record.end.iter_mut().for_each(|cause| text(&mut cause.reason));
    record.route.iter_mut().for_each(text);
    record.tags.iter_mut().for_each(|(_, value)| text(value));
}

/// A journal without long numbers, and without messages.
pub fn mask_journal(entries: &mut Vec<Entry>) {
    entries.retain(|entry| !matches!(entry.what, What::Message { .. }));
    entries.iter_mut().for_each(|entry| mask_what(&mut entry.what));
}

fn mask_what(what: &mut What) {
    match what {
        What::Began(began) => {
            party(&mut began.from);
            party(&mut began.to);
            began.route.iter_mut().for_each(text);
        }
        What::LegBegan(began) => {
            party(&mut began.from);
            party(&mut began.to);
        }
        What::Heard { facts, .. } | What::Result { facts, .. } => {
            let stranger = facts.get("number").is_some_and(hides);
            let told = facts.iter().map(|(name, said)| match name {
                // Press by press keys are a PIN, or a number.
                "digit" | "key" => (name.to_owned(), "•".to_owned()),
                "name" if stranger => (name.to_owned(), MASK.to_owned()),
                _ => (name.to_owned(), masked(said)),
            });
            *facts = told.fold(Facts::NONE, |facts, (name, said)| facts.with(name, said));
        }
        What::Verb(verb) => {
            text(&mut verb.arguments);
            verb.terms.iter_mut().for_each(text);
        }
        What::Tag { value, .. } => text(value),
        What::LegEnded { cause, .. } => text(&mut cause.reason),
        What::Media { notice: Notice::Said(words), .. } => *words = masked(words).into(),
        _ => {}
    }
}

fn leg(leg: &mut LegRecord) {
    party(&mut leg.from);
    party(&mut leg.to);
    leg.forwarded.iter_mut().filter_map(|forwarded| forwarded.by.as_mut()).for_each(text);
    leg.cause.iter_mut().for_each(|cause| text(&mut cause.reason));
}

fn party(party: &mut Party) {
    let number = masked(&party.number);
    if *number != *party.number {
        party.name = None;
        party.number = number.into();
    }
    party.name.iter_mut().for_each(text);
}

fn text(text: &mut Box<str>) {
    let shown = masked(text);
    if *shown != **text {
        *text = shown.into();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_a_long_number_the_last_two_digits_stay() {
        assert_eq!(masked("+4930123101"), "•••01");
        assert_eq!(masked("from 004930123101 to 102, 12345"), "from •••01 to 102, 12345");
        assert_eq!(masked("sip:+4930123101@192.0.2.1;x=1"), "sip:•••01@192.0.2.1;x=1");
        assert_eq!(masked("no number: ü"), "no number: ü");
    }

    #[test]
    fn a_number_is_one_however_it_is_written() {
        for text in
            ["+49 170 555 1234", "0170 1234534", "(+49) 170.555.12-34", "+49 (0) 170/555-12\u{a0}34", "٤٩١٧٠٥34"]
        {
            assert_eq!(masked(text), "•••34", "{text}");
        }
        assert_eq!(masked("call Bob (0170 1234567) at 16:50."), "call Bob (•••67) at 16:50.");
    }

    #[test]
    fn short_numbers_and_times_of_day_stay() {
        for text in ["101, 102 and 3000", "*97#", "at 7:05 and 16:50:03", "1234 12:30 5678", "bob@203.0.113.17."] {
            assert_eq!(masked(text), text);
        }
        assert_eq!(masked("1703 555 16:50"), "•••55 16:50");
    }

    proptest! {
        #[test]
        fn no_more_than_the_last_digits_of_a_long_number_remain(
            digits in "[0-9]{6,16}",
            between in prop::collection::vec("[-. ()/–]{0,3}", 16),
            before in "[a-zäöü ,;:(+\"]{0,6}",
            behind in "[a-zäöü ,;@)\"]{0,6}",
        ) {
            let number: String = digits.chars().zip(&between).flat_map(|(digit, between)| format!("{digit}{between}").chars().collect::<Vec<_>>()).collect();
            let shown = masked(&format!("{before}{number}{behind}"));
            let left: String = shown.chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(left, &digits[digits.len() - SHOWN..]);
            prop_assert_eq!(&masked(&shown), &shown);
        }

        #[test]
        fn whatever_it_is_masked_twice_is_masked_once(text in "[0-9a:@.+() –]{0,40}|.{0,40}") {
            let once = masked(&text);
            prop_assert_eq!(masked(&once), once);
        }

        #[test]
        fn what_is_shorter_stays(numbers in prop::collection::vec("[0-9]{1,5}|[0-2]?[0-9]:[0-5][0-9]", 0..6)) {
            let text = numbers.join(", ");
            prop_assert_eq!(masked(&text), text);
        }
    }

    #[test]
    fn what_somebody_presses_and_calls_himself_is_not_in_the_journal() {
        let heard = |facts: Facts| {
            let mut what = What::Heard { leg: None, event: "key".into(), facts };
            mask_what(&mut what);
            let What::Heard { facts, .. } = what else { panic!("still heard") };
            facts.iter().map(|(name, said)| format!("{name}={said}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(heard(Facts::NONE.with("digit", "4").with("via", "rtp")), "digit=• via=rtp");
        let room = Facts::NONE.with("name", "Dr. Müller").with("number", "+4930123101");
        assert_eq!(heard(room), "name=••• number=•••01");
        assert_eq!(heard(Facts::NONE.with("name", "Bob").with("number", "102")), "name=Bob number=102");
    }

    #[test]
    fn the_name_beside_a_masked_number_goes_with_it() {
        let mut stranger = Party::named("+4930123101", "Dr. Müller");
        let mut colleague = Party::named("102", "Bob");
        let mut caller = Party::named("102", "+49 170 555 1234");
        [&mut stranger, &mut colleague, &mut caller].into_iter().for_each(party);
        assert_eq!(stranger, Party::new("•••01"));
        assert_eq!(colleague, Party::named("102", "Bob"));
        assert_eq!(caller, Party::named("102", "•••34"));
    }
}
