//! The HTTP doors: is it up, is it ready, what did it count; and behind a log-in the API and the dashboard.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, StatusCode, Uri, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use patchcord_engine::bans::Bans;

use crate::{
    api::{self, Rooms},
    house::House,
    metrics::Exposition,
    pages,
    people::guard,
    phone,
    problem::Problem,
    serve::{Ends, proxies::see_through},
};

/// The version of the text format that Prometheus asks for.
const EXPOSITION_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What every answer tells a browser: nothing from elsewhere, nothing within a line of HTML, nothing within a frame.
const SHIELDS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The doors of that house.
pub fn doors(rooms: Rooms) -> Router {
    let (people, bans) = (rooms.people.clone(), rooms.accounts.board().bans.clone());
    let proxies = rooms.proxies.clone();
    let api = api::routes(rooms.clone()).layer(middleware::from_fn(guard::signed));
    let phones = phone::routes(rooms.clone());
    let known = api.merge(pages::routes(rooms.clone())).layer(middleware::from_fn_with_state(people, guard::identify));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(rooms.house)
        .merge(phones)
        .merge(known)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(bans, turn_away))
        .layer(middleware::from_fn_with_state(proxies, see_through))
        .layer(middleware::from_fn(shield))
}

/// Whoever is banned hears nothing but that.
async fn turn_away(State(bans): State<Arc<Bans>>, request: Request, next: Next) -> Result<Response, Problem> {
    let ends: Option<&Ends> = request.extensions().get();
    match ends.is_some_and(|ends| bans.refuses_pages(ends.peer.ip())) {
        true => Err(Problem::new(StatusCode::FORBIDDEN, "this address is refused")),
        false => Ok(next.run(request).await),
    }
}

async fn shield(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let brings = headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0");
    let shares = request.version() <= Version::HTTP_11;
    let mut response = next.run(request).await;
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    if is_refused && brings && shares {
        // What was sent may not have been read, and then the connection is at its end: who asks the next thing must know it.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in SHIELDS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // What is shown to one person is kept by no cache.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn ready(State(house): State<Arc<dyn House>>) -> Response {
    let hindrances = house.hindrances().await;
    if hindrances.is_empty() {
        return "ready\n".into_response();
    }
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, hindrances.join("; ")).into_response()
}

async fn metrics(State(house): State<Arc<dyn House>>) -> Response {
    let mut page = Exposition::default();
    house.measure(&mut page);
    ([(header::CONTENT_TYPE, EXPOSITION_TYPE)], page.into_text()).into_response()
}

pub(crate) fn nothing_here(uri: &Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

pub(crate) async fn wrong_method(uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take this method", uri.path()))
}
