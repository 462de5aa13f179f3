//! Calls come back as they were told, each once, whatever comes twice or late.

use std::time::Duration;

use patchcord_engine::{
    journal::{
        Account, Batch, Began, By, CallId, Cause, Direction, Hearing, Journal, LegBegan, LegNumber, Notice, Outcome,
        Page, Party, QualitySample, Record, RecordShelf, Rules, Story, Way, What,
    },
    routing::{ShelfError, Written},
};
use patchcord_sip::hop::Transport;

use crate::lab::{Kind, Lab, laws, moment};

laws! {
    a_call_comes_back_with_all_that_was_told_of_it,
    a_row_is_open_until_the_end_and_closed_for_good,
    writing_a_batch_again_changes_nothing,
    batches_in_the_wrong_order_make_the_same_call,
    pages_show_each_call_once_the_newest_first,
    a_call_that_nobody_knows_is_none,
    thousands_of_calls_are_written_at_once,
    a_batch_is_written_whole_or_not_at_all,
    what_the_database_refuses_is_left_out_and_hurts_no_other,
    hostile_text_is_kept_as_far_as_text_goes,
    a_damaged_row_or_piece_is_left_out_and_hurts_no_other,
}

const ALICE: LegNumber = LegNumber(0);
const BOB: LegNumber = LegNumber(1);

fn id(number: u64) -> CallId {
    CallId::new(moment(number), number)
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn journal(number: u64) -> Journal {
    let began = Began {
        service: Some("ring".into()),
        version: Some("7".into()),
        route: Some("endpoint 102".into()),
        ..Began::new(moment(number), Party::named("alice", "Alice ☂"), Party::new("102"))
    };
    Journal::begin(id(number), began, Rules::default())
}

fn leg(leg: LegNumber, account: Account) -> What {
    What::LegBegan(Box::new(LegBegan {
        leg,
        parent: (leg != ALICE).then_some(ALICE),
        direction: if leg == ALICE { Direction::Inbound } else { Direction::Outbound },
        account,
        from: Party::named("alice", "Alice ☂"),
        to: Party::new("102"),
        transport: Transport::Wss,
        peer: "198.51.…#1a2b".into(),
    }))
}

/// The pieces that a talk between two hands out: at its beginning, at its answer, and at its end.
fn talk(number: u64) -> Vec<Batch> {
    let mut journal = journal(number);
    let mut pieces = vec![journal.drain().expect("a row")];
    journal.note(s(0), leg(ALICE, Account::Endpoint("alice".into())));
    journal.note(s(0), leg(BOB, Account::Trunk("north".into())));
    journal.message(s(0), ALICE, Way::Theirs, &"INVITE sip:102@h SIP/2.0\r\nSubject: \0\u{1F4DE}\r\n\r\n".into());
    journal.note(s(1), What::Rang(BOB));
    journal.note(s(2), What::EarlyMedia(BOB));
    journal.note(s(7), What::Answered(BOB));
    journal.note(s(7), What::Answered(ALICE));
    pieces.extend(journal.drain());
    journal.note(s(7), What::Bridged(ALICE, BOB));
    let heard = Hearing { lost_permille: 3, jitter: Duration::from_micros(1234), mos_hundredths: Some(431) };
    let sample = QualitySample { here: Some(heard), there: None, round_trip: Some(s(1)) };
    journal.note(s(8), What::Media { leg: BOB, notice: Notice::Sampled(Box::new(sample)) });
    journal.note(s(9), What::Held(BOB));
    journal.note(s(9), What::ToldRecorded(BOB));
    journal.note(s(9), What::Tag { key: "customer".into(), value: "42".into() });
    journal.note(s(9), What::Recording { leg: None, path: "2026/one.ogg".into() });
    let cause = Cause { place: Some("dial, ring.rhai:3".into()), ..Cause::status(By::Callee, 200, 16, "bye") };
    journal.note(s(60), What::LegEnded { leg: BOB, cause: Box::new(cause) });
    journal.note(s(60), What::LegEnded { leg: ALICE, cause: Box::new(Cause::normal(By::Script)) });
    pieces.push(journal.end(s(60), Outcome::Answered));
    pieces
}

fn record(batch: &Batch) -> Record {
    *batch.record.clone().expect("a record")
}

async fn story(store: &impl RecordShelf, number: u64) -> Story {
    store.story(id(number)).await.expect("found").expect("known")
}

/// The calls that stand open, each with all that is kept of it.
async fn left_open(store: &impl RecordShelf) -> Vec<CallId> {
    let open = store.left_open(9).await.expect("asked");
    for left in &open {
        assert_eq!(store.story(left.record.call).await.expect("found").as_ref(), Some(left));
    }
    open.iter().map(|left| left.record.call).collect()
}

async fn a_call_comes_back_with_all_that_was_told_of_it(lab: Lab) {
    let pieces = talk(1);
    let store = lab.store().await;
    assert_eq!(store.write_batches(&pieces).await.expect("written"), Written::default());
    store.close().await;

    let found = story(&lab.store().await, 1).await;
    assert_eq!(found.record, record(&pieces[2]));
    let entries: Vec<_> = pieces.iter().flat_map(|piece| piece.entries.clone()).collect();
    assert_eq!(found.entries, entries);
    assert_eq!(Record::fold(id(1), &found.entries), Some(found.record), "the row is the fold over the journal");
}

async fn a_row_is_open_until_the_end_and_closed_for_good(lab: Lab) {
    let store = lab.store().await;
    let [row, answer, end] = &talk(1)[..] else { panic!("three pieces") };
    store.write_batches(std::slice::from_ref(row)).await.expect("written");
    assert_eq!(left_open(&store).await, [id(1)]);
    assert_eq!(story(&store, 1).await.record.answered, None);

    store.write_batches(std::slice::from_ref(answer)).await.expect("written");
    let open = story(&store, 1).await.record;
    assert_eq!((open.answered, open.outcome, open.legs.len()), (Some(s(7)), None, 2));

    store.write_batches(std::slice::from_ref(end)).await.expect("written");
    assert_eq!(left_open(&store).await, []);
    store.write_batches(&[row.clone(), answer.clone()]).await.expect("late");
    assert_eq!(story(&store, 1).await.record, record(end));
}

async fn writing_a_batch_again_changes_nothing(lab: Lab) {
    let store = lab.store().await;
    let pieces = talk(1);
    store.write_batches(&pieces).await.expect("written");
    let once = story(&store, 1).await;
    let twice: Vec<_> = pieces.iter().chain(&pieces).cloned().collect();
    store.write_batches(&twice).await.expect("written again");

    assert_eq!(story(&store, 1).await, once);
    assert_eq!(lab.ask("SELECT CAST(COUNT(*) AS TEXT) FROM legs").await, "2");
}

async fn batches_in_the_wrong_order_make_the_same_call(lab: Lab) {
    let store = lab.store().await;
    for piece in talk(1).iter().rev() {
        store.write_batches(std::slice::from_ref(piece)).await.expect("written");
    }
    let found = story(&store, 1).await;
    assert_eq!(found.record, record(&talk(1)[2]));
    assert!(found.entries.iter().map(|entry| entry.number).eq(0..found.record.entries));
}

async fn pages_show_each_call_once_the_newest_first(lab: Lab) {
    let store = lab.store().await;
    let batches: Vec<_> = (0..25).map(|number| journal(number).end(s(1), Outcome::Cancelled)).collect();
    store.write_batches(&batches).await.expect("written");

    let mut seen = Vec::new();
    let mut page = Page { before: None, most: 10 };
    loop {
        let found = store.records(page).await.expect("a page");
        assert!(found.len() <= 10);
        seen.extend(found.iter().map(|record| record.call));
        match found.last() {
            Some(last) => page.before = Some(last.call),
            None => break,
        }
    }
    let expected: Vec<_> = (0..25).rev().map(id).collect();
    assert_eq!(seen, expected);
}

async fn a_call_that_nobody_knows_is_none(lab: Lab) {
    let store = lab.store().await;
    assert_eq!(store.story(id(7)).await.expect("asked"), None);
    assert_eq!(store.records(Page { before: None, most: 10 }).await.expect("asked"), []);
}

async fn thousands_of_calls_are_written_at_once(lab: Lab) {
    let store = lab.store().await;
    let batches: Vec<_> = (0..3000).map(|number| talk(number).pop().expect("an end")).collect();
    store.write_batches(&batches).await.expect("written");
    assert_eq!(lab.ask("SELECT CAST(COUNT(*) AS TEXT) FROM calls").await, "3000");
    assert_eq!(lab.ask("SELECT CAST(COUNT(*) AS TEXT) FROM legs").await, "6000");
}

async fn a_batch_is_written_whole_or_not_at_all(lab: Lab) {
    let store = lab.store().await;
    // The batch fails after the calls were written.
    lab.tamper("ALTER TABLE journal RENAME COLUMN entries TO elsewhere").await;
    assert!(matches!(store.write_batches(&talk(1)).await, Err(ShelfError::Away(_))));
    assert_eq!(left_open(&store).await, []);

    lab.tamper("ALTER TABLE journal RENAME COLUMN elsewhere TO entries").await;
    assert_eq!(store.story(id(1)).await.expect("asked"), None);
    store.write_batches(&talk(1)).await.expect("written");
    assert_eq!(story(&store, 1).await.record, record(&talk(1)[2]));
}

async fn what_the_database_refuses_is_left_out_and_hurts_no_other(lab: Lab) {
    let store = lab.store().await;
    lab.tamper(match lab.kind {
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON calls WHEN NEW.began_at = 1800000003000 \
             BEGIN SELECT RAISE(ABORT, 'no'); END"
        }
        Kind::Postgres => "ALTER TABLE calls ADD CHECK (began_at <> 1800000003000)",
    })
    .await;
    let batches: Vec<_> = (0..9).map(|number| journal(number).end(s(1), Outcome::Cancelled)).collect();
    assert_eq!(store.write_batches(&batches).await.expect("the others are written"), Written { refused: 1 });

    let found = store.records(Page { before: None, most: 20 }).await.expect("a page");
    let expected: Vec<_> = (0..9).rev().filter(|number| *number != 3).map(id).collect();
    assert_eq!(found.iter().map(|record| record.call).collect::<Vec<_>>(), expected);
}

async fn hostile_text_is_kept_as_far_as_text_goes(lab: Lab) {
    let store = lab.store().await;
    let hostile = "a\0b'); DROP TABLE calls; --\u{202e}";
    let began = Began::new(moment(1), Party::named(hostile, hostile), Party::new(hostile));
    let mut journal = Journal::begin(id(1), began, Rules::default());
    journal.note(s(0), leg(ALICE, Account::Endpoint(hostile.into())));
    journal.note(s(0), What::Tag { key: hostile.into(), value: hostile.into() });
    let batch = journal.end(s(1), Outcome::Failed);
    assert_eq!(store.write_batches(std::slice::from_ref(&batch)).await.expect("written"), Written::default());

    let found = story(&store, 1).await;
    assert_eq!(&*found.record.from.number, hostile.replace('\0', "\u{fffd}"));
    assert_eq!(found.record.tags, record(&batch).tags);
    assert_eq!(found.entries, batch.entries);
}

async fn a_damaged_row_or_piece_is_left_out_and_hurts_no_other(lab: Lab) {
    let store = lab.store().await;
    let calls: Vec<_> = (1..4).flat_map(talk).collect();
    store.write_batches(&calls).await.expect("written");
    lab.tamper("UPDATE calls SET outcome = 'splendid' WHERE began_at = 1800000001000").await;
    lab.tamper("UPDATE legs SET transport = 'pigeon' WHERE position = 1").await;
    lab.tamper("UPDATE journal SET entries = '[' WHERE first_entry = 1").await;

    let found = store.records(Page { before: None, most: 20 }).await.expect("a page");
    assert_eq!(found.iter().map(|record| record.call).collect::<Vec<_>>(), [id(3), id(2)]);
    let damaged = story(&store, 2).await;
    assert_eq!((damaged.record.legs.len(), damaged.entries[0].number, damaged.entries[1].number), (1, 0, 8));
}
