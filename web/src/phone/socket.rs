//! From a request to a WebSocket (RFC 6455 §4.2), whoever speaks over it then.
//!
//! The answer goes out first; the connection is ours when hyper has written it. Which page may ask is `origin`'s to say, and what is
//! said then is the business of `sip` and `signal`.

use std::{io, time::Duration};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{problem::Problem, serve::Ends};

/// How long hyper may take to hand a connection over; it has only its answer to write.
const HAND_OVER: Duration = Duration::from_secs(10);

/// A request for a WebSocket that is in order.
pub struct Asked {
    accept: String,
    hand_over: OnUpgrade,
    /// Both ends of the connection.
    pub ends: Ends,
}

impl Asked {
    /// Reads a request.
    pub fn read(request: &mut Request) -> Result<Self, Problem> {
        let headers = request.headers();
        let wrong = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail).remedy("open a WebSocket here");
        if request.method() != Method::GET {
            return Err(wrong("a WebSocket is asked for with GET"));
        }
        if !says(headers, header::CONNECTION, "upgrade") || !says(headers, header::UPGRADE, "websocket") {
            return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "here is a WebSocket and no page")
                .remedy("open a WebSocket here"));
        }
        if !says(headers, header::SEC_WEBSOCKET_VERSION, "13") {
            return Err(wrong("only version 13 of WebSocket is spoken here"));
        }
        let key = headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| wrong("Sec-WebSocket-Key is missing"))?;
        let accept = derive_accept_key(key.as_bytes());
        let ends = request.extensions().get().copied();
        let ends = ends.ok_or_else(|| wrong("no WebSocket is served on this socket"))?;
        let hand_over = request.extensions_mut().remove();
        let hand_over = hand_over.ok_or_else(|| wrong("this connection cannot become a WebSocket"))?;
        Ok(Self { accept, hand_over, ends })
    }

    /// The answer that makes it one.
    pub fn answer(&self, protocol: Option<&'static str>) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let accept = HeaderValue::from_str(&self.accept).expect("base64 can stand in a header");
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        if let Some(protocol) = protocol {
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        response
    }

    /// The connection, once the answer has been written.
    pub async fn open(self) -> io::Result<TokioIo<Upgraded>> {
        let given = tokio::time::timeout(HAND_OVER, self.hand_over).await?;
        given.map(TokioIo::new).map_err(io::Error::other)
    }
}

/// Whether a header that is a list has that word.
fn says(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok().map(str::to_owned));
    values
        .collect::<Vec<_>>()
        .iter()
        .flat_map(|value| value.split(','))
        .any(|said| said.trim().eq_ignore_ascii_case(word))
}
