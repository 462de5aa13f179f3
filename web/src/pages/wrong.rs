//! What is said when a page cannot be shown: the same problem as the API tells, for people.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use patchcord_engine::routing::ShelfError;

use super::{
    again::Refused,
    frame::{Frame, Place},
};
use crate::{
    people::{Asker, PeopleError, guard::away},
    problem::Problem,
};

/// A page that says what went wrong.
pub struct Wrong {
    problem: Problem,
    to: Option<Box<Asker>>,
}

impl Wrong {
    /// To somebody who is logged in, and keeps his way through the pages.
    #[must_use]
    pub fn to(self, asker: &Asker) -> Self {
        Self { to: Some(Box::new(asker.clone())), ..self }
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self { problem, to: None }
    }
}

impl From<ShelfError> for Wrong {
    fn from(error: ShelfError) -> Self {
        away(&error).into()
    }
}

impl From<PeopleError> for Wrong {
    fn from(error: PeopleError) -> Self {
        Problem::from(error).into()
    }
}

impl Wrong {
    /// The page itself.
    pub fn page(&self) -> Markup {
        let Problem { status, title, detail, remedy } = &self.problem;
        let body = html! {
            section.card.notice {
                p.kicker { (status) " · " (title) }
                h1 { (with_code(&sentence(detail))) }
                @if let Some(remedy) = remedy {
                    p.muted { (with_code(&sentence(remedy))) }
                }
                p { a.button href="/" { "To the first page" } }
            }
        };
        match &self.to {
            Some(asker) => Frame::new(title, Place::Nowhere, asker).page(body),
            None => Frame::bare(title, body),
        }
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.page()).into_response();
        response.extensions_mut().insert(Refused(self.problem));
        response
    }
}

/// What is to be typed stands between backticks.
fn with_code(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// As a sentence of its own.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
