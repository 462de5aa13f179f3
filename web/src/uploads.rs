//! Recordings that are over, brought into a bucket of an object store: one after the other, each until the store has it.
//!
//! A recording is offered when its call's record is kept; what found no place then, or lay there from an earlier life of the server, is
//! found by a look through the folder, once an hour. Beside a file that the store has lies an empty one that says so (`.sent`), so nothing
//! is sent twice and a restart forgets nothing. Files stay where they are, as long as `[recordings]` says; none goes before it was sent.
//! A store that is away is asked again, later and later, and no call ever waits for it.
//!
//! Who deletes a recording deletes that copy as well: the empty file is called `.gone` then, until the store has deleted it, too.
//!
//! ```text
//! Offered (shelf of records) ─▶ queue ─▶ keep ─▶ bucket
//!        a look each hour ────▶          ▲
//! deleted by hand or by age ─── .gone ───┘
//! ```

use std::{
    collections::{BTreeSet, VecDeque},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use object_store::{
    Attribute, AttributeValue, Attributes, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMultipartOptions,
    PutOptions, aws::AmazonS3,
};
use patchcord_engine::{
    journal::{Batch, CallId, Page, Record, RecordShelf, Story},
    routing::{Shelved, Written},
    runtime::clock,
};
use rustls::pki_types::CertificateDer;
use tokio::{
    sync::{Notify, watch},
    time::{interval, sleep, timeout},
};
use tracing::{info, warn};

use crate::{
    fetch::{self, Keys, Place, Unopened},
    metrics::Exposition,
    problem::chain,
    recordings,
};

/// Recordings that wait by name: those of an hour of a very full server. Others are found by the next look.
const MOST_WAITING: usize = 10_000;

/// How often the folder is looked through.
const LOOK: Duration = Duration::from_secs(3600);

/// For so long nobody has written into a file that a look takes: whoever records writes far more often.
const QUIET: Duration = Duration::from_secs(3600);

/// Bytes of a part, and of a file that is sent in one piece: what is in memory at once. No store takes parts below 5 MiB.
const PART: usize = 8 << 20;

/// Longest that one piece takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long is waited behind the first failure; twice as long behind each that follows, up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(600));

/// What the file beside a recording is called that the store has.
pub const SENT: &str = "sent";

/// And what it is called once the recording was deleted, and the store has not deleted it yet.
pub const GONE: &str = "gone";

/// Where recordings go, and how we show who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The bucket; without it nothing is sent.
    pub store: Option<Place>,
    /// Our keys there.
    pub keys: Option<Keys>,
}

/// What waits to be sent, and what was.
#[derive(Default)]
pub struct Uploads {
    is_on: bool,
    // Paths within the folder of recordings.
    waiting: Mutex<VecDeque<String>>,
    bell: Notify,
    sent: AtomicU64,
    failed: AtomicU64,
    put_off: AtomicU64,
    /// Recordings that were deleted here, and lie in the store still.
    left_behind: Mutex<LeftBehind>,
    erased: AtomicU64,
}

/// What the store has not deleted yet.
#[derive(Clone, Debug, Default)]
struct LeftBehind {
    /// Paths within the folder of recordings, [`MOST_WAITING`] at most.
    paths: BTreeSet<String>,
    /// Why the last try failed.
    why: Option<String>,
}

/// Why a recording was not sent.
#[derive(Debug, thiserror::Error)]
enum NotSent {
    #[error("its file, or the one beside it, is not to be used")]
    File(#[from] io::Error),
    #[error("the store says no")]
    Store(#[from] object_store::Error),
    #[error("its name is none for the store")]
    Name(#[from] object_store::path::Error),
    #[error("the store was too slow")]
    Slow,
}

/// A bucket that is open.
pub struct Bucket {
    objects: AmazonS3,
    prefix: String,
    /// How long is waited behind failures.
    pauses: (Duration, Duration),
}

impl Bucket {
    /// The bucket that is configured, if one is. Nothing is asked of the network.
    ///
    /// # Errors
    /// When TLS or the bucket cannot be set up.
    pub fn open(settings: Settings, trusted: Vec<CertificateDer<'static>>) -> Result<Option<Self>, Unopened> {
        let Settings { store: Some(place), keys } = settings else { return Ok(None) };
        let found = fetch::open_bucket(place, keys, trusted)?;
        Ok(found.map(|(objects, prefix)| Self { objects, prefix, pauses: PAUSES }))
    }

    /// The same with other pauses behind failures.
    #[must_use]
    pub fn pausing(self, first: Duration, last: Duration) -> Self {
        Self { pauses: (first, last), ..self }
    }

    /// What it is called there.
    fn key(&self, name: &str) -> Result<object_store::path::Path, NotSent> {
        let key = match &*self.prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Ok(object_store::path::Path::parse(key)?)
    }

    /// Deletes it there; one that is not there is nothing to do.
    async fn erase(&self, name: &str) -> Result<(), NotSent> {
        let key = self.key(name)?;
        match in_time(self.objects.delete(&key)).await {
            Err(NotSent::Store(object_store::Error::NotFound { .. })) => Ok(()),
            done => done,
        }
    }

    /// Sends the file, in one piece or in parts.
    async fn send(&self, name: &str, file: PathBuf) -> Result<(), NotSent> {
        let key = self.key(name)?;
        let kind = if name.ends_with(".wav") { "audio/wav" } else { "audio/ogg" };
        let attributes = Attributes::from_iter([(Attribute::ContentType, AttributeValue::from(kind))]);
        let file = File::open(file)?;
        let (first, file) = piece(file).await?;
        if first.len() < PART {
            let options = PutOptions { attributes, ..PutOptions::default() };
            return in_time(self.objects.put_opts(&key, first.into(), options)).await.map(drop);
        }
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = in_time(self.objects.put_multipart_opts(&key, options)).await?;
        let sent = parts(&mut *upload, first, file).await;
        if sent.is_err() {
            // What lies there of it is thrown away, or by the store's own rules.
            let _gone_or_left = in_time(upload.abort()).await;
        }
        sent
    }
}

/// Sends a file part by part.
async fn parts(upload: &mut dyn MultipartUpload, first: Bytes, mut file: File) -> Result<(), NotSent> {
    let mut part = first;
    while !part.is_empty() {
        in_time(upload.put_part(part.into())).await?;
        (part, file) = piece(file).await?;
    }
    in_time(upload.complete()).await.map(drop)
}

/// The next piece of a file: less than [`PART`] only at its end.
async fn piece(mut file: File) -> io::Result<(Bytes, File)> {
    let read = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        (&mut file).take(PART as u64).read_to_end(&mut bytes)?;
        Ok((bytes.into(), file))
    });
    read.await.map_err(io::Error::other)?
}

async fn in_time<T>(asked: impl Future<Output = object_store::Result<T>>) -> Result<T, NotSent> {
    Ok(timeout(PATIENCE, asked).await.map_err(|_| NotSent::Slow)??)
}

impl Uploads {
    /// What takes recordings, where a bucket is there for them.
    pub fn new(is_on: bool) -> Self {
        Self { is_on, ..Self::default() }
    }

    /// A recording is over. What finds no place is found by the next look.
    pub fn offer(&self, path: &str) {
        if !self.is_on {
            return;
        }
        let mut waiting = self.hold();
        if waiting.len() >= MOST_WAITING {
            self.put_off.fetch_add(1, Relaxed);
        } else if !waiting.iter().any(|known| known == path) {
            waiting.push_back(path.to_owned());
            self.bell.notify_one();
        }
    }

    /// A recording was deleted here; should the store have it, it is deleted there, too.
    pub fn erase(&self, path: &str) {
        if !self.is_on {
            return;
        }
        let mut left = self.left();
        if left.paths.len() < MOST_WAITING {
            left.paths.insert(path.to_owned());
        }
        drop(left);
        self.offer(path);
    }

    /// How many recordings were deleted here that lie in the store still, and why, where a try has failed.
    pub fn left_behind(&self) -> (usize, Option<String>) {
        let left = self.left();
        (left.paths.len(), left.why.clone())
    }

    /// For those who watch.
    pub fn measure(&self, page: &mut Exposition) {
        if !self.is_on {
            return;
        }
        page.gauge("recordings_to_send", "Recordings that wait for the object store", self.hold().len() as u64);
        let left = self.left_behind().0 as u64;
        page.gauge("recordings_to_erase", "Copies of deleted recordings that the object store still has", left);
        for (name, help, counter) in [
            ("recordings_sent", "Recordings that the object store has taken", &self.sent),
            ("recordings_sending_failed", "Times that the object store did not take one", &self.failed),
            ("recordings_erased", "Copies of deleted recordings that the object store has deleted", &self.erased),
            ("recordings_put_off", "Recordings that wait for the hourly look, because too many wait", &self.put_off),
        ] {
            page.counter(name, help, counter.load(Relaxed));
        }
    }

    /// Sends what waits, until `stopped` says that it is over; what is half sent then is sent anew by the next start.
    pub async fn keep(self: Arc<Self>, bucket: Bucket, folder: Arc<Path>, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {}
            () = self.work(&bucket, &folder) => {}
        }
    }

    async fn work(&self, bucket: &Bucket, folder: &Path) {
        let mut look = interval(LOOK);
        let mut pause = bucket.pauses.0;
        loop {
            let name = tokio::select! {
                _ = look.tick() => {
                    self.look(folder).await;
                    continue;
                }
                name = self.next() => name,
            };
            match self.bring(bucket, folder, &name).await {
                Ok(()) => pause = bucket.pauses.0,
                Err(why) => {
                    self.failed.fetch_add(1, Relaxed);
                    self.complain(&name, &chain(&why));
                    // Behind the others: one that no store takes keeps nobody waiting for long.
                    self.offer(&name);
                    sleep(pause).await;
                    pause = (pause * 2).min(bucket.pauses.1);
                }
            }
        }
    }

    async fn next(&self) -> String {
        loop {
            let rung = self.bell.notified();
            if let Some(name) = self.hold().pop_front() {
                return name;
            }
            rung.await;
        }
    }

    fn complain(&self, name: &str, why: &str) {
        let mut left = self.left();
        if left.paths.contains(name) {
            warn!(name, why, "the copy of a deleted recording could not be deleted; it is tried again");
            left.why = Some(why.to_owned());
        } else {
            warn!(name, why, "a recording could not be sent; it is tried again");
        }
    }

    /// Brings one into the bucket, and says so beside it, or takes one away there that was deleted here. One that is not there any
    /// more, or was brought, is nothing to do.
    async fn bring(&self, bucket: &Bucket, folder: &Path, name: &str) -> Result<(), NotSent> {
        if let Some(gone) = recordings::within(folder, &format!("{name}.{GONE}")) {
            bucket.erase(name).await?;
            fs::remove_file(&gone)?;
            // Only an empty day can be removed so.
            let _stays_where_something_lies = gone.parent().map(fs::remove_dir);
            self.erased.fetch_add(1, Relaxed);
            info!(name, "the copy of a deleted recording was deleted");
        }
        self.is_nowhere(name);
        let file = folder.join(name);
        if recordings::open(folder, name).is_none() || mark(&file).exists() {
            return Ok(());
        }
        bucket.send(name, file.clone()).await?;
        if let Some(day) = file.parent() {
            fs::create_dir_all(day)?;
        }
        File::create(mark(&file))?;
        self.sent.fetch_add(1, Relaxed);
        info!(name, "a recording was sent");
        if !file.exists() {
            // It was deleted while it was sent; whoever did so saw no file that said it is there.
            disown(&mark(&file))?;
            self.erase(name);
        }
        Ok(())
    }

    /// The store has none of it any more.
    fn is_nowhere(&self, name: &str) {
        let mut left = self.left();
        if left.paths.remove(name) {
            left.why = None;
        }
    }

    /// Takes what lies there and was not sent, and what was deleted here and not there.
    async fn look(&self, folder: &Path) {
        let folder = folder.to_owned();
        let found = tokio::task::spawn_blocking(move || (unsent(&folder), unerased(&folder)));
        let (unsent, unerased) = found.await.unwrap_or_default();
        unerased.iter().for_each(|name| self.erase(name));
        unsent.iter().for_each(|name| self.offer(name));
    }

    fn left(&self) -> MutexGuard<'_, LeftBehind> {
        // As with names that wait.
        self.left_behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self) -> MutexGuard<'_, VecDeque<String>> {
        // Whoever panics elsewhere leaves whole names behind.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file beside a recording that says that the store has it.
pub(crate) fn mark(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(SENT);
    name.into()
}

/// What says that the store has a recording says from now on that it is to delete it. Blocks.
pub(crate) fn disown(mark: &Path) -> io::Result<()> {
    match fs::rename(mark, mark.with_extension(GONE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Recordings that were deleted here, and that the store has still. Blocks.
fn unerased(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (day, inner) in crate::retention::days(folder) {
        let Ok(entries) = fs::read_dir(inner) else { continue };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let gone = names.filter_map(|name| Some(format!("{day}/{}", name.strip_suffix(GONE)?.strip_suffix('.')?)));
        found.extend(gone);
    }
    found.sort();
    found.truncate(MOST_WAITING);
    found
}

/// Recordings that the store has not, the eldest day first, and that nobody writes any more. Blocks.
fn unsent(folder: &Path) -> Vec<String> {
    let is_over = |path: &Path| {
        let written = fs::metadata(path).and_then(|about| about.modified());
        written.is_ok_and(|at| clock::wall().duration_since(at).is_ok_and(|quiet| quiet >= QUIET))
    };
    let mut found = Vec::new();
    for (day, inner) in crate::retention::days(folder) {
        let Ok(entries) = fs::read_dir(&inner) else { continue };
        let files = entries.flatten().map(|entry| entry.path());
        let over = files.filter(|file| crate::retention::is_sound(file) && !mark(file).exists() && is_over(file));
        let names = over.filter_map(|file| Some(format!("{day}/{}", file.file_name()?.to_str()?)));
        found.extend(names);
    }
    found.sort();
    found.truncate(MOST_WAITING);
    found
}

/// The shelf of records, with somebody who offers what was recorded once the record is kept.
pub struct Offered<S> {
    shelf: S,
    uploads: Arc<Uploads>,
}

impl<S> Offered<S> {
    /// That shelf.
    pub fn new(shelf: S, uploads: Arc<Uploads>) -> Self {
        Self { shelf, uploads }
    }
}

impl<S: RecordShelf> RecordShelf for Offered<S> {
    fn write_batches<'a>(&'a self, batches: &'a [Batch]) -> Shelved<'a, Written> {
        Box::pin(async move {
            let written = self.shelf.write_batches(batches).await?;
            let records = batches.iter().filter_map(|batch| batch.record.as_deref());
            let over = records.filter(|record| record.outcome.is_some());
            over.flat_map(|record| &record.recordings).for_each(|path| self.uploads.offer(path));
            Ok(written)
        })
    }

    fn left_open(&self, most: usize) -> Shelved<'_, Vec<Story>> {
        self.shelf.left_open(most)
    }

    fn story(&self, call: CallId) -> Shelved<'_, Option<Story>> {
        self.shelf.story(call)
    }

    fn records(&self, page: Page) -> Shelved<'_, Vec<Record>> {
        self.shelf.records(page)
    }
}
