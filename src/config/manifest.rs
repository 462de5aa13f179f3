//! `<service>.toml` beside a service: what it may do in its calls and reach outside of them, whatever its script says.
//!
//! ```toml
//! dial = ["user:*", "+49*"]                    # whom it may call, by its own rights; absent: whomever its caller may
//! calls = 20                                   # at once
//! longest_call = "30m"
//! minutes_per_day = 600                        # of talk through trunks, all its calls together
//! mail = true                                  # may send letters
//! [http]
//! hosts = ["api.example.org", "*.example.com"] # servers that it may ask
//! [database]
//! url = "sqlite:shop.db"                       # or postgres://…, or url_env with the name of a variable
//! mode = "read"                                # or "write"
//! ```
//!
//! What is not allowed here is refused when a script asks for it, and says so.

use std::{path::Path, time::Duration};

use patchcord_engine::exchange::LeashRules;
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

/// Targets that one manifest may name: more than any person keeps in mind.
const TARGETS: usize = 1_000;

/// What a manifest says.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// What the service may do in its calls.
    pub leash: LeashRules,
    /// What it may reach outside of them.
    pub reach: Rules,
}

/// Reads a manifest's text; relative paths in it start where it lies.
pub fn read(file: &Path, text: &str, environment: &Environment) -> Result<Manifest, Problems> {
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
    let leash = leash(&mut top);
    top.refuse_later("timer");
    top.close();
    let manifest = Manifest { leash, reach: Rules { hosts, database, mail } };
    report.into_problems(shown).map_or(Ok(manifest), Err)
}

fn leash(top: &mut Section<'_>) -> LeashRules {
    let target = |text: &str| {
        let remedy = "write a target as scripts do, as in \"user:*\", \"+49*\" or \"sip:*@example.org\"";
        let fits = !text.is_empty() && text.len() <= 256 && !text.chars().any(|letter| letter.is_whitespace());
        fits.then(|| Box::from(text)).ok_or_else(|| Wrong::new(format!("{text:?} is nobody to be called"), remedy))
    };
    let day = Duration::from_secs(86_400);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let minutes = top.take_number("minutes_per_day", 1..=1_000_000).map(count);
    LeashRules {
        dial: top.take_list("dial", target).map(|mut dial: Vec<Box<str>>| {
            dial.truncate(TARGETS);
            dial
        }),
        calls: top.take_number("calls", 1..=1_000_000).map(count),
        longest: top.take_duration("longest_call", Duration::from_secs(1)..=7 * day),
        talk_a_day: minutes.map(|minutes| Duration::from_secs(60) * minutes),
    }
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

    fn read(text: &str) -> Result<Manifest, String> {
        let environment = [("SHOP".to_owned(), "postgres://shop:s3cret@db/shop".to_owned())].into();
        super::read(Path::new("scripts/ivr.toml"), text, &environment).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_manifest_says_what_a_service_may_reach() {
        let rules = read(
            "mail = true\n[http]\nhosts = [\"api.example.org\"]\n[database]\nurl = \"sqlite:shop.db\"\nmode = \"write\"\n",
        );
        let Rules { hosts, database, mail } = rules.expect("a manifest").reach;
        assert_eq!((hosts, mail), (Hosts::read(["api.example.org"]).expect("a host"), true));
        let Database { place, may_write } = database.expect("a database");
        assert_eq!((place.to_string().as_str(), may_write), ("sqlite:scripts/shop.db", true));
        let database =
            read("[database]\nurl_env = \"SHOP\"\n").expect("a manifest").reach.database.expect("a database");
        assert_eq!((database.place.to_string().as_str(), database.may_write), ("postgres://shop:***@db/shop", false));
    }

    #[test]
    fn an_empty_manifest_allows_nothing() {
        let Manifest { leash, reach: Rules { hosts, database, mail } } = read("").expect("a manifest");
        assert_eq!((hosts, database.is_none(), mail), (Hosts::default(), true, false));
        assert_eq!(leash, LeashRules::default());
    }

    #[test]
    fn a_manifest_says_what_a_service_may_do_in_its_calls() {
        let text = "dial = [\"user:*\", \"+49*\"]\ncalls = 20\nlongest_call = \"30m\"\nminutes_per_day = 600\n";
        let expected = LeashRules {
            dial: Some(vec!["user:*".into(), "+49*".into()]),
            calls: Some(20),
            longest: Some(Duration::from_secs(1800)),
            talk_a_day: Some(Duration::from_secs(36_000)),
        };
        assert_eq!(read(text).expect("a manifest").leash, expected);
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
                "timer = [\"8:00\"]",
                "scripts/ivr.toml:1:1: timer: is not served by this version yet\n    remove it until it is",
            ),
        ] {
            assert_eq!(read(text).err().as_deref(), Some(why), "{text}");
        }
        let told = read("[database]\nurl = \"mysql://a:s3cret@b/c\"").expect_err("no database of ours");
        assert!(told.contains("it names no database that this server knows") && !told.contains("s3cret"), "{told}");
    }
}
