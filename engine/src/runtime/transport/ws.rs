//! SIP over WebSocket (RFC 7118): one message per WebSocket message, subprotocol `sip`.
//!
//! [`MessageSocket`] is the face: our own listeners make one from a TCP or TLS stream, and whoever has upgraded a
//! connection elsewhere (the web server, at `/sip`) brings one. Pings and pongs of WebSocket stay below it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use patchcord_sip::stream::MAX_MESSAGE;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

/// The subprotocol that both sides must name (RFC 7118 §4).
pub const SUBPROTOCOL: &str = "sip";

/// What a quiet connection keeps for reading. The usual 128 kB would cost more than everything else about a browser.
const READ_BUFFER: usize = 4096;

/// A connection on which whole messages come and go.
pub trait MessageSocket: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Send + Unpin {}

impl<S: Stream<Item = io::Result<Bytes>> + Sink<Bytes, Error = io::Error> + Send + Unpin> MessageSocket for S {}

/// Whether a client offers the subprotocol; without it there is no SIP to be spoken.
pub fn offers_sip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|offer| offer.trim().eq_ignore_ascii_case(SUBPROTOCOL))
}

/// The handshake with a client that connected to one of our own listeners.
pub(crate) async fn accept<S>(stream: S) -> io::Result<Framed<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let socket = accept_hdr_async_with_config(stream, Greeting, Some(config())).await.map_err(into_io)?;
    Ok(Framed::new(socket))
}

/// A connection on which somebody else has done the handshake, the subprotocol named on both sides.
pub async fn upgraded<S>(stream: S) -> impl MessageSocket
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    Framed::new(WebSocketStream::from_raw_socket(stream, Role::Server, Some(config())).await)
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

struct Greeting;

impl tokio_tungstenite::tungstenite::handshake::server::Callback for Greeting {
    #[allow(clippy::result_large_err, reason = "the trait wants it so")]
    fn on_request(self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        if !offers_sip(request.headers()) {
            let mut refusal = ErrorResponse::new(Some("this is SIP: offer the subprotocol sip\n".into()));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            return Err(refusal);
        }
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    }
}

/// What is read at once of a message that is too large, and forgotten.
const UNREAD: usize = 4096;

/// A WebSocket of our own listeners as a [`MessageSocket`].
pub(crate) struct Framed<S> {
    socket: WebSocketStream<S>,
    too_large: TooLarge,
}

/// Whether a message came that was too large: it is told by a code of its own, and the rest of it is read and not heard, because
/// closing over unread bytes would take our last word back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TooLarge {
    No,
    Untold,
    Told,
}

impl<S> Framed<S> {
    fn new(socket: WebSocketStream<S>) -> Self {
        Self { socket, too_large: TooLarge::No }
    }
}

/// Whether that is why a socket cannot be read any more.
pub(crate) fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for Framed<S> {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.too_large != TooLarge::No {
            return self.poll_unread(context);
        }
        loop {
            let message = match ready!(self.socket.poll_next_unpin(context)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => {
                    let error = into_io(error);
                    if is_too_large(&error) {
                        self.too_large = TooLarge::Untold;
                    }
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Ok(message)) => message,
            };
            match message {
                Message::Text(text) => return Poll::Ready(Some(Ok(text.into()))),
                Message::Binary(bytes) => return Poll::Ready(Some(Ok(bytes))),
                Message::Close(_) => return Poll::Ready(None),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Framed<S> {
    /// Reads what the peer still says, until it closes its side.
    fn poll_unread(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let mut room = [0; UNREAD];
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            match ready!(Pin::new(self.socket.get_mut()).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Bytes> for Framed<S> {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready_unpin(context).map_err(into_io)
    }

    fn start_send(mut self: Pin<&mut Self>, bytes: Bytes) -> io::Result<()> {
        // RFC 7118 §4.2: text where it is text; some browser libraries read nothing else.
        let message = match Utf8Bytes::try_from(bytes.clone()) {
            Ok(text) => Message::Text(text),
            Err(_) => Message::Binary(bytes),
        };
        self.socket.start_send_unpin(message).map_err(into_io)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush_unpin(context).map_err(into_io)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.too_large == TooLarge::Untold {
            ready!(self.socket.poll_ready_unpin(context)).map_err(into_io)?;
            // RFC 6455 §7.4.1: 1009.
            let frame = CloseFrame { code: CloseCode::Size, reason: "a message has at most 65536 bytes".into() };
            self.socket.start_send_unpin(Message::Close(Some(frame))).map_err(into_io)?;
            self.too_large = TooLarge::Told;
        }
        self.socket.poll_close_unpin(context).map_err(into_io)
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::Capacity(_) => io::Error::new(io::ErrorKind::FileTooLarge, error),
        other => io::Error::other(other),
    }
}
