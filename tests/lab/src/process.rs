//! A child process whose every line is kept, waited for, and shown when a test fails.

use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::wait::PATIENCE;

/// Lines kept of one process; a peer that says more is shown from its end.
const MAX_LINES: usize = 100_000;

/// A running peer or server.
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<String>>>,
    news: watch::Receiver<usize>,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code or the signal that ended it.
    pub status: ExitStatus,
    /// What it said, line by line.
    pub said: Vec<String>,
}

impl Process {
    /// Starts a program, reads all it says, and ends it when dropped.
    pub fn start(name: &str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}; see ./test"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let (teller, news) = watch::channel(0);
        let teller = Arc::new(teller);
        read(child.stdout.take().expect("stdout is piped"), said.clone(), teller.clone());
        read(child.stderr.take().expect("stderr is piped"), said.clone(), teller);
        let stdin = child.stdin.take();
        Self { name: name.to_owned(), child, stdin, said, news }
    }

    /// Its process id; panics once it has ended.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap_or_else(|| panic!("{} has ended:\n{}", self.name, self.said().join("\n")))
    }

    /// What it said until now.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().expect("no reader panics").clone()
    }

    /// Types a line.
    pub async fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        let typed = stdin.write_all(format!("{line}\n").as_bytes()).await;
        typed.unwrap_or_else(|error| panic!("{} does not listen any more: {error}", self.name));
    }

    /// Waits for a line that answers the question, said before or from now on; panics when it does not come.
    pub async fn line<T>(&mut self, fact: &str, question: impl Fn(&str) -> Option<T>) -> T {
        let waiting = async {
            let mut seen = 0;
            loop {
                let found = {
                    let said = self.said.lock().expect("no reader panics");
                    let found = said[seen..].iter().find_map(|line| question(line));
                    seen = said.len();
                    found
                };
                if found.is_some() {
                    return found;
                }
                if self.news.changed().await.is_err() {
                    return None;
                }
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(Some(found)) => found,
            Ok(None) => panic!("{} ended and never said: {fact}\n{}", self.name, self.said().join("\n")),
            Err(_) => panic!("{} did not say in {PATIENCE:?}: {fact}\n{}", self.name, self.said().join("\n")),
        }
    }

    /// Waits until it has said so as often, before or from now on.
    pub async fn times(&mut self, fact: &str, what: &str, times: usize) {
        let count = std::cell::Cell::new(0);
        let question = |line: &str| {
            count.set(count.get() + usize::from(line.contains(what)));
            (count.get() >= times).then_some(())
        };
        self.line(fact, question).await;
    }

    /// Sends a signal by its name, to this process alone.
    pub async fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "{signal} does not reach {}", self.name);
    }

    /// Waits until it has ended by itself; panics when it does not.
    pub async fn end(self) -> Ended {
        self.end_within(PATIENCE).await
    }

    /// The same for a peer that has much to do first.
    pub async fn end_within(mut self, patience: Duration) -> Ended {
        self.stdin = None;
        let waiting = timeout(patience, self.child.wait()).await;
        let ended = waiting.unwrap_or_else(|_| panic!("{} does not end:\n{}", self.name, self.said().join("\n")));
        let status = ended.expect("a child can be waited for");
        // Both readers hold the sender; once they are done, everything is in.
        let reading = async { while self.news.changed().await.is_ok() {} };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("{} left its output open", self.name));
        Ended { status, said: self.said() }
    }

    /// SIGKILL, and gone.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap_or_else(|error| panic!("{} cannot be killed: {error}", self.name));
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            let said = self.said();
            let from = said.len().saturating_sub(200);
            eprintln!("--- {} said:\n{}\n---", self.name, said[from..].join("\n"));
        }
    }
}

fn read(
    stream: impl AsyncRead + Unpin + Send + 'static,
    said: Arc<Mutex<Vec<String>>>,
    news: Arc<watch::Sender<usize>>,
) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line).await, Ok(length) if length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            let mut said = said.lock().expect("no reader panics");
            if said.len() < MAX_LINES {
                said.push(text);
            }
            news.send_replace(said.len());
        }
    });
}
