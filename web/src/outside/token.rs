//! `token`: what a guest shows who calls from a web page.
//!
//! `{numbers, expires, calls, name}` → `{token, expires}`: the numbers that it may call and nothing else, for how many seconds (an hour
//! unless told otherwise), how many calls at once (one), and what those are shown whom it calls. The answer says until when, in seconds
//! since 1970.

use std::time::SystemTime;

use serde_json::Value;

use super::{Misasked, read};
use crate::{
    phone::token::{self, Unminted, Wish},
    store::Signer,
};

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoToken {
    /// It is not understood what is wanted.
    #[error(transparent)]
    Misasked(#[from] Misasked),
    /// That cannot be had.
    #[error(transparent)]
    Unminted(#[from] Unminted),
}

pub(super) fn answer(signer: &Signer, ask: &str, wall: SystemTime) -> Result<Value, NoToken> {
    let wish: Wish = read(ask)?;
    let minted = token::mint(wish, signer, wall)?;
    Ok(serde_json::to_value(minted).expect("a text and a number are JSON"))
}
