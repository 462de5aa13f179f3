//! A shard: one thread, its transactions, its desk and its sockets.
//!
//! Everything that happens on a shard happens on its thread: the tasks of its sockets and connections call straight into
//! [`Shard`], one after the other, and nothing waits while it is being changed. There is no task for a message and no
//! queue before the desk.
//!
//! ```text
//! socket, connection ──bytes──▶ hear ──another's call──▶ hand over
//!                                 └──ours──▶ Transactions ──▶ settle ─┬─ Send ──▶ Transports
//!                                                  ▲                  └─ Heard ─▶ Desk
//!                                                  └───────── Wire ◀──────────────┘
//! ```

mod intake;

use std::any::Any;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use patchcord_sip::hop::{FlowId, Hop, Transport};
use patchcord_sip::message::{Draft, Message, Method, Name, Request};
use patchcord_sip::stream::FrameFault;
use patchcord_sip::tokens::Tokens;
use patchcord_sip::transaction::{Heard, ServerId, Transactions};

use self::intake::INBOX;
use super::alarm::Alarm;
use super::courier::Courier;
use super::desk::{Desk, Wire};
use super::dns::{NameServers, Spoken};
use super::entrance::Parcel;
use super::errands::WorldAtShard;
use super::shared::Shared;
use super::sound::SoundAtShard;
use super::stats::{Counters, one_more};
use super::stun;
use super::transport::connection::Connection;
use super::transport::connection::Pipe;
use super::transport::flows::Flow;
use super::transport::udp::Scratch;
use super::transport::{Outlet, Transports};
use super::works::Works;

/// How long a client stays away that comes while the server stops: long enough for a restart.
const RETRY_AFTER_STOP_SECONDS: u32 = 10;

/// How often in a row a shard that wants to rest says what refusals brought about.
const POSTS: usize = 8;

/// One shard as its tasks see it.
pub(crate) struct Shard {
    pub index: usize,
    pub shared: Arc<Shared>,
    pub counters: Arc<Counters>,
    pub scratch: RefCell<Scratch>,
    pub alarm: Alarm,
    core: RefCell<Core>,
}

/// A message that belongs to another shard, which has no room for it now.
pub(crate) struct Elsewhere {
    owner: usize,
    message: Bytes,
}

struct Core {
    desk: Box<dyn Desk>,
    works: Works,
    /// Messages of a batch of datagrams that have been read and are not worked off yet.
    inbox: Vec<(Message, Hop)>,
}

impl Shard {
    /// Opens a shard on the thread that will run it.
    pub fn open(
        index: usize,
        shared: Arc<Shared>,
        datagrams: Vec<Option<Rc<dyn Outlet>>>,
        desk: Box<dyn Desk>,
        seed: [u8; 32],
        (sound, world): (Option<SoundAtShard>, Option<WorldAtShard>),
    ) -> Rc<Self> {
        let now = shared.clock.now();
        let counters = shared.counters[index].clone();
        let mut tokens = Tokens::seeded(seed);
        let limits = shared.settings.limits.transactions;
        let transactions = Transactions::new(shared.settings.timers, limits, tokens.bytes(), now);
        Rc::new_cyclic(move |shard: &Weak<Self>| {
            let transports = Transports::new(shared.clone(), counters.clone(), datagrams, shard.clone());
            let works = Works {
                index,
                now,
                is_stopping: false,
                courier: courier(&shared),
                shared: shared.clone(),
                counters: counters.clone(),
                transactions,
                tokens,
                transports,
                sound,
                world,
                shard: shard.clone(),
            };
            let core = RefCell::new(Core { desk, works, inbox: Vec::with_capacity(INBOX) });
            Self { index, shared, counters, scratch: RefCell::new(Scratch::new()), alarm: Alarm::default(), core }
        })
    }

    /// A whole message came over a connection. One that belongs to a shard without room for it now comes back, for
    /// [`Shard::pass`].
    pub fn hear(&self, message: Bytes, hop: Hop) -> Result<(), Elsewhere> {
        if self.shared.bans.refuses(hop.peer.ip(), hop.transport) {
            // The ban was made while the connection stood.
            self.enter(|core| core.works.close(hop.flow));
            return Ok(());
        }
        self.enter(|core| {
            self.message(core, message, hop)?;
            core.work_off();
            Ok(())
        })
    }

    /// Passes a message to the shard that it belongs to, as soon as there is room for it.
    pub async fn pass(&self, elsewhere: Elsewhere, hop: Hop) {
        one_more(&self.counters.hand_overs_waited);
        match self.shared.entrances[elsewhere.owner].pass(elsewhere.message, hop).await {
            Ok(()) => one_more(&self.counters.handed_over),
            Err(message) => self.enter(|core| self.not_handed_over(core, message, hop)),
        }
    }

    /// Another shard passes something on.
    pub fn unpack(self: &Rc<Self>, parcels: impl Iterator<Item = Parcel>) {
        self.enter(|core| {
            for parcel in parcels {
                match parcel {
                    // The room that it took is free again when it is done with.
                    Parcel::Message(message, hop, _room) => self.take(core, message, hop),
                    Parcel::Adopted(flow, hop, socket) => {
                        let shard = self.clone();
                        tokio::task::spawn_local(async move {
                            Connection::new(flow.clone(), hop, Pipe::Messages(socket)).run(&shard).await;
                            shard.closed(&flow).await;
                        });
                    }
                    Parcel::Origination(wanted) => core.tell(|desk, wire| desk.originate(*wanted, wire)),
                    Parcel::Asking(asking) => core.tell(|desk, wire| desk.ask(*asking, wire)),
                }
            }
            core.work_off();
        });
    }

    /// Answers a keepalive.
    pub fn pong(&self, flow: FlowId, pong: Bytes) {
        // Whoever pings and does not read is closed by the flow itself.
        let _unsaid = self.shared.flows.say(flow, pong);
    }

    /// Says what is wrong with a stream that cannot be read any more, where its last message wants an answer.
    pub fn refuse_frame(&self, fault: &FrameFault, hop: Hop) {
        self.counters.received(hop.transport);
        let Ok(Message::Request(request)) = Message::parse(fault.head.clone()) else { return };
        if *request.method() == Method::Ack {
            return;
        }
        self.enter(|core| {
            let tag = core.works.tokens.tag();
            let reply = Draft::reply(&request, hop.peer, fault.fault.status());
            core.works.say(hop, reply.phrase(fault.fault.phrase()).to_tag(&tag).finish());
        });
    }

    /// A connection of ours stands.
    pub fn connected(&self, flow: &Flow) {
        self.enter(|core| drop(core.works.transports.settled(flow.id)));
    }

    /// A connection has ended, or never came about.
    pub async fn closed(&self, flow: &Flow) {
        self.shared.flows.remove(flow);
        let lost = self.core.borrow_mut().works.transports.settled(flow.id);
        self.enter(|core| {
            for sender in lost {
                one_more(&self.counters.undeliverable);
                core.works.transactions.transport_failed(sender);
            }
            core.settle();
        });
        self.shared.closed(flow.id).await;
    }

    /// A connection has ended, here or on another shard.
    pub fn flow_closed(&self, flow: FlowId) {
        self.enter(|core| {
            core.works.transactions.flow_closed(flow);
            core.tell(|desk, wire| desk.flow_closed(flow, wire));
        });
    }

    /// A deadline has come.
    pub fn wake(&self) {
        self.enter(|core| {
            let now = core.works.now;
            if core.works.transactions.deadline().is_some_and(|due| due <= now) {
                core.works.transactions.wake(now);
            }
            core.guard(Core::settle);
            if core.desk.deadline().is_some_and(|due| due <= now) {
                core.tell(|desk, wire| desk.wake(wire));
            }
        });
    }

    /// Tells the desk something that came neither from a socket nor from a transaction.
    pub fn tell_desk(&self, tell: impl FnOnce(&mut dyn Desk, &mut Wire<'_>)) {
        self.enter(|core| {
            core.guard(|core| {
                tell(&mut *core.desk, &mut Wire::new(&mut core.works));
                core.settle();
            });
        });
    }

    /// The server is stopping: what runs may end, nothing new begins.
    pub fn stop(&self) {
        self.enter(|core| {
            core.works.is_stopping = true;
            core.tell(|desk, wire| desk.stop(wire));
        });
    }

    /// Whether nobody waits for an answer of ours, we wait for none, and the desk has ended what ran.
    pub fn is_quiet(&self) -> bool {
        let core = self.core.borrow();
        core.works.is_quiet() && core.desk.is_quiet()
    }

    /// The shard ends: the last moment at which its desk hands over what is to be kept.
    pub fn close(&self) {
        self.enter(|core| core.tell(|desk, wire| desk.close(wire)));
    }

    /// Runs something on the works of the shard, for tasks that bring news of their own.
    pub fn with_works(&self, act: impl FnOnce(&mut Works)) {
        self.enter(|core| {
            core.guard(|core| {
                act(&mut core.works);
                core.settle();
            });
        });
    }

    /// A random number for a question to a STUN server.
    pub fn transaction(&self) -> stun::Transaction {
        self.core.borrow_mut().works.tokens.bytes()
    }

    /// Whether somebody is reached over a connection, however quiet it is.
    pub fn needs(&self, flow: FlowId) -> bool {
        self.core.borrow().desk.needs(flow)
    }

    fn enter<T>(&self, act: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.core.borrow_mut();
        core.works.now = self.shared.clock.now();
        let result = act(&mut core);
        self.rest(&mut core);
        result
    }

    /// When it wants to be woken.
    #[cfg(test)]
    pub fn deadline(&self) -> Option<std::time::Instant> {
        let core = self.core.borrow();
        [core.works.transactions.deadline(), core.desk.deadline()].into_iter().flatten().min()
    }

    /// Nothing more is to be done now: when is there again?
    fn rest(&self, core: &mut Core) {
        // Who hears that a datagram was refused may want to say something else, and that may be refused in turn; the end
        // of that is no reason to hold up the shard.
        let mut posts = POSTS;
        while core.works.post() && posts > 0 {
            posts -= 1;
            core.guard(Core::settle);
        }
        let transactions = core.works.transactions.deadline();
        let next = [transactions, core.desk.deadline()].into_iter().flatten().min();
        self.alarm.set(next);
        self.counters.publish(core.works.transactions.tally());
        self.counters.transactions.store(core.works.transactions.len() as u64, Ordering::Relaxed);
    }
}

fn courier(shared: &Shared) -> Courier {
    let settings = &shared.settings;
    let listens = |is_udp: bool, is_v4: bool| {
        shared
            .bound
            .iter()
            .any(|listen| (listen.transport == Transport::Udp) == is_udp && listen.addr.is_ipv4() == is_v4)
    };
    let udp = (listens(true, true), listens(true, false));
    // Connections need no listener; but who listens on no IPv6 address at all is not expected to come from one.
    let connections = (listens(false, true) || udp.0, listens(false, false) || udp.1);
    let servers = NameServers::new(&settings.dns, &settings.limits, udp.1 || connections.1);
    Courier::new(settings.limits.clone(), Spoken { udp, connections }, Rc::new(servers))
}

/// 503 from a shard that cannot take any more, without any state.
fn unavailable(request: &Request, peer: SocketAddr) -> Bytes {
    Draft::reply(request, peer, 503).header(Name::RetryAfter, RETRY_AFTER_STOP_SECONDS).finish()
}

impl Core {
    /// Does what the transactions and the courier want done, until they want nothing more.
    fn settle(&mut self) {
        use patchcord_sip::transaction::Output;
        loop {
            while let Some(output) = self.works.transactions.poll() {
                match output {
                    Output::Send { hop, otherwise, bytes, sender } => {
                        self.works.transmit(hop, otherwise, bytes, sender)
                    }
                    Output::Heard(heard) => self.hear(heard),
                }
            }
            let Some((id, news)) = self.works.courier.next_news() else { return };
            self.guard(|core| core.desk.hear_sent(id, news, &mut Wire::new(&mut core.works)));
        }
    }

    fn hear(&mut self, heard: Heard) {
        let Some(heard) = self.works.for_the_desk(heard) else { return };
        let asked = match &heard {
            Heard::Request { id, request, hop } => {
                if self.works.is_stopping && begins_something(request) {
                    one_more(&self.works.counters.refused_stopping);
                    return self.works.respond_to(*id, 503, unavailable(request, hop.peer));
                }
                Some((*id, request.bytes().clone(), hop.peer))
            }
            _ => None,
        };
        let survived = self.guard(|core| core.desk.hear(heard, &mut Wire::new(&mut core.works)));
        if let (false, Some(asked)) = (survived, asked) {
            self.apologise(asked);
        }
    }

    /// The desk broke over a request: whoever sent it hears that it is our fault.
    fn apologise(&mut self, (id, request, peer): (ServerId, Bytes, SocketAddr)) {
        if let Ok(Message::Request(request)) = Message::parse(request) {
            let tag = self.works.tokens.tag();
            self.works.respond_to(id, 500, Draft::reply(&request, peer, 500).to_tag(&tag).finish());
        }
    }

    /// The desk hears of something, and what follows from it is done.
    fn tell(&mut self, tell: impl FnOnce(&mut dyn Desk, &mut Wire<'_>)) {
        self.guard(|core| {
            tell(&mut *core.desk, &mut Wire::new(&mut core.works));
            core.settle();
        });
    }

    /// Lets code run that may have bugs. A panic ends what it was doing and nothing else; every structure of the shard
    /// is left by its last completed change. Tells whether it went well.
    fn guard(&mut self, act: impl FnOnce(&mut Self)) -> bool {
        match catch_unwind(AssertUnwindSafe(|| act(self))) {
            Ok(()) => true,
            Err(panic) => {
                one_more(&self.works.counters.panics);
                tracing::error!(panic = text(&*panic), "a bug was caught; the message that woke it is lost");
                false
            }
        }
    }
}

/// Whether a request begins something that would outlive the stop.
fn begins_something(request: &Request) -> bool {
    let is_outside = request.to_tag().is_ok_and(|tag| tag.is_none());
    is_outside && !matches!(request.method(), Method::Ack | Method::Cancel)
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
