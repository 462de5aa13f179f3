//! How the world sees us: STUN in both roles, and who sees which address.

use std::net::SocketAddr;

use patchcord_engine::runtime::Advertise;
use patchcord_sip::hop::Transport;
use tokio::net::UdpSocket;

use crate::net::Phone;
use crate::support::{House, header, options, request, status, within};

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// A binding request with this transaction.
fn question(transaction: [u8; 12]) -> Vec<u8> {
    [&[0, 1, 0, 0], &COOKIE[..], &transaction].concat()
}

/// The answer to a binding request: the seen address, masked, as RFC 5389 §15.2 wants it.
fn answer(question: &[u8], seen: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(seen) = seen else { panic!("only IPv4 here") };
    let port = seen.port() ^ 0x2112;
    let ip: Vec<u8> = seen.ip().octets().iter().zip(COOKIE).map(|(byte, mask)| byte ^ mask).collect();
    [&[1, 1, 0, 12][..], &question[4..20], &[0, 0x20, 0, 8, 0, 1], &port.to_be_bytes(), &ip].concat()
}

/// A STUN server that sees everybody at one public address. Its first answer is one that nobody asked for.
async fn stun_server(seen: SocketAddr) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
    let addr = socket.local_addr().expect("an address");
    tokio::spawn(async move {
        let mut buffer = [0; 256];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let forged = answer(&question([7; 12]), "203.0.113.66:6666".parse().expect("an address"));
            let honest = answer(&buffer[..length], seen);
            for datagram in [forged, honest] {
                socket.send_to(&datagram, peer).await.expect("it is sent");
            }
        }
    });
    addr
}

async fn contact(phone: &Phone, call_id: &str) -> String {
    header(&phone.ask(options(call_id)).await, "Contact").to_owned()
}

/// The Via of a request that the house sends to somebody at this address.
async fn via_towards(peer: &str, phone: &Phone) -> String {
    let server = UdpSocket::bind((peer, 0)).await.expect("a socket");
    let target = server.local_addr().expect("an address");
    let order = request(
        "MESSAGE",
        &format!("via{}", target.port()),
        "UDP phone.invalid",
        &format!("X-Send-To: sip:{target}\r\n"),
    );
    assert_eq!(status(&phone.ask(order).await), 200);
    let mut buffer = vec![0; 4096];
    let (length, _) = within(server.recv_from(&mut buffer)).await.expect("a request");
    header(str::from_utf8(&buffer[..length]).expect("text"), "Via").to_owned()
}

#[tokio::test]
async fn what_a_stun_server_sees_is_told_to_the_world_and_not_to_neighbours() {
    let seen: SocketAddr = "203.0.113.9:40123".parse().expect("an address");
    let server = stun_server(seen).await;
    let house = House::with(&["udp:127.0.0.1:0"], |settings| {
        settings.advertise = Advertise::Stun(server.ip().to_string(), server.port());
        settings.local = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let ours = house.at(Transport::Udp);
    within(async {
        while house.runtime.mapped().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(house.runtime.mapped(), [(house.runtime.bound()[0], seen)]);

    let (neighbour, stranger) = (Phone::from("127.0.0.1:0", ours).await, Phone::from("127.0.0.2:0", ours).await);
    assert_eq!(contact(&neighbour, "neighbour").await, format!("<sip:{ours}>"));
    assert_eq!(contact(&stranger, "stranger").await, format!("<sip:{seen}>"));
    assert!(via_towards("127.0.0.1", &neighbour).await.starts_with(&format!("SIP/2.0/UDP {ours};")));
    assert!(via_towards("127.0.0.2", &neighbour).await.starts_with(&format!("SIP/2.0/UDP {seen};")));
}

#[tokio::test]
async fn the_advertised_address_stands_in_requests_to_the_world() {
    let house = House::with(&["udp:0.0.0.0:0"], |settings| {
        settings.advertise = Advertise::Address([203, 0, 113, 7].into());
        settings.local = vec!["127.0.0.1/32".parse().expect("a network")];
    });
    let port = house.at(Transport::Udp).port();
    let phone = Phone::to(([127, 0, 0, 1], port).into()).await;
    for (peer, sent_by) in [("127.0.0.1", format!("127.0.0.1:{port}")), ("127.0.0.2", format!("203.0.113.7:{port}"))] {
        let via = via_towards(peer, &phone).await;
        assert!(via.starts_with(&format!("SIP/2.0/UDP {sent_by};")), "{via}");
    }
}

#[tokio::test]
async fn a_phone_that_keeps_its_way_open_by_stun_is_told_how_we_see_it() {
    let house = House::open(&["udp:127.0.0.1:0"]);
    let phone = Phone::to(house.at(Transport::Udp)).await;
    let asked = question([3; 12]);
    phone.say(&asked).await;
    assert_eq!(phone.hear_bytes().await, answer(&asked, phone.addr()));
}
