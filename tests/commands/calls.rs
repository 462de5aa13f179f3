//! What `patchcord calls` shows of calls that were kept, and of those that a dead process left behind.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use patchcord_engine::{
    journal::{
        Account, Batch, Began, By, CallId, Cause, Direction, Journal, LegBegan, LegNumber, Outcome, Party, RecordShelf,
        Rules, Way, What,
    },
    runtime::clock,
    spool::{MOST, Spool},
};
use patchcord_lab::Setup;
use patchcord_sip::hop::Transport;
use patchcord_web::store::{Place, Store};
use serde_json::json;

use crate::binary::{BINARY, Folder};

const ALICE: LegNumber = LegNumber(0);
const BOB: LegNumber = LegNumber(1);

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn leg(leg: LegNumber, user: &str) -> What {
    What::LegBegan(Box::new(LegBegan {
        leg,
        parent: (leg != ALICE).then_some(ALICE),
        direction: if leg == ALICE { Direction::Inbound } else { Direction::Outbound },
        account: Account::Endpoint(user.into()),
        from: Party::new("alice"),
        to: Party::new("102"),
        transport: Transport::Udp,
        peer: "198.51.…#1a2b".into(),
    }))
}

/// Alice calls Bob, who answers after six seconds; whether the talk has ended is the caller's business.
fn talk(number: u64) -> (CallId, Journal) {
    let wall = clock::wall();
    let id = CallId::new(wall, number);
    let mut journal = Journal::begin(id, Began::new(wall, Party::new("alice"), Party::new("102")), Rules::default());
    journal.note(s(0), leg(ALICE, "alice"));
    let invite =
        "INVITE sip:102@h SIP/2.0\r\nAuthorization: Digest username=\"alice\", nonce=\"s3cr3t\"\r\n\r\nv=0\r\n";
    journal.message(s(0), ALICE, Way::Theirs, &Bytes::from_static(invite.as_bytes()));
    journal.note(s(0), leg(BOB, "bob"));
    journal.note(s(1), What::Rang(BOB));
    journal.note(s(7), What::Answered(BOB));
    journal.note(s(7), What::Answered(ALICE));
    journal.note(s(7), What::Bridged(ALICE, BOB));
    (id, journal)
}

fn ended(number: u64) -> (CallId, Batch) {
    let (id, mut journal) = talk(number);
    journal.note(s(130), What::LegEnded { leg: BOB, cause: Box::new(Cause::normal(By::Callee)) });
    journal.note(s(130), What::LegEnded { leg: ALICE, cause: Box::new(Cause::normal(By::Callee)) });
    (id, journal.end(s(130), Outcome::Answered))
}

/// Writes as a server does that lives in that data folder.
async fn write(data: &Path, batches: &[Batch]) {
    let place = Place::parse(&format!("sqlite:{}", data.join("patchcord.db").display()), data).expect("a place");
    let store = Store::open(&place, data).await.expect("the store opens");
    store.write_batches(batches).await.expect("written");
    store.close().await;
}

const GOOD: &str = "Alice called 102; Bob's phone rang 6 s and answered; they talked 2 min 3 s; Bob hung up.";

#[tokio::test]
async fn a_call_is_told_in_a_sentence_and_shown_with_all_that_is_kept_of_it() {
    let mut server = Setup::new(BINARY).start().await;
    assert_eq!(server.json(&["calls", "--json"]).await, json!({ "records": [] }));
    server.stop().await;
    let (id, batch) = ended(1);
    write(&server.data(), &[batch]).await;
    server.start().await;

    let (listed, good) = server.run(&["calls"], "").await;
    assert!(good && listed.contains(&id.to_string()) && listed.contains(GOOD), "{listed}");
    let (shown, good) = server.run(&["calls", "show", &id.to_string(), "--sip"], "").await;
    assert!(good, "{shown}");
    for expected in [
        GOOD,
        "  0  Alice: endpoint alice over udp",
        "    1  102: endpoint bob over udp, rang after 1 s, answered after 7 s, talked 2 min 3 s, ended by callee",
        "──── INVITE (sdp) ───",
        "Authorization: Digest username=\"alice\", nonce=…",
        "legs 0 and 1 hear each other",
        "the call is over: answered",
    ] {
        assert!(shown.contains(expected), "{expected:?} is missing in\n{shown}");
    }
    assert!(!shown.contains("s3cr3t"), "{shown}");
    let whole = server.json(&["calls", "show", &id.to_string(), "--json"]).await;
    assert_eq!((&whole["sentence"], &whole["record"]["outcome"]), (&json!(GOOD), &json!("answered")));

    let (told, good) = server.run(&["calls", "show", "00000000000000000000"], "").await;
    assert!(!good && told.contains("no call 00000000000000000000 is kept"), "{told}");
}

#[tokio::test]
async fn what_a_killed_process_left_is_written_and_closed_by_the_next() {
    let mut server = Setup::new(BINARY).start().await;
    server.kill().await;
    let (open, mut journal) = talk(1);
    write(&server.data(), &[journal.drain().expect("an open row")]).await;
    let (spooled, batch) = ended(2);
    let mut spool = Spool::open(&server.data().join("spool"), MOST).expect("a spool");
    spool.append(&[serde_json::to_vec(&batch).expect("JSON")]).expect("spooled");
    drop(spool);
    server.start().await;

    let settled = async || {
        let (page, good) = server.run(&["calls", "--json"], "").await;
        let records = good.then(|| serde_json::from_str::<serde_json::Value>(&page).ok()).flatten()?["records"].clone();
        let outcome = |id: &CallId| {
            let mut all = records.as_array()?.iter();
            let found = all.find(|told| told["record"]["call"] == json!(id.to_string()))?;
            found["record"]["outcome"].as_str().map(str::to_owned)
        };
        Some([outcome(&open)?, outcome(&spooled)?])
    };
    let outcomes = patchcord_lab::eventually("both calls are closed", settled).await;
    assert_eq!(outcomes, ["interrupted", "answered"]);
    let left = std::fs::read_dir(server.data().join("spool")).expect("the spool").count();
    assert_eq!(left, 0, "what is written lies nowhere else");
}

#[tokio::test]
async fn calls_are_shown_also_while_no_server_runs() {
    let folder = Folder::with("[web]\nlisten = []\n");
    assert_eq!(folder.run("calls").good(), "No calls yet.\n");
    let batches: Vec<_> = (0..3).map(|number| ended(number).1).collect();
    assert_eq!(folder.run("calls --json").json(), json!({ "records": [] }));
    write(&folder.file("data"), &batches).await;

    assert_eq!(folder.run("calls --limit 2 --json").json()["records"].as_array().map(Vec::len), Some(2));
    let id = batches[0].call.to_string();
    assert!(folder.run(&format!("calls show {id}")).good().starts_with(GOOD));
    assert!(folder.run("calls show nonsense").bad(1).contains("a call's id is 20 letters and digits"));
}
