//! Rooms that are over: kept once, found by their name, forgotten by their age.

use std::time::{Duration, UNIX_EPOCH};

use patchcord_engine::room::Past;

use crate::lab::{Lab, laws};

laws! {
    rooms_that_are_over_are_kept_once_and_found_the_latest_first,
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
        let found = store.past_rooms(room, before, most).await.expect("found");
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
