//! Recordings are brought into a bucket: a small S3 of our own takes them, or is away, or refuses.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use patchcord_engine::{
    journal::{Began, CallId, Journal, Outcome, Party, RecordShelf, Rules, What},
    runtime::clock,
};
use patchcord_web::{
    feed::{Announced, Feed},
    fetch::{Keys, Place},
    metrics::Exposition,
    recordings,
    store::{Place as Database, Store},
    uploads::{Bucket, Offered, Settings, Uploads},
};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{interval, timeout},
};

use crate::lab::PATIENCE;

/// What lies in the bucket, how many of the next requests are refused, and what was asked.
#[derive(Default)]
struct Bin {
    objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<u32, Vec<u8>>,
    refuse: usize,
    asked: Vec<String>,
    kinds: Vec<String>,
}

type Shared = Arc<Mutex<Bin>>;

/// Answers as S3 does to whoever brings files.
async fn answer(bin: Shared, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.expect("a body").to_vec();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let signed = text("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKID/");
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default().to_owned());
    let say = |status: u16, body: String| {
        Response::builder().status(status).header("etag", "\"1\"").body(Body::from(body)).expect("an answer")
    };
    let mut bin = bin.lock().expect("nobody panics");
    bin.asked.push(format!("{} {path}?{query}", head.method));
    if !signed {
        return say(403, "<Error><Code>AccessDenied</Code></Error>".into());
    }
    if bin.refuse > 0 {
        bin.refuse -= 1;
        return say(507, "<Error><Code>Full</Code></Error>".into());
    }
    let part = query.split('&').find_map(|pair| pair.strip_prefix("partNumber=")?.parse::<u32>().ok());
    match (head.method.as_str(), part) {
        ("DELETE", _) if bin.objects.remove(&path).is_none() => {
            return say(404, "<Error><Code>NoSuchKey</Code></Error>".into());
        }
        ("DELETE", _) => {}
        ("PUT", Some(part)) => drop(bin.parts.insert(part, body)),
        ("PUT", None) => {
            bin.kinds.push(text("content-type"));
            bin.objects.insert(path, body);
        }
        ("POST", _) if query.starts_with("uploads") => {
            let told = "<InitiateMultipartUploadResult><Bucket>kept</Bucket><Key>k</Key><UploadId>u1</UploadId>\
                        </InitiateMultipartUploadResult>";
            return say(200, told.into());
        }
        ("POST", _) => {
            let whole = std::mem::take(&mut bin.parts).into_values().flatten().collect();
            bin.objects.insert(path, whole);
            let told = "<CompleteMultipartUploadResult><Bucket>kept</Bucket><Key>k</Key><ETag>\"1\"</ETag>\
                        </CompleteMultipartUploadResult>";
            return say(200, told.into());
        }
        _ => return say(405, String::new()),
    }
    say(200, String::new())
}

/// A folder of recordings, a bucket beside it, and whoever brings one into the other.
struct House {
    bin: Shared,
    folder: TempDir,
    uploads: Arc<Uploads>,
    _stop: watch::Sender<bool>,
}

async fn house(refuse: usize) -> House {
    let bin = Shared::default();
    bin.lock().expect("nobody panics").refuse = refuse;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (there, folder) = (bin.clone(), tempfile::tempdir().expect("a folder"));
    let service = Router::new().fallback(move |request: Request| answer(there.clone(), request));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let place = Place::read(&format!("s3://kept/calls?endpoint=http://{address}")).expect("a bucket");
    let keys = Some(Keys { id: "AKID".into(), secret: "hush".into() });
    let bucket = Bucket::open(Settings { store: Some(place), keys }, Vec::new()).expect("open").expect("configured");
    let bucket = bucket.pausing(Duration::from_millis(20), Duration::from_millis(40));
    let (stop, stopped) = watch::channel(false);
    let uploads = Arc::new(Uploads::new(true));
    tokio::spawn(uploads.clone().keep(bucket, folder.path().into(), stopped));
    House { bin, folder, uploads, _stop: stop }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().expect("a day")).expect("a folder");
    fs::write(file, bytes).expect("written");
}

impl House {
    /// Until the bucket holds that many.
    async fn holds(&self, many: usize) -> BTreeMap<String, Vec<u8>> {
        let mut turn = interval(Duration::from_millis(10));
        let come = async {
            loop {
                turn.tick().await;
                let marked = walk(self.folder.path()).iter().filter(|name| name.ends_with(".sent")).count();
                let objects = self.bin.lock().expect("nobody panics").objects.clone();
                if objects.len() == many && marked == many {
                    break objects;
                }
            }
        };
        timeout(PATIENCE, come).await.expect("they come")
    }

    fn measured(&self) -> String {
        let mut page = Exposition::default();
        self.uploads.measure(&mut page);
        page.into_text()
    }
}

fn walk(folder: &Path) -> Vec<String> {
    let days = fs::read_dir(folder).expect("a folder").flatten().map(|day| day.path());
    let files = days.flat_map(|day| fs::read_dir(day).expect("a day").flatten());
    files.map(|file| file.file_name().into_string().expect("a name")).collect()
}

#[tokio::test]
async fn a_recording_is_brought_once_its_call_is_kept_and_stays_here() {
    let house = house(0).await;
    write(house.folder.path(), "2026-11-21/one.wav", b"RIFF sound");
    let data = tempfile::tempdir().expect("a folder");
    let place = Database::parse("sqlite:calls.db", data.path()).expect("a place");
    let store = Store::open(&place, data.path()).await.expect("a store");
    let wall = clock::wall();
    let shelf = Offered::new(Announced::new(store, Arc::new(Feed::new(wall))), house.uploads.clone());
    let began = Began::new(wall, Party::new("alice"), Party::new("102"));
    let mut journal = Journal::begin(CallId::new(wall, 1), began, Rules::default());
    journal.note(Duration::ZERO, What::Recording { leg: None, path: "2026-11-21/one.wav".into() });
    let open = journal.drain();
    shelf.write_batches(&open.into_iter().collect::<Vec<_>>()).await.expect("written");
    assert!(house.bin.lock().expect("nobody panics").asked.is_empty(), "the call goes on");

    shelf.write_batches(&[journal.end(Duration::from_secs(3), Outcome::Answered)]).await.expect("written");
    let objects = house.holds(1).await;
    assert_eq!(objects["/kept/calls/2026-11-21/one.wav"], b"RIFF sound");
    assert_eq!(house.bin.lock().expect("nobody panics").kinds, ["audio/wav"]);
    assert_eq!(fs::read(house.folder.path().join("2026-11-21/one.wav")).expect("it stays"), b"RIFF sound");
    // Told twice, or of what is not there and of what lies elsewhere, it brings nothing more.
    for name in ["2026-11-21/one.wav", "2026-11-21/gone.wav", "../secret.wav"] {
        house.uploads.offer(name);
    }
    write(house.folder.path(), "2026-11-21/two.opus", b"OggS sound");
    house.uploads.offer("2026-11-21/two.opus");
    house.holds(2).await;
    let asked = house.bin.lock().expect("nobody panics").asked.clone();
    assert_eq!(asked, ["PUT /kept/calls/2026-11-21/one.wav?", "PUT /kept/calls/2026-11-21/two.opus?"]);
    assert!(house.measured().contains("patchcord_recordings_sent_total 2\n"), "{}", house.measured());
}

#[tokio::test]
async fn a_store_that_refuses_is_asked_again_until_it_has_every_recording_once() {
    let house = house(7).await;
    for name in ["2026-11-21/one.wav", "2026-11-21/two.wav", "2026-11-22/three.wav"] {
        write(house.folder.path(), name, name.as_bytes());
        house.uploads.offer(name);
    }
    let objects = house.holds(3).await;
    for (path, bytes) in &objects {
        assert_eq!(path, &format!("/kept/calls/{}", String::from_utf8_lossy(bytes)));
    }
    let measured = house.measured();
    assert!(!measured.contains("patchcord_recordings_sending_failed_total 0\n"), "{measured}");
    assert!(measured.contains("patchcord_recordings_to_send 0\n"), "{measured}");
}

#[tokio::test]
async fn a_long_recording_goes_in_parts_and_is_whole_there() {
    let house = house(0).await;
    let sound: Vec<u8> = (0..20_u32 << 20).map(|at| (at % 251) as u8).collect();
    write(house.folder.path(), "2026-11-21/long.wav", &sound);
    house.uploads.offer("2026-11-21/long.wav");
    let objects = house.holds(1).await;
    assert!(objects["/kept/calls/2026-11-21/long.wav"] == sound, "every byte in its place");
    let asked = house.bin.lock().expect("nobody panics").asked.clone();
    assert_eq!(asked.iter().filter(|asked| asked.contains("partNumber=")).count(), 3, "{asked:?}");
}

#[tokio::test]
async fn what_an_earlier_life_left_unsent_is_found_and_what_is_being_written_is_not() {
    let house = house(0).await;
    let folder = house.folder.path();
    for name in ["2026-11-20/old.wav", "2026-11-20/old.wav.peaks", "2026-11-20/sent.wav", "2026-11-21/now.wav"] {
        write(folder, name, b"RIFF");
    }
    write(folder, "2026-11-20/sent.wav.sent", b"");
    let hours = clock::wall() - Duration::from_secs(2 * 3600);
    for name in ["2026-11-20/old.wav", "2026-11-20/sent.wav"] {
        let file = fs::File::options().append(true).open(folder.join(name)).expect("there");
        file.set_modified(hours).expect("set");
    }
    // Whoever begins looks first of all; this one has begun, and another one begins.
    let again = house_on(&house).await;
    let mut turn = interval(Duration::from_millis(10));
    let come = async {
        while !folder.join("2026-11-20/old.wav.sent").exists() {
            turn.tick().await;
        }
    };
    timeout(PATIENCE, come).await.expect("it comes");
    let objects = house.bin.lock().expect("nobody panics").objects.clone();
    assert_eq!(objects.keys().collect::<Vec<_>>(), ["/kept/calls/2026-11-20/old.wav"]);
    drop(again);
}

#[tokio::test]
async fn what_is_deleted_here_is_deleted_there_also_when_the_store_refuses_for_a_while() {
    let house = house(0).await;
    let folder = house.folder.path();
    for name in ["2026-11-21/one.wav", "2026-11-21/two.wav"] {
        write(folder, name, b"RIFF");
        house.uploads.offer(name);
    }
    house.holds(2).await;
    house.bin.lock().expect("nobody panics").refuse = 7;
    assert!(recordings::delete(folder, "2026-11-21/one.wav").expect("deleted"));
    house.uploads.erase("2026-11-21/one.wav");
    let mut turn = interval(Duration::from_millis(2));
    let complains = async {
        while house.uploads.left_behind().1.is_none() {
            turn.tick().await;
        }
    };
    timeout(PATIENCE, complains).await.expect("it says why");
    let (copies, why) = house.uploads.left_behind();
    assert!(copies == 1 && why.as_deref().is_some_and(|why| why.contains("507")), "{copies} {why:?}");
    assert!(house.measured().contains("patchcord_recordings_to_erase 1\n"), "{}", house.measured());

    let objects = house.holds(1).await;
    assert_eq!(objects.keys().collect::<Vec<_>>(), ["/kept/calls/2026-11-21/two.wav"]);
    let over = async {
        while house.uploads.left_behind() != (0, None) {
            turn.tick().await;
        }
    };
    timeout(PATIENCE, over).await.expect("nothing is left behind");
    let mut left = walk(folder);
    left.sort();
    assert_eq!(left, ["two.wav", "two.wav.sent"]);
    assert!(house.measured().contains("patchcord_recordings_erased_total 1\n"), "{}", house.measured());
}

#[tokio::test]
async fn what_an_earlier_life_deleted_is_deleted_in_the_bucket_by_the_next() {
    let house = house(0).await;
    let folder = house.folder.path();
    write(folder, "2026-11-20/one.wav", b"RIFF");
    house.uploads.offer("2026-11-20/one.wav");
    house.holds(1).await;
    // Nobody was told, as when a server ends at that moment.
    assert!(recordings::delete(folder, "2026-11-20/one.wav").expect("deleted"));
    let again = house_on(&house).await;
    let mut turn = interval(Duration::from_millis(10));
    let gone = async {
        while folder.join("2026-11-20").exists() {
            turn.tick().await;
        }
    };
    timeout(PATIENCE, gone).await.expect("the day is empty, and goes");
    assert!(house.bin.lock().expect("nobody panics").objects.is_empty());
    drop(again);
}

/// Another server's life over the same folder and bucket.
async fn house_on(house: &House) -> watch::Sender<bool> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let there = house.bin.clone();
    let service = Router::new().fallback(move |request: Request| answer(there.clone(), request));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let place = Place::read(&format!("s3://kept/calls?endpoint=http://{address}")).expect("a bucket");
    let keys = Some(Keys { id: "AKID".into(), secret: "hush".into() });
    let bucket = Bucket::open(Settings { store: Some(place), keys }, Vec::new()).expect("open").expect("configured");
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(Arc::new(Uploads::new(true)).keep(bucket, house.folder.path().into(), stopped));
    stop
}
