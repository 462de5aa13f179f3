//! Small things that many pages show: when, who, how it came out.

use std::time::{Duration, SystemTime};

use maud::{Markup, html};
use patchcord_engine::journal::{
    Account, Direction, LegRecord, Outcome, Party, Record, claimed, clean, long, moment, shown,
};

/// A moment, in UTC, as people and programs read it.
pub fn when(at: SystemTime) -> Markup {
    let shown = moment(at);
    let (date, time) = shown.split_once(' ').unwrap_or((&shown, ""));
    let exact = format!("{date}T{time}Z");
    html! { time.nowrap datetime=(exact) title="UTC" { span.date { (date) } " " (time) } }
}

/// Who it is: the number, and behind it what it calls itself, in quotes.
pub fn who(party: &Party) -> Markup {
    let number = shown(party);
    match claimed(party) {
        Some(name) => html! { span.party { span.mono { (number) } " " span.muted.small { (name) } } },
        None => html! { span.party.mono { (number) } },
    }
}

/// How a call came out, in a coloured word.
pub fn badge(outcome: Option<Outcome>) -> Markup {
    let (colour, word) = match outcome {
        None => ("live", "going on".to_owned()),
        Some(outcome) => (colour(outcome), outcome.word().replace('_', " ")),
    };
    html! { span class={ "badge " (colour) } { (word) } }
}

/// Green: they talked. Amber: people did not. Red: something did not work.
pub fn colour(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered | Outcome::Ran => "good",
        Outcome::Busy | Outcome::NoAnswer | Outcome::Rejected | Outcome::Cancelled | Outcome::Screened => "warn",
        Outcome::Unreachable
        | Outcome::NotFound
        | Outcome::Forbidden
        | Outcome::Failed
        | Outcome::Crashed
        | Outcome::Interrupted => "bad",
    }
}

/// How long it lasted, or a dash.
pub fn lasted(record: &Record) -> String {
    record.lasted().map_or_else(|| "–".into(), |time| as_known(record, time))
}

/// A time of a call: where the server stopped in the middle of it, it was that much at least.
pub fn as_known(record: &Record, time: Duration) -> String {
    match record.outcome.is_some() && !record.length_is_known() {
        true => format!("≥ {}", long(time)),
        false => long(time),
    }
}

/// So many bytes, as people say it.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", (bytes + 500) / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// A short time with its thousandths.
pub fn exact(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// What a leg is called on its page: the caller, or whom it rings; several phones of one are told apart by the numbers of their legs.
pub fn leg_name(record: &Record, leg: &LegRecord) -> String {
    let name = party_of(record, leg);
    let like = record.legs.iter().filter(|other| party_of(record, other) == name).count();
    if like > 1 { format!("{name} (leg {})", leg.leg) } else { name }
}

fn party_of(record: &Record, leg: &LegRecord) -> String {
    let is_first = record.legs.first().is_some_and(|first| first.leg == leg.leg);
    match (&leg.account, is_first && leg.direction == Direction::Inbound) {
        (Account::Endpoint(name), _) => clean(name),
        (_, true) => shown(&record.from),
        (Account::Trunk(trunk), _) => format!("{} by {}", shown(&leg.to), clean(trunk)),
        (Account::Stranger, _) => shown(&leg.to),
    }
}
