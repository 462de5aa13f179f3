//! Receivers of webhooks that people add while the server runs, over the API and on the page, beside those of the configuration.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_web::webhooks;
use ring::hmac;

use crate::{
    people::{PASSWORD, cookie, csrf, house, log_in},
    webhooks::{Heard, Receiver, all_taken, call_ends, telling},
};

/// Whether that secret signed it.
fn is_signed_by(secret: &str, heard: &Heard) -> bool {
    let signature = heard.header("patchcord-signature");
    let (time, _) = signature.strip_prefix("t=").and_then(|rest| rest.split_once(',')).expect("a time");
    let at = UNIX_EPOCH + Duration::from_secs(time.parse().expect("seconds"));
    webhooks::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), at, &heard.raw) == signature
}

#[tokio::test]
async fn a_receiver_that_is_added_hears_at_once_is_changed_tried_and_removed() {
    let (mut fixed, mut added) = (Receiver::new(&[]).await, Receiver::new(&[]).await);
    let (lab, webhooks, _stop) = telling(&[&fixed.url], &["call.*"]).await;
    let wish = serde_json::json!({ "url": added.url, "events": ["trunk.down"] }).to_string();
    let made = lab.order("POST", "/api/v1/webhooks/receivers", &wish).await;
    assert_eq!(made.status, 201, "{made:?}");
    let (id, secret) = (made.json()["id"].clone(), made.json()["secret"].clone());
    let (id, secret) = (id.as_str().expect("a name"), secret.as_str().expect("a secret"));
    let told = lab.order("GET", "/api/v1/webhooks", "").await;
    assert!(!told.body.contains(secret), "a secret is told once: {told:?}");
    let receivers = &told.json()["receivers"];
    assert_eq!((&receivers[0]["is_fixed"], &receivers[0]["id"]), (&true.into(), &serde_json::Value::Null));
    assert_eq!((&receivers[1]["is_fixed"], &receivers[1]["id"]), (&false.into(), &id.into()));
    assert_eq!(receivers[1]["events"], serde_json::json!(["trunk.down"]));

    // It is tried by itself, and signed by its own secret.
    let one = format!("/api/v1/webhooks/receivers/{id}");
    assert_eq!(lab.order("POST", &format!("{one}/ping"), "").await.status, 202);
    let ping = added.hears().await;
    assert!(ping.body["event"] == "ping" && is_signed_by(secret, &ping), "{ping:?}");

    // It hears what it wants from now on, and the other one goes on with its own.
    let changed = r#"{"events":["call.ended"],"secret":"another secret of the tests"}"#;
    assert_eq!(lab.order("PUT", &one, changed).await.status, 204);
    call_ends(&lab, &webhooks, None).await;
    let (heard, beside) = (added.hears().await, fixed.hears().await);
    assert!(heard.body["event"] == "call.ended" && is_signed_by("another secret of the tests", &heard), "{heard:?}");
    assert_eq!(beside.body["event"], "call.ended", "the ping was not for it");
    all_taken(&lab).await;

    assert_eq!(lab.order("DELETE", &one, "").await.status, 204);
    assert!(lab.order("DELETE", &one, "").await.problem(404).contains(id));
    assert_eq!(webhooks.receivers().len(), 1);
    let audit = lab.order("GET", "/api/v1/audit", "").await.body;
    for deed in ["added receiver", "pinged receiver", "changed receiver", "removed receiver"] {
        assert!(audit.contains(deed), "{deed}: {audit}");
    }
}

#[tokio::test]
async fn what_waits_for_a_receiver_follows_it_to_another_address_and_goes_with_it() {
    let mut old = Receiver::new(&["503 Service Unavailable"; 3]).await;
    let mut new = Receiver::new(&[]).await;
    let (lab, webhooks, _stop) = telling(&[], &[]).await;
    let wish = serde_json::json!({ "url": old.url, "secret": "a secret of its own" }).to_string();
    let made = lab.order("POST", "/api/v1/webhooks/receivers", &wish).await.json();
    assert!(made["secret"].is_null(), "whoever brings a secret knows it: {made}");
    let one = format!("/api/v1/webhooks/receivers/{}", made["id"].as_str().expect("a name"));
    call_ends(&lab, &webhooks, None).await;
    let name = old.hears().await.header("patchcord-delivery").to_owned();
    let wish = serde_json::json!({ "url": new.url }).to_string();
    assert_eq!(lab.order("PUT", &one, &wish).await.status, 204);
    assert_eq!(lab.order("POST", &format!("/api/v1/webhooks/deliveries/{name}/resend"), "").await.status, 202);
    assert_eq!(new.hears().await.header("patchcord-delivery"), name);
    all_taken(&lab).await;

    assert_eq!(lab.order("DELETE", &one, "").await.status, 204);
    lab.order("POST", "/api/v1/webhooks/ping", "").await.problem(409);
}

#[tokio::test]
async fn what_is_no_receiver_is_refused_with_what_to_do() {
    let fixed = Receiver::new(&[]).await;
    let (lab, ..) = telling(&[&fixed.url], &["*"]).await;
    let add = async |wish: serde_json::Value| lab.order("POST", "/api/v1/webhooks/receivers", &wish.to_string()).await;
    for (wish, detail) in [
        (serde_json::json!({ "url": "ftp://crm" }), "no address of the web"),
        (serde_json::json!({}), "no address of the web"),
        (serde_json::json!({ "url": "http://crm", "events": ["calls"] }), "\"calls\" is no event"),
        (serde_json::json!({ "url": "http://crm", "events": [] }), "0 things"),
        (serde_json::json!({ "url": "http://crm", "secret": "short" }), "5 letters"),
    ] {
        let answer = add(wish).await;
        assert!(answer.problem(422).contains(detail), "{answer:?}");
        assert!(answer.json()["remedy"].is_string(), "{answer:?}");
    }
    let twice = add(serde_json::json!({ "url": fixed.url })).await;
    assert!(twice.problem(409).contains("stands in the configuration"), "{twice:?}");
    for at in 1..webhooks::MOST_RECEIVERS {
        assert_eq!(add(serde_json::json!({ "url": format!("http://crm{at}.example") })).await.status, 201);
    }
    add(serde_json::json!({ "url": "http://one-too-many.example" })).await.problem(507);
}

#[tokio::test]
async fn an_admin_adds_one_on_the_page_and_nobody_else_may() {
    const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
    let lab = house().await;
    let admin = cookie(&log_in(&lab, "admin", PASSWORD, "").await);
    let token = csrf(&lab, &admin).await;
    let page = lab.ask(&admin, "GET", "/webhooks", "").await;
    assert!(page.body.contains("Nobody is told anything yet"), "{page:?}");
    let form = format!(
        "csrf={token}&url=https%3A%2F%2Fcrm.example.org%2Fhook&hears%3Acall.*=on&hears%3Atrunk.down=on&secret="
    );
    let page = lab.ask(&format!("{admin}{FORM}"), "POST", "/webhooks/receivers", &form).await;
    assert_eq!(page.status, 200, "{page:?}");
    let (_, rest) = page.body.split_once("class=\"token\">").expect("its secret");
    let secret = rest.split('<').next().expect("a text");
    assert_eq!(secret.len(), 64);
    let receivers = lab.webhooks.receivers();
    assert_eq!(receivers[0].secret, secret);
    let page = lab.ask(&admin, "GET", "/webhooks", "").await;
    assert!(page.body.contains("https://crm.example.org/hook") && !page.body.contains(secret), "{page:?}");

    let id = receivers[0].id.as_deref().expect("it was added");
    for name in ["operator", "viewer"] {
        let theirs = cookie(&log_in(&lab, name, PASSWORD, "").await);
        let token = csrf(&lab, &theirs).await;
        for path in ["/webhooks/receivers".to_owned(), format!("/webhooks/receivers/{id}/remove")] {
            let form = form.replace(&csrf(&lab, &admin).await, &token);
            let answer = lab.ask(&format!("{theirs}{FORM}"), "POST", &path, &form).await;
            assert_eq!(answer.status, 403, "{name} {path}: {answer:?}");
        }
    }
    let (mine, path) = (format!("{admin}{FORM}"), format!("/webhooks/receivers/{id}/remove"));
    assert_eq!(lab.ask(&mine, "POST", &path, &format!("csrf={token}")).await.status, 303);
    assert!(lab.webhooks.receivers().is_empty());
}
