//! The HTTP doors that everybody may knock at: is it up, is it ready, what did it count.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};

use crate::{house::House, metrics::Exposition, problem::Problem};

/// The version of the text format that Prometheus asks for.
const EXPOSITION_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The doors of that house.
pub fn doors(house: Arc<dyn House>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(house)
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

pub(crate) async fn nothing_here(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("there is nothing at {}", uri.path()))
}

pub(crate) async fn wrong_method(uri: Uri) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take this method", uri.path()))
}
