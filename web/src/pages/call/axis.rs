//! The call on one axis of time: what the service said, and for each leg when it rang and talked, its keys and messages, how loud it
//! was and how well it was heard.
//!
//! An SVG whose places are percentages, so that it is as wide as its page and its letters stay as large as they are. Each
//! mark leads to its line in the journal; a click elsewhere is heard, where it was recorded.

use std::time::Duration;

use maud::{Markup, html};
use patchcord_engine::{
    journal::{Entry, LegNumber, LegRecord, Record, What, clean, words},
    runtime::clock,
};

use super::{super::words::leg_name, colour, sound::Taken, strips};

/// Legs that are drawn, and marks of a leg: what more there is stands in the tables.
const MOST_LEGS: usize = 24;
const MOST_MARKS: usize = 400;

/// Heights of what stands in a leg's row, from its top.
const LABEL: usize = 14;
const BAR: usize = 20;
const BAR_HEIGHT: usize = 14;
/// A row that has nothing below its bar, and what stands below the bars of others.
const ROW: usize = 46;
const SERVICE: usize = 48;
const WAVE: usize = 40;
const QUALITY: usize = 36;
/// Of the axis at the bottom.
const AXIS: usize = 26;

/// A leg, and where it is drawn.
struct Row<'a> {
    leg: &'a LegRecord,
    top: usize,
    sounds: Vec<&'a Taken>,
    samples: Vec<strips::Sample>,
}

impl Row<'_> {
    fn height(&self) -> usize {
        let wave = if self.sounds.is_empty() { 0 } else { WAVE };
        ROW + wave + if self.samples.is_empty() { 0 } else { QUALITY }
    }
}

/// See the module.
pub fn draw(record: &Record, entries: &[Entry], sounds: &[Taken]) -> Markup {
    let last = entries.last().map_or(Duration::ZERO, |entry| entry.at);
    // The axis of a call that goes on ends now, in whole seconds: so it moves, and not with every look.
    let now = || Duration::from_secs(clock::wall().duration_since(record.began).unwrap_or_default().as_secs());
    let end = record.ended.unwrap_or_else(|| if record.outcome.is_none() { now() } else { last });
    let whole = end.max(last).max(Duration::from_millis(100));
    let scale = Scale(whole);
    let said = strips::said(entries, whole);
    let mut top = if said.is_empty() { 0 } else { SERVICE };
    let mut rows = Vec::new();
    for leg in record.legs.iter().take(MOST_LEGS) {
        let first = rows.is_empty();
        let sounds = sounds.iter().filter(|taken| taken.leg.map_or(first, |of| of == leg.leg)).collect();
        let row = Row { leg, top, sounds, samples: strips::samples(entries, leg.leg) };
        top += row.height();
        rows.push(row);
    }
    let height = top + AXIS;
    html! {
        svg.axis role="img" width="100%" height=(height) data-seconds=(format!("{:.3}", whole.as_secs_f64()))
            aria-label="The call over time: what the service said, and its legs" {
            @for tick in ticks(whole) {
                line.grid x1=(scale.at(tick)) x2=(scale.at(tick)) y1="0" y2=(height - AXIS + 4) {}
                text.tick x=(scale.at(tick)) y=(height - 6) text-anchor=(anchor(tick, whole)) { (shown(tick)) }
            }
            @if !said.is_empty() {
                text.label x="0" y=(LABEL) { "Service" @if let Some(name) = &record.service { " " (clean(name)) } }
                (strips::service(&said, &scale, BAR))
            }
            @for row in &rows { (drawn(row, record, entries, &scale)) }
            line.cursor x1="0" x2="0" y1="0" y2=(height - AXIS + 4) {}
        }
        (legend(&rows, !said.is_empty()))
    }
}

fn drawn(row: &Row<'_>, record: &Record, entries: &[Entry], scale: &Scale) -> Markup {
    let (leg, top) = (row.leg, row.top);
    let end = leg.ended.unwrap_or(scale.0);
    let talk = leg.answered.unwrap_or(end);
    let (at, span) = (|time| scale.at(time), |from, until| scale.span(from, until));
    let wave = top + ROW;
    let quality = wave + if row.sounds.is_empty() { 0 } else { WAVE };
    html! {
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
            @for entry in keys(entries, leg.leg) {
                a href={ "#n" (entry.number) } data-at=(seconds(entry.at)) {
                    rect.mark.keyed x=(at(entry.at)) y=(top + BAR - 3) width="4" height=(BAR_HEIGHT + 6) rx="2" {
                        title { (shown(entry.at)) " " (words(&entry.what)) }
                    }
                    @if let What::Heard { facts, .. } = &entry.what {
                        @if let Some(key) = facts.get("key").or_else(|| facts.get("digit")) {
                            text.pressed x=(at(entry.at)) dx="7" y=(top + BAR + 11) { (clean(key)) }
                        }
                    }
                }
            }
            (strips::messages(entries, leg.leg, scale, top + BAR + BAR_HEIGHT + 3))
            @for taken in &row.sounds { (strips::wave(taken, scale, wave, WAVE - 6)) }
            @if !row.samples.is_empty() {
                (strips::quality(&row.samples, scale, quality, QUALITY - 8))
                @for (mos, y) in strips::marks(QUALITY - 8) {
                    text.tick.scale x="100%" dx="5" y=(format!("{:.1}", quality as f64 + y)) dy="3.5" { (mos) }
                }
            }
        }
    }
}

fn legend(rows: &[Row<'_>], said: bool) -> Markup {
    html! {
        p.legend.small.muted {
            span { span.swatch.waiting {} " called" }
            span { span.swatch.ringing {} " ringing" }
            span { span.swatch.talking {} " answered" }
            span { span.swatch.keyed {} " key" }
            @if said { span { span.swatch.verb {} " order of the service, by its line" } }
            span { "▴▾ SIP message, theirs and ours" }
            @if rows.iter().any(|row| !row.samples.is_empty()) {
                span { span.swatch.curve {} " quality (MOS, 4.5 is best), heard here" }
                span { span.swatch.curve.there {} " heard there" }
                span { span.swatch.lost {} " lost" }
            }
        }
    }
}

/// Keys that this leg pressed.
fn keys(entries: &[Entry], leg: LegNumber) -> impl Iterator<Item = &Entry> {
    let is_key = move |entry: &&Entry| matches!(&entry.what, What::Heard { leg: Some(of), event, .. } if *of == leg && event.contains("key"));
    entries.iter().filter(is_key).take(MOST_MARKS)
}

/// A moment for a script: where it is heard.
pub(super) fn seconds(at: Duration) -> String {
    format!("{:.3}", at.as_secs_f64())
}

/// From times to places.
pub(super) struct Scale(pub Duration);

impl Scale {
    pub fn share(&self, time: Duration) -> f64 {
        (time.as_secs_f64() / self.0.as_secs_f64()).clamp(0.0, 1.0) * 100.0
    }

    pub fn at(&self, time: Duration) -> String {
        format!("{:.3}%", self.share(time))
    }

    /// A width; what is too short to be seen is a hair.
    pub fn span(&self, from: Duration, until: Duration) -> String {
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
pub(super) fn shown(at: Duration) -> String {
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
