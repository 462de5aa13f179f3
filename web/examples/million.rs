//! A million records in SQLite: how long each filter of the records page takes, a call's page, an export, and how fast records are
//! written. It prints figures and judges none.
//!
//! ```text
//! cargo run --release -p patchcord-web --example million -- <folder>      fills a database there, once, and asks it
//! ```
//!
//! It says on what the folder lies: a disk, or memory. Five gigabytes have to be free, because what is copied goes through SQLite's log. A second run
//! in the folder only asks. What the system has read before is read from memory also on a disk; before a run that is to read it from there:
//! `dd if=<folder>/million.db iflag=nocache count=0`.
//!
//! Ten thousand calls are written as the server writes them; the others are copies, made within the database, with times and
//! numbers of their own.

use std::{
    path::Path,
    time::{Duration, Instant, UNIX_EPOCH},
};

use bytes::Bytes;
use patchcord_engine::{
    journal::{
        Account, Batch, Began, By, CallId, Cause, Direction, Fault, Journal, LegBegan, LegNumber, Outcome, Party,
        RecordShelf, Rules, Way, What,
    },
    runtime::clock,
};
use patchcord_sip::hop::Transport;
use patchcord_web::store::{Place, Store, Wanted};

/// Calls that are written one by one, a tenth of a second apart: within the 2^20 ms that four letters of an id count.
const WRITTEN: u64 = 10_000;

/// How often they are copied, each copy 2^20 ms later.
const COPIES: u64 = 99;

/// Where their time begins: all letters behind the fourth are zero.
const BEGIN_MS: u64 = 1_671 << 30;

/// How often each question is asked.
const ROUNDS: usize = 5;

/// Calls of one transaction, as the scribe hands them over.
const BATCH: usize = 200;

type Failed = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let folder = std::env::args().nth(1).ok_or("name a folder for the database")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    println!("{} lies on {}", folder.display(), lies_on(&folder.canonicalize()?)?);
    let file = folder.join("million.db");
    let is_new = !file.exists();
    let opens = clock::now();
    let store = Store::open(&Place::parse("sqlite:million.db", folder)?, folder).await?;
    // One of an earlier version is brought up to date.
    println!("opened in {:.1} s", clock::now().duration_since(opens).as_secs_f64());
    if is_new {
        let began = clock::now();
        for first in (0..WRITTEN).step_by(BATCH) {
            let batches: Vec<Batch> = (first..first + BATCH as u64).map(|n| call(BEGIN_MS, n)).collect();
            store.write_batches(&batches).await?;
        }
        told("written one by one", WRITTEN, began);
        let began = clock::now();
        copy(&file).await?;
        told("copied", WRITTEN * COPIES, began);
    }
    println!("database {} MB, {} calls", std::fs::metadata(&file)?.len() >> 20, WRITTEN * (COPIES + 1));
    ask_filters(&store).await?;
    ask_calls(&store).await?;
    export(&store).await?;
    write(&store).await
}

/// Device and kind of what a folder is mounted from.
fn lies_on(folder: &Path) -> Result<String, Failed> {
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    let parts = mounts.lines().map(|line| line.split(' ').take(3).collect::<Vec<_>>());
    let around = parts.filter(|parts| parts.len() == 3 && folder.starts_with(parts[1]));
    // Of two mounts at one place the later one is seen.
    let nearest = around.max_by_key(|parts| parts[1].len()).ok_or("nothing is mounted there")?;
    Ok(match nearest[2] {
        "tmpfs" | "ramfs" => format!("{}: that is memory and no disk", nearest[2]),
        kind => format!("{} ({kind})", nearest[0]),
    })
}

fn told(what: &str, calls: u64, began: Instant) {
    let took = clock::now().duration_since(began).as_secs_f64();
    println!("{what:<28} {calls} calls in {took:.1} s, {:.0} a second", calls as f64 / took);
}

/// A call of two legs with a message each: each tenth is busy, each fifth recorded, each seventh tagged.
fn call(begin_ms: u64, n: u64) -> Batch {
    let wall = UNIX_EPOCH + Duration::from_millis(begin_ms + n * 100);
    let (from, to) =
        (Party::named(format!("+4930{n:07}"), format!("Caller {n}")), Party::new(format!("{}", 100 + n % 900)));
    let service = Some(["reception", "team", "voicemail", "conference"][(n % 4) as usize].into());
    let version = Some("3f2a91".into());
    let began = Began { service, version, ..Began::new(wall, from.clone(), to.clone()) };
    let mut journal = Journal::begin(CallId::new(wall, n), began, Rules::default());
    let at = |millis| Duration::from_millis(millis);
    let busy = n.is_multiple_of(10);
    for leg in [0, 1] {
        let number = LegNumber(leg);
        let (direction, account) = match leg {
            0 => (Direction::Inbound, Account::Trunk("north".into())),
            _ => (Direction::Outbound, Account::Endpoint("alice".into())),
        };
        let parent = (leg > 0).then_some(LegNumber(0));
        let (from, to, peer) = (from.clone(), to.clone(), "198.51.…#1a2b".into());
        let leg = LegBegan { leg: number, parent, direction, account, from, to, transport: Transport::Udp, peer };
        journal.note(at(u64::from(number.0)), What::LegBegan(Box::new(leg)));
        journal.message(at(u64::from(number.0) + 1), number, Way::Theirs, &message(n));
    }
    journal.note(at(50), What::Rang(LegNumber(1)));
    if !busy {
        journal.note(at(2_000), What::Answered(LegNumber(1)));
        journal.note(at(2_001), What::Bridged(LegNumber(0), LegNumber(1)));
    }
    if n.is_multiple_of(5) {
        journal.note(at(2_500), What::Recording { leg: None, path: format!("2026-11-21/{n}.wav").into() });
    }
    if n.is_multiple_of(7) {
        journal.note(at(2_600), What::Tag { key: "customer".into(), value: (n % 1_000).to_string().into() });
    }
    let length = 3_000 + n % 600 * 1_000;
    for leg in [1, 0] {
        let cause = if busy { Cause::status(By::Callee, 486, 17, "busy here") } else { Cause::normal(By::Caller) };
        journal.note(at(length), What::LegEnded { leg: LegNumber(leg), cause: Box::new(cause) });
    }
    journal.end(at(length), if busy { Outcome::Busy } else { Outcome::Answered })
}

fn message(n: u64) -> Bytes {
    let head = format!(
        "INVITE sip:{}@pbx.example.org SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n\
         From: <sip:+4930{n:07}@example.org>;tag={n}\r\nTo: <sip:{}@pbx.example.org>\r\nCall-ID: {n}@198.51.100.7\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:198.51.100.7:5060>\r\nContent-Length: 0\r\n\r\n",
        100 + n % 900,
        100 + n % 900
    );
    head.into()
}

/// Copies what is written, within the database: an id's fifth and sixth letter count 2^20 ms each.
async fn copy(file: &Path) -> Result<(), Failed> {
    const TABLES: [(&str, &str); 3] = [("calls", "id"), ("legs", "call_id"), ("journal", "call_id")];
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    for (table, id) in TABLES {
        let columns: Vec<String> =
            sqlx::query_scalar("SELECT name FROM pragma_table_info($1)").bind(table).fetch_all(&pool).await?;
        let column = |name: &String| match name.as_str() {
            name if name == id => format!("substr({id}, 1, 4) || k.letters || substr({id}, 7)"),
            "began_at" => "began_at + k.n * 1048576".into(),
            "from_number" => "'+4930' || printf('%07d', (k.n * 7919 + substr(from_number, 6)) % 5000000)".into(),
            name => name.to_owned(),
        };
        let taken: Vec<String> = columns.iter().map(column).collect();
        let letters = "0123456789abcdefghjkmnpqrstvwxyz";
        let copied = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} AS one JOIN (WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL \
             SELECT n + 1 FROM k WHERE n < {COPIES}) SELECT n, substr('{letters}', n / 32 + 1, 1) || \
             substr('{letters}', n % 32 + 1, 1) AS letters FROM k) AS k ORDER BY k.n, one.{id}",
            columns.join(", "),
            taken.join(", ")
        );
        sqlx::query(sqlx::AssertSqlSafe(copied)).execute(&pool).await?;
        println!("{table} copied");
    }
    // Their words, as the migration that brought them enters those of calls that were there.
    const MIGRATION: &str = include_str!("../../migrations/sqlite/0029_calls_found_at_once.sql");
    let enter = MIGRATION.find("INSERT INTO calls_words").ok_or("the migration enters words")?;
    sqlx::query("DELETE FROM calls_words").execute(&pool).await?;
    sqlx::query(&MIGRATION[enter..]).execute(&pool).await?;
    println!("words entered");
    pool.close().await;
    Ok(())
}

/// The filters of the records page, one by one and together.
async fn ask_filters(store: &Store) -> Result<(), Failed> {
    let some = |text: &str| Some(text.to_owned());
    let usual = Wanted::default;
    let at = |ms: u64| UNIX_EPOCH + Duration::from_millis(BEGIN_MS + ms);
    let asked = [
        ("nothing", usual()),
        ("a number of few calls", Wanted { number: some("+49300000123"), ..usual() }),
        ("a number of many calls", Wanted { number: some("101"), ..usual() }),
        ("a number that never called", Wanted { number: some("+4999"), ..usual() }),
        ("a number's beginning", Wanted { number: some("+493000001*"), ..usual() }),
        ("a beginning of nobody", Wanted { number: some("+99*"), ..usual() }),
        ("a service", Wanted { service: some("team"), ..usual() }),
        ("an outcome of many", Wanted { outcome: Some(Outcome::Busy), ..usual() }),
        ("an outcome of none", Wanted { outcome: Some(Outcome::Crashed), ..usual() }),
        ("who ended it", Wanted { by: Some(By::Callee), ..usual() }),
        ("a fault of none", Wanted { fault: Some(Fault::Server), ..usual() }),
        ("problems", Wanted { problems: true, ..usual() }),
        ("a cause", Wanted { cause: Some(486), ..usual() }),
        ("an hour in the middle", Wanted { since: Some(at(50 << 20)), until: Some(at(54 << 20)), ..usual() }),
        ("longer than of any", Wanted { longer: Some(Duration::from_secs(9_000)), ..usual() }),
        ("shorter than 4 s", Wanted { shorter: Some(Duration::from_secs(4)), ..usual() }),
        ("a tag", Wanted { tag: Some(("customer".into(), some("700"))), ..usual() }),
        ("a tag of none", Wanted { tag: Some(("color".into(), None)), ..usual() }),
        ("recorded", Wanted { recorded: Some(true), ..usual() }),
        ("words", Wanted { text: some("caller 42"), ..usual() }),
        ("words of nobody", Wanted { text: some("zanzibar"), ..usual() }),
        ("words of one", Wanted { text: some("caller 4242"), outcome: Some(Outcome::Crashed), ..usual() }),
        ("a version", Wanted { version: some("3f2a91"), ..usual() }),
        ("a version of none", Wanted { version: some("2"), ..usual() }),
        ("a cause of none", Wanted { cause: Some(404), ..usual() }),
        ("longer than most", Wanted { longer: Some(Duration::from_secs(601)), ..usual() }),
        (
            "longer, a class through",
            Wanted { longer: Some(Duration::from_secs(511)), shorter: Some(Duration::from_secs(511)), ..usual() },
        ),
        ("heard worse than 3", Wanted { worse: Some(300), ..usual() }),
        ("a short beginning", Wanted { number: some("10*"), ..usual() }),
        ("a name", Wanted { number: some("caller 17"), ..usual() }),
        ("service and outcome", Wanted { service: some("team"), outcome: Some(Outcome::Busy), ..usual() }),
        ("service, and none of those", Wanted { service: some("team"), outcome: Some(Outcome::Crashed), ..usual() }),
        ("number and service of none", Wanted { number: some("101"), service: some("nothing"), ..usual() }),
        (
            "many at once",
            Wanted {
                service: some("reception"),
                outcome: Some(Outcome::Answered),
                recorded: Some(true),
                longer: Some(Duration::from_secs(60)),
                text: some("caller"),
                ..usual()
            },
        ),
    ];
    for (name, wanted) in asked {
        let mut took = Vec::new();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let began = clock::now();
            found = store.find_calls(&wanted, None, 100).await?.records.len();
            took.push(clock::now().duration_since(began));
        }
        line(name, &mut took, &format!("{found} found"));
    }
    let survey = clock::now();
    store.survey(at(98 << 20)).await?;
    line("survey of the home page", &mut [clock::now().duration_since(survey)], "");
    Ok(())
}

fn line(name: &str, took: &mut [Duration], beside: &str) {
    took.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!(
        "{name:<28} median {:6.1} ms, worst {:6.1} ms  {beside}",
        ms(took[took.len() / 2]),
        ms(took[took.len() - 1])
    );
}

/// One call with its legs and journal, as its page asks for it.
async fn ask_calls(store: &Store) -> Result<(), Failed> {
    let mut took = Vec::new();
    for n in 0..20 * ROUNDS as u64 {
        let n = n * 97 % WRITTEN;
        let wall = UNIX_EPOCH + Duration::from_millis(BEGIN_MS + n * 100);
        let began = clock::now();
        let story = store.story(CallId::new(wall, n)).await?.ok_or("a call is not there")?;
        took.push(clock::now().duration_since(began));
        assert_eq!(story.record.legs.len(), 2, "a call has two legs");
    }
    line("a call with its journal", &mut took, "");
    Ok(())
}

/// Page after page, as an export does.
async fn export(store: &Store) -> Result<(), Failed> {
    let (began, before) = (clock::now(), resident());
    let (mut calls, mut next, mut most) = (0, None, before);
    while calls < 100_000 {
        let page = store.find_calls(&Wanted::default(), next, 500).await?;
        calls += page.records.len() as u64;
        most = most.max(resident());
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    told("export", calls, began);
    println!("{:<28} {} KiB before, {} KiB at most", "memory of the export", before, most);
    Ok(())
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

/// New calls beside a million old ones; what the store does alone, without making the records.
async fn write(store: &Store) -> Result<(), Failed> {
    let now = clock::wall().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let batches: Vec<Batch> = (0..10_000).map(|n| call(now, n)).collect();
    let began = clock::now();
    for some in batches.chunks(BATCH) {
        store.write_batches(some).await?;
    }
    told("written beside a million", batches.len() as u64, began);
    Ok(())
}
