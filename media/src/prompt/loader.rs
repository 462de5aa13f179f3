//! The threads that make prompts ready, and the queue in front of them.
//!
//! [`Loader::load`] never waits: a sound that is kept and was looked at lately is handed over at once, everything else goes
//! to a thread, and whoever asked is told there. Many calls that want the same sound at the same time share one piece of
//! work. Files of this machine and files from elsewhere have threads of their own, so that a slow web server delays nobody
//! who plays from disk. No media thread ever comes here.
//!
//! load ──kept and fresh──▶ told at once
//!   └──▶ queue ──▶ fetch ──same──▶ told
//!                    └──new──▶ decode ▶ level ▶ encode ▶ keep ──▶ all who asked are told

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::cache::{Cache, Key};
use super::decode::{Limits, Unplayable, decode};
use super::fetch::{Bounds, Fetch, Fetched, Unfetched, Version};
use super::level::Loudness;
use super::name::shown;
use super::sound::{Form, Sound};

/// How a loader works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Threads for files of this machine. One decodes about a hundred times faster than the prompt plays.
    pub disk_threads: usize,
    /// Threads for files from elsewhere; each mostly waits.
    pub remote_threads: usize,
    /// Different sounds that may wait for a thread. More than this is not a busy second but a flood.
    pub queue: usize,
    /// Calls that may wait for one sound.
    pub waiting: usize,
    /// Bytes of finished sounds that are kept. G.711 takes 8 kB a second: this is nine hours of it.
    pub cache: usize,
    /// How long a sound is played without asking whether its file changed, and a failure told without trying again.
    pub fresh: Duration,
    /// What a file may be.
    pub limits: Limits,
    /// What fetching may take.
    pub bounds: Bounds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            disk_threads: 2,
            remote_threads: 4,
            queue: 1024,
            waiting: 10_000,
            cache: 256 << 20,
            fresh: Duration::from_secs(2),
            limits: Limits::default(),
            bounds: Bounds::default(),
        }
    }
}

/// A sound that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// A file in the folders of prompts, or an address with a scheme.
    pub name: Arc<str>,
    /// How loud.
    pub loudness: Loudness,
    /// As what.
    pub form: Form,
}

/// Why a sound cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unloaded {
    /// The file cannot be fetched.
    #[error(transparent)]
    Unfetched(#[from] Unfetched),
    /// The file cannot be played.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// Nothing encodes prompts for that codec.
    #[error("{name} cannot be played as {codec}: that codec is only passed on")]
    NoEncoder {
        /// The file.
        name: String,
        /// The codec.
        codec: &'static str,
    },
    /// Too many wait already.
    #[error("{name} cannot be loaded now: too many prompts are being loaded")]
    Busy {
        /// The file.
        name: String,
    },
    /// The cache holds nothing but sounds that are being played.
    #[error("{name} cannot be loaded now: all memory for prompts is in use, raise its limit")]
    NoRoom {
        /// The file.
        name: String,
    },
}

/// What comes of a wish.
pub type Loaded = Result<Arc<Sound>, Unloaded>;
/// Is told what came of a wish, on the thread of the loader or of whoever asked; it must not wait.
pub type Told = Box<dyn FnOnce(Loaded) + Send>;

/// How a loader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Sounds that are kept.
    pub kept: usize,
    /// Bytes that they take.
    pub bytes: usize,
    /// Sounds that are being made or wait for it.
    pub underway: usize,
    /// Files that were decoded since the start.
    pub decoded: u64,
    /// Wishes that were refused because too many waited.
    pub refused: u64,
}

/// Makes prompts ready on threads of its own. Dropping it ends them, after what they are doing.
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    settings: Settings,
    disk: Arc<dyn Fetch>,
    remote: HashMap<String, Arc<dyn Fetch>>,
    state: Mutex<State>,
    /// One for each lane.
    work: [Condvar; 2],
}

struct State {
    cache: Cache,
    lanes: [VecDeque<(Key, Instant)>; 2],
    /// Who waits for what is queued or being made.
    waiting: HashMap<Key, Vec<Told>>,
    failed: HashMap<Key, (Unloaded, Instant)>,
    decoded: u64,
    refused: u64,
    closing: bool,
}

const DISK: usize = 0;
const REMOTE: usize = 1;
/// Failures that are remembered; it only saves work, so all are forgotten when there are more.
const MAX_FAILED: usize = 256;

impl Loader {
    /// Starts the threads. `remote` says who fetches addresses of which scheme (`https`, `s3`).
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        settings: Settings,
        disk: Arc<dyn Fetch>,
        remote: HashMap<String, Arc<dyn Fetch>>,
    ) -> std::io::Result<Self> {
        let state = State {
            cache: Cache::new(settings.cache),
            lanes: Default::default(),
            waiting: HashMap::new(),
            failed: HashMap::new(),
            decoded: 0,
            refused: 0,
            closing: false,
        };
        let work = [Condvar::new(), Condvar::new()];
        let shared = Arc::new(Shared { settings, disk, remote, state: Mutex::new(state), work });
        let mut loader = Self { shared, threads: Vec::new() };
        for (lane, count) in [(DISK, settings.disk_threads), (REMOTE, settings.remote_threads)] {
            for _ in 0..count.max(1) {
                let shared = Arc::clone(&loader.shared);
                let thread = std::thread::Builder::new().name("prompts".into());
                loader.threads.push(thread.spawn(move || shared.serve(lane))?);
            }
        }
        Ok(loader)
    }

    /// Gets a sound ready. `told` hears what came of it, at once where it is known already.
    pub fn load(&self, wish: Wish, now: Instant, told: Told) {
        let key = Key { name: wish.name, loudness: wish.loudness, form: wish.form };
        let mut state = self.shared.lock();
        if let Some(known) = state.known(&key, now, self.shared.settings.fresh) {
            drop(state);
            return told(known);
        }
        let settings = &self.shared.settings;
        let busy = Unloaded::Busy { name: shown(&key.name) };
        if let Some(waiting) = state.waiting.get_mut(&key) {
            if waiting.len() < settings.waiting {
                waiting.push(told);
                return;
            }
        } else {
            let lane = if key.name.contains("://") { REMOTE } else { DISK };
            if state.lanes[lane].len() < settings.queue {
                state.waiting.insert(key.clone(), vec![told]);
                state.lanes[lane].push_back((key, now));
                self.shared.work[lane].notify_one();
                return;
            }
        }
        state.refused += 1;
        drop(state);
        told(Err(busy));
    }

    /// Gets a sound ready and waits for it, `None` when that takes longer than `patience`: for checks at leisure, never for
    /// calls.
    #[must_use]
    pub fn load_and_wait(&self, wish: Wish, now: Instant, patience: Duration) -> Option<Loaded> {
        let (told, heard) = std::sync::mpsc::sync_channel(1);
        // Who no longer waits is not told.
        self.load(wish, now, Box::new(move |loaded| drop(told.send(loaded))));
        heard.recv_timeout(patience).ok()
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let state = self.shared.lock();
        Standing {
            kept: state.cache.len(),
            bytes: state.cache.bytes(),
            underway: state.waiting.len(),
            decoded: state.decoded,
            refused: state.refused,
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.work.iter().for_each(Condvar::notify_all);
        for thread in self.threads.drain(..) {
            // A thread that panicked has told whoever waited; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl State {
    /// What is known without any work.
    fn known(&mut self, key: &Key, now: Instant, fresh: Duration) -> Option<Loaded> {
        if let Some((failure, at)) = self.failed.get(key) {
            if now.saturating_duration_since(*at) < fresh {
                return Some(Err(failure.clone()));
            }
            self.failed.remove(key);
        }
        let kept = self.cache.get(key)?;
        (now.saturating_duration_since(kept.checked) < fresh).then(|| Ok(Arc::clone(&kept.sound)))
    }
}

impl Shared {
    /// A panic under this lock would be a bug of ours; what it guards is whole between any two lines.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, lane: usize) {
        let mut state = self.lock();
        loop {
            if state.closing {
                return;
            }
            let Some((key, now)) = state.lanes[lane].pop_front() else {
                state = self.work[lane].wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            // Whoever waits is told whatever happens.
            let loaded = catch_unwind(AssertUnwindSafe(|| self.make(&key, now))).unwrap_or_else(|_| {
                let why = "the loader stumbled over it and was stopped".into();
                Err(Unplayable::Damaged { name: shown(&key.name), why }.into())
            });
            state = self.lock();
            if let Err(failure) = &loaded {
                if state.failed.len() >= MAX_FAILED {
                    state.failed.clear();
                }
                state.failed.insert(key.clone(), (failure.clone(), now));
            }
            let waiting = state.waiting.remove(&key).unwrap_or_default();
            drop(state);
            for told in waiting {
                // Who breaks while being told breaks alone; the thread has others to serve.
                let _ = catch_unwind(AssertUnwindSafe(|| told(loaded.clone())));
            }
            state = self.lock();
        }
    }

    fn make(&self, key: &Key, now: Instant) -> Loaded {
        if let Some(sound) = self.remake(key, key, now)? {
            return Ok(sound);
        }
        // The same sound as samples may be there: then it is only encoded.
        let base = Key { form: Form::Samples(key.form.rate()), ..key.clone() };
        if base != *key
            && let Some(sound) = self.remake(key, &base, now)?
        {
            return Ok(sound);
        }
        match self.fetch(&key.name, None)? {
            Fetched::Bytes { bytes, version } => self.make_of(key, bytes, version, now),
            Fetched::Same => {
                let why = "the place it comes from calls it unchanged, and it was never fetched".into();
                Err(Unfetched::Unreachable { name: shown(&key.name), why }.into())
            }
        }
    }

    /// Makes a sound of one that is kept, or of what has taken its place.
    fn remake(&self, key: &Key, base: &Key, now: Instant) -> Result<Option<Arc<Sound>>, Unloaded> {
        let Some((sound, known)) =
            self.lock().cache.get(base).map(|kept| (Arc::clone(&kept.sound), kept.version.clone()))
        else {
            return Ok(None);
        };
        match self.fetch(&key.name, Some(&known))? {
            Fetched::Bytes { bytes, version } => self.make_of(key, bytes, version, now).map(Some),
            Fetched::Same => {
                if let Some(kept) = self.lock().cache.get(base) {
                    kept.checked = now;
                }
                if base == key { Ok(Some(sound)) } else { self.finish(key, sound, known, now).map(Some) }
            }
        }
    }

    fn make_of(&self, key: &Key, bytes: Vec<u8>, version: Version, now: Instant) -> Loaded {
        let rate = key.form.rate();
        let name = shown(&key.name);
        let samples = decode(&name, bytes, rate, key.loudness, &self.settings.limits)?;
        self.lock().decoded += 1;
        self.finish(key, Arc::new(Sound::of_samples(&name, rate, samples)), version, now)
    }

    /// Brings samples into the form that is wanted, and keeps them so.
    fn finish(&self, key: &Key, samples: Arc<Sound>, version: Version, now: Instant) -> Loaded {
        let sound = match key.form {
            Form::Samples(_) => samples,
            Form::Payload(kind) => {
                let refused = || Unloaded::NoEncoder { name: shown(&key.name), codec: kind.name() };
                Arc::new(samples.encoded(kind).ok_or_else(refused)?)
            }
        };
        let kept = self.lock().cache.keep(key.clone(), Arc::clone(&sound), version, now);
        kept.map(|()| sound).map_err(|_| Unloaded::NoRoom { name: shown(&key.name) })
    }

    fn fetch(&self, name: &str, known: Option<&Version>) -> Result<Fetched, Unfetched> {
        let fetcher = match name.split_once("://") {
            None => &self.disk,
            Some((scheme, _)) => self
                .remote
                .get(scheme)
                .ok_or_else(|| Unfetched::NoSuchScheme { name: shown(name), scheme: scheme.to_owned() })?,
        };
        fetcher.fetch(name, known, &self.settings.bounds)
    }
}

#[cfg(test)]
#[path = "loader_tests.rs"]
mod tests;
