//! A media thread in its steady state allocates nothing, whatever its ports do.
//!
//! Each kind of work runs for a while on threads of its own; then the allocations of the media threads alone are counted
//! while a few thousand packets come and go.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use patchcord_bench::counting::{CountingThreads, count_of_thread};
use patchcord_bench::sound::farm::Farm;
use patchcord_bench::sound::talkers::Talkers;
use patchcord_media::codec::{Kind, Settings as CodecSettings};
use patchcord_media::frame::Rate;
use patchcord_media::mixer::{Gain, Rules};
use patchcord_media::prompt::{Cursor, Item, Loops, Sound};
use patchcord_media::recording::{Format, Layout, Plan, Writer};
use patchcord_media::shard::{
    Keys, Notices, Open, Order, Plane, Play, PortId, Record, RoomOrder, Settings, Speaking, Stand, Terms, Weight,
};

#[global_allocator]
static ALLOCATOR: CountingThreads = CountingThreads;

/// Until everybody is latched and every buffer has its size.
const WARM: Duration = Duration::from_secs(3);
const WATCHED: Duration = Duration::from_secs(2);

/// Four talkers of ten are more than the usual call has at once, and enough for the mixer.
const TALKING_PERCENT: usize = 40;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A plane and a farm that speaks to all its ports.
struct Steady {
    plane: Plane,
    notices: Vec<Notices>,
    farm: Farm,
    ports: Vec<PortId>,
    places: Vec<SocketAddr>,
    weight: Weight,
}

impl Steady {
    fn new(threads: usize, weight: Weight) -> Self {
        let settings = Settings { threads, pinned: false, ahead: false, ..Settings::default() };
        let (plane, notices) = Plane::start(&settings).expect("a plane");
        let farm = Farm::new().expect("a socket");
        Self { plane, notices, farm, ports: Vec::new(), places: Vec::new(), weight }
    }

    /// A leg that is spoken to by this codec, in packets of this length.
    fn leg(&mut self, kind: Kind, packet_ms: u16) -> PortId {
        let open = Open { address: HERE, listener: 0, reports: true, weight: self.weight, beside: None };
        let opened = self.plane.open(&open).expect("a port");
        let speaking =
            Speaking { packet_ms, ..Speaking::new(kind, kind.payload_type().unwrap_or(96), CodecSettings::default()) };
        let terms = Terms {
            remote: self.farm.place().ok(),
            speaking: Some(speaking),
            keys_in: Some(Keys { payload_type: 101, clock_hz: 8000 }),
            silence_after: Some(Duration::from_secs(60)),
            ..Terms::plain(Kind::Pcmu, 0)
        };
        self.order(opened.port, Order::Tune(Box::new(terms)));
        self.ports.push(opened.port);
        self.places.push(opened.rtp);
        opened.port
    }

    fn order(&self, port: PortId, order: Order) {
        self.plane.order(port, order).expect("an order that is taken");
    }

    fn run(&mut self, duration: Duration) {
        self.farm.run(duration).expect("a farm that speaks");
        self.notices.iter_mut().for_each(|notices| while notices.take().is_some() {});
    }

    /// Allocations of the media threads while packets come and go; how many did.
    fn watch(mut self) -> (u64, u64) {
        self.farm.speak_to(self.places.clone(), Kind::Pcmu, Talkers::Percent(TALKING_PERCENT));
        self.run(WARM);
        let counted = |plane: &Plane| {
            let tally = plane.tally();
            (media_threads().map(count_of_thread).sum::<u64>(), tally.packets_in + tally.packets_out)
        };
        let before = counted(&self.plane);
        self.run(WATCHED);
        let after = counted(&self.plane);
        self.plane.stop();
        (after.0 - before.0, after.1 - before.1)
    }
}

/// The numbers of the threads that carry sound.
fn media_threads() -> impl Iterator<Item = u64> {
    let tasks = fs::read_dir("/proc/self/task").expect("the system tells").flatten();
    tasks.filter_map(|task| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        name.starts_with("media-").then(|| task.file_name().to_str()?.parse().ok())?
    })
}

fn tone(rate: Rate) -> Sound {
    let sample = |number: u32| (8000.0 * (0.35 * f64::from(number)).sin()) as i16;
    Sound::of_samples("tone", rate, (0..rate.hz()).map(sample).collect())
}

fn play(sound: Sound, kind: Option<Kind>) -> Play {
    let rate = sound.form().rate();
    let cursor = Cursor::new(vec![Item::Sound(Arc::new(sound))], rate, Loops::Forever).expect("a short list");
    Play { cursor: Box::new(cursor), kind, tag: 0 }
}

#[track_caller]
fn assert_still(what: &str, steady: Steady) {
    let (allocations, packets) = steady.watch();
    assert!(packets > 500, "{what}: {packets} packets are no steady state");
    assert_eq!(allocations, 0, "{what}: allocations among {packets} packets");
}

fn assert_bridges_still(kinds: [Kind; 2], ms: u16) {
    let mut steady = Steady::new(1, Weight::PASSING);
    for _ in 0..4 {
        let [one, other] = kinds.map(|kind| steady.leg(kind, ms));
        steady.order(one, Order::Bridge(other));
    }
    assert_still(&format!("{kinds:?} by {ms} ms"), steady);
}

#[test]
fn bridges_allocate_nothing() {
    assert_bridges_still([Kind::Pcmu, Kind::Pcmu], 20);
    assert_bridges_still([Kind::Pcma, Kind::Pcmu], 20);
}

#[test]
fn bridges_of_two_rates_and_of_opus_allocate_nothing() {
    assert_bridges_still([Kind::G722, Kind::Pcma], 20);
    assert_bridges_still([Kind::Opus, Kind::Pcma], 20);
}

#[test]
fn packets_of_other_lengths_allocate_nothing() {
    assert_bridges_still([Kind::Pcma, Kind::G722], 30);
    assert_bridges_still([Kind::Opus, Kind::Pcma], 60);
}

#[test]
fn prompts_echoes_and_listening_for_tones_allocate_nothing() {
    let mut steady = Steady::new(1, Weight::PASSING);
    for number in 0..8 {
        let port = steady.leg([Kind::Pcmu, Kind::G722][number % 2], 20);
        let order = match number {
            0 => Order::Play(play(tone(Rate::Narrow).encoded(Kind::Pcmu).expect("it is spoken"), Some(Kind::Pcmu))),
            1 => Order::Play(play(tone(Rate::Full), None)),
            2 | 3 => Order::Tones(true),
            _ => Order::Echo,
        };
        steady.order(port, order);
    }
    assert_still("prompts", steady);
}

#[test]
fn rooms_of_all_codecs_allocate_nothing() {
    for threads in [1, 2] {
        let weight = if threads == 1 { Weight::PASSING } else { Weight(100_000) };
        let mut steady = Steady::new(threads, weight);
        let room = steady.plane.open_room(0, Rules::default(), None).expect("a room");
        for number in 0..10 {
            let port = steady.leg([Kind::Pcmu, Kind::Pcma, Kind::G722, Kind::Opus][number % 4], 20);
            steady.order(port, Order::Enter(room));
        }
        steady.run(Duration::from_millis(100));
        let hears = Stand::Hears(steady.ports[1], Gain::NONE);
        (2..6).for_each(|listener| steady.order(steady.ports[listener], Order::Stand(hears)));
        let announce = RoomOrder::Announce(play(tone(Rate::Narrow), None));
        steady.plane.order_room(room, announce).expect("an order that is taken");
        assert_still(&format!("a room on {threads} threads"), steady);
    }
}

#[test]
fn recordings_allocate_nothing_on_the_media_thread() {
    let folder = tempfile::tempdir().expect("a folder");
    let writer = Writer::start(1).expect("a writer");
    let mut steady = Steady::new(1, Weight::PASSING);
    for (number, kinds) in [[Kind::Pcmu; 2], [Kind::Opus, Kind::Pcma]].into_iter().enumerate() {
        let [one, other] = kinds.map(|kind| steady.leg(kind, 20));
        steady.order(one, Order::Bridge(other));
        let path = folder.path().join(format!("{number}.wav"));
        let plan = Plan { layout: Layout::Both, ..Plan::new(path, Format::Pcm16, Rate::Narrow) };
        let (tap, control) = writer.record(plan, Box::new(|_| {})).expect("a recording");
        // It goes on until the port is closed.
        drop(control);
        steady.order(one, Order::Record(Record { tap: Box::new(tap), rate: Rate::Narrow }));
        steady.order(other, Order::Tones(true));
    }
    assert_still("recordings", steady);
}
