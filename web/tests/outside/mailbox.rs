//! `mailbox`: from the message that is left to the one that is deleted.

use patchcord_web::outside::{Mailbox, Rules, Settings};
use serde_json::{Value, json};

use crate::lab::Lab;

async fn lab() -> Lab {
    let alice = Mailbox { mail: Some("alice@example.org".into()), pin: Some("2468".into()) };
    let settings = Settings { mailboxes: [("alice".into(), alice)].into(), ..Settings::default() };
    Lab::with(Rules::default(), settings).await
}

async fn save(lab: &Lab, file: &str) -> Value {
    let ask = json!({"do": "save", "user": "alice", "file": file, "from": "+4930", "ms": 4200});
    lab.ask("mailbox", ask).await.expect("saved")["id"].clone()
}

#[tokio::test]
async fn a_message_is_left_heard_and_deleted_with_its_sound() {
    let lab = lab().await;
    lab.record("2026-11-21/a.wav", b"one");
    lab.record("2026-11-21/b.wav", b"two");
    let (a, b) = (save(&lab, "2026-11-21/a.wav").await, save(&lab, "2026-11-21/b.wav").await);
    let of = |deed: &str, id: &Value| json!({"do": deed, "user": "alice", "id": id});
    assert_eq!(lab.ask("mailbox", of("mark_heard", &a)).await, Ok(json!(true)));
    let count = json!({"do": "count", "user": "alice"});
    assert_eq!(lab.ask("mailbox", count.clone()).await, Ok(json!({"unheard": 1, "heard": 1, "full": false})));

    let listed = lab.ask("mailbox", json!({"do": "list", "user": "alice"})).await.expect("listed");
    let told = |index: usize, key: &str| listed[index][key].clone();
    assert_eq!(
        (told(0, "id"), told(0, "file"), told(0, "heard")),
        (b.clone(), json!("2026-11-21/b.wav"), json!(false))
    );
    assert_eq!(
        (told(1, "id"), told(1, "from"), told(1, "ms"), told(1, "heard")),
        (a.clone(), json!("+4930"), json!(4200), json!(true))
    );
    assert!(told(0, "at_ms").as_u64().is_some_and(|at| at > 1_700_000_000_000));

    assert_eq!(lab.ask("mailbox", of("delete", &a)).await, Ok(json!(true)));
    assert_eq!(lab.ask("mailbox", of("delete", &a)).await, Ok(json!(false)));
    assert!(!lab.recording("2026-11-21/a.wav").exists() && lab.recording("2026-11-21/b.wav").exists());
    assert_eq!(lab.ask("mailbox", count).await, Ok(json!({"unheard": 1, "heard": 0, "full": false})));
}

#[tokio::test]
async fn a_message_that_two_have_keeps_its_sound_until_both_delete_it() {
    let lab = lab().await;
    lab.record("a.wav", b"one");
    let alices = save(&lab, "a.wav").await;
    let bobs = json!({"do": "save", "user": "bob", "file": "a.wav", "from": "", "ms": 1});
    let bobs = lab.ask("mailbox", bobs).await.expect("saved")["id"].clone();
    lab.ask("mailbox", json!({"do": "delete", "user": "alice", "id": alices})).await.expect("deleted");
    assert!(lab.recording("a.wav").exists());
    lab.ask("mailbox", json!({"do": "delete", "user": "bob", "id": bobs})).await.expect("deleted");
    assert!(!lab.recording("a.wav").exists());
}

#[tokio::test]
async fn a_pin_is_asked_where_one_is_configured_and_not_guessed() {
    let lab = lab().await;
    let about = |user: &str| json!({"do": "about", "user": user});
    assert_eq!(lab.ask("mailbox", about("alice")).await, Ok(json!({"mail": "alice@example.org", "pin": true})));
    assert_eq!(lab.ask("mailbox", about("bob")).await, Ok(json!({"mail": null, "pin": false})));
    let tried =
        |user: &'static str, pin: &'static str| lab.ask("mailbox", json!({"do": "pin", "user": user, "pin": pin}));
    assert_eq!(tried("bob", "1").await, Ok(json!({"status": "none"})));
    assert_eq!(tried("alice", "1357").await, Ok(json!({"status": "wrong", "tries_left": 2})));
    assert_eq!(tried("alice", "2468").await, Ok(json!({"status": "ok"})));
    for left in [2, 1] {
        assert_eq!(tried("alice", "24680").await, Ok(json!({"status": "wrong", "tries_left": left})));
    }
    assert_eq!(tried("alice", "").await, Ok(json!({"status": "locked", "locked_s": 900})));
    assert_eq!(tried("alice", "2468").await.expect("told")["status"], "locked");

    lab.porter.reconfigure(None, Default::default());
    assert_eq!(tried("alice", "2468").await, Ok(json!({"status": "none"})), "the configuration has changed");
}

#[tokio::test]
async fn what_is_no_recording_is_not_left() {
    let lab = lab().await;
    lab.record("a.wav", b"one");
    let save = |user: &str, file: &str| json!({"do": "save", "user": user, "file": file, "from": "", "ms": 1});
    for (ask, why) in [
        (save("alice", "b.wav"), "there is no recording \"b.wav\""),
        (
            save("alice", "../patchcord.db"),
            "\"../patchcord.db\" is no name of a recording; take the one that record gave as .file",
        ),
        (save("", "a.wav"), "a mailbox has the name of an endpoint, with at most 128 bytes"),
        (json!({"do": "list"}), "the ask is not understood: missing field `user`"),
    ] {
        assert_eq!(lab.refusal("mailbox", ask).await, format!("mailbox: {why}"));
    }
    let unknown = lab.refusal("mailbox", json!({"do": "forward", "user": "alice"})).await;
    assert!(unknown.contains("unknown variant `forward`, expected one of `about`, `save`"), "{unknown}");
    for _ in 0..100 {
        lab.ask("mailbox", save("alice", "a.wav")).await.expect("saved");
    }
    assert_eq!(lab.ask("mailbox", json!({"do": "count", "user": "alice"})).await.expect("told")["full"], true);
    let full = lab.refusal("mailbox", save("alice", "a.wav")).await;
    assert_eq!(full, "mailbox: the mailbox of alice is full with 100 messages; ask count before you record");
}
