//! The control socket: how the commands speak to a running server.
//!
//! ```text
//! socket   control.sock in the data folder, for its owner alone
//! token    control.token beside it, made anew at each start and asked for with every request
//! words    what is said over it, in JSON
//! api      the routes
//! records  those that show what became of calls
//! ```
//!
//! Whoever may read the data folder may command the server; nobody else gets past the token. There is no SQL here and
//! no decision: requests are handed to the accounts and to the house.

mod api;
mod calls;
mod records;
mod socket;
mod token;
pub mod words;

use std::{path::Path, sync::Arc};

use axum::Router;
use patchcord_engine::journal::RecordShelf;

pub use api::MAX_BODY;
pub use socket::{BindError, SOCKET_FILE, bind};
pub use token::{TOKEN_FILE, Token, TokenError};

use crate::{accounts::Accounts, house::House};

/// The routes of the control socket, behind the token.
pub fn routes(accounts: Arc<Accounts>, house: Arc<dyn House>, records: Arc<dyn RecordShelf>, token: Token) -> Router {
    api::routes(accounts, house, records, token)
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
