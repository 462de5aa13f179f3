//! Databases that go away, or take nothing, while calls go on: nobody on the telephone notices, and every record is there once.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use patchcord_lab::{Carrier, Handset, Lab, Model, Server, Side, eventually};

use crate::{
    calling::{at_home, house, house_with, of_three},
    cluster::Cluster,
    crashes::{on, outcomes, stands_open},
    operators::{ask, live_call},
    pages::house_of,
    records::records,
    setup,
};

/// A talk from its beginning to its end.
async fn talk(alice: &Handset, bob: &Handset) {
    talk_by("102", alice, bob).await;
}

/// The same by that number.
async fn talk_by(number: &str, alice: &Handset, bob: &Handset) {
    alice.dial(number);
    bob.answers().await;
    alice.is_answered().await;
    // So that there is something in its recording.
    alice.comes_to_hear(&[bob]).await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
}

/// The records of so many calls, each once and each with both legs.
async fn each_once(server: &Server, count: usize) {
    let told = records(server, count).await;
    let calls: BTreeSet<_> = told.iter().map(|told| told["record"]["call"].to_string()).collect();
    assert_eq!((told.len(), calls.len()), (count, count), "{told:#?}");
    for told in &told {
        assert_eq!(told["record"]["outcome"], "answered", "{told:#?}");
        assert_eq!(told["record"]["legs"].as_array().map(Vec::len), Some(2), "{told:#?}");
    }
}

#[tokio::test]
async fn postgresql_is_killed_and_started_again_during_calls_and_every_record_is_there_once() {
    let mut cluster = Cluster::start();
    let service = "fn on_invite(caller) { caller.dial(\"user:bob\", #{ record: true }); }";
    let toml = format!(
        "[database]\nurl = {:?}\n[recordings]\nformat = \"wav\"\n\
         [[route]]\nnumber = \"700\"\nfrom = \"endpoints\"\nservice = \"recorded\"\n",
        cluster.url()
    );
    let server = house_with(setup().service("recorded", service).toml(&toml)).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    talk_by("700", &alice, &bob).await;
    each_once(&server, 1).await;

    // One call stands while the database dies, and ends before it is back; another one begins and ends meanwhile.
    alice.dial("700");
    bob.answers().await;
    alice.is_answered().await;
    alice.comes_to_hear(&[&bob]).await;
    cluster.kill();
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    talk_by("700", &alice, &bob).await;
    let known = async || {
        let (status, told) = server.get("/readyz").await;
        (status == 503 && told.contains("PostgreSQL does not answer (nobody listens there)")).then_some(())
    };
    eventually("it is known that PostgreSQL is away", known).await;
    let (_, told) = server.get("/metrics").await;
    assert!(told.contains("patchcord_calls_begun_total 3"), "{told}");

    // And one stands while it comes back.
    alice.dial("700");
    bob.answers().await;
    alice.is_answered().await;
    alice.comes_to_hear(&[&bob]).await;
    cluster.start_again();
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let ready = async || (server.get("/readyz").await.0 == 200).then_some(());
    eventually("the server is ready again", ready).await;
    each_once(&server, 4).await;
    whole_with_its_recording(&server).await;
}

/// Each call has its journal without a gap, each entry once, and a recording of its own that is there and whole.
async fn whole_with_its_recording(server: &Server) {
    let mut files = BTreeSet::new();
    for told in records(server, 4).await {
        let call = told["record"]["call"].as_str().expect("an id");
        let whole = server.json(&["calls", "show", call, "--json"]).await;
        let journal = whole["journal"].as_array().expect("a journal");
        let numbers: Vec<_> = journal.iter().map(|entry| entry["n"].as_u64().expect("a number")).collect();
        assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "{whole:#}");
        assert_eq!(told["record"]["entries"].as_u64(), Some(numbers.len() as u64), "{whole:#}");
        let file = told["record"]["recordings"][0].as_str().expect("a recording").to_owned();
        let folder = server.data().join("recordings");
        let is_whole = || {
            let is_there = folder.join(&file).metadata().is_ok_and(|about| about.len() > 44);
            (is_there && folder.join(format!("{file}.peaks")).exists()).then_some(())
        };
        eventually(&format!("{file} is there and finished"), async || is_whole()).await;
        assert!(files.insert(file), "each has its own");
    }
}

/// From now on no file of that process grows, as on a disk that is full; or it may again.
fn fill_disk(server: u64, full: bool) {
    let limit = if full { "--fsize=1:unlimited" } else { "--fsize=unlimited:unlimited" };
    let set = Command::new("prlimit").args(["--pid", &server.to_string(), limit]).status();
    assert!(set.expect("prlimit is there").success());
}

#[tokio::test]
async fn a_full_disk_ends_no_call_and_every_record_is_there_once_when_there_is_room() {
    let server = house().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    talk(&alice, &bob).await;
    each_once(&server, 1).await;
    let status = server.json(&["status", "--json"]).await;
    let process = status["pid"].as_u64().expect("a process");

    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    fill_disk(process, true);
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    talk(&alice, &bob).await;
    let waits = async || {
        let (_, told) = server.get("/metrics").await;
        (!told.contains("patchcord_journal_waiting_bytes 0\n")).then_some(())
    };
    eventually("records wait", waits).await;

    fill_disk(process, false);
    each_once(&server, 3).await;
    let ready = async || (server.get("/readyz").await.0 == 200).then_some(());
    eventually("the server is ready again", ready).await;
    each_once(&server, 3).await;
}

/// Somebody else who has begun to write into a database of SQLite, and does not end.
struct Locked(Child);

impl Locked {
    fn hold(database: &Path) -> Self {
        const HOLD: &str = "import sqlite3, sys\n\
                            there = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n\
                            there.execute('BEGIN IMMEDIATE')\n\
                            print('held', flush=True)\n\
                            sys.stdin.read()\n";
        let mut python = Command::new("python3");
        let holder = python.args(["-c", HOLD]).arg(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut holder = holder.expect("python3 is there");
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut said).expect("it says so");
        assert_eq!(said, "held\n");
        Self(holder)
    }

    fn let_go(mut self) {
        let mut input = self.0.stdin.take().expect("piped");
        input.flush().expect("open");
        drop(input);
        self.0.wait().expect("it ends");
    }
}

#[tokio::test]
async fn a_database_that_takes_nothing_is_told_by_readyz_and_records_wait_and_are_there_once() {
    let (server, door) = house_of(of_three(setup())).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    talk(&alice, &bob).await;
    each_once(&server, 1).await;

    let locked = Locked::hold(&server.data().join("patchcord.db"));
    // Somebody registers, which wants to be written, and two talk, which wants to be, too.
    let _carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    talk(&alice, &bob).await;
    let told = async || {
        let (status, told) = server.get("/readyz").await;
        (status == 503 && told.contains("registrations could not be written for")).then_some(())
    };
    let failing = async || {
        let (_, told) = server.get("/metrics").await;
        (!told.contains("patchcord_registrations_unwritable_seconds 0\n")).then_some(())
    };
    eventually("writing fails", failing).await;
    eventually("the server says that it is not ready", told).await;
    talk(&alice, &bob).await;
    // Somebody hangs up a call, which goes into the audit log, later.
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    let call = live_call(&server).await;
    // The store has never heard of it, and who looks at it sees it.
    let page = door.page(&format!("/calls/{call}")).await;
    assert!(page.contains("What this call noted is missing here") && page.contains("answered for so far"), "{page}");
    let (status, _) = ask(&server, "DELETE", &format!("/api/v1/calls/{call}"), &serde_json::Value::Null).await;
    assert_eq!(status, 202);
    assert_eq!(alice.is_over().await.by, Side::Them);
    assert_eq!(bob.is_over().await.by, Side::Them);
    for (page, missing) in [
        ("/records", "Newer calls are missing here"),
        ("/recordings", "Newer calls are missing here"),
        ("/audit", "What was done last is missing here"),
    ] {
        let told = async || door.page(page).await.contains(missing).then_some(());
        eventually(&format!("{page} says what is missing"), told).await;
    }

    locked.let_go();
    each_once(&server, 4).await;
    let ready = async || (server.get("/readyz").await.0 == 200).then_some(());
    eventually("the server is ready again", ready).await;
    for page in ["/records", "/recordings", "/audit"] {
        let whole = async || (!door.page(page).await.contains("missing here")).then_some(());
        eventually(&format!("{page} is whole again"), whole).await;
    }
}

#[tokio::test]
async fn what_is_no_record_in_the_spool_is_put_aside_and_the_server_that_tells_of_it_goes_on() {
    let mut server = of_three(setup()).made();
    let spool = server.data().join("spool");
    fs::create_dir_all(&spool).expect("a folder");
    fs::write(spool.join("junk.txt"), "nobody's").expect("written");
    server.begin();
    server.listens().await;
    assert!(spool.join("aside/junk.txt").exists());
    for _ in 0..2 {
        let (said, good) = server.run(&["status"], "").await;
        assert!(good && said.contains("the spool held one file that nobody can read whole"), "{said}");
        let (status, told) = server.get("/metrics").await;
        assert!(status == 200 && told.contains("spool_aside 1\n"), "{told}");
    }
}

/// A call stands open in its store, ends while the store is away, and its server is killed: the next one tells the whole of it.
async fn ended_during_an_outage<Away>(mut server: Server, away: impl FnOnce() -> Away, back: impl FnOnce(Away)) {
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    stands_open(&server).await;
    let away = away();
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    // What it noted before lies there as well: its journal is closed a moment after its end.
    let closed = async || {
        let (_, live) = ask(&server, "GET", "/api/v1/calls", &serde_json::Value::Null).await;
        live["records"].as_array().is_some_and(Vec::is_empty).then_some(())
    };
    eventually("the journal of the call is closed", closed).await;
    let spooled = async || {
        let (_, told) = server.get("/metrics").await;
        let some = !told.contains("patchcord_journal_batches_spooled_total 0\n");
        (some && told.contains("patchcord_journal_waiting_bytes 0\n") && told.contains("patchcord_calls 0\n"))
            .then_some(())
    };
    eventually("the end of the call lies in the spool", spooled).await;
    server.kill().await;
    back(away);
    server.start().await;

    let told = records(&server, 1).await;
    assert_eq!(outcomes(&told), ["answered"], "{told:#?}");
    assert_eq!(told[0]["record"]["end"]["by"], "callee", "{told:#?}");
    let (_, measured) = server.get("/metrics").await;
    assert!(measured.contains("patchcord_calls_interrupted_total 0\n"), "{measured}");
}

#[tokio::test]
async fn a_call_that_ended_while_postgresql_was_away_is_told_as_answered_though_the_server_was_killed_then() {
    let cluster = std::cell::RefCell::new(Cluster::start());
    let setup = on(&cluster.borrow());
    let server = house_with(setup).await;
    ended_during_an_outage(server, || cluster.borrow_mut().kill(), |()| cluster.borrow_mut().start_again()).await;
}

#[tokio::test]
async fn a_call_that_ended_while_sqlite_took_nothing_is_told_as_answered_though_the_server_was_killed_then() {
    let server = house().await;
    let database = server.data().join("patchcord.db");
    ended_during_an_outage(server, move || Locked::hold(&database), Locked::let_go).await;
}

#[tokio::test]
async fn a_server_that_is_started_before_its_database_waits_for_it_and_says_so() {
    let mut cluster = Cluster::start();
    cluster.kill();
    let mut server = on(&cluster).endpoint("alice", "secret").endpoint("bob", "secret").made();
    let waits = |line: &str| {
        let is_said = line.contains("waiting for the database") && line.contains("does not answer");
        is_said.then_some(())
    };

    // Whoever does not want to wait any longer is obeyed at once, as at any other time.
    server.begin();
    server.process().line("what it waits for", waits).await;
    let ended = server.stop().await;
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.said);
    assert!(!ended.said.iter().any(|line| line.contains("error: ")), "{:?}", ended.said);

    server.begin();
    server.process().line("what it waits for", waits).await;
    let (said, good) = server.run(&["status"], "").await;
    assert!(!good && said.contains("is starting and answers nobody yet"), "{said}");
    cluster.start_again();
    server.listens().await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    talk_by("bob", &alice, &bob).await;
    each_once(&server, 1).await;
}
