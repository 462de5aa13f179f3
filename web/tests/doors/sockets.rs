//! SIP over WebSocket at `/sip`, in the clear and under TLS.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use patchcord_engine::runtime::{CertificateSource, Keeper};
use patchcord_sip::hop::Transport;
use patchcord_web::serve::{Secure, serve};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::lab::{Adopted, Lab};

const UPGRADE: &str =
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn asked(address: &str) -> hyper::Request<()> {
    let mut request = address.into_client_request().expect("an address");
    request.headers_mut().insert("sec-websocket-protocol", "sip".parse().expect("a value"));
    request
}

/// Asks as a client that leaves something out.
async fn refused(lab: &Lab, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(lab.web).await.expect("the door answers");
    let request = format!("GET /sip HTTP/1.1\r\nHost: pbx.example.org\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("that is all");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer)
}

#[tokio::test]
async fn a_socket_that_speaks_sip_is_handed_over_with_the_address_of_its_peer() {
    let lab = Lab::new().await;
    let stream = TcpStream::connect(lab.web).await.expect("the door answers");
    let ours = stream.local_addr().expect("an address");
    let (mut socket, answer) = client_async(asked("ws://pbx.example.org/sip"), stream).await.expect("upgraded");
    assert_eq!(answer.headers()["sec-websocket-protocol"], "sip");

    let Adopted { socket: mut taken, transport, ends } = lab.adopted().await;
    assert_eq!((transport, ends.peer, ends.local, ends.secure), (Transport::Ws, ours, lab.web, false));
    socket.send(Message::text("OPTIONS sip:a SIP/2.0\r\n\r\n")).await.expect("said");
    let heard = taken.next().await.expect("a message").expect("whole");
    assert_eq!(&heard[..], b"OPTIONS sip:a SIP/2.0\r\n\r\n");
    taken.send("SIP/2.0 200 OK\r\n\r\n".into()).await.expect("said");
    let heard = socket.next().await.expect("a message").expect("whole");
    assert_eq!(heard.to_text().expect("text"), "SIP/2.0 200 OK\r\n\r\n");
}

#[tokio::test]
async fn a_message_of_ten_megabytes_ends_its_socket_and_reaches_nobody() {
    let lab = Lab::new().await;
    let stream = TcpStream::connect(lab.web).await.expect("the door answers");
    let (mut socket, _) = client_async(asked("ws://pbx.example.org/sip"), stream).await.expect("upgraded");
    let mut taken = lab.adopted().await.socket;
    let ten = Message::text("x".repeat(10 << 20));
    // It may be told no before it has said all of it.
    let (_all_or_part, heard) = tokio::join!(socket.send(ten), async {
        let heard = taken.next().await.expect("an end");
        drop(taken);
        heard
    });
    assert!(heard.expect_err("no message").to_string().contains("too long"));
}

#[tokio::test]
async fn what_is_no_socket_that_speaks_sip_is_told_so() {
    let lab = Lab::new().await;
    let connection = "Connection: Upgrade\r\n";
    let sip = "Sec-WebSocket-Protocol: sip\r\n";
    for (headers, status, why) in [
        (format!("{connection}{UPGRADE}"), 400, "offer the subprotocol sip"),
        (sip.to_owned(), 426, "here is a WebSocket and no page"),
        (format!("{connection}{sip}Upgrade: websocket\r\nSec-WebSocket-Version: 12\r\n"), 400, "only version 13"),
        (
            format!("{connection}{sip}{UPGRADE}Origin: https://evil.example\r\n"),
            403,
            "https://evil.example may open no",
        ),
    ] {
        let (told, answer) = refused(&lab, &headers).await;
        assert!(told == status && answer.contains(why), "{headers}: {answer}");
    }
}

#[tokio::test]
async fn https_shows_the_certificate_that_was_loaded_last_and_drops_nobody() {
    let lab = Lab::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let source = CertificateSource::MadeOnce { folder: folder.path().into(), names: vec!["pbx.example.org".into()] };
    let keeper = Arc::new(Keeper::open(source).expect("one is made"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(serve(Secure::new(listener, keeper.clone()), lab.doors(), stopped));
    // Somebody who says nothing keeps nobody waiting.
    let _silent = TcpStream::connect(at).await.expect("connected");
    let connect = async || {
        let mut roots = RootCertStore::empty();
        let file = folder.path().join("certificate.pem");
        let trusted = CertificateDer::pem_file_iter(file).expect("a file").map(|read| read.expect("a certificate"));
        roots.add_parsable_certificates(trusted);
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(at).await.expect("connected");
        let name = ServerName::try_from("pbx.example.org").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    };
    let stream = connect().await.expect("a handshake");
    let (mut socket, _) = client_async(asked("wss://pbx.example.org/sip"), stream).await.expect("upgraded");
    let Adopted { socket: mut taken, transport, ends } = lab.adopted().await;
    assert_eq!((transport, ends.secure), (Transport::Wss, true));

    for file in ["certificate.pem", "key.pem"] {
        std::fs::remove_file(folder.path().join(file)).expect("it was there");
    }
    keeper.reload().expect("another is made");
    connect().await.expect("the new one is shown, which alone is trusted now");
    socket.send(Message::text("OPTIONS sip:a SIP/2.0\r\n\r\n")).await.expect("said");
    assert!(taken.next().await.expect("a message").is_ok(), "who was there stays");
}

#[tokio::test]
async fn who_listens_to_events_is_told_their_end_when_the_server_stops() {
    let events = || async {
        let told = futures_util::stream::once(async { Ok::<_, std::convert::Infallible>("data: 1\n\n") });
        let told = axum::body::Body::from_stream(told.chain(futures_util::stream::pending()));
        ([(hyper::header::CONTENT_TYPE, "text/event-stream")], told)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let mut stream = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("connected");
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, axum::Router::new().route("/", axum::routing::get(events)), stopped));
    stream.write_all(b"GET / HTTP/1.1\r\nHost: pbx.example.org\r\n\r\n").await.expect("sent");
    let mut heard = String::new();
    while !heard.contains("data: 1") {
        let mut some = [0; 512];
        let read = stream.read(&mut some).await.expect("it goes on");
        assert!(read > 0, "{heard}");
        heard += &String::from_utf8_lossy(&some[..read]);
    }
    stop.send_replace(true);
    stream.read_to_string(&mut heard).await.expect("an end");
    assert!(heard.ends_with("\r\n0\r\n\r\n"), "the last of its pieces, not a connection that is cut: {heard}");
    serving.await.expect("it has stopped");
}
