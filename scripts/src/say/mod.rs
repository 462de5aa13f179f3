//! Numbers, dates, times and money as prompts: what is said, piece by piece, from recorded sounds.
//!
//! Each language has a grammar of its own (`english`, `german`) and a folder of sounds (`sounds/en`, `sounds/de`) whose words the
//! grammar knows by name. Nothing is played here, and no clock is read: a value and a language go in, names of prompts come
//! out, in the order in which they are heard.
//!
//! ```text
//! number(1021, German)  ─▶  de/number/ein  de/number/thousand  de/number/21
//! ```

mod calendar;
mod english;
mod german;
mod words;

use calendar::Day;
use words::Words;

/// The largest number that is said, to either side of zero: beyond it nobody can follow.
pub const MOST: i64 = 999_999_999;
/// The most keys that are said at once; twice the longest answer a caller can press.
pub const MAX_KEYS: usize = 64;
/// What is heard between two groups of digits.
const PAUSE: &str = "silence::250";

/// A language that can be spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// As in the United States.
    #[default]
    English,
    /// As in Germany.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// By its tag: `en`, or with a region, as in `de-AT`.
    #[must_use]
    pub fn of(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|known| known.tag().eq_ignore_ascii_case(language))
    }

    /// Its tag, which is the folder of its sounds, too.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// How its speakers say the time unless told otherwise.
    #[must_use]
    pub fn clock(self) -> Clock {
        match self {
            Self::English => Clock::Twelve,
            Self::German => Clock::TwentyFour,
        }
    }
}

/// How hours are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clock {
    /// Twice to twelve, with the part of the day.
    Twelve,
    /// Once to twenty-four.
    TwentyFour,
}

/// Money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Currency {
    /// EUR
    Euro,
    /// USD
    Dollar,
    /// GBP
    Pound,
}

impl Currency {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Euro, Self::Dollar, Self::Pound];

    /// By its code of three letters.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code().eq_ignore_ascii_case(code))
    }

    /// Its code of three letters (ISO 4217).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Euro => "EUR",
            Self::Dollar => "USD",
            Self::Pound => "GBP",
        }
    }
}

/// Why something cannot be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsayable {
    /// The number has too many places.
    #[error("{0} is too large to be said: the largest number is {MOST}; say its digits instead")]
    TooLarge(i64),
    /// The keys hold something that is no key.
    #[error("{0:?} is no key: digits are 0 to 9, *, #, + and A to D")]
    NoKey(char),
    /// Too many keys.
    #[error("{0} digits are too many to be said at once: {MAX_KEYS} are allowed")]
    TooManyKeys(usize),
    /// There is no such day.
    #[error("{0:04}-{1:02}-{2:02} is no day of the calendar")]
    NoDay(u16, u8, u8),
    /// There is no such time.
    #[error("{0:02}:{1:02} is no time of day")]
    NoTime(u8, u8),
}

/// A number, as it is counted.
///
/// # Errors
/// When it is larger than [`MOST`].
pub fn number(value: i64, language: Language) -> Result<Vec<String>, Unsayable> {
    let mut words = Words::new(language);
    let size = sized(value, &mut words)?;
    match language {
        Language::English => english::number(size, &mut words),
        Language::German => german::number(size, &mut words),
    }
    Ok(words.said())
}

/// Each key by its name; spaces, dots, dashes, slashes and brackets become pauses.
///
/// # Errors
/// When it holds something else, or more than [`MAX_KEYS`].
pub fn digits(keys: &str, language: Language) -> Result<Vec<String>, Unsayable> {
    let count = keys.chars().count();
    if count > MAX_KEYS {
        return Err(Unsayable::TooManyKeys(count));
    }
    let mut words = Words::new(language);
    for key in keys.chars() {
        match key.to_ascii_lowercase() {
            digit @ '0'..='9' => words.word(&format!("number/{digit}")),
            '*' => words.word("key/star"),
            '#' => words.word("key/hash"),
            '+' => words.word("key/plus"),
            letter @ 'a'..='d' => words.word(&format!("key/{letter}")),
            ' ' | '.' | '-' | '/' | '(' | ')' => words.pause(PAUSE),
            _ => return Err(Unsayable::NoKey(key)),
        }
    }
    Ok(words.said())
}

/// A day, with its weekday and its year.
///
/// # Errors
/// When there is no such day.
pub fn date(year: u16, month: u8, day: u8, language: Language) -> Result<Vec<String>, Unsayable> {
    let day = Day::new(year, month, day).ok_or(Unsayable::NoDay(year, month, day))?;
    let mut words = Words::new(language);
    match language {
        Language::English => english::date(day, &mut words),
        Language::German => german::date(day, &mut words),
    }
    Ok(words.said())
}

/// A time of day, to the minute.
///
/// # Errors
/// When there is no such time.
pub fn time(hour: u8, minute: u8, clock: Clock, language: Language) -> Result<Vec<String>, Unsayable> {
    if hour > 23 || minute > 59 {
        return Err(Unsayable::NoTime(hour, minute));
    }
    let mut words = Words::new(language);
    match language {
        Language::English => english::time(hour, minute, clock, &mut words),
        Language::German => german::time(hour, minute, clock, &mut words),
    }
    Ok(words.said())
}

/// An amount, in hundredths of the currency: `1250` is twelve and a half.
///
/// # Errors
/// When there are more than [`MOST`] of the whole ones.
pub fn money(hundredths: i64, currency: Currency, language: Language) -> Result<Vec<String>, Unsayable> {
    let (whole, rest) = (hundredths / 100, hundredths.unsigned_abs() % 100);
    if whole.unsigned_abs() > MOST.unsigned_abs() {
        return Err(Unsayable::TooLarge(whole));
    }
    let mut words = Words::new(language);
    if hundredths < 0 {
        words.word("number/minus");
    }
    match language {
        Language::English => english::money(whole.unsigned_abs(), rest, currency, &mut words),
        Language::German => german::money(whole.unsigned_abs(), rest, currency, &mut words),
    }
    Ok(words.said())
}

/// How far from zero a number lies; the word for the other side of it is said.
fn sized(value: i64, words: &mut Words) -> Result<u64, Unsayable> {
    if value.unsigned_abs() > MOST.unsigned_abs() {
        return Err(Unsayable::TooLarge(value));
    }
    if value < 0 {
        words.word("number/minus");
    }
    Ok(value.unsigned_abs())
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
