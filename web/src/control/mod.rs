//! The control socket: how the commands speak to a running server.
//!
//! ```text
//! socket   control.sock in the data folder, for its owner alone
//! token    control.token beside it, made anew at each start and asked for with every request
//! words    what is said over it, in JSON
//! ```
//!
//! Whoever may read the data folder may command the server; nobody else gets past the token. There is no SQL here and
//! no decision: behind the token lies the API that programs use, too, with every right.

mod bans;
mod calls;
mod originate;
mod people;
pub(crate) mod rooms;
mod routes;
mod socket;
mod token;
mod trunks;
pub mod words;

use std::path::Path;

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    middleware::{self, Next},
    response::Response,
};

pub use crate::api::MAX_BODY;
pub use socket::{BindError, SOCKET_FILE, bind};
pub use token::{TOKEN_FILE, Token, TokenError};

use crate::{
    api::{self, Rooms},
    doors::{nothing_here, wrong_method},
    people::Asker,
    problem::Problem,
};

/// The routes of the control socket, behind the token.
pub fn routes(rooms: Rooms, token: Token) -> Router {
    api::routes(rooms)
        .fallback(async |uri: Uri| nothing_here(&uri))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(token, check))
}

/// Lets nobody past who does not carry the token.
async fn check(State(token): State<Token>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match shown.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(shown) if token.is(shown) => {
            request.extensions_mut().insert(Asker::command_line());
            Ok(next.run(request).await)
        }
        _ => {
            let detail = "the request carries no token, or that of another start";
            Err(Problem::new(StatusCode::UNAUTHORIZED, detail)
                .remedy("send the text of control.token as a bearer token"))
        }
    }
}

/// Takes the socket and the token away at the end, so that nobody knocks where nobody is.
pub fn leave(folder: &Path) {
    for file in [SOCKET_FILE, TOKEN_FILE] {
        let path = folder.join(file);
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, path = %path.display(), "could not be removed");
        }
    }
}
