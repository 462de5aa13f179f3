//! The face of the media threads: start them, open ports, give orders, read what was counted.
//!
//! Everything that takes time or may fail happens here, on the caller's thread: sockets are opened and bound, numbers
//! drawn, the right thread chosen. A media thread only moves finished things to their places.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::clock;
use super::counters::{Counters, Tally};
use super::gates::Gates;
use super::handshakes::{self, Handshakes};
use super::notice::{NOTICES, News, Notice};
use super::opening::{Open, OpenError, Opened, bind_pair};
use super::order::{Command, Keeper, Opening, Order, PortId, RoomId, RoomOrder, Stand};
use super::placement::{Meeting, Placement, Placing, Way, Weight, Work};
use super::port::Wire;
use super::rank;
use super::ring::Ring;
use super::settings::{Settings, StartError};
use super::thread::{Door, Seat, Shard};
use super::waste::{self, Waste};
use crate::browser::Identity;
use crate::mixer::Rules;
use crate::recording::Scribe;
use crate::rtp::ports::Range;

/// Orders that may wait for one thread: a second of a very busy hour.
const ORDERS: usize = 16_384;

/// A listener that there is not.
const NOBODY: usize = usize::MAX;

/// An order that was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The port is closed, or never was.
    #[error("there is no such port")]
    NoPort,
    /// The room is closed, or never was.
    #[error("there is no such room")]
    NoRoom,
    /// The thread does not take orders fast enough, or too many wait for a port that is moving.
    #[error("a media thread has no room for orders")]
    Busy,
    /// The other port is on its way to another thread; order again after [`Notice::Moved`].
    #[error("the other port is moving between threads")]
    Moving,
}

/// Who is told each order of a plane that is mute.
type Mute = Box<dyn Fn(PortId, &Order) + Send + Sync>;

/// What the plane and its listeners share.
struct Shared {
    doors: Arc<[Arc<Door>]>,
    placement: Mutex<Placement>,
    numbers: Mutex<Range>,
    listeners: usize,
    most_load_permille: u64,
    /// The media threads.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Those beside them: who drops, and who meets browsers.
    beside: Mutex<Vec<JoinHandle<()>>>,
    waste: Waste,
    handshakes: Handshakes,
    gates: Gates,
    mute: Option<Mute>,
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
        let numbers = Range::new(settings.numbers.0, settings.numbers.1, chance)?;
        let shared = Self::shared(settings, &doors, numbers, None)?;
        let cores = if settings.pinned { rank::cores()? } else { Vec::new() };
        for number in 0..settings.threads {
            let news = News::new(rings.clone());
            let (waste, handshakes) = (shared.waste.clone(), shared.handshakes.clone());
            let shard = Shard::new(number, Arc::clone(&doors), news, waste, handshakes)?;
            // The first core takes most of the interrupts, so the last ones are ours.
            let core = cores.len().checked_sub(1 + number).map(|at| cores[at]);
            let thread = shard.start(Seat { core, ahead: settings.ahead })?;
            lock(&shared.threads).push(thread);
        }
        let notices = rings.into_iter().map(|ring| Notices { ring, shared: Arc::clone(&shared) }).collect();
        Ok((Self(shared), notices))
    }

    /// A plane without threads and without sockets: its ports have numbers, always the same in the same order, and nobody hears
    /// anything. Every order is told. For simulated calls, and to measure signalling alone.
    ///
    /// # Errors
    /// As [`Plane::start`].
    pub fn mute(
        settings: &Settings,
        told: impl Fn(PortId, &Order) + Send + Sync + 'static,
    ) -> Result<(Self, Vec<Notices>), StartError> {
        let rings = (0..settings.listeners).map(|_| Ring::new(NOTICES).map(Arc::new));
        let rings = rings.collect::<io::Result<Vec<_>>>()?;
        let numbers = Range::new(settings.numbers.0, settings.numbers.1, || 0)?;
        let one = Settings { threads: 1, ..settings.clone() };
        let shared = Self::shared(&one, &Vec::new().into(), numbers, Some(Box::new(told)))?;
        let notices = rings.into_iter().map(|ring| Notices { ring, shared: Arc::clone(&shared) }).collect();
        Ok((Self(shared), notices))
    }

    fn shared(
        settings: &Settings,
        doors: &Arc<[Arc<Door>]>,
        numbers: Range,
        mute: Option<Mute>,
    ) -> Result<Arc<Shared>, StartError> {
        let identity = Arc::new(Identity::fresh()?);
        let browsers = settings.browser_numbers.map(|(first, last)| Range::new(first, last, chance)).transpose()?;
        let gates = Gates::new(Arc::clone(&identity), browsers);
        let placement = Placement::new(settings.threads, settings.most_ports);
        // The thread that drops is started first and told whom to tell as soon as there is somebody.
        let told: Arc<std::sync::OnceLock<std::sync::Weak<Shared>>> = Arc::default();
        let teller = Arc::clone(&told);
        let (waste, thread) = waste::start(Box::new(move |port| {
            if let Some(shared) = teller.get().and_then(std::sync::Weak::upgrade) {
                shared.forget(port);
            }
        }))?;
        let (handshakes, shaking) = handshakes::start(identity, Arc::clone(doors))?;
        let shared = Arc::new(Shared {
            doors: Arc::clone(doors),
            placement: Mutex::new(placement),
            numbers: Mutex::new(numbers),
            listeners: settings.listeners,
            most_load_permille: settings.most_load_permille,
            threads: Mutex::default(),
            beside: Mutex::new(vec![thread, shaking]),
            waste,
            handshakes,
            gates,
            mute,
        });
        let _ = told.set(Arc::downgrade(&shared));
        Ok(shared)
    }

    /// Opens a port. It hears nobody until it is tuned.
    ///
    /// # Errors
    /// When there is no room for it; the reason says which.
    pub fn open(&self, wanted: &Open) -> Result<Opened, OpenError> {
        let (id, shard) = self.reserve(wanted)?;
        let opened = self.open_at(wanted, id, shard);
        if opened.is_err() {
            self.release(id);
        }
        opened
    }

    /// Gives a port its name and its thread.
    pub(super) fn reserve(&self, wanted: &Open) -> Result<(PortId, usize), OpenError> {
        if wanted.listener >= self.0.listeners {
            return Err(OpenError::NoListener(wanted.listener));
        }
        if self.0.mute.is_some() {
            let idle = [Work { permille: 0, has_room: true }];
            return placed(lock(&self.0.placement).place(Weight(0), None, &idle, clock::now()));
        }
        let loads = self.0.doors.iter().map(|door| door.counters.read().load_permille);
        let work = |permille| Work { permille, has_room: permille < self.0.most_load_permille };
        let works: Vec<Work> = loads.map(work).collect();
        placed(lock(&self.0.placement).place(wanted.weight, wanted.beside, &works, clock::now()))
    }

    /// A port was not opened after all.
    pub(super) fn release(&self, port: PortId) {
        self.0.forget(port);
    }

    pub(super) fn gates(&self) -> &Gates {
        &self.0.gates
    }

    pub(super) fn numbers(&self) -> &Mutex<Range> {
        &self.0.numbers
    }

    pub(super) fn send(&self, shard: usize, command: Command) -> Result<(), OrderError> {
        self.0.push(shard, command)
    }

    fn open_at(&self, wanted: &Open, id: PortId, shard: usize) -> Result<Opened, OpenError> {
        if self.0.mute.is_some() {
            let number = lock(&self.0.numbers).take(clock::now())?;
            lock(&self.0.placement).bound(id, number);
            let at = |number| SocketAddr::new(wanted.address, number);
            return Ok(Opened { port: id, rtp: at(number), rtcp: wanted.reports.then(|| at(number + 1)) });
        }
        let cannot = |source| OpenError::Bind { address: wanted.address, source };
        let (number, rtp, rtcp) = bind_pair(&self.0.numbers, wanted.address, wanted.reports)?;
        lock(&self.0.placement).bound(id, number);
        let (ssrc, timestamp, sequence) = chances().map_err(cannot)?;
        let opened = Opened {
            port: id,
            rtp: SocketAddr::new(wanted.address, number),
            rtcp: rtcp.as_ref().map(|_| SocketAddr::new(wanted.address, number + 1)),
        };
        let opening = Opening {
            id,
            listener: wanted.listener,
            rtp: Wire::new(rtp),
            rtcp: rtcp.map(Wire::new),
            home: None,
            ssrc,
            timestamp,
            sequence,
        };
        let pushed = self.0.push(shard, Command::Open(Box::new(opening)));
        pushed.map(|()| opened).map_err(|_| OpenError::Busy)
    }

    /// Gives a port an order. One that joins it with a port or a room of another thread moves it there first; orders
    /// given meanwhile wait and keep their turn.
    ///
    /// # Errors
    /// When somebody is gone or the thread has no room; the order is lost then.
    pub fn order(&self, port: PortId, order: Order) -> Result<(), OrderError> {
        if let Some(told) = &self.0.mute {
            if !lock(&self.0.placement).knows(port) {
                return Err(OrderError::NoPort);
            }
            told(port, &order);
            if matches!(order, Order::Close) {
                self.0.forget(port);
            }
            return Ok(());
        }
        let mut placement = lock(&self.0.placement);
        if let Order::Stand(Stand::Hears(speaker, _)) = &order
            && let Some((here, there)) = placement.apart(port, *speaker)?
        {
            self.0.push(there, Command::SingleOut(*speaker, here))?;
        }
        let meeting = match &order {
            Order::Bridge(other) | Order::Relay(other) => Meeting::Port(*other),
            Order::Enter(room) => Meeting::Room(*room),
            _ => Meeting::Nobody,
        };
        match placement.way(port, meeting, order)? {
            Way::Straight(shard, order) => self.0.push(shard, Command::Port(port, order)),
            Way::Waits => Ok(()),
            Way::Moves { from, to } => {
                let pushed = self.0.push(from, Command::Hand(port, to));
                if pushed.is_err() {
                    placement.stays(port, from);
                }
                pushed
            }
            Way::Spreads { shard, others, rules, order } => {
                if let Order::Enter(room) = order {
                    let scribe = placement.scribe(room);
                    self.spread(room, rules, shard, (&others, scribe))?;
                }
                self.0.push(shard, Command::Port(port, order))
            }
        }
    }

    /// Gives a room a part on another thread, and tells all its parts of each other.
    fn spread(
        &self,
        room: RoomId,
        rules: Rules,
        shard: usize,
        (others, scribe): (&[usize], Option<Box<Scribe>>),
    ) -> Result<(), OrderError> {
        // Only the first part tells the listener.
        self.0.push(shard, Command::OpenRoom(room, NOBODY, rules))?;
        // Before it hears of the others: a ledger has all that its mixer was ever given.
        if let Some(scribe) = scribe {
            self.0.push(shard, Command::Keep(room, scribe))?;
        }
        for other in others {
            self.0.push(shard, Command::Peer(room, *other))?;
            self.0.push(*other, Command::Peer(room, shard))?;
        }
        Ok(())
    }

    /// Opens a room; on the thread of `beside`, where somebody is to enter it at once.
    ///
    /// # Errors
    /// When the thread has no room for orders.
    pub fn open_room(&self, listener: usize, rules: Rules, beside: Option<PortId>) -> Result<RoomId, OrderError> {
        let mut placement = lock(&self.0.placement);
        let (room, shard) = placement.open_room(beside, rules);
        let pushed = self.0.push(shard, Command::OpenRoom(room, listener, rules));
        if pushed.is_err() {
            placement.close_room(room);
        }
        pushed.map(|()| room)
    }

    /// Gives a room an order.
    ///
    /// # Errors
    /// When it is gone or a thread has no room for orders.
    pub fn order_room(&self, room: RoomId, order: RoomOrder) -> Result<(), OrderError> {
        let mut placement = lock(&self.0.placement);
        let home = *placement.parts(room).first().ok_or(OrderError::NoRoom)?;
        match order {
            RoomOrder::Rules(rules) => {
                placement.rule(room, rules);
                let mut parts = placement.parts(room).iter();
                parts.try_for_each(|shard| self.0.push(*shard, Command::Room(room, RoomOrder::Rules(rules))))
            }
            RoomOrder::Close => {
                let parts = placement.close_room(room);
                let close = |shard: &usize| self.0.push(*shard, Command::Room(room, RoomOrder::Close));
                // Every part is told, also when one cannot hear.
                parts.iter().map(close).fold(Ok(()), Result::and)
            }
            RoomOrder::Announce(_) | RoomOrder::Hush | RoomOrder::Record(_) => {
                self.0.push(home, Command::Room(room, order))
            }
        }
    }

    /// Keeps a ledger of a room into which nobody was brought yet, and by `keeper` one of each part that it gets on a further
    /// thread: whoever sits there is in that one.
    ///
    /// # Errors
    /// When the room is gone or the thread has no room for orders.
    pub fn keep_room(&self, room: RoomId, scribe: Box<Scribe>, keeper: Keeper) -> Result<(), OrderError> {
        let mut placement = lock(&self.0.placement);
        let home = *placement.parts(room).first().ok_or(OrderError::NoRoom)?;
        placement.keep(room, keeper);
        self.0.push(home, Command::Keep(room, scribe))
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

    /// How many ports are open.
    #[must_use]
    pub fn ports(&self) -> usize {
        lock(&self.0.placement).ports()
    }

    /// Closes all ports and waits until every thread has ended.
    pub fn stop(&self) {
        self.0.stop();
    }
}

impl Shared {
    /// A port is closed: its number may be given again, after a rest.
    fn forget(&self, port: PortId) {
        let number = lock(&self.placement).forget(port);
        if let Some(number) = number {
            lock(&self.numbers).release(number, clock::now());
        }
    }

    fn push(&self, shard: usize, command: Command) -> Result<(), OrderError> {
        if self.mute.is_some() {
            return Ok(());
        }
        let commands = &self.doors[shard].commands;
        let pushed = if command.can_wait() { commands.leave(command) } else { commands.push(command) };
        pushed.map_err(|_| OrderError::Busy)
    }

    fn stop(&self) {
        let threads = std::mem::take(&mut *lock(&self.threads));
        let beside = std::mem::take(&mut *lock(&self.beside));
        if beside.is_empty() {
            return;
        }
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
        self.waste.finish();
        self.handshakes.finish();
        for thread in beside {
            if thread.join().is_err() {
                tracing::error!("a thread beside the media threads ended by a fault");
            }
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
        if let Notice::Moved(port) = notice
            // One that was closed on its way has nothing waiting.
            && let Some((shard, waiting)) = lock(&self.shared.placement).moved(port)
        {
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

fn placed(placing: Placing) -> Result<(PortId, usize), OpenError> {
    match placing {
        Placing::Placed(port, shard) => Ok((port, shard)),
        Placing::Full(count) => Err(OpenError::Full(count)),
        Placing::Loaded => Err(OpenError::Loaded),
    }
}

/// A lock that a panic elsewhere has not spoiled: what it guards is whole between two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the numbers of a stream begin: its name, its time, its packets.
pub(super) fn chances() -> io::Result<(u32, u32, u16)> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)?;
    let [a, b, c, d, e, f, g, h, i, j] = random;
    Ok((u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h]), u16::from_ne_bytes([i, j])))
}

/// Chance for the order of numbers; without any it is no secret, and sound still comes.
fn chance() -> u32 {
    getrandom::u32().unwrap_or_default()
}
