//! Who sent which SIP message to whom and when: a line for each party, an arrow for each message, and its text behind a click.
//!
//! Each message is a row that opens, so it needs no script; the upright lines are drawn row by row and meet.

use maud::{Markup, html};
use patchcord_engine::journal::{Entry, LegNumber, Record, SipText, Way, What, label};

use super::{
    super::words::{exact, leg_name},
    colour,
    compare::Chosen,
};

/// Messages that are drawn. Whoever wants more takes the files.
const MOST_STEPS: usize = 400;

/// Parties that are drawn: beyond, nothing can be read.
const MOST_LINES: usize = 8;

struct Step<'a> {
    entry: &'a Entry,
    leg: LegNumber,
    way: Way,
    text: &'a SipText,
}

/// The card with the ladder; says so when messages are not shown. Two of them may be chosen, to see what differs.
pub fn card(record: &Record, entries: &[Entry], may: bool, chosen: &Chosen) -> Markup {
    let steps: Vec<Step<'_>> = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Message { leg, way, text } => Some(Step { entry, leg: *leg, way: *way, text }),
            _ => None,
        })
        .collect();
    let mut legs: Vec<LegNumber> = Vec::new();
    for step in &steps {
        if !legs.contains(&step.leg) && legs.len() < MOST_LINES {
            legs.push(step.leg);
        }
    }
    let drawn = steps.iter().filter(|step| legs.contains(&step.leg));
    let beyond = steps.len().saturating_sub(MOST_STEPS);
    html! {
        section.card.flush.ladder {
            div.title {
                h2 { "Messages" }
                @if may && steps.len() > 1 {
                    form #compare method="get" action={ "/calls/" (record.call) "#compared" } { button type="submit" { "Compare two" } }
                }
            }
            @if !may { p.empty { "The text of messages is not shown to you." } }
            @else if steps.is_empty() { p.empty { "No message was kept." } }
            @else {
                div.scroll {
                    div.steps.many[legs.len() > 2] {
                        (heads(record, &legs))
                        @for (at, step) in drawn.take(MOST_STEPS).enumerate() { (row(step, &legs, chosen, at)) }
                    }
                }
            }
            @if beyond > 0 { p.empty { (beyond) " more messages are in the text and pcap files." } }
        }
    }
}

/// Where a line stands, of all with ours.
fn place(line: usize, lines: usize) -> String {
    format!("{:.2}%", (line as f64 + 0.5) * 100.0 / lines as f64)
}

/// The line of a leg: the first is left of ours, the others right of it.
fn line(leg: LegNumber, legs: &[LegNumber]) -> usize {
    match legs.iter().position(|known| *known == leg) {
        Some(0) | None => 0,
        Some(place) => place + 1,
    }
}

fn heads(record: &Record, legs: &[LegNumber]) -> Markup {
    let name = |leg: LegNumber| record.leg(leg).map_or_else(|| format!("leg {leg}"), |found| leg_name(record, found));
    let mut names: Vec<String> = legs.iter().map(|leg| name(*leg)).collect();
    names.insert(1.min(names.len()), "Patchcord".into());
    let lines = names.len();
    html! {
        div.step.heads {
            span {}
            svg width="100%" height="30" aria-hidden="true" {
                @for (at, name) in names.iter().enumerate() {
                    text.name x=(place(at, lines)) y="20" text-anchor="middle" { (shortened(name)) }
                }
            }
        }
    }
}

fn shortened(name: &str) -> String {
    const LETTERS: usize = 18;
    match name.chars().count() > LETTERS {
        true => name.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => name.into(),
    }
}

fn row(step: &Step<'_>, legs: &[LegNumber], chosen: &Chosen, at: usize) -> Markup {
    let lines = legs.len() + 1;
    let (theirs, ours) = (line(step.leg, legs), 1);
    let (from, to) = if step.way == Way::Theirs { (theirs, ours) } else { (ours, theirs) };
    let middle = (from + to) as f64 / 2.0;
    let told = label(&step.text.shown());
    let head = if to > from { "-7,-4 0,0 -7,4" } else { "7,-4 0,0 7,4" };
    let kind = if told.starts_with(['4', '5', '6']) { "failing" } else { "" };
    let (one, other) = (
        chosen.one.map_or(at == 0, |one| one == step.entry.number),
        chosen.other.map_or(at == 1, |other| other == step.entry.number),
    );
    let pick = |name: &str, chosen: bool, says: &str| {
        let says = format!("{says} {told}, {}", exact(step.entry.at));
        html! { input type="radio" name=(name) value=(step.entry.number) form="compare" checked[chosen] aria-label=(says) title=(says); }
    };
    html! {
        div.rung #{ "m" (step.entry.number) } {
        span.pick { (pick("one", one, "Compare")) (pick("other", other, "with")) }
        details {
            summary.step {
                span.mono.muted { (exact(step.entry.at)) }
                svg class={ "leg" (colour(step.leg)) " " (kind) } width="100%" height="34" role="img" aria-label=(told) {
                    @for line in 0..lines { line.upright x1=(place(line, lines)) x2=(place(line, lines)) y1="0" y2="34" {} }
                    line.arrow x1=(place(from, lines)) x2=(place(to, lines)) y1="24" y2="24" {}
                    svg.over x=(place(to, lines)) y="24" { polyline.arrow points=(head) {} }
                    text.what x={ (format!("{:.2}%", (middle + 0.5) * 100.0 / lines as f64)) } y="17" text-anchor="middle" { (told) }
                }
            }
            pre.sip { (step.text.shown()) @if step.text.left_out() > 0 { "\n… " (step.text.left_out()) " bytes more" } }
        }
        }
    }
}
