//! TLS in both roles, and certificates that change while connections stand.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use patchcord_engine::runtime::{CertificateError, Limits, SendFault};
use patchcord_sip::hop::Transport;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::dns::{DnsServer, Zone};
use crate::net::{Caller, Phone, serve};
use crate::support::{House, request, status, within};

fn options(call_id: &str) -> String {
    request("OPTIONS", call_id, "TLS phone.invalid", "")
}

/// What a phone trusts that was given this certificate.
pub fn trusting(certificate: &Path) -> TlsConnector {
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("it can be trusted");
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn dial(house: &House) -> std::io::Result<Caller<TlsStream<TcpStream>>> {
    let connector = trusting(&house.folder.path().join("certificate.pem"));
    let stream = TcpStream::connect(house.at(Transport::Tls)).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    Ok(Caller::over(within(connector.connect(name, stream)).await?))
}

#[tokio::test]
async fn a_phone_that_trusts_our_certificate_is_served() {
    let house = House::open(&["tls:127.0.0.1:0"]);
    let mut caller = dial(&house).await.expect("a connection");
    assert_eq!(status(&caller.ask(options("a")).await), 200);
    caller.say("\r\n\r\n").await;
    assert_eq!(caller.frame().await, Some(patchcord_sip::stream::Frame::Pong));
}

#[tokio::test]
async fn a_large_answer_and_a_request_in_pieces_pass_through_tls() {
    let house = House::open(&["tls:127.0.0.1:0"]);
    let mut caller = dial(&house).await.expect("a connection");
    let order = request("OPTIONS", "large", "TLS phone.invalid", "X-Size: 60000\r\n");
    let (first, rest) = order.split_at(order.len() / 2);
    caller.say(first).await;
    caller.say(rest).await;
    assert!(caller.hear().await.len() > 60_000);
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_new_connections_and_old_ones_stay() {
    let house = House::open(&["tls:127.0.0.1:0"]);
    let mut old = dial(&house).await.expect("a connection");
    assert_eq!(status(&old.ask(options("before")).await), 200);
    let shown = |caller: &Caller<TlsStream<TcpStream>>| {
        let (_, session) = caller.stream.get_ref();
        session.peer_certificates().expect("it was shown")[0].clone().into_owned()
    };

    for file in ["certificate.pem", "key.pem"] {
        std::fs::remove_file(house.folder.path().join(file)).expect("it was there");
    }
    house.runtime.reload_certificates().expect("another one is made");

    let mut new = dial(&house).await.expect("a connection");
    assert_ne!(shown(&new), shown(&old));
    assert_eq!(status(&new.ask(options("new")).await), 200);
    assert_eq!(status(&old.ask(options("after")).await), 200);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_loaded_leaves_the_old_one_in_place() {
    let house = House::open(&["tls:127.0.0.1:0"]);
    let kept = std::fs::read(house.folder.path().join("certificate.pem")).expect("it is there");
    std::fs::write(house.folder.path().join("certificate.pem"), "nonsense").expect("it can be written");
    let error = house.runtime.reload_certificates().expect_err("nonsense is no certificate");
    assert!(matches!(error, CertificateError::Empty(_)), "{error:?}");
    std::fs::write(house.folder.path().join("certificate.pem"), kept).expect("it can be written");
    let mut caller = dial(&house).await.expect("a connection");
    assert_eq!(status(&caller.ask(options("a")).await), 200);
}

#[tokio::test]
async fn who_speaks_no_tls_is_closed_and_hurts_nobody() {
    let limits = Limits { handshake: std::time::Duration::from_millis(50), ..Limits::default() };
    let house = House::with_limits(&["tls:127.0.0.1:0"], limits);
    let mut plain = Caller::to(house.at(Transport::Tls)).await;
    plain.say(options("plain")).await;
    plain.closed().await;
    let mut silent = Caller::to(house.at(Transport::Tls)).await;
    silent.closed().await;
    house.counted("handshakes_failed", |count| count == 2).await;
    house.counted("flows", |count| count == 0).await;
}

/// A SIP server by TLS with the certificate of a house.
async fn tls_server(house: &House) -> SocketAddr {
    let chain =
        vec![CertificateDer::from_pem_file(house.folder.path().join("certificate.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(house.folder.path().join("key.pem")).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("a pair");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let addr = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, peer, 200).await;
                }
            });
        }
    });
    addr
}

#[tokio::test]
async fn a_server_has_to_prove_the_name_that_was_asked_for() {
    // The certificate of this house names localhost and 127.0.0.1, and nobody else.
    let carrier = House::open(&["udp:127.0.0.1:0"]);
    let server = tls_server(&carrier).await;
    let dns = DnsServer::with(Zone::default().host("other.example", "127.0.0.1")).await;
    let mut house = House::with(&["udp:127.0.0.1:0"], |settings| {
        settings.trust = Some(carrier.folder.path().join("certificate.pem"));
        settings.dns = vec![dns.addr];
    });
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let order = |target: &str| {
        request("MESSAGE", &target.replace(':', "."), "UDP phone.invalid", &format!("X-Send-To: {target}\r\n"))
    };

    phone.say(order(&format!("sips:127.0.0.1:{}", server.port()))).await;
    assert_eq!(house.end().await, Ok((200, server, Transport::Tls)));
    phone.say(order(&format!("sips:localhost:{}", server.port()))).await;
    assert_eq!(house.end().await, Ok((200, server, Transport::Tls)));
    phone.say(order(&format!("sips:other.example:{}", server.port()))).await;
    assert_eq!(house.end().await, Err(SendFault::Unreachable));
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_talked_to() {
    let carrier = House::open(&["udp:127.0.0.1:0"]);
    let server = tls_server(&carrier).await;
    let mut house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    phone.say(request("MESSAGE", "order", "UDP phone.invalid", &format!("X-Send-To: sips:{server}\r\n"))).await;
    assert_eq!(house.end().await, Err(SendFault::Unreachable));
}
