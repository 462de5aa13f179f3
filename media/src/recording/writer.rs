//! The threads that write recordings.
//!
//! Each thread sweeps its recordings ten times a second. It opens the file too: not even that may wait on the thread of a
//! call. When the writer is dropped it finishes what is there and then ends.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::plan::{Outcome, Plan, Why};
use super::take::Take;
use super::tap::{Control, Shared, Tap};

/// How often the rings are emptied: a tenth of what they hold, so that a sweep may be late.
const SWEEP: Duration = Duration::from_millis(100);
/// Recordings of one thread. Encoding them all as Opus would take a third of a core for each hundred.
const MAX_TAKES: usize = 2000;

/// Is told what came of a recording, on the writer's thread; it must not wait.
pub type Told = Box<dyn FnOnce(Outcome) + Send>;

/// Why no recording began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrecorded {
    /// As many as may be are being written.
    #[error("too many calls are being recorded")]
    Busy,
}

struct Start {
    plan: Plan,
    shared: Arc<Shared>,
    told: Told,
    serial: u32,
}

/// What a thread is told.
enum Task {
    Start(Start),
    Discard(PathBuf),
}

struct Lane {
    tasks: SyncSender<Task>,
    takes: Arc<AtomicUsize>,
}

/// Writes recordings on threads of its own.
pub struct Writer {
    lanes: Vec<Lane>,
    begun: AtomicUsize,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let mut writer = Self { lanes: Vec::new(), begun: AtomicUsize::new(0), threads: Vec::new() };
        for _ in 0..threads.max(1) {
            let (tasks, coming) = sync_channel(MAX_TAKES);
            let takes = Arc::new(AtomicUsize::new(0));
            writer.lanes.push(Lane { tasks, takes: Arc::clone(&takes) });
            let thread = std::thread::Builder::new().name("recordings".into());
            writer.threads.push(thread.spawn(move || serve(&coming, &takes))?);
        }
        Ok(writer)
    }

    /// Begins a recording: the tap is for the media thread. `told` hears what came of it, also when the file cannot be made.
    ///
    /// # Errors
    /// When too many are being written; `told` is not called then.
    pub fn record(&self, plan: Plan, told: Told) -> Result<(Tap, Control), Unrecorded> {
        let (number, lane) = self.next_lane();
        if lane.takes.fetch_add(1, Ordering::AcqRel) >= MAX_TAKES {
            lane.takes.fetch_sub(1, Ordering::AcqRel);
            return Err(Unrecorded::Busy);
        }
        let shared = Shared::new(&plan);
        let tap = Tap::new(&plan, Arc::clone(&shared));
        let control = Control(Arc::clone(&shared));
        let start = Start { plan, shared, told, serial: number as u32 };
        lane.tasks.try_send(Task::Start(start)).map_err(|_| {
            lane.takes.fetch_sub(1, Ordering::AcqRel);
            Unrecorded::Busy
        })?;
        Ok((tap, control))
    }

    /// Throws a finished recording away, and what lies beside it.
    ///
    /// # Errors
    /// When so much waits for the disk that it cannot even be noted.
    pub fn discard(&self, path: PathBuf) -> Result<(), Unrecorded> {
        self.next_lane().1.tasks.try_send(Task::Discard(path)).map_err(|_| Unrecorded::Busy)
    }

    fn next_lane(&self) -> (usize, &Lane) {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        (number, &self.lanes[number % self.lanes.len()])
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.lanes.clear();
        for thread in self.threads.drain(..) {
            // It has told whoever waited; there is nothing to add.
            let _ = thread.join();
        }
    }
}

type Running = (Take<fs::File>, PathBuf, Told);

fn serve(coming: &Receiver<Task>, takes: &AtomicUsize) {
    let mut running: Vec<Running> = Vec::new();
    let mut open = true;
    while open {
        match coming.recv_timeout(SWEEP) {
            Ok(task) => {
                std::iter::once(task).chain(coming.try_iter()).for_each(|task| match task {
                    Task::Start(start) => begin(start, &mut running, takes),
                    Task::Discard(path) => discard(&path),
                });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => open = false,
        }
        let mut at = 0;
        while at < running.len() {
            // A bug in one recording ends that one.
            let swept = catch_unwind(AssertUnwindSafe(|| running[at].0.sweep()));
            let swept = swept.unwrap_or_else(|_| Some(Why::Unwritable("the writer stumbled over it".into())));
            match swept.or((!open).then_some(Why::Hangup)) {
                Some(why) => end(running.swap_remove(at), why, takes),
                None => at += 1,
            }
        }
    }
}

fn begin(start: Start, running: &mut Vec<Running>, takes: &AtomicUsize) {
    let Start { plan, shared, told, serial } = start;
    let path = plan.path.clone();
    // Recordings are nobody's but ours, and no older one is written over.
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    match make_folder(&path).and_then(|()| open()).and_then(|file| Take::new(plan, Arc::clone(&shared), file, serial)) {
        Ok(take) => running.push((take, path, told)),
        Err(error) => {
            shared.over.store(true, Ordering::Release);
            takes.fetch_sub(1, Ordering::AcqRel);
            let why = Why::Unwritable(error.to_string());
            tell(told, Outcome { path, why, duration: Duration::ZERO, bytes: 0, dropped: shared.dropped() });
        }
    }
}

/// Makes the folder that a file lies in, and none above: where that is missing too, a disk may be.
fn make_folder(path: &Path) -> std::io::Result<()> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    let Some(folder) = path.parent().filter(missing) else { return Ok(()) };
    match DirBuilder::new().mode(0o700).create(folder) {
        // Another thread was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn end((take, path, told): Running, why: Why, takes: &AtomicUsize) {
    let finished = catch_unwind(AssertUnwindSafe(|| take.finish(why)));
    takes.fetch_sub(1, Ordering::AcqRel);
    match finished {
        Ok((outcome, peaks)) => {
            if let Err(error) = put_beside(&path, &peaks.finish()) {
                tracing::warn!(path = %path.display(), %error, "no peaks beside a recording");
            }
            tell(told, outcome);
        }
        Err(_) => {
            let why = Why::Unwritable("the writer stumbled over its end".into());
            tell(told, Outcome { path, why, duration: Duration::ZERO, bytes: 0, dropped: 0 });
        }
    }
}

fn tell(told: Told, outcome: Outcome) {
    // Who breaks while being told breaks alone; the thread has others to serve.
    let _ = catch_unwind(AssertUnwindSafe(|| told(outcome)));
}

fn discard(path: &Path) {
    for gone in [path.to_owned(), beside(path, PEAKS)] {
        if let Err(error) = fs::remove_file(&gone)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %gone.display(), %error, "a recording that nobody wants stays");
        }
    }
}

/// What the file of peaks is named with.
const PEAKS: &str = ".peaks";

fn beside(recording: &Path, ending: &str) -> PathBuf {
    let mut name = recording.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The peaks appear whole or not at all.
/// Writes peaks beside a recording.
pub(super) fn put_beside(recording: &Path, peaks: &[u8]) -> std::io::Result<()> {
    let unfinished = beside(recording, ".peaks.part");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(peaks)?;
        // Whoever may not hear a recording does not see it either, and the other way round.
        file.set_permissions(fs::metadata(recording)?.permissions())?;
        fs::rename(&unfinished, beside(recording, PEAKS))
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn peaks_are_read_by_whoever_may_hear_the_recording() {
        let folder = tempfile::tempdir().expect("a folder");
        let recording = folder.path().join("talk.wav");
        fs::write(&recording, b"RIFF").expect("a recording");
        for mode in [0o600, 0o640] {
            fs::set_permissions(&recording, fs::Permissions::from_mode(mode)).expect("its mode");
            put_beside(&recording, b"peaks").expect("they are written");
            let peaks = fs::metadata(beside(&recording, PEAKS)).expect("they lie there");
            assert_eq!(peaks.permissions().mode() & 0o777, mode);
        }
    }
}
