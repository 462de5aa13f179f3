//! What scripts keep: nothing is lost, nothing outlives its time, and nobody keeps more than allowed.

use std::time::Duration;

use patchcord_web::store::{
    Store,
    shelf::{Bounds, Change, KeepError, Order},
};

use crate::lab::{Lab, laws, moment};

laws! {
    a_value_survives_a_restart,
    each_owner_has_keys_of_its_own,
    a_count_is_never_lost,
    what_has_lapsed_is_nothing,
    a_count_lapses_with_its_first,
    what_is_no_number_is_not_counted,
    an_owner_keeps_no_more_than_allowed,
    what_has_lapsed_makes_room,
    a_sweep_takes_what_has_lapsed_and_nothing_else,
}

const BOUNDS: Bounds = Bounds { entries: 1_000, bytes: 100_000 };
const MINUTE: Duration = Duration::from_secs(60);

fn order(change: Change) -> Order<'static> {
    Order { owner: "ivr", name: "greeting", change, lasts: None }
}

fn put(name: &str, value: &str) -> Order<'static> {
    Order { name: name.to_owned().leak(), ..order(Change::Put(value.into())) }
}

async fn done(store: &Store, order: Order<'_>) -> Option<String> {
    store.shelve(order, BOUNDS, moment(0)).await.expect("done")
}

async fn found(store: &Store, owner: &str, name: &str, second: u64) -> Option<String> {
    store.shelved(owner, name, moment(second)).await.expect("answered")
}

async fn a_value_survives_a_restart(lab: Lab) {
    let store = lab.store().await;
    let value = r#"{"text":"hello ☂ \u0000","n":1}"#;
    assert_eq!(done(&store, put("greeting", value)).await.as_deref(), Some(value));
    store.close().await;
    let store = lab.store().await;
    assert_eq!(found(&store, "ivr", "greeting", 0).await.as_deref(), Some(value));

    assert_eq!(done(&store, order(Change::Remove)).await.as_deref(), Some(value), "what was removed");
    assert_eq!(done(&store, order(Change::Remove)).await, None, "nothing was left to remove");
    assert_eq!(found(&store, "ivr", "greeting", 0).await, None);
}

async fn each_owner_has_keys_of_its_own(lab: Lab) {
    let store = lab.store().await;
    done(&store, put("greeting", "1")).await;
    done(&store, Order { owner: "other", ..put("greeting", "2") }).await;
    assert_eq!(found(&store, "ivr", "greeting", 0).await.as_deref(), Some("1"));
    assert_eq!(found(&store, "other", "greeting", 0).await.as_deref(), Some("2"));
    assert_eq!(found(&store, "third", "greeting", 0).await, None);
}

async fn a_count_is_never_lost(lab: Lab) {
    let store = lab.store().await;
    let counters = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                done(&store, order(Change::Add(1))).await;
            }
        })
    });
    for counter in counters.collect::<Vec<_>>() {
        counter.await.expect("counted");
    }
    assert_eq!(done(&store, order(Change::Add(-50))).await.as_deref(), Some("150"));
}

async fn what_has_lapsed_is_nothing(lab: Lab) {
    let store = lab.store().await;
    done(&store, Order { lasts: Some(MINUTE), ..put("greeting", "7") }).await;
    assert_eq!(found(&store, "ivr", "greeting", 59).await.as_deref(), Some("7"));
    assert_eq!(found(&store, "ivr", "greeting", 60).await, None);
    let late = store.shelve(order(Change::Add(1)), BOUNDS, moment(60)).await.expect("counted");
    assert_eq!(late.as_deref(), Some("1"), "it begins anew");
    let removed = store.shelve(Order { lasts: Some(MINUTE), ..put("short", "1") }, BOUNDS, moment(0)).await;
    assert_eq!(removed.expect("put").as_deref(), Some("1"));
    let order = Order { name: "short", ..order(Change::Remove) };
    assert_eq!(store.shelve(order, BOUNDS, moment(90)).await.expect("removed"), None);
}

async fn a_count_lapses_with_its_first(lab: Lab) {
    let store = lab.store().await;
    let count = |second| {
        let (store, order) = (store.clone(), Order { lasts: Some(MINUTE), ..order(Change::Add(1)) });
        async move { store.shelve(order, BOUNDS, moment(second)).await.expect("counted") }
    };
    assert_eq!(count(0).await.as_deref(), Some("1"));
    assert_eq!(count(59).await.as_deref(), Some("2"));
    assert_eq!(count(61).await.as_deref(), Some("1"));
}

async fn what_is_no_number_is_not_counted(lab: Lab) {
    let store = lab.store().await;
    for value in ["\"5\"", "1.5", "{}", "true"] {
        done(&store, put("greeting", value)).await;
        let refused = store.shelve(order(Change::Add(1)), BOUNDS, moment(0)).await.expect_err(value);
        assert_eq!(refused.to_string(), "\"greeting\" holds no whole number, so nothing can be added to it");
        assert_eq!(found(&store, "ivr", "greeting", 0).await.as_deref(), Some(value), "it stays as it was");
    }
    done(&store, put("greeting", &i64::MAX.to_string())).await;
    let refused = store.shelve(order(Change::Add(1)), BOUNDS, moment(0)).await;
    assert!(matches!(refused, Err(KeepError::Overflow { .. })), "{refused:?}");
}

async fn an_owner_keeps_no_more_than_allowed(lab: Lab) {
    let store = lab.store().await;
    let bounds = Bounds { entries: 2, bytes: 30 };
    let ask = |order: Order<'static>| store.shelve(order, bounds, moment(0));
    ask(put("a", "1")).await.expect("one");
    ask(put("b", "2")).await.expect("two");
    let refused = ask(put("c", "3")).await.expect_err("that is too many");
    assert!(refused.to_string().starts_with("2 values are kept here already"), "{refused}");
    ask(put("b", "22")).await.expect("what is replaced is not counted twice");
    ask(Order { owner: "other", ..put("c", "3") }).await.expect("others have their own bounds");

    let refused = ask(put("b", &"9".repeat(40))).await.expect_err("that is too much");
    assert!(refused.to_string().contains("more than 30 bytes together"), "{refused}");
    assert_eq!(found(&store, "ivr", "b", 0).await.as_deref(), Some("22"), "a refusal changes nothing");
    ask(Order { name: "a", ..order(Change::Remove) }).await.expect("removed");
    ask(put("c", "3")).await.expect("there is room again");
}

async fn what_has_lapsed_makes_room(lab: Lab) {
    let store = lab.store().await;
    let bounds = Bounds { entries: 2, bytes: 1_000 };
    for name in ["a", "b"] {
        store.shelve(Order { lasts: Some(MINUTE), ..put(name, "1") }, bounds, moment(0)).await.expect("put");
    }
    assert!(store.shelve(put("c", "1"), bounds, moment(59)).await.is_err());
    store.shelve(put("c", "1"), bounds, moment(61)).await.expect("the others have lapsed");
    store.shelve(put("d", "1"), bounds, moment(61)).await.expect("both of them");
    assert!(store.shelve(put("e", "1"), bounds, moment(61)).await.is_err());
}

async fn a_sweep_takes_what_has_lapsed_and_nothing_else(lab: Lab) {
    let store = lab.store().await;
    for index in 0..620 {
        done(&store, Order { lasts: Some(MINUTE), ..put(&format!("short{index}"), "1") }).await;
    }
    done(&store, put("stays", "1")).await;
    done(&store, Order { owner: "other", lasts: Some(2 * MINUTE), ..put("longer", "1") }).await;

    assert_eq!(store.sweep_shelf(moment(60)).await.expect("swept"), 620);
    assert_eq!(lab.ask("SELECT CAST(COUNT(*) AS TEXT) FROM shelf").await, "2");
    let tally = "SELECT CAST(entries AS TEXT) || ' of ' || CAST(bytes AS TEXT) FROM shelf_owners WHERE owner = 'ivr'";
    assert_eq!(lab.ask(tally).await, "1 of 6");
    assert_eq!(store.sweep_shelf(moment(60)).await.expect("swept"), 0);
    assert_eq!(store.sweep_shelf(moment(120)).await.expect("swept"), 1);
}
