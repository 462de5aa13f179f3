//! Endpoints come back as they were put, with their passwords, and unreadable to whoever has only the database.

use patchcord_engine::routing::{
    Calling, Codec, DamagedEndpoint, Digests, EndpointRow, EndpointRows, EndpointShelf, Srtp,
};

use crate::lab::{Kind, Lab, laws, moment};

laws! {
    endpoints_survive_a_restart,
    putting_an_endpoint_again_replaces_it_and_keeps_when_it_was_added,
    removing_says_whether_there_was_one,
    thousands_are_put_at_once,
    the_database_does_not_show_a_password,
    a_password_sealed_for_another_user_does_not_open_and_hurts_no_other,
}

fn endpoint(user: &str, password: &str, number: Option<&str>) -> EndpointRow {
    let forward = "busy=voicemail no_answer=102,voicemail after=15".parse().expect("a forwarding");
    let calling = Some(Calling {
        codecs: vec![Codec::Pcma, Codec::Opus],
        srtp: Srtp::Off,
        calls: Some(4),
        caller_id: Some("+4930123101".into()),
        forward,
    });
    EndpointRow {
        user: user.into(),
        password: password.into(),
        digests: number.map(|_| Digests::ALL),
        number: number.map(Into::into),
        calling: calling.filter(|_| number.is_some()).unwrap_or_default(),
        created: moment(0),
        updated: moment(0),
    }
}

async fn endpoints_survive_a_restart(lab: Lab) {
    let rows = vec![endpoint("alice", "wonderland ☂", Some("101")), endpoint("bob", "", None)];
    let store = lab.store().await;
    store.put_endpoints(rows.clone()).await.expect("put");
    store.close().await;

    assert_eq!(lab.store().await.load_endpoints().await.expect("loaded").rows, rows);
}

async fn putting_an_endpoint_again_replaces_it_and_keeps_when_it_was_added(lab: Lab) {
    let store = lab.store().await;
    store.put_endpoints(vec![endpoint("alice", "old", Some("101"))]).await.expect("put");
    let changed = EndpointRow { created: moment(9), updated: moment(9), ..endpoint("alice", "new", None) };
    store.put_endpoints(vec![changed.clone()]).await.expect("put again");

    let expected = EndpointRow { created: moment(0), ..changed };
    assert_eq!(store.load_endpoints().await.expect("loaded").rows, [expected]);
}

async fn removing_says_whether_there_was_one(lab: Lab) {
    let store = lab.store().await;
    store.put_endpoints(vec![endpoint("alice", "a", None), endpoint("bob", "b", None)]).await.expect("put");

    assert!(store.remove_endpoint("alice".into()).await.expect("removed"));
    assert!(!store.remove_endpoint("alice".into()).await.expect("nothing to remove"));
    assert_eq!(store.load_endpoints().await.expect("loaded").rows, [endpoint("bob", "b", None)]);
}

async fn thousands_are_put_at_once(lab: Lab) {
    let rows: Vec<_> = (10_000..13_001).map(|n| endpoint(&format!("phone{n}"), &format!("pw{n}"), None)).collect();
    let store = lab.store().await;
    store.put_endpoints(rows.clone()).await.expect("put");
    assert_eq!(store.load_endpoints().await.expect("loaded").rows, rows);
}

async fn the_database_does_not_show_a_password(lab: Lab) {
    let store = lab.store().await;
    store.put_endpoints(vec![endpoint("alice", "open sesame", Some("101"))]).await.expect("put");
    let table = match lab.kind {
        Kind::Sqlite => "SELECT hex(sealed_password) FROM endpoints",
        Kind::Postgres => "SELECT encode(sealed_password, 'hex') FROM endpoints",
    };
    let stored = lab.ask(table).await.to_lowercase();
    store.close().await;

    let in_clear: String = "open sesame".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(stored.len(), 2 * (12 + "open sesame".len() + 16), "nonce, ciphertext and tag: {stored}");
    assert!(!stored.contains(&in_clear), "{stored}");
}

async fn a_password_sealed_for_another_user_does_not_open_and_hurts_no_other(lab: Lab) {
    let store = lab.store().await;
    store.put_endpoints(vec![endpoint("alice", "a", None), endpoint("mallory", "m", None)]).await.expect("put");
    lab.tamper(
        "UPDATE endpoints SET sealed_password = (SELECT sealed_password FROM endpoints WHERE user_name = 'mallory') \
         WHERE user_name = 'alice'",
    )
    .await;

    let EndpointRows { rows, damaged } = store.load_endpoints().await.expect("the others are served");
    assert_eq!(rows, [endpoint("mallory", "m", None)]);
    let told = "its password does not open: it was sealed with another key or is damaged; add the endpoint again";
    assert_eq!(damaged, [DamagedEndpoint { user: "alice".into(), reason: told.into() }]);
}
