//! How numbers are rewritten at a border: `in` and `out` of `[[trunk]]`, `rewrite` of `[[route]]`.

use patchcord_engine::routing::{Edit, Form, Inward, MAX_AFFIX, Numbering, Outward};

use super::{problem::Wrong, section::Section};

/// `in = { country = "49", area = "30" }`
pub fn inward(section: &mut Section<'_>) -> Inward {
    let numbering = numbering(section);
    let (called, caller) = edits(section);
    section.close();
    Inward { called, caller, numbering }
}

/// `out = { strip = "+", prepend = "00", caller_id = "e164" }`. What it does not say of how numbers are written there is
/// as in `known`.
pub fn outward(section: &mut Section<'_>, known: Option<&Numbering>) -> Outward {
    let complete = section.has("area");
    let numbering = numbering(section);
    let (called, caller) = edits(section);
    let called_form = form(section, "number");
    let caller_form = form(section, "caller_id");
    for (key, form) in [("number", called_form), ("caller_id", caller_form)] {
        let knows_country = numbering.as_ref().or(known).is_some_and(|numbering| numbering.country.is_some());
        if matches!(form, Form::National | Form::Subscriber) && !knows_country {
            let place = section.place().clone();
            let reason = format!("needs a country to write a number as {form}");
            section.object(&place, key, Wrong::new(reason, "write country = \"49\" or the like beside it"));
        }
    }
    section.close();
    let numbering = numbering.or_else(|| known.cloned()).unwrap_or_default();
    Outward { called_form, called, caller_form, caller, numbering, complete }
}

fn edits(section: &mut Section<'_>) -> (Edit, Edit) {
    let mut affix = |key| section.take_parsed(key, affix).map(|(affix, _)| affix).unwrap_or_default();
    let called = Edit { strip: affix("strip"), prepend: affix("prepend") };
    let caller = Edit { strip: affix("caller_strip"), prepend: affix("caller_prepend") };
    (called, caller)
}

fn form(section: &mut Section<'_>, key: &'static str) -> Form {
    let remedy = "write \"e164\", \"plain\", \"00\", \"national\", \"subscriber\" or \"as-is\"";
    let read =
        |text: &str| text.parse().map_err(|_| Wrong::new(format!("{text:?} is no way to write a number"), remedy));
    section.take_parsed(key, read).map(|(form, _)| form).unwrap_or_default()
}

/// How numbers are written there; `None` when nothing is said of it.
fn numbering(section: &mut Section<'_>) -> Option<Numbering> {
    let place = section.place().clone();
    let mut code = |key| section.take_parsed(key, code).map(|(code, _)| code);
    let (country, area) = (code("country"), code("area"));
    let mut prefix = |key| section.take_parsed(key, prefix).map(|(prefix, _)| prefix);
    let (national, international) = (prefix("national"), prefix("international"));
    if area.is_some() && country.is_none() {
        section.object(&place, "country", Wrong::new("is missing beside area", "write country = \"49\" or the like"));
    }
    let said = country.is_some() || national.is_some() || international.is_some();
    let usual = Numbering::default();
    said.then(|| Numbering {
        country,
        area,
        national: national.unwrap_or(usual.national),
        international: international.unwrap_or(usual.international),
    })
}

fn code(text: &str) -> Result<Box<str>, Wrong> {
    let fits = (1..=MAX_AFFIX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match fits && !text.starts_with('0') {
        true => Ok(text.into()),
        false => Err(Wrong::new(format!("{text:?} is no code"), "write its digits, without + and 0 before them")),
    }
}

fn prefix(text: &str) -> Result<Box<str>, Wrong> {
    match text.len() <= MAX_AFFIX && text.bytes().all(|b| b.is_ascii_digit()) {
        true => Ok(text.into()),
        false => {
            Err(Wrong::new(format!("{text:?} is no prefix"), format!("write at most {MAX_AFFIX} digits, or \"\"")))
        }
    }
}

fn affix(text: &str) -> Result<Box<str>, Wrong> {
    let rest = text.strip_prefix('+').unwrap_or(text);
    match text.len() <= MAX_AFFIX && rest.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b)) {
        true => Ok(text.into()),
        false => {
            let remedy = format!("write at most {MAX_AFFIX} digits, * and #; a + may stand first");
            Err(Wrong::new(format!("{text:?} cannot stand in a number"), remedy))
        }
    }
}
