//! The door: who are you.
//!
//! A right answer begins a new session, whatever cookie came along. Wrong ones are slowed down and say not what was wrong.

use axum::{
    Form,
    extract::{Query, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::runtime::clock;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Posted, Rooms, frame::Frame, wanted, within, wrong::Wrong};
use crate::{
    people::{
        Asker, LogInError,
        guard::{self, COOKIE},
        session::LONGEST,
    },
    problem::{Problem, chain},
    serve::Ends,
};

#[derive(Deserialize)]
pub struct Asked {
    next: Option<String>,
}

#[derive(Deserialize)]
pub struct Said {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// The address of the log-in that leads to that page afterwards.
pub fn address(uri: &Uri) -> String {
    match wanted(uri) {
        Some(wanted) if wanted != "/" => format!("/login?next={}", utf8_percent_encode(wanted, NON_ALPHANUMERIC)),
        _ => "/login".into(),
    }
}

pub async fn show(asker: Option<axum::Extension<Asker>>, Query(asked): Query<Asked>) -> Response {
    let next = asked.next.filter(|next| within(next)).unwrap_or_else(|| "/".into());
    match asker {
        Some(_) => Redirect::to(&next).into_response(),
        None => page(&next, "", None).into_response(),
    }
}

pub async fn log_in(
    State(rooms): State<Rooms>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(said): Form<Said>,
) -> Result<Response, Wrong> {
    let next = if within(&said.next) { said.next } else { "/".into() };
    let now = (clock::now(), clock::wall());
    match rooms.people.log_in(&said.name, said.password, guard::source(&extensions), now).await {
        Ok(cookie) => {
            // The session that the browser had is over; nobody else may go on in it.
            if let Some(old) = guard::cookie(&headers) {
                rooms.people.log_out(old).await?;
            }
            Ok(with_cookie(
                is_secure(&headers, &extensions),
                &cookie,
                LONGEST.as_secs(),
                Redirect::to(&next).into_response(),
            ))
        }
        Err(LogInError::Wrong) => {
            Ok((StatusCode::UNAUTHORIZED, page(&next, &said.name, Some("Name or password is wrong."))).into_response())
        }
        Err(LogInError::Slow(wait)) => {
            let told = format!("Too many wrong passwords. Try again in {} s.", wait.as_secs() + 1);
            let retry = [(header::RETRY_AFTER, (wait.as_secs() + 1).to_string())];
            Ok((StatusCode::TOO_MANY_REQUESTS, retry, page(&next, &said.name, Some(&told))).into_response())
        }
        Err(LogInError::Shelf(error)) => Err(error.into()),
        Err(error @ LogInError::Hash(_)) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, chain(&error)).into()),
    }
}

#[derive(Deserialize)]
pub struct Nothing {}

pub async fn log_out(
    State(rooms): State<Rooms>,
    extensions: Extensions,
    headers: HeaderMap,
    Posted(_): Posted<Nothing>,
) -> Result<Response, Wrong> {
    if let Some(cookie) = guard::cookie(&headers) {
        rooms.people.log_out(cookie).await?;
    }
    Ok(with_cookie(is_secure(&headers, &extensions), "", 0, Redirect::to("/login").into_response()))
}

/// Whether the browser speaks HTTPS, to us or to a proxy that says so.
fn is_secure(headers: &HeaderMap, extensions: &Extensions) -> bool {
    let to_us = extensions.get::<Ends>().is_some_and(|ends| ends.secure);
    to_us || headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// Scripts never see it and other sites never send it. Over HTTPS it is for HTTPS alone.
fn with_cookie(secure: bool, value: &str, lasts_s: u64, mut response: Response) -> Response {
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lasts_s}{secure}");
    let cookie = HeaderValue::from_str(&cookie).expect("what we made is plain");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}

fn page(next: &str, name: &str, wrong: Option<&str>) -> Markup {
    Frame::bare(
        "Log in",
        html! {
            form.card.login method="post" action="/login" {
                h1 { "Log in" }
                @if let Some(wrong) = wrong {
                    p.flash.bad role="alert" { (wrong) }
                }
                input type="hidden" name="next" value=(next);
                label {
                    span { "Name" }
                    input name="name" value=(name) autocomplete="username" autocapitalize="none" required
                        maxlength="64" autofocus[name.is_empty()];
                }
                label {
                    span { "Password" }
                    input name="password" type="password" autocomplete="current-password" required maxlength="256"
                        autofocus[!name.is_empty()];
                }
                button.primary type="submit" { "Log in" }
                p.muted.small { "The first login was printed when the server started for the first time. "
                    code { "patchcord user add" } " makes others." }
            }
        },
    )
}
