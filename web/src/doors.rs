//! The HTTP doors: is it up, is it ready, what did it count; and behind a log-in the API and the dashboard.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, Version, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};

use patchcord_engine::bans::Bans;

use crate::{
    api::{self, Rooms},
    house::House,
    json,
    metrics::Exposition,
    pages::{self, Wrong},
    people::guard,
    phone,
    problem::{PROBLEM_TYPE, Problem},
    serve::{Ends, proxies::see_through},
};

/// Longest words of a layer below the handlers that are repeated.
const MAX_WORDS: usize = 1_000;

/// The version of the text format that Prometheus asks for.
const EXPOSITION_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Where it stands what there is.
const LISTED: &str = "`/api/v1/openapi.json` lists every door and what it takes";

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
        .layer(middleware::from_fn(in_words))
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

/// A refusal that a layer below the handlers gave in a text of its own, or without one, has a body as all others.
async fn in_words(request: Request, next: Next) -> Response {
    let (path, headers) = (request.uri().path().to_owned(), request.headers().clone());
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || kind == Some(false) {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = to_bytes(body, MAX_WORDS).await.unwrap_or_default();
    let problem = match String::from_utf8_lossy(&text).trim() {
        "" => of_status(status),
        said => Problem::new(status, said),
    };
    let mut told =
        if reads_pages(&path, &headers) { Wrong::from(problem).into_response() } else { problem.into_response() };
    for (name, value) in &head.headers {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name) {
            told.headers_mut().append(name, value.clone());
        }
    }
    told
}

/// Whether somebody reads that as a page, and no program.
pub(crate) fn reads_pages(path: &str, headers: &HeaderMap) -> bool {
    let reads = headers.get(header::ACCEPT).and_then(|kinds| kinds.to_str().ok()).unwrap_or_default();
    !path.starts_with("/api/") && reads.contains("text/html")
}

/// A refusal that nobody has said more of than its status.
fn of_status(status: StatusCode) -> Problem {
    let (detail, remedy) = match status {
        StatusCode::URI_TOO_LONG => ("the address is longer than 64 kB", "ask with fewer or shorter filters"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            ("the head of the request is larger than any that is read", "send fewer and shorter headers and cookies")
        }
        StatusCode::BAD_REQUEST => {
            ("that is no request of HTTP/1.1", "see that the address begins with http:// or https:// as it is served")
        }
        StatusCode::RANGE_NOT_SATISFIABLE => ("nothing of it lies in that range", "Content-Range says how long it is"),
        _ => ("the request is refused", "`/api/v1/openapi.json` describes what is taken"),
    };
    Problem::new(status, detail).remedy(remedy)
}

/// The lines and the body of a refusal of what could not be read as a request, but for how it begins.
pub(crate) fn unread(status: StatusCode, front: &[u8]) -> (String, String) {
    let asked = front.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let is_program =
        [&b"/api/"[..], b"/metrics", b"/healthz", b"/readyz", b"/v1/"].iter().any(|door| asked.starts_with(door));
    let problem = of_status(status);
    let (kind, body) = match is_program || asked.is_empty() {
        true => (PROBLEM_TYPE, json::text(&problem)),
        false => ("text/html; charset=utf-8", Wrong::from(problem).page().into_string()),
    };
    let mut lines = format!("content-type: {kind}\r\ncache-control: no-store\r\nconnection: close\r\n");
    for (name, value) in SHIELDS {
        let _infallible = write!(lines, "{name}: {value}\r\n");
    }
    (lines, body)
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
    let remedy = if uri.path().starts_with("/api/") { LISTED } else { "go on from the first page" };
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path())).remedy(remedy)
}

pub(crate) async fn wrong_method(uri: Uri, headers: HeaderMap) -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take this method", uri.path()))
        .remedy(LISTED);
    match reads_pages(uri.path(), &headers) {
        true => Wrong::from(problem).into_response(),
        false => problem.into_response(),
    }
}
