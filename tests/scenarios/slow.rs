//! A database that takes its time for every answer: calls do not notice, pages say so, and every record is there once afterwards.

use std::{path::PathBuf, time::Duration};

use patchcord_lab::{Carrier, Handset, Lab, Model, Side, eventually};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::timeout,
};

use crate::{calling::at_home, cluster::Cluster, pages::house_of, records::records, setup};

/// What each answer waits for while the line is slow; a statement has one or two of them.
const EACH_ANSWER: Duration = Duration::from_secs(2);

/// The name of PostgreSQL's socket.
const SOCKET: &str = ".s.PGSQL.5432";

/// A line before PostgreSQL on which answers may take their time.
struct SlowLine {
    folder: TempDir,
    slow: watch::Sender<bool>,
}

impl SlowLine {
    fn before(cluster: &Cluster) -> Self {
        let folder = tempfile::Builder::new().prefix("patchcord-slow-").tempdir_in("/tmp").expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a socket");
        let (slow, is_slow) = watch::channel(false);
        tokio::spawn(listen(listener, cluster.socket().join(SOCKET), is_slow));
        Self { folder, slow }
    }

    fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://patchcord@{folder}/postgres")
    }

    fn becomes_slow(&self) {
        self.slow.send_replace(true);
    }

    fn becomes_quick(&self) {
        self.slow.send_replace(false);
    }
}

async fn listen(listener: UnixListener, server: PathBuf, is_slow: watch::Receiver<bool>) {
    while let Ok((ours, _)) = listener.accept().await {
        let Ok(theirs) = UnixStream::connect(&server).await else { continue };
        let ((ask, answer), (from, to)) = (ours.into_split(), theirs.into_split());
        tokio::spawn(pass(ask, to, None));
        tokio::spawn(pass(from, answer, Some(is_slow.clone())));
    }
}

/// Passes on what comes; on a slow line each piece waits, unless the line becomes quick meanwhile.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, slow: Option<watch::Receiver<bool>>) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if let Some(mut slow) = slow.clone() {
            drop(timeout(EACH_ANSWER, slow.wait_for(|slow| !*slow)).await);
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// Two talk, and hear each other.
async fn talk(alice: &Handset, bob: &Handset) {
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    alice.comes_to_hear(&[bob]).await;
    bob.comes_to_hear(&[alice]).await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
}

#[tokio::test]
async fn a_database_that_takes_seconds_for_each_answer_disturbs_no_call_and_has_every_record_once_afterwards() {
    let cluster = Cluster::start();
    let line = SlowLine::before(&cluster);
    let people = [("alice", "101"), ("bob", "102"), ("carol", "103")];
    let setup = people.iter().fold(setup().toml(&format!("[database]\nurl = {:?}", line.url())), |setup, person| {
        setup.endpoint_with(person.0, "secret", &format!("number = {:?}", person.1))
    });
    let (server, door) = house_of(setup).await;
    let lab = Lab::open();
    let alice = at_home(&lab, &server, "alice", Carrier::Udp, &Model::new()).await;
    let bob = at_home(&lab, &server, "bob", Carrier::Tcp, &Model::new()).await;
    talk(&alice, &bob).await;
    records(&server, 1).await;

    // One call stands while it begins; others come and go, and somebody registers.
    alice.dial("102");
    bob.answers().await;
    alice.is_answered().await;
    line.becomes_slow();
    bob.comes_to_hear(&[&alice]).await;
    bob.hangs_up().await;
    assert_eq!(alice.is_over().await.by, Side::Them);
    let carol = at_home(&lab, &server, "carol", Carrier::Udp, &Model::new()).await;
    for _ in 0..5 {
        talk(&alice, &bob).await;
        talk(&carol, &bob).await;
    }

    // What those calls left lies on the disk and not in memory, and it is told.
    let spooled = async || {
        let (_, told) = server.get("/metrics").await;
        let waits = told.contains("patchcord_journal_waiting_bytes 0\n") && told.contains("patchcord_calls 0\n");
        (waits && !told.contains("patchcord_journal_spool_bytes 0\n")).then_some(())
    };
    eventually("what calls left lies in the spool", spooled).await;
    let status = server.json(&["status", "--json"]).await;
    let warning = status["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.starts_with("the database is away or slow: records of calls wait in the spool"), "{status}");
    let home = door.page("/").await;
    assert!(home.starts_with("HTTP/1.1 200 "), "{home}");
    assert!(home.contains("calls now") && home.contains("The database is away or slow"), "{home}");
    for page in ["/records", "/live", "/routes", "/endpoints"] {
        let told = door.page(page).await;
        let clear = told.starts_with("HTTP/1.1 200 ") || told.contains("See that the database runs");
        assert!(clear, "{page}: {told}");
    }

    line.becomes_quick();
    let told = records(&server, 12).await;
    let mut calls: Vec<String> = told.iter().map(|told| told["record"]["call"].to_string()).collect();
    calls.sort_unstable();
    calls.dedup();
    assert_eq!(calls.len(), 12, "{told:#?}");
    assert!(told.iter().all(|told| told["record"]["outcome"] == "answered"), "{told:#?}");
    let at_rest = async || {
        let status = server.json(&["status", "--json"]).await;
        let none = |list: &str| status[list].as_array().is_some_and(Vec::is_empty);
        (none("warnings") && none("hindrances")).then_some(())
    };
    eventually("nothing is wrong any more", at_rest).await;
}
