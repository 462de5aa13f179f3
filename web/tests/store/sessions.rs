//! Who is logged in, as both databases keep it.

use std::time::Duration;

use patchcord_web::{
    people::{
        People, Rights, Role, Token, User,
        session::{IDLE, LONGEST, MOST, Sessions, USED_WITHIN, hash},
    },
    store::Store,
};

use crate::lab::{Lab, laws, moment};

laws!(
    a_session_goes_on_over_a_restart_and_the_store_has_no_cookie,
    a_session_lasts_as_long_as_it_is_used_and_seven_days_at_most,
    a_session_ends_at_a_log_out_and_with_the_password_the_role_and_the_person,
    one_person_has_so_many_sessions_and_lapsed_ones_are_forgotten
);

/// A store with that user in it.
async fn with_user(lab: &Lab, name: &str) -> (Store, User) {
    let store = lab.store().await;
    let (hash, role, created) = ("$argon2id$…".into(), Role::Operator, moment(0));
    let user = User { name: name.into(), hash, role, created, endpoint: None };
    assert!(store.add_user(&user).await.expect("added"));
    (store, user)
}

async fn a_session_goes_on_over_a_restart_and_the_store_has_no_cookie(lab: Lab) {
    let (store, user) = with_user(&lab, "bob").await;
    let cookie = Sessions::new(store.clone()).begin(&user, moment(1)).await.expect("begun");
    let (before, _) = People::new(store.clone()).by_cookie(&cookie, moment(2)).await.expect("found").expect("there");
    store.close().await;

    let store = lab.store().await;
    let people = People::new(store.clone());
    let (after, role) = people.by_cookie(&cookie, moment(60)).await.expect("found").expect("there");
    assert!(after == before, "forms of pages that are open still go");
    assert_eq!((&*after.user, role), ("bob", Role::Operator));
    assert!(people.by_cookie("made up by somebody", moment(60)).await.expect("looked for").is_none());
    assert!(store.session(cookie.as_bytes()).await.expect("looked for").is_none());
    assert!(store.session(after.csrf.as_bytes()).await.expect("looked for").is_none());
    assert_eq!(store.session(&hash(&cookie)).await.expect("found").expect("there").owner, "bob");
    store.close().await;
}

async fn a_session_lasts_as_long_as_it_is_used_and_seven_days_at_most(lab: Lab) {
    let (store, user) = with_user(&lab, "bob").await;
    let sessions = Sessions::new(store.clone());
    let unused = sessions.begin(&user, moment(0)).await.expect("begun");
    let used = sessions.begin(&user, moment(0)).await.expect("begun");
    let there = async |cookie: &str, at| sessions.find(cookie, at).await.expect("found").is_some();
    let mut now = Duration::ZERO;
    assert!(there(&used, moment(0) + USED_WITHIN / 2).await);
    assert_eq!(store.session(&hash(&used)).await.expect("found").expect("there").used, moment(0), "not at each look");
    while now < LONGEST - IDLE {
        now += IDLE / 2;
        assert!(there(&used, moment(0) + now).await);
        // It is marked beside the request, by one request at a time.
        while store.session(&hash(&used)).await.expect("found").expect("there").used < moment(0) + now {
            assert!(there(&used, moment(0) + now).await);
            tokio::task::yield_now().await;
        }
    }
    assert!(!there(&unused, moment(0) + now).await);
    assert!(!there(&used, moment(0) + LONGEST).await);
    store.close().await;
}

async fn a_session_ends_at_a_log_out_and_with_the_password_the_role_and_the_person(lab: Lab) {
    let (store, user) = with_user(&lab, "bob").await;
    let sessions = Sessions::new(store.clone());
    let there = async |cookie: &str| sessions.find(cookie, moment(2)).await.expect("found").is_some();

    let [left, other] = [sessions.begin(&user, moment(1)).await, sessions.begin(&user, moment(1)).await];
    let (left, other) = (left.expect("begun"), other.expect("begun"));
    sessions.end(&left).await.expect("ended");
    assert!(!there(&left).await && there(&other).await, "one log-out ends one");
    assert!(store.change_user("bob", Some("another"), None, moment(1)).await.expect("changed"));
    assert!(!there(&other).await, "another password ends all");
    assert!(sessions.begin(&user, moment(1)).await.is_err(), "and the one before begins none any more");

    let user = User { hash: "another".into(), ..user };
    let before = sessions.begin(&user, moment(1)).await.expect("begun");
    assert!(store.change_user("bob", None, Some(Role::Viewer), moment(1)).await.expect("changed"));
    assert!(!there(&before).await, "so does another role");

    let last = sessions.begin(&user, moment(1)).await.expect("begun");
    let (id, hash, rights) = ("one".to_owned(), vec![7; 32], Rights::all());
    let (person, made_by) = (Some("bob".to_owned()), "bob".to_owned());
    let token = Token { name: id.clone(), id, hash, rights, made_by, person, created: moment(1), expires: None };
    store.add_token(&token).await.expect("kept");
    store.add_token(&Token { id: "two".into(), person: None, ..token }).await.expect("kept");
    assert_eq!(store.remove_user("bob").await.expect("removed"), Some(1), "his token goes with him");
    assert!(
        store.token("one").await.expect("looked for").is_none() && store.token("two").await.expect("found").is_some()
    );
    assert!(store.add_user(&user).await.expect("added"));
    assert!(!there(&last).await, "whoever has that name later begins anew");
    store.close().await;
}

async fn one_person_has_so_many_sessions_and_lapsed_ones_are_forgotten(lab: Lab) {
    let (store, user) = with_user(&lab, "bob").await;
    let eva = User { name: "eva".into(), ..user.clone() };
    assert!(store.add_user(&eva).await.expect("added"));
    let sessions = Sessions::new(store.clone());
    let evas = sessions.begin(&eva, moment(0)).await.expect("begun");
    let mut cookies = Vec::new();
    for second in 0..=MOST as u64 {
        cookies.push(sessions.begin(&user, moment(second)).await.expect("begun"));
    }
    let there = async |cookie: &str| store.session(&hash(cookie)).await.expect("looked for").is_some();
    assert!(!there(&cookies[0]).await && there(&cookies[1]).await && there(&evas).await);
    assert_eq!(store.forget_sessions(moment(10) + IDLE).await.expect("forgotten"), 11, "eva's and ten of bob's");
    assert!(!there(&evas).await && !there(&cookies[10]).await && there(&cookies[11]).await);
    store.close().await;
}
