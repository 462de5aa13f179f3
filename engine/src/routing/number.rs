//! Numbers: as they are dialled, as the house keeps them, and as a carrier wants them.
//!
//! ```text
//! carrier ──Inward──▶ E.164 with a plus, where the country is known ──Outward──▶ carrier
//! ```
//!
//! A number that cannot be dialled (a name, `anonymous`) passes as it is. No rewriting makes a number empty, and none
//! makes it longer than [`MAX_NUMBER`]. Which numbers are emergencies, and so are left alone, is the plan's to know.

use std::{borrow::Cow, fmt, str::FromStr};

/// Longest number or name that is looked up: what [`MAX_USER`](super::MAX_USER) allows for endpoints, far above E.164's fifteen digits.
pub const MAX_NUMBER: usize = 64;

/// Longest piece that a rewriting strips or puts in front, and longest country or area code: no prefix of a carrier is
/// near it.
pub const MAX_AFFIX: usize = 16;

/// Whether a phone could dial it: digits, `*` and `#`; a plus may stand first.
pub fn is_dialable(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    !rest.is_empty() && text.len() <= MAX_NUMBER && rest.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b))
}

/// The number without what people write between its digits (RFC 3966 §5.1.1, and spaces) and without parameters behind it.
/// What is no number then is left as it is.
pub fn plain(text: &str) -> Cow<'_, str> {
    if is_dialable(text) {
        return text.into();
    }
    let number = text.split(';').next().unwrap_or_default();
    let digits: String = number.chars().filter(|c| !"-.() ".contains(*c)).collect();
    if is_dialable(&digits) { digits.into() } else { text.into() }
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Form {
    /// As it came.
    #[default]
    AsItIs,
    /// `+4930123456`
    E164,
    /// `4930123456`: E.164 without its plus.
    Plain,
    /// `004930123456`
    International,
    /// `030123456`
    National,
    /// `123456`
    Subscriber,
}

/// A word that names no form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no way to write a number")]
pub struct UnknownForm(pub String);

impl Form {
    const NAMES: [(&'static str, Self); 6] = [
        ("e164", Self::E164),
        ("plain", Self::Plain),
        ("00", Self::International),
        ("national", Self::National),
        ("subscriber", Self::Subscriber),
        ("as-is", Self::AsItIs),
    ];
}

impl FromStr for Form {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|(_, form)| *form).ok_or_else(|| UnknownForm(text.into()))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = Self::NAMES.iter().find(|(_, form)| form == self).expect("every form has a name");
        f.write_str(name)
    }
}

/// How numbers are written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// `49`; absent: only international numbers are understood.
    pub country: Option<Box<str>>,
    /// `30`, without what stands before it at home.
    pub area: Option<Box<str>>,
    /// What stands before the area code at home: `0`; `1` in North America; empty where there is nothing.
    pub national: Box<str>,
    /// What stands before a country code: `00`; `011` in North America.
    pub international: Box<str>,
}

impl Default for Numbering {
    fn default() -> Self {
        Self { country: None, area: None, national: "0".into(), international: "00".into() }
    }
}

impl Numbering {
    /// The number in E.164, as far as it says where it belongs. `complete`: a number without any prefix is one of this
    /// place, too; short numbers and service codes are then lost, so this is for what a carrier sends.
    pub fn to_e164(&self, number: &str, complete: bool) -> String {
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return number.into();
        }
        if let Some(rest) = self.behind(&self.international, number) {
            return format!("+{rest}");
        }
        let Some(country) = &self.country else { return number.into() };
        if let Some(rest) = self.behind(&self.national, number) {
            return format!("+{country}{rest}");
        }
        match &self.area {
            _ if !complete || number.starts_with('0') => number.into(),
            Some(area) => format!("+{country}{area}{number}"),
            // Where nothing stands before an area code, each number is written with it.
            None if self.national.is_empty() => format!("+{country}{number}"),
            None => number.into(),
        }
    }

    /// An E.164 number in that form, or in the next wider one that this place would read as the same number.
    pub fn write(&self, form: Form, number: &str) -> String {
        let Some(digits) = number.strip_prefix('+').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())) else {
            return number.into();
        };
        let inland = self.country.as_deref().and_then(|country| digits.strip_prefix(country));
        let local = inland.zip(self.area.as_deref()).and_then(|(rest, area)| rest.strip_prefix(area));
        let international = || Some(format!("{}{digits}", self.international));
        let national = || inland.map(|rest| format!("{}{rest}", self.national));
        let tried = match form {
            Form::AsItIs | Form::E164 => [None, None, None],
            Form::Plain => return digits.into(),
            Form::International => [international(), None, None],
            Form::National => [national(), international(), None],
            Form::Subscriber => [local.map(str::to_owned), national(), international()],
        };
        let same = |written: &String| !written.is_empty() && self.to_e164(written, true) == number;
        tried.into_iter().flatten().find(same).unwrap_or_else(|| number.into())
    }

    /// What stands behind a prefix, when it can be the beginning of a number.
    fn behind<'a>(&self, prefix: &str, number: &'a str) -> Option<&'a str> {
        let rest = number.strip_prefix(prefix).filter(|_| !prefix.is_empty())?;
        rest.starts_with(|c: char| ('1'..='9').contains(&c)).then_some(rest)
    }
}

/// Takes something off the front of a number and puts something else there.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edit {
    /// Taken off; a number that does not begin so is left alone.
    pub strip: Box<str>,
    /// Put in front.
    pub prepend: Box<str>,
}

impl Edit {
    /// The number after it.
    pub fn apply(&self, number: &str) -> String {
        let rest = number.strip_prefix(&*self.strip).filter(|rest| !rest.is_empty() || !self.prepend.is_empty());
        match rest {
            Some(rest) if is_dialable(number) && rest.len() + self.prepend.len() <= MAX_NUMBER => {
                format!("{}{rest}", self.prepend)
            }
            _ => number.into(),
        }
    }
}

/// How numbers of a carrier become ours.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Inward {
    /// What is done to the called number first.
    pub called: Edit,
    /// What is done to the caller's number first.
    pub caller: Edit,
    /// How it writes numbers; `None`: they are taken as they come.
    pub numbering: Option<Numbering>,
}

impl Inward {
    /// Whom it calls, as we write it.
    pub fn called(&self, number: &str) -> String {
        self.read(&self.called, number)
    }

    /// Who calls, as we write it.
    pub fn caller(&self, number: &str) -> String {
        self.read(&self.caller, number)
    }

    fn read(&self, edit: &Edit, number: &str) -> String {
        let edited = edit.apply(&plain(number));
        match &self.numbering {
            Some(numbering) if edited.len() + 2 * MAX_AFFIX < MAX_NUMBER => numbering.to_e164(&edited, true),
            _ => edited,
        }
    }
}

/// How our numbers become somebody else's: a carrier's, or those that a route wants.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Outward {
    /// How the called number is written.
    pub called_form: Form,
    /// What is done to it then.
    pub called: Edit,
    /// How the caller's number is written.
    pub caller_form: Form,
    /// What is done to it then.
    pub caller: Edit,
    /// How numbers are written there.
    pub numbering: Numbering,
    /// Whether what is dialled without any prefix is a number of that area.
    pub complete: bool,
}

impl Outward {
    /// Whom we call, as it is wanted there.
    pub fn called(&self, number: &str) -> String {
        self.written(self.called_form, &self.called, number)
    }

    /// Who calls, as it is wanted there.
    pub fn caller(&self, number: &str) -> String {
        self.written(self.caller_form, &self.caller, number)
    }

    fn written(&self, form: Form, edit: &Edit, number: &str) -> String {
        let number = plain(number);
        if form == Form::AsItIs || number.len() + 2 * MAX_AFFIX >= MAX_NUMBER {
            return edit.apply(&number);
        }
        let whole = self.numbering.to_e164(&number, self.complete);
        edit.apply(&self.numbering.write(form, &whole))
    }
}

#[cfg(test)]
mod tests;
