//! What reaches the shelf when the store is away, when a process dies, and when the disk is full.

use std::{
    collections::BTreeMap,
    sync::atomic::AtomicBool,
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::*;
use crate::{
    journal::{Began, CallId, Entry, Journal, Outcome, Page, Party, Record, Rules, Story, What},
    routing::{Digests, RegistrarRules, Shelved, Written},
};

/// A shelf in memory that can be away, or not answer, and never takes an entry twice.
#[derive(Default)]
struct Shelf {
    away: AtomicBool,
    silent: AtomicBool,
    stories: Mutex<BTreeMap<CallId, Story>>,
}

impl Shelf {
    fn stories(&self) -> BTreeMap<CallId, Story> {
        self.stories.lock().expect("nobody panics").clone()
    }

    fn answer<'a, T: Send + 'static>(
        &'a self,
        said: impl FnOnce(&mut BTreeMap<CallId, Story>) -> T + Send + 'a,
    ) -> Shelved<'a, T> {
        Box::pin(async move {
            while self.silent.load(Relaxed) {
                tokio::task::yield_now().await;
            }
            match self.away.load(Relaxed) {
                true => Err(ShelfError::Away(Box::new(std::io::Error::other("away")))),
                false => Ok(said(&mut self.stories.lock().expect("nobody panics"))),
            }
        })
    }
}

impl RecordShelf for Shelf {
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written> {
        self.answer(move |stories| {
            for Batch { call, entries, record, .. } in batches {
                if let Some(record) = record {
                    let story = stories
                        .entry(*call)
                        .or_insert_with(|| Story { record: (**record).clone(), entries: Vec::new() });
                    if story.record.outcome.is_none() {
                        story.record = (**record).clone();
                    }
                }
                let story = stories.get_mut(call).expect("a row is opened first");
                let known = |entry: &&Entry| !story.entries.iter().any(|known| known.number == entry.number);
                let new: Vec<_> = entries.iter().filter(known).cloned().collect();
                story.entries.extend(new);
                story.entries.sort_by_key(|entry| entry.number);
            }
            Written::default()
        })
    }

    fn left_open(&self, most: usize) -> Shelved<'_, Vec<Story>> {
        self.answer(move |stories| {
            let open = stories.values().filter(|story| story.record.outcome.is_none());
            open.take(most).cloned().collect()
        })
    }

    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>> {
        self.answer(move |stories| stories.get(&call).cloned())
    }

    fn records(&self, _: Page) -> Shelved<'_, Vec<Record>> {
        self.answer(|stories| stories.values().map(|story| story.record.clone()).collect())
    }
}

fn board() -> Arc<Switchboard> {
    Arc::new(Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], clock::now()))
}

/// A process that writes to that shelf, with its spool in that folder.
fn process(shelf: &Arc<Shelf>, folder: &TempDir, most: u64) -> Scribe {
    Scribe::new(board(), shelf.clone(), Spool::open(folder.path(), most).expect("a spool"))
}

fn journal(number: u64) -> Journal {
    let began = Began::new(UNIX_EPOCH + Duration::from_secs(1), Party::new("alice"), Party::new("102"));
    Journal::begin(CallId::new(UNIX_EPOCH, number), began, Rules::default())
}

/// A call that leaves its row open, then an entry, and then its end.
fn three_batches(number: u64) -> [Batch; 3] {
    let mut journal = journal(number);
    let row = journal.drain().expect("a row");
    journal.note(Duration::from_secs(1), What::Tag { key: "a".into(), value: "b".into() });
    let entry = journal.drain().expect("an entry");
    [row, entry, journal.end(Duration::from_secs(2), Outcome::Cancelled)]
}

fn assert_whole(story: &Story) {
    assert_eq!(Record::fold(story.record.call, &story.entries).as_ref(), Some(&story.record));
    assert!(story.entries.iter().map(|entry| entry.number).eq(0..story.record.entries), "{:?}", story.entries);
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test]
async fn an_outage_costs_no_entry_and_no_record_and_none_is_written_twice() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    let mut scribe = process(&shelf, &folder, crate::spool::MOST);
    let clerk = |scribe: &Scribe, batch| scribe.board.clerk.take(batch);
    let mut calls: Vec<_> = (0..40).map(|number| three_batches(number).into_iter()).collect();

    for away in [false, true, false] {
        shelf.away.store(away, Relaxed);
        calls.iter_mut().for_each(|call| call.next().into_iter().for_each(|batch| clerk(&scribe, batch)));
        // As many ticks as the longest rest has.
        for _ in 0..200 {
            scribe.work().await;
        }
        assert_eq!(scribe.left(), 0, "away: {away}");
        assert_eq!(scribe.with_spool(|spool| spool.is_empty()), !away);
    }

    let stories = shelf.stories();
    assert_eq!(stories.len(), 40);
    for story in stories.values() {
        assert_eq!(story.record.outcome, Some(Outcome::Cancelled));
        assert_whole(story);
    }
    let tally = &scribe.board.clerk.tally;
    // What came during the outage, and what came after it before the store was asked again.
    assert_eq!((tally.spooled.load(Relaxed), tally.spool_bytes.load(Relaxed)), (80, 0));
}

#[tokio::test]
async fn a_process_that_died_during_an_outage_leaves_everything_to_the_next_one() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    let [row, entry, end] = three_batches(1);
    let mut killed = process(&shelf, &folder, crate::spool::MOST);
    killed.board.clerk.take(row.clone());
    killed.work().await;
    shelf.away.store(true, Relaxed);
    [entry, end].into_iter().for_each(|batch| killed.board.clerk.take(batch));
    killed.board.clerk.take(three_batches(2)[0].clone());
    killed.work().await;
    drop(killed);

    shelf.away.store(false, Relaxed);
    let mut next = process(&shelf, &folder, crate::spool::MOST);
    let mut alive = journal(3);
    next.board.clerk.take(alive.drain().expect("a row"));
    next.work().await;

    let outcomes: Vec<_> = shelf.stories().values().map(|story| story.record.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Cancelled), Some(Outcome::Interrupted), None], "ended, left open, alive");
    shelf.stories().values().take(2).for_each(assert_whole);
    assert_eq!(next.board.clerk.tally.interrupted.load(Relaxed), 1);
}

#[tokio::test]
async fn a_call_whose_process_was_killed_lasted_until_the_last_sign_of_life_of_that_one() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    let hour = Duration::from_secs(3600);
    let mut journal = journal(1);
    let mut killed = process(&shelf, &folder, crate::spool::MOST);
    killed.board.live.tell(&journal);
    killed.board.clerk.take(journal.drain().expect("a row"));
    killed.work().await;
    let said = killed.with_spool(Spool::last_alive).expect("it is alive and has said so");
    assert!(said <= clock::wall() - LAST_WORDS, "what is over since then may not be known yet");
    // As if it had begun an hour before that.
    let began = said - hour;
    let mut story = shelf.stories().into_values().next().expect("the call");
    (story.record.began, story.entries) = (began, Vec::new());
    shelf.stories.lock().expect("nobody panics").insert(story.record.call, story);
    drop(killed);

    // The next one cannot close it yet, lives itself, and is killed, too.
    shelf.away.store(true, Relaxed);
    let mut next = process(&shelf, &folder, crate::spool::MOST);
    next.board.live.tell(&journal);
    next.work().await;
    assert_eq!(next.with_spool(Spool::last_alive), Some(said), "no sign of its own before that is closed");
    drop(next);
    shelf.away.store(false, Relaxed);
    process(&shelf, &folder, crate::spool::MOST).work().await;
    let record = shelf.stories().into_values().next().expect("the call").record;
    assert_eq!((record.outcome, record.ended), (Some(Outcome::Interrupted), Some(hour)));
    assert!(!record.length_is_known());
}

/// The tick's work, until so many batches were spooled; the shelf does not answer meanwhile.
async fn work_until_spooled(scribe: &mut Scribe, batches: u64) {
    let board = scribe.board.clone();
    let spooled = async {
        while board.clerk.tally.spooled.load(Relaxed) < batches {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = scribe.work() => panic!("a silent shelf has answered"),
        () = spooled => {}
    }
}

#[tokio::test]
async fn what_was_being_written_when_the_store_fell_silent_and_the_process_was_killed_is_told_by_the_next_one() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    let mut killed = process(&shelf, &folder, crate::spool::MOST);
    let [[row, entry, end], [row_of_another, ..]] = [three_batches(1), three_batches(2)];
    killed.board.clerk.take(row);
    killed.work().await;
    shelf.silent.store(true, Relaxed);
    killed.board.clerk.take(entry);
    // The first is being written when the others come.
    work_until_spooled(&mut killed, 1).await;
    [end, row_of_another].into_iter().for_each(|batch| killed.board.clerk.take(batch));
    work_until_spooled(&mut killed, 3).await;
    assert_eq!((killed.left(), killed.board.clerk.tally.held_bytes.load(Relaxed)), (0, 0));
    drop(killed);

    shelf.silent.store(false, Relaxed);
    process(&shelf, &folder, crate::spool::MOST).work().await;
    let stories = shelf.stories();
    let outcomes: Vec<_> = stories.values().map(|story| story.record.outcome).collect();
    assert_eq!(outcomes, [Some(Outcome::Cancelled), Some(Outcome::Interrupted)], "ended, and left open");
    stories.values().for_each(assert_whole);
}

#[tokio::test]
async fn what_comes_while_a_slow_store_writes_and_the_disk_is_full_is_still_held_afterwards() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    let mut scribe = process(&shelf, &folder, crate::spool::MOST);
    scribe.work().await;
    let [row, entry, end] = three_batches(1);
    scribe.board.clerk.take(row);
    shelf.silent.store(true, Relaxed);
    let (board, spool) = (scribe.board.clone(), scribe.spool.clone());
    let until = async |lies_there: &dyn Fn() -> bool| {
        while !lies_there() {
            tokio::task::yield_now().await;
        }
    };
    let tally = &board.clerk.tally;
    let meanwhile = async {
        until(&|| tally.spooled.load(Relaxed) == 1).await;
        let full = Spool::open(folder.path(), 10).expect("the same, and no room for more");
        *spool.lock().expect("nobody panics") = full;
        [entry, end].into_iter().for_each(|batch| board.clerk.take(batch));
        until(&|| board.clerk.waiting() == 0 && tally.held_bytes.load(Relaxed) > 0).await;
        shelf.silent.store(false, Relaxed);
    };
    tokio::join!(scribe.work(), meanwhile);
    assert_eq!((scribe.left(), tally.held_bytes.load(Relaxed)), (0, 0));
    shelf.stories().values().for_each(assert_whole);
    assert_eq!(shelf.stories().values().next().expect("the call").record.outcome, Some(Outcome::Cancelled));
}

#[tokio::test]
async fn a_full_spool_keeps_records_in_memory_until_there_is_room() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    shelf.away.store(true, Relaxed);
    let mut scribe = process(&shelf, &folder, 10);
    three_batches(1).into_iter().for_each(|batch| scribe.board.clerk.take(batch));
    scribe.work().await;
    assert_eq!(scribe.left(), 3);

    shelf.away.store(false, Relaxed);
    for _ in 0..10 {
        scribe.work().await;
    }
    assert_eq!(scribe.left(), 0);
    shelf.stories().values().for_each(assert_whole);
}

#[tokio::test]
async fn a_stop_writes_what_is_left_or_spools_it() {
    for away in [false, true] {
        let (shelf, folder) = (Arc::new(Shelf::default()), folder());
        shelf.away.store(away, Relaxed);
        let board = board();
        three_batches(1).into_iter().for_each(|batch| board.clerk.take(batch));
        let spool = Spool::open(folder.path(), crate::spool::MOST).expect("a spool");
        let (_stop, stopped) = watch::channel(true);

        assert_eq!(file_calls(board, shelf.clone(), spool, stopped).await, 0);
        let spooled = !Spool::open(folder.path(), crate::spool::MOST).expect("the same").is_empty();
        assert_eq!((spooled, shelf.stories().len()), (away, usize::from(!away)));
    }
}

#[tokio::test]
async fn a_damaged_frame_is_counted_and_hurts_no_other() {
    let (shelf, folder) = (Arc::new(Shelf::default()), folder());
    let mut spool = Spool::open(folder.path(), crate::spool::MOST).expect("a spool");
    let [row, entry, end] = three_batches(1);
    let frames: Vec<_> = [row, entry, end].iter().map(frame).collect();
    spool.append(&[frames[0].clone(), b"no batch".to_vec(), frames[2].clone()]).expect("spooled");

    let mut scribe = process(&shelf, &folder, crate::spool::MOST);
    scribe.work().await;
    let story = shelf.stories().into_values().next().expect("the call");
    assert_eq!((story.record.outcome, story.record.entries, story.entries.len()), (Some(Outcome::Cancelled), 3, 2));
    let tally = &scribe.board.clerk.tally;
    assert_eq!((tally.refused.load(Relaxed), tally.spool_damaged.load(Relaxed)), (1, 1));
    assert_eq!(
        (tally.spool_aside.load(Relaxed), tally.spool_bytes.load(Relaxed)),
        (1, 0),
        "it is put aside, for whoever looks"
    );

    // The next process says so again, until somebody has taken it away.
    let mut next = process(&shelf, &folder, crate::spool::MOST);
    assert_eq!(next.board.clerk.tally.spool_aside.load(Relaxed), 1);
    std::fs::remove_dir_all(next.with_spool(Spool::aside)).expect("taken away");
    let held = three_batches(2);
    let frames: Vec<_> = held.iter().map(frame).collect();
    next.on_disk(move |spool| spool.append(&frames)).await.expect("spooled");
    assert_eq!(next.board.clerk.tally.spool_aside.load(Relaxed), 0);
    next.work().await;
    assert_eq!(shelf.stories().len(), 2);
}
