//! A plane, its notices, and parties that speak and listen at the pace of real time.

use std::net::UdpSocket;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use patchcord_media::codec::Kind;
use patchcord_media::frame::FRAME;
use patchcord_media::shard::clock::now;
use patchcord_media::shard::rank;
use patchcord_media::shard::{Notice, Notices, Open, Opened, Order, Plane, PortId, Settings, Terms, Weight};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::ears::AUDIBLE_DB;
use super::party::Party;

/// Longer than anything here takes, also on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub struct Stage {
    pub plane: Plane,
    pub notices: Notices,
    pub told: Vec<Notice>,
    pub parties: Vec<Party>,
    /// What each port is expected to cost.
    pub weight: Weight,
    /// How late somebody spoke, at the worst.
    latest: Duration,
}

/// Who speaks later than that is not on time: a slot of the plane.
const LATE: Duration = Duration::from_millis(5);

/// How often a scene is played for the machine to let everybody be on time.
const GOES: usize = 4;

/// Plays a scene until the machine has let everybody be on time, a few times at most: what is judged is the plane.
pub fn undisturbed(scene: impl Fn() -> Stage) -> Stage {
    (1..GOES).map(|_| scene()).find(Stage::was_on_time).unwrap_or_else(scene)
}

impl Stage {
    /// A plane of so many threads and nobody on it.
    pub fn of_threads(threads: usize) -> Self {
        let settings = Settings { threads, pinned: false, ..Settings::default() };
        let (plane, mut notices) = Plane::start(&settings).expect("a plane");
        let notices = notices.pop().expect("a listener");
        Self { plane, notices, told: Vec::new(), parties: Vec::new(), weight: Weight::PASSING, latest: Duration::ZERO }
    }

    /// A plane of one thread.
    pub fn new() -> Self {
        Self::of_threads(1)
    }

    /// Opens a port and puts nobody at it.
    pub fn open(&self, beside: Option<usize>) -> Opened {
        self.open_at("127.0.0.1", beside)
    }

    fn open_at(&self, address: &str, beside: Option<usize>) -> Opened {
        let beside = beside.map(|party| self.parties[party].port);
        let address = address.parse().expect("an address");
        let open = Open { address, listener: 0, reports: true, weight: self.weight, beside };
        self.plane.open(&open).expect("a port")
    }

    /// A party at a port of its own, tuned to its codec.
    pub fn party(&mut self, name: &'static str, kind: Kind, hz: f64) -> usize {
        self.party_at("127.0.0.1", name, kind, hz)
    }

    /// The same, at this address.
    pub fn party_at(&mut self, address: &str, name: &'static str, kind: Kind, hz: f64) -> usize {
        let opened = self.open_at(address, None);
        let socket = UdpSocket::bind((opened.rtp.ip(), 0)).expect("a socket");
        socket.set_nonblocking(true).expect("a socket that does not block");
        let party = Party::new(name, kind, hz, socket, opened.port, opened.rtp);
        self.order(opened.port, Order::Tune(Box::new(terms(&party))));
        self.parties.push(party);
        self.parties.len() - 1
    }

    /// Gives an order that must be taken.
    pub fn order(&self, port: PortId, order: Order) {
        self.plane.order(port, order).expect("an order that is taken");
    }

    /// Lets two parties hear each other.
    pub fn bridge(&self, one: usize, other: usize) {
        self.order(self.parties[one].port, Order::Bridge(self.parties[other].port));
    }

    /// Lets everybody speak and listen for so long.
    pub fn run(&mut self, duration: Duration) {
        // Where the system lets them, the media threads and this one run ahead of whatever else the machine does: what
        // is judged here is the plane, not the machine. Elsewhere they run like any other. What is computed of it afterwards
        // is computed like anything else, or it would keep the threads of another test waiting.
        let _ = rank::go_ahead();
        let start = now();
        let frames = (duration.as_millis() / FRAME.as_millis()) as u32;
        for frame in 0..frames {
            let due = start + FRAME * frame;
            self.listen_until(due);
            self.latest = self.latest.max(now().saturating_duration_since(due));
            self.parties.iter_mut().for_each(|party| party.speak(now()));
        }
        self.listen_until(start + FRAME * frames);
        let _ = rank::fall_back();
    }

    /// Whether everybody spoke when it was due, and the plane let nothing go.
    pub fn was_on_time(&self) -> bool {
        self.latest < LATE && self.plane.tally().overruns == 0
    }

    /// Lets everybody listen until then.
    pub fn listen_until(&mut self, until: Instant) {
        loop {
            let left = until.saturating_duration_since(now());
            self.wait(left);
            let came = now();
            self.parties.iter_mut().for_each(|party| party.listen(came));
            self.hear_notices();
            if left.is_zero() {
                return;
            }
        }
    }

    /// Waits until something came, or for so long.
    fn wait(&self, longest: Duration) {
        let sockets = self.parties.iter().map(|party| party.socket.as_fd());
        let all = sockets.chain([self.notices.as_fd()]);
        let mut descriptors: Vec<_> =
            all.map(|fd: BorrowedFd<'_>| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        let timeout = Timespec { tv_sec: longest.as_secs() as i64, tv_nsec: longest.subsec_nanos().into() };
        poll(&mut descriptors, Some(&timeout)).expect("descriptors to wait on");
    }

    fn hear_notices(&mut self) {
        self.notices.hush();
        while let Some(notice) = self.notices.take() {
            self.told.push(notice);
        }
    }

    /// Waits until a notice comes that fits, and gives it back.
    pub fn notice(&mut self, what: &str, fits: impl Fn(&Notice) -> bool) -> Notice {
        let deadline = now() + PATIENCE;
        loop {
            if let Some(at) = self.told.iter().position(&fits) {
                return self.told.remove(at);
            }
            assert!(now() < deadline, "no notice that {what}; told were {:?}", self.told);
            self.wait(Duration::from_millis(100));
            // What came is taken out: a socket that stays readable would make this thread spin before the media threads.
            self.parties.iter_mut().for_each(|party| party.listen(now()));
            self.hear_notices();
        }
    }

    /// Everybody goes on speaking until it is so.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = now() + PATIENCE;
        while !is_so(self) {
            assert!(now() < deadline, "it never came about that {what}");
            self.run(FRAME);
        }
    }

    /// Forgets what was said and heard until now.
    pub fn forget(&mut self) {
        self.parties.iter_mut().for_each(Party::forget);
    }

    /// Whom a party hears.
    pub fn hears(&self, listener: usize) -> Vec<&'static str> {
        let listener = &self.parties[listener];
        let sound = listener.sound();
        let is_heard = |party: &&Party| super::ears::level_db(&sound, listener.kind.rate(), party.hz) > AUDIBLE_DB;
        self.parties.iter().filter(is_heard).map(|party| party.name).collect()
    }

    /// Everybody's notices and counters when the threads have ended.
    pub fn stop(mut self) -> Vec<Notice> {
        self.plane.stop();
        self.hear_notices();
        self.told
    }
}

/// The terms under which this party speaks and listens.
pub fn terms(party: &Party) -> Terms {
    Terms { remote: party.socket.local_addr().ok(), ..Terms::plain(party.kind, party.payload_type) }
}
