//! One thread with a runtime, and those who wait for what it does.
//!
//! It promises that nobody waits longer than they said, whatever the thread is doing, and that no more is under way than
//! there is room for. It knows nothing of what it does.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, oneshot};

/// Questions at once. A loader has a handful of threads that ask one each; more than this is a fault of ours.
const UNDERWAY: usize = 64;
/// Threads for name lookups, which the system only does while somebody waits.
const LOOKUP_THREADS: usize = 4;
/// How much longer than the work its caller waits, in case the thread itself is held up.
const GRACE: Duration = Duration::from_millis(500);

/// The thread. Dropping it ends the thread and whatever was under way.
pub(super) struct Worker {
    handle: Handle,
    room: Arc<Semaphore>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why nothing came of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Undone {
    /// Its time is over.
    #[error("its time is over")]
    Late,
    /// Too much is under way.
    #[error("too much is being fetched already")]
    Full,
    /// The thread has ended, or stumbled over this.
    #[error("whoever fetches it stumbled or was stopped")]
    Ended,
}

impl Worker {
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(LOOKUP_THREADS)
            .thread_name("prompt-lookup")
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("prompt-fetch".into()).spawn(move || {
            // Either way it is the end.
            let _told = runtime.block_on(ended);
            // A lookup that hangs is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, room: Arc::new(Semaphore::new(UNDERWAY)), end: Some(end), thread: Some(thread) })
    }

    /// Does that work on the thread and waits for it here, at most that long.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Undone> {
        let place = self.room.clone().try_acquire_owned().map_err(|_| Undone::Full)?;
        let (done, result) = sync_channel(1);
        let task = self.handle.spawn(async move {
            let _place = place;
            // Who no longer waits is not told.
            let _told = done.send(tokio::time::timeout(time, work).await.map_err(|_| Undone::Late));
        });
        result.recv_timeout(time + GRACE).unwrap_or_else(|error| {
            task.abort();
            Err(if error == RecvTimeoutError::Timeout { Undone::Late } else { Undone::Ended })
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing left to tell.
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn work_is_done_on_the_thread_and_its_result_comes_back() {
        let worker = Worker::start().unwrap();
        let name = worker.wait(PATIENCE, async { std::thread::current().name().map(str::to_owned) });
        assert_eq!(name, Ok(Some("prompt-fetch".into())));
    }

    #[test]
    fn nobody_waits_longer_than_they_said_even_for_a_thread_that_is_held_up() {
        let worker = Worker::start().unwrap();
        let late = worker.wait(Duration::from_millis(10), std::future::pending::<()>());
        assert_eq!(late, Err(Undone::Late));

        let (go, gate) = sync_channel::<()>(1);
        let held = worker.wait(Duration::from_millis(10), async move { gate.recv().is_ok() });
        assert_eq!(held, Err(Undone::Late));
        go.send(()).unwrap();
        assert_eq!(worker.wait(PATIENCE, async { 1 }), Ok(1), "it goes on afterwards");
    }

    #[test]
    fn who_stumbles_stumbles_alone() {
        let worker = Worker::start().unwrap();
        assert_eq!(worker.wait(PATIENCE, async { panic!("this work breaks") }), Err::<(), _>(Undone::Ended));
        assert_eq!(worker.wait(PATIENCE, async { 1 }), Ok(1));
    }

    #[test]
    fn more_than_there_is_room_for_is_refused() {
        let worker = Worker::start().unwrap();
        let all = worker.room.clone().try_acquire_many_owned(UNDERWAY as u32).unwrap();
        assert_eq!(worker.wait(PATIENCE, async { 1 }), Err(Undone::Full));
        drop(all);
        assert_eq!(worker.wait(PATIENCE, async { 1 }), Ok(1));
    }
}
