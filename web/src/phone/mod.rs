//! Browsers that are phones: the sockets that they speak over.
//!
//! ```text
//! socket   from a request to a WebSocket
//! origin   which pages may ask for one
//! sip      SIP over WebSocket at /sip
//! ice      the STUN and TURN servers that browsers are told of
//! own      the endpoint of a person
//! words    what a page and the server say to each other, in JSON
//! agent    a page's user agent: JSON there, SIP here
//! signal   our own JSON at /phone/signal: who is there
//! session  one page and its talks
//! client   /phone.js, which pages embed
//! desk     who is connected, and who may come back
//! token    what guests show
//! pipe     the connection between an agent and the engine
//! ```
//!
//! Sound never comes here: a browser sends it to the media threads.

pub mod agent;
mod client;
pub mod desk;
pub mod ice;
pub mod origin;
pub mod own;
pub mod pipe;
mod session;
mod signal;
mod sip;
mod socket;
pub mod token;
pub mod words;

use axum::{Router, routing::get};

use crate::api::Rooms;

pub use desk::Phones;
pub use ice::Ice;
pub use origin::{Origin, Origins};

/// The doors of browsers that are phones.
pub fn routes(rooms: Rooms) -> Router {
    Router::new()
        .route("/sip", get(sip::open))
        .route("/phone.js", get(client::give))
        .route("/phone/signal", get(signal::open))
        .with_state(rooms)
}
