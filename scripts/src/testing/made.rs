//! A past call as a test: what its parties did becomes what phones do, at the same times, and what came of it what is expected.
//!
//! ```text
//! journal: play welcome ─ key 1 ─ bob rings, answers after 3 s ─ bob hangs up
//! test:    t.endpoint("bob").answers(3.s());
//!          caller.hears("welcome").presses("1"); caller.talks_to(bob); bob.hangs_up();
//! ```
//!
//! It says nothing that the journal does not know. A call that lives by more than itself, as one in a conference, is refused.

use std::collections::BTreeMap;
use std::time::Duration;

use patchcord_engine::journal::{
    Account, By, Direction, Entry, Facts, KEY_TAKEN, LegNumber, LegRecord, Record, SECRET_KEY, Transport, VerbNumber,
    What, clean, moment, sentence,
};

use crate::simulator::limits;

/// Time between two deeds that is not worth a word.
const AT_ONCE: Duration = Duration::from_millis(20);

/// Letters of a line.
const LONGEST: usize = 110;

/// Why a call is no test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMade {
    /// It rang somebody straight away.
    #[error("no script answered this call")]
    NoScript,
    /// Nobody called.
    #[error("the house began this call, and a test of it would begin with whoever began it")]
    Begun,
    /// It goes on.
    #[error("the call is not over")]
    GoesOn,
    /// Others were in it whose calls are other ones.
    #[error("the call was in a conference room, and what happened there is not in its journal alone")]
    Room,
    /// It was joined with another call.
    #[error("a transfer joined the call with another one, which is not in its journal")]
    Joined,
}

/// The text of a file of tests with that call as its only test.
///
/// # Errors
/// When no test can tell what happened.
pub fn test_of(record: &Record, entries: &[Entry]) -> Result<String, NotMade> {
    let service = record.service.as_deref().ok_or(NotMade::NoScript)?;
    if record.outcome.is_none() {
        return Err(NotMade::GoesOn);
    }
    if record.legs.first().is_none_or(|leg| leg.direction == Direction::Outbound) {
        return Err(NotMade::Begun);
    }
    let joined = |entry: &Entry| match &entry.what {
        What::EnteredRoom { .. } => Some(NotMade::Room),
        What::Verb(verb) if matches!(&*verb.name, "join" | "room") => Some(NotMade::Room),
        What::Heard { event, .. } if event == "replaced" => Some(NotMade::Joined),
        _ => None,
    };
    entries.iter().find_map(joined).map_or(Ok(()), Err)?;
    let mut made = Made::new(record, entries);
    made.set(entries);
    entries.iter().for_each(|entry| made.hear(entry));
    Ok(made.text(service))
}

/// A test in the making.
struct Made<'a> {
    record: &'a Record,
    /// What stands before the call: phones, prompts.
    before: Vec<String>,
    lines: Vec<String>,
    /// How far the lines have come.
    clock: Duration,
    /// Prompts that the caller was to hear and no line has taken yet.
    prompts: Vec<(Duration, String)>,
    /// The names of phones in the test, by leg.
    names: BTreeMap<LegNumber, String>,
    results: BTreeMap<VerbNumber, (Duration, &'a str, &'a Facts)>,
    /// Until when the caller's keys are taken by a gather, and whether one was pressed before a gather asked.
    gathers_until: Duration,
    typed_ahead: bool,
    /// What keys were that are told only where they were taken, by their entry.
    told_later: BTreeMap<u32, String>,
    /// Whether the caller is still there.
    there: bool,
    /// Parts of the world that the service asked.
    asked: Vec<String>,
}

impl<'a> Made<'a> {
    fn new(record: &'a Record, entries: &'a [Entry]) -> Self {
        let results = entries.iter().filter_map(|entry| match &entry.what {
            What::Result { verb, status, facts } => Some((*verb, (entry.at, &**status, facts))),
            _ => None,
        });
        Self {
            record,
            before: Vec::new(),
            lines: Vec::new(),
            clock: Duration::ZERO,
            prompts: Vec::new(),
            names: BTreeMap::from([(LegNumber(0), "caller".to_owned())]),
            results: results.collect(),
            gathers_until: Duration::ZERO,
            typed_ahead: false,
            told_later: told_later(entries),
            there: true,
            asked: Vec::new(),
        }
    }

    /// What there was before anybody called.
    fn set(&mut self, entries: &[Entry]) {
        self.before.push(format!("t.at({});", quoted(&format!("{} UTC", moment(self.record.began)))));
        self.set_prompts(entries);
        let targets: Vec<&str> = entries.iter().filter_map(targets).flatten().collect();
        let mut known = Vec::new();
        for leg in self.record.legs.iter().skip(1) {
            let user = called(leg, &targets);
            if known.contains(&user) {
                continue;
            }
            let name = variable(&user, &self.names);
            let is_used = leg.answered.is_some();
            let begin = if is_used { format!("let {name} = ") } else { String::new() };
            self.before.push(format!("{begin}t.endpoint({}){}.{};", quoted(&user), page(leg), manner(leg)));
            for other in self.record.legs.iter().skip(1).filter(|other| called(other, &targets) == user) {
                self.names.insert(other.leg, name.clone());
            }
            known.push(user);
        }
        for target in targets {
            let named = NAMED.iter().find_map(|kind| target.strip_prefix(kind));
            if let Some(user) = named.filter(|user| !known.iter().any(|known| known == user)) {
                self.before.push(format!("t.endpoint({}).unregistered();", quoted(user)));
                known.push(user.to_owned());
            }
        }
    }

    /// How long prompts are, where one was played alone to its end.
    fn set_prompts(&mut self, entries: &[Entry]) {
        let mut known = Vec::new();
        for entry in entries {
            let What::Verb(verb) = &entry.what else { continue };
            let Some((until, "done", _)) = self.results.get(&verb.id) else { continue };
            let is_one = verb.name == "play" && !verb.arguments.is_empty() && !verb.arguments.contains([',', ':']);
            let long = until.saturating_sub(entry.at);
            if is_one && !known.contains(&&verb.arguments) && long > AT_ONCE {
                self.before.push(format!("t.prompt({}, {});", quoted(&verb.arguments), time(long)));
                known.push(&verb.arguments);
            }
        }
    }

    fn hear(&mut self, entry: &Entry) {
        match &entry.what {
            What::Verb(verb) => self.ordered(entry.at, verb),
            What::Heard { leg: Some(leg), event, facts } => self.happened(entry, *leg, event, facts),
            What::Held(leg) => self.does(entry.at, *leg, "holds()"),
            What::Resumed(leg) => self.does(entry.at, *leg, "resumes()"),
            What::Bridged(one, other) if one.0 == 0 => {
                if let Some(name) = self.names.get(other).cloned() {
                    self.go_to(entry.at);
                    self.word("caller", &format!("talks_to({name})"));
                }
            }
            What::LegEnded { leg, cause } => match (cause.by, leg.0) {
                (By::Caller, 0) => {
                    self.does(entry.at, *leg, "hangs_up()");
                    self.there = false;
                }
                (By::Callee, 1..) if self.record.leg(*leg).is_some_and(|leg| leg.answered.is_some()) => {
                    self.does(entry.at, *leg, "hangs_up()");
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn ordered(&mut self, at: Duration, verb: &patchcord_engine::journal::Verb) {
        let first = verb.leg.is_none_or(|leg| leg.0 == 0);
        match &*verb.name {
            "play" | "start_play" | "gather" if first => {
                let prompts = match &*verb.name {
                    // Behind the last colon stands how many keys are wanted.
                    "gather" => verb.arguments.rsplit_once(": ").map_or("", |(prompts, _)| prompts),
                    _ => &verb.arguments,
                };
                let mut failed = self.results.get(&verb.id).is_some_and(|(_, status, _)| *status == "failed");
                if verb.name == "gather" {
                    self.gathers_until = self.results.get(&verb.id).map_or(Duration::MAX, |(until, ..)| *until);
                    // Whoever has pressed already does not hear what to press.
                    failed |= std::mem::take(&mut self.typed_ahead);
                }
                if let Some(prompt) = prompts.split(", ").next().filter(|prompt| !prompt.is_empty() && !failed) {
                    self.prompts.push((at, prompt.to_owned()));
                }
            }
            "record" if first => {
                let spoke = self.results.get(&verb.id).and_then(|(_, _, facts)| facts.get("ms")?.parse().ok());
                if let Some(ms) = spoke.filter(|ms| *ms > 0) {
                    self.go_to(at);
                    self.say(LegNumber(0), &format!("speaks({})", time(Duration::from_millis(ms))));
                    self.clock += Duration::from_millis(ms);
                }
            }
            "errand" if !self.asked.iter().any(|noun| **noun == *verb.arguments) => {
                self.asked.push(verb.arguments.to_string());
            }
            _ => {}
        }
    }

    fn happened(&mut self, entry: &Entry, leg: LegNumber, event: &str, facts: &Facts) {
        let at = entry.at;
        match event {
            "key" => {
                let Some(key) = facts.get("digit") else { return };
                // What it was nobody knows, unless it is told later: another key stands for it.
                let told = self.told_later.get(&entry.number).cloned();
                let key = told.unwrap_or_else(|| if key == SECRET_KEY { "0".to_owned() } else { key.to_owned() });
                self.typed_ahead |= leg.0 == 0 && at > self.gathers_until;
                // The journal says when it was released.
                let held = facts.get("ms").and_then(|ms| ms.parse().ok()).map_or(limits::KEY, Duration::from_millis);
                let via = match facts.get("via") {
                    Some(via @ ("info" | "inband")) => format!(", #{{ via: {} }}", quoted(via)),
                    _ => String::new(),
                };
                self.does(at.saturating_sub(held), leg, &format!("presses({}{via})", quoted(&key)));
                self.clock += 2 * limits::KEY;
            }
            "refer" => {
                let to = facts.get("to").unwrap_or_default().to_owned();
                self.does(at, leg, &format!("transfers_to({})", quoted(&to)));
            }
            "info" | "message" => self.lines.push(format!("// It sent {event}; what stood in it is not kept.")),
            _ => {}
        }
    }

    /// A party does something at a time.
    fn does(&mut self, at: Duration, leg: LegNumber, deed: &str) {
        self.go_to(at);
        self.say(leg, deed);
    }

    fn say(&mut self, leg: LegNumber, deed: &str) {
        if let Some(name) = self.names.get(&leg).cloned() {
            self.word(&name, deed);
        }
    }

    /// A word of a phone; behind one of the same phone it stands in the same line.
    fn word(&mut self, name: &str, word: &str) {
        let begin = format!("{name}.");
        match self.lines.last_mut().filter(|last| last.starts_with(&begin) && last.len() + word.len() < LONGEST) {
            Some(last) => {
                last.pop();
                *last += &format!(".{word};");
            }
            None => self.lines.push(format!("{begin}{word};")),
        }
    }

    /// Time passes until then; what the caller began to hear by then is expected.
    fn go_to(&mut self, at: Duration) {
        let wait = at.saturating_sub(self.clock);
        if wait > AT_ONCE {
            self.lines.push(format!("t.advance({});", time(wait)));
            self.clock = at;
        }
        let heard: Vec<String> =
            self.prompts.extract_if(.., |(begun, _)| *begun + AT_ONCE < at).map(|(_, it)| it).collect();
        if self.there && !heard.is_empty() {
            for prompt in heard {
                self.word("caller", &format!("hears({})", quoted(&prompt)));
            }
        }
    }

    fn text(mut self, service: &str) -> String {
        let record = self.record;
        let end = record.ended.unwrap_or(self.clock);
        if self.there {
            self.go_to(end);
            let refused =
                record.legs.first().and_then(|leg| leg.cause.as_ref()?.sip).filter(|_| record.answered.is_none());
            let end = refused.map_or_else(|| "is_hung_up()".to_owned(), |status| format!("is_rejected({status})"));
            self.word("caller", &end);
        }
        let asked = match self.asked.is_empty() {
            true => String::new(),
            false => format!(
                "    // The service asked the world outside ({}), whose answers are for you to say: see docs/scripting.md.\n",
                self.asked.join(", ")
            ),
        };
        let tags = record.tags.iter().map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)));
        let tags = tags.collect::<Vec<_>>().join(", ");
        let tags = if tags.is_empty() { tags } else { format!(", tags: #{{ {tags} }}") };
        let by = record.end.as_ref().map_or(String::new(), |end| format!(", ended_by: {}", quoted(end.by.word())));
        let outcome = record.outcome.map_or("", |outcome| outcome.word());
        let shown = record.from.name.as_deref().map(|name| format!(".shows({})", quoted(name))).unwrap_or_default();
        let shown = record.legs.first().map_or("", page).to_owned() + shown.as_str();
        // Whoever dials a name means a service of that name, where no test says otherwise.
        let called = &*record.to.number;
        let is_named = called.starts_with(char::is_alphabetic) && called != service;
        let routed =
            if is_named { format!("    t.route({}, {});\n", quoted(called), quoted(service)) } else { String::new() };
        let body: String = self.before.iter().map(|line| format!("    {line}\n")).collect();
        let lines: String = self.lines.iter().map(|line| format!("    {line}\n")).collect();
        let name: String = record.call.to_string();
        format!(
            "// {}\n// Call {name}, {} UTC, service {service}.\nfn test_call_{name}(t) {{\n{body}{asked}{routed}    \
             let caller = t.{}({}){shown};\n    caller.dials({});\n{lines}    \
             t.record(#{{ outcome: {}{by}{tags} }});\n}}\n",
            clean(&sentence(record)),
            moment(record.began),
            // A name is one of this house; a number may be anybody's.
            if record.from.number.starts_with(|first: char| first.is_ascii_alphabetic()) {
                "endpoint"
            } else {
                "phone"
            },
            quoted(&record.from.number),
            quoted(&record.to.number),
            quoted(outcome),
        )
    }
}

/// Keys that were pressed before anything was asked, and which were told when somebody took them who wants no secret.
fn told_later(entries: &[Entry]) -> BTreeMap<u32, String> {
    let mut waiting: Vec<(LegNumber, u32)> = Vec::new();
    let mut told = BTreeMap::new();
    for entry in entries {
        let What::Heard { leg: Some(leg), event, facts } = &entry.what else { continue };
        let Some(digit) = facts.get("digit") else { continue };
        if event == "key" && digit == SECRET_KEY {
            waiting.push((*leg, entry.number));
        } else if event == KEY_TAKEN
            && let Some(at) = waiting.iter().position(|(of, _)| of == leg)
        {
            told.insert(waiting.remove(at).1, digit.to_owned());
        }
    }
    told
}

/// Whom a verb rings.
fn targets(entry: &Entry) -> Option<impl Iterator<Item = &str>> {
    match &entry.what {
        What::Verb(verb) if matches!(&*verb.name, "dial" | "call_out" | "transfer") => Some(verb.arguments.split(", ")),
        _ => None,
    }
}

/// How targets begin that name an endpoint.
const NAMED: [&str; 2] = ["user:", "browser:"];

/// As whom a leg was called: as the script named it.
fn called(leg: &LegRecord, targets: &[&str]) -> String {
    let by_number = |target: &&str| NAMED.iter().any(|kind| target.strip_prefix(kind) == Some(&*leg.to.number));
    match &leg.account {
        Account::Endpoint(user) if !targets.iter().any(by_number) => user.to_string(),
        _ => leg.to.number.to_string(),
    }
}

/// Whether a phone was a page.
fn page(leg: &LegRecord) -> &'static str {
    if matches!(leg.transport, Transport::Ws | Transport::Wss) { ".browser()" } else { "" }
}

/// What a phone does when it is called.
fn manner(leg: &LegRecord) -> String {
    let sip = leg.cause.as_ref().filter(|cause| cause.by == By::Callee).and_then(|cause| cause.sip);
    match (leg.answered, sip) {
        (Some(answered), _) => format!("answers({})", time(answered.saturating_sub(leg.began))),
        (None, Some(486 | 600)) => "busy()".into(),
        (None, Some(480 | 404 | 410)) => "unregistered()".into(),
        (None, Some(status)) => format!("rejects({status})"),
        (None, None) => "rings()".into(),
    }
}

/// A name for a phone that none other has.
fn variable(user: &str, names: &BTreeMap<LegNumber, String>) -> String {
    let plain: String =
        user.chars().map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '_' }).collect();
    let plain =
        if plain.starts_with(|first: char| first.is_ascii_lowercase()) { plain } else { format!("phone_{plain}") };
    let taken =
        |name: &String| names.values().any(|known| known == name) || matches!(name.as_str(), "t" | "fn" | "let");
    if taken(&plain) { format!("{plain}_{}", names.len()) } else { plain }
}

/// A time as scripts write it.
fn time(long: Duration) -> String {
    match long.as_millis() {
        ms if ms % 1000 == 0 => format!("{}.s()", ms / 1000),
        ms => format!("{ms}.ms()"),
    }
}

/// A text as scripts write it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", clean(text).replace('\\', "\\\\").replace('"', "\\\""))
}
