//! Versions of services, as the page of a service and the API tell them.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_web::{
    house::{Service, Spot, Trouble, TroubleKind},
    people::Role,
    versions::{Findings, Note, Reason, Version},
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
        modules: Vec::new(),
        reason: Reason::Found,
        since: UNIX_EPOCH + Duration::from_secs(u64::from(number)),
    };
    let (old, new) = ("fn on_invite(c) { c.reject(486); }", "fn on_invite(c) { c.answer(); }");
    lab.store.keep_versions(&[version(1, old), version(2, new)].map(Note::Served)).await.expect("kept");
    let (name, file) = ("menu".to_owned(), "menu.rhai".to_owned());
    let now = Service { name, version: "2 0a0b0c0d".into(), file, text: new.into(), findings: None, shipped: false };
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

/// Something of that kind that is wrong with a service since the tenth second.
fn trouble(service: &str, kind: TroubleKind, served: Option<&str>) -> Trouble {
    let why = format!("{service}.rhai:3:14: \"4930123456\" is no number");
    let place = Spot::of(&why);
    Trouble { service: service.into(), kind, served: served.map(str::to_owned), why, place, since_ms: 10_000 }
}

#[tokio::test]
async fn what_is_not_served_is_told_on_the_first_page_the_list_and_its_own_page_with_what_is() {
    let lab = served().await;
    let refused = trouble("menu", TroubleKind::Refused, Some("2 0a0b0c0d"));
    let nothing = trouble("night", TroubleKind::Refused, None);
    *lab.house.troubles.lock().expect("nobody panics") = vec![refused, nothing];
    let operator = cookie(&log_in(&lab, Role::Operator.word(), PASSWORD, "").await);
    let as_before = "version 2 0a0b0c0d is served as before, and what was saved since is not";
    for (path, told) in [
        ("/", as_before),
        ("/services", as_before),
        ("/services", "nothing is served: whoever calls it is refused"),
        ("/services/menu", "Version 2 0a0b0c0d is served as before, and what was saved since is not."),
        ("/services/night", "Nothing is served: whoever calls it is refused."),
        ("/services/night", "night.rhai:3:14: &quot;4930123456&quot; is no number"),
        ("/services/night", "1970-01-01T00:00:10Z"),
    ] {
        let page = lab.ask(&operator, "GET", path, "").await;
        assert!(page.status == 200 && page.body.contains(told), "{path}: {told}: {}", page.body);
    }
    let viewer = cookie(&log_in(&lab, Role::Viewer.word(), PASSWORD, "").await);
    let page = lab.ask(&viewer, "GET", "/services", "").await.body;
    assert!(page.contains("night.rhai:3:14: ") && !page.contains("4930123456"), "numbers are masked: {page}");
}

#[tokio::test]
async fn programs_are_told_what_is_served_what_is_refused_where_and_since_when() {
    let lab = served().await;
    let restored = trouble("menu", TroubleKind::Restored, Some("2 0a0b0c0d"));
    *lab.house.troubles.lock().expect("nobody panics") = vec![restored];
    let told = lab.order("GET", "/api/v1/services", "").await.json();
    let told = &told["troubles"][0];
    assert_eq!((&told["service"], &told["kind"]), (&"menu".into(), &"restored".into()));
    assert_eq!((&told["served"], &told["since_ms"]), (&"2 0a0b0c0d".into(), &10_000.into()));
    assert_eq!(told["place"], serde_json::json!({ "file": "menu.rhai", "line": 3, "column": 14 }));
    assert_eq!(told["why"], "menu.rhai:3:14: \"4930123456\" is no number");
}

#[tokio::test]
async fn each_version_tells_what_its_tests_said_and_when() {
    let lab = served().await;
    let found = Note::Found {
        service: "menu".into(),
        number: 1,
        findings: Findings { faults: 0, held: 3, failed: 2, at_ms: 5_000 },
    };
    lab.store.keep_versions(&[found]).await.expect("kept");
    let told = lab.order("GET", "/api/v1/services/menu/versions", "").await.json();
    let (latest, before) = (&told["versions"][0], &told["versions"][1]);
    assert_eq!(latest["findings"], serde_json::Value::Null, "nobody tried it");
    assert_eq!((&before["findings"]["held"], &before["findings"]["failed"]), (&3.into(), &2.into()));
    let operator = cookie(&log_in(&lab, Role::Operator.word(), PASSWORD, "").await);
    let page = lab.ask(&operator, "GET", "/services/menu", "").await.body;
    assert!(page.contains("2 of 5 fail") && page.contains("1970-01-01T00:00:05Z"), "{page}");
    let findings = Some(Findings { faults: 1, held: 4, failed: 0, at_ms: 6_000 });
    lab.house.services.lock().expect("nobody panics")[0].findings = findings;
    let page = lab.ask(&operator, "GET", "/services", "").await.body;
    assert!(
        page.contains("4 tests hold") && page.contains("1 fault") && page.contains("1970-01-01T00:00:06Z"),
        "{page}"
    );
}
