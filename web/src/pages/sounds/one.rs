//! One prompt: heard, replaced by another file, a version of it heard and put back, taken away.

use std::time::{Duration, UNIX_EPOCH};

use axum::{
    extract::{Path, Query, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use serde::Deserialize;

use super::{
    super::{
        Guest, Nothing, Posted, Rooms,
        frame::{Frame, Place, csrf},
        words::{size, when},
        wrong::{Wrong, sentence},
    },
    encoded, from, play, upload_form,
};
use crate::{
    api::sounds as doors,
    people::{Asker, Right},
    sounds::{Sound, VERSIONS},
};

/// Where a prompt has its page.
pub fn address(name: &str) -> String {
    format!("/sounds/{}", encoded(name))
}

/// `GET /sounds/{name}`
pub async fn show(State(rooms): State<Rooms>, guest: Guest, Path(name): Path<String>) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    let sound = doors::one(&rooms, name).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let may = guest.0.rights.has(Right::ChangeSounds);
    let here = address(&sound.name);
    let is_silent = sound.own && doors::is_silent(&rooms, sound.name.clone()).await;
    let body = html! {
        @if is_silent { p.flash.bad role="status" { (sentence(doors::SILENT)) " Callers hear nothing where it is played: listen to the file that it was made from." } }
        div.head {
            div {
                p.kicker { a href="/sounds" { "Sounds" } " · " (size(sound.bytes)) @if let Some(at) = sound.changed { " · uploaded " (when(at)) } }
                h1.mono { (sound.name) " " (from(&sound)) }
            }
            @if may && sound.own { (remove_form(&sound, &guest.0)) }
        }
        section.card {
            figure.sound {
                audio controls preload="metadata" src={ (here) "/sound" } aria-label={ "The prompt " (sound.name) } {}
                figcaption.small.muted { "A script plays it with " code { "caller.play(\"" (plain(&sound.name)) "\")" } "." }
            }
        }
        @if may { (upload_form(&guest.0, Some(&sound.name))) }
        section.card.flush { h2 { "Versions that it had" } (versions(&sound, &guest.0, may)) }
    };
    Ok(Frame::new(&sound.name, Place::Sounds, &guest.0).page(body).into_response())
}

/// The name without its language, which the call says.
fn plain(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn remove_form(sound: &Sound, asker: &Asker) -> Markup {
    html! {
        form method="post" action={ (address(&sound.name)) "/remove" } {
            (csrf(asker))
            button.danger type="submit" { @if sound.shipped { "Take away, so that the shipped one is back" } @else { "Take away" } }
        }
    }
}

fn versions(sound: &Sound, asker: &Asker, may: bool) -> Markup {
    let here = address(&sound.name);
    html! {
        @if sound.versions.is_empty() { p.empty { "None: nothing was replaced yet. The last " (VERSIONS) " are kept." } }
        @else {
            div.scroll {
                table.sounds {
                    thead { tr { th { span.unseen { "Hear" } } th { "Replaced (UTC)" } @if may { th {} } } }
                    tbody {
                        @for version in &sound.versions {
                            @let at = UNIX_EPOCH + Duration::from_millis(*version);
                            tr {
                                td.play { (play(&format!("{here}/sound?version={version}"), &format!("the version of {}", patchcord_engine::journal::moment(at)))) }
                                td { (when(at)) }
                                @if may {
                                    td.right {
                                        form method="post" action={ (here) "/restore" } {
                                            (csrf(asker))
                                            input type="hidden" name="version" value=(version);
                                            button type="submit" { "Put back" }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[derive(Deserialize)]
pub struct Which {
    version: Option<u64>,
}

/// `GET /sounds/{name}/sound`
pub async fn give(
    State(rooms): State<Rooms>,
    guest: Guest,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Wrong> {
    guest.may(Right::ReadRoutes)?;
    Ok(doors::hear(&rooms, &headers, name, which.version).await?)
}

#[derive(Deserialize)]
pub struct Back {
    version: u64,
}

/// `POST /sounds/{name}/restore`
pub async fn restore(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(name): Path<String>,
    Posted(back): Posted<Back>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeSounds)?;
    let here = address(&name);
    doors::put_back(&rooms, &guest.0, name, back.version).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to(&here))
}

/// `POST /sounds/{name}/remove`
pub async fn remove(
    State(rooms): State<Rooms>,
    guest: Guest,
    Path(name): Path<String>,
    Posted(Nothing {}): Posted<Nothing>,
) -> Result<Redirect, Wrong> {
    guest.may(Right::ChangeSounds)?;
    doors::take_away(&rooms, &guest.0, name).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to("/sounds"))
}
