//! RFC 9457 problem documents: how every door of this crate says no.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use patchcord_engine::routing::{DirectoryError, ShelfError};
use serde::{Deserialize, Serialize};

use crate::{accounts::AccountError, json};

/// What a problem document is called.
pub const PROBLEM_TYPE: &str = "application/problem+json";

/// A refusal that people and programs can read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The status, as in the status line.
    pub status: u16,
    /// What the status means.
    pub title: String,
    /// What went wrong this time.
    pub detail: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Problem {
    /// A problem of that status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { status: status.as_u16(), title, detail: detail.into(), remedy: None }
    }

    /// With what can be done about it.
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json::text(&self);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_TYPE));
        response
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let status = match &error {
            AccountError::Unfit(_) | AccountError::Directory(DirectoryError::BadName { .. }) => StatusCode::BAD_REQUEST,
            AccountError::NotFound { .. } => StatusCode::NOT_FOUND,
            AccountError::Directory(DirectoryError::Full) => StatusCode::INSUFFICIENT_STORAGE,
            AccountError::Exists { .. } | AccountError::Emergency { .. } | AccountError::Directory(_) => {
                StatusCode::CONFLICT
            }
            AccountError::Shelf(ShelfError::Away(_)) => StatusCode::SERVICE_UNAVAILABLE,
            AccountError::Shelf(ShelfError::Refused(_)) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, chain(&error)).remedy(error.remedy())
    }
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
