//! Voicemail: what was left is found, in order, until it is deleted; and a PIN is not guessed.

use std::time::Duration;

use patchcord_web::store::voicemail::{Count, Tried, Tries, Voicemail};

use crate::lab::{Lab, laws, moment};

laws! {
    messages_survive_a_restart_and_come_in_order,
    a_full_mailbox_takes_no_more,
    a_message_is_gone_when_it_is_deleted,
    three_wrong_pins_lock_the_mailbox_for_a_while,
    many_callers_at_once_guess_no_more_often_than_one,
}

const TRIES: Tries = Tries { most: 3, lock: Duration::from_secs(900) };

fn message(id: &str, second: u64) -> Voicemail {
    Voicemail {
        id: id.into(),
        file: format!("2026-11-21/{id}.wav"),
        from: "+4930".into(),
        length: Duration::from_millis(4200),
        left: moment(second),
        heard: false,
    }
}

async fn messages_survive_a_restart_and_come_in_order(lab: Lab) {
    let store = lab.store().await;
    for (id, second) in [("b", 2), ("a", 1), ("c", 3)] {
        assert!(store.leave_voicemail("alice", &message(id, second), 10).await.expect("kept"));
    }
    store.leave_voicemail("bob", &message("d", 1), 10).await.expect("kept");
    assert!(store.mark_voicemail("alice", "a", true).await.expect("marked"));
    assert!(!store.mark_voicemail("alice", "d", true).await.expect("that is bob's"));
    store.close().await;

    let store = lab.store().await;
    let found = store.voicemails("alice", 10).await.expect("listed");
    assert_eq!(found, [message("b", 2), message("c", 3), Voicemail { heard: true, ..message("a", 1) }]);
    assert_eq!(store.voicemails("alice", 1).await.expect("listed").len(), 1);
    assert_eq!(store.count_voicemails("alice").await.expect("counted"), Count { unheard: 2, heard: 1 });
    assert_eq!(store.count_voicemails("carol").await.expect("counted"), Count::default());
}

async fn a_full_mailbox_takes_no_more(lab: Lab) {
    let store = lab.store().await;
    assert!(store.leave_voicemail("alice", &message("a", 1), 2).await.expect("kept"));
    assert!(store.leave_voicemail("alice", &message("b", 2), 2).await.expect("kept"));
    assert!(!store.leave_voicemail("alice", &message("c", 3), 2).await.expect("answered"));
    assert_eq!(store.count_voicemails("alice").await.expect("counted").unheard, 2);
}

async fn a_message_is_gone_when_it_is_deleted(lab: Lab) {
    let store = lab.store().await;
    let shared = Voicemail { id: "b".into(), ..message("a", 1) };
    store.leave_voicemail("alice", &message("a", 1), 9).await.expect("kept");
    store.leave_voicemail("bob", &shared, 9).await.expect("kept");
    let file = message("a", 1).file;

    assert_eq!(store.remove_voicemail("bob", "a").await.expect("answered"), None, "that is alice's");
    assert_eq!(store.remove_voicemail("alice", "a").await.expect("removed"), Some((file.clone(), false)));
    assert_eq!(store.remove_voicemail("alice", "a").await.expect("answered"), None);
    assert_eq!(store.remove_voicemail("bob", "b").await.expect("removed"), Some((file, true)));
}

async fn three_wrong_pins_lock_the_mailbox_for_a_while(lab: Lab) {
    let store = lab.store().await;
    let tried = |is_right, second| {
        let store = store.clone();
        async move { store.try_pin("alice", is_right, TRIES, moment(second)).await.expect("tried") }
    };
    assert_eq!(tried(false, 0).await, Tried::Wrong(2));
    assert_eq!(tried(true, 1).await, Tried::Right, "a right one forgets the wrong ones");
    assert_eq!(tried(false, 2).await, Tried::Wrong(2));
    assert_eq!(tried(false, 3).await, Tried::Wrong(1));
    assert_eq!(tried(false, 4).await, Tried::Locked(Duration::from_secs(900)));
    assert_eq!(tried(true, 5).await, Tried::Locked(Duration::from_secs(899)), "the right one is not looked at");
    assert_eq!(store.try_pin("bob", true, TRIES, moment(5)).await.expect("tried"), Tried::Right);
    assert_eq!(tried(false, 904).await, Tried::Wrong(2), "then it begins anew");
    assert_eq!(tried(true, 905).await, Tried::Right);
}

async fn many_callers_at_once_guess_no_more_often_than_one(lab: Lab) {
    let store = lab.store().await;
    let guesses = (0..12).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.try_pin("alice", false, TRIES, moment(0)).await.expect("tried") })
    });
    let mut wrong = 0;
    for guess in guesses.collect::<Vec<_>>() {
        wrong += usize::from(matches!(guess.await.expect("guessed"), Tried::Wrong(_)));
    }
    assert_eq!(wrong, 2, "the third locked it");
}
