//! What an authority hears when it asks our names for the words that it has given us.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};

/// Words at once: a certificate's names, each asked for one.
const MOST: usize = super::MOST_NAMES;

/// The words, by their tokens.
#[derive(Debug, Default)]
pub struct Answers(Mutex<HashMap<String, String>>);

impl Answers {
    /// Those doors, and beside them the page at which an authority asks.
    pub fn beside(self: &Arc<Self>, doors: Router) -> Router {
        let asked = Router::new().route("/.well-known/acme-challenge/{token}", get(answer));
        doors.merge(asked.with_state(self.clone()))
    }

    pub(super) fn put(&self, token: &str, word: &str) {
        let mut words = self.hold();
        if words.len() < MOST {
            words.insert(token.into(), word.into());
        }
    }

    pub(super) fn clear(&self) {
        self.hold().clear();
    }

    fn hold(&self) -> MutexGuard<'_, HashMap<String, String>> {
        // A word is there or not; nobody leaves half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(answers): State<Arc<Answers>>, Path(token): Path<String>) -> impl IntoResponse {
    let word = answers.hold().get(&token).cloned();
    let plain = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, "no-store")];
    match word {
        Some(word) => (StatusCode::OK, plain, word),
        None => (StatusCode::NOT_FOUND, plain, "nobody asked for that".into()),
    }
}
