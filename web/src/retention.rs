//! What is kept for how long, and how much of it: journals, records of calls, recordings.
//!
//! Nothing of calls is forgotten unless the configuration says so; sessions of people go when they have lapsed. Once an hour, in this order: journals by their age, records by their age and
//! by their number, recordings by their day, and then the eldest recordings until the rest fits. Calls that go on are never
//! touched, and records go a few at a time, so that nobody who writes or reads waits for long.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use patchcord_engine::{journal::moment, routing::ShelfError, runtime::clock};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    metrics::Exposition,
    store::Store,
    uploads::{GONE, SENT, disown, mark},
};

/// How often somebody looks.
const EACH: Duration = Duration::from_secs(3600);

/// How long things are kept, and how much; none: for ever, and all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Journals of calls: their messages, keys and verbs.
    pub journals: Option<Duration>,
    /// Records of calls, with their legs and journals.
    pub records: Option<Duration>,
    /// How many of them.
    pub most_records: Option<u64>,
    /// Recordings.
    pub recordings: Option<Duration>,
    /// Bytes of recordings.
    pub most_recorded: Option<u64>,
    /// Whether recordings go only once the object store has them.
    pub sent_first: bool,
}

/// What was forgotten since the start, and how much is recorded.
#[derive(Debug, Default)]
pub struct Forgotten {
    journals: AtomicU64,
    records: AtomicU64,
    recordings: AtomicU64,
    sessions: AtomicU64,
    failed: AtomicU64,
    recorded: AtomicU64,
}

impl Forgotten {
    /// For those who watch.
    pub fn measure(&self, page: &mut Exposition) {
        page.gauge(
            "recordings_bytes",
            "Bytes of recordings, by the last look of each hour",
            self.recorded.load(Relaxed),
        );
        for (name, help, counter) in [
            ("forgotten_journals", "Journals of calls that were forgotten by their age", &self.journals),
            ("forgotten_records", "Records of calls that were forgotten by their age or number", &self.records),
            ("forgotten_recordings", "Recordings that were deleted by their age or size", &self.recordings),
            ("forgotten_sessions", "Sessions of people that had lapsed by themselves", &self.sessions),
            ("forgetting_failed", "Things that should have been forgotten and could not be", &self.failed),
        ] {
            page.counter(name, help, counter.load(Relaxed));
        }
    }

    fn count(&self, what: &str, counter: &AtomicU64, gone: Result<u64, ShelfError>) {
        match gone {
            Ok(0) => {}
            Ok(gone) => {
                counter.fetch_add(gone, Relaxed);
                info!(gone, "{what} were forgotten");
            }
            Err(error) => {
                self.failed.fetch_add(1, Relaxed);
                warn!(%error, "{what} could not be forgotten");
            }
        }
    }
}

/// Forgets what is too old or too much, again and again, until `stopped` says that it is over.
pub async fn watch(
    store: Store,
    recordings: Arc<Path>,
    kept: Kept,
    forgotten: Arc<Forgotten>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut turn = tokio::time::interval(EACH);
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => return,
            _ = turn.tick() => forget(&store, recordings.clone(), kept, &forgotten, clock::wall()).await,
        }
    }
}

/// Forgets what is too old or too much at that moment.
pub async fn forget(store: &Store, recordings: Arc<Path>, kept: Kept, forgotten: &Forgotten, now: SystemTime) {
    let Kept { journals, records, most_records, recordings: recorded, most_recorded, sent_first } = kept;
    let before = |kept: Option<Duration>| kept.and_then(|kept| now.checked_sub(kept));
    forgotten.count("sessions that had lapsed", &forgotten.sessions, store.forget_sessions(now).await);
    if let Some(before) = before(journals) {
        forgotten.count("journals", &forgotten.journals, store.forget_journals(before).await);
    }
    if let Some(before) = before(records) {
        forgotten.count("records of calls", &forgotten.records, store.forget_calls(before).await);
        forgotten.count("records of rooms", &forgotten.records, store.forget_rooms(before).await);
    }
    if let Some(most) = most_records {
        forgotten.count("records of calls", &forgotten.records, store.forget_calls_beyond(most).await);
    }
    let before = before(recorded);
    let swept = tokio::task::spawn_blocking(move || {
        let by_age = before.map_or(0, |before| forget_days(&recordings, before, sent_first));
        let (left, by_size) = forget_eldest(&recordings, most_recorded.unwrap_or(u64::MAX), sent_first);
        (left, by_age + by_size)
    });
    let (left, gone) = swept.await.unwrap_or_default();
    forgotten.recorded.store(left, Relaxed);
    forgotten.count("recordings", &forgotten.recordings, Ok(gone));
}

/// A file of a recording, and what lies beside it.
struct File {
    path: PathBuf,
    bytes: u64,
    /// By the name of its day, and by when it was written last: the eldest sorts first.
    age: (String, SystemTime),
}

/// The folders of days. A link is no folder of ours: what it leads to is left alone.
pub(crate) fn days(recordings: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(recordings) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let named = folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
    named.filter(|(name, _)| is_day(name)).collect()
}

fn files(day: &str, folder: &Path) -> Vec<File> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let read = entries.flatten().filter_map(|entry| {
        let about = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let age = (day.to_owned(), about.modified().ok()?);
        Some(File { path: entry.path(), bytes: about.len(), age })
    });
    read.collect()
}

/// Deletes the folders of days that lie wholly before that moment; says how many recordings lay there. Whatever else lies there stays.
/// Blocks.
fn forget_days(recordings: &Path, before: SystemTime, sent_first: bool) -> u64 {
    let shown = moment(before);
    let first = shown.split(' ').next().unwrap_or_default();
    let old = days(recordings).into_iter().filter(|(day, _)| day.as_str() < first);
    let gone = old.map(|(day, folder)| {
        let lie = files(&day, &folder);
        let lay = lie.iter().filter(|file| is_sound(&file.path)).count() as u64;
        if sent_first && lie.iter().any(|file| waits(&file.path)) {
            warn!(folder = %folder.display(), "recordings stay beyond their time: the object store has not all of them yet");
            return 0;
        }
        match forget_day(&folder, sent_first) {
            Ok(()) => lay,
            Err(error) => {
                warn!(%error, folder = %folder.display(), "recordings could not be deleted");
                0
            }
        }
    });
    gone.sum()
}

/// Deletes a day. Where an object store has copies of it, what says so stays, and says from now on that they are to be deleted.
fn forget_day(folder: &Path, has_copies: bool) -> io::Result<()> {
    if !has_copies {
        return fs::remove_dir_all(folder);
    }
    let ends = |path: &Path, with: &str| path.extension().is_some_and(|ending| ending == with);
    let mut marks = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(path)?,
            false if ends(&path, GONE) => {}
            false if ends(&path, SENT) => marks.push(path),
            false => fs::remove_file(path)?,
        }
    }
    marks.iter().try_for_each(|mark| disown(mark))?;
    // Only an empty one can be removed so.
    let _stays_until_the_copies_are_deleted = fs::remove_dir(folder);
    Ok(())
}

/// Deletes the eldest recordings until the rest has no more bytes than that; says how many bytes are left, and how many
/// recordings went. Folders that are empty then go, too. What an object store has stays there until its time is over: this is about the
/// disk. Blocks.
fn forget_eldest(recordings: &Path, most: u64, sent_first: bool) -> (u64, u64) {
    let mut all: Vec<File> = days(recordings).iter().flat_map(|(day, folder)| files(day, folder)).collect();
    let mut left: u64 = all.iter().map(|file| file.bytes).sum();
    if left <= most {
        return (left, 0);
    }
    all.sort_by(|one, other| one.age.cmp(&other.age).then_with(|| one.path.cmp(&other.path)));
    let mut gone = 0;
    for file in all {
        if left <= most {
            break;
        }
        if (sent_first && waits(&file.path)) || says_of_store(&file.path) {
            continue;
        }
        match fs::remove_file(&file.path) {
            Ok(()) => {
                left -= file.bytes;
                gone += u64::from(is_sound(&file.path));
                if !sent_first {
                    // Nobody keeps a copy any more.
                    let _gone_or_none = fs::remove_file(mark(&file.path));
                }
            }
            Err(error) => warn!(%error, file = %file.path.display(), "a recording could not be deleted"),
        }
    }
    for (_, folder) in days(recordings) {
        // Only an empty one can be removed so.
        let _stays_where_something_lies = fs::remove_dir(folder);
    }
    (left, gone)
}

/// Whether it is a recording, and not what is written beside one.
pub(crate) fn is_sound(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending != "peaks") && !says_of_store(path)
}

/// Whether it only says what an object store has.
fn says_of_store(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == SENT || ending == GONE)
}

/// Whether it is a recording that the object store has not.
fn waits(path: &Path) -> bool {
    is_sound(path) && !mark(path).exists()
}

/// Whether a name is a day, as in `2026-11-21`.
fn is_day(name: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    name.len() == 10 && name.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

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
        assert_eq!(forget_days(folder.path(), before, true), 0, "the object store has none of them yet");
        assert_eq!(forget_days(folder.path(), before, false), 2);
        for stays in ["2027-01-15/one.wav", "others/one.wav", "2027-01-1x/one.wav"] {
            assert!(folder.path().join(stays).exists(), "{stays}");
        }
        assert!(!folder.path().join("2027-01-13").exists() && !folder.path().join("2027-01-14").exists());
    }

    #[test]
    fn a_day_whose_time_is_over_leaves_word_of_each_copy_that_is_to_be_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let day = folder.path().join("2027-01-13");
        fs::create_dir(&day).expect("made");
        for name in ["one.wav", "one.wav.peaks", "one.wav.sent", "kept-elsewhere.wav.sent", "deleted.wav.gone"] {
            fs::write(day.join(name), "").expect("written");
        }
        // 2027-01-15 08:00 UTC.
        let before = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        for lay in [1, 0] {
            assert_eq!(forget_days(folder.path(), before, true), lay);
            let mut left: Vec<_> =
                fs::read_dir(&day).expect("it is there").flatten().map(|file| file.file_name()).collect();
            left.sort();
            assert_eq!(left, ["deleted.wav.gone", "kept-elsewhere.wav.gone", "one.wav.gone"]);
        }
        assert_eq!(forget_days(folder.path(), before, false), 0, "there is no object store any more");
        assert!(!day.exists());
    }

    #[test]
    fn what_goes_for_want_of_room_stays_in_the_object_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let day = folder.path().join("2027-01-13");
        fs::create_dir(&day).expect("made");
        fs::write(day.join("one.wav"), vec![0; 1_000]).expect("written");
        fs::write(day.join("one.wav.sent"), "").expect("written");
        assert_eq!(forget_eldest(folder.path(), 0, true), (0, 1));
        let left: Vec<_> = fs::read_dir(&day).expect("it is there").flatten().map(|file| file.file_name()).collect();
        assert_eq!(left, ["one.wav.sent"]);
    }

    #[test]
    fn the_eldest_recordings_go_until_the_rest_fits() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, bytes: usize| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a day")).expect("made");
            fs::write(path, vec![0; bytes]).expect("written");
        };
        write("2027-01-13/one.wav", 1_000);
        write("2027-01-13/one.wav.peaks", 10);
        write("2027-01-14/two.wav", 1_000);
        write("2027-01-15/three.opus", 1_000);
        write("others/four.wav", 5_000);
        assert_eq!(forget_eldest(folder.path(), 3_010, false), (3_010, 0));
        assert_eq!(forget_eldest(folder.path(), 0, true).1, 0, "the object store has none of them yet");
        assert_eq!(forget_eldest(folder.path(), 2_000, false), (2_000, 1));
        assert!(!folder.path().join("2027-01-13").exists(), "an empty day goes, too");
        assert_eq!(forget_eldest(folder.path(), 1_500, false), (1_000, 1));
        assert!(folder.path().join("2027-01-15/three.opus").exists() && folder.path().join("others/four.wav").exists());
    }
}
