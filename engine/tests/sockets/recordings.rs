//! Calls are recorded into files, and the files are judged by their sound: who is on which channel, and for how long.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use patchcord_engine::call::verb::{Play, Record};
use patchcord_engine::call::{LegId, Verb};
use patchcord_engine::exchange::{Exchange, RecordingRules, Written};
use patchcord_engine::journal::{Entry, What};
use patchcord_engine::program::{End, Program, Step, VerbId, Wake};
use patchcord_engine::routing::{Digests, Origin, PlanSettings, RegistrarRules, Route, Source, Target};
use patchcord_engine::runtime::{Desk, Recordings, Runtime, Sound, SoundRules, clock};
use patchcord_engine::switchboard::Switchboard;
use patchcord_lab::{Handset, Hearing, Keypad, Lab, eventually};
use patchcord_media::dtmf::Key;
use patchcord_media::recording::Writer;
use tempfile::TempDir;

use crate::sound::{loader, plane};
use crate::support::{settings, within};

/// Long enough for ears to tell who speaks.
const A_WHILE: Duration = Duration::from_millis(600);

/// Verbs one after the other, whatever comes of them.
struct Story {
    verbs: std::vec::IntoIter<Verb>,
    told: u64,
}

impl Program for Story {
    fn resume(&mut self, wake: Wake) -> Step {
        match wake {
            Wake::Heard(_) => return Step::Waits,
            Wake::Gone => return Step::Finished(End::Told),
            Wake::Begin(_) | Wake::Occasion(_) | Wake::Result(..) | Wake::Breathed { .. } => {}
        }
        self.told += 1;
        self.verbs.next().map_or(Step::Finished(End::Told), |verb| Step::Wants(VerbId(self.told), verb))
    }
}

fn message() -> Record {
    Record {
        max: Duration::from_secs(60),
        silence: None,
        end: Vec::new(),
        beep: false,
        min: Duration::ZERO,
        format: None,
        both: false,
    }
}

/// What answers, by its name.
const SERVICES: [&str; 8] = ["within", "second", "opus", "pause", "key", "both", "echo", "talk"];

fn service(name: &str) -> Option<Box<dyn Program>> {
    let leg = LegId::FIRST;
    let milliwatt = Play { prompts: vec!["tone::milliwatt".into()], loops: 0, ..Play::default() };
    let second = Record { max: Duration::from_secs(1), ..message() };
    let verbs = match name {
        "second" => vec![Verb::Record(leg, second)],
        "opus" => vec![Verb::Record(leg, Record { format: Some("opus".into()), ..second })],
        "pause" => vec![Verb::Record(leg, Record { silence: Some(A_WHILE), ..message() })],
        "key" => vec![Verb::Record(leg, Record { end: vec![Key::of_char('#').expect("a key")], ..message() })],
        "both" => vec![Verb::StartRecord(leg, Record { both: true, ..message() }), Verb::Play(leg, milliwatt)],
        "within" => vec![Verb::StartRecord(leg, message()), Verb::Record(leg, second), Verb::Echo(leg)],
        "talk" => vec![Verb::StartRecord(leg, Record { both: true, ..message() }), Verb::Echo(leg)],
        "echo" => vec![Verb::Record(leg, second), Verb::Echo(leg)],
        _ => return None,
    };
    let verbs = [vec![Verb::Answer(leg)], verbs].concat().into_iter();
    Some(Box::new(Story { verbs, told: 0 }))
}

/// What a call left behind.
struct Left {
    files: Vec<Box<str>>,
    entries: Vec<Entry>,
}

impl Left {
    /// Its only file.
    fn file(&self) -> &str {
        let [file] = &self.files[..] else { panic!("one file and not {:?}", self.files) };
        file
    }

    /// What the verbs that had a length came to: the status, and the file where it was kept.
    fn recorded(&self) -> Vec<(&str, Option<&str>)> {
        let results = self.entries.iter().filter_map(|entry| match &entry.what {
            What::Result { status, facts, .. } if facts.get("ms").is_some() => Some((&**status, facts.get("file"))),
            _ => None,
        });
        results.collect()
    }

    /// What was heard of that name.
    fn heard(&self, name: &str) -> Vec<&str> {
        let heard = self.entries.iter().filter_map(|entry| match &entry.what {
            What::Heard { event, facts, .. } if event == name => facts.iter().next().map(|(_, said)| said),
            _ => None,
        });
        heard.collect()
    }
}

/// A server whose calls are answered by these services, and a caller.
struct House {
    runtime: Runtime,
    board: Arc<Switchboard>,
    folder: TempDir,
    lab: Lab,
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("kept")).expect("a folder for recordings");
        let board = Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], clock::now());
        let board = Arc::new(board);
        let route = |name: &str| Route {
            number: name.parse().expect("a name"),
            from: vec![Source::Anyone],
            target: Target::Service(name.into()),
            rewrite: None,
            origin: Origin::File,
        };
        let plan = PlanSettings { routes: SERVICES.map(route).into(), ..PlanSettings::default() };
        board.replan(plan).expect("a plan");
        let writer = Arc::new(Writer::start(1).expect("a thread"));
        let recordings = Some(Recordings { writer, folder: folder.path().join("kept") });
        let (plane, notices) = plane(1);
        let sound = Sound { plane, notices, loader: loader(folder.path()), recordings, rules: SoundRules::default() };
        let desks = board.clone();
        let exchange = move |_| -> Box<dyn Desk> {
            Box::new(Exchange::with_services(desks.clone(), clock::now(), Box::new(service)))
        };
        let runtime = Runtime::start_with(settings(&["udp:127.0.0.1:0"], &folder), Some(sound), exchange);
        Self { runtime: runtime.expect("it starts"), board, folder, lab: Lab::open() }
    }

    async fn calls(&self, service: &str) -> Handset {
        let alice = self.lab.phone("alice");
        alice.dial(&format!("sip:{service}@{}", self.runtime.bound()[0].addr));
        alice.is_answered().await;
        alice
    }

    /// What the call left behind, once it is over.
    async fn left(&self) -> Left {
        let mut entries = Vec::new();
        within(async {
            loop {
                for batch in self.board.clerk.hand_out(64) {
                    entries.extend(batch.entries);
                    if let Some(record) = batch.record.filter(|record| record.outcome.is_some()) {
                        return Left { files: record.recordings, entries };
                    }
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("kept").join(file)
    }

    fn hears(&self, file: &str, channel: usize) -> Hearing {
        self.lab.hears_file(&self.path(file), channel)
    }
}

#[tokio::test]
async fn a_message_is_as_long_as_it_may_be_and_holds_the_caller_alone() {
    let house = House::open();
    let alice = house.calls("second").await;
    alice.is_over().await;

    let left = house.left().await;
    assert_eq!(left.recorded(), [("kept", Some(left.file()))]);
    let heard = house.hears(left.file(), 0);
    assert_eq!(heard.duration(), Duration::from_secs(1));
    assert_eq!(heard.voices(), [&alice]);
    let (day, name) = left.file().split_once('/').expect("a folder for each day");
    assert!(day.len() == 10 && name.ends_with("-0-1.wav"), "{day} {name}");
    assert!(house.path(&format!("{}.peaks", left.file())).is_file(), "its picture lies beside it");
}

#[tokio::test]
async fn a_message_may_be_written_as_opus() {
    let house = House::open();
    house.calls("opus").await.is_over().await;
    let left = house.left().await;
    assert_eq!(left.recorded(), [("kept", Some(left.file()))]);
    let bytes = std::fs::read(house.path(left.file())).expect("a file");
    assert!(left.file().ends_with(".opus") && bytes.starts_with(b"OggS"), "{}", left.file());
}

#[tokio::test]
async fn who_says_nothing_more_has_left_a_message_and_who_said_nothing_has_not() {
    let house = House::open();
    let alice = house.calls("pause").await;
    alice.listens(A_WHILE).await;
    alice.falls_silent();
    alice.is_over().await;
    let left = house.left().await;
    assert_eq!((left.recorded(), left.heard("silence").len()), (vec![("kept", Some(left.file()))], 0));
    assert_eq!(house.hears(left.file(), 0).voices(), [&alice]);

    let mute = house.lab.phone("mute");
    mute.falls_silent();
    mute.dial(&format!("sip:pause@{}", house.runtime.bound()[0].addr));
    mute.is_over().await;
    let left = house.left().await;
    assert_eq!(left.recorded(), [("silence", None)]);
    assert!(left.files.is_empty(), "what was thrown away is not in the record: {:?}", left.files);
    let thrown = left.heard("recording thrown away");
    let [file] = thrown[..] else { panic!("one file and not {thrown:?}") };
    let peaks = house.path(&format!("{file}.peaks"));
    eventually("nothing of it is kept", async || (!house.path(file).exists() && !peaks.exists()).then_some(())).await;
}

#[tokio::test]
async fn a_key_ends_a_message() {
    let house = House::open();
    let alice = house.calls("key").await;
    alice.listens(A_WHILE).await;
    // By INFO, which is over when it is said: a key in the sound would outlive the call that it ends.
    alice.press_by(Keypad::InfoPlain, "#").await;
    alice.is_over().await;
    let left = house.left().await;
    assert_eq!(left.recorded(), [("kept", Some(left.file()))]);
    assert_eq!(house.hears(left.file(), 0).voices(), [&alice]);
}

#[tokio::test]
async fn both_sides_have_their_channel_and_the_file_is_kept_when_the_caller_goes() {
    let house = House::open();
    let alice = house.calls("both").await;
    alice.listens(A_WHILE).await;
    alice.hangs_up().await;
    let left = house.left().await;
    assert_eq!(left.heard("recorded"), [left.file()]);
    let (heard, said) = (house.hears(left.file(), 0), house.hears(left.file(), 1));
    assert_eq!(heard.voices(), [&alice]);
    assert!(heard.tone(1004.0) < -40.0, "the party does not say the tone: {}", heard.tone(1004.0));
    assert!(said.voices().is_empty(), "what it hears is not what it says");
    assert!(said.tone(1004.0) > -13.0, "it hears the tone: {}", said.tone(1004.0));
}

#[tokio::test]
async fn a_message_within_a_recorded_call_cuts_nothing_off() {
    let house = House::open();
    let alice = house.calls("within").await;
    alice.comes_to_hear(&[&alice]).await;
    alice.listens(A_WHILE).await;
    alice.hangs_up().await;
    let left = house.left().await;
    let [whole, message] = &left.files[..] else { panic!("two files and not {:?}", left.files) };
    assert_eq!(left.heard("recorded"), [&**message, &**whole]);
    let (whole, message) = (house.hears(whole, 0), house.hears(message, 0));
    assert_eq!(message.duration(), Duration::from_secs(1));
    assert!(whole.duration() > message.duration() + A_WHILE, "{:?}", whole.duration());
    assert_eq!((whole.voices(), message.voices()), (vec![alice.voice().clone()], vec![alice.voice().clone()]));
}

#[tokio::test]
async fn a_disk_that_keeps_nothing_ends_the_recording_and_not_the_call() {
    let house = House::open();
    std::fs::remove_dir(house.path("")).expect("it was empty");
    let alice = house.calls("echo").await;
    alice.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    let left = house.left().await;
    assert_eq!(left.recorded(), [("failed", None)]);
    let why = left.heard("not recorded");
    assert!(why[0].starts_with("the file cannot be written: "), "{why:?}");
}

#[tokio::test]
async fn a_recording_is_announced_to_its_party_and_holds_that() {
    let house = House::open();
    house.board.record_by(RecordingRules { announce: Some("tone::880@-12:1500".into()), format: None });
    let alice = house.calls("talk").await;
    let heard = alice.comes_to_hear_sound().await;
    assert!(heard.tone(880.0) > -20.0, "she is told: {}", heard.tone(880.0));
    alice.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    let left = house.left().await;
    let told = left.entries.iter().position(|entry| matches!(entry.what, What::ToldRecorded(_)));
    let recorded = left.entries.iter().position(|entry| matches!(entry.what, What::Recording { .. }));
    assert!(told > recorded && recorded.is_some(), "{:#?}", left.entries);
    let (said, heard) = (house.hears(left.file(), 0), house.hears(left.file(), 1));
    assert_eq!(said.voices(), [&alice]);
    assert!(heard.tone(880.0) > -30.0, "the file holds the announcement: {}", heard.tone(880.0));
}

#[tokio::test]
async fn a_recording_that_names_no_format_is_written_as_the_house_writes() {
    let house = House::open();
    house.board.record_by(RecordingRules { announce: None, format: Some(Written::Opus) });
    house.calls("second").await.is_over().await;
    let left = house.left().await;
    let bytes = std::fs::read(house.path(left.file())).expect("a file");
    assert!(left.file().ends_with(".opus") && bytes.starts_with(b"OggS"), "{}", left.file());
}

#[tokio::test]
async fn words_that_are_nowhere_are_not_said_and_then_nothing_is_recorded() {
    let house = House::open();
    house.board.record_by(RecordingRules { announce: Some("no-such-words".into()), format: None });
    let alice = house.calls("talk").await;
    alice.comes_to_hear(&[&alice]).await;
    alice.hangs_up().await;
    let left = house.left().await;
    let ended = left.entries.iter().any(
        |entry| matches!(&entry.what, What::Heard { event, .. } if event.starts_with("no announcement of the recording")),
    );
    assert!(ended, "{:#?}", left.entries);
}
