//! The doors beside SIP: HTTP for machines that watch, the control socket, the configuration, and the log.

use std::fs;

use patchcord_lab::{Carrier, Phone};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::cluster::Cluster;
use crate::{alices_server, bindings, setup};

#[tokio::test]
async fn a_running_server_is_healthy_ready_and_counts_its_registrations() {
    let server = alices_server().await;
    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(server.get("/readyz").await.0, 200);
    assert_eq!(server.get("/nothing").await.0, 404);

    let (_, before) = server.get("/metrics").await;
    assert!(before.lines().any(|line| line == "patchcord_registrations 0"), "{before}");
    let mut phone = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "secret").await;
    assert_eq!(phone.register(600).await.status(), 200);
    let (_, after) = server.get("/metrics").await;
    assert!(after.lines().any(|line| line == "patchcord_registrations 1"), "{after}");
}

#[tokio::test]
async fn the_control_socket_turns_away_whoever_has_no_token() {
    let server = alices_server().await;
    for token in ["", "Authorization: Bearer guess\r\n"] {
        let mut socket = UnixStream::connect(server.data().join("control.sock")).await.expect("the control socket");
        let request = format!("GET /api/v1/endpoints HTTP/1.1\r\nHost: x\r\n{token}Connection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert!(!answer.contains("alice"), "{answer}");
    }
}

#[tokio::test]
async fn the_first_configuration_is_written_checked_and_served() {
    let server = alices_server().await;
    let folder = TempDir::new().expect("a folder to begin in");
    let written = folder.path().join("patchcord.toml");
    let place = folder.path().to_str().expect("a plain path");
    let (said, good) = server.run(&["init", place], "").await;
    assert!(good, "{said}");
    let (said, good) = server.run_with(&written, &["check"], "").await;
    assert!(good, "{said}");
    let (said, good) = server.run(&["init", place], "").await;
    assert!(!good && said.contains("patchcord.toml"), "a second init must not overwrite the first: {said}");
}

#[tokio::test]
async fn a_wrong_configuration_stops_the_start_with_file_key_reason_and_remedy() {
    let server = alices_server().await;
    let folder = TempDir::new().expect("a folder for a wrong configuration");
    let wrong = folder.path().join("wrong.toml");
    fs::write(&wrong, "[sip]\nlisten = [\"carrier-pigeon:0.0.0.0:5060\"]\n\n[sever]\n").expect("a wrong configuration");
    for command in ["check", "run"] {
        let (said, good) = server.run_with(&wrong, &[command], "").await;
        assert!(!good, "{command} took it");
        for part in ["wrong.toml:2", "sip.listen", "carrier-pigeon", "wrong.toml:4", "sever"] {
            assert!(said.contains(part), "{command} does not say {part}: {said}");
        }
    }
}

#[tokio::test]
async fn what_talks_to_a_server_that_is_not_there_says_so() {
    let mut server = alices_server().await;
    server.stop().await;
    let (said, good) = server.run(&["status"], "").await;
    assert!(!good && said.contains("no server"), "{said}");
}

#[tokio::test]
async fn no_password_and_no_proof_gets_into_the_log() {
    let mut server = setup().endpoint("alice", "open sesame").toml("[log]\nlevel = \"trace\"").start().await;
    let mut phone = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "open sesame").await;
    assert_eq!(phone.register(600).await.status(), 200);
    let (said, good) = server.run(&["endpoint", "add", "bob", "--password-stdin"], "swordfish\n").await;
    assert!(good, "{said}");
    let proof = phone.request(&patchcord_lab::Wish::expires(600));
    let response = proof.header("Authorization").split("response=\"").nth(1).expect("a proof")[..32].to_owned();
    assert_eq!(phone.line().exchange(&proof).await.status(), 200);

    let ended = server.stop().await;
    let log = ended.said.join("\n");
    assert!(log.lines().count() > 5, "a server at trace has more to say: {log}");
    for secret in ["open sesame", "swordfish", &response] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

#[tokio::test]
async fn bindings_outlive_a_restart_on_postgresql_too() {
    let cluster = Cluster::start();
    let mut server = setup().toml(&format!("[database]\nurl = {:?}", cluster.url())).start().await;
    let (said, good) = server.run(&["endpoint", "add", "alice", "--password-stdin"], "secret\n").await;
    assert!(good, "{said}");
    let mut phone = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "secret").await;
    assert_eq!(phone.register(600).await.status(), 200);

    assert_eq!(server.stop().await.status.code(), Some(0));
    server.start().await;

    assert_eq!(bindings(&server, "alice").await, [phone.contact().trim_matches(['<', '>'])]);
    assert_eq!(phone.register(600).await.status(), 200, "the account is there, too");
}
