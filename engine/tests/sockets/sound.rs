//! Sound reaches the desk of a shard: what its ports tell, and prompts that are ready, on the shard's own thread.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use patchcord_engine::runtime::{Desk, NotAsked, PromptTicket, Runtime, Sound, SoundRules, Wire};
use patchcord_media::codec::Kind;
use patchcord_media::dtmf::Key;
use patchcord_media::frame::Rate;
use patchcord_media::prompt::{self, Disk, Form, Loaded, Loader, Loudness, Unfetched, Unloaded, Wish};
use patchcord_media::recording::wav_of;
use patchcord_media::shard::{Keys, Notice, Open, Order, Plane, PortId, Settings as PlaneSettings, Terms, Weight};
use patchcord_sip::hop::{FlowId, Hop};
use patchcord_sip::message::{Draft, Name};
use patchcord_sip::transaction::Heard;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::net::Phone;
use crate::support::{options, settings, within};

/// What the desk tells the test, and the thread on which it heard it.
type Note = (String, What);

#[derive(Debug)]
enum What {
    /// A port is open there.
    Opened(PortId, SocketAddr),
    Notice(Notice),
    Asked(Result<PromptTicket, NotAsked>),
    Prompt(PromptTicket, Loaded),
}

/// Opens a port for each request, or asks for the prompt that `X-Prompt` names.
struct Ear(mpsc::UnboundedSender<Note>);

impl Ear {
    fn note(&self, what: What) {
        let thread = std::thread::current().name().expect("shards have names").to_owned();
        // A test that has seen enough does not listen any more.
        let _unheard = self.0.send((thread, what));
    }

    fn open(&self, hop: &Hop, wire: &Wire<'_>) {
        let address = wire.sound_on(hop).bind;
        let open = Open { address, listener: wire.listener(), reports: false, weight: Weight::PASSING, beside: None };
        let plane = wire.plane().expect("there is sound");
        let opened = plane.open(&open).expect("a port");
        plane.order(opened.port, Order::Tune(Box::new(terms()))).expect("it is taken");
        self.note(What::Opened(opened.port, SocketAddr::new([127, 0, 0, 1].into(), opened.rtp.port())));
    }
}

fn terms() -> Terms {
    let keys_in = Some(Keys { payload_type: 101, clock_hz: 8000 });
    Terms { keys_in, mux: true, ..Terms::plain(Kind::Pcma, 8) }
}

impl Desk for Ear {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        let Heard::Request { id, request, hop } = heard else { return };
        match request.get(Name::Other("X-Prompt")) {
            Some(name) => {
                let wish = Wish { name: name.into(), loudness: Loudness::AsRecorded, form: Form::Payload(Kind::Pcma) };
                // What came of it must not be told before this is.
                let asked = wire.load(wish);
                self.note(What::Asked(asked));
            }
            None => self.open(&hop, wire),
        }
        let reply = Draft::reply(&request, hop.peer, 200).to_tag("3").finish();
        wire.respond(id, 200, reply);
    }

    fn hear_sound(&mut self, notice: Notice, _: &mut Wire<'_>) {
        self.note(What::Notice(notice));
    }

    fn hear_prompt(&mut self, ticket: PromptTicket, loaded: Loaded, _: &mut Wire<'_>) {
        self.note(What::Prompt(ticket, loaded));
    }

    fn flow_closed(&mut self, _: FlowId, _: &mut Wire<'_>) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn wake(&mut self, _: &mut Wire<'_>) {}
}

struct House {
    runtime: Runtime,
    plane: Plane,
    notes: mpsc::UnboundedReceiver<Note>,
    folder: TempDir,
}

pub fn plane(shards: usize) -> (Plane, Vec<patchcord_media::shard::Notices>) {
    let settings =
        PlaneSettings { threads: 1, pinned: false, ahead: false, listeners: shards, ..PlaneSettings::default() };
    Plane::start(&settings).expect("a plane")
}

pub fn loader(folder: &Path) -> Arc<Loader> {
    let disk = Arc::new(Disk::new(vec![folder.to_owned()]));
    Arc::new(Loader::start(prompt::Settings::default(), disk, HashMap::new()).expect("threads"))
}

impl House {
    fn open(shards: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings(&["udp:127.0.0.1:0"], &folder);
        settings.shards = shards;
        let (plane, notices) = plane(shards);
        let sound = Sound {
            plane: plane.clone(),
            notices,
            loader: loader(folder.path()),
            recordings: None,
            rules: SoundRules::default(),
        };
        let (tell, notes) = mpsc::unbounded_channel();
        let desks = move |_| -> Box<dyn Desk> { Box::new(Ear(tell.clone())) };
        let runtime = Runtime::start_with(settings, Some(sound), desks).expect("it starts");
        Self { runtime, plane, notes, folder }
    }

    async fn phone(&self) -> Phone {
        Phone::to(self.runtime.bound()[0].addr).await
    }

    /// The next thing told that is picked, and on which thread.
    async fn told<T>(&mut self, mut pick: impl FnMut(What) -> Option<T>) -> (String, T) {
        within(async {
            loop {
                let (thread, what) = self.notes.recv().await.expect("the desks live");
                if let Some(picked) = pick(what) {
                    return (thread, picked);
                }
            }
        })
        .await
    }

    /// What came of a prompt of this name, after it was asked for.
    async fn prompt(&mut self, phone: &Phone, call_id: &str, name: &str) -> Loaded {
        let asking = options(call_id).replace("Content-Length", &format!("X-Prompt: {name}\r\nContent-Length"));
        phone.ask(asking).await;
        let (thread, asked) = self
            .told(|what| match what {
                What::Asked(asked) => Some(asked.expect("there is room")),
                What::Prompt(..) => panic!("told while it was being asked for"),
                _ => None,
            })
            .await;
        let (heard, loaded) = self
            .told(|what| match what {
                What::Prompt(ticket, loaded) if ticket == asked => Some(loaded),
                _ => None,
            })
            .await;
        assert_eq!(heard, thread, "the desk that asked is the desk that hears");
        loaded
    }
}

/// A press of a key as RFC 4733 writes it: three packets while it is held, three that end it.
fn press(key: u8, to: SocketAddr) {
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for (number, (duration, end)) in
        [(160, 0), (320, 0), (480, 0), (640, 0x80), (640, 0x80), (640, 0x80)].into_iter().enumerate()
    {
        let marker = if number == 0 { 0x80 } else { 0 };
        let mut packet = vec![0x80, 101 | marker, 0, number as u8, 0, 0, 0x10, 0, 1, 2, 3, 4, key, end | 10];
        packet.extend(u16::to_be_bytes(duration));
        phone.send_to(&packet, to).expect("sent");
    }
}

/// 60 ms of a wave, as a file.
fn wave() -> Vec<u8> {
    wav_of(Rate::Narrow, &(0..480).map(|n| n % 8 * 1000).collect::<Vec<_>>())
}

#[tokio::test]
async fn a_key_is_heard_on_the_thread_of_its_call() {
    let mut house = House::open(2);
    let phone = house.phone().await;
    let mut ports: HashMap<String, (PortId, SocketAddr)> = HashMap::new();
    // Call-IDs are spread by chance; before long both shards have a call.
    for number in 0.. {
        phone.ask(options(&format!("call{number}"))).await;
        let opened = |what| if let What::Opened(port, at) = what { Some((port, at)) } else { None };
        let (thread, opened) = house.told(opened).await;
        ports.insert(thread, opened);
        if ports.len() == 2 {
            break;
        }
    }
    for (key, (thread, (port, at))) in ports.into_iter().enumerate() {
        press(key as u8, at);
        let pressed = |what| match what {
            What::Notice(Notice::Key(port, press)) => Some((port, press)),
            _ => None,
        };
        let (heard, (told, press)) = house.told(pressed).await;
        assert_eq!((heard, told, press.key), (thread, port, Key::of_event(key as u8).expect("a key")));
    }
}

#[tokio::test]
async fn a_prompt_from_disk_reaches_the_desk_that_asked() {
    let mut house = House::open(1);
    let phone = house.phone().await;
    fs::write(house.folder.path().join("welcome.wav"), wave()).expect("written");

    let sound = house.prompt(&phone, "first", "welcome").await.expect("it is there");
    assert_eq!((sound.duration(), sound.form()), (Duration::from_millis(60), Form::Payload(Kind::Pcma)));
    // Now it is known, and still told afterwards.
    let again = house.prompt(&phone, "again", "welcome").await.expect("it is kept");
    assert!(Arc::ptr_eq(&sound, &again), "one sound for all who play it");
}

#[tokio::test]
async fn a_prompt_that_is_not_there_is_told_by_its_name() {
    let mut house = House::open(1);
    let phone = house.phone().await;
    let missing = house.prompt(&phone, "missing", "goodbye").await.expect_err("nobody recorded it");
    assert!(matches!(&missing, Unloaded::Unfetched(Unfetched::Missing { .. })), "{missing:?}");
    assert!(missing.to_string().starts_with("goodbye is not there"), "{missing}");
}

#[tokio::test]
async fn ports_outlive_the_shards_until_the_plane_is_stopped() {
    let mut house = House::open(1);
    house.phone().await.ask(options("call")).await;
    let opened = |what| if let What::Opened(port, _) = what { Some(port) } else { None };
    let (_, port) = house.told(opened).await;
    let House { runtime, plane, .. } = house;
    drop(runtime);
    plane.order(port, Order::Stop).expect("the port still lives");
    plane.stop();
    assert_eq!(plane.tally().ports, 0);
}

/// A desk that does not listen.
struct Deaf(Ear);

impl Desk for Deaf {
    fn hear(&mut self, heard: Heard, wire: &mut Wire<'_>) {
        self.0.hear(heard, wire);
    }

    fn flow_closed(&mut self, _: FlowId, _: &mut Wire<'_>) {}

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn wake(&mut self, _: &mut Wire<'_>) {}
}

#[tokio::test]
async fn what_a_desk_does_not_listen_to_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (plane, notices) = plane(1);
    let sound = Sound { plane, notices, loader: loader(folder.path()), recordings: None, rules: SoundRules::default() };
    let (tell, mut notes) = mpsc::unbounded_channel();
    let desks = move |_| -> Box<dyn Desk> { Box::new(Deaf(Ear(tell.clone()))) };
    let runtime = Runtime::start_with(settings(&["udp:127.0.0.1:0"], &folder), Some(sound), desks).expect("it starts");
    let phone = Phone::to(runtime.bound()[0].addr).await;
    phone.ask(options("call")).await;
    let Some((_, What::Opened(_, at))) = within(notes.recv()).await else { panic!("a port is opened") };
    press(5, at);
    phone.ask(options("prompt").replace("Content-Length", "X-Prompt: none\r\nContent-Length")).await;
    within(async {
        while runtime.stats().unheard_notices == 0 || runtime.stats().unheard_prompts == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn without_sound_there_is_no_plane_and_prompts_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (tell, mut notes) = mpsc::unbounded_channel();
    let desks = move |_| -> Box<dyn Desk> { Box::new(Ear(tell.clone())) };
    let runtime = Runtime::start(settings(&["udp:127.0.0.1:0"], &folder), desks).expect("it starts");
    let phone = Phone::to(runtime.bound()[0].addr).await;
    phone.ask(options("prompt").replace("Content-Length", "X-Prompt: none\r\nContent-Length")).await;
    let told = within(notes.recv()).await;
    assert!(matches!(told, Some((_, What::Asked(Err(NotAsked::NoSound))))), "{told:?}");
}
