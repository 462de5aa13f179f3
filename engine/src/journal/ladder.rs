//! Who sent which SIP message to whom and when, drawn for a terminal.
//!
//! ```text
//!                Alice              Patchcord             Bob's phone
//!      0.000 s     │─── INVITE (sdp) ───▶│                     │
//!      0.004 s     │                     │─── INVITE (sdp) ───▶│
//!      1.002 s     │                     │◀──── 180 (INVITE) ──│
//! ```
//!
//! One column for each leg, and one for us between the caller's and the others. It reads only the entries, and draws
//! what it finds: a message of a leg that nobody told of has a column all the same.

use std::fmt::Write;

use super::{
    entry::{Direction, Entry, LegNumber, Way, What},
    party::Account,
    record::Record,
    sentence::{caller, clean, shown},
};

/// Messages that are drawn. Whoever wants more reads the journal.
pub const MAX_STEPS: usize = 2_000;

/// Columns that the time takes.
const TIME: usize = 12;

/// Narrowest distance of two lines: the longest of the usual labels still fits.
const NARROWEST: usize = 16;

/// Widest: beyond, the eye no longer follows.
const WIDEST: usize = 28;

/// Our own line.
const US: &str = "Patchcord";

/// The ladder of a call, fitted into that many columns where that is possible.
pub fn ladder(record: &Record, entries: &[Entry], columns: usize) -> String {
    let messages = || {
        entries.iter().filter_map(|entry| match &entry.what {
            What::Message { leg, way, text } => Some((entry.at, *leg, *way, text)),
            _ => None,
        })
    };
    let lines = Lines::new(record, messages().map(|(_, leg, ..)| leg), columns);
    if lines.legs.is_empty() {
        return String::new();
    }
    let mut drawn = lines.heads();
    for (at, leg, way, text) in messages().take(MAX_STEPS) {
        let time = format!("{:>8.3} s", at.as_secs_f64());
        let label = label(&text.shown());
        let _infallible = writeln!(drawn, "{time:<TIME$}{}", lines.step(leg, way, &label));
    }
    match messages().count().saturating_sub(MAX_STEPS) {
        0 => {}
        more => drawn += &format!("{:TIME$}… {more} messages more\n", ""),
    }
    drawn
}

/// What a message is, in a word or two: `INVITE (sdp)`, `180 (INVITE)`.
pub fn label(text: &str) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ');
    let sdp = if body.starts_with("v=0") { "sdp" } else { "" };
    let (what, of) = match (words.next(), words.next()) {
        (Some("SIP/2.0"), Some(status)) => {
            let sequence = lines.find_map(|line| line.strip_prefix("CSeq:").or_else(|| line.strip_prefix("cseq:")));
            (status, sequence.and_then(|sequence| sequence.split_whitespace().nth(1)).unwrap_or_default())
        }
        (method, _) => (method.unwrap_or_default(), ""),
    };
    let beside: Vec<&str> = [of, sdp].into_iter().filter(|word| !word.is_empty()).collect();
    match beside.is_empty() {
        true => clean(what),
        false => clean(&format!("{what} ({})", beside.join(", "))),
    }
}

/// The upright lines: which leg is where.
struct Lines {
    /// The legs in the order of their lines, ours left out.
    legs: Vec<(LegNumber, String)>,
    /// Columns from one line to the next.
    distance: usize,
}

impl Lines {
    fn new(record: &Record, spoken: impl Iterator<Item = LegNumber>, columns: usize) -> Self {
        let spoken: Vec<LegNumber> = spoken.collect();
        let mut legs: Vec<(LegNumber, String)> = Vec::new();
        for leg in record.legs.iter().filter(|leg| spoken.contains(&leg.leg)) {
            let name = match (&leg.account, legs.is_empty() && leg.direction == Direction::Inbound) {
                (_, true) => caller(record),
                (Account::Endpoint(name), _) => clean(name),
                (Account::Trunk(name), _) => format!("trunk {}", clean(name)),
                (Account::Stranger, _) => shown(&leg.to),
            };
            legs.push((leg.leg, name));
        }
        for leg in spoken {
            if !legs.iter().any(|(known, _)| *known == leg) {
                legs.push((leg, format!("leg {leg}")));
            }
        }
        // Half a distance stands on either side.
        let distance = columns.saturating_sub(TIME) / (legs.len() + 1).max(1);
        Self { legs, distance: distance.clamp(NARROWEST, WIDEST) }
    }

    /// The line of a leg: the first is left of ours, the others right of it.
    fn line(&self, leg: LegNumber) -> usize {
        match self.legs.iter().position(|(known, _)| *known == leg) {
            Some(0) | None => 0,
            Some(place) => place + 1,
        }
    }

    /// The names above the lines.
    fn heads(&self) -> String {
        let mut names: Vec<&str> = self.legs.iter().map(|(_, name)| name.as_str()).collect();
        names.insert(1, US);
        let width = self.distance - 1;
        let heads = names.iter().map(|name| {
            let short: String = match name.chars().count() > width {
                true => name.chars().take(width - 1).chain(['…']).collect(),
                false => (*name).into(),
            };
            format!("{short:^width$} ")
        });
        let heads: String = heads.collect();
        format!("{:TIME$}{}\n", "", heads.trim_end())
    }

    /// One message as an arrow between its leg's line and ours.
    fn step(&self, leg: LegNumber, way: Way, label: &str) -> String {
        let (line, ours) = (self.line(leg), 1);
        let (left, right) = (line.min(ours), line.max(ours));
        let rightwards = (way == Way::Theirs) == (line < ours);
        let middle =
            |line: usize| self.distance / 2 - usize::from(self.distance.is_multiple_of(2)) + line * self.distance;
        let lines = self.legs.len() + 1;
        let mut drawn = vec![' '; middle(lines - 1) + 1];
        (0..lines).for_each(|line| drawn[middle(line)] = '│');
        let span = middle(left) + 1..middle(right);
        drawn[span.clone()].fill('─');
        match rightwards {
            true => drawn[span.end - 1] = '▶',
            false => drawn[span.start] = '◀',
        }
        // A blank on either side, a dash, and the head of the arrow.
        let room = span.len().saturating_sub(4);
        let short: String = label.chars().take(room).collect();
        let text = format!(" {short} ");
        let start = span.start + (span.len() - text.chars().count()) / 2;
        drawn[start..].iter_mut().zip(text.chars()).for_each(|(place, letter)| *place = letter);
        drawn.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
