//! Rooms that are over: kept once, found by their name, forgotten by their age.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::room::{DENIED, Moment, Past, Visitor};
use patchcord_web::store::rooms::Which;

use crate::lab::{Lab, laws};

laws! {
    rooms_that_are_over_are_kept_once_and_found_the_latest_first,
    where_nobody_came_in_is_told_to_whoever_asks_for_that,
}

fn past(room: &str, second: u64) -> Past {
    Past {
        id: format!("{:012x}0001", second * 1000),
        room: room.into(),
        opened_ms: second * 1000,
        lasted_ms: 60_000,
        why: "the last one left ☂".into(),
        most: 3,
        stays: Vec::new(),
        moments: Vec::new(),
        recordings: Vec::new(),
        ledger: None,
        left_out: 0,
    }
}

async fn rooms_that_are_over_are_kept_once_and_found_the_latest_first(lab: Lab) {
    let store = lab.store().await;
    let all = [past("weekly", 10), past("board", 20), past("weekly", 30)];
    store.keep_rooms(&all).await.expect("kept");
    store.keep_rooms(&all[..1]).await.expect("kept again");
    let found = async |room: Option<&str>, before: Option<&str>, most| {
        let found = store.past_rooms(room, before, most, Which::Met).await.expect("found");
        found.into_iter().map(|past| (past.room, past.opened_ms / 1000)).collect::<Vec<_>>()
    };
    let weekly = |second| ("weekly".to_owned(), second);
    assert_eq!(found(None, None, 9).await, [weekly(30), ("board".to_owned(), 20), weekly(10)]);
    assert_eq!(found(None, Some(&all[2].id), 1).await, [("board".to_owned(), 20)]);
    assert_eq!(found(Some("weekly"), None, 9).await, [weekly(30), weekly(10)]);
    assert_eq!(store.past_room(&all[1].id).await.expect("found"), Some(all[1].clone()));
    assert_eq!(store.past_room("nothing").await.expect("asked"), None);
    assert_eq!(store.forget_rooms(UNIX_EPOCH + Duration::from_secs(25)).await.expect("forgotten"), 2);
    assert_eq!(found(None, None, 9).await, [weekly(30)]);
}

async fn where_nobody_came_in_is_told_to_whoever_asks_for_that(lab: Lab) {
    let store = lab.store().await;
    let visitor = Visitor { name: "mallory".into(), number: "106".into(), from: "endpoint:mallory".into(), call: None };
    let denied = Moment { what: DENIED.into(), note: "throttled".into(), visitor: Some(visitor), ..Moment::default() };
    let tried = |second| Past { most: 0, moments: vec![denied.clone()], ..past("board", second) };
    let met = Past { moments: vec![Moment { what: "lock".into(), ..Moment::default() }], ..past("board", 20) };
    store.keep_rooms(&[tried(10), met, tried(30), tried(40)]).await.expect("kept");
    let found = async |which| {
        let found = store.past_rooms(Some("board"), None, 9, which).await.expect("found");
        found.into_iter().map(|past| past.opened_ms / 1000).collect::<Vec<_>>()
    };
    assert_eq!((found(Which::Met).await, found(Which::All).await), (vec![20], vec![40, 30, 20, 10]));
    let tries = async |before, most| {
        let found = store.tried_rooms("board", before, most).await.expect("found");
        found.into_iter().map(|past| past.opened_ms / 1000).collect::<Vec<_>>()
    };
    assert_eq!((tries(u64::MAX, 9).await, tries(40_000, 1).await), (vec![40, 30, 10], vec![30]));
    assert!(store.tried_rooms("weekly", u64::MAX, 9).await.expect("found").is_empty());
}
