//! The time of a room as lines: who was in and when each talked, who had the floor.

use maud::{Markup, html};
use patchcord_engine::{
    journal::clean,
    room::{Past, Stay},
};

/// Stays that are drawn; the story as JSON has all of them.
const MOST: usize = 200;

/// Widths of a line in units of its own.
const WIDE: f64 = 1000.0;

/// Colours of members, by the order in which they came.
const COLOURS: usize = 5;

/// What a member is called.
pub fn name(stay: &Stay) -> String {
    clean(&stay.called())
}

/// What the member of that number is called.
pub fn named(past: &Past, member: Option<u64>) -> String {
    past.stays.iter().find(|stay| Some(stay.member) == member).map_or_else(String::new, name)
}

/// A moment of the room.
pub fn at(ms: u64) -> String {
    match ms / 3_600_000 {
        0 => format!("{}:{:02}", ms / 60_000, ms / 1000 % 60),
        hours => format!("{hours}:{:02}:{:02}", ms / 60_000 % 60, ms / 1000 % 60),
    }
}

/// All lines: the floor, and below it each stay.
pub fn draw(past: &Past) -> Markup {
    let whole = past.lasted_ms.max(1);
    let colour = |member: u64| past.stays.iter().position(|stay| stay.member == member).unwrap_or_default() % COLOURS;
    html! {
        div.lines data-seconds=(format!("{:.3}", whole as f64 / 1000.0)) {
            div.line {
                span.who-line { strong { "Floor" } }
                (floor(past, whole, colour))
            }
            @for stay in past.stays.iter().take(MOST) {
                div.line {
                    span.who-line {
                        strong { (name(stay)) } " "
                        span.small.muted { (stay.role) ", " (at(stay.came_ms)) "–" (stay.left_ms.map_or_else(|| "now".into(), at)) ", talked " (at(stay.talked_ms)) }
                        @if let Some(call) = stay.call { " " a.small href={ "/calls/" (call) } { "call" } }
                    }
                    (stayed(stay, whole, colour(stay.member)))
                }
            }
            div.line { span.who-line {} (axis(whole)) }
        }
        @if past.stays.len() > MOST { p.empty { (past.stays.len() - MOST) " more were in." } }
    }
}

fn x(ms: u64, whole: u64) -> f64 {
    ms.min(whole) as f64 * WIDE / whole as f64
}

/// A bar of that class from one moment to another.
fn bar(class: &str, from: u64, until: u64, whole: u64, says: &str) -> Markup {
    let (from, until) = (x(from, whole), x(until, whole));
    html! {
        rect class=(class) x=(format!("{from:.1}")) width=(format!("{:.1}", (until - from).max(1.5))) height="10" { title { (says) } }
    }
}

fn line(label: &str, drawn: Markup) -> Markup {
    html! {
        svg.talk-line viewBox={ "0 0 " (WIDE) " 10" } preserveAspectRatio="none" role="img" aria-label=(label) { (drawn) }
    }
}

fn floor(past: &Past, whole: u64, colour: impl Fn(u64) -> usize) -> Markup {
    let had: Vec<_> = past.moments.iter().filter(|moment| moment.what == "floor").collect();
    let parts = html! {
        @for (number, moment) in had.iter().enumerate() {
            @let until = had.get(number + 1).map_or(whole, |next| next.at_ms);
            @let who = named(past, moment.member);
            (bar(&format!("talks leg{}", colour(moment.member.unwrap_or_default())), moment.at_ms, until, whole, &format!("{who}, {} to {}", at(moment.at_ms), at(until))))
        }
    };
    line(&format!("The floor passed {} times", had.len()), parts)
}

fn stayed(stay: &Stay, whole: u64, colour: usize) -> Markup {
    let left = stay.left_ms.unwrap_or(whole);
    let parts = html! {
        (bar("stays", stay.came_ms, left, whole, &format!("in from {} to {}", at(stay.came_ms), at(left))))
        @for (from, until) in &stay.talks {
            (bar(&format!("talks leg{colour}"), *from, *until, whole, &format!("talked from {} to {}", at(*from), at(*until))))
        }
    };
    line(&format!("{} talked {} times", name(stay), stay.talks.len()), parts)
}

/// A few round moments below all lines.
fn axis(whole: u64) -> Markup {
    const STEPS_S: [u64; 14] = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 86_400];
    let step = STEPS_S.iter().map(|step| step * 1000).find(|step| whole / step <= 5).unwrap_or(whole);
    html! {
        svg.time-line width="100%" height="18" aria-hidden="true" {
            @for tick in (0..=whole / step).map(|number| number * step) {
                @let share = x(tick, whole) / WIDE * 100.0;
                text.tick x=(format!("{share:.2}%")) y="13" text-anchor=(if share < 4.0 { "start" } else if share > 94.0 { "end" } else { "middle" }) { (at(tick)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_as_short_as_it_can_be() {
        assert_eq!([at(0), at(61_500), at(3_600_000), at(36_065_000)], ["0:00", "1:01", "1:00:00", "10:01:05"]);
    }

    #[test]
    fn a_bar_stays_on_its_line_and_is_never_too_thin_to_see() {
        let drawn = bar("talks", 900, 99_999, 1000, "").into_string();
        assert!(drawn.contains("x=\"900.0\" width=\"100.0\""), "{drawn}");
        assert!(bar("talks", 5, 5, 1_000_000, "").into_string().contains("width=\"1.5\""));
    }
}
