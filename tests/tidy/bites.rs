//! Proof that each rule can say no: a made-up breach is found at its line, and its decent sister is left alone.

use super::house::{Breach, File};
use super::rules;

fn file(path: &str, text: &str) -> File {
    File { path: path.into(), text: text.into() }
}

fn lines(breaches: Vec<Breach>) -> Vec<usize> {
    breaches.into_iter().map(|breach| breach.line).collect()
}

#[test]
fn a_file_of_501_lines_is_refused_and_one_of_500_is_not() {
    assert_eq!(lines(rules::file_length(&file("src/a.rs", &"x\n".repeat(501)))), [501]);
    assert_eq!(lines(rules::file_length(&file("src/a.rs", &"x\n".repeat(500)))), []);
    assert_eq!(lines(rules::file_length(&file("docs/a.md", &"x\n".repeat(501)))), []);
}

#[test]
fn a_function_of_71_lines_is_refused_and_its_short_neighbours_are_not() {
    let body = "        x();\n".repeat(69);
    let long =
        format!("impl A {{\n    fn short() {{}}\n    pub async fn long() {{\n{body}    }}\n    fn last();\n}}\n");
    assert_eq!(lines(rules::function_length(&file("src/a.rs", &long))), [3]);
    let fits = long.replacen("        x();\n", "", 1);
    assert_eq!(lines(rules::function_length(&file("src/a.rs", &fits))), []);
}

#[test]
fn a_signature_over_several_lines_counts_as_part_of_its_function() {
    let long = format!("fn long(\n    a: u8,\n) -> u8 {{\n{}}}\n", "    x();\n".repeat(67));
    assert_eq!(lines(rules::function_length(&file("src/a.rs", &long))), [1]);
}

#[test]
fn a_file_without_head_is_refused() {
    assert_eq!(lines(rules::module_head(&file("src/a.rs", "use std::io;\n"))), [1]);
    assert_eq!(lines(rules::module_head(&file("src/a.rs", "//! Words.\nuse std::io;\n"))), []);
}

#[test]
fn a_file_called_utils_is_refused() {
    assert_eq!(lines(rules::file_name(&file("web/src/utils.rs", ""))), [1]);
    assert_eq!(lines(rules::file_name(&file("web/src/store.rs", ""))), []);
}

#[test]
fn work_left_for_later_is_refused_in_every_form() {
    let text = "// TODO\n// FIXME\ntodo!()\nunimplemented!()\n#[ignore]\ndbg!(x)\n#[ignore = \"slow\"]\nfine()\n";
    assert_eq!(lines(rules::leftovers(&file("src/a.rs", text))), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(lines(rules::leftovers(&file("run", "# TODO\n"))), [1]);
}

#[test]
fn a_thread_never_sleeps_and_a_test_sleeps_on_no_timer_either() {
    let text =
        "std::thread::sleep(x);\ntokio::time::sleep(x).await;\n#[cfg(test)]\nmod tests {\ntokio::time::sleep(x);\n";
    assert_eq!(lines(rules::sleeps(&file("engine/src/a.rs", text))), [1, 5]);
    assert_eq!(lines(rules::sleeps(&file("tests/scenarios/a.rs", text))), [1, 2, 5]);
    assert_eq!(lines(rules::sleeps(&file("web/tests/a.rs", "use tokio::time::{sleep, timeout};\n"))), [1]);
    assert_eq!(lines(rules::sleeps(&file("web/tests/a.rs", "use tokio::time::{timeout, sleep};\n"))), [1]);
    assert_eq!(lines(rules::sleeps(&file("web/tests/a.rs", "// thread::sleep is a guess\ntimeout(x, y)\n"))), []);
}

#[test]
fn tokio_in_the_sip_core_is_refused_and_in_the_runtime_it_is_not() {
    let text = "//! No tokio:: here.\nuse tokio::sync::mpsc;\n";
    assert_eq!(lines(rules::pure_rooms(&file("engine/sip/src/wheel.rs", text))), [2]);
    assert_eq!(lines(rules::pure_rooms(&file("engine/src/routing/location.rs", text))), [2]);
    assert_eq!(lines(rules::pure_rooms(&file("engine/src/runtime/shard.rs", text))), []);
}

#[test]
fn a_dependency_against_the_direction_is_refused() {
    let text = "[dependencies]\nbytes.workspace = true\nsqlx.workspace = true\naxum = { version = \"0.8\" }\n";
    assert_eq!(lines(rules::directions(&file("engine/Cargo.toml", text))), [3, 4]);
    assert_eq!(lines(rules::directions(&file("engine/sip/Cargo.toml", "[dependencies]\ntokio = \"1\"\n"))), [2]);
    assert_eq!(lines(rules::directions(&file("web/Cargo.toml", text))), []);
}

#[test]
fn an_error_that_is_only_a_string_is_refused() {
    let text = "use anyhow::Result;\nenum E { Other(String) }\nfn f() -> Result<(), Box<dyn Error>> {}\n";
    assert_eq!(lines(rules::vague_errors(&file("engine/src/a.rs", text))), [1, 2, 3]);
    assert_eq!(lines(rules::vague_errors(&file("src/main.rs", text))), [1, 2]);
    assert_eq!(lines(rules::vague_errors(&file("web/Cargo.toml", "anyhow = \"1\"\n"))), [1]);
}

#[test]
fn a_path_of_one_machine_is_refused_and_a_url_is_not() {
    let text = "open(\"/home/alice/x\")\nhttps://example.org/work/home/\ncd /root/x\n`/work/x`\n";
    assert_eq!(lines(rules::machine_paths(&file("docs/a.md", text))), [1, 3, 4]);
}

#[test]
fn unsafe_code_is_refused_outside_its_rooms() {
    let text = "#![forbid(unsafe_code)]\n// unsafe { } is not here\nunsafe { x() }\nunsafe impl Send for A {}\n";
    assert_eq!(lines(rules::unsafe_rooms(&file("web/src/a.rs", text))), [3, 4]);
    assert_eq!(lines(rules::unsafe_rooms(&file("engine/src/runtime/socket.rs", text))), []);
}

#[test]
fn a_safe_crate_that_drops_its_promise_is_refused() {
    assert_eq!(lines(rules::unsafe_forbidden(&file("web/src/lib.rs", "//! Web.\n"))), [1]);
    assert_eq!(lines(rules::unsafe_forbidden(&file("web/src/lib.rs", "//! Web.\n#![forbid(unsafe_code)]\n"))), []);
}

#[test]
fn sql_outside_the_store_is_refused() {
    let text = "query(\"SELECT 1\");\nuse sqlx::Row;\n// sqlx:: is spoken elsewhere\n";
    assert_eq!(lines(rules::sql_room(&file("web/src/api.rs", text))), [1, 2]);
    assert_eq!(lines(rules::sql_room(&file("web/src/store/endpoints.rs", text))), []);
}

#[test]
fn a_crate_with_lints_of_its_own_is_refused() {
    assert_eq!(lines(rules::shared_lints(&file("web/Cargo.toml", "[package]\n"))), [1]);
    // A workspace of its own has lints of its own, and its crates share those.
    assert_eq!(lines(rules::shared_lints(&file("tests/fuzz/cargo/Cargo.toml", "[package]\n"))), [1]);
    assert_eq!(lines(rules::shared_lints(&file("web/Cargo.toml", "[package]\n\n[lints]\nworkspace = true\n"))), []);
}

#[test]
fn a_link_that_leads_nowhere_is_refused() {
    let text = "[a](../README.md) [b](https://example.org) [c](#here)\n[d](gone.md#part)\n[e](decisions/0001-x.md)\n";
    let exists = |path: &str| ["README.md", "docs/decisions/0001-x.md"].contains(&path);
    assert_eq!(lines(rules::links(&file("docs/a.md", text), exists)), [2]);
}

#[test]
fn a_migration_for_one_database_or_with_a_number_twice_is_refused() {
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let good = names(&["0001_endpoints.sql", "0002_bindings.sql"]);
    assert_eq!(rules::migrations(&good, &good), Vec::<String>::new());
    assert_eq!(rules::migrations(&good, &names(&["0001_endpoints.sql"])).len(), 1);
    assert_eq!(rules::migrations(&names(&["0001_endpoints.sql"]), &good).len(), 1);
    let twice = names(&["0001_a.sql", "0001_b.sql"]);
    assert_eq!(rules::migrations(&twice, &twice).len(), 1);
    let unnumbered = names(&["endpoints.sql"]);
    assert_eq!(rules::migrations(&unnumbered, &unnumbered).len(), 1);
}
