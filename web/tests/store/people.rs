//! Users, tokens and deeds, as both databases keep them.

use std::time::Duration;

use patchcord_web::people::{Right, Rights, Role, Token, User};

use patchcord_web::store::filters::{MOST, SavedFilter};

use crate::lab::{Lab, laws, moment};

laws!(
    a_user_is_kept_changed_and_removed,
    filters_are_kept_for_each_owner_and_there_is_room_for_so_many,
    a_token_is_kept_with_its_scopes,
    tokens_of_before_go_back_to_whoever_made_them,
    deeds_are_told_the_latest_first
);

async fn a_user_is_kept_changed_and_removed(lab: Lab) {
    let store = lab.store().await;
    let user =
        User {
            name: "bob".into(), hash: "$argon2id$…".into(), role: Role::Viewer, created: moment(1), endpoint: None
        };
    assert!(store.add_user(&user).await.expect("added"));
    assert!(!store.add_user(&user).await.expect("looked at"), "a name is given once");
    assert!(store.user("bob").await.expect("found") == Some(user));

    assert!(store.change_user("bob", None, Some(Role::Operator), moment(2)).await.expect("changed"));
    assert!(store.change_user("bob", Some("another"), None, moment(3)).await.expect("changed"));
    assert!(!store.change_user("carol", Some("another"), None, moment(3)).await.expect("looked at"));
    let users = store.users().await.expect("listed");
    let told: Vec<_> = users.iter().map(|user| (&*user.name, &*user.hash, user.role, user.created)).collect();
    assert_eq!(told, [("bob", "another", Role::Operator, moment(1))]);

    assert!(store.tie_user("bob", Some("door"), moment(4)).await.expect("tied"));
    assert!(!store.tie_user("carol", Some("door"), moment(4)).await.expect("looked at"));
    assert_eq!(store.user("bob").await.expect("found").and_then(|user| user.endpoint).as_deref(), Some("door"));
    assert!(store.tie_user("bob", None, moment(5)).await.expect("tied"));
    assert_eq!(store.user("bob").await.expect("found").and_then(|user| user.endpoint), None);

    assert_eq!(store.remove_user("bob").await.expect("removed"), Some(0));
    assert_eq!(store.remove_user("bob").await.expect("looked at"), None);
    store.close().await;
}

async fn a_token_is_kept_with_its_scopes(lab: Lab) {
    let store = lab.store().await;
    let rights: Rights = [Right::ReadRecords, Right::ReadCalls].into_iter().collect();
    let token = |id: &str, expires| Token {
        id: id.into(),
        name: "billing".into(),
        hash: vec![7; 32],
        rights,
        made_by: "admin".into(),
        person: Some("admin".into()),
        created: moment(1),
        expires,
    };
    for (id, expires) in [("one", None), ("two", Some(moment(60)))] {
        store.add_token(&token(id, expires)).await.expect("kept");
    }
    assert!(store.token("two").await.expect("found") == Some(token("two", Some(moment(60)))));
    assert!(store.token("three").await.expect("looked up").is_none());
    // A scope of a later version is granted by none.
    lab.tamper("UPDATE tokens SET scopes = 'records:read everything:write' WHERE id = 'two'").await;
    assert_eq!(store.token("two").await.expect("found").expect("there").rights, Rights::default());
    assert!(store.remove_token("two").await.expect("removed"));
    assert_eq!(store.tokens().await.expect("listed").len(), 1);
    store.close().await;
}

async fn tokens_of_before_go_back_to_whoever_made_them(lab: Lab) {
    let store = lab.store().await;
    let token = |id: &str, made_by: &str| Token {
        id: id.into(),
        name: id.into(),
        hash: vec![7; 32],
        rights: Rights::all(),
        made_by: made_by.into(),
        person: None,
        created: moment(1),
        expires: None,
    };
    let makers = [
        ("of-eva", "eva"),
        ("of-nobody", "command line"),
        ("child", "token of-eva"),
        ("grandchild", "token child"),
        ("free-child", "token of-nobody"),
        ("orphan", "token gone"),
    ];
    for (id, made_by) in makers {
        store.add_token(&token(id, made_by)).await.expect("kept");
    }
    store.close().await;
    // As a server left it that did not know whom tokens go back to.
    lab.tamper("ALTER TABLE tokens DROP COLUMN person").await;
    lab.tamper("DROP TABLE sessions").await;
    lab.tamper("DROP TABLE registration_failures").await;
    lab.tamper("DELETE FROM _sqlx_migrations WHERE version = 24").await;
    let store = lab.store().await;
    let mut told = Vec::new();
    for (id, _) in makers {
        told.push(store.token(id).await.expect("found").expect("there").person);
    }
    let told: Vec<_> = told.iter().map(Option::as_deref).collect();
    assert_eq!(told, [Some("eva"), None, Some("eva"), Some("eva"), None, Some("token gone")]);
    store.close().await;
}

async fn deeds_are_told_the_latest_first(lab: Lab) {
    let store = lab.store().await;
    for n in 0..5 {
        let at = moment(0) + Duration::from_millis(n);
        store.note_deed("admin", "198.51.100.7", "added user", &n.to_string(), at).await.expect("noted");
    }
    let page = store.deeds(None, 3).await.expect("listed");
    assert_eq!(page.iter().map(|deed| &*deed.object).collect::<Vec<_>>(), ["4", "3", "2"]);
    assert_eq!(
        (&*page[0].who, &*page[0].origin, page[0].at),
        ("admin", "198.51.100.7", moment(0) + Duration::from_millis(4))
    );
    let rest = store.deeds(Some(page[2].number), 3).await.expect("listed");
    assert_eq!(rest.iter().map(|deed| &*deed.object).collect::<Vec<_>>(), ["1", "0"]);
    store.close().await;
}

async fn filters_are_kept_for_each_owner_and_there_is_room_for_so_many(lab: Lab) {
    let store = lab.store().await;
    let filter = |name: &str, query: &str| SavedFilter { name: name.into(), query: query.into() };
    for number in 0..MOST {
        let saved = store.save_filter("bob", &filter(&format!("f{number:02}"), "outcome=busy"), moment(1)).await;
        assert!(saved.expect("saved"), "{number}");
    }
    assert!(!store.save_filter("bob", &filter("one more", ""), moment(2)).await.expect("looked at"));
    assert!(
        store.save_filter("bob", &filter("f07", "text=x"), moment(3)).await.expect("saved"),
        "in place of the old one"
    );
    assert!(store.save_filter("eva", &filter("f07", "text=y"), moment(3)).await.expect("saved"));
    let bobs = store.saved_filters("bob").await.expect("listed");
    assert_eq!((bobs.len(), &bobs[7]), (MOST, &filter("f07", "text=x")));
    assert!(store.forget_filter("bob", "f07").await.expect("forgotten"));
    assert!(!store.forget_filter("bob", "f07").await.expect("looked at"));
    store.forget_filters("bob").await.expect("forgotten");
    assert_eq!(store.saved_filters("bob").await.expect("listed"), []);
    assert_eq!(store.saved_filters("eva").await.expect("listed"), [filter("f07", "text=y")]);
    store.close().await;
}
