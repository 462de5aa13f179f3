//! Versions of services, as the page of a service and the API tell them.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_web::{
    house::Service,
    people::Role,
    versions::{Reason, Version},
};

use crate::{
    lab::Lab,
    people::{PASSWORD, cookie, house, log_in},
};

/// A house that serves the second text of `menu`, and had another one before.
async fn served() -> Lab {
    let lab = house().await;
    let version = |number: u32, text: &str| Version {
        service: "menu".into(),
        number,
        name: format!("{number} 0a0b0c0d"),
        digest: [number as u8; 32],
        text: text.into(),
        reason: Reason::Found,
        since: UNIX_EPOCH + Duration::from_secs(u64::from(number)),
    };
    let (old, new) = ("fn on_invite(c) { c.reject(486); }", "fn on_invite(c) { c.answer(); }");
    lab.store.keep_versions(&[version(1, old), version(2, new)]).await.expect("kept");
    let (name, file) = ("menu".to_owned(), "menu.rhai".to_owned());
    let now = Service { name, version: "2 0a0b0c0d".into(), file, text: new.into() };
    *lab.house.services.lock().expect("nobody panics") = vec![now];
    lab
}

#[tokio::test]
async fn the_page_of_a_service_tells_the_versions_that_were_served_before_this_start_and_what_changed() {
    let lab = served().await;
    let operator = cookie(&log_in(&lab, Role::Operator.word(), PASSWORD, "").await);
    let page = lab.ask(&operator, "GET", "/services/menu", "").await.body;
    for told in
        ["1 0a0b0c0d", "2 0a0b0c0d", "1970-01-01T00:00:01Z", "lay in the folder at a start", "what changed since"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    let compared = lab.ask(&operator, "GET", "/services/menu?version=1+0a0b0c0d", "").await.body;
    assert!(compared.contains("What changed since version 1") && compared.contains("c.reject(486)"), "{compared}");

    let viewer = cookie(&log_in(&lab, Role::Viewer.word(), PASSWORD, "").await);
    let compared = lab.ask(&viewer, "GET", "/services/menu?version=1+0a0b0c0d", "").await.body;
    assert!(compared.contains("1 0a0b0c0d") && !compared.contains("c.reject(486)"), "{compared}");
}

#[tokio::test]
async fn programs_are_told_the_versions_of_a_service_and_which_one_is_served() {
    let lab = served().await;
    let told = lab.order("GET", "/api/v1/services/menu/versions", "").await.json();
    let versions = told["versions"].as_array().expect("versions");
    let [latest, before] = &versions[..] else { panic!("{told}") };
    assert_eq!(
        (&latest["version"], &latest["served"], &latest["number"]),
        (&"2 0a0b0c0d".into(), &true.into(), &2.into())
    );
    assert_eq!((&before["served"], &before["since_ms"], &before["bytes"]), (&false.into(), &1000.into(), &34.into()));
    assert_eq!((&before["reason"], &before["sha256"]), (&"found".into(), &"01".repeat(32).into()));
    lab.order("GET", "/api/v1/services/nobody/versions", "").await.problem(404);
}
