//! The dashboard: pages that the server writes, which read well without a script.
//!
//! ```text
//! frame    what stands around every page
//! assets   style sheet, scripts and icon, inside the binary
//! log_in   the door
//! home     how things are
//! live, endpoints, routes, services, bans, people, audit   what goes on, who may, and who did
//! service  one service, looked at closely
//! rooms    conferences there are and were
//! phone    a person's own phone, and the check that names what does not work
//! records  past calls; filters: those that somebody saved; recordings: what was recorded of them
//! sounds   prompts: heard, uploaded, replaced
//! webhooks who is told what happens, and what nobody took
//! call     one call, with its proof
//! words    small things that many pages show
//! wrong    what is said when a page cannot be shown
//! again    where that is said: on the page of the form that was refused, with what was typed
//! ```
//!
//! All text goes through `maud`, which escapes it; nothing here writes HTML by hand. Style and scripts come as files of
//! their own, because the content policy takes none within a page.

mod again;
mod assets;
mod audit;
mod bans;
mod call;
mod endpoints;
mod filters;
mod frame;
mod home;
mod live;
mod log_in;
mod own_password;
mod people;
mod phone;
mod recordings;
mod records;
mod rooms;
mod routes;
mod service;
mod services;
mod sounds;
mod troubles;
mod waiting;
mod webhooks;
mod words;
mod wrong;

use axum::{
    Form, Router,
    extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, Uri, request::Parts},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    api::{Rooms, may_not},
    doors::{nothing_here, reads_pages},
    people::{Asker, Right, guard::forged},
    problem::Problem,
};

use sounds::upload::MAX_UPLOAD;
pub(crate) use words::leg_name;
pub use wrong::Wrong;

/// Largest form that is read.
const MAX_FORM: usize = 64 << 10;

/// The routes of all pages.
pub fn routes(rooms: Rooms) -> Router {
    let pages = Router::new()
        .route("/", get(home::show))
        .route("/live", get(live::show))
        .route("/live/{call}/hangup", post(live::end))
        .route("/live/{call}/transfer", post(live::pass))
        .merge(rooms::routes())
        .route("/endpoints", get(endpoints::show).post(endpoints::change::add))
        .route("/endpoints/{user}/password", post(endpoints::change::change_password))
        .route("/endpoints/{user}/remove", post(endpoints::change::remove))
        .route("/routes", get(routes::show).post(routes::added::add))
        .route("/routes/{id}", post(routes::added::change))
        .route("/routes/{id}/remove", post(routes::added::remove))
        .route("/services", get(services::list))
        .route("/services/{name}", get(service::show))
        .route("/services/{name}/text", get(services::text))
        .route("/sounds", get(sounds::list).post(sounds::upload::take).layer(DefaultBodyLimit::max(MAX_UPLOAD)))
        .route("/sounds/{name}", get(sounds::one::show))
        .route("/sounds/{name}/sound", get(sounds::one::give))
        .route("/sounds/{name}/restore", post(sounds::one::restore))
        .route("/sounds/{name}/remove", post(sounds::one::remove))
        .route("/webhooks", get(webhooks::show))
        .route("/webhooks/ping", post(webhooks::ping))
        .route("/webhooks/receivers", post(webhooks::receivers::add))
        .route("/webhooks/receivers/{id}", post(webhooks::receivers::change))
        .route("/webhooks/receivers/{id}/remove", post(webhooks::receivers::remove))
        .route("/webhooks/receivers/{id}/ping", post(webhooks::receivers::ping))
        .route("/webhooks/deliveries/{id}/resend", post(webhooks::resend))
        .route("/webhooks/deliveries/{id}/remove", post(webhooks::remove))
        .route("/bans", get(bans::show).post(bans::ban))
        .route("/bans/lift", post(bans::lift))
        .route("/audit", get(audit::show))
        .route("/password", get(own_password::show).post(own_password::change))
        .route("/people", get(people::show))
        .route("/people/users", post(people::add))
        .route("/people/users/{name}/role", post(people::set_role))
        .route("/people/users/{name}/endpoint", post(people::set_endpoint))
        .route("/people/users/{name}/remove", post(people::remove))
        .route("/people/tokens", post(people::make_token))
        .route("/people/tokens/{id}/remove", post(people::remove_token))
        .route("/phone", get(phone::show).post(phone::make))
        .route("/phone/check", get(phone::check))
        .route("/records", get(records::show))
        .route("/recordings", get(recordings::show))
        .route("/recordings/{call}/{at}/delete", post(recordings::remove))
        .route("/records/filters", post(filters::save))
        .route("/records/filters/remove", post(filters::forget))
        .route("/calls/{call}", get(call::show))
        .route("/calls/{call}/text", get(call::files::text))
        .route("/calls/{call}/json", get(call::files::json))
        .route("/calls/{call}/pcap", get(call::files::pcap))
        .route("/calls/{call}/replay", get(call::again::replay))
        .route("/calls/{call}/as-test", get(call::again::test))
        .route("/calls/{call}/as-test/file", get(call::again::test_file))
        .route("/calls/{call}/recordings/{at}", get(call::sound::give))
        .route("/login", get(log_in::show).post(log_in::log_in))
        .route("/logout", post(log_in::log_out))
        .route("/assets/{version}/{file}", get(assets::give))
        .fallback(nowhere)
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(rooms);
    let again = pages.clone();
    pages.layer(middleware::from_fn(move |request: Request, next: middleware::Next| {
        again::shown(again.clone(), request, next)
    }))
}

/// There is no such page, nor anything else there: told to people as a page, and to programs as they read it.
async fn nowhere(uri: Uri, headers: HeaderMap) -> Response {
    let problem = nothing_here(&uri);
    match reads_pages(uri.path(), &headers) {
        true => Wrong::from(problem).into_response(),
        false => problem.into_response(),
    }
}

/// Somebody who is logged in; anybody else is led to the log-in, and from there to where he wanted to go.
pub struct Guest(pub Asker);

impl Guest {
    /// Only who may.
    pub fn may(&self, right: Right) -> Result<(), Wrong> {
        match self.0.rights.has(right) {
            true => Ok(()),
            false => Err(Wrong::from(may_not(right)).to(&self.0)),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        match parts.extensions.get::<Asker>() {
            Some(asker) => Ok(Self(asker.clone())),
            None => {
                // A form cannot be asked for again; the page that it stood on can.
                let page = again::page_of(parts.uri.path()).filter(|_| parts.method == Method::POST);
                let wanted = page.and_then(|page| page.parse().ok()).unwrap_or_else(|| parts.uri.clone());
                Err(Redirect::to(&log_in::address(&wanted)).into_response())
            }
        }
    }
}

/// What a form says whose only content is its address.
#[derive(Deserialize)]
pub struct Nothing {}

/// A form of a page of ours: it carries the token of the session.
pub struct Posted<T>(pub T);

#[derive(Deserialize)]
struct Signed {
    csrf: String,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Posted<T> {
    type Rejection = Wrong;

    async fn from_request(request: Request, state: &S) -> Result<Self, Wrong> {
        let session = request.extensions().get::<Asker>().and_then(|asker| asker.session.clone());
        let text = axum::extract::RawForm::from_request(request, state).await;
        let text = text.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
        let Form(signed) = read::<Signed>(&text.0)?;
        if !session.is_some_and(|session| session.is_csrf(&signed.csrf)) {
            return Err(forged().into());
        }
        read::<T>(&text.0).map(|Form(said)| Self(said))
    }
}

fn read<T: DeserializeOwned>(form: &[u8]) -> Result<Form<T>, Wrong> {
    let read = serde_urlencoded::from_bytes(form);
    let wrong = |error: serde_urlencoded::de::Error| Problem::new(StatusCode::BAD_REQUEST, error.to_string());
    Ok(Form(read.map_err(wrong)?))
}

/// The path and query that somebody asked for, when it can be asked for again after a log-in.
fn wanted(uri: &Uri) -> Option<&str> {
    uri.path_and_query().map(|wanted| wanted.as_str()).filter(|wanted| within(wanted))
}

/// Whether that leads to a page of this server and nowhere else.
fn within(path: &str) -> bool {
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    plain && path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/login") && path.len() <= 2048
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_leads_nowhere_but_into_this_server() {
        for good in ["/", "/records?text=a%20b&after=x", "/calls/01m4zr3kv8x0q5wd7t2e#leg-1"] {
            assert!(within(good), "{good}");
        }
        for bad in
            ["", "//evil.example", "/\\evil.example", "https://evil.example", "evil", "/a\r\nb", "/login", "/a b"]
        {
            assert!(!within(bad), "{bad:?}");
        }
    }
}
