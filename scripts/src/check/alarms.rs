//! Nothing is said of what is right: of all that is shipped, of what the manual shows, and of what tests run.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Ground, check_on};
use crate::imports::{Module, among};
use crate::limits::Limits;
use crate::shipped;

/// The root of the house.
const HOUSE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A piece of a page that is a script: where, its name if it has one, and what it says.
struct Snippet {
    place: String,
    name: Option<String>,
    text: String,
}

fn snippets(page: &Path) -> Vec<Snippet> {
    let text = fs::read_to_string(page).expect("a page");
    let (mut found, mut rows) = (Vec::new(), text.lines().enumerate());
    while let Some((row, line)) = rows.next() {
        let Some(kind) = line.strip_prefix("```rhai") else { continue };
        let name = kind.trim().strip_suffix(".rhai").map(str::to_owned);
        let text =
            rows.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").map(|line| format!("{line}\n"));
        let place = format!("{}:{}", page.display(), row + 2);
        found.push(Snippet { place, name, text: text.collect() });
    }
    found
}

/// All files below a folder with that ending.
fn below(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            below(&path, ending, into);
        } else if name.ends_with(ending) && !name.ends_with("_test.rhai") {
            into.push(path);
        }
    }
}

/// What is said of a text, but that it has no story: a page shows handlers alone.
fn told(place: &str, text: &str, modules: &[Module]) -> Vec<String> {
    let library = among(modules);
    let limits = Limits::default();
    let ground = Ground { has_prompt: &|_| true, library: &library, limits: &limits };
    let faults = check_on(place, text, &ground).into_iter().map(|fault| fault.to_string());
    faults.filter(|told| !told.contains("which a call begins with")).collect()
}

#[test]
fn nothing_is_said_of_what_is_shipped_and_of_what_tests_run() {
    let mut files = Vec::new();
    for folder in ["scripts", "src", "tests", "docs"] {
        below(&Path::new(HOUSE).join(folder), ".rhai", &mut files);
    }
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).expect("a script");
        assert_eq!(told(&file.display().to_string(), &text, &[]), [""; 0]);
    }
    for name in shipped::services() {
        assert_eq!(told(name, shipped::service(name).expect("it is there"), &[]), [""; 0]);
    }
}

#[test]
fn nothing_is_said_of_what_the_pages_show() {
    let mut pages = Vec::new();
    below(&Path::new(HOUSE).join("docs"), ".md", &mut pages);
    let all: Vec<Snippet> = pages.iter().flat_map(|page| snippets(page)).collect();
    let named = |snippet: &Snippet| {
        let name = snippet.name.clone()?;
        Some(Module { file: format!("{name}.rhai"), text: snippet.text.as_str().into(), name })
    };
    let modules: Vec<Module> = all.iter().filter_map(named).collect();
    let mut read = 0;
    for snippet in &all {
        let is_test = snippet.name.as_ref().is_some_and(|name| name.ends_with("_test"));
        if is_test || !snippet.text.contains("fn ") {
            continue;
        }
        read += 1;
        assert_eq!(told(&snippet.place, &snippet.text, &modules), [""; 0], "{}", snippet.text);
    }
    assert!(read > 25, "{read}");
}
