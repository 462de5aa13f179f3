//! The list of registrations, page by page.

use std::time::UNIX_EPOCH;

use patchcord_engine::routing::{CameFrom, Failed, Failure};
use patchcord_web::failures;

use crate::{
    lab::Lab,
    people::{PASSWORD, cookie, house, log_in},
};

#[tokio::test]
async fn pages_follow_each_other_until_the_last() {
    let lab = Lab::new().await;
    for user in ["carol", "alice", "bob"] {
        lab.bind(user).await;
    }
    let first = lab.order("GET", "/api/v1/registrations?limit=2", "").await.json();
    let users = |page: &serde_json::Value| -> Vec<String> {
        let all = page["registrations"].as_array().expect("a list").iter();
        all.map(|found| found["user"].as_str().expect("a user").to_owned()).collect()
    };
    assert_eq!((users(&first), &first["next"]), (vec!["alice".into(), "bob".into()], &"bob".into()));
    let last = lab.order("GET", "/api/v1/registrations?limit=2&after=bob", "").await.json();
    assert_eq!((users(&last), &last["next"]), (vec!["carol".into()], &serde_json::Value::Null));

    let carol = &last["registrations"][0];
    assert_eq!(carol["contact"], "sip:carol@198.51.100.7:5062");
    assert_eq!((&carol["transport"], &carol["peer"]), (&"udp".into(), &"198.51.100.7:5062".into()));
    assert_eq!((&carol["user_agent"], &carol["reachable"]), (&"Phone/1".into(), &true.into()));
    assert!((590..=600).contains(&carol["expires_s"].as_u64().expect("seconds")), "{carol}");
}

#[tokio::test]
async fn a_question_that_is_none_is_a_problem() {
    let lab = Lab::new().await;
    lab.order("GET", "/api/v1/registrations?limit=many", "").await.problem(400);
    lab.order("GET", "/api/v1/registrations?page=2", "").await.problem(400);
}

#[tokio::test]
async fn what_failed_elsewhere_is_told_beside_what_the_phone_came_to_with_both_addresses() {
    let lab = house().await;
    let note = |peer: &str, whence| {
        let (peer, why) = (peer.parse().expect("an address"), "Wrong User Name Or Password".into());
        lab.board.failures.note("filed", Failure { at: UNIX_EPOCH, peer, status: 403, why, times: 1 }, whence);
    };
    note("192.0.2.9:5060", CameFrom::Home);
    (0..3).for_each(|_| note("203.0.113.66:5060", CameFrom::Elsewhere));
    let operator = cookie(&log_in(&lab, "operator", PASSWORD, "").await);
    let told = lab.ask(&operator, "GET", "/endpoints", "").await.body;
    let (own, elsewhere) = told.split_once("refused elsewhere").expect("both");
    assert!(own.contains("cannot register") && own.contains("192.0.2.9") && !own.contains("203.0.113.66"), "{own}");
    assert!(elsewhere.contains("3 times") && elsewhere.contains("203.0.113.66"), "{elsewhere}");

    // What is written is there for the next process, as far as the endpoint is.
    lab.board.failures.note("gone", lab.board.failures.last("filed").own.expect("noted"), CameFrom::Unknown);
    assert!(failures::write(&lab.store, &lab.board).await);
    let before = lab.board.failures.last("filed");
    let next = Lab::new().await;
    failures::restore(&lab.store, &next.board).await.expect("restored");
    assert_eq!(next.board.failures.last("filed"), before);
    assert_eq!(next.board.failures.last("gone"), Failed::default());
}
