//! `store`: what scripts keep is what they find, and a wrong ask is told in words.

use patchcord_engine::errand::{Outside, Reply, World};
use patchcord_web::outside::Rules;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::lab::{Lab, PATIENCE};

#[tokio::test]
async fn any_json_is_found_as_it_was_set() {
    let lab = Lab::new(Rules::default()).await;
    for value in [json!("text ☂"), json!(1.5), json!(-7), json!(true), json!([1, {"a": null}]), json!({"k": "v"})] {
        let set = lab.ask("store", json!({"do": "set", "key": "k", "value": value})).await;
        assert_eq!(set, Ok(value.clone()));
        assert_eq!(lab.ask("store", json!({"do": "get", "key": "k"})).await, Ok(value));
    }
    assert_eq!(lab.ask("store", json!({"do": "set", "key": "k", "value": null})).await, Ok(Value::Null));
    assert_eq!(lab.ask("store", json!({"do": "get", "key": "k"})).await, Ok(Value::Null));
    assert_eq!(lab.ask("store", json!({"do": "del", "key": "k"})).await, Ok(json!(false)));
}

#[tokio::test]
async fn a_key_is_the_services_own_unless_it_is_shared() {
    let lab = Lab::new(Rules::default()).await;
    lab.ask("store", json!({"do": "set", "key": "k", "value": 1})).await.expect("set");
    lab.ask("store", json!({"do": "set", "key": "shared:k", "value": 2})).await.expect("set");
    let found =
        |service: &'static str, key: &'static str| lab.ask_as(service, "store", json!({"do": "get", "key": key}));
    assert_eq!(found("ivr", "k").await, Ok(json!(1)));
    assert_eq!(found("team", "k").await, Ok(Value::Null));
    assert_eq!(found("team", "shared:k").await, Ok(json!(2)));
}

#[tokio::test]
async fn counting_gives_the_new_number() {
    let lab = Lab::new(Rules::default()).await;
    assert_eq!(lab.ask("store", json!({"do": "incr", "key": "n"})).await, Ok(json!(1)));
    assert_eq!(lab.ask("store", json!({"do": "incr", "key": "n", "by": -5})).await, Ok(json!(-4)));
    assert_eq!(lab.ask("store", json!({"do": "incr", "key": "n", "by": 10, "ttl_ms": 5})).await, Ok(json!(6)));
    assert_eq!(lab.ask("store", json!({"do": "del", "key": "n"})).await, Ok(json!(true)));
}

#[tokio::test]
async fn wrong_asks_are_told_in_words() {
    let lab = Lab::new(Rules::default()).await;
    lab.ask("store", json!({"do": "set", "key": "name", "value": "alice"})).await.expect("set");
    for (ask, why) in [
        (json!({"do": "incr", "key": "name"}), "store: \"name\" holds no whole number, so nothing can be added to it"),
        (json!({"do": "get", "key": ""}), "store: a key has 1 to 200 bytes and no control characters"),
        (json!({"do": "get", "key": "shared:"}), "store: a key has 1 to 200 bytes and no control characters"),
        (json!({"do": "get", "key": "a\nb"}), "store: a key has 1 to 200 bytes and no control characters"),
        (json!({"do": "set", "key": "k", "value": 1, "ttl_ms": 0}), "store: ttl is from 1 ms to ten years"),
        (
            json!({"do": "set", "key": "k", "value": "x".repeat(70_000)}),
            "store: the value at \"k\" has 70002 bytes as JSON, and 65536 are the most",
        ),
    ] {
        assert_eq!(lab.refusal("store", ask).await, why);
    }
    let unknown = lab.refusal("store", json!({"do": "get", "key": "k", "tll": 1})).await;
    assert!(unknown.starts_with("store: the ask is not understood: unknown field `tll`"), "{unknown}");
    let nobody = lab.refusal("fax", json!({})).await;
    assert!(nobody.starts_with("there is no \"fax\" that a script could ask"), "{nobody}");
}

#[tokio::test]
async fn a_store_that_is_away_is_told_and_not_waited_for() {
    let lab = Lab::new(Rules::default()).await;
    lab.store.close().await;
    let told = lab.refusal("store", json!({"do": "get", "key": "k"})).await;
    assert!(told.starts_with("store: the store is away"), "{told}");
}

#[tokio::test]
async fn an_errand_comes_back_from_another_thread() {
    let lab = Lab::new(Rules::default()).await;
    let ask = json!({"do": "incr", "key": "n"}).to_string();
    let errand = Outside { service: "ivr".into(), noun: "store".into(), ask, patience: PATIENCE };
    let (tell, told) = oneshot::channel();
    let porter = lab.porter.clone();
    std::thread::spawn(move || porter.go(errand, Reply::new(move |answer| drop(tell.send(answer)))));
    assert_eq!(told.await.expect("a reply"), Ok("1".into()));
}
