//! What can be done to a stream: crumbs, heaps, halves and floods. Memory stays flat throughout.

use patchcord_lab::{Carrier, Heard, Line, Server};

use crate::{alices_server, setup};

/// What allocators, caches and thread stacks may keep of a flood; a leak of one message per connection is far more.
const SLACK_KIB: u64 = 16 * 1024;
/// One more byte than a message may have.
const TOO_LARGE: usize = 64 * 1024 + 1;

async fn open(server: &Server, carrier: Carrier) -> Line {
    Line::open(carrier, server.address(carrier)).await
}

#[tokio::test]
async fn a_request_in_single_bytes_is_understood() {
    let server = alices_server().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut line = open(&server, carrier).await;
        let ask = line.ask("OPTIONS", &line.uri("")).body("text/plain", "x");
        for byte in ask.text().as_bytes() {
            assert!(line.send([*byte]).await, "{carrier:?}");
        }
        let reply = line.message().await;
        assert_eq!((reply.status(), reply.header("Call-ID")), (200, Some(ask.header("Call-ID"))), "{carrier:?}");
    }
}

#[tokio::test]
async fn many_requests_in_one_segment_are_all_answered() {
    let server = alices_server().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut line = open(&server, carrier).await;
        let asks: Vec<_> = (0..100).map(|_| line.ask("OPTIONS", &line.uri(""))).collect();
        let heap: String = asks.iter().map(|ask| format!("\r\n{}", ask.text())).collect();
        line.send(heap).await;
        let mut answered = Vec::new();
        for _ in &asks {
            let reply = line.message().await;
            assert_eq!(reply.status(), 200, "{carrier:?}");
            answered.push(reply.header("Call-ID").expect("a Call-ID").to_owned());
        }
        answered.sort();
        let mut asked: Vec<_> = asks.iter().map(|ask| ask.header("Call-ID").to_owned()).collect();
        asked.sort();
        assert_eq!(answered, asked, "{carrier:?}");
    }
}

#[tokio::test]
async fn a_keepalive_is_answered_on_streams() {
    let server = alices_server().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut line = open(&server, carrier).await;
        line.send("\r\n\r\n").await;
        assert_eq!(line.hear().await, Heard::Pong, "{carrier:?}");
    }
}

#[tokio::test]
async fn half_a_message_and_silence_ends_the_flow() {
    let server = setup().toml("[limits]\nhalf_message = \"1s\"\nhandshake = \"1s\"").start().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut line = open(&server, carrier).await;
        let whole = line.ask("OPTIONS", &line.uri("")).text();
        line.send(&whole[..whole.len() / 2]).await;
        // Whether 408 or nothing is said before, the flow is not kept.
        line.until_closed().await;
    }
    // A TLS connection on which nobody ever shakes hands goes, too.
    let mut mute = Line::open(Carrier::Tcp, server.address(Carrier::Tls)).await;
    mute.until_closed().await;
}

#[tokio::test]
async fn a_message_that_is_one_byte_too_large_ends_the_flow_with_a_status() {
    let server = alices_server().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut line = open(&server, carrier).await;
        let empty = line.ask("OPTIONS", &line.uri("")).body("text/plain", "x".repeat(60_000)).text().len() - 60_000;
        let ask = line.ask("OPTIONS", &line.uri("")).body("text/plain", "x".repeat(TOO_LARGE - empty));
        line.send(ask.text()).await;
        let statuses: Vec<_> = line.until_closed().await.iter().map(|reply| reply.status()).collect();
        assert_eq!(statuses, [513], "{carrier:?}");
        assert!(open(&server, carrier).await.is_answered().await, "{carrier:?}");
    }
}

#[tokio::test]
async fn an_endless_header_ends_the_flow() {
    let server = alices_server().await;
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut line = open(&server, carrier).await;
        line.send(format!("OPTIONS sip:x SIP/2.0\r\nSubject: {}", "x".repeat(TOO_LARGE))).await;
        line.until_closed().await;
        assert!(open(&server, carrier).await.is_answered().await, "{carrier:?}");
    }
}

#[tokio::test]
async fn lengths_that_lie_end_the_flow_with_a_400() {
    let server = alices_server().await;
    for length in ["-1", "4294967297", "12x", ""] {
        let mut line = open(&server, Carrier::Tcp).await;
        let ask = line.ask("OPTIONS", &line.uri("")).text();
        line.send(ask.replace("Content-Length: 0", &format!("Content-Length: {length}"))).await;
        let replies = line.until_closed().await;
        let clear = replies.iter().all(|reply| [400, 413, 513].contains(&reply.status()));
        assert!(clear && replies.len() == 1, "Content-Length {length:?}: {replies:?}");
    }
}

#[tokio::test]
async fn floods_of_halves_and_giants_leave_memory_flat() {
    let mut server = alices_server().await;
    // The first round pays for pools and caches; from then on nothing may grow.
    flood(&server).await;
    let before = server.resident_kib();
    for _ in 0..8 {
        flood(&server).await;
    }
    let after = server.resident_kib();
    assert!(after < before + SLACK_KIB, "{before} KiB grew to {after} KiB");
}

/// A hundred connections with a giant or a half each, which hang up: 6 MB that nobody may keep.
async fn flood(server: &Server) {
    for number in 0..100 {
        let mut line = open(server, Carrier::Tcp).await;
        let giant = line.ask("OPTIONS", &line.uri("")).body("text/plain", "x".repeat(TOO_LARGE)).text();
        if number % 2 == 0 {
            line.send(&giant).await;
            line.until_closed().await;
        } else {
            line.send(&giant[..60_000]).await;
        }
    }
    assert!(open(server, Carrier::Tcp).await.is_answered().await);
}
