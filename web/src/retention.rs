//! What is kept for how long: records of calls, and recordings by the day that they were made.
//!
//! Nothing is forgotten unless the configuration says so. Calls that go on are never touched, and records go a few at a time,
//! so that nobody who writes or reads waits for long.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use patchcord_engine::{journal::moment, runtime::clock};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::store::Store;

/// How often somebody looks.
const EACH: Duration = Duration::from_secs(3600);

/// How long things are kept; none: for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Records of calls, with their legs and journals.
    pub records: Option<Duration>,
    /// Recordings.
    pub recordings: Option<Duration>,
}

/// Forgets what is too old, again and again, until `stopped` says that it is over.
pub async fn watch(store: Store, recordings: Arc<Path>, kept: Kept, mut stopped: watch::Receiver<bool>) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
            _ = turn.tick() => forget(&store, recordings.clone(), kept, clock::wall()).await,
        }
    }
}

/// Forgets what is too old at that moment.
pub async fn forget(store: &Store, recordings: Arc<Path>, kept: Kept, now: SystemTime) {
    if let Some(before) = kept.records.and_then(|kept| now.checked_sub(kept)) {
        match store.forget_calls(before).await {
            Ok(0) => {}
            Ok(calls) => info!(calls, "records of calls were forgotten by their age"),
            Err(error) => warn!(%error, "records of calls could not be forgotten"),
        }
        match store.forget_rooms(before).await {
            Ok(0) => {}
            Ok(rooms) => info!(rooms, "records of rooms were forgotten by their age"),
            Err(error) => warn!(%error, "records of rooms could not be forgotten"),
        }
    }
    if let Some(before) = kept.recordings.and_then(|kept| now.checked_sub(kept)) {
        let days = tokio::task::spawn_blocking(move || forget_days(&recordings, before)).await.unwrap_or_default();
        if !days.is_empty() {
            info!(days = days.len(), "recordings were deleted by their age");
        }
    }
}

/// Deletes the folders of days that lie wholly before that moment; gives those. Whatever else lies there stays. Blocks.
fn forget_days(recordings: &Path, before: SystemTime) -> Vec<PathBuf> {
    let shown = moment(before);
    let first = shown.split(' ').next().unwrap_or_default();
    let Ok(entries) = std::fs::read_dir(recordings) else { return Vec::new() };
    let is_old = |name: &str| is_day(name) && name < first;
    // A link is no folder of ours: what it leads to is left alone.
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let old = folders.filter(|entry| entry.file_name().to_str().is_some_and(is_old)).map(|entry| entry.path());
    let deleted = old.filter(|folder| match std::fs::remove_dir_all(folder) {
        Ok(()) => true,
        Err(error) => {
            warn!(%error, folder = %folder.display(), "recordings could not be deleted");
            false
        }
    });
    deleted.collect()
}

/// Whether a name is a day, as in `2026-11-21`.
fn is_day(name: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    name.len() == 10 && name.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use std::{fs, time::UNIX_EPOCH};

    use super::*;

    #[test]
    fn whole_days_go_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["2027-01-13", "2027-01-14", "2027-01-15", "others", "2027-01-1x"] {
            fs::create_dir(folder.path().join(name)).expect("made");
            fs::write(folder.path().join(name).join("one.wav"), "sound").expect("written");
        }
        std::os::unix::fs::symlink(folder.path().join("others"), folder.path().join("2020-01-01")).expect("a link");
        // 2027-01-15 08:00 UTC.
        let before = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut gone = forget_days(folder.path(), before);
        gone.sort();
        assert_eq!(gone, ["2027-01-13", "2027-01-14"].map(|day| folder.path().join(day)));
        for stays in ["2027-01-15/one.wav", "others/one.wav", "2027-01-1x/one.wav"] {
            assert!(folder.path().join(stays).exists(), "{stays}");
        }
    }
}
