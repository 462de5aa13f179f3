//! The list of registrations, page by page.

use crate::lab::Lab;

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
