//! The reference of all words, written from their table for `docs/words.md`.

use std::fmt::Write;

use crate::handlers::HANDLERS;
use crate::words::{self, FACTS, Of, Part, Word};

/// Where the reference begins in a page.
pub const BEGIN: &str = "<!-- reference: written from the table of words -->";

/// Where it ends.
pub const END: &str = "<!-- end of the reference -->";

/// The reference, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::new();
    page.push_str("### Handlers\n\n");
    for handler in HANDLERS {
        line(&mut page, format_args!("- `fn {}` — {}", handler.written(), handler.says));
    }
    page.push_str("\n### A leg\n\n");
    for word in words::all().filter(|word| word.of == Of::Leg) {
        entry(&mut page, word);
    }
    page.push_str("\n### What is known of a leg\n\n");
    page.push_str("- `leg.id` — Its number in the call.\n- `leg.vars` — A map of the script's own; of a call that was begun by `originate`, what that said.\n");
    for fact in FACTS {
        line(&mut page, format_args!("- `leg.{}` — {}", fact.name, fact.says));
    }
    page.push_str("\n### The house\n\n");
    for word in words::all().filter(|word| word.of == Of::House) {
        entry(&mut page, word);
    }
    page.push_str("\n### What goes on in the background\n\n");
    for word in words::all().filter(|word| word.of == Of::Background) {
        entry(&mut page, word);
    }
    page.push_str("- `handle.running`, `handle.file`, `handle.ms` — Whether it runs; and of a recording that has ended, its file and its length.\n");
    page.push_str("\n### The wish of a party to be transferred\n\n");
    for word in words::all().filter(|word| word.of == Of::Wish) {
        entry(&mut page, word);
    }
    page.push_str("- `req.to.user`, `req.to.host`, `req.to.uri`, `req.replaces` — To whom, and whether another call is to be replaced.\n");
    page.push_str("\n### A room\n\n");
    for word in words::all().filter(|word| word.of == Of::Room) {
        entry(&mut page, word);
    }
    page.push_str("- `room.name` — Its name.\n");
    let mut modules: Vec<&str> = Vec::new();
    for word in words::all() {
        if let Of::Module(module) = word.of
            && !modules.contains(&module)
        {
            modules.push(module);
        }
    }
    for module in modules {
        line(&mut page, format_args!("\n### {module}\n"));
        for word in words::all().filter(|word| word.of == Of::Module(module)) {
            entry(&mut page, word);
        }
    }
    page
}

fn entry(page: &mut String, word: &Word) {
    line(page, format_args!("- `{}` — {}", word.written(), word.says));
    if !word.ends.is_empty() {
        line(page, format_args!("  - ends: `{}`", word.ends.join("`, `")));
    }
    parts(page, word.takes);
    parts(page, word.options);
}

fn parts(page: &mut String, parts: &[Part]) {
    for part in parts {
        line(page, format_args!("  - `{}`: {}", part.name, part.says));
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("text takes text");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the page lies. `UPDATE=1` writes what the table says into it.
    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/words.md");

    #[test]
    fn the_page_says_what_the_table_says() {
        let page = std::fs::read_to_string(PAGE).expect("docs/words.md is there");
        let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the reference");
        let (_, after) = rest.split_once(END).expect("the reference ends");
        let fresh = format!("{before}{BEGIN}\n\n{}\n{END}{after}", reference());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(PAGE, fresh).expect("the page is written");
        } else {
            assert!(fresh == page, "run this test with UPDATE=1: docs/words.md is behind the table of words");
        }
    }
}
