//! A server that is killed in the middle of calls, on either database: what was going on is told as interrupted.

use patchcord_lab::{Carrier, Handset, Lab, Model, Server, Setup, eventually};
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

/// A server whose calls are kept in PostgreSQL.
pub fn on(cluster: &Cluster) -> Setup {
    setup().toml(&format!("[database]\nurl = {:?}", cluster.url()))
}

/// How the calls ended, which are all over.
pub fn outcomes(told: &[Value]) -> Vec<&str> {
    told.iter().map(|told| told["record"]["outcome"].as_str().expect("it is over")).collect()
}

/// Until the newest call stands in the store as one that was answered and goes on.
pub async fn stands_open(server: &Server) {
    let open = async || {
        let listed = server.json(&["calls", "--json"]).await;
        let record = &listed["records"][0]["record"];
        (record["outcome"].is_null() && !record["answered_us"].is_null()).then_some(())
    };
    eventually("the answered call stands open", open).await;
}

/// Until the server has said so long after the newest call began that it is alive.
async fn lives_on(server: &Server, milliseconds: u64) {
    let file = server.data().join("spool/alive");
    let listed = server.json(&["calls", "--json"]).await;
    let began = listed["records"][0]["record"]["began_ms"].as_u64().expect("when it began");
    let alive = async || {
        let said: u64 = std::fs::read_to_string(&file).ok()?.trim().parse().ok()?;
        (said >= began + milliseconds).then_some(())
    };
    eventually("it has given a sign of life", alive).await;
}

/// A call stands, its server dies without a word, and the next one says what is known.
async fn interrupted(mut server: Server) {
    let lab = Lab::open();
    let (alice, bob) = talking(&lab, &server).await;
    stands_open(&server).await;
    bob.holds().await;
    lives_on(&server, 3_000).await;
    server.kill().await;
    server.start().await;

    let told = records(&server, 1).await;
    let record = &told[0]["record"];
    assert!(record["ended_us"].as_u64() >= Some(3_000_000), "it is known to have lasted that long: {told:#?}");
    assert!(record["talk_us"].as_u64() > Some(1_000_000), "and they talked: {told:#?}");
    assert_eq!(told[0]["length_is_known"], false);
    let whole = server.json(&["calls", "show", record["call"].as_str().expect("an id"), "--json"]).await;
    let journal = whole["journal"].to_string();
    assert!(journal.contains("held"), "what happened behind the answer is told: {journal}");
    assert_eq!(whole["length_is_known"], false);
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

/// Whoever stops the server in good order cuts no story short: the calls end, and all that is known of them is kept.
#[tokio::test]
async fn calls_that_an_orderly_stop_ended_are_told_to_their_end_with_their_recordings() {
    let service = "fn on_invite(caller) { caller.dial(\"user:bob\", #{ record: true }); }\n\
                   fn on_bye(leg, why) { log::info(`${leg.number} is gone`); }";
    let route = "[recordings]\nformat = \"wav\"\n\
                 [[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"ivr\"\n";
    let mut server = house_with(setup().service("ivr", service).toml(route)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Udp, &Model::new()).await;
    alice.dial("700");
    bob.answers().await;
    alice.is_answered().await;
    alice.comes_to_hear(&[&bob]).await;
    server.stop().await;
    server.start().await;

    let told = records(&server, 1).await;
    assert_eq!(outcomes(&told), ["answered"], "{told:#?}");
    let sentence = told[0]["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("they talked") && sentence.contains("the server stop"), "{sentence}");
    let record = &told[0]["record"];
    let times = ["answered_us", "ended_us", "talk_us"].map(|time| record[time].as_u64().expect("a time"));
    assert!(times[1] > times[0] && times[2] > 0, "{record:#}");
    let file = record["recordings"][0].as_str().expect("a recording");
    let path = server.data().join("recordings").join(file);
    let recorded = [0, 1].map(|channel| lab.hears_file(&path, channel).voices().len());
    assert_eq!(recorded, [1, 1], "each of them is heard in the file");
    let (shown, good) = server.run(&["calls", record["call"].as_str().expect("an id")], "").await;
    assert!(good && shown.contains("is gone"), "{shown}");
}
