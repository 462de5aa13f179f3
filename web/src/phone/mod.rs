//! Browsers that are phones: the sockets that they speak over.
//!
//! ```text
//! socket   from a request to a WebSocket
//! origin   which pages may ask for one
//! sip      SIP over WebSocket at /sip
//! ice      the STUN and TURN servers that browsers are told of
//! ```
//!
//! Sound never comes here: a browser sends it to the media threads.

pub mod ice;
pub mod origin;
mod sip;
mod socket;

use axum::{Router, routing::get};

use crate::api::Rooms;

pub use ice::Ice;
pub use origin::{Origin, Origins};

/// The doors of browsers that are phones.
pub fn routes(rooms: Rooms) -> Router {
    Router::new().route("/sip", get(sip::open)).with_state(rooms)
}
