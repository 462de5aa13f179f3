//! The child: legs on a media thread, and calls that leave their records with the clerk, whom the real writer serves.
//!
//! The writer runs as in the server, on one thread of tokio beside which the database has threads of its own; calls are made by
//! a thread that stands for the shards. Each line of its input is a rate of calls, and is answered by what was counted.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use patchcord_bench::people;
use patchcord_bench::process::pass;
use patchcord_bench::sound::legs::Legs;
use patchcord_bench::sound::role::Role;
use patchcord_engine::journal::{CallId, Journal, MAX_PAGE, Outcome, Page, RecordShelf};
use patchcord_engine::runtime::{clock, file_calls};
use patchcord_engine::spool::{MOST, Spool};
use patchcord_engine::switchboard::Switchboard;
use patchcord_web::feed::{Announced, Feed};
use patchcord_web::store::{Place, Store};
use tokio::sync::watch;

use crate::tale;

type Failed = Box<dyn Error + Send + Sync>;

/// How often some calls are answered, and some end.
const TURN: Duration = Duration::from_millis(5);

/// How long a call stands between its answer and its end, so that both are written apart.
const TALK: Duration = Duration::from_secs(5);

/// Of so many calls one is read back with its whole journal.
const READ_EACH: usize = 100;

/// Where the records lie.
const DATABASE: &str = "sqlite:records.db";

/// What was counted, by name.
pub type Counts = BTreeMap<String, u64>;

/// Calls that are made, and how many were.
#[derive(Default)]
struct Calls {
    /// Calls a second; all ones: nobody asks for calls any more.
    rate: AtomicU64,
    ended: AtomicU64,
    standing: AtomicU64,
    /// The most bytes that waited for the writer, here and in the spool.
    most_waiting: AtomicU64,
}

const OVER: u64 = u64::MAX;

/// Is such a child, until nobody asks it any more.
pub fn serve(legs: usize, farm: SocketAddr, folder: &Path) -> Result<(), Failed> {
    let legs = Legs::open(Role::Relay, legs, farm)?;
    let board = Arc::new(people::switchboard(clock::now()));
    let (stop, stopped) = watch::channel(false);
    let (of, at) = (board.clone(), folder.to_owned());
    let scribe = std::thread::Builder::new().name("scribe".into()).spawn(move || write(of, &at, stopped))?;
    let calls = Arc::new(Calls::default());
    let (made, to) = (calls.clone(), board.clone());
    let maker = std::thread::Builder::new().name("calls".into()).spawn(move || made.make(&to))?;
    let told = converse(&legs, &board, &calls);
    calls.rate.store(OVER, Relaxed);
    maker.join().map_err(|_| "the thread that makes calls broke")??;
    stop.send_replace(true);
    let left = scribe.join().map_err(|_| "the writer broke")??;
    told?;
    println!("{}", check(folder, calls.ended.load(Relaxed), left)?);
    Ok(())
}

/// What the server does with what calls leave.
fn write(board: Arc<Switchboard>, folder: &Path, stopped: watch::Receiver<bool>) -> Result<usize, Failed> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async {
        let store = Store::open(&Place::parse(DATABASE, folder)?, folder).await?;
        let spool = Spool::open(&folder.join("spool"), MOST)?;
        let shelf = Announced::new(store.clone(), Arc::new(Feed::new(clock::wall())));
        let left = file_calls(board, Arc::new(shelf), spool, stopped).await;
        store.close().await;
        Ok(left)
    })
}

impl Calls {
    /// Lets calls be answered and end at the rate that is asked for, until nobody asks.
    fn make(&self, board: &Switchboard) -> Result<(), std::io::Error> {
        let mut standing: VecDeque<(Instant, u64, Journal)> = VecDeque::new();
        let (mut number, mut owed, mut last) = (0, 0.0, clock::now());
        loop {
            pass(TURN)?;
            let (now, rate) = (clock::now(), self.rate.load(Relaxed));
            if rate == OVER {
                return Ok(());
            }
            owed += rate as f64 * now.saturating_duration_since(last).as_secs_f64();
            last = now;
            while owed >= 1.0 {
                owed -= 1.0;
                number += 1;
                let (journal, batch) = tale::begin(clock::wall(), number);
                batch.into_iter().for_each(|batch| board.clerk.take(batch));
                standing.push_back((now + TALK, number, journal));
            }
            while standing.front().is_some_and(|(until, ..)| *until <= now) {
                if let Some((_, number, journal)) = standing.pop_front() {
                    board.clerk.take(tale::end(journal, number));
                    self.ended.fetch_add(1, Relaxed);
                }
            }
            self.standing.store(standing.len() as u64, Relaxed);
            self.most_waiting.fetch_max(waiting(board), Relaxed);
        }
    }
}

/// Bytes that lie nowhere yet, or in the spool.
fn waiting(board: &Switchboard) -> u64 {
    let tally = &board.clerk.tally;
    board.clerk.waiting_bytes() as u64 + tally.held_bytes.load(Relaxed) + tally.spool_bytes.load(Relaxed)
}

/// Says where the legs are, and then for each rate that is asked for what was counted.
fn converse(legs: &Legs, board: &Switchboard, calls: &Calls) -> Result<(), Failed> {
    let mut out = std::io::stdout().lock();
    let places: Vec<_> = legs.places.iter().map(SocketAddr::to_string).collect();
    writeln!(out, "{}", places.join(" "))?;
    for line in std::io::stdin().lock().lines() {
        let rate = line?.trim().parse::<u64>()?;
        if calls.rate.swap(rate, Relaxed) != rate {
            calls.most_waiting.store(waiting(board), Relaxed);
        }
        let (sound, clerk) = (legs.tally(), &board.clerk.tally);
        let counts = [
            ("ticks", sound.ticks),
            ("behind_us", sound.behind_us),
            ("late", sound.late_ticks),
            ("skipped", sound.overruns),
            ("came", sound.packets_in),
            ("went", sound.packets_out),
            ("ended", calls.ended.load(Relaxed)),
            ("standing", calls.standing.load(Relaxed)),
            ("written", clerk.written.load(Relaxed)),
            ("refused", clerk.refused.load(Relaxed)),
            ("spooled", clerk.spooled.load(Relaxed)),
            ("left_out", clerk.messages_left_out.load(Relaxed) + clerk.entries_left_out.load(Relaxed)),
            ("waiting", waiting(board)),
            ("most_waiting", calls.most_waiting.load(Relaxed)),
        ];
        let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(out, "{}", counts.join(" "))?;
        out.flush()?;
    }
    Ok(())
}

/// Reads what [`converse`] wrote.
pub fn read(line: &str) -> Option<Counts> {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.chunks(2).map(|pair| Some(((*pair.first()?).to_owned(), pair.get(1)?.parse().ok()?))).collect()
}

/// Reads all records back: whether each call is there once and whole.
fn check(folder: &Path, ended: u64, left: usize) -> Result<String, Failed> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio.block_on(async {
        let store = Store::open(&Place::parse(DATABASE, folder)?, folder).await?;
        let (mut known, mut damaged, mut read): (BTreeSet<CallId>, u64, u64) = Default::default();
        loop {
            let page = store.records(Page { before: known.first().copied(), most: MAX_PAGE }).await?;
            if page.is_empty() {
                break;
            }
            for record in page {
                damaged += u64::from(record.outcome != Some(Outcome::Answered) || record.legs.len() != 2);
                damaged += u64::from(!known.insert(record.call));
            }
        }
        for call in known.iter().step_by(READ_EACH) {
            let entries = store.story(*call).await?.map_or(0, |story| story.entries.len());
            damaged += u64::from(entries != tale::ENTRIES);
            read += 1;
        }
        store.close().await;
        let lost = ended.saturating_sub(known.len() as u64);
        Ok(format!(
            "{} calls lie in the database of {ended} that ended: {lost} lost, {damaged} not as they were, {left} batches left \
             over; {read} were read with their journals",
            known.len()
        ))
    })
}
