//! The face of the media threads: start them, open ports, give orders, read what was counted.
//!
//! Everything that takes time or may fail happens here, on the caller's thread: sockets are opened and bound, numbers
//! drawn, the right thread chosen. A media thread only moves finished things to their places.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::net::sockopt;

use super::counters::{Counters, Tally};
use super::limits;
use super::notice::{NOTICES, News, Notice};
use super::order::{Command, Opening, Order, PortId};
use super::placement::{Placement, Placing, Way, Weight};
use super::rank;
use super::ring::Ring;
use super::thread::{Door, Seat, Shard};
use super::waste::{self, Thing, Waste};

/// Orders that may wait for one thread: a second of a very busy hour.
const ORDERS: usize = 16_384;

/// Numbers that somebody else may have taken before we give up to find a free pair.
const MOST_TRIES: usize = 16;

/// The party's routers are asked to hurry (RFC 4594: Expedited Forwarding).
const EXPEDITED: u8 = 46 << 2;

/// What a socket may hold back: a second of packets, so that a flood costs no more memory than that.
const BACKLOG_BYTES: usize = 64 * 1024;

/// How the threads run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How many threads; [`limits::threads`] knows a good number.
    pub threads: usize,
    /// Whether each stays on a core of its own.
    pub pinned: bool,
    /// Whether they run ahead of ordinary threads where the system allows it.
    pub ahead: bool,
    /// How many listen; a port belongs to one of them.
    pub listeners: usize,
    /// The most ports at a time; [`limits::most_ports`] knows what descriptors allow.
    pub most_ports: usize,
    /// A thread that works this share of its time takes no further port, in thousandths.
    pub most_load_permille: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: limits::threads(),
            pinned: true,
            ahead: true,
            listeners: 1,
            most_ports: limits::most_ports(limits::RESERVE),
            // Above this a burst of packets and a slot's work meet often enough to be heard.
            most_load_permille: 700,
        }
    }
}

/// The threads cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// At least one thread and one listener.
    #[error("a media plane needs a thread and a listener")]
    Empty,
    /// No descriptor, or no thread.
    #[error("the system gives no descriptor or no thread")]
    System(#[from] io::Error),
}

/// A port that is wanted.
#[derive(Debug, Clone)]
pub struct Open {
    /// The address to bind.
    pub address: IpAddr,
    /// Who is told about it.
    pub listener: usize,
    /// Whether reports get a socket of their own.
    pub reports: bool,
    /// What it is expected to cost.
    pub weight: Weight,
    /// A port that it will be bridged with: both live on one thread then, and nobody has to move.
    pub beside: Option<PortId>,
}

/// A port that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Its name.
    pub port: PortId,
    /// Where it hears sound.
    pub rtp: SocketAddr,
    /// Where it hears reports, when not beside the sound.
    pub rtcp: Option<SocketAddr>,
}

/// No port. The call that wanted it is answered 503.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// As many ports are open as descriptors allow.
    #[error("{0} ports are open, and more would leave no descriptors")]
    Full(usize),
    /// Every thread works as much as it may.
    #[error("every media thread is loaded to its limit")]
    Loaded,
    /// No such listener.
    #[error("there is no listener {0}")]
    NoListener(usize),
    /// The thread does not take orders fast enough.
    #[error("a media thread has no room for orders")]
    Busy,
    /// The address has no free pair of numbers, or is not ours.
    #[error("no socket can be bound to {address}")]
    Bind {
        /// The address that was to be bound.
        address: IpAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// An order that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The port is closed, or never was.
    #[error("there is no such port")]
    NoPort,
    /// The thread does not take orders fast enough, or too many wait for a port that is moving.
    #[error("a media thread has no room for orders")]
    Busy,
    /// The other port is on its way to another thread; order again after [`Notice::Moved`].
    #[error("the other port is moving between threads")]
    Moving,
}

/// What the plane and its listeners share.
struct Shared {
    doors: Arc<[Arc<Door>]>,
    placement: Mutex<Placement>,
    listeners: usize,
    most_load_permille: u64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    waste: Waste,
}

/// The face. Clones are the same plane; when the last goes, the threads end.
#[derive(Clone)]
pub struct Plane(Arc<Shared>);

impl Plane {
    /// Starts the threads. Each listener gets its own notices.
    ///
    /// # Errors
    /// When the settings are empty or the system gives no descriptors or threads.
    pub fn start(settings: &Settings) -> Result<(Self, Vec<Notices>), StartError> {
        if settings.threads == 0 || settings.listeners == 0 {
            return Err(StartError::Empty);
        }
        let rings = (0..settings.listeners).map(|_| Ring::new(NOTICES).map(Arc::new));
        let rings = rings.collect::<io::Result<Vec<_>>>()?;
        let doors = (0..settings.threads).map(|_| {
            let commands = Ring::new(ORDERS)?;
            Ok(Arc::new(Door { commands, counters: Counters::default() }))
        });
        let doors: Arc<[_]> = doors.collect::<io::Result<Vec<_>>>()?.into();
        let shared = Self::shared(settings, &doors)?;
        let cores = if settings.pinned { rank::cores()? } else { Vec::new() };
        for number in 0..settings.threads {
            let news = News::new(rings.clone());
            let shard = Shard::new(number, Arc::clone(&doors), news, shared.waste.clone())?;
            // The first core takes most of the interrupts, so the last ones are ours.
            let core = cores.len().checked_sub(1 + number).map(|at| cores[at]);
            let thread = shard.start(Seat { core, ahead: settings.ahead })?;
            lock(&shared.threads).push(thread);
        }
        let notices = rings.into_iter().map(|ring| Notices { ring, shared: Arc::clone(&shared) }).collect();
        Ok((Self(shared), notices))
    }

    fn shared(settings: &Settings, doors: &Arc<[Arc<Door>]>) -> io::Result<Arc<Shared>> {
        let placement = Placement::new(settings.threads, settings.most_ports);
        // The thread that drops is started first and told whom to tell as soon as there is somebody.
        let told: Arc<std::sync::OnceLock<std::sync::Weak<Shared>>> = Arc::default();
        let teller = Arc::clone(&told);
        let (waste, thread) = waste::start(Box::new(move |port| {
            if let Some(shared) = teller.get().and_then(std::sync::Weak::upgrade) {
                lock(&shared.placement).forget(port);
            }
        }))?;
        let shared = Arc::new(Shared {
            doors: Arc::clone(doors),
            placement: Mutex::new(placement),
            listeners: settings.listeners,
            most_load_permille: settings.most_load_permille,
            threads: Mutex::new(vec![thread]),
            waste,
        });
        let _ = told.set(Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Opens a port. It hears nobody until it is tuned.
    ///
    /// # Errors
    /// When there is no room for it; the reason says which.
    pub fn open(&self, wanted: &Open) -> Result<Opened, OpenError> {
        if wanted.listener >= self.0.listeners {
            return Err(OpenError::NoListener(wanted.listener));
        }
        let (id, shard) = self.place(wanted)?;
        let opened = self.open_at(wanted, id, shard);
        if opened.is_err() {
            lock(&self.0.placement).forget(id);
        }
        opened
    }

    fn place(&self, wanted: &Open) -> Result<(PortId, usize), OpenError> {
        let loads = self.0.doors.iter().map(|door| door.counters.read().load_permille);
        let free: Vec<bool> = loads.map(|load| load < self.0.most_load_permille).collect();
        match lock(&self.0.placement).place(wanted.weight, wanted.beside, &free) {
            Placing::Placed(port, shard) => Ok((port, shard)),
            Placing::Full(count) => Err(OpenError::Full(count)),
            Placing::Loaded => Err(OpenError::Loaded),
        }
    }

    fn open_at(&self, wanted: &Open, id: PortId, shard: usize) -> Result<Opened, OpenError> {
        let cannot = |source| OpenError::Bind { address: wanted.address, source };
        let (rtp, rtcp) = bind_pair(wanted.address, wanted.reports).map_err(cannot)?;
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|error| cannot(error.into()))?;
        let [a, b, c, d, e, f, g, h, i, j] = random;
        let opened = Opened {
            port: id,
            rtp: rtp.local_addr().map_err(cannot)?,
            rtcp: rtcp.as_ref().map(UdpSocket::local_addr).transpose().map_err(cannot)?,
        };
        let opening = Opening {
            id,
            listener: wanted.listener,
            rtp,
            rtcp,
            ssrc: u32::from_ne_bytes([a, b, c, d]),
            timestamp: u32::from_ne_bytes([e, f, g, h]),
            sequence: u16::from_ne_bytes([i, j]),
        };
        let pushed = self.0.doors[shard].commands.push(Command::Open(Box::new(opening)));
        pushed.map(|()| opened).map_err(|_| OpenError::Busy)
    }

    /// Gives a port an order. One that joins it with a port of another thread moves it there first; orders given
    /// meanwhile wait and keep their turn.
    ///
    /// # Errors
    /// When the port is gone or the thread has no room; the order is lost then.
    pub fn order(&self, port: PortId, order: Order) -> Result<(), OrderError> {
        let mut placement = lock(&self.0.placement);
        let other = match &order {
            Order::Bridge(other) | Order::Relay(other) => Some(*other),
            _ => None,
        };
        match placement.way(port, other, order)? {
            Way::Straight(shard, order) => self.0.push(shard, Command::Port(port, order)),
            Way::Waits => Ok(()),
            Way::Moves { from, to } => {
                let pushed = self.0.push(from, Command::Hand(port, to));
                if pushed.is_err() {
                    placement.stays(port, from);
                }
                pushed
            }
        }
    }

    /// What all threads counted together; the load is that of the busiest.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let busiest = self.tallies().iter().map(|tally| tally.load_permille).max().unwrap_or_default();
        let sum = self.tallies().into_iter().fold(Tally::default(), std::ops::Add::add);
        Tally { load_permille: busiest, ..sum }
    }

    /// What each thread counted.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally> {
        self.0.doors.iter().map(|door| door.counters.read()).collect()
    }

    /// Closes all ports and waits until every thread has ended.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Shared {
    fn push(&self, shard: usize, command: Command) -> Result<(), OrderError> {
        self.doors[shard].commands.push(command).map_err(|_| OrderError::Busy)
    }

    fn stop(&self) {
        let mut threads = std::mem::take(&mut *lock(&self.threads));
        if threads.is_empty() {
            return;
        }
        let dropping = threads.remove(0);
        for door in self.doors.iter() {
            while door.commands.push(Command::Finish).is_err() {
                std::thread::yield_now();
            }
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a media thread ended by a fault");
            }
        }
        self.waste.throw(Thing::Nothing);
        if dropping.join().is_err() {
            tracing::error!("the thread that frees what media threads throw away ended by a fault");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What happens to the ports of one listener.
pub struct Notices {
    ring: Arc<Ring<Notice>>,
    shared: Arc<Shared>,
}

impl Notices {
    /// The next notice, where there is one. Waits for nothing: who wants to wait, waits for the descriptor to become
    /// readable and calls [`Notices::hush`] before taking.
    pub fn take(&mut self) -> Option<Notice> {
        let notice = self.ring.pop()?;
        if let Notice::Moved(port) = notice {
            let (shard, waiting) = lock(&self.shared.placement).moved(port)?;
            for order in waiting {
                if self.shared.push(shard, Command::Port(port, order)).is_err() {
                    tracing::warn!(port = port.0, "an order for a port that moved was lost: its thread has no room");
                }
            }
        }
        Some(notice)
    }

    /// Makes the descriptor quiet until the next notice.
    pub fn hush(&self) {
        self.ring.bell().hush();
    }
}

impl AsFd for Notices {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.bell().as_fd()
    }
}

/// A lock that a panic elsewhere has not spoiled: what it guards is whole between two statements.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket, and one beside it where it is wanted.
fn bind_pair(address: IpAddr, reports: bool) -> io::Result<(UdpSocket, Option<UdpSocket>)> {
    let mut last = io::ErrorKind::AddrInUse.into();
    for _ in 0..MOST_TRIES {
        let pair = bind(address, 0).and_then(|rtp| {
            let rtcp = reports.then(|| bind(address, 0)).transpose()?;
            Ok((rtp, rtcp))
        });
        match pair {
            Ok(pair) => return Ok(pair),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind(address: IpAddr, port: u16) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::new(address, port))?;
    socket.set_nonblocking(true)?;
    sockopt::set_socket_recv_buffer_size(&socket, BACKLOG_BYTES)?;
    // Marking is a courtesy that some systems refuse.
    let _ = match address {
        IpAddr::V4(_) => sockopt::set_ip_tos(&socket, EXPEDITED),
        IpAddr::V6(_) => sockopt::set_ipv6_tclass(&socket, EXPEDITED.into()),
    };
    Ok(socket)
}
