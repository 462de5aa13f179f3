//! The people who register at a server under measurement, and the switchboard that knows them.

use std::sync::Arc;
use std::time::Instant;

use patchcord_engine::routing::{Digests, DirectoryError, Endpoint, Origin, RegistrarRules};
use patchcord_engine::switchboard::Switchboard;
use patchcord_sip::digest::Credential;

/// The user name of one of them, of the length that people's names and numbers have.
pub fn user(number: usize) -> String {
    format!("phone{number:06}")
}

/// The password that goes with it.
pub fn password(number: usize) -> String {
    format!("correct-horse-{number:06}")
}

/// A switchboard as a server without any configuration has it.
pub fn switchboard(now: Instant) -> Switchboard {
    Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], now)
}

/// Lets that many people register.
pub fn invite(board: &Switchboard, count: usize) -> Result<(), DirectoryError> {
    let endpoint = |number: usize| Endpoint {
        number: Some(format!("{}", 100_000 + number).into()),
        ..Endpoint::new(&user(number), Credential::Password(Arc::from(password(number))), Origin::Store)
    };
    board.directory.put((0..count).map(endpoint).collect())
}

/// Whom the scenarios of SIPp call.
pub const CALLED: &str = "+4930123101";
