//! Commands beside a running server, and what phones notice of them.

use std::{fs, process::Command};

use patchcord_lab::{Carrier, Phone, Server, Setup, eventually};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::binary::BINARY;

async fn phone(server: &Server, user: &str, password: &str) -> Phone {
    Phone::connect(Carrier::Udp, server.address(Carrier::Udp), user, password).await
}

pub async fn page(server: &Server, path: &str) -> String {
    let status = server.json(&["status", "--json"]).await;
    let address = status["web"][0].as_str().and_then(|web| web.strip_prefix("http:")).expect("an address").to_owned();
    let mut stream = TcpStream::connect(address).await.expect("the door answers");
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn an_endpoint_that_is_added_registers_at_once() {
    let server = Setup::new(BINARY).start().await;
    let added = server.json(&["endpoint", "add", "alice", "--number", "101", "--json"]).await;
    assert_eq!(added["via"], "server");
    let password = added["passwords"]["alice"].as_str().expect("a password").to_owned();

    let mut alice = phone(&server, "alice", &password).await;
    assert_eq!(alice.register(300).await.status(), 200);
    let listed = server.json(&["endpoint", "list", "--json"]).await;
    let expected = json!({ "user": "alice", "number": "101", "digest": null, "source": "database", "reachable": true });
    assert_eq!(listed["endpoints"], json!([expected]));
    let found = server.json(&["registrations", "--json"]).await;
    assert_eq!(found["registrations"][0]["peer"], alice.line().local().to_string());
}

#[tokio::test]
async fn the_line_that_the_start_prints_adds_the_first_endpoint() {
    let mut server = Setup::new(BINARY).start().await;
    let printed = |line: &str| line.contains(" endpoint add alice ").then(|| line.trim().to_owned());
    let line = server.process().line("how to add the first endpoint", printed).await;
    let listening = format!("  sip  udp:{}", server.address(Carrier::Udp));
    assert!(server.process().said().contains(&listening), "{:?}", server.process().said());

    let mut words = line.split_whitespace();
    let pasted = Command::new(words.next().expect("a program")).args(words).output().expect("it runs");
    assert!(pasted.status.success(), "{pasted:?}");
    let listed = server.json(&["endpoint", "list", "--json"]).await;
    assert_eq!((&listed["endpoints"][0]["user"], &listed["endpoints"][0]["number"]), (&json!("alice"), &json!("101")));
}

#[tokio::test]
async fn another_password_ends_the_registration_and_the_old_one() {
    let server = Setup::new(BINARY).start().await;
    let (_, good) = server.run(&["endpoint", "add", "alice", "--password-stdin"], "old\n").await;
    assert!(good);
    let mut alice = phone(&server, "alice", "old").await;
    assert_eq!(alice.register(300).await.status(), 200);

    let (_, good) = server.run(&["endpoint", "password", "alice", "--password-stdin"], "new\n").await;
    assert!(good);
    assert_eq!(server.json(&["registrations", "--json"]).await["registrations"], json!([]));
    assert_eq!(phone(&server, "alice", "old").await.register(300).await.status(), 403);
    assert_eq!(phone(&server, "alice", "new").await.register(300).await.status(), 200);

    let (_, good) = server.run(&["endpoint", "remove", "alice"], "").await;
    assert!(good);
    assert_eq!(phone(&server, "alice", "new").await.register(300).await.status(), 403);
    assert_eq!(server.json(&["registrations", "--json"]).await["registrations"], json!([]));
}

#[tokio::test]
async fn sigterm_ends_it_in_order_and_a_restart_finds_everything() {
    let mut server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 200);
    server.run(&["endpoint", "add", "bob"], "").await;

    let ended = server.stop().await;
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.said);
    assert!(!server.data().join("control.sock").exists() && !server.data().join("control.token").exists());
    server.start().await;
    let status = server.json(&["status", "--json"]).await;
    assert_eq!(
        (&status["endpoints"], &status["registered"], &status["hindrances"]),
        (&json!(2), &json!(1), &json!([]))
    );
}

#[tokio::test]
async fn the_status_says_how_the_media_threads_are() {
    let server = Setup::new(BINARY).toml("[media]\nports = \"20000-20099\"\nthreads = 2\n").start().await;
    let sound = &server.json(&["status", "--json"]).await["sound"];
    assert_eq!((&sound["threads"], &sound["ports"], &sound["most_ports"]), (&json!(2), &json!(0), &json!(50)));
    let (told, _) = server.run(&["status"], "").await;
    assert!(told.contains("\n  sound         0 of 50 ports, 0 rooms, 2 threads, "), "{told}");
    assert!(told.contains("\n  prompts       0 ready in 0 KiB\n"), "{told}");
}

#[tokio::test]
async fn a_killed_server_is_no_hindrance_for_the_next() {
    let mut server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    server.kill().await;
    assert!(server.data().join("control.sock").exists(), "it had no time to tidy up");
    let (told, good) = server.run(&["status"], "").await;
    assert!(!good && told.starts_with("error: no server runs with data folder "), "{told}");

    server.start().await;
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 200);
}

#[tokio::test]
async fn a_second_server_is_refused_and_the_first_serves_on() {
    let server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    let (told, good) = server.run(&["run"], "").await;
    assert!(!good && told.contains("server.data: a server is already running with data folder"), "{told}");
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 200);
}

#[tokio::test]
async fn a_reload_takes_new_endpoints_and_says_what_waits() {
    let server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 200);
    let before = fs::read_to_string(server.configuration()).expect("the configuration");
    let bob = before.replace("\"alice\"", "\"bob\"") + "\n[limits]\ncontacts = 2\n";
    fs::write(server.configuration(), bob).expect("changed");

    let done = server.json(&["reload", "--json"]).await;
    // The lab asked for any port at the start and wrote down afterwards which ones it got.
    assert_eq!(done["needs_restart"], json!(["sip.listen", "limits"]));
    assert_eq!(phone(&server, "bob", "secret").await.register(300).await.status(), 200);
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 403);
    let found = server.json(&["registrations", "--json"]).await;
    assert_eq!(found["registrations"].as_array().expect("a list").len(), 1, "alice is reachable no more: {found}");
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_at_a_reload() {
    let server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    fs::write(server.configuration(), "[sip]\nlsten = []\n").expect("changed");
    let (told, good) = server.run(&["reload"], "").await;
    assert!(!good && told.contains("sip.lsten: is unknown"), "{told}");
    assert!(told.ends_with("    correct that and reload again; the server goes on as it was\n"), "{told}");
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 200);
}

#[tokio::test]
async fn a_second_terminal_needs_only_to_know_where_the_server_is() {
    let server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    let before = fs::read_to_string(server.configuration()).expect("the configuration");
    let unset = "\n[[endpoint]]\nuser = \"bob\"\npassword_env = \"NOT_SET_IN_THIS_TERMINAL\"\n[sipp]\n";
    fs::write(server.configuration(), before + unset).expect("changed");

    for command in ["status", "registrations", "endpoint list", "endpoint add carol", "endpoint remove carol"] {
        let (told, good) = server.run(&command.split(' ').collect::<Vec<_>>(), "").await;
        assert!(good, "{command}: {told}");
    }
}

#[tokio::test]
async fn a_phone_is_told_the_port_that_it_must_know() {
    let server = Setup::new(BINARY).start().await;
    let (said, good) = server.run(&["endpoint", "add", "alice"], "").await;
    let port = server.address(Carrier::Udp).port();
    let line = format!("A phone registers as sip:alice@<this machine>:{port} with user name alice.\n");
    assert!(good && said.ends_with(&line), "{said}");
}

#[tokio::test]
async fn sighup_reloads_and_logs_what_is_wrong() {
    let mut server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    let before = fs::read_to_string(server.configuration()).expect("the configuration");
    fs::write(server.configuration(), "[sip]\nlsten = []\n").expect("changed");
    server.process().signal("HUP").await;
    let line = server
        .process()
        .line("the reload is refused", |line| line.contains("not reloaded").then(|| line.to_owned()))
        .await;
    assert!(line.contains("sip.lsten: is unknown"), "{line}");

    fs::write(server.configuration(), before + "[[endpoint]]\nuser = \"bob\"\npassword = \"secret\"\n")
        .expect("changed");
    server.process().signal("HUP").await;
    let reloaded = |line: &str| line.contains(": reloaded ").then(|| line.to_owned());
    let line = server.process().line("the reload is done", reloaded).await;
    assert!(line.contains("2 endpoints"), "{line}");
    assert_eq!(phone(&server, "bob", "secret").await.register(300).await.status(), 200);
}

#[tokio::test]
async fn the_pages_follow_what_phones_do() {
    let server = Setup::new(BINARY).endpoint("alice", "secret").start().await;
    assert!(page(&server, "/readyz").await.ends_with("ready\n"));
    assert_eq!(phone(&server, "alice", "wrong").await.register(300).await.status(), 403);
    assert_eq!(phone(&server, "alice", "secret").await.register(300).await.status(), 200);

    let metrics = page(&server, "/metrics").await;
    for line in [
        "patchcord_endpoints 1",
        "patchcord_registered_endpoints 1",
        "patchcord_registrations 1",
        "patchcord_registers_served_total 1",
        "patchcord_challenges_total 2",
        "patchcord_wrong_credentials_total 1",
        "patchcord_refused_total{status=\"403\"} 1",
        "patchcord_sip_messages_received_total{transport=\"udp\"} 4",
        "patchcord_sip_messages_sent_total{transport=\"udp\"} 4",
        "patchcord_media_ports{thread=\"0\"} 0",
        "patchcord_media_rooms{thread=\"0\"} 0",
        "patchcord_media_strangers_total{thread=\"0\"} 0",
        "patchcord_prompts 0",
    ] {
        assert!(metrics.contains(&format!("\n{line}\n")), "no {line} in {metrics}");
    }
    eventually("the registration is written behind", async || {
        page(&server, "/metrics").await.contains("\npatchcord_registrations_unwritten 0\n").then_some(())
    })
    .await;
}
