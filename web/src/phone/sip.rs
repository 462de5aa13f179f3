//! `/sip`: SIP over WebSocket (RFC 7118), for the libraries that people have already.
//!
//! The connection becomes one of the engine's, counted with all others of its source; who speaks over it proves itself there, by
//! its password.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use patchcord_engine::runtime::{SUBPROTOCOL, offers_sip, upgraded};
use patchcord_sip::hop::Transport;
use tracing::debug;

use super::socket::Asked;
use crate::{api::Rooms, problem::Problem, serve::Ends};

/// `GET /sip`
pub async fn open(State(rooms): State<Rooms>, mut request: Request) -> Result<Response, Problem> {
    rooms.house.origins().admit(request.headers())?;
    if !offers_sip(request.headers()) {
        let detail = "here is SIP over WebSocket: offer the subprotocol sip";
        return Err(Problem::new(StatusCode::BAD_REQUEST, detail).remedy("new WebSocket(address, \"sip\")"));
    }
    let asked = Asked::read(&mut request)?;
    let answer = asked.answer(Some(SUBPROTOCOL));
    tokio::spawn(async move {
        let ends = asked.ends;
        match asked.open().await {
            Ok(stream) => {
                let socket = Box::new(upgraded(stream).await);
                if let Err(refused) = rooms.house.adopt(socket, transport(ends), ends, None) {
                    debug!(%refused, "a WebSocket was turned away");
                }
            }
            Err(error) => debug!(%error, "a WebSocket was given up by its peer"),
        }
    });
    Ok(answer.into_response())
}

/// How SIP calls what the peer speaks to us.
pub fn transport(ends: Ends) -> Transport {
    if ends.secure { Transport::Wss } else { Transport::Ws }
}
