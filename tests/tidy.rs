//! The rules of the house that the compiler cannot see.
//!
//! Each rule is one test over every file of the tree; a breach is told as `file:line`, what is wrong and
//! what to do instead. The rules themselves are in `tidy/rules.rs`, and `tidy/bites.rs` proves on made-up
//! snippets that each of them can say no.

#[path = "tidy/bites.rs"]
mod bites;
#[path = "tidy/house.rs"]
mod house;
#[path = "tidy/rules.rs"]
mod rules;

use house::{House, Rule};

/// Runs one rule over all files and fails with every breach at once.
fn hold(rule: Rule) {
    let breaches = House::open().breaches(rule);
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn no_rust_file_outgrows_five_hundred_lines() {
    hold(rules::file_length);
}

#[test]
fn every_function_fits_a_screen() {
    hold(rules::function_length);
}

#[test]
fn every_rust_file_opens_with_its_head() {
    hold(rules::module_head);
}

#[test]
fn no_file_is_a_drawer_for_odds_and_ends() {
    hold(rules::file_name);
}

#[test]
fn nothing_is_left_for_later() {
    hold(rules::leftovers);
}

#[test]
fn no_thread_and_no_test_sleeps() {
    hold(rules::sleeps);
}

#[test]
fn pure_rooms_know_no_tokio() {
    hold(rules::pure_rooms);
}

#[test]
fn rooms_depend_in_one_direction_only() {
    hold(rules::directions);
}

#[test]
fn errors_are_named_and_never_a_string() {
    hold(rules::vague_errors);
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    hold(rules::machine_paths);
}

#[test]
fn unsafe_code_stays_in_its_named_rooms() {
    hold(rules::unsafe_rooms);
}

#[test]
fn safe_crates_forbid_unsafe_code() {
    hold(rules::unsafe_forbidden);
}

#[test]
fn sql_is_spoken_in_the_store_only() {
    hold(rules::sql_room);
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    hold(rules::shared_lints);
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let house = House::open();
    let breaches = house.breaches(|file| rules::links(file, |target| house.has(target)));
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn every_migration_is_written_for_both_databases() {
    let house = House::open();
    let breaches = rules::migrations(&house.names_in("migrations/sqlite"), &house.names_in("migrations/postgres"));
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}
