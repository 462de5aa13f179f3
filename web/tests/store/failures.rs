//! What went wrong last when endpoints wanted to register, as both databases keep it.

use patchcord_engine::{
    routing::{CameFrom, Digests, Failed, Failure, MOST_FAILURES, RegistrarRules},
    runtime::clock,
    switchboard::Switchboard,
};
use patchcord_web::failures::{AT_ONCE, write};

use crate::lab::{Lab, laws, moment};

laws!(failures_are_told_over_a_restart_and_so_many_are_kept, so_many_failures_are_written_at_once_and_the_others_wait);

fn failure(peer: &str, second: u64, times: u32) -> Failure {
    let (peer, why) = (peer.parse().expect("an address"), "Wrong User Name Or Password".into());
    Failure { at: moment(second), peer, status: 403, why, times }
}

async fn failures_are_told_over_a_restart_and_so_many_are_kept(lab: Lab) {
    let store = lab.store().await;
    let own = Some(failure("192.0.2.9:5060", 5, 3));
    let both = Failed { own: own.clone(), elsewhere: Some(failure("[2001:db8::1]:5060", 9, 1)) };
    let alice = ("alice".to_owned(), both.clone());
    store.keep_registration_failures(&[alice, ("bob".into(), Failed { own, elsewhere: None })]).await.expect("kept");
    let cameback = Failed { own: Some(failure("192.0.2.9:5060", 5, 0)), ..both };
    store.keep_registration_failures(&[("alice".into(), cameback.clone())]).await.expect("kept");
    store.close().await;

    let store = lab.store().await;
    let told = store.registration_failures().await.expect("told");
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], ("alice".into(), cameback), "the latest first");
    let many = |number: usize| {
        (format!("u{number}"), Failed { own: Some(failure("192.0.2.1:5060", 100, 1)), elsewhere: None })
    };
    store.keep_registration_failures(&(0..MOST_FAILURES - 1).map(many).collect::<Vec<_>>()).await.expect("kept");
    let told = store.registration_failures().await.expect("told");
    let there = |name: &str| told.iter().any(|(user, _)| user == name);
    assert_eq!((told.len(), there("alice"), there("bob")), (MOST_FAILURES, true, false), "the eldest is forgotten");
    store.close().await;
}

async fn so_many_failures_are_written_at_once_and_the_others_wait(lab: Lab) {
    let store = lab.store().await;
    let board = Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], clock::now());
    for number in 0..=AT_ONCE {
        board.failures.note(&format!("u{number:04}"), failure("192.0.2.9:5060", 1, 1), CameFrom::Unknown);
    }
    store.close().await;
    assert!(!write(&store, &board).await, "they wait while the store is away");
    let store = lab.store().await;
    assert!(write(&store, &board).await);
    assert_eq!(store.registration_failures().await.expect("told").len(), AT_ONCE);
    assert!(write(&store, &board).await);
    assert_eq!(store.registration_failures().await.expect("told").len(), AT_ONCE + 1);
    store.close().await;
}
