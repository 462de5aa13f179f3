//! The torture messages of RFC 4475 and RFC 5118, live: each is answered or dropped, and the server goes on.

use std::fs;
use std::path::{Path, PathBuf};

use patchcord_lab::{Carrier, Line};

use crate::alices_server;

/// The messages of both documents, byte for byte.
fn torture() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture");
    let mut messages = Vec::new();
    for rfc in ["rfc4475", "rfc5118"] {
        let entries = fs::read_dir(folder.join(rfc)).expect("the torture messages are here");
        messages.extend(entries.map(|entry| entry.expect("an entry can be read").path()));
    }
    messages.sort();
    assert_eq!(messages.len(), 62, "50 messages of RFC 4475 and 12 of RFC 5118");
    messages
}

#[tokio::test]
async fn each_torture_message_over_udp_leaves_a_server_that_answers() {
    let mut server = alices_server().await;
    let before = server.process().id();
    for message in torture() {
        let mut line = Line::open(Carrier::Udp, server.address(Carrier::Udp)).await;
        line.send(fs::read(&message).expect("a torture message")).await;
        assert!(line.is_answered().await, "after {}", message.display());
    }
    assert_eq!(server.process().id(), before);
}

#[tokio::test]
async fn each_torture_message_over_tcp_and_tls_leaves_a_server_that_answers() {
    let mut server = alices_server().await;
    let before = server.process().id();
    for carrier in [Carrier::Tcp, Carrier::Tls] {
        let mut neighbour = Line::open(carrier, server.address(carrier)).await;
        for message in torture() {
            let mut line = Line::open(carrier, server.address(carrier)).await;
            line.send(fs::read(&message).expect("a torture message")).await;
            assert!(neighbour.is_answered().await, "{carrier:?}, after {}", message.display());
            let mut next = Line::open(carrier, server.address(carrier)).await;
            assert!(next.is_answered().await, "{carrier:?}, after {}", message.display());
        }
    }
    assert_eq!(server.process().id(), before);
}
