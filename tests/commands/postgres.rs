//! The same server on PostgreSQL.

use patchcord_lab::{Carrier, Phone, Setup};
use serde_json::json;

use crate::{
    binary::{BINARY, Folder},
    cluster::Cluster,
    running::page,
};

#[tokio::test]
async fn endpoints_and_registrations_survive_a_restart_in_postgresql() {
    let cluster = Cluster::start();
    let database = format!("[database]\nurl = \"{}\"\n", cluster.url());
    let mut server = Setup::new(BINARY).toml(&database).start().await;
    let (_, good) = server.run(&["endpoint", "add", "alice", "--password-stdin"], "secret\n").await;
    assert!(good);
    let mut alice = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "secret").await;
    assert_eq!(alice.register(300).await.status(), 200);

    assert_eq!(server.stop().await.status.code(), Some(0));
    assert!(!server.data().join("patchcord.db").exists(), "a SQLite file was made");
    server.start().await;
    let found = server.json(&["registrations", "--json"]).await;
    assert_eq!(found["registrations"][0]["user"], json!("alice"));
}

#[tokio::test]
async fn a_second_server_on_one_database_is_refused_and_the_first_serves_on() {
    let cluster = Cluster::start();
    let database = format!("[database]\nurl = \"{}\"\n", cluster.url());
    let server = Setup::new(BINARY).endpoint("alice", "secret").toml(&database).start().await;

    let second = Folder::with(&format!("{database}[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[web]\nlisten = []\n"));
    for command in ["run", "endpoint add bob"] {
        let told = second.run(command).bad(2);
        assert!(told.starts_with("error: patchcord.toml: database.url: database postgres://"), "{command}: {told}");
        assert!(told.contains(" is held by another server\n    stop that server first"), "{command}: {told}");
    }
    let mut alice = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "secret").await;
    assert_eq!(alice.register(300).await.status(), 200);
    assert!(page(&server, "/readyz").await.ends_with("ready\n"));
}

#[tokio::test]
async fn phones_register_on_while_the_database_is_away() {
    let cluster = Cluster::start();
    let database = format!("[database]\nurl = \"{}\"\n", cluster.url());
    let mut server = Setup::new(BINARY).endpoint("alice", "secret").toml(&database).start().await;
    assert!(page(&server, "/readyz").await.ends_with("ready\n"));
    drop(cluster);

    let mut alice = Phone::connect(Carrier::Udp, server.address(Carrier::Udp), "alice", "secret").await;
    assert_eq!(alice.register(300).await.status(), 200);
    let ready = page(&server, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("the store is away"), "{ready}");
    let away = |line: &str| line.contains("the store is away; registrations go on").then_some(());
    server.process().line("the outage is logged", away).await;
    assert_eq!(server.json(&["status", "--json"]).await["unwritten"], json!(1));
    server.kill().await;
}

#[tokio::test]
async fn a_start_waits_for_a_database_only_where_waiting_may_help() {
    let mut cluster = Cluster::start();
    let anywhere = "[sip]\nlisten = [\"udp:127.0.0.1:0\"]\n[web]\nlisten = []\n";
    let folder = Folder::with(&format!("[database]\nurl = \"{}x\"\n{anywhere}", cluster.url()));
    let told = folder.run("run").bad(2);
    assert!(told.contains(" cannot be opened: database \"postgresx\" does not exist"), "{told}");
    assert!(!told.contains("waiting for the database"), "{told}");

    cluster.kill();
    let folder = Folder::with(&format!("[database]\nurl = \"{}\"\nwait = \"300ms\"\n{anywhere}", cluster.url()));
    let told = folder.run("run").bad(2);
    assert!(told.contains("waiting for the database"), "{told}");
    assert!(told.contains("error: patchcord.toml: database.url: database postgres://"), "{told}");
    assert!(told.contains(" does not answer: "), "{told}");
    let told = folder.run("endpoint list").bad(2);
    assert!(!told.contains("waiting for the database"), "a command says at once how it is: {told}");
}
