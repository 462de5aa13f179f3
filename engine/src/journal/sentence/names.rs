//! What a party is called, so that it writes no part of the sentence around it.

use super::clean;
use crate::{
    journal::{party::Party, wording::runs_left},
    routing::GUEST,
};

/// What stands before the name of a token.
const TOKEN: &str = "token ";

/// A party by its number, or by what stands in place of one; a guest of a web page by the name that its token gives it.
pub fn shown(party: &Party) -> String {
    if let Some(name) = guest(party) {
        let is_plain = |letter: char| letter.is_alphanumeric() && !runs_left(letter) || " -_&+".contains(letter);
        return format!("{} (guest)", if name.chars().all(is_plain) { name } else { quoted(&name) });
    }
    match capital(&word(&party.number)) {
        nobody if nobody.is_empty() => "somebody".into(),
        number => number,
    }
}

/// What a party calls itself, in quotes: anybody may call himself anything. Nothing where that is its number.
pub fn claimed(party: &Party) -> Option<String> {
    own_name(party).filter(|_| &*party.number != GUEST).map(|name| quoted(&name))
}

/// The name of a guest, which it has from its token.
fn guest(party: &Party) -> Option<String> {
    own_name(party).filter(|_| &*party.number == GUEST)
}

/// The name beside a number, where it says more than that.
fn own_name(party: &Party) -> Option<String> {
    let name = party.name.as_deref().map(clean).filter(|name| !name.is_empty())?;
    (!name.eq_ignore_ascii_case(&clean(&party.number))).then_some(name)
}

/// A number, a name or an address as it is; whatever else somebody dialled, in quotes.
pub(super) fn word(text: &str) -> String {
    // Whoever asks by a token is called so by the house.
    if let Some(name) = text.strip_prefix(TOKEN) {
        return format!("{TOKEN}{}", word(name));
    }
    let text = clean(text);
    let is_one = |letter: char| letter.is_ascii_alphanumeric() || "+*#-_.:@%/[]~!$&=?…•".contains(letter);
    // What a table would reckon with is no name, whatever it is made of.
    let begins_well = !text.starts_with(['=', '@', '-', '?', '!', '&', '/', '.', ':']);
    match begins_well && text.chars().all(is_one) {
        true => text,
        false => quoted(&text),
    }
}

/// Words of somebody else, which end where the quotes do.
pub(super) fn quoted(text: &str) -> String {
    let text = text.replace(['"', '\u{201c}', '\u{201d}'], "'");
    // Whoever writes from the right would else draw what stands beside him into his quotes.
    match text.chars().any(runs_left) {
        true => format!("\"\u{2068}{text}\u{2069}\""),
        false => format!("\"{text}\""),
    }
}

/// `alice` is `Alice`; a number or an address stays as it is.
pub(super) fn capital(name: &str) -> String {
    match name.chars().next() {
        Some(first) if first.is_ascii_lowercase() && !name.contains([':', '@']) => {
            first.to_ascii_uppercase().to_string() + &name[1..]
        }
        _ => name.to_owned(),
    }
}

/// The phrase of an answer within a sentence: "The Token Is For Other Numbers" is a headline; "call Bob" is not.
pub fn lowered(phrase: &str) -> String {
    let is_capital = |word: &str| word.starts_with(|first: char| first.is_uppercase() || first.is_ascii_digit());
    if phrase.split(' ').count() < 2 || !phrase.split(' ').all(is_capital) {
        return phrase.to_owned();
    }
    let is_name = |word: &str| word.len() > 1 && word.chars().all(|c| !c.is_lowercase());
    let lower = |word: &str| if is_name(word) { word.to_owned() } else { word.to_lowercase() };
    phrase.split(' ').map(lower).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_addresses_stand_as_they_are_and_odd_ones_in_quotes() {
        for plain in
            ["102", "+49301234", "*97", "#1", "bob", "bob.smith@example.org", "sip:[::1]:5060", "a=b?c&d", "…34"]
        {
            assert_eq!(word(plain), plain);
        }
        for odd in ["=1+1", "@SUM(A1)", "-2+3", "a b", "<script>", "!", "=", "a;b"] {
            assert_eq!(word(odd), format!("\"{odd}\""));
        }
    }

    #[test]
    fn a_guest_is_called_by_the_name_of_its_token_which_writes_no_part_of_the_sentence() {
        let guest = |name: &str| Party::named(GUEST, name);
        assert_eq!(shown(&guest("Web shop")), "Web shop (guest)");
        assert_eq!(claimed(&guest("Web shop")), None, "it is said once");
        assert_eq!(shown(&guest("Guest")), "Guest");
        assert_eq!(shown(&guest("Ann; Bob hung up.")), "\"Ann; Bob hung up.\" (guest)");
        assert_eq!(shown(&guest("a\u{202e}b\n")), "a b (guest)");
        assert_eq!(shown(&Party::named("101", "Web shop")), "101");
    }
}
