//! SIP over WebSocket (RFC 7118).

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use patchcord_engine::runtime::NotAdopted;
use patchcord_sip::hop::Transport;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::support::{House, Note, header, request, status, within};
use crate::tls::trusting;

fn options(call_id: &str) -> String {
    request("OPTIONS", call_id, "WS browser.invalid", "")
}

async fn upgrade<S>(stream: S, protocol: Option<&'static str>) -> Result<WebSocketStream<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = "ws://localhost/sip".into_client_request().expect("a request");
    if let Some(protocol) = protocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
    }
    let (socket, response) = within(Box::pin(client_async(request, stream))).await?;
    assert_eq!(response.headers().get("Sec-WebSocket-Protocol"), Some(&HeaderValue::from_static("sip")));
    Ok(socket)
}

async fn browser(server: SocketAddr) -> WebSocketStream<TcpStream> {
    let stream = TcpStream::connect(server).await.expect("a connection");
    upgrade(stream, Some("sip")).await.expect("an upgrade")
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(socket: &mut WebSocketStream<S>, message: Message) -> Message {
    within(socket.send(message)).await.expect("it is sent");
    within(socket.next()).await.expect("it is open").expect("it is well")
}

#[tokio::test]
async fn a_browser_asks_in_text_and_is_answered_in_text() {
    let house = House::open(&["ws:127.0.0.1:0"]);
    let mut socket = browser(house.at(Transport::Ws)).await;
    let answer = ask(&mut socket, Message::text(options("a"))).await;
    let answer = answer.into_text().expect("text");
    assert_eq!(status(&answer), 200);
    assert!(header(&answer, "Via").starts_with("SIP/2.0/WS browser.invalid"));
}

#[tokio::test]
async fn a_message_in_binary_is_a_message_too() {
    let house = House::open(&["ws:127.0.0.1:0"]);
    let mut socket = browser(house.at(Transport::Ws)).await;
    let answer = ask(&mut socket, Message::binary(options("a"))).await;
    assert_eq!(status(&answer.into_text().expect("text")), 200);
}

#[tokio::test]
async fn keepalives_of_both_kinds_are_answered() {
    let house = House::open(&["ws:127.0.0.1:0"]);
    let mut socket = browser(house.at(Transport::Ws)).await;
    assert_eq!(ask(&mut socket, Message::text("\r\n\r\n")).await, Message::text("\r\n"));
    assert_eq!(ask(&mut socket, Message::Ping("x".into())).await, Message::Pong("x".into()));
}

#[tokio::test]
async fn who_does_not_offer_sip_is_refused() {
    let house = House::open(&["ws:127.0.0.1:0"]);
    for protocol in [None, Some("chat")] {
        let stream = TcpStream::connect(house.at(Transport::Ws)).await.expect("a connection");
        let refused = upgrade(stream, protocol).await;
        assert!(matches!(&refused, Err(Error::Http(response)) if response.status() == 400), "{protocol:?}");
    }
    house.counted("handshakes_failed", |count| count == 2).await;
}

#[tokio::test]
async fn a_message_too_large_ends_the_connection_by_the_code_that_says_so() {
    let house = House::open(&["ws:127.0.0.1:0"]);
    let socket = browser(house.at(Transport::Ws)).await;
    let (mut says, mut hears) = socket.split();
    // The other side may close before all of it has been written.
    let saying = async { says.send(Message::text("x".repeat(10 << 20))).await };
    let hearing = async {
        let mut codes = Vec::new();
        while let Some(Ok(message)) = hears.next().await {
            assert!(message.is_close(), "{message:?}");
            codes.extend(if let Message::Close(frame) = message { frame.map(|frame| frame.code) } else { None });
        }
        codes
    };
    let (_all_or_part, codes) = within(async { tokio::join!(saying, hearing) }).await;
    assert_eq!(codes, [CloseCode::Size]);
    house.counted("flows", |count| count == 0).await;
}

#[tokio::test]
async fn a_browser_that_goes_away_is_a_flow_that_closes() {
    let mut house = House::open(&["ws:127.0.0.1:0"]);
    let mut socket = browser(house.at(Transport::Ws)).await;
    ask(&mut socket, Message::text(options("a"))).await;
    within(socket.close(None)).await.expect("it closes");
    house.note(|note| matches!(note, Note::Closed(_)).then_some(())).await;
}

#[tokio::test]
async fn the_same_goes_under_tls() {
    let house = House::open(&["wss:127.0.0.1:0"]);
    let connector = trusting(&house.folder.path().join("certificate.pem"));
    let stream = TcpStream::connect(house.at(Transport::Wss)).await.expect("a connection");
    let stream = within(connector.connect(ServerName::try_from("localhost").expect("a name"), stream)).await;
    let mut socket = upgrade(stream.expect("TLS"), Some("sip")).await.expect("an upgrade");
    assert_eq!(status(&ask(&mut socket, Message::text(options("a"))).await.into_text().expect("text")), 200);
}

/// A connection whose other end is in the test.
fn pair() -> (futures_util::stream::BoxStream<'static, Bytes>, tokio::sync::mpsc::Sender<Bytes>, Adopted) {
    let (to_house, from_test) = tokio::sync::mpsc::channel::<Bytes>(8);
    let (to_test, from_house) = tokio::sync::mpsc::channel::<Bytes>(8);
    let heard = futures_util::stream::unfold(from_house, |mut from| async { Some((from.recv().await?, from)) });
    let said = futures_util::stream::unfold(from_test, |mut from| async { Some((Ok(from.recv().await?), from)) });
    let sink = futures_util::sink::unfold(to_test, |to, bytes| async move {
        to.send(bytes).await.map_err(std::io::Error::other)?;
        Ok(to)
    });
    (heard.boxed(), to_house, Adopted { said: said.boxed(), sink: Box::pin(sink) })
}

struct Adopted {
    said: futures_util::stream::BoxStream<'static, std::io::Result<Bytes>>,
    sink: std::pin::Pin<Box<dyn Sink<Bytes, Error = std::io::Error> + Send>>,
}

impl Stream for Adopted {
    type Item = std::io::Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.said.poll_next_unpin(context)
    }
}

impl Sink<Bytes> for Adopted {
    type Error = std::io::Error;

    fn poll_ready(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.sink.as_mut().poll_ready(context)
    }

    fn start_send(mut self: std::pin::Pin<&mut Self>, bytes: Bytes) -> std::io::Result<()> {
        self.sink.as_mut().start_send(bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.sink.as_mut().poll_flush(context)
    }

    fn poll_close(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        self.sink.as_mut().poll_close(context)
    }
}

#[tokio::test]
async fn a_socket_that_was_upgraded_elsewhere_is_taken_over() {
    let house = House::with(&["udp:127.0.0.1:0"], |settings| settings.limits.connections = 1);
    let addr: SocketAddr = "127.0.0.1:8443".parse().expect("an address");
    let (mut heard, say, adopted) = pair();
    house.runtime.adopt(Box::new(adopted), Transport::Wss, (addr, addr), None).expect("there is room");

    say.send(Bytes::from(options("a"))).await.expect("it is open");
    let answer = within(heard.next()).await.expect("it is open");
    assert_eq!(status(str::from_utf8(&answer).expect("text")), 200);

    let (_, _, another) = pair();
    assert_eq!(house.runtime.adopt(Box::new(another), Transport::Wss, (addr, addr), None), Err(NotAdopted::Crowded));
    drop((say, heard));
    house.counted("flows", |count| count == 0).await;
}
