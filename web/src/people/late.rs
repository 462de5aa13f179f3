//! Deeds that the store did not take when they were done: they lie in a file beside the spool of calls and go into the audit log as
//! soon as the store is back, also after a restart.
//!
//! A deed is written twice where a crash comes between the store and the file; so what stands there already is not written again.

use std::{
    collections::VecDeque,
    fs,
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};
use tracing::{info, warn};

use crate::store::Store;

/// The file within the data folder.
const FILE: &str = "deeds.waiting";

/// How often somebody looks whether the store takes them now.
const LOOK: Duration = Duration::from_secs(1);

/// Deeds that wait; more is nobody's work.
const MOST: usize = 10_000;

/// Deeds that are written in one look.
const AT_ONCE: usize = 200;

/// A deed, as it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Who.
    pub who: String,
    /// From where.
    pub origin: String,
    /// What.
    pub deed: String,
    /// To what.
    pub object: String,
}

impl Late {
    /// When.
    pub fn at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.at_ms)
    }
}

/// What waits. Clones are one.
#[derive(Clone, Default)]
pub struct LateDeeds(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// Nowhere where only a command runs: it sees itself whether its deed was noted.
    file: Option<PathBuf>,
    deeds: VecDeque<Late>,
}

impl LateDeeds {
    /// Those that lie in that folder. Blocks.
    pub fn in_folder(folder: &Path) -> Self {
        let file = folder.join(FILE);
        let read = fs::File::open(&file).map(BufReader::new).into_iter();
        let lines = read.flat_map(|file| file.lines().map_while(Result::ok));
        // A line that was cut off by a crash is no deed.
        let deeds = lines.filter_map(|line| serde_json::from_str(&line).ok()).take(MOST).collect();
        Self(Arc::new(Mutex::new(Waiting { file: Some(file), deeds })))
    }

    /// Keeps one; false where it cannot be kept.
    pub fn keep(&self, deed: Late) -> io::Result<bool> {
        let mut waiting = self.hold();
        let Some(file) = waiting.file.clone().filter(|_| waiting.deeds.len() < MOST) else { return Ok(false) };
        let line = serde_json::to_string(&deed).map_err(io::Error::other)? + "\n";
        // Also where the disk is full it waits in memory.
        waiting.deeds.push_back(deed);
        let mut file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
        file.write_all(line.as_bytes()).map(|()| true)
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.hold().deeds.len()
    }

    /// Writes what waits as soon as the store takes it, until `stop` says that it is over.
    pub async fn write_to(self, store: Store, mut stop: watch::Receiver<bool>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = looks.tick() => {}
                _ = stop.wait_for(|stopped| *stopped) => return,
            }
            self.write(&store).await;
        }
    }

    /// One look.
    pub async fn write(&self, store: &Store) {
        let waiting: Vec<Late> = self.hold().deeds.iter().take(AT_ONCE).cloned().collect();
        let mut written = 0;
        for deed in &waiting {
            match store.note_late_deed(deed).await {
                Ok(()) => written += 1,
                Err(_) => break,
            }
        }
        if written == 0 {
            return;
        }
        let left = {
            let mut all = self.hold();
            all.deeds.drain(..written);
            (all.file.clone(), all.deeds.clone())
        };
        info!(written, left = left.1.len(), "deeds of an outage stand in the audit log");
        let kept = tokio::task::spawn_blocking(move || left.0.map_or(Ok(()), |file| leave(&file, &left.1)));
        if let Ok(Err(error)) = kept.await {
            warn!(%error, "the file of deeds that wait cannot be written; some may be looked at again after a restart");
        }
    }

    fn hold(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only those are left in the file. Blocks.
fn leave(file: &Path, deeds: &VecDeque<Late>) -> io::Result<()> {
    if deeds.is_empty() {
        return match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    let lines: Vec<String> = deeds.iter().filter_map(|deed| serde_json::to_string(deed).ok()).collect();
    let part = file.with_extension("part");
    let mut options = fs::OpenOptions::new();
    options
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?
        .write_all((lines.join("\n") + "\n").as_bytes())?;
    fs::rename(part, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn late(number: u64) -> Late {
        let text = |text: &str| text.to_owned();
        Late {
            at_ms: 1_800_000_000_000 + number,
            who: text("eva"),
            origin: text("here"),
            deed: text("hung up call"),
            object: number.to_string(),
        }
    }

    #[tokio::test]
    async fn a_deed_that_the_store_did_not_take_is_noted_once_also_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = crate::store::Place::parse("sqlite:deeds.db", folder.path()).expect("a place");
        let store = Store::open(&place, folder.path()).await.expect("a store");
        let waiting = LateDeeds::in_folder(folder.path());
        for number in 0..3 {
            assert!(waiting.keep(late(number)).expect("kept"));
        }
        // A crash came between the store and the file, and in the middle of a line.
        store.note_late_deed(&late(0)).await.expect("noted");
        let file = folder.path().join(FILE);
        let whole = fs::read_to_string(&file).expect("read");
        fs::write(&file, &whole[..whole.len() - 5]).expect("written");

        let next = LateDeeds::in_folder(folder.path());
        assert_eq!((waiting.count(), next.count()), (3, 2));
        next.write(&store).await;
        assert_eq!(next.count(), 0);
        let deeds = store.deeds(None, 10).await.expect("read");
        let told: Vec<_> = deeds.iter().rev().map(|deed| (deed.at, &*deed.object)).collect();
        assert_eq!(told, [(late(0).at(), "0"), (late(1).at(), "1")]);
        assert!(!file.exists(), "nothing waits any more");
        assert!(!LateDeeds::default().keep(late(9)).expect("nothing is written"), "a command has nowhere to keep it");
        store.close().await;
    }
}
