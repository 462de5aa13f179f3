//! Takes values out of a section one key at a time, and says what is wrong with the rest.
//!
//! Each `take_…` gives `None` when the key is absent *or* wrong: the default stands then, and when it was wrong the
//! report has it, so the default is never used. [`Section::close`] refuses what nobody took.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use super::{
    problem::{Place, Report, Wrong},
    tree::{Entry, Node, Table, Value},
};

/// A key this many times longer than its wrong letters is taken for a slip of the finger.
const LETTERS_PER_SLIP: usize = 3;

/// Longest duration that any key takes: beyond it somebody mistook the unit.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// A section of the configuration while it is read.
pub struct Section<'a> {
    name: String,
    place: Place,
    table: Table,
    asked: Vec<&'static str>,
    counted: bool,
    report: &'a Report,
}

impl<'a> Section<'a> {
    pub fn new(name: impl Into<String>, place: Place, table: Table, report: &'a Report) -> Self {
        Self { name: name.into(), place, table, asked: Vec::new(), counted: false, report }
    }

    /// Where the section begins.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether a key is there, right or wrong, and nobody took it yet.
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Adds a problem with one of its keys.
    pub fn object(&self, place: &Place, key: &str, wrong: Wrong) {
        self.report.add(place, self.path(key), wrong);
    }

    /// A section within; an absent one is an empty one.
    pub fn take_section(&mut self, key: &'static str) -> Section<'a> {
        let (name, report) = (self.path(key), self.report);
        match self.take(key) {
            None => Section::new(name, self.place.clone(), Table::new(), report),
            Some(Node { place, value: Value::Table(table) }) => Section::new(name, place, table, report),
            Some(Node { place, .. }) => {
                let wrong = Wrong::new("is a section, not a value", format!("write [{name}] and its keys below it"));
                report.add(&place, name.clone(), wrong);
                Section::new(name, place, Table::new(), report)
            }
        }
    }

    /// Sections that may stand there several times.
    pub fn take_sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let (name, report) = (self.path(key), self.report);
        let list_wanted = |place: &Place| {
            let remedy = format!("write [[{name}]], with two brackets, before each");
            report.add(place, name.clone(), Wrong::new("may stand there several times", remedy));
        };
        let nodes = match self.take(key) {
            None => return Vec::new(),
            Some(Node { value: Value::List(nodes), .. }) => nodes,
            Some(Node { place, .. }) => {
                list_wanted(&place);
                return Vec::new();
            }
        };
        let mut sections = Vec::new();
        for node in nodes {
            match node.value {
                Value::Table(table) => {
                    let section = Section::new(name.clone(), node.place, table, report);
                    sections.push(Section { counted: true, ..section });
                }
                _ => list_wanted(&node.place),
            }
        }
        sections
    }

    /// A text.
    pub fn take_text(&mut self, key: &'static str) -> Option<(String, Place)> {
        self.take_parsed(key, |text| Ok(text.to_owned()))
    }

    /// A text that means something, and where it stands.
    pub fn take_parsed<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<(T, Place)> {
        let node = self.take(key)?;
        let value = self.read_text(key, &node, read)?;
        Some((value, node.place))
    }

    /// A list of texts that mean something.
    pub fn take_list<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<Vec<T>> {
        if let Some(Entry { node: Node { place, value: Value::Text(text) }, .. }) = self.table.get(key) {
            self.object(&place.clone(), key, Wrong::new("is a list", format!("write [{text:?}]")));
            self.take(key);
            return None;
        }
        self.take_one_or_more(key, read)
    }

    /// A text that means something, or a list of them.
    pub fn take_one_or_more<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Vec<T>> {
        let node = self.take(key)?;
        let items = match node.value {
            Value::List(items) => items,
            Value::Variable(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                let node = |item: &str| Node { place: node.place.clone(), value: Value::Variable(item.into()) };
                items.map(node).collect()
            }
            Value::Text(text) => vec![Node { place: node.place, value: Value::Text(text) }],
            other => {
                self.object(&node.place, key, wrong_kind("a list", "[\"…\", \"…\"]", &other));
                return None;
            }
        };
        let read: Vec<Option<T>> = items.iter().map(|item| self.read_text(key, item, &read)).collect();
        read.into_iter().collect()
    }

    /// All that is left: texts under names that whoever wrote them chose. Gives what each pair means.
    pub fn take_pairs<T>(&mut self, read: impl Fn(&str, &str) -> Result<T, Wrong>) -> Vec<T> {
        let pairs = std::mem::take(&mut self.table).into_iter();
        pairs.filter_map(|(key, Entry { node, .. })| self.read_text(&key, &node, |text| read(&key, text))).collect()
    }

    /// A whole number within a range.
    pub fn take_number(&mut self, key: &'static str, range: RangeInclusive<usize>) -> Option<usize> {
        let node = self.take(key)?;
        let found = match &node.value {
            Value::Integer(number) => *number,
            Value::Variable(text) if text.trim().parse::<i64>().is_ok() => text.trim().parse().unwrap_or_default(),
            other => {
                self.object(&node.place, key, wrong_kind("a whole number", range.start(), other));
                return None;
            }
        };
        let fits = usize::try_from(found).ok().filter(|number| range.contains(number));
        if fits.is_none() {
            let remedy = format!("write a number from {} to {}", range.start(), range.end());
            self.object(&node.place, key, Wrong::new(format!("{found} is out of range"), remedy));
        }
        fits
    }

    /// Decibels below the loudest, within a range.
    pub fn take_decibels(&mut self, key: &'static str, range: RangeInclusive<i8>) -> Option<i8> {
        let node = self.take(key)?;
        let fits = match &node.value {
            Value::Integer(number) => i8::try_from(*number).ok(),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        let fits = fits.filter(|number| range.contains(number));
        if fits.is_none() {
            let wanted = format!("a whole number from {} to {}", range.start(), range.end());
            self.object(&node.place, key, wrong_kind(&wanted, range.start(), &node.value));
        }
        fits
    }

    /// `true` or `false`.
    pub fn take_boolean(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        match &node.value {
            Value::Boolean(found) => Some(*found),
            Value::Variable(text) if text == "true" => Some(true),
            Value::Variable(text) if text == "false" => Some(false),
            other => {
                self.object(&node.place, key, wrong_kind("true or false", "true", other));
                None
            }
        }
    }

    /// `true` or `false` (`Ok`), or a text that means something (`Err`).
    pub fn take_boolean_or<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<Result<bool, T>> {
        let is_text = self.table.get(key).is_some_and(|entry| match &entry.node.value {
            Value::Text(_) => true,
            Value::Variable(text) => !["true", "false"].contains(&text.as_str()),
            _ => false,
        });
        if is_text { self.take_parsed(key, read).map(|(found, _)| Err(found)) } else { self.take_boolean(key).map(Ok) }
    }

    /// A duration such as `"20s"`, within a range.
    pub fn take_duration(&mut self, key: &'static str, range: RangeInclusive<Duration>) -> Option<Duration> {
        let read = |text: &str| {
            let found = duration(text)?;
            let remedy = || format!("write a duration from {:?} to {:?}", range.start(), range.end());
            if range.contains(&found) {
                Ok(found)
            } else {
                Err(Wrong::new(format!("{text} is out of range"), remedy()))
            }
        };
        if let Some(Entry { node: Node { place, value: Value::Integer(number) }, .. }) = self.table.get(key) {
            self.object(&place.clone(), key, no_duration(&number.to_string()));
            self.take(key);
            return None;
        }
        self.take_parsed(key, read).map(|(found, _)| found)
    }

    /// The same, or the word that says that there is none: `Some(None)`.
    pub fn take_duration_or(
        &mut self,
        key: &'static str,
        never: &str,
        range: RangeInclusive<Duration>,
    ) -> Option<Option<Duration>> {
        let is_never = |node: &Node| matches!(&node.value, Value::Text(text) | Value::Variable(text) if text == never);
        if self.table.get(key).is_some_and(|entry| is_never(&entry.node)) {
            self.take(key);
            return Some(None);
        }
        self.take_duration(key, range).map(Some)
    }

    /// Refuses a key that a later version will serve: silence would promise what is not there.
    pub fn refuse_later(&mut self, key: &'static str) {
        if let Some(entry) = self.table.remove(key) {
            let wrong = Wrong::new("is not served by this version yet", "remove it until it is");
            self.object(&entry.key_place, key, wrong);
        }
    }

    /// Refuses every key that nobody asked for.
    pub fn close(&mut self) {
        for (key, Entry { key_place, .. }) in std::mem::take(&mut self.table) {
            let slips = |asked: &&'static str| strsim::osa_distance(asked, &key);
            let alike =
                self.asked.iter().copied().filter(|asked| slips(asked) <= (key.len() / LETTERS_PER_SLIP).max(1));
            // Of two that are as near, fingers that met in the wrong order are the likelier slip.
            let is_another_letter = |asked: &&'static str| letters(asked) != letters(&key);
            let nearest = alike.min_by_key(|asked| (slips(asked), is_another_letter(asked)));
            let remedy = match nearest {
                Some(asked) => format!("did you mean {asked}?"),
                None => format!("remove it; known here: {}", self.asked.join(", ")),
            };
            self.object(&key_place, &key, Wrong::new("is unknown", remedy));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.asked.push(key);
        if !self.counted {
            self.report.note_asked(self.path(key));
        }
        self.table.remove(key).map(|entry| entry.node)
    }

    fn read_text<T>(&self, key: &str, node: &Node, read: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        let read = match &node.value {
            Value::Text(text) | Value::Variable(text) => read(text),
            Value::Integer(_) if key == "password" => Err(Wrong::new("it is a number", "write it in quotes")),
            Value::Integer(number) => {
                Err(Wrong::new(format!("{number} is a number"), format!("write it in quotes: \"{number}\"")))
            }
            other => Err(wrong_kind("a text", "\"…\"", other)),
        };
        read.map_err(|wrong| self.object(&node.place, key, wrong)).ok()
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.into() } else { format!("{}.{key}", self.name) }
    }
}

fn wrong_kind(wanted: &str, example: impl Display, found: &Value) -> Wrong {
    let found = match found {
        Value::Table(_) => "a section".into(),
        Value::List(_) => "a list".into(),
        Value::Text(text) | Value::Variable(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(found) => found.to_string(),
        Value::Strange(kind) => (*kind).into(),
    };
    Wrong::new(format!("{found} is not {wanted}"), format!("write {wanted}, as in {example}"))
}

/// Reads `"500ms"`, `"20s"`, `"5m"`, `"2h"` or `"1d"`.
fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = || no_duration(&format!("{text:?}"));
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let millis = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let found = number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)?;
    if found > LONGEST {
        Err(Wrong::new(format!("{text} is more than a year"), "write a shorter one"))
    } else {
        Ok(found)
    }
}

fn no_duration(shown: &str) -> Wrong {
    Wrong::new(
        format!("{shown} is no duration"),
        "write a number and its unit: \"500ms\", \"20s\", \"5m\", \"2h\" or \"1d\"",
    )
}

/// The letters of a word, in no order.
fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}
