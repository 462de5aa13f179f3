//! The phone of a person, in his browser: keys, talks, devices, past calls; and the check that names what does not work.
//!
//! The pages are frames for `assets/phone.js`, which speaks through the module that everybody may embed (`/phone.js`). Nothing of a
//! call is decided here.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};
use patchcord_engine::journal::{Record, sentence};

use super::{
    Guest, Nothing, Posted, Rooms, assets,
    frame::{Frame, Place, hidden},
    words::{badge, when},
    wrong::Wrong,
};
use crate::{api::records::shown, people::Right, phone::own, store::Wanted};

/// Past calls that are shown: what fits below a phone.
const LATELY: usize = 12;

/// The keys, each with its letters.
const KEYS: [(&str, &str); 12] = [
    ("1", ""),
    ("2", "ABC"),
    ("3", "DEF"),
    ("4", "GHI"),
    ("5", "JKL"),
    ("6", "MNO"),
    ("7", "PQRS"),
    ("8", "TUV"),
    ("9", "WXYZ"),
    ("*", ""),
    ("0", "+"),
    ("#", ""),
];

/// What the check looks at, in the order of what stands on what.
const LAYERS: [(&str, &str); 7] = [
    ("page", "Page is secure"),
    ("microphone", "Microphone"),
    ("socket", "WebSocket"),
    ("login", "Login"),
    ("ice", "Way for the sound (ICE)"),
    ("dtls", "Keys of the sound (DTLS)"),
    ("sound", "Sound comes back"),
];

/// `GET /phone`
pub async fn show(State(rooms): State<Rooms>, guest: Guest) -> Result<Response, Wrong> {
    let endpoint = own::endpoint_of(&rooms, &guest.0).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    let Some(endpoint) = endpoint else {
        let csrf = guest.0.session.as_ref().map(|session| session.csrf.as_str()).unwrap_or_default();
        let body = html! {
            section.notice {
                h1 { "Phone" }
                @if own::may_make(&guest.0) {
                    p { "You are tied to no endpoint yet, so there is nobody to call as. One is made with your name and the first free number from 100 on." }
                    form method="post" action="/phone" { (hidden(csrf)) button.primary #make type="submit" { "Make my endpoint" } }
                } @else { p { "You are tied to no endpoint, so there is nobody to call as. An admin ties people to endpoints under People, or with "
                    code { "patchcord user endpoint " (guest.0.name) " NAME" } "." } }
            }
        };
        return Ok(Frame::new("Phone", Place::Phone, &guest.0).page(body).into_response());
    };
    let number = rooms.accounts.board().directory.find(&endpoint).and_then(|known| known.number.clone());
    let shown_as = number.as_deref().unwrap_or(&endpoint);
    let lately = lately(&rooms, &guest, shown_as, &endpoint).await?;
    let body = html! {
        div.head {
            div { p.kicker { "You are " strong { (shown_as) } @if number.is_some() { " (" (endpoint) ")" } } h1 { "Phone" } }
            p #phone-state .badge role="status" { "connecting" }
        }
        p.flash.bad #phone-wrong role="alert" hidden {}
        div.phone {
            section.card.dialer aria-label="Dial" { (dialer()) }
            div.talks #talks aria-live="polite" { p.card.empty { "Nobody is on the line. 9196 echoes what you say, 1000 answers." } }
            section.card { h2 { "Devices" } (devices()) }
            section.card.flush { h2 { "Lately" } div #lately data-live { (lately) } }
        }
        (script("phone-page.js"))
    };
    Ok(Frame::new("Phone", Place::Phone, &guest.0).page(body).into_response())
}

/// `POST /phone`: whoever may and has none makes an endpoint of his own.
pub async fn make(State(rooms): State<Rooms>, guest: Guest, Posted(_): Posted<Nothing>) -> Result<Redirect, Wrong> {
    if !own::may_make(&guest.0) {
        guest.may(Right::ChangeEndpoints)?;
        guest.may(Right::ChangePeople)?;
    }
    own::make(&rooms, &guest.0).await.map_err(|problem| Wrong::from(problem).to(&guest.0))?;
    Ok(Redirect::to("/phone"))
}

/// `GET /phone/check`
pub async fn check(guest: Guest) -> Response {
    let body = html! {
        div.head { div { p.kicker { a href="/phone" { "Phone" } } h1 { "Does everything work?" } } }
        section.card.flush {
            ol.layers #layers {
                @for (layer, name) in LAYERS {
                    li data-layer=(layer) { span.badge { "waits" } strong { (name) } span.muted.told {} }
                }
            }
        }
        p.flash #verdict role="status" { "Press the button: a call goes to the echo, and what is said comes back." }
        div.buttons { button.primary #begin type="button" { "Check" } }
        (script("phone-check.js"))
    };
    Frame::new("Phone check", Place::Phone, &guest.0).page(body).into_response()
}

fn script(name: &str) -> Markup {
    html! { script type="module" src=(assets::address(name)) {} }
}

fn dialer() -> Markup {
    html! {
        form #dial autocomplete="off" {
            label { span.unseen { "Number or name" }
                input #number .number inputmode="tel" maxlength="64" placeholder="Number or name" autocapitalize="none" autocorrect="off" spellcheck="false"; }
            div.keys {
                @for (key, letters) in KEYS {
                    button.key type="button" data-key=(key) { (key) small { (letters) } }
                }
            }
            div.buttons {
                button.primary type="submit" #call { "Call" }
                button type="button" #back aria-label="Take the last key back" { "⌫" }
            }
        }
    }
}

fn devices() -> Markup {
    html! {
        div.stack {
            label { span { "Microphone" } select #microphone { option value="" { "as the browser chooses" } } }
            label { span { "Loudspeaker" } select #speaker { option value="" { "as the browser chooses" } } }
            label.check { input type="checkbox" #ringer checked; " Ring aloud" }
            p.small { a href="/phone/check" { "Check that everything works" } }
        }
    }
}

/// The last calls of the endpoint, for whoever may see records.
async fn lately(rooms: &Rooms, guest: &Guest, number: &str, endpoint: &str) -> Result<Markup, Wrong> {
    if !guest.0.rights.has(Right::ReadRecords) {
        return Ok(html! { p.empty { "Past calls are not yours to see." } });
    }
    // It calls under its name, and is called under its number.
    let wanted = Wanted { number: Some(endpoint.into()), alias: Some(number.into()), ..Wanted::default() };
    let found = rooms.store.find_calls(&wanted, None, LATELY).await;
    let records = found.map_err(|error| Wrong::from(error).to(&guest.0))?.records;
    let line = |record: &Record| {
        let ours = [number, endpoint].contains(&&*record.from.number);
        let record = shown(record.clone(), &guest.0);
        let other = if ours { &record.to } else { &record.from };
        let (other, direction) = (other.number.to_string(), if ours { "↗" } else { "↙" });
        html! {
            li {
                button.plain type="button" data-dial=(other) title="Call again" { (direction) " " (other) }
                a.small href={ "/calls/" (record.call) } { (sentence(&record)) }
                p.small.muted { (badge(record.outcome)) " " (when(record.began)) }
            }
        }
    };
    Ok(html! {
        @if records.is_empty() { p.empty { "No calls yet. Dial 9196, which echoes, or somebody's number." } }
        ul.stories { @for record in &records { (line(record)) } }
    })
}
