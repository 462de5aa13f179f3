//! What a test can say, and how it is written: for whoever has mistyped it.

/// Each word, and what it looks like.
const WORDS: [(&str, &str); 60] = [
    ("advance", "t.advance(20.s())"),
    ("after", "phone.after(1.s())"),
    ("answers", "t.endpoint(\"alice\").answers(3.s())"),
    ("answers_and_presses", "t.endpoint(\"alice\").answers_and_presses(\"1\")"),
    ("at", "t.at(\"2026-12-24 10:00 Europe/Berlin\")"),
    ("browser", "t.endpoint(\"alice\").browser()"),
    ("busy", "t.endpoint(\"alice\").busy()"),
    ("db", "t.db(\"select …\").gives([#{ name: \"Ann\" }])"),
    ("dials", "t.phone(\"+33612345678\").dials(\"100\")"),
    ("does_not_hear", "phone.does_not_hear(\"goodbye\")"),
    ("endpoint", "t.endpoint(\"alice\")"),
    ("expect", "t.expect(count == 1, \"there is one\")"),
    ("fails", "t.http(\"GET https://…\").fails(\"it is away\")"),
    ("faults", "t.faults()"),
    ("gives", "t.db(\"select …\").gives([#{ name: \"Ann\" }])"),
    ("group", "t.group(\"sales\", [\"alice\", \"bob\"])"),
    ("hangs_up", "phone.hangs_up()"),
    ("has_number", "t.endpoint(\"bob\").has_number(\"102\")"),
    ("hears", "phone.hears(\"main-menu\", #{ within: 2.s() })"),
    ("hears_keys", "phone.hears_keys(\"12\")"),
    ("hears_nothing", "phone.hears_nothing()"),
    ("holds", "phone.holds()"),
    ("http", "t.http(\"GET https://example.org/*\").replies(200, #{ vip: true })"),
    ("is_answered", "phone.is_answered()"),
    ("is_hung_up", "phone.is_hung_up()"),
    ("is_rejected", "phone.is_rejected(486)"),
    ("is_ringing", "t.endpoint(\"alice\").is_ringing()"),
    ("is_told_of_transfer", "phone.is_told_of_transfer(200)"),
    ("keep", "t.keep(\"key\", 1)"),
    ("ladder", "t.ladder()"),
    ("letters", "t.letters()"),
    ("mailbox", "t.mailbox(\"bob\", #{ pin: \"2468\" })"),
    ("message", "t.message(\"+33612345678\", \"hello\")"),
    ("originate", "t.originate(\"user:alice\", #{ vars: #{ at: \"10:30\" } })"),
    ("outside", "t.outside(\"noun\", #{ answer: 1 })"),
    ("phone", "t.phone(\"+33612345678\")"),
    ("presses", "phone.presses(\"1#\")"),
    ("prompt", "t.prompt(\"menu\", 3.s())"),
    ("reads", "phone.reads(\"hello\")"),
    ("record", "t.record(#{ outcome: \"answered\", talk: 60.s() })"),
    ("register", "t.register(\"alice\", #{ user_agent: \"phone 1\" })"),
    ("rejects", "t.endpoint(\"alice\").rejects(603)"),
    ("replies", "t.http(\"GET https://…\").replies(200, #{ vip: true }, #{ after: 2.s() })"),
    ("requests", "t.requests()"),
    ("resumes", "phone.resumes()"),
    ("rings", "t.endpoint(\"alice\").rings()"),
    ("route", "t.route(\"100\", \"office\")"),
    ("says", "phone.says(\"X-Order\", \"12\")"),
    ("sends_info", "phone.sends_info(\"text/plain\", \"hello\")"),
    ("shows", "phone.shows(\"Ann\")"),
    ("silent", "phone.silent(2.s())"),
    ("speaks", "phone.speaks(4.s())"),
    ("store", "t.store(\"key\")"),
    ("talks_to", "phone.talks_to(\"alice\")"),
    ("timer", "t.timer(\"nightly\")"),
    ("transfers_to", "phone.transfers_to(\"user:bob\")"),
    ("unregistered", "t.endpoint(\"alice\").unregistered()"),
    ("web", "t.web(\"POST\", #{ json: #{ number: \"102\" } })"),
    ("without_prompt", "t.without_prompt(\"menu\")"),
    ("writes", "phone.writes(\"hello\")"),
];

/// Words that people look for, and what does that.
const MEANT: [(&str, &str); 5] = [
    ("mail", "t.letters() are the letters that were sent, t.mailbox(\"bob\") the messages of a mailbox"),
    ("log", "t.ladder() is all that happened, what was logged with the rest"),
    ("wait", "t.advance(5.s()) lets time pass"),
    ("sleep", "t.advance(5.s()) lets time pass"),
    ("assert", "t.expect(x == 1, \"x is 1\") fails where it is not so"),
];

/// Farther apart than this, two words have nothing to do with each other.
const NEAR: f64 = 0.75;

/// Each word.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|(word, _)| *word)
}

/// What is said of a word with these values that there is not, as Rhai has them.
pub(super) fn unknown(name: &str, given: &str) -> String {
    if let Some((_, example)) = WORDS.iter().find(|(word, _)| *word == name) {
        // The first one is whose word it is.
        let given: Vec<String> = given.split(", ").skip(1).map(kind).collect();
        let given = if given.is_empty() { "nothing".into() } else { given.join(", ") };
        return format!("{name} was given {given}; it is written {example}");
    }
    if let Some((_, meant)) = MEANT.iter().find(|(wrong, _)| *wrong == name) {
        return format!("no test knows the word {name}; {meant}");
    }
    let near = WORDS.iter().map(|(word, example)| (strsim::jaro_winkler(word, name), word, example));
    let nearest = near.filter(|(near, ..)| *near > NEAR).max_by(|a, b| a.0.total_cmp(&b.0));
    let meant =
        nearest.map_or_else(String::new, |(_, word, example)| format!("; {word} was meant? It is written {example}"));
    format!("no test knows the word {name}{meant}")
}

/// A type of Rhai, in words.
fn kind(given: &str) -> String {
    match given {
        "&str | ImmutableString | String" => "text".into(),
        "i64" | "f64" => "a number".into(),
        "bool" => "true or false".into(),
        "array" => "a list".into(),
        "map" => "a map".into(),
        "Time" => "a time".into(),
        "()" => "nothing".into(),
        other => other.to_lowercase(),
    }
}
