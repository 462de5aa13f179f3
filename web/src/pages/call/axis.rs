//! The call on one axis of time: a bar for each leg, ringing and talking told apart, and marks for keys, prompts and orders.
//!
//! An SVG whose places are percentages, so that it is as wide as its page and its letters stay as large as they are. Each
//! mark leads to its line in the journal.

use std::time::Duration;

use maud::{Markup, html};
use patchcord_engine::journal::{Entry, LegNumber, Record, What, clean, words};

use super::{super::words::leg_name, colour};

/// Legs that are drawn, and marks of a leg: what more there is stands in the tables.
const MOST_LEGS: usize = 24;
const MOST_MARKS: usize = 400;

/// Heights of a leg's row and of what stands in it.
const ROW: usize = 46;
const LABEL: usize = 14;
const BAR: usize = 20;
const BAR_HEIGHT: usize = 14;
/// Of the axis at the bottom.
const AXIS: usize = 26;

/// See the module.
pub fn draw(record: &Record, entries: &[Entry]) -> Markup {
    let last = entries.last().map_or(Duration::ZERO, |entry| entry.at);
    let whole = record.ended.unwrap_or(last).max(last).max(Duration::from_millis(100));
    let legs: Vec<_> = record.legs.iter().take(MOST_LEGS).collect();
    let height = legs.len() * ROW + AXIS;
    let at = |time: Duration| Scale(whole).at(time);
    let span = |from: Duration, until: Duration| Scale(whole).span(from, until);
    html! {
        svg.axis role="img" width="100%" height=(height) aria-label="The legs of the call over time" {
            @for tick in ticks(whole) {
                line.grid x1=(at(tick)) x2=(at(tick)) y1="0" y2=(height - AXIS + 4) {}
                text.tick x=(at(tick)) y=(height - 6) text-anchor=(anchor(tick, whole)) { (shown(tick)) }
            }
            @for (row, leg) in legs.iter().enumerate() {
                @let top = row * ROW;
                @let end = leg.ended.unwrap_or(whole);
                @let talk = leg.answered.unwrap_or(end);
                text.label x="0" y=(top + LABEL) { (leg_name(record, leg)) }
                g class={ "leg" (colour(leg.leg)) } {
                    rect.waiting x=(at(leg.began)) y=(top + BAR) width=(span(leg.began, talk)) height=(BAR_HEIGHT) rx="3" {
                        title { "called at " (shown(leg.began)) }
                    }
                    @if let Some(rang) = leg.rang.filter(|rang| *rang < talk) {
                        rect.ringing x=(at(rang)) y=(top + BAR) width=(span(rang, talk)) height=(BAR_HEIGHT) rx="3" {
                            title { "rang from " (shown(rang)) " to " (shown(talk)) }
                        }
                    }
                    @if leg.answered.is_some() {
                        rect.talking x=(at(talk)) y=(top + BAR) width=(span(talk, end)) height=(BAR_HEIGHT) rx="3" {
                            title { "answered at " (shown(talk)) ", ended at " (shown(end)) }
                        }
                    }
                    @for (entry, kind) in marks(entries, leg.leg) {
                        a href={ "#n" (entry.number) } {
                            rect class={ "mark " (kind) } x=(at(entry.at)) y=(top + BAR - 3) width="4" height=(BAR_HEIGHT + 6) rx="2" {
                                title { (shown(entry.at)) " " (words(&entry.what)) }
                            }
                            @if let What::Heard { facts, .. } = &entry.what {
                                @if let Some(key) = facts.get("key") {
                                    text.pressed x=(at(entry.at)) dx="7" y=(top + BAR + 11) { (clean(key)) }
                                }
                            }
                        }
                    }
                }
            }
        }
        p.legend.small.muted {
            span.swatch.waiting {} " called "
            span.swatch.ringing {} " ringing "
            span.swatch.talking {} " answered "
            span.swatch.key {} " key "
            span.swatch.verb {} " order of the service"
        }
    }
}

/// Keys that this leg pressed, and orders that are about it. An order about none is the first leg's.
fn marks(entries: &[Entry], leg: LegNumber) -> impl Iterator<Item = (&Entry, &'static str)> {
    let marks = entries.iter().filter_map(move |entry| match &entry.what {
        What::Heard { leg: Some(of), event, .. } if *of == leg && event.contains("key") => Some((entry, "key")),
        What::Verb(verb) if verb.leg.unwrap_or(LegNumber(0)) == leg => Some((entry, "verb")),
        _ => None,
    });
    marks.take(MOST_MARKS)
}

/// From times to places.
struct Scale(Duration);

impl Scale {
    fn share(&self, time: Duration) -> f64 {
        (time.as_secs_f64() / self.0.as_secs_f64()).clamp(0.0, 1.0) * 100.0
    }

    fn at(&self, time: Duration) -> String {
        format!("{:.3}%", self.share(time))
    }

    /// A width; what is too short to be seen is a hair.
    fn span(&self, from: Duration, until: Duration) -> String {
        format!("{:.3}%", (self.share(until) - self.share(from)).max(0.15))
    }
}

/// Some round moments of the axis, the beginning and nearly the end among them.
fn ticks(whole: Duration) -> Vec<Duration> {
    const STEPS_MS: [u64; 18] = [
        20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
        1_800_000, 3_600_000, 14_400_000,
    ];
    /// As many as stand beside each other on a telephone.
    const FEW: u128 = 5;
    let fits = |step: &&u64| whole.as_millis() / u128::from(**step) <= FEW;
    let step = STEPS_MS
        .iter()
        .find(fits)
        .copied()
        .unwrap_or_else(|| u64::try_from(whole.as_millis() / FEW).unwrap_or(u64::MAX).max(1));
    let count = whole.as_millis() / u128::from(step);
    (0..=count).map(|n| Duration::from_millis(step.saturating_mul(n as u64))).collect()
}

fn anchor(tick: Duration, whole: Duration) -> &'static str {
    match Scale(whole).share(tick) {
        ..4.0 => "start",
        96.0.. => "end",
        _ => "middle",
    }
}

/// A moment of the axis: short where it can be.
fn shown(at: Duration) -> String {
    let ms = at.as_millis();
    match ms {
        0 => "0".into(),
        1..1_000 => format!("{ms} ms"),
        1_000..60_000 if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        1_000..60_000 => format!("{:.1} s", at.as_secs_f64()),
        60_000..3_600_000 => format!("{}:{:02} min", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{}:{:02} h", ms / 3_600_000, ms / 60_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_a_few_round_ticks_however_long_it_is() {
        for ms in [1, 99, 1_234, 6_000, 61_000, 3_600_000, 90_000_000] {
            let whole = Duration::from_millis(ms);
            let ticks = ticks(whole);
            assert!((1..=7).contains(&ticks.len()), "{ms}: {ticks:?}");
            assert!(ticks.iter().all(|tick| *tick <= whole) && ticks.is_sorted());
        }
    }

    #[test]
    fn places_stay_on_the_axis() {
        let scale = Scale(Duration::from_secs(10));
        assert_eq!(scale.at(Duration::from_secs(5)), "50.000%");
        assert_eq!(scale.at(Duration::from_secs(11)), "100.000%");
        assert_eq!(scale.span(Duration::from_secs(5), Duration::from_secs(5)), "0.150%");
    }
}
