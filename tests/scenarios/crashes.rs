//! A server that is killed in the middle of calls, on either database: what was going on is told as interrupted, and what waited on the
//! disk because the database was away is there once.

use patchcord_lab::{Carrier, Handset, Lab, Model, Server, Setup, Side, eventually};
use serde_json::Value;

use crate::{
    calling::{at_home, house_with},
    cluster::Cluster,
    records::records,
    setup,
};

/// Two at home who talk.
async fn talking(lab: &Lab, server: &Server) -> (Handset, Handset) {
    let alice = at_home(lab, server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(lab, server, "bob", Carrier::Udp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    (alice, bob)
}

fn on(cluster: &Cluster) -> Setup {
    setup().toml(&format!("[database]\nurl = {:?}", cluster.url()))
}

fn outcomes(told: &[Value]) -> Vec<&str> {
    told.iter().map(|told| told["record"]["outcome"].as_str().expect("it is over")).collect()
}

/// A call stands, its server dies without a word, and the next one says what is known.
async fn interrupted(mut server: Server) {
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    let open = async || {
        let listed = server.json(&["calls", "--json"]).await;
        let record = &listed["records"][0]["record"];
        (record["outcome"].is_null() && !record["answered_us"].is_null()).then_some(())
    };
    eventually("the answered call stands open", open).await;
    server.kill().await;
    server.start().await;

    let told = records(&server, 1).await;
    assert_eq!(outcomes(&told), ["interrupted"], "{told:#?}");
    let sentence = told[0]["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("the server stopped in the middle of it"), "{sentence}");
    assert_eq!(told[0]["record"]["fault"], "server");
    let (_, measured) = server.get("/metrics").await;
    assert!(measured.contains("patchcord_calls_interrupted_total 1\n"), "{measured}");

    // A second start finds nothing open, and changes nothing.
    server.kill().await;
    server.start().await;
    assert_eq!(records(&server, 1).await, told);
    drop((alice, bob));
}

#[tokio::test]
async fn a_call_that_a_crash_cut_off_is_told_as_interrupted_in_sqlite() {
    interrupted(house_with(setup()).await).await;
}

#[tokio::test]
async fn a_call_that_a_crash_cut_off_is_told_as_interrupted_in_postgresql() {
    let cluster = Cluster::start();
    interrupted(house_with(on(&cluster)).await).await;
}

#[tokio::test]
async fn what_waited_on_the_disk_outlives_the_server_and_is_in_postgresql_once() {
    let mut cluster = Cluster::start();
    let mut server = house_with(on(&cluster)).await;
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    cluster.kill();
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let spooled = async || {
        let (_, told) = server.get("/metrics").await;
        // The call is over, nothing of it waits in memory, and something lies on the disk.
        let over =
            ["patchcord_calls 0\n", "patchcord_journal_waiting_bytes 0\n"].iter().all(|line| told.contains(line));
        (over && !told.contains("patchcord_journal_spool_bytes 0\n")).then_some(())
    };
    eventually("the call lies on the disk", spooled).await;
    server.kill().await;
    cluster.start_again();
    server.start().await;
    let told = records(&server, 1).await;
    assert_eq!(outcomes(&told), ["answered"], "{told:#?}");
    assert_eq!(told[0]["record"]["legs"].as_array().map(Vec::len), Some(2), "{told:#?}");

    let emptied = async || {
        let (_, told) = server.get("/metrics").await;
        told.contains("patchcord_journal_spool_bytes 0\n").then_some(())
    };
    eventually("nothing waits any more", emptied).await;
    server.kill().await;
    server.start().await;
    assert_eq!(records(&server, 1).await, told, "and it is written once");
}
