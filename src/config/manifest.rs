//! `<service>.toml` beside a service: what it may reach outside its calls.
//!
//! ```toml
//! mail = true                                  # may send letters
//! [http]
//! hosts = ["api.example.org", "*.example.com"] # servers that it may ask
//! [database]
//! url = "sqlite:shop.db"                       # or postgres://…, or url_env with the name of a variable
//! mode = "read"                                # or "write"
//! ```
//!
//! What is not allowed here is refused when a script asks for it, and says so.

use std::path::Path;

use patchcord_web::{
    outside::{Database, Hosts, Rules},
    store,
};

use super::{
    problem::{Place, Problems, Report, Wrong},
    section::Section,
    sections,
    tree::{self, Environment},
};

/// Reads a manifest's text; relative paths in it start where it lies.
pub fn read(file: &Path, text: &str, environment: &Environment) -> Result<Rules, Problems> {
    let shown = file.display().to_string();
    let syntax = Report::default();
    let table = tree::parse(text, &syntax);
    if let Some(problems) = syntax.into_problems(shown.clone()) {
        return Err(problems);
    }
    let report = Report::default();
    let mut top = Section::new("", Place::Whole, table, &report);
    let mail = top.take_boolean("mail").unwrap_or_default();
    let hosts = hosts(&mut top.take_section("http"));
    let is_there = top.has("database");
    let mut section = top.take_section("database");
    let database = if is_there { database(&mut section, sections::base(Some(file)), environment) } else { None };
    for later in ["dial", "calls", "minutes_per_day", "longest_call", "timer"] {
        top.refuse_later(later);
    }
    top.close();
    report.into_problems(shown).map_or(Ok(Rules { hosts, database, mail }), Err)
}

fn hosts(section: &mut Section<'_>) -> Hosts {
    let host = |text: &str| {
        let remedy = "write \"api.example.org\", \"api.example.org:8443\", \"*.example.org\", or \"*\" for all of the public internet";
        Hosts::read([text])
            .map(|_| text.to_owned())
            .map_err(|_| Wrong::new(format!("{text:?} names no server"), remedy))
    };
    let named = section.take_list("hosts", host).unwrap_or_default();
    section.close();
    // Each was read a moment ago.
    Hosts::read(named).unwrap_or_default()
}

fn database(section: &mut Section<'_>, base: &Path, environment: &Environment) -> Option<Database> {
    let place = section.place().clone();
    let given = ["url", "url_env"].into_iter().filter(|key| section.has(key)).count();
    let read = |url: &str| {
        store::Place::parse(url, base).map_err(|error| {
            let shown = if url.contains('@') { "it".into() } else { format!("{url:?}") };
            Wrong::new(format!("{shown} {error}"), error.remedy())
        })
    };
    let written = section.take_parsed("url", read);
    let kept = section.take_parsed("url_env", |name| match environment.get(name) {
        Some(url) => read(url),
        None => {
            let reason = format!("environment variable {name} is not set");
            Err(Wrong::new(reason, format!("set {name} before the server starts")))
        }
    });
    let mode = section.take_parsed("mode", |text| match text {
        "read" => Ok(false),
        "write" => Ok(true),
        _ => Err(Wrong::new(format!("{text:?} is no mode"), "write \"read\" or \"write\"")),
    });
    section.close();
    if given != 1 {
        let reason = if given == 0 { "is missing" } else { "is given twice, as url_env as well" };
        section.object(&place, "url", Wrong::new(reason, "write one of url and url_env"));
    }
    let (place, _) = written.or(kept)?;
    Some(Database { place, may_write: mode.is_some_and(|(may_write, _)| may_write) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Rules, String> {
        let environment = [("SHOP".to_owned(), "postgres://shop:s3cret@db/shop".to_owned())].into();
        super::read(Path::new("scripts/ivr.toml"), text, &environment).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_manifest_says_what_a_service_may_reach() {
        let rules = read(
            "mail = true\n[http]\nhosts = [\"api.example.org\"]\n[database]\nurl = \"sqlite:shop.db\"\nmode = \"write\"\n",
        );
        let Rules { hosts, database, mail } = rules.expect("a manifest");
        assert_eq!((hosts, mail), (Hosts::read(["api.example.org"]).expect("a host"), true));
        let Database { place, may_write } = database.expect("a database");
        assert_eq!((place.to_string().as_str(), may_write), ("sqlite:scripts/shop.db", true));
        let database = read("[database]\nurl_env = \"SHOP\"\n").expect("a manifest").database.expect("a database");
        assert_eq!((database.place.to_string().as_str(), database.may_write), ("postgres://shop:***@db/shop", false));
    }

    #[test]
    fn an_empty_manifest_allows_nothing() {
        let Rules { hosts, database, mail } = read("").expect("a manifest");
        assert_eq!((hosts, database.is_none(), mail), (Hosts::default(), true, false));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, why) in [
            ("mial = true", "scripts/ivr.toml:1:1: mial: is unknown\n    did you mean mail?"),
            (
                "mail = \"yes\"",
                "scripts/ivr.toml:1:8: mail: \"yes\" is not true or false\n    write true or false, as in true",
            ),
            (
                "[http]\nhosts = [\"https://a.example\"]",
                "scripts/ivr.toml:2:10: http.hosts: \"https://a.example\" names no server\n    write \"api.example.org\", \"api.example.org:8443\", \"*.example.org\", or \"*\" for all of the public internet",
            ),
            (
                "[database]\nmode = \"read\"",
                "scripts/ivr.toml:1:1: database.url: is missing\n    write one of url and url_env",
            ),
            (
                "[database]\nurl_env = \"NO\"",
                "scripts/ivr.toml:2:11: database.url_env: environment variable NO is not set\n    set NO before the server starts",
            ),
            (
                "[database]\nurl = \"sqlite:a.db\"\nmode = \"all\"",
                "scripts/ivr.toml:3:8: database.mode: \"all\" is no mode\n    write \"read\" or \"write\"",
            ),
            (
                "dial = [\"+49\"]",
                "scripts/ivr.toml:1:1: dial: is not served by this version yet\n    remove it until it is",
            ),
        ] {
            assert_eq!(read(text).err().as_deref(), Some(why), "{text}");
        }
        let told = read("[database]\nurl = \"mysql://a:s3cret@b/c\"").expect_err("no database of ours");
        assert!(told.contains("it names no database that this server knows") && !told.contains("s3cret"), "{told}");
    }
}
