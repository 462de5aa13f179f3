//! Bindings come back as the registrar left them, all of a change or nothing of it.

use std::{net::SocketAddr, time::Duration};

use patchcord_engine::routing::{BindingChange, BindingRow, BindingShelf, ShelfError, Written};
use patchcord_sip::hop::Transport;

use crate::lab::{Kind, Lab, laws, moment};

laws! {
    all_that_a_register_leaves_survives_a_restart,
    a_change_replaces_what_the_endpoint_had_and_nothing_else,
    a_change_without_rows_forgets_the_endpoint,
    the_last_change_of_an_endpoint_wins,
    what_has_lapsed_is_not_loaded_and_not_kept,
    ten_thousand_phones_are_written_at_once,
    a_batch_is_written_whole_or_not_at_all,
    what_the_database_refuses_is_left_out_and_hurts_no_other,
    a_text_that_one_database_cannot_hold_keeps_nobody_from_being_written,
    a_damaged_row_is_left_out_and_hurts_no_other,
}

fn binding(user: &str, contact: &str) -> BindingRow {
    BindingRow {
        user: user.into(),
        contact: contact.into(),
        instance: None,
        reg_id: None,
        q_thousandths: 1000,
        path: vec![],
        call_id: "c1@phone".into(),
        cseq: 1,
        expires: moment(3600),
        transport: Transport::Udp,
        local: "192.0.2.1:5060".parse().expect("an address"),
        peer: "198.51.100.7:5062".parse().expect("an address"),
        flow_bound: false,
        user_agent: None,
        updated: moment(0),
    }
}

fn change(user: &str, rows: Vec<BindingRow>) -> BindingChange {
    BindingChange { user: user.into(), rows }
}

async fn all_that_a_register_leaves_survives_a_restart(lab: Lab) {
    let rows = Transport::ALL.map(|transport| BindingRow {
        instance: Some("urn:uuid:00000000-0000-1000-8000-000a95a0e128".into()),
        reg_id: Some(u32::MAX),
        q_thousandths: 500,
        path: vec!["<sip:edge.example;lr>".into(), "\"Prøxy, \\\"two\\\"\" <sip:[2001:db8::9]:5070;lr;ob>".into()],
        cseq: u32::MAX,
        expires: moment(60) + Duration::from_millis(123),
        transport,
        local: "[2001:db8::1]:5061".parse().expect("an address"),
        peer: "[2001:db8::2]:40001".parse().expect("an address"),
        flow_bound: true,
        user_agent: Some("Phone/1.0 \u{1F4DE}".into()),
        updated: moment(1) + Duration::from_millis(7),
        ..binding("alice", &format!("sip:alice@host;transport={transport}"))
    });
    let store = lab.store().await;
    store.write_bindings(vec![change("alice", rows.to_vec())]).await.expect("written");
    store.close().await;

    assert_eq!(lab.store().await.load_bindings(moment(0)).await.expect("loaded"), rows);
}

async fn a_change_replaces_what_the_endpoint_had_and_nothing_else(lab: Lab) {
    let store = lab.store().await;
    let bob = binding("bob", "sip:bob@198.51.100.8");
    let (old, new) = (binding("alice", "sip:alice@old"), binding("alice", "sip:alice@new"));
    store.write_bindings(vec![change("alice", vec![old]), change("bob", vec![bob.clone()])]).await.expect("written");
    store.write_bindings(vec![change("alice", vec![new.clone()])]).await.expect("written");

    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), [new, bob]);
}

async fn a_change_without_rows_forgets_the_endpoint(lab: Lab) {
    let store = lab.store().await;
    store.write_bindings(vec![change("alice", vec![binding("alice", "sip:a@h")])]).await.expect("written");
    store.write_bindings(vec![change("alice", vec![])]).await.expect("written");
    store.write_bindings(vec![]).await.expect("nothing to write is no error");

    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), []);
}

async fn the_last_change_of_an_endpoint_wins(lab: Lab) {
    let store = lab.store().await;
    let (first, last) = (binding("alice", "sip:alice@first"), binding("alice", "sip:alice@last"));
    let batch = vec![change("alice", vec![first.clone(), first]), change("alice", vec![last.clone()])];
    store.write_bindings(batch).await.expect("written");

    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), [last]);
}

async fn what_has_lapsed_is_not_loaded_and_not_kept(lab: Lab) {
    let store = lab.store().await;
    let short = BindingRow { expires: moment(60), ..binding("alice", "sip:short@h") };
    let long = BindingRow { expires: moment(61), ..binding("alice", "sip:long@h") };
    store.write_bindings(vec![change("alice", vec![short, long.clone()])]).await.expect("written");

    assert_eq!(store.load_bindings(moment(60)).await.expect("loaded"), [long]);
    assert_eq!(lab.ask("SELECT CAST(COUNT(*) AS TEXT) FROM bindings").await, "1");
}

async fn ten_thousand_phones_are_written_at_once(lab: Lab) {
    let rows: Vec<_> = (10_000..20_000u16)
        .map(|n| BindingRow {
            peer: SocketAddr::from(([198, 51, 100, 7], n)),
            ..binding(&format!("phone{n}"), &format!("sip:phone{n}@198.51.100.7:{n}"))
        })
        .collect();
    let changes = rows.iter().map(|row| change(&row.user, vec![row.clone()])).collect();
    let store = lab.store().await;
    store.write_bindings(changes).await.expect("written");

    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), rows);
}

async fn a_batch_is_written_whole_or_not_at_all(lab: Lab) {
    let store = lab.store().await;
    let kept = binding("alice", "sip:alice@kept");
    store.write_bindings(vec![change("alice", vec![kept.clone()])]).await.expect("written");
    // The batch fails after alice's binding was forgotten.
    lab.tamper("ALTER TABLE bindings RENAME COLUMN user_agent TO elsewhere").await;
    let batch = vec![change("alice", vec![]), change("bob", vec![binding("bob", "sip:bob@h")])];
    assert!(matches!(store.write_bindings(batch).await, Err(ShelfError::Away(_))));

    lab.tamper("ALTER TABLE bindings RENAME COLUMN elsewhere TO user_agent").await;
    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), [kept]);
}

async fn what_the_database_refuses_is_left_out_and_hurts_no_other(lab: Lab) {
    let store = lab.store().await;
    lab.tamper(match lab.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON bindings WHEN NEW.contact = 'sip:refused@h' \
             BEGIN SELECT RAISE(ABORT, 'no'); END"
        }
        Kind::Postgres => "ALTER TABLE bindings ADD CHECK (contact <> 'sip:refused@h')",
    })
    .await;
    let good: Vec<_> = (100..200).map(|n| binding(&format!("phone{n}"), "sip:phone@h")).collect();
    let mut changes: Vec<_> = good.iter().map(|row| change(&row.user, vec![row.clone()])).collect();
    for at in [0, 50, 99] {
        let refused = binding(&changes[at].user, "sip:refused@h");
        changes[at].rows.push(refused);
    }

    assert_eq!(store.write_bindings(changes).await.expect("the others are written"), Written { refused: 3 });
    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), good);
}

async fn a_text_that_one_database_cannot_hold_keeps_nobody_from_being_written(lab: Lab) {
    let store = lab.store().await;
    let (alice, bob) = (binding("alice", "sip:a@h"), binding("bob", "sip:b@h"));
    let nul = BindingRow { user_agent: Some("a\0b".into()), ..binding("mallory", "sip:m@h") };
    let batch = [alice.clone(), bob.clone(), nul.clone()].map(|row| change(&row.user.clone(), vec![row]));
    let written = store.write_bindings(batch.into()).await.expect("the others are written");

    let (refused, kept) = match lab.kind {
        Kind::Sqlite => (0, vec![alice, bob, nul]),
        Kind::Postgres => (1, vec![alice, bob]),
    };
    assert_eq!(written, Written { refused });
    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), kept);
}

async fn a_damaged_row_is_left_out_and_hurts_no_other(lab: Lab) {
    let store = lab.store().await;
    let (alice, bob) = (binding("alice", "sip:a@h"), binding("bob", "sip:b@h"));
    let batch = vec![change("alice", vec![alice]), change("bob", vec![bob.clone()])];
    store.write_bindings(batch).await.expect("written");
    lab.tamper("UPDATE bindings SET transport = 'pigeon' WHERE endpoint = 'alice'").await;

    assert_eq!(store.load_bindings(moment(0)).await.expect("loaded"), [bob]);
}
