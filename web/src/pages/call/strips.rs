//! What stands along the axis of a call: the lines of its service, its messages, how loud it was, and how well it was heard.

use std::{collections::HashMap, fmt::Write, time::Duration};

use maud::{Markup, html};
use patchcord_engine::{
    journal::{Entry, Hearing, LegNumber, Notice, SipText, Verb, Way, What, clean, label, words},
    program::VerbId,
};

use super::{
    axis::{Scale, seconds, shown},
    sound::Taken,
};

/// Orders, messages and samples that are drawn; the journal below has all of them.
const MOST: usize = 400;

/// Messages so near each other share a mark, in hundredths of the axis: a mark is so wide on a wide page.
const NEAR: f64 = 0.7;

/// Bars of a recording along the whole axis.
const BARS: usize = 320;

/// Hundredths of the axis in which some letters of an order have room: on a wide page, and on that of a telephone.
const LEGIBLE: f64 = 4.0;
const LEGIBLE_NARROW: f64 = 14.0;

/// Widths of a strip that is drawn in units of its own.
const WIDE: f64 = 1000.0;

/// The best and the worst that people think of sound (MOS), in hundredths.
const BEST: f64 = 450.0;
const WORST: f64 = 100.0;

/// Loss, in thousandths, that fills the strip: beyond a tenth nothing is understood.
const ALL_LOST: f64 = 100.0;

/// An order of the service, from when to when it was under way.
pub struct Said<'a> {
    entry: &'a Entry,
    verb: &'a Verb,
    until: Duration,
}

/// What was measured of a leg at a time.
pub struct Sample {
    at: Duration,
    here: Option<Hearing>,
    there: Option<Hearing>,
}

/// The orders of the service. What the house does of itself, and what costs no time to ask, is left out.
pub fn said(entries: &[Entry], whole: Duration) -> Vec<Said<'_>> {
    let results: HashMap<_, _> = entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Result { verb, .. } => Some((*verb, entry.at)),
            _ => None,
        })
        .collect();
    let orders = entries.iter().filter_map(|entry| match &entry.what {
        What::Verb(verb) if !VerbId(verb.id.0).is_house() && !matches!(&*verb.name, "facts" | "moment" | "log") => {
            Some(Said { entry, verb, until: results.get(&verb.id).copied().unwrap_or(whole) })
        }
        _ => None,
    });
    orders.take(MOST).collect()
}

/// The orders as a row: each as long as it took, with its line.
pub fn service(said: &[Said<'_>], scale: &Scale, top: usize) -> Markup {
    let text = |verb: &Verb| {
        let line = verb.place.as_deref().and_then(|place| place.rsplit_once(':')).map(|(_, line)| format!("{line}: "));
        format!("{}{} {}", line.unwrap_or_default(), clean(&verb.name), clean(&verb.arguments))
    };
    html! {
        g.orders {
            @for Said { entry, verb, until } in said {
                a href={ "#n" (entry.number) } data-at=(seconds(entry.at)) aria-label=(words(&entry.what)) {
                    svg x=(scale.at(entry.at)) y=(top) width=(scale.span(entry.at, *until)) height="20" {
                        rect.order width="100%" height="20" rx="3" {}
                        @match scale.share(*until) - scale.share(entry.at) {
                            // What would be cut after a letter is told by the title alone.
                            ..LEGIBLE => {}
                            share => { svg.words.few[share < LEGIBLE_NARROW] x="5" height="20" { text.order y="14" { (text(verb)) } } }
                        }
                        title { (shown(entry.at)) " to " (shown(*until)) ": " (words(&entry.what)) }
                    }
                }
            }
        }
    }
}

/// The messages of a leg: from whom, and what in a word. Each leads to its place in the ladder.
pub fn messages(entries: &[Entry], leg: LegNumber, scale: &Scale, top: usize) -> Markup {
    let messages = entries.iter().filter_map(|entry| match &entry.what {
        What::Message { leg: of, way, text } if *of == leg => Some((entry, way, text)),
        _ => None,
    });
    let told = |(entry, way, text): &(&Entry, &Way, &SipText)| {
        format!("{} {}{}", shown(entry.at), if **way == Way::Theirs { "came " } else { "sent " }, label(&text.shown()))
    };
    let mut marks: Vec<Vec<(&Entry, &Way, &SipText)>> = Vec::new();
    for message in messages.take(MOST) {
        // What would lie on the mark before could not be clicked: they have one, which leads to the first of them.
        let is_near = |mark: &&mut Vec<_>| scale.share(message.0.at) - scale.share(first_of(mark)) < NEAR;
        match marks.last_mut().filter(is_near) {
            Some(mark) => mark.push(message),
            None => marks.push(vec![message]),
        }
    }
    html! {
        @for mark in &marks {
            a href={ "#m" (mark[0].0.number) } {
                svg.over x=(scale.at(mark[0].0.at)) y=(top) {
                    polygon.sip-mark points=(shape(mark)) {}
                    title { (mark.iter().map(told).collect::<Vec<_>>().join("\n")) }
                }
            }
        }
    }
}

fn first_of(mark: &[(&Entry, &Way, &SipText)]) -> Duration {
    mark.first().map_or(Duration::ZERO, |first| first.0.at)
}

/// Up for what came, down for what was sent, both where messages of either kind share a mark.
fn shape(mark: &[(&Entry, &Way, &SipText)]) -> &'static str {
    let theirs = mark.iter().filter(|message| *message.1 == Way::Theirs).count();
    match theirs {
        0 => "-4,0 0,7 4,0",
        all if all == mark.len() => "-4,7 0,0 4,7",
        _ => "-4,3.5 0,-1 4,3.5 0,8",
    }
}

/// How loud a recording was, at its place in the call.
pub fn wave(taken: &Taken, scale: &Scale, top: usize, height: usize) -> Markup {
    let Some(peaks) = &taken.peaks else { return html! {} };
    let long = peaks.seconds();
    let share = (scale.share(taken.from + Duration::from_secs_f64(long)) - scale.share(taken.from)) / 100.0;
    let bars = ((BARS as f64 * share) as usize).clamp(8, BARS);
    html! {
        svg.wave-strip x=(scale.at(taken.from)) y=(top) width=(format!("{:.3}%", (share * 100.0).max(0.3))) height=(height)
            viewBox={ "0 0 " (bars) " 100" } preserveAspectRatio="none" {
            rect.under width=(bars) height="100" {}
            (super::sound::bars(peaks, bars))
            title { "recorded from " (shown(taken.from)) " on, " (format!("{long:.1}")) " s; a click plays it" }
        }
    }
}

/// How well a leg was heard, sample by sample.
pub fn samples(entries: &[Entry], leg: LegNumber) -> Vec<Sample> {
    let samples = entries.iter().filter_map(|entry| match &entry.what {
        What::Media { leg: of, notice: Notice::Sampled(sample) } if *of == leg => {
            Some(Sample { at: entry.at, here: sample.here, there: sample.there })
        }
        _ => None,
    });
    samples.take(MOST).collect()
}

/// Where a figure stands in a strip of that height.
fn place(mos_hundredths: u16, height: usize) -> f64 {
    let share = (BEST - f64::from(mos_hundredths).clamp(WORST, BEST)) / (BEST - WORST);
    2.0 + share * (height as f64 - 4.0)
}

/// The figures that are written beside the strip, and where.
pub fn marks(height: usize) -> [(&'static str, f64); 2] {
    [("4.5", place(450, height)), ("1", place(100, height))]
}

/// The curve of it: what people would think of the sound (MOS), from 4.5 at the top to 1 at the bottom, and what was lost.
pub fn quality(samples: &[Sample], scale: &Scale, top: usize, height: usize) -> Markup {
    let x = |sample: &Sample| scale.share(sample.at) * WIDE / 100.0;
    let high = height as f64;
    let y = |mos: u16| place(mos, height);
    let curve = |of: fn(&Sample) -> Option<Hearing>| {
        let mut path = String::new();
        let points = samples.iter().filter_map(|sample| Some((x(sample), y(of(sample)?.mos_hundredths?))));
        for (at, (x, y)) in points.enumerate() {
            let _infallible = write!(path, "{}{x:.1} {y:.1}", if at == 0 { 'M' } else { 'L' });
        }
        // A single sample is a short line, so that it is seen.
        if !path.contains('L') && !path.is_empty() {
            path += "h8";
        }
        path
    };
    let lost = |sample: &Sample| {
        sample.here.map_or(0, |here| here.lost_permille).max(sample.there.map_or(0, |it| it.lost_permille))
    };
    html! {
        svg.quality-strip y=(top) width="100%" height=(height) viewBox={ "0 0 " (WIDE) " " (height) } preserveAspectRatio="none"
            role="img" aria-label=(spoken(samples)) {
            line.four x1="0" x2=(WIDE) y1=(format!("{:.1}", y(400))) y2=(format!("{:.1}", y(400))) {}
            line.three x1="0" x2=(WIDE) y1=(format!("{:.1}", y(300))) y2=(format!("{:.1}", y(300))) {}
            @for sample in samples.iter().filter(|sample| lost(sample) > 0) {
                @let tall = (f64::from(lost(sample)) / ALL_LOST).clamp(0.08, 1.0) * high;
                rect.lost x=(format!("{:.1}", x(sample) - 2.0)) width="4" y=(format!("{:.1}", high - tall)) height=(format!("{tall:.1}")) {}
            }
            path.curve.there d=(curve(|sample| sample.there)) {}
            path.curve d=(curve(|sample| sample.here)) {}
            title { (spoken(samples)) }
        }
    }
}

/// The curve in words.
fn spoken(samples: &[Sample]) -> String {
    let range = |of: fn(&Sample) -> Option<Hearing>, whose: &str| {
        let all: Vec<u16> = samples.iter().filter_map(|sample| of(sample)?.mos_hundredths).collect();
        let (worst, best) = (all.iter().min()?, all.iter().max()?);
        let figure = |mos: &u16| format!("{}.{:02}", mos / 100, mos % 100);
        Some(if worst == best {
            format!("heard {whose} with {}", figure(best))
        } else {
            format!("heard {whose} with {} to {}", figure(worst), figure(best))
        })
    };
    let told: Vec<String> =
        [range(|sample| sample.here, "here"), range(|sample| sample.there, "there")].into_iter().flatten().collect();
    format!("quality (MOS, 4.5 is best): {}", if told.is_empty() { "not measured".into() } else { told.join(", ") })
}

#[cfg(test)]
mod tests {
    use patchcord_engine::journal::QualitySample;

    use super::*;

    fn sampled(number: u32, mos: Option<u16>, lost_permille: u16) -> Entry {
        let hearing = Hearing { lost_permille, jitter: Duration::ZERO, mos_hundredths: mos };
        let sample = QualitySample { here: Some(hearing), ..QualitySample::default() };
        let what = What::Media { leg: LegNumber(0), notice: Notice::Sampled(Box::new(sample)) };
        Entry { number, at: Duration::from_secs(number.into()), what }
    }

    #[test]
    fn a_curve_falls_where_the_sound_was_bad_and_shows_what_was_lost() {
        let entries = [sampled(1, Some(440), 0), sampled(5, Some(150), 80), sampled(9, Some(430), 0)];
        let samples = samples(&entries, LegNumber(0));
        let drawn = quality(&samples, &Scale(Duration::from_secs(10)), 0, 28).into_string();
        assert!(drawn.contains("M100.0 2.7L500.0 22.6L900.0 3.4"), "{drawn}");
        assert_eq!(drawn.matches("class=\"lost\"").count(), 1, "{drawn}");
        assert!(drawn.contains("heard here with 1.50 to 4.40"), "{drawn}");
    }

    #[test]
    fn what_was_not_measured_is_no_curve_and_one_sample_is_a_dot() {
        assert!(samples(&[sampled(1, None, 0)], LegNumber(1)).is_empty());
        let scale = Scale(Duration::from_secs(2));
        let silent = quality(&samples(&[sampled(1, None, 0)], LegNumber(0)), &scale, 0, 28).into_string();
        assert!(silent.contains("not measured"), "{silent}");
        let dot = quality(&samples(&[sampled(1, Some(450), 0)], LegNumber(0)), &scale, 0, 28).into_string();
        assert!(dot.contains("M500.0 2.0h8"), "{dot}");
    }
}
