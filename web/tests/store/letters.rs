//! Letters wait for their turn, over a restart, and not without end.

use patchcord_web::store::letters::Letter;

use crate::lab::{Lab, laws, moment};

laws! {
    letters_survive_a_restart_and_come_when_they_are_due,
    no_more_wait_than_allowed,
}

fn letter(id: &str, next: u64) -> Letter {
    let (service, text) = ("voicemail".into(), "{\"subject\":\"☂\"}".into());
    Letter { id: id.into(), service, text, tries: 0, next: moment(next), written: moment(0) }
}

async fn letters_survive_a_restart_and_come_when_they_are_due(lab: Lab) {
    let store = lab.store().await;
    for (id, next) in [("later", 60), ("now", 10), ("first", 5)] {
        assert!(store.keep_letter(&letter(id, next), 10).await.expect("kept"));
    }
    store.close().await;
    let store = lab.store().await;
    assert_eq!(store.due_letters(moment(4), 9).await.expect("asked"), []);
    assert_eq!(store.due_letters(moment(10), 9).await.expect("asked"), [letter("first", 5), letter("now", 10)]);
    assert_eq!(store.due_letters(moment(10), 1).await.expect("asked"), [letter("first", 5)]);

    store.put_off_letter("first", 1, moment(70)).await.expect("put off");
    store.remove_letter("now").await.expect("removed");
    let put_off = Letter { tries: 1, ..letter("first", 70) };
    assert_eq!(store.due_letters(moment(99), 9).await.expect("asked"), [letter("later", 60), put_off]);
}

async fn no_more_wait_than_allowed(lab: Lab) {
    let store = lab.store().await;
    assert!(store.keep_letter(&letter("a", 0), 1).await.expect("kept"));
    assert!(!store.keep_letter(&letter("b", 0), 1).await.expect("answered"));
    assert_eq!(store.due_letters(moment(0), 9).await.expect("asked").len(), 1);
}
