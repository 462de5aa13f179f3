//! Receivers of webhooks in the store: kept with their secrets sealed, changed with what waits for them, removed with it.

use patchcord_web::{
    store::webhooks::Delivery,
    webhooks::{Pattern, Receiver},
};

use crate::lab::{Lab, laws, moment};

laws! {
    receivers_are_kept_sealed_changed_and_removed_with_what_waits_for_them,
}

fn receiver(url: &str, secret: &str) -> Receiver {
    Receiver { id: Some("a1".into()), url: url.into(), secret: secret.into(), events: vec![Pattern::all()] }
}

fn waiting(id: &str, url: &str) -> Delivery {
    let (url, event, body) = (url.into(), "call.ended".into(), "{}".into());
    Delivery { id: id.into(), url, event, body, made: moment(0), tries: 0, next: Some(moment(1)), why: None }
}

async fn receivers_are_kept_sealed_changed_and_removed_with_what_waits_for_them(lab: Lab) {
    let store = lab.store().await;
    let one = receiver("http://one", "hunter2 hunter2 hunter2");
    store.add_webhook_receiver("a1", &one, moment(0)).await.expect("added");
    assert_eq!(store.webhook_receivers().await.expect("read"), std::slice::from_ref(&one));
    let lies_there = match lab.kind {
        crate::lab::Kind::Sqlite => "SELECT hex(sealed_secret) FROM webhook_receivers",
        crate::lab::Kind::Postgres => "SELECT encode(sealed_secret, 'hex') FROM webhook_receivers",
    };
    let clear = data_encoding::HEXLOWER.encode(b"hunter2");
    assert!(!lab.ask(lies_there).await.to_lowercase().contains(&clear), "whoever reads the database signs nothing");
    assert!(store.add_webhook_receiver("b2", &one, moment(0)).await.is_err(), "no two have one address");

    store.keep_webhooks(&[waiting("d1", "http://one"), waiting("d2", "http://other")]).await.expect("kept");
    let two = receiver("http://two", "another secret of mine");
    assert!(store.change_webhook_receiver("a1", "http://one", &two).await.expect("changed"));
    assert!(!store.change_webhook_receiver("none", "http://one", &one).await.expect("asked"));
    assert_eq!(store.webhook_receivers().await.expect("read"), [two]);
    let urls = async || {
        let all = store.webhooks(false, None, 10).await.expect("read");
        all.into_iter().map(|delivery| delivery.url).collect::<Vec<_>>()
    };
    assert_eq!(urls().await, ["http://other", "http://two"]);

    assert!(store.remove_webhook_receiver("a1", "http://two").await.expect("removed"));
    assert!(!store.remove_webhook_receiver("a1", "http://two").await.expect("asked"));
    assert_eq!(urls().await, ["http://other"]);
    store.close().await;
}
