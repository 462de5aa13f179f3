//! Databases that take nothing or answer too slowly: whoever writes keeps what he has, and it is there once when they are back.

use std::{process::Command, time::Duration};

use patchcord_engine::{
    journal::{Batch, Began, CallId, Journal, Outcome, Page, Party, RecordShelf, Rules},
    routing::ShelfError,
};
use patchcord_web::store::Wanted;
use tokio::signal::unix::{SignalKind, signal};

use crate::lab::{Kind, Lab, moment};

/// What a process is sent that writes beyond its limit (SIGXFSZ); it ends where nobody takes that.
const BEYOND_LIMIT: i32 = 25;

fn call(number: u64) -> Vec<Batch> {
    let id = CallId::new(moment(number), number);
    let began = Began::new(moment(number), Party::new("alice"), Party::new("102"));
    vec![Journal::begin(id, began, Rules::default()).end(Duration::from_secs(3), Outcome::Cancelled)]
}

/// From now on no file of this process grows beyond so many bytes, as on a disk that is full. Each test is a process of its own.
fn no_file_beyond(bytes: &str) {
    let ours = std::process::id().to_string();
    let set = Command::new("prlimit").args(["--pid", &ours, &format!("--fsize={bytes}:unlimited")]).status();
    assert!(set.expect("prlimit is there").success());
}

#[tokio::test]
async fn a_disk_that_is_full_counts_as_away_and_what_waits_is_written_once_when_there_is_room() {
    let lab = Lab::new(Kind::Sqlite);
    let store = lab.store().await;
    store.write_batches(&call(1)).await.expect("written");
    let _taken = signal(SignalKind::from_raw(BEYOND_LIMIT)).expect("signals are heard");
    no_file_beyond("1");
    let away = store.write_batches(&call(2)).await.expect_err("nothing is taken");
    // Refused would mean that it is thrown away.
    assert!(matches!(away, ShelfError::Away(_)), "{away:?}");
    let all = store.records(Page { before: None, most: 10 }).await.expect("what is there can be read");
    assert_eq!(all.len(), 1);

    no_file_beyond("unlimited");
    for _ in 0..2 {
        assert_eq!(store.write_batches(&call(2)).await.expect("written").refused, 0);
    }
    let all = store.records(Page { before: None, most: 10 }).await.expect("read");
    assert_eq!(all.iter().map(|record| record.began).collect::<Vec<_>>(), [moment(2), moment(1)]);
    store.close().await;
}

#[tokio::test]
async fn a_database_that_answers_too_slowly_counts_as_away_and_serves_again_when_it_is_not() {
    use patchcord_web::store::Place;
    let lab = Lab::new(Kind::Postgres);
    let store = lab.store().await;
    let Place::Postgres { options, .. } = &lab.place else { panic!("PostgreSQL was asked for") };
    let other = sqlx::PgPool::connect_with((**options).clone()).await.expect("connected");
    let mut holds = other.begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE calls IN ACCESS EXCLUSIVE MODE").execute(&mut *holds).await.expect("locked");

    // Both wait as long as anybody does, and beside each other.
    let (written, (wanted, batches)) = (store.clone(), (Wanted::default(), call(1)));
    let (writes, reads) = tokio::join!(written.write_batches(&batches), store.find_calls(&wanted, None, 10));
    assert!(matches!(writes, Err(ShelfError::Away(_))), "{writes:?}");
    assert!(matches!(reads, Err(ShelfError::Away(_))), "{reads:?}");
    store.reachable().await.expect("it answers what nobody holds");

    holds.rollback().await.expect("let go");
    store.write_batches(&batches).await.expect("written");
    assert_eq!(store.find_calls(&wanted, None, 10).await.expect("found").records.len(), 1);
    other.close().await;
    store.close().await;
}
