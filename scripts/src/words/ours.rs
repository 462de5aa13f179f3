//! Whose a recording is. A script plays, sends and keeps those that its own call made, those that its service made in other calls,
//! and what a mailbox has told it of; those of other services it cannot reach by their names.
//!
//! A file is named by its day, its call and the service that made it: `2026-11-21/01KABC…-0-1.office.wav`.

use rhai::{Dynamic, Map};

use super::given::Given;
use super::kind::{Kind, texts_of};
use super::{Of, Part, Word};
use crate::scene::Scene;

/// Parts of words, beside lists of prompts, by which a file is named.
const FILES: &[&str] = &["ringback", "music", "screen", "filler", "file", "attach"];

/// Whether a name is one that recordings have: a day, and a file of it.
pub(crate) fn is_recording(name: &str) -> bool {
    let day: Vec<&str> = name.split('/').next().unwrap_or_default().split('-').collect();
    let is_number = |part: &&str, length: usize| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(&day[..], [year, month, day] if is_number(year, 4) && is_number(month, 2) && is_number(day, 2))
        && name.contains('/')
}

/// The call that made a recording, and the service.
pub(crate) fn made_by(name: &str) -> (&str, Option<&str>) {
    let file = name.rsplit('/').next().unwrap_or_default();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let (call, service) = stem.rsplit_once('.').map_or((stem, None), |(call, service)| (call, Some(service)));
    (call.split('-').next().unwrap_or_default(), service)
}

/// The recordings that a call of a word names.
fn named<'a>(word: &Word, given: impl Iterator<Item = (&'a Part, &'a Dynamic)>) -> Vec<String> {
    let is_file = |part: &Part| part.kind == Kind::Prompts || FILES.contains(&part.name);
    // What is written into the record or said to somebody is a text, whatever it looks like.
    let mut names = Vec::new();
    for (_, value) in given.filter(|(part, _)| is_file(part) && word.of != Of::Module("log")) {
        texts(value, &mut names);
    }
    names.retain(|name| is_recording(name));
    names
}

fn texts(value: &Dynamic, into: &mut Vec<String>) {
    if let Some(names) = texts_of(value) {
        into.extend(names);
    } else if let Some(map) = value.read_lock::<Map>() {
        map.values().for_each(|value| texts(value, into));
    }
}

/// Why a word is not done: it names a recording of somebody else.
pub(super) fn refusal<'a>(
    given: &Given<'_>,
    word: &Word,
    values: impl Iterator<Item = (&'a Part, &'a Dynamic)>,
) -> Option<Box<rhai::EvalAltResult>> {
    let names = named(word, values);
    if names.is_empty() {
        return None;
    }
    let scene = Scene::current()?;
    names.into_iter().find_map(|name| match scene.may_have(&name) {
        Ok(true) => None,
        Ok(false) => Some(given.wrong(format!(
            "{name:?} is a recording of another service; {} has those of its own calls, and messages that a mailbox lists",
            scene.service
        ))),
        Err(unwound) => Some(unwound),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_known_by_its_day_and_tells_who_made_it() {
        for name in ["2026-11-21/01KABC-0-1.wav", "2026-11-21/x", "2026-11-21//x.wav"] {
            assert!(is_recording(name), "{name}");
        }
        for name in ["welcome", "en/goodbye", "2026-11-21", "20261121/a", "tone::440", "https://a.example/2026-11-21/a"]
        {
            assert!(!is_recording(name), "{name}");
        }
        assert_eq!(made_by("2026-11-21/01KABC-0-1.my-office.wav"), ("01KABC", Some("my-office")));
        assert_eq!(made_by("2026-11-21/01KABC-0-1.wav"), ("01KABC", None));
        assert_eq!(made_by("2026-11-21/01KABC-0-1.office"), ("01KABC", None), "an ending is not left away");
    }
}
