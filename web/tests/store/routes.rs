//! Routes that were added: kept as they were written, in the order in which they came, changed and removed.

use patchcord_web::routes::Added;
use serde_json::json;

use crate::lab::{Lab, laws, moment};

laws! {
    routes_are_kept_in_their_order_changed_and_removed_over_a_restart,
    a_route_that_cannot_be_read_holds_no_other_up,
}

fn route(id: &str, number: &str, second: u64) -> Added {
    let written = json!({ "number": number, "service": "caffè ☂", "rewrite": { "strip": "0" } });
    let written = written.as_object().expect("an object").clone();
    Added { id: id.into(), written, written_by: "ada".into(), added_at: moment(second) }
}

async fn routes_are_kept_in_their_order_changed_and_removed_over_a_restart(lab: Lab) {
    let store = lab.store().await;
    let (first, second, third) = (route("z", "600", 1), route("a", "+49*", 2), route("m", "*", 3));
    for route in [&second, &third, &first] {
        store.add_route(route).await.expect("added");
    }
    assert!(store.add_route(&first).await.is_err(), "no two have one name");
    assert_eq!(store.routes().await.expect("read"), [first.clone(), second.clone(), third.clone()]);

    let other = Added { written_by: "bea".into(), added_at: moment(1), ..route("z", "700", 1) };
    assert!(store.change_route(&other).await.expect("changed"));
    assert!(!store.change_route(&route("none", "1", 1)).await.expect("asked"));
    assert!(store.remove_route("a").await.expect("removed"));
    assert!(!store.remove_route("a").await.expect("asked"));
    store.close().await;

    let next_start = lab.store().await;
    assert_eq!(next_start.routes().await.expect("read"), [other, third], "a change keeps its place");
    next_start.close().await;
}

async fn a_route_that_cannot_be_read_holds_no_other_up(lab: Lab) {
    let store = lab.store().await;
    store.add_route(&route("good", "600", 1)).await.expect("added");
    store.close().await;
    lab.tamper("INSERT INTO routes (id, written, written_by, added_at) VALUES ('bad', '[', 'eve', 0)").await;
    let store = lab.store().await;
    assert_eq!(store.routes().await.expect("read"), [route("good", "600", 1)]);
    store.close().await;
}
