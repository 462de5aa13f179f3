//! Recordings of a call: played in the page, and how loud they were as a picture. Each listening stands in the audit log.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
};
use maud::{Markup, html};
use patchcord_engine::journal::{Entry, LegNumber, Record, Story, What};

use super::{
    super::{Guest, Rooms, words::leg_name, wrong::Wrong},
    axis::{seconds, shown},
};
use crate::{
    api::{
        recordings::{gone, play},
        records::story,
    },
    people::Right,
    recordings::{self, Peaks},
};

/// What is quieter than so many decibels below full scale is drawn as silence.
const QUIETEST_DB: f64 = 42.0;

/// Bars of a picture: as many as a wide page has room for.
const BARS: usize = 400;

/// A recording of a call: where it lies, of whom, since when, and how loud it was.
pub struct Taken {
    path: Box<str>,
    /// The leg that it is of; the whole call otherwise.
    pub leg: Option<LegNumber>,
    /// How long after the call's beginning it begins.
    pub from: Duration,
    /// How loud it was; none where nobody wrote that down.
    pub peaks: Option<Peaks>,
    there: bool,
    /// Nothing can be heard of it.
    is_empty: bool,
    damage: Option<String>,
    /// How long it plays.
    seconds: Option<f64>,
}

/// The recordings of a call, as far as the files are there.
pub async fn taken(rooms: &Rooms, record: &Record, entries: &[Entry]) -> Vec<Taken> {
    let begun = |path: &str| {
        entries.iter().find_map(|entry| match &entry.what {
            What::Recording { leg, path: of } if **of == *path => Some((*leg, entry.at)),
            _ => None,
        })
    };
    let all = record.recordings.iter().map(|path| (path.clone(), begun(path).unwrap_or_default()));
    let (folder, all): (_, Vec<_>) = (rooms.recordings.clone(), all.collect());
    let look = tokio::task::spawn_blocking(move || {
        let look = |(path, (leg, from)): (Box<str>, (Option<LegNumber>, Duration))| {
            let found = recordings::open(&folder, &path);
            let (there, is_empty) = (found.is_some(), found.as_ref().is_some_and(|found| found.is_dead));
            let peaks = there.then(|| recordings::peaks(&folder, &path)).flatten();
            let seconds = found.as_ref().and_then(|found| found.seconds).or(peaks.as_ref().map(Peaks::seconds));
            let damage = found.and_then(|found| found.damage);
            Taken { path, leg, from, peaks, there, is_empty, damage, seconds }
        };
        all.into_iter().map(look).collect()
    });
    look.await.unwrap_or_default()
}

/// The card with all recordings; nothing where there are none.
pub fn card(record: &Record, taken: &[Taken]) -> Markup {
    if taken.is_empty() {
        return html! {};
    }
    html! {
        section.card {
            h2 { "Recordings" }
            @for (at, one) in taken.iter().enumerate() {
                figure.sound data-from=(seconds(one.from)) {
                    @if let Some(damage) = &one.damage { p.flash.bad { "This recording is damaged: " (damage) "." } }
                    @if one.there {
                        @if let Some(peaks) = &one.peaks { (picture(peaks)) }
                        @if !one.is_empty { audio controls preload="none" src={ "/calls/" (record.call) "/recordings/" (at) } data-seconds=[one.seconds.map(|seconds| format!("{seconds:.1}"))] aria-label={ "Recording " (at + 1) } {} }
                    } @else { p.muted { "The file is not there any more." } }
                    figcaption.small.muted {
                        @if let Some(leg) = one.leg.and_then(|leg| record.leg(leg)) { (leg_name(record, leg)) ", " }
                        @if let Some(seconds) = one.seconds { (format!("{seconds:.1} s, ")) }
                        "from " (shown(one.from)) " on · " span.mono { (one.path) }
                    }
                }
            }
        }
    }
}

/// How loud it was: what was heard above the line, what was said below it.
fn picture(peaks: &Peaks) -> Markup {
    picture_of(peaks, peaks.length().clamp(1, BARS), 84)
}

/// The same for a list.
pub fn small_picture(peaks: &Peaks, bars: usize) -> Markup {
    picture_of(peaks, peaks.length().clamp(1, bars), 40)
}

fn picture_of(peaks: &Peaks, wide: usize, high: u32) -> Markup {
    let seconds = peaks.seconds();
    html! {
        svg.wave viewBox={ "0 0 " (wide) " 100" } preserveAspectRatio="none" width="100%" height=(high) role="img"
            data-seconds=(seconds) aria-label={ "How loud it was, over " (format!("{seconds:.1}")) " s" } {
            (bars(peaks, wide))
            line.now x1="0" x2="0" y1="0" y2="100" {}
        }
    }
}

/// The bars of such a picture, in a field that is so many wide and a hundred high.
pub fn bars(peaks: &Peaks, bars: usize) -> Markup {
    let length = peaks.length().max(1);
    let loudest = |channel: &[u8], bar: usize| {
        let (from, to) = (bar * length / bars, ((bar + 1) * length / bars).max(bar * length / bars + 1));
        channel.get(from..to.min(channel.len())).and_then(|part| part.iter().max()).copied().unwrap_or_default()
    };
    let path = |channel: usize, down: bool| -> String {
        let Some(values) = peaks.channels.get(channel) else { return String::new() };
        let bar = |bar: usize| {
            let high = tall(loudest(values, bar));
            if down { format!("M{bar} 51h.7v{high}h-.7z") } else { format!("M{bar} {}h.7v{high}h-.7z", 49 - high) }
        };
        (0..bars).map(bar).collect()
    };
    let one = peaks.channels.len() == 1;
    html! {
        path.heard d=(path(0, false)) {}
        path class=(if one { "heard" } else { "said" }) d=(path(if one { 0 } else { 1 }, true)) {}
    }
}

/// How high a bar is, of 48. Ears count in decibels: by the plain sample a voice would be a flat line.
fn tall(peak: u8) -> u32 {
    let below_full_db = 20.0 * (f64::from(peak.max(1)) / 255.0).log10();
    let share = (1.0 + below_full_db / QUIETEST_DB).clamp(0.0, 1.0);
    ((share * 48.0).round() as u32).max(1)
}

/// The sound itself, whole or in part.
pub async fn give(
    State(rooms): State<Rooms>,
    guest: Guest,
    headers: HeaderMap,
    Path((call, at)): Path<(String, usize)>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRecordings)?;
    let Story { record, .. } = story(&rooms, &guest.0, &call).await?;
    let path: Arc<str> = record.recordings.get(at).map(|path| (**path).into()).ok_or_else(gone)?;
    given(&rooms, &guest, &headers, &path).await
}

/// The recording of that path, which a record names; whoever listens is noted.
pub async fn given(rooms: &Rooms, guest: &Guest, headers: &HeaderMap, path: &str) -> Result<Response, Wrong> {
    Ok(play(rooms, &guest.0, headers, path).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_is_seen_and_silence_is_a_line() {
        // A tone of 11 dB below full scale, as voices are, fills most of the picture.
        assert_eq!((tall(0), tall(1), tall(72), tall(255)), (1, 1, 35, 48));
        assert!((0..255).all(|peak| tall(peak) <= tall(peak + 1)), "louder is never lower");
    }
}
