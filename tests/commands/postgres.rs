//! The same server on PostgreSQL.

use patchcord_lab::{Carrier, Phone, Setup};
use serde_json::json;

use crate::{binary::BINARY, cluster::Cluster};

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
