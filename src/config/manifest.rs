//! `<service>.toml` beside a service: what it may do in its calls and reach outside of them, whatever its script says.
//!
//! ```toml
//! dial = ["user:*", "+49*"]                    # whom it may call, by its own rights; absent: whomever its caller may
//! calls = 20                                   # at once
//! longest_call = "30m"
//! guests = ["100", "2*"]                       # numbers that browsers may call with tokens of its making
//! minutes_per_day = 600                        # of talk through trunks, all its calls together
//! mail = true                                  # may send letters
//! [http]
//! hosts = ["api.example.org", "*.example.com"] # servers that it may ask
//! [database]
//! url = "sqlite:shop.db"                       # or postgres://…, or url_env with the name of a variable
//! mode = "read"                                # or "write"
//! [[timer]]                                    # when its on_timer is called
//! name = "nightly"
//! at = "Mon-Fri 03:00 Europe/Berlin"           # or every = "15m"
//! ```
//!
//! What is not allowed here is refused when a script asks for it, and says so.

use std::{path::Path, time::Duration};

use patchcord_engine::exchange::LeashRules;
use patchcord_scripts::time::Schedule;
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

/// Timers of one service: each of them is a script that runs.
const TIMERS: usize = 64;

/// How often one may come at most: what is more often is a loop, and no schedule.
const SHORTEST: Duration = Duration::from_secs(10);

/// What a manifest says.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// What the service may do in its calls.
    pub leash: LeashRules,
    /// What it may reach outside of them.
    pub reach: Rules,
    /// When it is called without a call.
    pub timers: Vec<Timer>,
}

/// A moment that comes again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// What its handler is told.
    pub name: String,
    /// When.
    pub schedule: Schedule,
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
    let guests = top.take_list("guests", guest).unwrap_or_default();
    let timers = timers(top.take_sections("timer"));
    top.close();
    let manifest = Manifest { leash, reach: Rules { hosts, database, mail, guests }, timers };
    report.into_problems(shown).map_or(Ok(manifest), Err)
}

fn guest(text: &str) -> Result<Box<str>, Wrong> {
    let fits = !text.is_empty() && text.len() <= 64 && !text.chars().any(char::is_whitespace);
    let wrong = || {
        Wrong::new(
            format!("{text:?} is no number"),
            "write a number that a route leads from, or 2* for all that begin so",
        )
    };
    fits.then(|| text.into()).ok_or_else(wrong)
}

fn timers(sections: Vec<Section<'_>>) -> Vec<Timer> {
    let mut timers: Vec<Timer> = Vec::new();
    let name = |text: &str| match text.is_empty() || text.len() > 64 || text.chars().any(char::is_control) {
        true => {
            Err(Wrong::new(format!("{text:?} is no name"), "write a word of at most 64 letters, as in \"nightly\""))
        }
        false => Ok(text.to_owned()),
    };
    let at = |text: &str| {
        Schedule::read(text).map_err(|wrong| Wrong::new(format!("{text:?}: {}", wrong.reason), wrong.remedy))
    };
    for mut section in sections {
        let place = section.place().clone();
        let given = ["at", "every"].into_iter().filter(|key| section.has(key)).count();
        let named = section.take_parsed("name", name);
        let each = section.take_duration("every", SHORTEST..=Duration::from_secs(7 * 86_400)).map(Schedule::each);
        let at = section.take_parsed("at", at).map(|(schedule, _)| schedule);
        section.close();
        if given != 1 {
            let reason = if given == 0 { "is missing" } else { "is given twice, as every as well" };
            section.object(&place, "at", Wrong::new(reason, "write one of at and every"));
        }
        let Some((name, at_name)) = named else {
            section.object(
                &place,
                "name",
                Wrong::new("is missing", "write what on_timer(name) is told, as in \"nightly\""),
            );
            continue;
        };
        if timers.iter().any(|timer| timer.name == name) || timers.len() >= TIMERS {
            let reason = format!("{name:?} is there twice, or one of more than {TIMERS}");
            section.object(&at_name, "name", Wrong::new(reason, "give it another name"));
        }
        timers.extend(at.or(each).map(|schedule| Timer { name, schedule }));
    }
    timers
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
    fn letters_in_the_wrong_order_are_known_for_what_they_are() {
        let told = read("dail = [\"102\"]\n").expect_err("no such key");
        assert!(told.contains("dail: is unknown") && told.contains("did you mean dial?"), "{told}");
    }

    #[test]
    fn a_manifest_says_what_a_service_may_reach() {
        let rules = read(
            "mail = true\n[http]\nhosts = [\"api.example.org\"]\n[database]\nurl = \"sqlite:shop.db\"\nmode = \"write\"\n",
        );
        let Rules { hosts, database, mail, .. } = rules.expect("a manifest").reach;
        assert_eq!((hosts, mail), (Hosts::read(["api.example.org"]).expect("a host"), true));
        let Database { place, may_write } = database.expect("a database");
        assert_eq!((place.to_string().as_str(), may_write), ("sqlite:scripts/shop.db", true));
        let database =
            read("[database]\nurl_env = \"SHOP\"\n").expect("a manifest").reach.database.expect("a database");
        assert_eq!((database.place.to_string().as_str(), database.may_write), ("postgres://shop:***@db/shop", false));
    }

    #[test]
    fn an_empty_manifest_allows_nothing() {
        let Manifest { leash, reach: Rules { hosts, database, mail, guests }, timers } = read("").expect("a manifest");
        assert_eq!((hosts, database.is_none(), mail), (Hosts::default(), true, false));
        assert_eq!((leash, guests.len(), timers.len()), (LeashRules::default(), 0, 0));
    }

    #[test]
    fn a_manifest_says_when_a_service_is_called_without_a_call_and_whom_its_guests_may_call() {
        let text = "guests = [\"100\"]\n[[timer]]\nname = \"nightly\"\nat = \"03:00 UTC\"\n[[timer]]\nname = \"often\"\nevery = \"15m\"\n";
        let Manifest { reach, timers, .. } = read(text).expect("a manifest");
        let next = |at: usize| timers[at].schedule.next(Duration::from_secs(1)).expect("a moment").as_secs();
        assert_eq!(
            (timers[0].name.as_str(), next(0), timers[1].name.as_str(), next(1)),
            ("nightly", 10_800, "often", 900)
        );
        assert_eq!(reach.guests, [Box::from("100")]);
        for (text, why) in [
            ("[[timer]]\nname = \"a\"", "write one of at and every"),
            ("[[timer]]\nat = \"03:00 UTC\"", "name: is missing"),
            (
                "[[timer]]\nname = \"a\"\nat = \"03:00\"",
                "scripts/ivr.toml:3:6: timer.at: \"03:00\": it names no time zone",
            ),
            ("[[timer]]\nname = \"a\"\nevery = \"1s\"", "every"),
            ("timer = [\"8:00\"]", "timer"),
        ] {
            let Err(told) = read(text) else { panic!("it is wrong: {text}") };
            assert!(told.contains(why), "{text}: {told}");
        }
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
        ] {
            assert_eq!(read(text).err().as_deref(), Some(why), "{text}");
        }
        let told = read("[database]\nurl = \"mysql://a:s3cret@b/c\"").expect_err("no database of ours");
        assert!(told.contains("it names no database that this server knows") && !told.contains("s3cret"), "{told}");
    }
}
