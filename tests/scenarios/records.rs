//! What is left of calls when they are over: the sentence, the legs, the messages, and nobody's secrets.

use patchcord_lab::{Carrier, Conduct, Lab, Line, Model, Server, Side, eventually};
use serde_json::Value;

use crate::calling::{at_home, house};

/// The records of so many calls that are over, the newest first.
pub async fn records(server: &Server, count: usize) -> Vec<Value> {
    let kept = async || {
        let listed = server.json(&["calls", "--json"]).await;
        let records = listed["records"].as_array().expect("a list").clone();
        let over = records.iter().filter(|told| !told["record"]["outcome"].is_null()).count();
        (over == count).then_some(records)
    };
    eventually("the records of all calls are kept", kept).await
}

#[tokio::test]
async fn an_operator_ends_a_call_that_goes_on_and_the_record_says_so() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    let open = async || {
        let listed = server.json(&["calls", "--json"]).await;
        let record = &listed["records"][0]["record"];
        record["outcome"].is_null().then(|| record["call"].as_str().map(str::to_owned)).flatten()
    };
    let id = eventually("the call stands open", open).await;
    let (said, good) = server.run(&["calls", "hangup", &id], "").await;
    assert!(good && said.contains("is being hung up"), "{said}");
    assert_eq!(alice.is_over().await.by, Side::Them);
    assert_eq!(bob.is_over().await.by, Side::Them);
    let bye = bob.heard().into_iter().find(|heard| heard.text().starts_with("BYE ")).expect("it was hung up on");
    assert_eq!(bye.header("Reason"), Some("Q.850;cause=16;text=\"hung up by an operator\""), "phones read why");

    let told = records(&server, 1).await;
    assert_eq!(told[0]["record"]["end"]["by"], "system", "{told:#?}");
    assert_eq!(told[0]["record"]["end"]["reason"], "hung up by an operator");
    let (said, good) = server.run(&["calls", "hangup", &id], "").await;
    assert!(!good && said.contains("does not go on"), "{said}");
}

#[tokio::test]
async fn a_call_that_is_refused_leaves_a_record_that_says_who_wanted_it_and_why_not() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    alice.dial("+4930123");
    assert_eq!(alice.is_refused().await, 403);
    let mut stranger = Line::open(Carrier::Udp, server.address(Carrier::Udp)).await;
    let uri = stranger.uri("102");
    let asked = stranger.ask("INVITE", &uri);
    assert_eq!(stranger.exchange(&asked).await.status(), 401);

    let told = records(&server, 1).await;
    let record = &told[0]["record"];
    assert_eq!((&record["outcome"], &record["fault"]), (&"forbidden".into(), &"caller".into()), "{told:#?}");
    let said = told[0]["sentence"].as_str().expect("a sentence");
    assert!(said.starts_with("Alice called +4930123; ") && said.contains("no route to that number"), "{said}");
    let id = record["call"].as_str().expect("an id");
    let (shown, good) = server.run(&["calls", "show", id, "--sip"], "").await;
    assert!(good && shown.contains("INVITE (sdp)") && !shown.contains("response=\""), "{shown}");
    assert!(shown.contains("403 (INVITE)"), "{shown}");
}

#[tokio::test]
async fn every_call_leaves_a_record_that_says_what_happened() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    let busy = Model::new().when_called(Conduct::Refuse(486));
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &busy).await;

    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    alice.dial("103");
    assert_eq!(alice.is_refused().await, 486);
    alice.dial("102");
    bob.is_called().await;
    alice.hears_ringing().await;
    alice.hangs_up().await;
    assert_eq!(bob.is_over().await.by, Side::Them);
    drop(carol);

    let told = records(&server, 3).await;
    let said = |at: usize| told[at]["sentence"].as_str().expect("a sentence");
    let outcome = |at: usize| told[at]["record"]["outcome"].as_str().expect("a word");
    assert_eq!([outcome(2), outcome(1), outcome(0)], ["answered", "busy", "cancelled"], "{told:#?}");
    assert_eq!(told[2]["record"]["route"], "endpoint bob", "{told:#?}");
    assert!(said(2).starts_with("Alice called 102; Bob's phone "), "{}", said(2));
    assert!(said(2).ends_with("; Bob hung up."), "{}", said(2));
    assert_eq!(said(1), "Alice called 103; Carol's phone was busy.");
    assert!(said(0).contains("; Alice gave up after "), "{}", said(0));

    let id = told[2]["record"]["call"].as_str().expect("an id");
    let (shown, good) = server.run(&["calls", "show", id, "--sip"], "").await;
    assert!(good, "{shown}");
    for expected in ["INVITE (sdp)", "180 (INVITE)", "200 (INVITE, sdp)", "ACK", "BYE", "hear each other", "nonce=…"]
    {
        assert!(shown.contains(expected), "{expected} is missing in\n{shown}");
    }
    assert!(!shown.contains("nonce=\"") && !shown.contains("response=\""), "{shown}");
}
