//! Calls for people who may know what happened and not with whom.
//!
//! A number of [`LONG`] digits or more keeps its last two; a name beside such a number goes with it, and the text of SIP messages
//! goes as a whole. Short numbers and names of endpoints are those of the house and stay. It changes what is shown, never
//! what is kept.

use patchcord_engine::journal::{Entry, Facts, LegRecord, Notice, Party, Record, What};

/// Digits from which on a number is somebody's out there: numbers within a house are shorter.
const LONG: usize = 6;

/// Digits of it that stay.
const SHOWN: usize = 2;

/// What stands in place of the others.
const MASK: &str = "•••";

/// Whether something of that text would be masked.
pub fn hides(text: &str) -> bool {
    masked(text) != text
}

/// `text`, with each long number in it masked.
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut digits = String::new();
    for letter in text.chars().map(Some).chain([None]) {
        match letter {
            Some(digit) if digit.is_ascii_digit() => digits.push(digit),
            other => {
                if digits.len() >= LONG {
                    shown.truncate(shown.trim_end_matches('+').len());
                    shown += MASK;
                    shown += &digits[digits.len() - SHOWN..];
                } else {
                    shown += &digits;
                }
                digits.clear();
                shown.extend(other);
            }
        }
    }
    shown
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
            let told = facts.iter().map(|(name, said)| (name.to_owned(), masked(said)));
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
    use super::*;

    #[test]
    fn of_a_long_number_the_last_two_digits_stay() {
        assert_eq!(masked("+4930123101"), "•••01");
        assert_eq!(masked("from 004930123101 to 102, 12345"), "from •••01 to 102, 12345");
        assert_eq!(masked("sip:+4930123101@192.0.2.1;x=1"), "sip:•••01@192.0.2.1;x=1");
        assert_eq!(masked("no number: ü"), "no number: ü");
    }

    #[test]
    fn the_name_beside_a_masked_number_goes_with_it() {
        let mut stranger = Party::named("+4930123101", "Dr. Müller");
        let mut colleague = Party::named("102", "Bob");
        party(&mut stranger);
        party(&mut colleague);
        assert_eq!(stranger, Party::new("•••01"));
        assert_eq!(colleague, Party::named("102", "Bob"));
    }
}
