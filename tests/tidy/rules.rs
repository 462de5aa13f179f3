//! The rules themselves: each looks at the text of one file and names the lines that break it.
//! They read text, not syntax, and rely on rustfmt's shape; where that could be fooled, they err towards silence.

use super::house::{Breach, File};

/// Longer files hide more than one concern.
const MAX_FILE_LINES: usize = 500;
/// A function that does not fit a screen is not read, only scrolled.
const MAX_FUNCTION_LINES: usize = 70;

/// Rooms that are pure machines: values and instants in, values out.
const PURE_ROOMS: [&str; 8] = [
    "engine/sip/",
    "engine/src/journal/",
    "engine/src/routing/",
    "engine/src/call/",
    "engine/src/room.rs",
    "engine/src/queue.rs",
    "media/src/sdp/",
    "scripts/src/words/",
];
/// Socket calls, the strands of scripts, the Opus binding, the rank of the media threads and the counting allocator of the bench.
const UNSAFE_ROOMS: [&str; 6] = [
    "engine/src/runtime/",
    "scripts/src/strand.rs",
    "scripts/src/memory.rs",
    "media/src/codec/",
    "media/src/shard/",
    "tests/bench/",
];
/// Crates that must say `#![forbid(unsafe_code)]` at their root.
const SAFE_ROOTS: [&str; 3] = ["engine/sip/src/lib.rs", "web/src/lib.rs", "src/main.rs"];
/// Which words a manifest may not contain: `main → web, scripts → engine → media`, one direction.
const FORBIDDEN_DEPENDENCIES: [(&str, &[&str]); 5] = [
    ("engine/sip/Cargo.toml", &["tokio", "patchcord-engine", "patchcord-media", "patchcord-web", "patchcord-scripts"]),
    ("engine/Cargo.toml", &["rhai", "axum", "sqlx", "patchcord-web", "patchcord-scripts"]),
    ("media/Cargo.toml", &["rhai", "axum", "sqlx", "patchcord-engine", "patchcord-sip", "patchcord-web"]),
    ("scripts/Cargo.toml", &["axum", "sqlx", "patchcord-web", "patchcord-sip"]),
    ("web/Cargo.toml", &["rhai", "patchcord-scripts"]),
];

pub fn file_length(file: &File) -> Vec<Breach> {
    let lines = file.text.lines().count();
    let too_long = is_rust(file) && lines > MAX_FILE_LINES;
    only_if(too_long, lines, format!("{lines} lines; split the file by concern, {MAX_FILE_LINES} are allowed"))
}

pub fn function_length(file: &File) -> Vec<Breach> {
    if !is_rust(file) {
        return Vec::new();
    }
    let lines: Vec<&str> = file.text.lines().collect();
    let mut breaches = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| starts_function(line)) {
        let length = length_of_function(&lines[index..], indent_of(line));
        if length > MAX_FUNCTION_LINES {
            let remedy = format!("a function of {length} lines; {MAX_FUNCTION_LINES} are allowed, name its parts");
            breaches.push(Breach { line: index + 1, remedy });
        }
    }
    breaches
}

pub fn module_head(file: &File) -> Vec<Breach> {
    let headless = is_rust(file) && !file.text.starts_with("//! ");
    only_if(headless, 1, "open the file with a //! head: what it is and what it refuses to do".into())
}

pub fn file_name(file: &File) -> Vec<Breach> {
    let stem = file.path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or_default();
    let drawer = ["util", "utils", "helper", "helpers", "common", "misc", "manager"].contains(&stem);
    only_if(is_rust(file) && drawer, 1, format!("`{stem}` says nothing; name the file by the noun it holds"))
}

pub fn leftovers(file: &File) -> Vec<Breach> {
    let words = ["TODO", "FIXME", "todo!", "unimplemented!", "#[ignore", "dbg!"];
    let applies = !is_this_rulebook(file) && !file.path.ends_with(".md");
    find(file, applies, |line| {
        let word = words.iter().find(|word| line.contains(**word))?;
        Some(format!("`{word}`: do it now, or open an issue and take it out"))
    })
}

pub fn sleeps(file: &File) -> Vec<Breach> {
    let applies = is_rust(file) && !is_this_rulebook(file);
    // The bench paces load by the clock; everything else under a tests folder is a test.
    let all_test = (file.path.starts_with("tests/") && !file.path.starts_with("tests/bench/"))
        || file.path.contains("/tests/")
        || file.path.ends_with("/tests.rs");
    let tests_from = file.text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX);
    let mut number = 0;
    find(file, applies, |line| {
        number += 1;
        let in_test = all_test || number > tests_from;
        let code = code_of(line);
        let sleeps = code.contains("thread::sleep")
            || (in_test
                && (code.contains("time::sleep") || code.contains("time::{sleep") || code.contains(", sleep}")));
        sleeps.then(|| "a sleep is a guess; wait for the fact with a deadline, or use virtual time".into())
    })
}

pub fn pure_rooms(file: &File) -> Vec<Breach> {
    let applies = is_rust(file) && PURE_ROOMS.iter().any(|room| file.path.starts_with(room));
    find(file, applies, |line| {
        let code = code_of(line);
        (code.contains("tokio::") || code.contains("use tokio")).then(|| {
            "tokio in a pure room; hand values and instants in, and let engine/src/runtime do the waiting".into()
        })
    })
}

pub fn directions(file: &File) -> Vec<Breach> {
    let listed = FORBIDDEN_DEPENDENCIES.iter().find(|(path, _)| *path == file.path);
    let forbidden = listed.map(|(_, names)| *names).unwrap_or_default();
    find(file, listed.is_some(), |line| {
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        forbidden.contains(&name).then(|| {
            format!("`{name}` does not belong in this room; declare a small trait here and join it in src/main.rs")
        })
    })
}

pub fn vague_errors(file: &File) -> Vec<Breach> {
    let applies = (is_rust(file) || file.path.ends_with("Cargo.toml")) && !is_this_rulebook(file);
    find(file, applies, |line| {
        let code = code_of(line);
        let vague = code.contains("anyhow") || code.contains("Other(String)") || code.contains("Box<dyn Error");
        // Boxed errors belong where the error stops travelling: in main.
        let is_main = file.path == "src/main.rs" || file.path.contains("/src/bin/");
        let at_the_end = is_main && code.contains("Box<dyn Error");
        (vague && !at_the_end).then(|| "give the operation its own small error enum (thiserror)".into())
    })
}

pub fn machine_paths(file: &File) -> Vec<Breach> {
    find(file, !is_this_rulebook(file), |line| {
        let path = ["/work/", "/root/", "/home/"].into_iter().find(|path| {
            line.match_indices(path).any(|(at, _)| {
                !line[..at].ends_with(|before: char| before.is_alphanumeric() || ".-_/".contains(before))
            })
        })?;
        Some(format!("`{path}` exists on one machine only; use a path inside the tree or ask the environment"))
    })
}

pub fn unsafe_rooms(file: &File) -> Vec<Breach> {
    let applies =
        is_rust(file) && !is_this_rulebook(file) && !UNSAFE_ROOMS.iter().any(|room| file.path.starts_with(room));
    find(file, applies, |line| {
        let code = code_of(line);
        let unsafe_code = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code)"];
        unsafe_code.iter().any(|form| code.contains(form)).then(|| {
            format!("unsafe code outside its rooms ({}); find the safe crate or move it there", UNSAFE_ROOMS.join(", "))
        })
    })
}

pub fn unsafe_forbidden(file: &File) -> Vec<Breach> {
    let bare = SAFE_ROOTS.contains(&file.path.as_str()) && !file.text.contains("#![forbid(unsafe_code)]");
    only_if(bare, 1, "this crate promises #![forbid(unsafe_code)]; put it back below the head".into())
}

pub fn sql_room(file: &File) -> Vec<Breach> {
    // The store's own tests look behind its back; a script's statements are what `db` is tried with.
    let ours = [
        "web/src/store/",
        "web/tests/store/",
        "web/tests/outside/db.rs",
        "web/examples/million.rs",
        "tests/scenarios/outside.rs",
    ];
    let inside = ours.iter().any(|room| file.path.starts_with(room));
    let outside = is_rust(file) && !inside && !is_this_rulebook(file);
    find(file, outside, |line| {
        let code = code_of(line);
        let sql = ["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE FROM", "\"CREATE TABLE", "sqlx::"];
        sql.iter()
            .any(|form| code.contains(form))
            .then(|| "SQL outside web/src/store; ask the store through a trait".into())
    })
}

pub fn shared_lints(file: &File) -> Vec<Breach> {
    let manifest = file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml");
    let alone = manifest && !file.text.contains("[lints]\nworkspace = true");
    only_if(alone, 1, "add [lints] workspace = true".into())
}

/// `exists` answers for a path from the root of the repository.
pub fn links(file: &File, exists: impl Fn(&str) -> bool) -> Vec<Breach> {
    find(file, file.path.ends_with(".md"), |line| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let local = targets.filter(|target| !target.contains(':') && !target.starts_with('#'));
        let lost = local.map(|target| target.split('#').next().unwrap_or_default()).find(|target| {
            let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            !exists(&resolve(folder, target))
        })?;
        Some(format!("the link to `{lost}` leads nowhere; correct the path or write the page"))
    })
}

/// Both lists are names of SQL files like `0001_endpoints.sql`.
pub fn migrations(sqlite: &[String], postgres: &[String]) -> Vec<String> {
    let alone = |here: &str, ours: &[String], theirs: &[String]| -> Vec<String> {
        let lonely = ours.iter().filter(|name| !theirs.contains(name));
        lonely.map(|name| format!("migrations/{here}/{name}:1: the other database has no file of this name")).collect()
    };
    let mut breaches = alone("sqlite", sqlite, postgres);
    breaches.extend(alone("postgres", postgres, sqlite));
    for (index, name) in sqlite.iter().enumerate().filter(|(_, name)| number_of(name).is_none()) {
        breaches.push(format!("migrations/sqlite/{name}:1: migration {} needs a number in front", index + 1));
    }
    for pair in sqlite.windows(2).filter(|pair| number_of(&pair[0]) == number_of(&pair[1])) {
        breaches.push(format!("migrations/sqlite/{}:1: {} has the same number; take the next one", pair[1], pair[0]));
    }
    breaches
}

fn number_of(name: &str) -> Option<u32> {
    name.split('_').next().and_then(|digits| digits.parse().ok())
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

fn is_rust(file: &File) -> bool {
    file.path.ends_with(".rs")
}

/// These files must spell what they refuse.
fn is_this_rulebook(file: &File) -> bool {
    file.path == "tests/tidy.rs" || file.path.starts_with("tests/tidy/")
}

fn only_if(broken: bool, line: usize, remedy: String) -> Vec<Breach> {
    if broken { vec![Breach { line, remedy }] } else { Vec::new() }
}

fn find(file: &File, applies: bool, mut judge: impl FnMut(&str) -> Option<String>) -> Vec<Breach> {
    if !applies {
        return Vec::new();
    }
    let judged = file.text.lines().enumerate();
    judged.filter_map(|(index, line)| judge(line).map(|remedy| Breach { line: index + 1, remedy })).collect()
}

/// The line without its comment; a `//` after a colon is a URL.
fn code_of(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

fn indent_of(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

fn starts_function(line: &str) -> bool {
    let mut words = line.split_whitespace().filter(|word| {
        !word.starts_with("pub") && !["const", "async", "unsafe", "extern", "\"C\"", "default"].contains(word)
    });
    words.next() == Some("fn")
}

/// Counts to the brace that rustfmt puts back under the `fn`; a function without a body ends at its semicolon.
fn length_of_function(lines: &[&str], indent: &str) -> usize {
    let mut in_body = false;
    for (index, line) in lines.iter().enumerate() {
        let closes = line.strip_prefix(indent).is_some_and(|rest| rest.starts_with('}'));
        if (index > 0 && closes) || (!in_body && line.ends_with([';', '}'])) {
            return index + 1;
        }
        in_body = in_body || line.ends_with('{');
    }
    lines.len()
}
