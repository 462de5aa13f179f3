//! The house, its phones, and the air between them: whatever happens next happens here, in virtual time.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use patchcord_media::prompt::{self, Disk, Loader, Position};
use patchcord_media::shard::{self, Notice, Order, Plane, Played, PortId};
use patchcord_sip::digest::Credential;

use super::super::{Exchange, Served};
use super::laws::{self, Wrong};
use super::phone::{Deed, Phone};
use super::wild::Wild;
use crate::routing::{Digests, Endpoint, Origin, PlanSettings, RegistrarRules, Route, Source, Target, Trunk};
use crate::runtime::dry::Dry;
use crate::switchboard::Switchboard;

pub const HOUSE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 5060);
pub const PASSWORD: &str = "wonderland";

/// The phones of every town; the last is a carrier's.
pub const NAMES: [&str; 4] = ["alice", "bob", "carol", "carrier"];
pub const ALICE: usize = 0;
pub const BOB: usize = 1;
pub const CAROL: usize = 2;
pub const CARRIER: usize = 3;

/// How long a message is on its way where the weather says nothing else.
pub const FLIGHT: Duration = Duration::from_millis(10);

/// When everybody hangs up what is left.
const CURFEW: Duration = Duration::from_secs(120);

/// When they do so again.
const AGAIN: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(40), Duration::from_secs(300)];

/// By when nothing may be left: a BYE and an INVITE that nobody answers, one after the other, and a session that expires
/// because its end was lost.
const LAST: Duration = Duration::from_secs(2 * 3600);

/// How long a tone is played before it is said to be over.
const TONE: Duration = Duration::from_secs(2);

/// More than any story needs; one that goes on longer never ends.
const MOST_STEPS: u32 = 60_000;

/// A small source of chance (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    pub fn time(&mut self, longest: Duration) -> Duration {
        Duration::from_millis(self.below(longest.as_millis() as u64 + 1))
    }
}

/// What may happen to a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub lost_percent: u64,
    pub twice_percent: u64,
    /// Each takes a time of its own up to this beside [`FLIGHT`], so that later ones overtake earlier ones.
    pub slowest: Duration,
}

impl Weather {
    pub const CALM: Self = Self { lost_percent: 0, twice_percent: 0, slowest: Duration::ZERO };
}

/// In which order happens what is due at the same moment.
pub enum Turns {
    /// By chance.
    Chance,
    /// By this script, and the first where it says nothing; how many could have been chosen each time is kept.
    Script { script: Vec<usize>, widths: Vec<usize> },
}

/// What is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Arrival(u64),
    Phone(usize),
    House,
    Tone(PortId, u64),
}

struct Flight {
    at: Instant,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Bytes,
}

/// What somebody outside does to the house at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// A phone does this at once.
    Phone(usize, Deed),
    /// The server stops.
    Stop,
}

pub struct Town {
    pub now: Instant,
    pub start: Instant,
    pub house: Dry,
    pub board: Arc<Switchboard>,
    pub plane: Plane,
    pub phones: Vec<Phone>,
    pub chance: Chance,
    pub weather: Weather,
    pub turns: Turns,
    /// When everybody hangs up what is left, and nobody begins anything any more.
    pub curfew: Instant,
    /// The steps at which more happened than that the house looked at its clock.
    pub lively: Vec<u32>,
    /// What happens at which step beside the story.
    pub blows: Vec<(u32, Blow)>,
    pub steps: u32,
    pub books: laws::Books,
    air: BTreeMap<u64, Flight>,
    posted: u64,
    tones: Vec<(Instant, PortId, u64)>,
    played: mpsc::Receiver<(PortId, u64)>,
    lines: Vec<String>,
}

/// Prompts are not heard here; one loader is enough for all towns.
static LOADER: LazyLock<Arc<Loader>> = LazyLock::new(|| {
    let disk = Arc::new(Disk::new(vec![std::env::temp_dir()]));
    Arc::new(Loader::start(prompt::Settings::default(), disk, HashMap::new()).expect("threads for prompts"))
});

impl Town {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let start = Instant::now();
        let mut chance = Chance(seed);
        let board = Arc::new(board(start));
        let (told, played) = mpsc::channel();
        let settings = shard::Settings { most_ports: 1000, ..shard::Settings::default() };
        let heard = move |port, order: &Order| {
            if let Order::Play(play) = order {
                let _nobody_listens_at_the_end = told.send((port, play.tag));
            }
        };
        let (plane, notices) = Plane::mute(&settings, heard).expect("a plane");
        let wild = chance.number();
        let services = move |name: &str| -> Option<Served> {
            match name {
                "wild" => Some((Box::new(Wild::of(wild)) as Box<dyn crate::program::Program>).into()),
                name => super::super::built_in(name).map(Served::from),
            }
        };
        let desk = Exchange::with_services(board.clone(), start, Box::new(Named(services)));
        let house = Dry::open(HOUSE, (start, seed), (plane.clone(), notices, LOADER.clone()), Box::new(desk));
        let phones = NAMES.iter().zip(0..).map(|(name, number)| Phone::new(name, number, seed, start)).collect();
        Self {
            now: start,
            start,
            house,
            board,
            plane,
            phones,
            chance,
            weather,
            turns: Turns::Chance,
            curfew: start + CURFEW,
            lively: Vec::new(),
            blows: Vec::new(),
            steps: 0,
            books: laws::Books::default(),
            air: BTreeMap::new(),
            posted: 0,
            tones: Vec::new(),
            played,
            lines: Vec::new(),
        }
    }

    /// Lets the story happen, until nothing is left of it.
    pub fn live(&mut self) -> Wrong {
        let curfew = self.curfew;
        for phone in &mut self.phones {
            phone.will(curfew, Deed::Close);
            // What was under way to it then may have been answered.
            for later in AGAIN {
                phone.will(curfew + later, Deed::HangUpAll);
            }
        }
        while self.step()? {
            self.steps += 1;
            laws::law(self.steps < MOST_STEPS, || "the story never ends".to_owned())?;
            if self.now > curfew && self.is_quiet() {
                break;
            }
        }
        laws::in_the_end(self)
    }

    /// Whether nobody has anything to do any more but to look at the clock.
    fn is_quiet(&mut self) -> bool {
        self.air.is_empty()
            && self.phones.iter().all(|phone| phone.is_deaf() || !phone.talks())
            && self.house.transactions_and_panics().0 <= u64::from(self.phones[CARRIER].is_deaf())
            && self.house.with_desk(|desk: &mut Exchange, _| desk.talks.is_empty())
    }

    /// Goes to the next moment, and does one thing of what is due then. False when nothing is, or the time is over.
    pub fn step(&mut self) -> Result<bool, String> {
        let blows: Vec<_> = self.blows.extract_if(.., |(at, _)| *at == self.steps).collect();
        for (_, blow) in blows {
            self.strike(blow);
        }
        let due = self.due();
        let Some((at, _)) = due.first() else { return Ok(false) };
        self.now = self.now.max(*at);
        if self.now > self.start + LAST {
            return Ok(false);
        }
        let due: Vec<Due> = due.into_iter().filter(|(at, _)| *at <= self.now).map(|(_, due)| due).collect();
        let chosen = match &mut self.turns {
            Turns::Chance => self.chance.below(due.len() as u64) as usize,
            Turns::Script { script, widths } => {
                let chosen = script.get(widths.len()).copied().unwrap_or_default();
                if due.len() > 1 {
                    widths.push(due.len());
                }
                if due.len() > 1 { chosen.min(due.len() - 1) } else { 0 }
            }
        };
        if due[chosen] != Due::House {
            self.lively.push(self.steps);
        }
        self.house.turn(self.now);
        match due[chosen] {
            Due::Arrival(number) => self.arrive(number),
            Due::Phone(phone) => self.phones[phone].wake(self.now),
            Due::House => self.house.wake(),
            Due::Tone(port, tag) => {
                self.tones.retain(|(_, of, with)| (*of, *with) != (port, tag));
                self.house.notice(Notice::Played(port, tag, Played::Ended, Position::default()));
            }
        }
        self.settle()?;
        Ok(true)
    }

    fn strike(&mut self, blow: Blow) {
        self.house.turn(self.now);
        match blow {
            Blow::Phone(phone, deed) => {
                self.write(format_args!("        {} {deed:?}", NAMES[phone]));
                self.phones[phone].will(self.now, deed);
                self.phones[phone].wake(self.now);
            }
            Blow::Stop => {
                self.write(format_args!("        the house stops"));
                self.house.stop();
            }
        }
        let _what_is_wrong_is_seen_at_the_next_step = self.settle();
    }

    /// What is due first, by its time, in an order that only depends on the story.
    fn due(&self) -> Vec<(Instant, Due)> {
        let air = self.air.iter().map(|(number, flight)| (flight.at, Due::Arrival(*number)));
        let phones = self.phones.iter().enumerate().filter_map(|(at, phone)| Some((phone.deadline()?, Due::Phone(at))));
        let house = self.house.deadline().map(|at| (at, Due::House));
        let tones = self.tones.iter().map(|(at, port, tag)| (*at, Due::Tone(*port, *tag)));
        let mut due: Vec<_> = air.chain(phones).chain(house).chain(tones).collect();
        due.sort_by_key(|(at, _)| *at);
        due
    }

    fn arrive(&mut self, number: u64) {
        let Some(flight) = self.air.remove(&number) else { return };
        if flight.to == HOUSE {
            self.books.came(&flight.bytes);
            return self.house.receive(flight.from, flight.bytes);
        }
        if let Some(phone) = self.phones.iter_mut().find(|phone| phone.address == flight.to) {
            phone.receive(flight.bytes, self.now);
        }
    }

    fn settle(&mut self) -> Wrong {
        loop {
            let mut posts: Vec<_> = self.house.sent().into_iter().map(|(to, bytes)| (HOUSE, to, bytes)).collect();
            for (_, _, bytes) in &posts {
                self.books.went(bytes);
            }
            for phone in &mut self.phones {
                let from = phone.address;
                posts.extend(phone.sent(self.now).into_iter().map(|(to, bytes)| (from, to, bytes)));
            }
            while let Ok((port, tag)) = self.played.try_recv() {
                self.tones.push((self.now + TONE, port, tag));
            }
            if posts.is_empty() {
                return laws::at_all_times(self);
            }
            for (from, to, bytes) in posts {
                self.post(from, to, bytes);
            }
        }
    }

    /// A phone says this to the house, whatever its line thinks of that.
    pub fn say(&mut self, phone: usize, text: &str) {
        let from = self.phones[phone].address;
        self.post(from, HOUSE, Bytes::copy_from_slice(text.as_bytes()));
    }

    /// What the house has said to a phone, its first line and CSeq each, in their order.
    pub fn told(&self, phone: usize) -> Vec<&str> {
        let way = format!("   house ─▶ {:<8} ", NAMES[phone]);
        self.lines.iter().filter_map(|line| Some(line.split_once(&way)?.1)).collect()
    }

    fn post(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let lost = self.chance.percent(self.weather.lost_percent);
        let copies = if lost { 0 } else { 1 + u64::from(self.chance.percent(self.weather.twice_percent)) };
        let text = String::from_utf8_lossy(&bytes);
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        let said = if first.starts_with("SIP/2.0") {
            format!("{} ({})", &first[8..], line("CSeq: "))
        } else {
            first.to_owned()
        };
        let fate = ["  ✗ lost", "", "  (twice)"][copies as usize];
        let (who, whom) = (self.name(from), self.name(to));
        self.write(format_args!("{who:>8} ─▶ {whom:<8} {said}{fate}"));
        for _ in 0..copies {
            self.posted += 1;
            let at = self.now + FLIGHT + self.chance.time(self.weather.slowest);
            self.air.insert(self.posted, Flight { at, from, to, bytes: bytes.clone() });
        }
    }

    fn name(&self, address: SocketAddr) -> String {
        match self.phones.iter().find(|phone| phone.address == address) {
            Some(phone) => phone.name.to_owned(),
            None if address == HOUSE => "house".to_owned(),
            None => address.to_string(),
        }
    }

    fn write(&mut self, words: std::fmt::Arguments<'_>) {
        let at = (self.now - self.start).as_secs_f64();
        self.lines.push(format!("{at:>9.3}  {words}"));
    }

    /// Everything that was said, and what became of it.
    pub fn ladder(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let _to_a_string = writeln!(text, "{line}");
        }
        text
    }
}

/// Services by a closure that serves whole ones.
struct Named<F>(F);

impl<F: Fn(&str) -> Option<Served>> super::super::Services for Named<F> {
    fn find(&self, name: &str) -> Option<Served> {
        (self.0)(name)
    }
}

/// Three endpoints with numbers 101 to 103, the wild service at 200, echo at 201, and a carrier for +49.
fn board(start: Instant) -> Switchboard {
    let board = Switchboard::new(None, RegistrarRules::default(), Digests::default(), [7; 32], start);
    let endpoint = |(at, name): (usize, &&str)| Endpoint {
        number: Some(format!("{}", 101 + at).into()),
        ..Endpoint::new(name, Credential::Password(PASSWORD.into()), Origin::Store)
    };
    board.directory.put(NAMES.iter().enumerate().take(CARRIER).map(endpoint).collect()).expect("three endpoints fit");
    let route = |number: &str, target| Route {
        number: number.parse().expect("a number"),
        from: vec![Source::Anyone],
        target,
        rewrite: None,
        origin: Origin::File,
    };
    let routes = vec![
        route("200", Target::Service("wild".into())),
        route("201", Target::Service("echo".into())),
        route("+49301", Target::Endpoints(vec!["alice".into(), "bob".into()])),
        route("+49302", Target::Service("wild".into())),
        route("+49*", Target::Trunks(vec!["carrier".into()])),
    ];
    let trunks = vec![Trunk::new("carrier", vec!["sip:198.51.100.13".into()])];
    board.replan(PlanSettings { routes, trunks, ..PlanSettings::default() }).expect("a plan");
    board
}
