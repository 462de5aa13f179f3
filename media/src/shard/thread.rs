//! A media thread: waits, serves what came, serves the slot that is due, and counts its own time.
//!
//! It owns its ports outright and meets the others through rings only. Nothing here blocks but the wait itself.
//!
//! wait ─▶ obey: orders that were given meanwhile: open, tune, bridge, close
//!   ├────socket──▶ traffic: take a packet, pass it on
//!   ├────ring────▶ an order that cannot wait for the clock
//!   └────clock───▶ rounds: a slot's ports make and take 20 ms each; numbers are published

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::clock::{self, SLOT, SLOTS, SlotClock, now};
use super::counters::{Counters, Tally};
use super::directory::Directory;
use super::handshakes::Handshakes;
use super::notice::News;
use super::order::{Command, RoomId};
use super::poll::{Events, Place, Poll, Token};
use super::porch::Porch;
use super::port::{Moment, Port, Scratch};
use super::rank;
use super::ring::Ring;
use super::room::Rooms;
use super::slab::Slab;
use super::waste::Waste;
use crate::rtp::packet::MAX_PACKET;
use crate::rtp::rtcp::Wall;
use crate::rtp::srtp::GROWTH;

/// A thread that is further behind than a frame lets the rest go: nobody wants to hear it late.
const MOST_TICKS: u64 = SLOTS as u64;

/// Orders obeyed between two looks at the sockets, so that a burst of new calls delays no packet for long.
const MOST_ORDERS: usize = 64;

/// How often the load is measured.
const LOAD_EVERY: Duration = Duration::from_secs(1);

/// What other threads hold of a media thread.
pub(crate) struct Door {
    pub commands: Ring<Command>,
    pub counters: Counters,
}

/// Whether the refusal of a real-time rank was logged; once is enough for all threads.
static REFUSAL_TOLD: AtomicBool = AtomicBool::new(false);

/// See the module.
pub(crate) struct Shard {
    pub(super) number: usize,
    pub(super) doors: Arc<[Arc<Door>]>,
    pub(super) poll: Poll,
    clock: SlotClock,
    pub(super) news: News,
    pub(super) waste: Waste,
    pub(super) ports: Slab,
    pub(super) directory: Directory,
    /// The ports that are served in each slot.
    pub(super) slots: [Vec<Place>; SLOTS],
    pub(super) tally: Tally,
    pub(super) rooms: Rooms,
    /// Room for the names of the rooms of one slot.
    pub(super) due: Vec<RoomId>,
    /// Room for the packet at hand, and for what is made of it.
    pub(super) packet: Box<[u8]>,
    pub(super) scratch: Scratch,
    /// The calendar, for reports.
    pub(super) wall: Wall,
    pub(super) moment: Moment,
    /// Who comes by the sockets that browsers share.
    pub(super) porch: Porch,
    pub(super) handshakes: Handshakes,
    /// What other threads had no room for.
    pub(super) unsaid: Vec<(usize, Command)>,
    /// Ports on their way to another thread whose ring is full.
    pub(super) leaving: Vec<(usize, Box<Port>)>,
    working: Duration,
    measured: Instant,
    is_finished: bool,
}

/// Where and how a thread runs.
#[derive(Clone, Copy)]
pub(crate) struct Seat {
    /// The core to stay on.
    pub core: Option<usize>,
    /// Whether to run ahead of ordinary threads.
    pub ahead: bool,
}

impl Shard {
    /// Everything a thread needs, made before it runs so that a failure is told to whoever starts it.
    ///
    /// # Errors
    /// When the system gives no descriptors.
    pub fn new(
        number: usize,
        doors: Arc<[Arc<Door>]>,
        news: News,
        waste: Waste,
        handshakes: Handshakes,
    ) -> io::Result<Self> {
        let (poll, clock) = (Poll::new()?, SlotClock::start()?);
        poll.watch(&clock, Token::Clock)?;
        poll.watch(doors[number].commands.bell(), Token::Commands)?;
        Ok(Self {
            number,
            doors,
            poll,
            clock,
            news,
            waste,
            ports: Slab::default(),
            directory: Directory::default(),
            slots: Default::default(),
            tally: Tally::default(),
            // One byte more than the longest, so that a longer one is known as such; and what protects it.
            packet: vec![0; MAX_PACKET + 1 + GROWTH].into(),
            rooms: Rooms::new(),
            due: Vec::new(),
            scratch: Scratch::default(),
            wall: clock::wall(),
            moment: Moment { now: now(), round: 0 },
            porch: Porch::default(),
            handshakes,
            unsaid: Vec::new(),
            leaving: Vec::new(),
            working: Duration::ZERO,
            measured: now(),
            is_finished: false,
        })
    }

    /// Runs on a thread of its own until it is told to finish.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(self, seat: Seat) -> io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name(format!("media-{}", self.number)).spawn(move || {
            sit(seat);
            self.run();
        })
    }

    fn run(mut self) {
        let mut events = Events::new();
        while !self.is_finished {
            let came = match self.poll.wait(&mut events) {
                Ok(came) => came,
                Err(error) => {
                    tracing::error!(%error, shard = self.number, "a media thread cannot wait and ends");
                    break;
                }
            };
            let began = now();
            self.moment.now = began;
            // Orders that were left without a ring are older than what came meanwhile.
            self.follow_orders();
            for number in 0..came {
                match events.who(number) {
                    Token::Clock => self.tick(),
                    Token::Commands => self.answer_the_bell(),
                    Token::Rtp(place) => self.sound_came(place),
                    Token::Rtcp(place) => self.report_came(place),
                    Token::Gate(number) => self.gate_came(number),
                }
            }
            self.working += now().saturating_duration_since(began);
        }
        self.close_everything();
        self.publish();
    }

    /// Serves the slots that became due.
    fn tick(&mut self) {
        let (first, came) = self.clock.take();
        let skipped = came.saturating_sub(MOST_TICKS);
        self.tally.overruns += skipped;
        for tick in first + skipped..first + came {
            self.moment.now = now();
            self.tally.ticks += 1;
            let behind = self.moment.now.saturating_duration_since(self.clock.due(tick));
            self.tally.behind_us += behind.as_micros() as u64;
            if behind > SLOT {
                self.tally.late_ticks += 1;
            }
            self.moment.round = tick / SLOTS as u64;
            self.serve((tick % SLOTS as u64) as usize);
            if tick.is_multiple_of(SLOTS as u64) {
                self.waste.rouse();
            }
        }
        self.news.retry();
        self.see_off();
        self.attend_due();
        self.say_again();
        self.measure();
        self.publish();
    }

    fn answer_the_bell(&mut self) {
        self.doors[self.number].commands.bell().hush();
        self.follow_orders();
    }

    fn follow_orders(&mut self) {
        let door = Arc::clone(&self.doors[self.number]);
        for _ in 0..MOST_ORDERS {
            match door.commands.pop() {
                None => return,
                Some(Command::Finish) => self.is_finished = true,
                Some(command) => self.follow(command),
            }
        }
        // There may be more: come back after the sockets had their turn.
        door.commands.bell().ring();
    }

    fn measure(&mut self) {
        let passed = self.moment.now.saturating_duration_since(self.measured);
        if passed >= LOAD_EVERY {
            let permille = self.working.as_micros() * 1000 / passed.as_micros().max(1);
            self.tally.load_permille = permille as u64;
            self.spare_effort(permille as u64);
            self.working = Duration::ZERO;
            self.measured = self.moment.now;
        }
    }

    fn publish(&mut self) {
        self.tally.ports = self.ports.len() as u64;
        self.tally.rooms = self.rooms.len() as u64;
        self.tally.lost_notices = self.news.lost();
        self.doors[self.number].counters.publish(&self.tally);
    }
}

/// Takes the seat as far as the system lets it.
fn sit(seat: Seat) {
    if let Some(core) = seat.core
        && let Err(error) = rank::pin(core)
    {
        tracing::warn!(%error, core, "a media thread cannot be bound to its core");
    }
    if seat.ahead
        && let Some(error) = first_refusal(rank::go_ahead(), &REFUSAL_TOLD)
    {
        tracing::warn!(
            %error,
            "media threads run like any other: give CAP_SYS_NICE or RLIMIT_RTPRIO so that sound is never late"
        );
    }
}

/// Why a rank was refused, when it is the first time that one is: what holds for one thread holds for all.
fn first_refusal(asked: io::Result<()>, told: &AtomicBool) -> Option<io::Error> {
    asked.err().filter(|_| !told.swap(true, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_rank_is_told_once_and_a_granted_one_never() {
        let refused = || Err(io::Error::from_raw_os_error(libc::EPERM));
        let told = AtomicBool::new(false);
        assert!(first_refusal(Ok(()), &told).is_none());
        assert_eq!(first_refusal(refused(), &told).and_then(|error| error.raw_os_error()), Some(libc::EPERM));
        assert!([refused(), Ok(()), refused()].into_iter().all(|asked| first_refusal(asked, &told).is_none()));
    }

    #[test]
    fn a_thread_that_is_refused_its_seat_serves_like_any_other() {
        // No machine has this core; whether the rank is granted depends on who runs this.
        std::thread::spawn(|| sit(Seat { core: Some(1023), ahead: true })).join().expect("it goes on");
    }
}
