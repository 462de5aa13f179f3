//! Prompts of this house: found by name or kind, heard, uploaded in any format that is read here.
//!
//! ```text
//! one      a prompt closely: heard, replaced, its versions put back, taken away
//! upload   a file and its name, out of a form
//! ```

pub mod one;
pub mod upload;

use axum::{
    extract::{Query, State},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use serde::{Deserialize, Serialize};

use super::{
    Guest, Rooms,
    frame::{Frame, Place, csrf},
    words::{size, when},
    wrong::Wrong,
};
use crate::{
    api::sounds as doors,
    people::{Asker, Right},
    sounds::Sound,
};

/// Prompts on a page: some screens of them.
const PAGE: usize = 60;

/// What a browser offers to choose from.
pub(super) const FORMATS: &str = "audio/*,.wav,.mp3,.ogg,.opus,.flac,.m4a,.aac";

/// What is looked for, as the address says it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing)]
    after: String,
}

/// Kinds of prompts: the word of the address, and of the page.
const KINDS: [(&str, &str); 4] = [("", "All"), ("own", "Own"), ("replaced", "Replaced"), ("shipped", "Shipped")];

/// Whether it is of that kind.
fn is_of(sound: &Sound, kind: &str) -> bool {
    match kind {
        "own" => sound.own && !sound.shipped,
        "replaced" => sound.own && sound.shipped,
        "shipped" => !sound.own,
        _ => true,
    }
}

/// `GET /sounds`
pub async fn list(State(rooms): State<Rooms>, guest: Guest, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let all = doors::all(&rooms).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let text = asked.text.trim().to_lowercase();
    let fits = |sound: &&Sound| sound.name.to_lowercase().contains(&text) && is_of(sound, &asked.kind);
    let found: Vec<&Sound> = all.iter().filter(fits).collect();
    let here: Vec<&Sound> = found.iter().copied().filter(|sound| sound.name > asked.after).take(PAGE + 1).collect();
    let next = (here.len() > PAGE).then(|| here[PAGE - 1].name.clone());
    let may = guest.0.rights.has(Right::ChangeSounds);
    let query = serde_urlencoded::to_string(&asked).unwrap_or_default();
    let body = html! {
        div.head {
            div { p.kicker { (found.len()) " of " (all.len()) } h1 { "Sounds" } }
            form.inline method="get" action="/sounds" role="search" {
                @if !asked.kind.is_empty() { input type="hidden" name="kind" value=(asked.kind); }
                input name="text" value=(asked.text) placeholder="part of a name" aria-label="Part of a name" maxlength="64";
                button type="submit" { "Find" }
            }
        }
        nav.chips aria-label="Kinds of sounds" {
            @for (kind, words) in KINDS {
                a.chip href=(address(kind, &asked.text)) aria-current=[(asked.kind == kind).then_some("true")] { (words) }
            }
        }
        @if may { (upload_form(&guest.0, None)) }
        section.card.flush {
            @if here.is_empty() {
                p.empty {
                    @if !asked.after.is_empty() { "There are no more. " a href={ "/sounds?" (query) } { "To the first" } }
                    @else if asked.kind == "own" && text.is_empty() { "You have none of your own yet." @if may { " Give one above: any format that is played here." } }
                    @else if asked.kind == "replaced" && text.is_empty() { "No shipped prompt was replaced yet." @if may { " Give a file above under the name of one." } }
                    @else { "No prompt is like that. " a href="/sounds" { "See all of them" } "." }
                }
            }
            @else { (table(&here[..here.len().min(PAGE)])) }
        }
        nav.pager aria-label="Pages of sounds" {
            @if asked.after.is_empty() { span {} } @else { a.button href={ "/sounds?" (query) } { "To the first" } }
            @if let Some(next) = next { a.button rel="next" href={ "/sounds?" (query) "&after=" (encoded(&next)) } { "More" } }
        }
    };
    Ok(Frame::new("Sounds", Place::Sounds, &guest.0).page(body).into_response())
}

fn address(kind: &str, text: &str) -> String {
    let asked = Asked { text: text.into(), kind: kind.into(), after: String::new() };
    match serde_urlencoded::to_string(asked).unwrap_or_default() {
        query if query.is_empty() => "/sounds".into(),
        query => format!("/sounds?{query}"),
    }
}

fn table(sounds: &[&Sound]) -> Markup {
    html! {
        div.scroll {
            table.sounds {
                thead { tr { th { span.unseen { "Hear" } } th { "Name" } th.wide-only { "From" } th.right { "Size" } th.right.wide-only { "Versions" } th.wide-only { "Changed (UTC)" } } }
                tbody {
                    @for sound in sounds {
                        tr {
                            td.play { (play(&format!("{}/sound", one::address(&sound.name)), &sound.name)) }
                            td.mono.nowrap { a href=(one::address(&sound.name)) { (sound.name) } }
                            td.wide-only { (from(sound)) }
                            td.right.nowrap { (size(sound.bytes)) }
                            td.right.wide-only { @if sound.versions.is_empty() { "–" } @else { (sound.versions.len()) } }
                            td.nowrap.muted.wide-only { @if let Some(at) = sound.changed { (when(at)) } @else { "–" } }
                        }
                    }
                }
            }
        }
    }
}

/// A button that plays; without a script the sound opens by itself.
pub(super) fn play(address: &str, name: &str) -> Markup {
    html! { a.button.hear href=(address) data-hear aria-label={ "Hear " (name) } { svg viewBox="0 0 12 12" aria-hidden="true" { path d="M3 1.5v9l7-4.5z" {} } } }
}

/// Where it comes from, in a word.
pub(super) fn from(sound: &Sound) -> Markup {
    match (sound.own, sound.shipped) {
        (true, true) => html! { span.badge.warn { "replaces a shipped one" } },
        (true, false) => html! { span.badge.good { "own" } },
        (false, _) => html! { span.badge { "shipped" } },
    }
}

/// A form that takes a file; of one name alone, or of a name that is written.
pub(super) fn upload_form(asker: &Asker, name: Option<&str>) -> Markup {
    html! {
        section.card {
            h2 { @if name.is_some() { "Replace it" } @else { "Upload a prompt" } }
            form.fields method="post" action="/sounds" enctype="multipart/form-data" {
                (csrf(asker))
                @match name {
                    Some(name) => input type="hidden" name="name" value=(name);,
                    None => label.long {
                        span { "Name, as scripts say it" }
                        input.mono name="name" placeholder="welcome or de/welcome" required maxlength="129" pattern="([A-Za-z0-9_\\-]+/)?[A-Za-z0-9_\\-]+" autocomplete="off" autocapitalize="none";
                    }
                }
                label.long { span { "File" } input type="file" name="file" accept=(FORMATS) required; }
                div.buttons { button.primary type="submit" { @if name.is_some() { "Replace" } @else { "Upload" } } }
            }
            p.small.muted { "wav, aiff, mp3, ogg, Opus, flac, m4a, aac or webm, up to 16 MB and a quarter of an hour. It is checked, made as loud as the others, and kept; what stood there becomes a version." }
        }
    }
}

/// A name within a query or a path.
pub(super) fn encoded(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(own: bool, shipped: bool) -> Sound {
        Sound { name: "de/welcome".into(), own, shipped, bytes: 1, changed: None, versions: Vec::new() }
    }

    #[test]
    fn a_prompt_is_of_one_kind_and_of_all() {
        for (own, shipped, kind) in [(true, false, "own"), (true, true, "replaced"), (false, true, "shipped")] {
            let of: Vec<_> = KINDS.iter().filter(|(kind, _)| is_of(&sound(own, shipped), kind)).collect();
            assert_eq!(of.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), ["", kind]);
        }
    }

    #[test]
    fn a_language_stays_within_one_part_of_an_address() {
        assert_eq!(one::address("de/welcome"), "/sounds/de%2Fwelcome");
        assert_eq!(address("own", "a&b"), "/sounds?text=a%26b&kind=own");
        assert_eq!(address("", ""), "/sounds");
    }
}
