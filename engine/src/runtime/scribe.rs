//! Writes calls behind: takes what calls leave with the clerk and gives it to the shelf, in batches; to the spool while the
//! shelf is away.
//!
//! ```text
//! clerk ──▶ shelf                     usually, each tenth of a second
//! clerk ──▶ spool ──▶ shelf           while the store is away or slow, and until the spool is empty again
//! ```
//!
//! A store that is asked and does not answer may be away without having said so: after a moment whatever waits, and what is
//! being written, goes to the spool beside it. Should the process be killed then, the next one finds it there.
//!
//! What an earlier process left comes first: its spool is written, and then the calls that still stand open are closed as
//! interrupted, before anything of this process reaches the shelf. Whatever is taken is held here until it lies somewhere.
//!
//! Each time that all of it lies there, a sign of life is given beside the spool. What stands open when the next process comes
//! went on at least until the last one.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval, timeout},
};
use tracing::{info, warn};

use super::{
    clock,
    outage::{EVERY, Outage, chain},
};
use crate::{
    exchange::{LAST_WORDS, LOOK},
    journal::{Batch, RecordShelf},
    routing::ShelfError,
    seldom::Seldom,
    spool::{Frames, MAX_FRAME, Spool, SpoolError},
    switchboard::Switchboard,
};

/// Batches in one transaction: some tens of milliseconds for SQLite, and a few megabytes.
const BATCH: usize = 250;

/// Calls left open that are read at a time, with their journals: some tens of megabytes where each is as long as it may be.
/// One by one, ten thousand of them would be told for a minute as going on.
const OPEN: usize = 50;

/// Bytes that may wait in memory while the spool is written to the shelf; beyond, they go to the spool as well.
const PATIENT: usize = 16 << 20;

/// How long the store may take for an answer before what waits for it is spooled: longer than a busy disk takes for a
/// transaction, because what was spooled is written once more, and as little as a call's end should depend on memory alone.
const PROMPT: Duration = Duration::from_millis(500);

/// How long a stop waits for the last batches to be written; what is left then is spooled.
const LAST_WRITE: Duration = Duration::from_secs(5);

/// How long a call may be over without having left its end: its journal stays open for [`LAST_WORDS`], and its shard looks a
/// moment later. Whatever stands open then went on until so long ago.
const UNTOLD: Duration = LAST_WORDS.saturating_add(LOOK);

/// Writes behind until `stop` says so, then writes or spools the rest. Gives back how many batches could be neither.
pub async fn file_calls(
    board: Arc<Switchboard>,
    shelf: Arc<dyn RecordShelf>,
    spool: Spool,
    mut stop: watch::Receiver<bool>,
) -> usize {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut scribe = Scribe::new(board, shelf, spool);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stop.wait_for(|stopped| *stopped) => break,
        }
        tokio::select! {
            () = scribe.work() => {}
            // What was being written is still held, and tried a last time.
            _ = stop.wait_for(|stopped| *stopped) => break,
        }
    }
    let written = timeout(LAST_WRITE, scribe.write_all()).await;
    if !matches!(written, Ok(Ok(()))) {
        scribe.save().await;
    }
    let left = scribe.left();
    if left > 0 {
        warn!(batches = left, "neither the store nor the spool took what was left of the last calls");
    }
    left
}

struct Scribe {
    board: Arc<Switchboard>,
    shelf: Arc<dyn RecordShelf>,
    spool: Arc<Mutex<Spool>>,
    /// Taken from the clerk, and lying nowhere yet.
    held: Arc<Vec<Batch>>,
    /// Read from the eldest segment, and not written yet.
    replayed: Option<Replayed>,
    /// Whether the calls that an earlier process left open are closed.
    settled: bool,
    /// The last sign of life of the process whose calls those are.
    last_alive: Option<SystemTime>,
    outage: Outage,
    complaints: Seldom,
}

/// What was read from a segment.
#[derive(Clone)]
struct Replayed {
    segment: u64,
    batches: Arc<Vec<Batch>>,
    /// Whether all that stands in it could be read.
    is_whole: bool,
}

impl Scribe {
    fn new(board: Arc<Switchboard>, shelf: Arc<dyn RecordShelf>, spool: Spool) -> Self {
        let left = spool.bytes();
        if left > 0 {
            info!(bytes = left, "an earlier process left calls in the spool; they are written first");
        }
        board.clerk.tally.spool_bytes.store(left, Relaxed);
        let aside = spool.count_aside();
        if aside > 0 {
            warn!(files = aside, folder = %spool.aside().display(), "the spool holds what nobody can read; look at it and take it away");
        }
        board.clerk.tally.spool_aside.store(aside as u64, Relaxed);
        let last_alive = spool.last_alive();
        Self {
            board,
            shelf,
            spool: Arc::new(Mutex::new(spool)),
            held: Arc::default(),
            replayed: None,
            settled: false,
            last_alive,
            outage: Outage::of("records of calls"),
            complaints: Seldom::default(),
        }
    }

    /// One tick's work.
    async fn work(&mut self) {
        let began = clock::wall();
        self.put_away().await;
        // Before the calls of the last process are closed the last sign of life is its own.
        if self.settled && self.held.is_empty() && self.board.live.count() > 0 {
            let alive = began.checked_sub(UNTOLD).unwrap_or(began);
            // A disk that refuses it is told of where it refuses records.
            self.on_disk(move |spool| spool.say_alive(alive)).await.ok();
        }
    }

    /// Writes what waits, or spools it.
    async fn put_away(&mut self) {
        if !self.outage.rests() {
            let written = self.write_all().await;
            let waiting = self.left();
            self.outage.note(written, waiting);
        }
        if self.outage.lasts() {
            self.save().await;
        }
    }

    /// Batches that lie nowhere yet, nearly.
    fn left(&self) -> usize {
        self.held.len() + self.board.clerk.waiting()
    }

    /// Writes everything there is, the eldest first.
    async fn write_all(&mut self) -> Result<(), String> {
        loop {
            if !self.settled && !self.with_spool(|spool| spool.has_left_behind()) && self.replayed.is_none() {
                self.close_left_open().await.map_err(|error| chain(&error))?;
                self.settled = true;
            }
            if self.replayed.is_some() || !self.with_spool(|spool| spool.is_empty()) {
                self.replay().await?;
                if self.board.clerk.waiting_bytes() > PATIENT {
                    self.save().await;
                }
                continue;
            }
            self.fetch();
            if self.held.is_empty() {
                return Ok(());
            }
            let held = self.held.clone();
            self.write(&held).await?;
            // Was it spooled meanwhile, then others may be held now.
            if Arc::ptr_eq(&held, &self.held) {
                self.hold(Vec::new());
            }
        }
    }

    /// Takes the next batches from the clerk, unless some are held.
    fn fetch(&mut self) {
        if self.held.is_empty() {
            self.hold(self.board.clerk.hand_out(BATCH));
        }
    }

    fn hold(&mut self, batches: Vec<Batch>) {
        let bytes: usize = batches.iter().map(Batch::weight).sum();
        self.board.clerk.tally.held_bytes.store(bytes as u64, Relaxed);
        self.board.clerk.tally.unspooled.fetch_and(bytes > 0, Relaxed);
        self.held = Arc::new(batches);
    }

    /// What the shelf answers. While it does not, whatever waits is spooled.
    async fn answer<T>(&mut self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        loop {
            match timeout(PROMPT, &mut asked).await {
                Ok(answer) => return answer,
                Err(_) => self.save().await,
            }
        }
    }

    async fn write(&mut self, batches: &[Batch]) -> Result<(), String> {
        let shelf = self.shelf.clone();
        let written = self.answer(shelf.write_batches(batches)).await.map_err(|error| chain(&error))?;
        let tally = &self.board.clerk.tally;
        tally.refused.fetch_add(written.refused as u64, Relaxed);
        tally.written.fetch_add(batches.len().saturating_sub(written.refused) as u64, Relaxed);
        Ok(())
    }

    /// Writes the eldest segment of the spool, and takes it away.
    async fn replay(&mut self) -> Result<(), String> {
        if self.replayed.is_none() {
            let read = self.on_disk(Spool::eldest).await.map_err(|error| chain(&error))?;
            self.replayed = read.map(|frames| self.read(frames));
        }
        let Some(Replayed { segment, batches, is_whole }) = self.replayed.clone() else { return Ok(()) };
        for batches in batches.chunks(BATCH) {
            self.write(batches).await?;
        }
        let done = move |spool: &mut Spool| match is_whole {
            true => spool.forget(segment),
            false => spool.set_aside(segment),
        };
        self.on_disk(done).await.map_err(|error| chain(&error))?;
        self.replayed = None;
        Ok(())
    }

    /// What the frames say; those that say nothing are counted.
    fn read(&self, frames: Frames) -> Replayed {
        let Frames { segment, whole, damaged } = frames;
        let read: Vec<Batch> = whole.iter().filter_map(|frame| serde_json::from_slice(frame).ok()).collect();
        let lost = damaged + whole.len() - read.len();
        if lost > 0 {
            let tally = &self.board.clerk.tally;
            tally.refused.fetch_add(lost as u64, Relaxed);
            tally.spool_damaged.fetch_add(lost as u64, Relaxed);
            let folder = self.with_spool(Spool::aside);
            warn!(places = lost, folder = %folder.display(), "the spool was damaged; what stood there is lost, and the file is put aside");
        }
        Replayed { segment, batches: Arc::new(read), is_whole: lost == 0 }
    }

    /// Puts whatever waits into the spool.
    async fn save(&mut self) {
        loop {
            self.fetch();
            if self.held.is_empty() {
                return;
            }
            if self.with_spool(|spool| spool.is_nearly_full()) {
                let mut less = Vec::clone(&self.held);
                let left_out: usize = less.iter_mut().map(Batch::leave_out_messages).sum();
                self.board.clerk.tally.messages_left_out.fetch_add(left_out as u64, Relaxed);
                self.hold(less);
            }
            let frames: Vec<Vec<u8>> = self.held.iter().map(frame).collect();
            match self.on_disk(move |spool| spool.append(&frames)).await {
                Ok(()) => {
                    self.board.clerk.tally.spooled.fetch_add(self.held.len() as u64, Relaxed);
                    self.hold(Vec::new());
                }
                Err(error) => {
                    self.board.clerk.tally.unspooled.store(true, Relaxed);
                    if let Some(kept_back) = self.complaints.say(clock::now()) {
                        let reason = chain(&error);
                        warn!(reason, kept_back, "records of calls wait in memory: the spool does not take them");
                    }
                    return;
                }
            }
        }
    }

    /// Closes the calls of an earlier process that nobody will ever hear of again.
    async fn close_left_open(&mut self) -> Result<(), ShelfError> {
        let shelf = self.shelf.clone();
        let mut closed = 0;
        loop {
            let open = self.answer(shelf.left_open(OPEN)).await?;
            let ends: Vec<Batch> = open.iter().map(|story| story.interrupted(self.last_alive)).collect();
            if ends.is_empty() {
                break;
            }
            let refused = self.answer(shelf.write_batches(&ends)).await?.refused;
            closed += ends.len() - refused;
            if refused > 0 {
                warn!(refused, "the database does not let calls be closed that a dead process left open");
                break;
            }
        }
        if closed > 0 {
            self.board.clerk.tally.interrupted.fetch_add(closed as u64, Relaxed);
            info!(calls = closed, "calls that an earlier process left open are closed as interrupted");
        }
        Ok(())
    }

    fn with_spool<T>(&self, ask: impl FnOnce(&Spool) -> T) -> T {
        ask(&self.spool.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does something on the disk, on a thread that may wait for it.
    async fn on_disk<T: Send + 'static>(
        &self,
        order: impl FnOnce(&mut Spool) -> Result<T, SpoolError> + Send + 'static,
    ) -> Result<T, SpoolError> {
        let (spool, board) = (self.spool.clone(), self.board.clone());
        // Somebody may have taken away what lies there; and something was put there where what was read was damaged.
        let recounts = board.clerk.tally.spool_aside.load(Relaxed) > 0 || self.replayed.is_some();
        let done = spawn_blocking(move || {
            let mut spool = spool.lock().unwrap_or_else(PoisonError::into_inner);
            let done = order(&mut spool);
            board.clerk.tally.spool_bytes.store(spool.bytes(), Relaxed);
            if recounts {
                board.clerk.tally.spool_aside.store(spool.count_aside() as u64, Relaxed);
            }
            done
        });
        done.await.expect("nothing panics on the way to the disk")
    }
}

/// A batch as it lies in the spool. One that is larger than a frame may be loses its messages, and then its entries.
fn frame(batch: &Batch) -> Vec<u8> {
    let write = |batch: &Batch| serde_json::to_vec(batch).expect("a batch is JSON");
    let whole = write(batch);
    if whole.len() <= MAX_FRAME {
        return whole;
    }
    let mut less = batch.clone();
    less.leave_out_messages();
    Some(write(&less)).filter(|frame| frame.len() <= MAX_FRAME).unwrap_or_else(|| {
        less.leave_out_entries();
        write(&less)
    })
}

#[cfg(test)]
mod tests;
