//! Recordings of a call: played in the page, and how loud they were as a picture. Each listening stands in the audit log.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::{
    journal::{Record, Story},
    runtime::clock,
};

use super::super::{Guest, Rooms, wrong::Wrong};
use crate::{
    api::records::story,
    people::Right,
    problem::Problem,
    recordings::{self, Peaks},
};

/// Bars of a picture: as many as a wide page has room for.
const BARS: usize = 400;

/// The card with all recordings; nothing where there are none.
pub async fn card(rooms: &Rooms, record: &Record) -> Markup {
    if record.recordings.is_empty() {
        return html! {};
    }
    let (folder, paths) = (rooms.recordings.clone(), record.recordings.clone());
    let found = tokio::task::spawn_blocking(move || {
        let look = |path: &str| recordings::open(&folder, path).map(|_| recordings::peaks(&folder, path));
        paths.iter().map(|path| look(path)).collect::<Vec<_>>()
    });
    let found = found.await.unwrap_or_default();
    html! {
        section.card {
            h2 { "Recordings" }
            @for (at, path) in record.recordings.iter().enumerate() {
                figure.sound {
                    @match found.get(at) {
                        Some(Some(peaks)) => {
                            @if let Some(peaks) = peaks { (picture(peaks)) }
                            audio controls preload="none" src={ "/calls/" (record.call) "/recordings/" (at) } {}
                        }
                        _ => { p.muted { "The file is not there any more." } }
                    }
                    figcaption.small.muted.mono { (path) }
                }
            }
        }
    }
}

/// How loud it was: what was heard above the line, what was said below it.
fn picture(peaks: &Peaks) -> Markup {
    let length = peaks.channels.iter().map(Vec::len).max().unwrap_or_default().max(1);
    let bars = length.min(BARS);
    let loudest = |channel: &[u8], bar: usize| {
        let (from, to) = (bar * length / bars, ((bar + 1) * length / bars).max(bar * length / bars + 1));
        channel.get(from..to.min(channel.len())).and_then(|part| part.iter().max()).copied().unwrap_or_default()
    };
    let path = |channel: usize, down: bool| -> String {
        let Some(values) = peaks.channels.get(channel) else { return String::new() };
        let bar = |bar: usize| {
            let high = (u32::from(loudest(values, bar)) * 48 / 255).max(1);
            if down { format!("M{bar} 51h.7v{high}h-.7z") } else { format!("M{bar} {}h.7v{high}h-.7z", 49 - high) }
        };
        (0..bars).map(bar).collect()
    };
    let one = peaks.channels.len() == 1;
    let seconds = length as f64 / f64::from(peaks.per_second);
    html! {
        svg.wave viewBox={ "0 0 " (bars) " 100" } preserveAspectRatio="none" width="100%" height="84" role="img"
            data-seconds=(seconds) aria-label={ "How loud it was, over " (format!("{seconds:.1}")) " s" } {
            path.heard d=(path(0, false)) {}
            path class=(if one { "heard" } else { "said" }) d=(path(if one { 0 } else { 1 }, true)) {}
            line.now x1="0" x2="0" y1="0" y2="100" {}
        }
    }
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
    let gone = || Problem::new(StatusCode::NOT_FOUND, "there is no such recording").remedy("it may have been deleted");
    let path: Arc<str> = record.recordings.get(at).map(|path| (**path).into()).ok_or_else(gone)?;
    let (folder, named) = (rooms.recordings.clone(), path.clone());
    let opened = tokio::task::spawn_blocking(move || recordings::open(&folder, &named)).await;
    let recording = opened.ok().flatten().ok_or_else(gone)?;

    let (length, kind) = (recording.length, recording.kind);
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Ok(asked) = recordings::range(asked, length) else {
        let all = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, all).into_response());
    };
    let (from, to) = asked.unwrap_or((0, length.saturating_sub(1)));
    if from == 0 {
        // A player asks for many parts; it begins to listen once.
        rooms.people.note(&guest.0, "listened to", &path, clock::wall()).await;
    }
    let count = if length == 0 { 0 } else { to - from + 1 };
    let part = recording.part(from, count);
    let part = part.map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_LENGTH, count.to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
    ];
    let body = Body::from_stream(part);
    Ok(match asked {
        None => (headers, body).into_response(),
        Some((from, to)) => {
            let range = [(header::CONTENT_RANGE, format!("bytes {from}-{to}/{length}"))];
            (StatusCode::PARTIAL_CONTENT, headers, range, body).into_response()
        }
    })
}
