//! The loader with files on disk and with a source that the test holds back.
#![allow(clippy::disallowed_methods, reason = "a starting point for virtual time")]

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::codec::Kind;
use crate::frame::Rate;
use crate::prompt::Disk;
use crate::recording::wav_of;

const PATIENCE: Duration = Duration::from_secs(20);

/// A soft tone as a wav file.
fn wav(samples: usize) -> Vec<u8> {
    let tone: Vec<_> = (0..samples).map(|n| ((n as f32 * 0.5).sin() * 2000.0) as i16).collect();
    wav_of(Rate::Narrow, &tone)
}

fn of_disk(folder: &Path, settings: Settings) -> Loader {
    Loader::start(settings, Arc::new(Disk::new(vec![folder.into()])), HashMap::new()).unwrap()
}

fn wish(name: &str, form: Form) -> Wish {
    Wish { name: name.into(), loudness: Loudness::Levelled, form }
}

fn ask(loader: &Loader, name: &str, form: Form, now: Instant) -> Receiver<Loaded> {
    let (told, heard) = channel();
    loader.load(wish(name, form), now, Box::new(move |loaded| told.send(loaded).unwrap()));
    heard
}

fn get(loader: &Loader, name: &str, form: Form, now: Instant) -> Loaded {
    loader.load_and_wait(wish(name, form), now, PATIENCE).expect("whoever asks is told")
}

const NARROW: Form = Form::Samples(Rate::Narrow);
const PCMU: Form = Form::Payload(Kind::Pcmu);
const PCMA: Form = Form::Payload(Kind::Pcma);

#[test]
fn a_file_is_decoded_once_and_encoded_once_a_codec() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wav"), wav(8000)).unwrap();
    let loader = of_disk(folder.path(), Settings::default());
    let now = Instant::now();

    let samples = get(&loader, "a", NARROW, now).unwrap();
    assert_eq!((samples.frames(), samples.form()), (50, NARROW));
    let packets = get(&loader, "a", PCMU, now).unwrap();
    assert_eq!(packets.payload(49).unwrap().len(), 160);
    get(&loader, "a", PCMA, now).unwrap();
    assert!(Arc::ptr_eq(&packets, &get(&loader, "a", PCMU, now).unwrap()), "the same packets for everybody");
    let standing = loader.standing();
    assert_eq!((standing.decoded, standing.kept, standing.underway), (1, 3, 0));
}

#[test]
fn a_changed_file_is_loaded_anew_and_whoever_plays_the_old_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wav");
    fs::write(&path, wav(8000)).unwrap();
    let loader = of_disk(folder.path(), Settings::default());
    let now = Instant::now();
    let old = get(&loader, "a", PCMU, now).unwrap();

    fs::write(&path, wav(1600)).unwrap();
    let later = now + Settings::default().fresh;
    assert_eq!(get(&loader, "a", PCMU, later).unwrap().frames(), 10);
    assert_eq!(old.frames(), 50);
    assert_eq!(loader.standing().kept, 1);

    fs::remove_file(&path).unwrap();
    let later = later + Settings::default().fresh;
    assert!(matches!(get(&loader, "a", PCMU, later), Err(Unloaded::Unfetched(Unfetched::Missing { .. }))));
}

#[test]
fn what_cannot_be_played_is_told_with_its_reason_and_not_tried_again_at_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("text.wav"), "this is no sound").unwrap();
    let loader = of_disk(folder.path(), Settings::default());
    let now = Instant::now();
    let wrong = Unloaded::from(Unplayable::Unknown { name: "text".into() });
    assert_eq!(get(&loader, "text", PCMU, now).unwrap_err(), wrong);

    fs::write(folder.path().join("text.wav"), wav(1600)).unwrap();
    assert_eq!(get(&loader, "text", PCMU, now).unwrap_err(), wrong);
    assert_eq!(get(&loader, "text", PCMU, now + Settings::default().fresh).unwrap().frames(), 10);

    let none = Unfetched::NoSuchScheme { name: "ftp://x/y.wav".into(), scheme: "ftp".into() };
    assert_eq!(get(&loader, "ftp://x/y.wav", PCMU, now).unwrap_err(), none.into());
    let none = Unloaded::NoEncoder { name: "text".into(), codec: "G729" };
    assert_eq!(get(&loader, "text", Form::Payload(Kind::G729), now).unwrap_err(), none);
}

/// A source that waits until the test lets it go, and counts.
struct Held {
    gate: Mutex<Receiver<()>>,
    asked: std::sync::atomic::AtomicUsize,
}

impl Fetch for Held {
    fn fetch(&self, name: &str, _: Option<&Version>, _: &Bounds) -> Result<Fetched, Unfetched> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.gate.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        assert!(!name.ends_with("panic"), "this source breaks");
        Ok(Fetched::Bytes { bytes: wav(160), version: Version("1".into()) })
    }
}

#[test]
fn a_slow_place_delays_no_file_of_this_machine_and_is_asked_once_for_all() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.wav"), wav(160)).unwrap();
    let (open, gate) = channel();
    let held = Arc::new(Held { gate: Mutex::new(gate), asked: Default::default() });
    let remote: HashMap<String, Arc<dyn Fetch>> = HashMap::from([("http".into(), Arc::clone(&held) as Arc<dyn Fetch>)]);
    let settings = Settings { remote_threads: 1, queue: 1, waiting: 100, ..Settings::default() };
    let loader = Loader::start(settings, Arc::new(Disk::new(vec![folder.path().into()])), remote).unwrap();
    let now = Instant::now();

    let all: Vec<_> = (0..101).map(|_| ask(&loader, "http://slow/a.wav", PCMU, now)).collect();
    assert_eq!(get(&loader, "a", PCMU, now).unwrap().frames(), 1);
    let busy = Unloaded::Busy { name: "http://slow/a.wav".into() };
    assert_eq!(all[100].recv_timeout(PATIENCE).unwrap().unwrap_err(), busy);
    open.send(()).unwrap();
    for heard in &all[..100] {
        assert_eq!(heard.recv_timeout(PATIENCE).unwrap().unwrap().frames(), 1);
    }
    assert_eq!(held.asked.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(loader.standing().refused, 1);

    open.send(()).unwrap();
    let broken = get(&loader, "http://slow/panic", PCMU, now).unwrap_err();
    assert!(matches!(broken, Unloaded::Unplayable(Unplayable::Damaged { .. })), "{broken:?}");
    open.send(()).unwrap();
    assert!(get(&loader, "http://slow/b.wav", PCMU, now).is_ok_and(|sound| sound.frames() == 1), "the thread lives on");
}

#[test]
fn the_kept_sounds_stay_within_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..20 {
        fs::write(folder.path().join(format!("{number}.wav")), wav(8000)).unwrap();
    }
    let loader = of_disk(folder.path(), Settings { cache: 50_000, ..Settings::default() });
    let now = Instant::now();
    for number in 0..20 {
        get(&loader, &number.to_string(), PCMU, now).unwrap();
    }
    let standing = loader.standing();
    assert!(standing.bytes <= 50_000 && standing.kept == 5, "{standing:?}");
    let playing: Vec<_> = (0..5).map(|number| get(&loader, &number.to_string(), PCMU, now).unwrap()).collect();
    assert_eq!(get(&loader, "5", PCMU, now).unwrap_err(), Unloaded::NoRoom { name: "5".into() });
    assert_eq!(playing.len(), 5);
}
