//! Handshakes with browsers, on a thread of their own: one costs as much time as a hundred packets of sound, and no sound waits
//! for it.
//!
//! A media thread hands on the datagrams of those who passed a check. What they are answered is sent from here, by the socket
//! that they came to; what comes of it goes back by the ring of commands. Associations stay until their port is closed,
//! because a browser may ask again for what it missed, and says goodbye by them.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::clock::now;
use super::order::{Browser, Command, PortId};
use super::port::Guard;
use super::ring::Ring;
use super::thread::Door;
use crate::browser::association::{Keys, Progress};
use crate::browser::{Association, Failure, Identity};

/// Datagrams and orders that may wait: a few for each of a thousand browsers that come at once. What finds no room is
/// said again by the browser.
const ROOM: usize = 4096;

/// How long a handshake may take from its first datagram.
const LONGEST: Duration = Duration::from_secs(30);

/// How often results are offered again that a media thread had no room for.
const AGAIN: Duration = Duration::from_millis(20);

/// What the thread is told.
pub(super) enum Job {
    /// Somebody is to be met.
    Begin(Box<Meeting>),
    /// A datagram of DTLS came from there.
    Heard(PortId, SocketAddr, Box<[u8]>),
    /// The port is closed.
    End(PortId),
    /// The last one.
    Finish,
}

/// Who is to be met, and where.
pub(super) struct Meeting {
    pub port: PortId,
    /// The thread that reads the socket.
    pub shard: usize,
    pub socket: Arc<UdpSocket>,
    pub browser: Browser,
    /// Where it is.
    pub at: SocketAddr,
}

/// What has come of a handshake.
pub(crate) enum Shaken {
    /// These protect the sound; from the keys is made what protects pictures that go the same way.
    Secured(Box<Guard>, Box<Keys>),
    /// There will be none.
    Failed(Failure),
    /// The browser says goodbye.
    Left,
}

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Handshakes {
    jobs: Arc<Ring<Job>>,
}

impl Handshakes {
    /// Hands a job over; false where too many wait.
    pub(super) fn tell(&self, job: Job) -> bool {
        self.jobs.push(job).is_ok()
    }

    /// Lets the thread end.
    pub(super) fn finish(&self) {
        while self.jobs.push(Job::Finish).is_err() {
            std::thread::yield_now();
        }
    }
}

/// Starts the thread.
///
/// # Errors
/// When the system gives no descriptor or no thread.
pub(super) fn start(identity: Arc<Identity>, doors: Arc<[Arc<Door>]>) -> io::Result<(Handshakes, JoinHandle<()>)> {
    let jobs = Arc::new(Ring::new(ROOM)?);
    let desk = Desk { jobs: Arc::clone(&jobs), doors, identity, shaking: HashMap::new(), unsaid: Vec::new() };
    let thread = std::thread::Builder::new().name("media-dtls".into()).spawn(move || desk.run())?;
    Ok((Handshakes { jobs }, thread))
}

struct Shaking {
    association: Association,
    meeting: Box<Meeting>,
    /// Until when it must be done; `None` when it is.
    due: Option<Instant>,
}

struct Desk {
    jobs: Arc<Ring<Job>>,
    doors: Arc<[Arc<Door>]>,
    identity: Arc<Identity>,
    shaking: HashMap<PortId, Shaking>,
    /// Results that a media thread had no room for.
    unsaid: Vec<(usize, Command)>,
}

impl Desk {
    fn run(mut self) {
        loop {
            let patience = self.patience(now());
            let timeout = patience.map(|patience| Timespec {
                tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: patience.subsec_nanos().into(),
            });
            let bell = PollFd::from_borrowed_fd(self.jobs.bell().as_fd(), PollFlags::IN);
            if let Err(error) = poll(&mut [bell], timeout.as_ref())
                && error != rustix::io::Errno::INTR
            {
                tracing::error!(%error, "the thread that meets browsers cannot wait and ends");
                return;
            }
            self.jobs.bell().hush();
            while let Some(job) = self.jobs.pop() {
                match job {
                    Job::Begin(meeting) => self.begin(meeting),
                    Job::Heard(port, from, datagram) => self.hear(port, from, &datagram),
                    Job::End(port) => self.end(port),
                    Job::Finish => return,
                }
            }
            self.wake_all(now());
            self.say_again();
        }
    }

    /// How long it may sleep; `None`: until somebody comes.
    fn patience(&self, now: Instant) -> Option<Duration> {
        let open = self.shaking.values().filter_map(|shaking| shaking.due.map(|due| (due, &shaking.association)));
        let first = open.map(|(due, association)| association.deadline().map_or(due, |wake| wake.min(due))).min();
        let patience = first.map(|first| first.saturating_duration_since(now));
        if self.unsaid.is_empty() { patience } else { Some(patience.map_or(AGAIN, |patience| patience.min(AGAIN))) }
    }

    fn begin(&mut self, meeting: Box<Meeting>) {
        let began = now();
        let prints = meeting.browser.fingerprints.clone();
        match Association::new(&self.identity, meeting.browser.role, prints, began) {
            Ok(association) => {
                let port = meeting.port;
                self.shaking.insert(port, Shaking { association, meeting, due: Some(began + LONGEST) });
                self.send(port);
            }
            Err(failure) => self.say(meeting.port, meeting.shard, Shaken::Failed(failure)),
        }
    }

    fn hear(&mut self, port: PortId, from: SocketAddr, datagram: &[u8]) {
        let Some(shaking) = self.shaking.get_mut(&port) else { return };
        shaking.meeting.at = from;
        let shard = shaking.meeting.shard;
        let came = shaking.association.hear(datagram, now());
        self.send(port);
        match came {
            Ok(Progress::Waits) => {}
            Ok(Progress::Secured(keys)) => {
                self.settle(port);
                self.say(port, shard, Shaken::Secured(Box::new(Guard::of(&keys)), keys));
            }
            Ok(Progress::Left) => {
                self.shaking.remove(&port);
                self.say(port, shard, Shaken::Left);
            }
            Err(failure) => {
                self.shaking.remove(&port);
                self.say(port, shard, Shaken::Failed(failure));
            }
        }
    }

    fn settle(&mut self, port: PortId) {
        if let Some(shaking) = self.shaking.get_mut(&port) {
            shaking.due = None;
        }
    }

    fn end(&mut self, port: PortId) {
        if let Some(shaking) = self.shaking.get_mut(&port) {
            shaking.association.close(now());
            self.send(port);
            self.shaking.remove(&port);
        }
    }

    /// Says again what was not answered, and gives up on those who take too long.
    fn wake_all(&mut self, now: Instant) {
        let is_due = |shaking: &Shaking| {
            shaking.due.is_some_and(|due| due <= now || shaking.association.deadline().is_some_and(|wake| wake <= now))
        };
        let due: Vec<_> = self.shaking.iter().filter(|(_, shaking)| is_due(shaking)).map(|(port, _)| *port).collect();
        for port in due {
            let Some(shaking) = self.shaking.get_mut(&port) else { continue };
            let shard = shaking.meeting.shard;
            let is_over = shaking.due.is_some_and(|due| due <= now);
            let woken = if is_over { Err(Failure::TooSlow) } else { shaking.association.wake(now) };
            self.send(port);
            if let Err(failure) = woken {
                self.shaking.remove(&port);
                self.say(port, shard, Shaken::Failed(failure));
            }
        }
    }

    /// Sends what an association has to say.
    fn send(&mut self, port: PortId) {
        let Some(shaking) = self.shaking.get_mut(&port) else { return };
        while let Some(datagram) = shaking.association.datagram() {
            // What does not leave is lost, like on the way; it is said again.
            let _ = shaking.meeting.socket.send_to(&datagram, shaking.meeting.at);
        }
    }

    fn say(&mut self, port: PortId, shard: usize, shaken: Shaken) {
        self.unsaid.push((shard, Command::Shaken(port, shaken)));
        self.say_again();
    }

    /// Offers what is left to its thread. It is at most one result for each port, and a goodbye.
    fn say_again(&mut self) {
        for (shard, command) in std::mem::take(&mut self.unsaid) {
            if let Err(command) = self.doors[shard].commands.push(command) {
                self.unsaid.push((shard, command));
            }
        }
    }
}
