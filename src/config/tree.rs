//! The file and the environment as one tree of values that know where they were written.
//!
//! Nothing here knows a key of ours. A variable `PATCHCORD_SIP__LISTEN` stands for `listen` in `[sip]` and wins over
//! the file; a number between the underscores picks an entry of a list of tables (`PATCHCORD_ENDPOINT__0__USER`).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Place, Report, Wrong};

/// The environment, handed in.
pub type Environment = BTreeMap<String, String>;

/// What a variable of ours begins with. One without `__` is none of the configuration's: each key lies in a section.
const PREFIX: &str = "PATCHCORD_";

/// A value, and where it was written.
#[derive(Debug)]
pub struct Node {
    pub place: Place,
    pub value: Value,
}

/// What was written.
#[derive(Debug)]
pub enum Value {
    Table(Table),
    List(Vec<Node>),
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// A number with a fraction, a date, or an integer beyond 64 bits: no key of ours takes one.
    Strange(&'static str),
    /// From a variable, where everything is text: whoever reads it decides what it means.
    Variable(String),
}

/// Keys, where each was written, and their values.
pub type Table = BTreeMap<String, Entry>;

#[derive(Debug)]
pub struct Entry {
    pub key_place: Place,
    pub node: Node,
}

/// Reads a file's text. What is no TOML goes to the report.
pub fn parse(text: &str, report: &Report) -> Table {
    let page = Page::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let place = error.span().map_or(Place::Whole, |span| page.place_of(&span));
        let written = error.span().and_then(|span| text.get(span)).unwrap_or_default();
        let wrong = match error.message() {
            "duplicate key" => Wrong::new(format!("{written} stands there twice"), "remove one of them"),
            other => Wrong::new(other, "correct the TOML there; https://toml.io has its rules"),
        };
        report.add(&place, "", wrong);
    }
    read_table(&page, table.into_inner())
}

/// What somebody says in JSON, as the file would say it.
pub fn of_json(said: &serde_json::Map<String, serde_json::Value>) -> Table {
    let entry = |value| Entry { key_place: Place::Whole, node: node_of_json(value) };
    said.iter().map(|(key, value)| (key.clone(), entry(value))).collect()
}

fn node_of_json(value: &serde_json::Value) -> Node {
    use serde_json::Value as Json;
    let value = match value {
        Json::Null => Value::Strange("null"),
        Json::Bool(found) => Value::Boolean(*found),
        Json::Number(found) => found.as_i64().map_or(Value::Strange("a number with a fraction"), Value::Integer),
        Json::String(found) => Value::Text(found.clone()),
        Json::Array(found) => Value::List(found.iter().map(node_of_json).collect()),
        Json::Object(found) => Value::Table(of_json(found)),
    };
    Node { place: Place::Whole, value }
}

fn read_table(page: &Page<'_>, table: DeTable<'_>) -> Table {
    let entries = table.into_iter().map(|(key, value)| {
        let key_place = page.place_of(&key.span());
        (key.into_inner().into_owned(), Entry { key_place, node: read_value(page, value) })
    });
    entries.collect()
}

fn read_value(page: &Page<'_>, value: Spanned<DeValue<'_>>) -> Node {
    let place = page.place_of(&value.span());
    let value = match value.into_inner() {
        DeValue::String(found) => Value::Text(found.into_owned()),
        DeValue::Integer(found) => i64::from_str_radix(found.as_str(), found.radix())
            .map_or(Value::Strange("an integer beyond all limits"), Value::Integer),
        DeValue::Boolean(found) => Value::Boolean(found),
        DeValue::Array(found) => Value::List(found.into_iter().map(|item| read_value(page, item)).collect()),
        DeValue::Table(found) => Value::Table(read_table(page, found)),
        DeValue::Float(_) => Value::Strange("a number with a fraction"),
        DeValue::Datetime(_) => Value::Strange("a date"),
    };
    Node { place, value }
}

/// A text that knows where its lines begin, so that a place in the last of 40 000 is found as soon as in the first.
struct Page<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Page<'a> {
    fn new(text: &'a str) -> Self {
        let after_ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, line_starts: [0].into_iter().chain(after_ends).collect() }
    }

    /// Line and column of where a span begins.
    fn place_of(&self, span: &Range<usize>) -> Place {
        let at = self.text.floor_char_boundary(span.start);
        let line = self.line_starts.partition_point(|start| *start <= at);
        let column = self.text[self.line_starts[line - 1]..at].chars().count() + 1;
        Place::File { line, column }
    }
}

/// Lays the variables over the tree.
pub fn overlay(table: &mut Table, environment: &Environment, report: &Report) {
    for (name, value) in environment {
        let Some(path) = name.strip_prefix(PREFIX).filter(|rest| rest.contains("__")) else { continue };
        let path = path.to_ascii_lowercase();
        let steps: Vec<&str> = path.split("__").collect();
        let place = Place::Variable(name.clone());
        if !set(table, &steps, &place, value) {
            let remedy = "sections and keys are parted by two underscores, as in PATCHCORD_SIP__LISTEN; entries of a \
                          list are counted from 0 without a gap, as in PATCHCORD_ENDPOINT__0__USER";
            report.add(&place, path.replace("__", "."), Wrong::new("leads nowhere", remedy));
        }
    }
}

/// Tells of variables that would be a key of ours with one more underscore: silence would leave the key as it was.
/// `named` says whether the file wants a variable for something else.
pub fn object_to_slips(environment: &Environment, report: &Report, named: impl Fn(&str) -> bool) {
    for name in environment.keys().filter(|name| !named(name)) {
        let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| !rest.contains("__")) else { continue };
        let rest = rest.to_ascii_lowercase();
        if let Some(key) = report.asked().into_iter().find(|key| key.replace('.', "_") == rest) {
            let meant = format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase());
            let wrong =
                Wrong::new("has one underscore where two part a section from its key", format!("write {meant}"));
            report.add(&Place::Variable(name.clone()), key, wrong);
        }
    }
}

/// The variables that keys such as `password_env` name.
pub fn named_variables(table: &Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut nodes: Vec<(&str, &Node)> = table.iter().map(|(key, entry)| (key.as_str(), &entry.node)).collect();
    while let Some((key, node)) = nodes.pop() {
        match &node.value {
            Value::Table(inner) => nodes.extend(inner.iter().map(|(key, entry)| (key.as_str(), &entry.node))),
            Value::List(items) => nodes.extend(items.iter().map(|item| (key, item))),
            Value::Text(name) | Value::Variable(name) if key.ends_with("_env") => drop(found.insert(name.clone())),
            _ => {}
        }
    }
    found
}

/// Puts `value` where `steps` lead, making what is missing on the way; false when something else is in the way.
fn set(table: &mut Table, steps: &[&str], place: &Place, value: &str) -> bool {
    let (key, rest) = match steps {
        [] | ["", ..] => return false,
        [key, rest @ ..] => (*key, rest),
    };
    if rest.is_empty() {
        let node = Node { place: place.clone(), value: Value::Variable(value.into()) };
        table.insert(key.into(), Entry { key_place: place.clone(), node });
        return true;
    }
    let counted = rest[0].parse::<usize>().ok();
    let entry = table.entry(key.into()).or_insert_with(|| {
        let value = if counted.is_some() { Value::List(Vec::new()) } else { Value::Table(Table::new()) };
        Entry { key_place: place.clone(), node: Node { place: place.clone(), value } }
    });
    match (&mut entry.node.value, counted) {
        (Value::Table(inner), _) => set(inner, rest, place, value),
        (Value::List(items), Some(index)) => {
            if index == items.len() {
                items.push(Node { place: place.clone(), value: Value::Table(Table::new()) });
            }
            match items.get_mut(index).map(|node| &mut node.value) {
                Some(Value::Table(inner)) => set(inner, &rest[1..], place, value),
                _ => false,
            }
        }
        _ => false,
    }
}
