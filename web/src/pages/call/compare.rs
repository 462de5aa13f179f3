//! Two messages of a call side by side: which lines are the same, which went, which came, and what within a line is other.

use maud::{Markup, html};
use patchcord_engine::journal::{Entry, What, label};
use serde::Deserialize;

use super::super::words::exact;

/// Lines of a message that are compared: ten times those of a long INVITE. What is beyond is told, and not compared.
const MOST_LINES: usize = 600;

/// The two messages that somebody chose, by their numbers in the journal.
#[derive(Default, Deserialize)]
pub struct Chosen {
    /// The one.
    pub one: Option<u32>,
    /// What it is compared with.
    pub other: Option<u32>,
}

/// A line of the comparison.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    Come(&'a str),
    /// The same header, otherwise.
    Changed(&'a str, &'a str),
}

/// The card, once two messages of the call are chosen.
pub fn card(entries: &[Entry], chosen: &Chosen) -> Markup {
    let message = |number: Option<u32>| {
        let entry = entries.iter().find(|entry| Some(entry.number) == number)?;
        match &entry.what {
            What::Message { text, .. } => Some((entry, text.shown())),
            _ => None,
        }
    };
    let (Some((one, then)), Some((other, now))) = (message(chosen.one), message(chosen.other)) else { return html! {} };
    let lines = compared(&then, &now);
    let differ = lines.iter().filter(|line| !matches!(line, Line::Same(_))).count();
    let named = |entry: &Entry, text: &str| format!("{} at {}", label(text), exact(entry.at));
    html! {
        section.card.flush #compared {
            h2 { "What differs" }
            p.compared.small.muted {
                "− " a href={ "#m" (one.number) } { (named(one, &then)) } " + " a href={ "#m" (other.number) } { (named(other, &now)) }
                @if differ == 0 { ": nothing" } @else { ": " (differ) " of " (lines.len()) " lines" }
            }
            div.diff.mono { @for line in &lines { (drawn(line)) } }
            @if then.lines().count().max(now.lines().count()) > MOST_LINES {
                p.empty { "Only the first " (MOST_LINES) " lines are compared." }
            }
        }
    }
}

/// What differs between two texts, line by line.
pub fn lines_of(then: &str, now: &str) -> Markup {
    let lines = compared(then, now);
    html! {
        @if lines.iter().all(|line| matches!(line, Line::Same(_))) { p.empty { "Nothing." } }
        div.diff.mono { @for line in &lines { (drawn(line)) } }
    }
}

fn drawn(line: &Line<'_>) -> Markup {
    let row = |kind: &str, sign: &str, text: Markup| html! { div class=(kind) { span aria-hidden="true" { (sign) } code { (text) } } };
    match line {
        Line::Same(text) => row("same", " ", html! { (text) }),
        Line::Gone(text) => row("gone", "−", html! { del { (text) } }),
        Line::Come(text) => row("come", "+", html! { ins { (text) } }),
        Line::Changed(then, now) => {
            let (start, end) = shared(then, now);
            let marked = |text: &str, gone: bool| {
                let (head, rest) = text.split_at(start);
                let (middle, tail) = rest.split_at(rest.len() - end);
                html! { (head) @if gone { del { (middle) } } @else { ins { (middle) } } (tail) }
            };
            html! { (row("gone", "−", marked(then, true))) (row("come", "+", marked(now, false))) }
        }
    }
}

/// Bytes that two texts share at their beginning, and at their end, at borders of letters.
fn shared(one: &str, other: &str) -> (usize, usize) {
    let same = |(one, other): &(char, char)| one == other;
    let start: usize = one.chars().zip(other.chars()).take_while(same).map(|(letter, _)| letter.len_utf8()).sum();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.chars().rev().zip(other.chars().rev()).take_while(same).map(|(letter, _)| letter.len_utf8()).sum();
    (start, end)
}

/// The lines of both, with as many the same as can be (the longest common subsequence).
fn compared<'a>(then: &'a str, now: &'a str) -> Vec<Line<'a>> {
    let (then, now): (Vec<&str>, Vec<&str>) =
        (then.lines().take(MOST_LINES).collect(), now.lines().take(MOST_LINES).collect());
    let wide = now.len() + 1;
    // How many lines are the same from here to the end of both.
    let mut same = vec![0_u16; (then.len() + 1) * wide];
    for i in (0..then.len()).rev() {
        for j in (0..now.len()).rev() {
            same[i * wide + j] = match then[i] == now[j] {
                true => same[(i + 1) * wide + j + 1] + 1,
                false => same[(i + 1) * wide + j].max(same[i * wide + j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    while i < then.len() || j < now.len() {
        if i < then.len() && j < now.len() && then[i] == now[j] {
            paired(&mut gone, &mut come, &mut lines);
            lines.push(Line::Same(then[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == now.len() || (i < then.len() && same[(i + 1) * wide + j] >= same[i * wide + j + 1]) {
            gone.push(then[i]);
            i += 1;
        } else {
            come.push(now[j]);
            j += 1;
        }
    }
    paired(&mut gone, &mut come, &mut lines);
    lines
}

/// What went and what came between two lines that are the same: a header that is in both has changed.
fn paired<'a>(gone: &mut Vec<&'a str>, come: &mut Vec<&'a str>, lines: &mut Vec<Line<'a>>) {
    let mut next = 0;
    for then in gone.drain(..) {
        match come[next..].iter().position(|now| is_one_header(then, now)) {
            Some(at) => {
                lines.extend(come[next..next + at].iter().map(|line| Line::Come(line)));
                lines.push(Line::Changed(then, come[next + at]));
                next += at + 1;
            }
            None => lines.push(Line::Gone(then)),
        }
    }
    lines.extend(come.drain(..).skip(next).map(Line::Come));
}

/// Whether both lines say the same header, or the same line of a description, with other values.
fn is_one_header(one: &str, other: &str) -> bool {
    // Attributes of a description all begin alike; what they are stands behind.
    let name = |line: &str| match line.strip_prefix("a=") {
        Some(attribute) => attribute.find(':').map(|at| line[..at + 2].to_owned()),
        None => line.find([':', '=']).map(|at| line[..at].to_ascii_lowercase()),
    };
    name(one).is_some_and(|of| name(other) == Some(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_changed_is_one_line_and_what_went_and_came_are_others() {
        let then = "INVITE sip:a SIP/2.0\r\nVia: x;branch=1\r\nCSeq: 1 INVITE\r\nSubject: lunch\r\n";
        let now = "INVITE sip:a SIP/2.0\r\nVia: x;branch=2\r\nCSeq: 1 INVITE\r\nRequire: 100rel\r\n";
        assert_eq!(
            compared(then, now),
            [
                Line::Same("INVITE sip:a SIP/2.0"),
                Line::Changed("Via: x;branch=1", "Via: x;branch=2"),
                Line::Same("CSeq: 1 INVITE"),
                Line::Gone("Subject: lunch"),
                Line::Come("Require: 100rel"),
            ]
        );
    }

    #[test]
    fn attributes_of_descriptions_are_held_against_those_of_the_same_name() {
        let lines = compared("a=setup:actpass\r\na=mid:0\r\n", "a=ice-lite\r\na=setup:passive\r\na=mid:0\r\n");
        assert_eq!(
            lines,
            [Line::Come("a=ice-lite"), Line::Changed("a=setup:actpass", "a=setup:passive"), Line::Same("a=mid:0")]
        );
    }

    #[test]
    fn within_a_line_only_what_is_other_is_marked_also_between_letters_of_several_bytes() {
        let drawn = drawn(&Line::Changed("From: Müller <a>", "From: Möller <a>")).into_string();
        assert!(drawn.contains("From: M<del>ü</del>ller"), "{drawn}");
        assert!(drawn.contains("From: M<ins>ö</ins>ller"), "{drawn}");
        assert_eq!(shared("aaa", "aa"), (2, 0));
    }

    #[test]
    fn nothing_differs_between_a_message_and_itself_and_no_message_is_too_long() {
        let long = "a: b\r\n".repeat(5_000);
        let lines = compared(&long, &long);
        assert_eq!(lines.len(), MOST_LINES);
        assert!(lines.iter().all(|line| matches!(line, Line::Same(_))));
    }
}
