//! `registrar`: where an endpoint is now; and a mailbox that is known by its owner's number.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use patchcord_engine::{
    routing::{BindingRow, Digests, Endpoint, Origin, RegistrarRules},
    runtime::clock,
    switchboard::Switchboard,
};
use patchcord_sip::{digest::Credential, hop::Transport};
use patchcord_web::outside::{Rules, Settings};
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn an_endpoint_is_found_where_it_registered() {
    let wall = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let board = Switchboard::new(None, RegistrarRules::default(), Digests::ALL, [7; 32], clock::now());
    let row = BindingRow {
        user: "alice".into(),
        contact: "sip:alice@198.51.100.7:5062".into(),
        instance: None,
        reg_id: None,
        q_thousandths: 1000,
        path: Vec::new(),
        call_id: "1@phone".into(),
        cseq: 1,
        expires: wall + Duration::from_secs(600),
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        peer: "198.51.100.7:5062".parse().expect("an address"),
        flow_bound: false,
        user_agent: Some("Phone/1".into()),
        updated: wall - Duration::from_secs(60),
    };
    assert_eq!(board.location.restore(vec![row], clock::now(), wall), 1);
    let settings = Settings { board: Some(Arc::new(board)), ..Settings::default() };
    let lab = Lab::with(Rules::default(), settings).await;
    let found = lab.ask("registrar", json!({"user": "alice"})).await.expect("a list");
    assert_eq!(
        (&found[0]["address"], &found[0]["user_agent"]),
        (&json!("sip:alice@198.51.100.7:5062"), &json!("Phone/1"))
    );
    assert_eq!((&found[0]["peer"], &found[0]["reachable"]), (&json!("198.51.100.7:5062"), &json!(true)));
    assert!(
        found[0]["age_s"].as_u64().is_some_and(|age| age >= 60)
            && found[0]["expires_s"].as_u64().is_some_and(|left| left <= 600)
    );
    assert_eq!(lab.ask("registrar", json!({"user": "bob"})).await, Ok(json!([])));
    let told = lab.refusal("registrar", json!({"name": "bob"})).await;
    assert!(told.starts_with("registrar: the ask is not understood: unknown field `name`"), "{told}");
}

#[tokio::test]
async fn a_message_for_a_number_lies_in_its_owners_mailbox() {
    let board = Switchboard::new(None, RegistrarRules::default(), Digests::ALL, [7; 32], clock::now());
    let alice = Endpoint::new("alice", Credential::Password("x".into()), Origin::File);
    board.directory.put(vec![Endpoint { number: Some("101".into()), ..alice }]).expect("put");
    let settings = Settings { board: Some(Arc::new(board)), ..Settings::default() };
    let lab = Lab::with(Rules::default(), settings).await;
    lab.record("a.wav", b"sound");
    for (user, file) in [("101", "a.wav"), ("nobody", "a.wav")] {
        let ask = json!({"do": "save", "user": user, "file": file, "from": "", "ms": 1});
        lab.ask("mailbox", ask).await.expect("saved");
    }
    for user in ["alice", "101"] {
        let count = lab.ask("mailbox", json!({"do": "count", "user": user})).await.expect("counted");
        assert_eq!(count["unheard"], 1, "{user}");
    }
}
