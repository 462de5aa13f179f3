//! `/services/NAME` and `/api/v1/services/NAME/ask`: a service is asked over HTTP, and answers. A GET of the first is the page of the service.
//!
//! Whoever asks shows a token or is logged in, and needs the right to ask services. The service hears what was asked, without what proves who
//! asks; what it may do is what its manifest says.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use data_encoding::HEXLOWER;
use patchcord_engine::occasion::{Kind, NoAnswer, Occasion};
use serde_json::{Value, json};

use super::{
    Rooms,
    ask::{Asked, Named, Sent},
};
use crate::{
    json::Json,
    people::{Asker, guard::away},
    problem::Problem,
    store::versions::Past,
};

/// The largest body that a service is asked with.
pub const MAX_ASKED: usize = 128 << 10;

/// Headers that a service is not told: they prove who asks, or are about the way.
const UNTOLD: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    HeaderName::from_static(crate::people::guard::CSRF_HEADER),
];

/// `/services/{name}` and `/api/v1/services/{name}/ask`
pub(super) async fn ask(
    State(rooms): State<Rooms>,
    asker: Asker,
    Named(service): Named<String>,
    Asked(query): Asked<BTreeMap<String, String>>,
    method: Method,
    headers: HeaderMap,
    Sent(body): Sent,
) -> Result<Response, Problem> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: serde_json::Map<String, Value> = headers
        .iter()
        .filter(|(name, _)| !UNTOLD.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), text(value).into()))
        .collect();
    let about = json!({
        "method": method.as_str(), "query": query, "headers": headers, "who": asker.name,
        "body": String::from_utf8_lossy(&body),
    });
    let answer = rooms.house.ask(service, Occasion::new(Kind::Web, &asker.name, &about)).await?;
    Ok(worded(&answer))
}

/// `GET /api/v1/services/{name}/versions`: what they said stands on the page of the service.
pub(super) async fn versions(
    State(rooms): State<Rooms>,
    Named(service): Named<String>,
) -> Result<Json<Value>, Problem> {
    let past = rooms.store.versions_of(&service).await.map_err(|error| away(&error))?;
    let served = rooms.house.services().into_iter().find(|known| known.name == service);
    if past.is_empty() && served.is_none() {
        return Err(NoAnswer::NoService(service).into());
    }
    let ms = |at: SystemTime| at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let told = |version: &Past| {
        json!({
            "version": version.name, "number": version.number, "sha256": HEXLOWER.encode(&version.digest),
            "bytes": version.bytes, "reason": version.reason.word(),
            "findings": version.findings,
            "first_ms": ms(version.first), "since_ms": ms(version.since),
            "served": served.as_ref().is_some_and(|served| served.version == version.name),
        })
    };
    Ok(Json(json!({ "versions": past.iter().map(told).collect::<Vec<_>>() })))
}

/// What a service answers, over HTTP.
fn worded(answer: &str) -> Response {
    let mut answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let body = match answer["body"].take() {
        Value::String(body) => body,
        _ => String::new(),
    };
    let mut response = Response::new(Body::from(body));
    let status = answer["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    *response.status_mut() =
        status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::from_bytes(name.as_bytes()), value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl From<NoAnswer> for Problem {
    fn from(why: NoAnswer) -> Self {
        let (status, remedy) = match &why {
            NoAnswer::NoService(_) => (StatusCode::NOT_FOUND, "see /api/v1/services for those that are served"),
            NoAnswer::NoHandler(..) => (StatusCode::NOT_FOUND, "write fn on_web(req) into the service"),
            NoAnswer::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "ask with less"),
            NoAnswer::Full(_) => (StatusCode::SERVICE_UNAVAILABLE, "try again when calls have ended"),
            NoAnswer::Broke(_) => (StatusCode::INTERNAL_SERVER_ERROR, "correct the script; /records has the run"),
            NoAnswer::Late => (StatusCode::GATEWAY_TIMEOUT, "let the service answer within 30 seconds"),
            NoAnswer::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "try again when the server runs"),
        };
        Self::new(status, why.to_string()).remedy(remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_response() {
        let response = worded(r#"{"status":201,"headers":{"content-type":"application/json"},"body":"{}"}"#);
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(worded("nonsense").status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
