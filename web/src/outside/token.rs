//! `token`: what a guest shows who calls from a web page.
//!
//! `{numbers, expires, calls, name}` → `{token, expires}`: the numbers that it may call and nothing else, for how many seconds (an hour
//! unless told otherwise), how many calls at once (one), and what those are shown whom it calls. The answer says until when, in seconds
//! since 1970. What it may call is what the service's manifest names.

use std::time::SystemTime;

use serde_json::Value;

use super::{Misasked, read};
use patchcord_engine::exchange::fits as is_named;

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
    /// The manifest does not let its guests call that.
    #[error("guests of this service may not call {0:?}; name it in its manifest, as guests = [{0:?}]")]
    NotNamed(String),
    /// That cannot be had.
    #[error(transparent)]
    Unminted(#[from] Unminted),
}

pub(super) fn answer(signer: &Signer, guests: &[Box<str>], ask: &str, wall: SystemTime) -> Result<Value, NoToken> {
    let wish: Wish = read(ask)?;
    let named = |number: &str| guests.iter().any(|pattern| is_named(pattern, number));
    if let Some(number) = wish.numbers.iter().find(|number| !named(number)) {
        return Err(NoToken::NotNamed(number.clone()));
    }
    let minted = token::mint(wish, signer, wall)?;
    Ok(serde_json::to_value(minted).expect("a text and a number are JSON"))
}
