//! Starts the shards, and stops them.
//!
//! Everything that can be refused is refused before the first thread runs: certificates, addresses. So a server that
//! started serves.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc as ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use patchcord_sip::hop::{FlowId, Hop, Transport};
use tokio::net::TcpListener as AsyncTcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use super::address;
use super::certificate::{CertificateError, Keeper};
use super::clock;
use super::descriptors;
use super::desk::Desk;
use super::entrance::{Entrance, Inside, Parcel};
use super::errands::{self, WorldAtShard};
use super::settings::{Listen, Settings};
use super::shard::Shard;
use super::shared::Shared;
use super::sound::{self, Sound, SoundInside};
use super::stats::Stats;
use super::stun_client;
use super::transport::Outlet;
use super::transport::accept::accept;
use super::transport::bind::{BindError, Group, bind};
use super::transport::tls::Tls;
use super::transport::udp::Datagrams;
use super::transport::ws::MessageSocket;
use crate::bans::Bans;
use crate::bell::Bell;
use crate::errand::World;
use crate::occasion::Asking;
use crate::originate::Origination;
use crate::routing::Voucher;

/// How long a stopping shard waits for its last words to be taken, after everything else.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long peers have to close their side when all is said: a round trip or two. Most phones keep connections over which
/// nobody says anything, and some never close them.
const GOODBYES: Duration = Duration::from_millis(200);

/// How often a stopping shard looks whether it is done.
const LOOK: Duration = Duration::from_millis(10);

/// Parcels unpacked at once.
const PARCELS: usize = 64;

/// Why the runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No randomness to be had.
    #[error("the system gives no random numbers")]
    Randomness(#[source] getrandom::Error),
    /// The system gives no thread, or a socket cannot be used.
    #[error("shard {shard} cannot run")]
    Shard {
        /// Which one.
        shard: usize,
        /// Why.
        source: io::Error,
    },
}

/// Why a connection was not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdopted {
    /// Whoever is there is banned.
    #[error("this address is refused")]
    Banned,
    /// There are too many connections, or too many from there.
    #[error("there are too many connections")]
    Crowded,
    /// The shard is too far behind, or the server is stopping.
    #[error("the server is too busy")]
    Busy,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Running,
    Stopping { until: Instant },
}

/// What one shard is started with.
struct Fittings {
    index: usize,
    datagrams: Vec<(usize, UdpSocket)>,
    listeners: Vec<(Transport, TcpListener)>,
    inside: Inside,
    phase: watch::Receiver<Phase>,
    seed: [u8; 32],
    sound: Option<SoundInside>,
    world: Option<Arc<dyn World>>,
}

/// What lies around the shards, where there is any.
#[derive(Default)]
pub struct Around {
    /// Sound.
    pub sound: Option<Sound>,
    /// Where errands of programs go.
    pub world: Option<Arc<dyn World>>,
    /// Who is refused before anybody hears him.
    pub bans: Arc<Bans>,
}

impl From<Option<Sound>> for Around {
    fn from(sound: Option<Sound>) -> Self {
        Self { sound, ..Self::default() }
    }
}

/// The running shards.
pub struct Runtime {
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Whose turn it is to begin a call.
    turn: AtomicUsize,
}

impl Runtime {
    /// Opens all sockets and starts the shards, without sound. `desks` makes the desk of each shard, on its thread.
    pub fn start(
        settings: Settings,
        desks: impl Fn(usize) -> Box<dyn Desk> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        Self::start_with(settings, None, desks)
    }

    /// The same with what lies around; with sound, each shard hears what its ports tell. The media threads are whoever's started them to stop,
    /// after the shards.
    ///
    /// # Panics
    /// When the sound has not as many listeners as there are shards.
    pub fn start_with(
        mut settings: Settings,
        around: impl Into<Around>,
        desks: impl Fn(usize) -> Box<dyn Desk> + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        settings.limits.connections = descriptors::connections(settings.limits.connections);
        let tls = Tls::open(&settings)?;
        let (phase, _) = watch::channel(Phase::Running);
        let (bound, mut fittings, entrances) = fit(&settings, &phase)?;
        let Around { sound, world, bans } = around.into();
        bans.look_by(address::ask_kernel);
        fittings.iter_mut().for_each(|fitting| fitting.world = world.clone());
        if let Some(sound) = sound {
            let shares = sound.share(fittings.len());
            fittings.iter_mut().zip(shares).for_each(|(fitting, share)| fitting.sound = Some(share));
        }
        let shared = Arc::new(Shared::new(settings, bound, tls, (entrances, bans), random()?));
        let runtime = Self { shared, phase, threads: Mutex::default(), turn: AtomicUsize::new(0) };
        let desks = Arc::new(desks);
        for fitting in fittings.drain(..) {
            let index = fitting.index;
            let (shared, desks) = (runtime.shared.clone(), desks.clone());
            let (tell, told) = ready::sync_channel(1);
            let thread = std::thread::Builder::new().name(format!("shard-{index}"));
            let run = move || run(fitting, shared, &*desks, &tell);
            let started = thread.spawn(run).and_then(|thread| {
                runtime.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
                told.recv().unwrap_or_else(|_| Err(io::Error::other("the thread ended before it was ready")))
            });
            started.map_err(|source| StartError::Shard { shard: index, source })?;
        }
        Ok(runtime)
    }

    /// Where messages are taken: the listeners of the settings, with the ports that the system chose.
    pub fn bound(&self) -> Vec<Listen> {
        self.shared.bound.clone()
    }

    /// How a peer in the world outside sees each listener for which a STUN server was asked and has answered.
    pub fn mapped(&self) -> Vec<(Listen, SocketAddr)> {
        let all = self.shared.bound.iter().enumerate();
        all.filter_map(|(at, listen)| Some((*listen, self.shared.addresses.mapped(FlowId(at as u64))?))).collect()
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shared.entrances.len()
    }

    /// What was counted until now.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            flows: self.shared.flows.count() as u64,
            unsaid_bytes: self.shared.flows.unsaid() as u64,
            waiting_bytes: self.shared.entrances.iter().map(|entrance| entrance.waiting() as u64).sum(),
            ..Stats::default()
        };
        self.shared.counters.iter().for_each(|counters| stats.add(counters));
        stats
    }

    /// Loads the certificate again. Connections that stand keep what they began with; on an error so does everybody.
    pub fn reload_certificates(&self) -> Result<(), CertificateError> {
        self.shared.tls.reload()
    }

    /// Who shows our certificate, for doors that speak TLS beside SIP: what is loaded again is shown there, too.
    pub fn certificate(&self) -> Arc<Keeper> {
        self.shared.tls.keeper().clone()
    }

    /// Takes over a connection that was accepted and upgraded elsewhere. `transport` is WS or WSS. Whoever hands it over may
    /// vouch for whom its peer speaks; without that, the peer proves itself by a password.
    pub fn adopt(
        &self,
        socket: Box<dyn MessageSocket>,
        transport: Transport,
        (local, peer): (SocketAddr, SocketAddr),
        vouched: Option<Voucher>,
    ) -> Result<(), NotAdopted> {
        if self.shared.bans.refuses(peer.ip(), transport) {
            return Err(NotAdopted::Banned);
        }
        let flow = self.shared.accept(transport, peer, vouched).map_err(|_| NotAdopted::Crowded)?;
        let hop = Hop { transport, flow: flow.id, local, peer };
        let entrance = &self.shared.entrances[(flow.id.0 % self.shared.entrances.len() as u64) as usize];
        if !entrance.adopt(flow.clone(), hop, socket) {
            self.shared.flows.remove(&flow);
            return Err(NotAdopted::Busy);
        }
        Ok(())
    }

    /// Has a call begun, on a shard of its own; whoever wants it is told what came of that.
    pub fn originate(&self, origination: Origination) {
        let entrances = &self.shared.entrances;
        entrances[self.turn.fetch_add(1, Relaxed) % entrances.len()].originate(origination);
    }

    /// Has a service asked, on a shard; whoever asks is told what came of that.
    pub fn ask(&self, asking: Asking) {
        self.ask_on(self.turn.fetch_add(1, Relaxed), asking);
    }

    /// The same on that shard, counted round.
    pub fn ask_on(&self, shard: usize, asking: Asking) {
        let entrances = &self.shared.entrances;
        entrances[shard % entrances.len()].ask(asking);
    }

    /// Stops: takes no more connections, begins nothing new, lets what runs end within `grace`, then closes everything.
    /// Returns when all shards have ended; it blocks, so asynchronous callers put it on a thread of its own.
    pub fn stop(&self, grace: Duration) {
        self.phase.send_replace(Phase::Stopping { until: clock::now() + grace });
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard had broken before it was stopped");
            }
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

/// What is laid out before the first thread runs: the listeners, what each shard gets, and the ways into them.
type Fitted = (Vec<Listen>, Vec<Fittings>, Vec<Entrance>);

/// Opens the sockets and lays out what each shard gets of them.
fn fit(settings: &Settings, phase: &watch::Sender<Phase>) -> Result<Fitted, StartError> {
    let shards = settings.shards.max(1);
    let (mut fittings, mut entrances) = (Vec::new(), Vec::new());
    for index in 0..shards {
        let (entrance, inside) = Entrance::new(&settings.limits);
        entrances.push(entrance);
        fittings.push(Fittings {
            index,
            datagrams: Vec::new(),
            listeners: Vec::new(),
            inside,
            phase: phase.subscribe(),
            seed: random_seed()?,
            sound: None,
            world: None,
        });
    }
    let mut bound = Vec::new();
    for (at, listen) in settings.listen.iter().enumerate() {
        let (listen, group) = bind(*listen, shards, settings.limits.socket_buffer)?;
        bound.push(listen);
        match group {
            Group::Datagrams(sockets) => {
                fittings.iter_mut().zip(sockets).for_each(|(fitting, socket)| fitting.datagrams.push((at, socket)));
            }
            Group::Connections(sockets) => fittings
                .iter_mut()
                .zip(sockets)
                .for_each(|(fitting, socket)| fitting.listeners.push((listen.transport, socket))),
        }
    }
    Ok((bound, fittings, entrances))
}

fn random_seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(StartError::Randomness)?;
    Ok(seed)
}

fn random() -> Result<u32, StartError> {
    getrandom::u32().map_err(StartError::Randomness)
}

/// The life of a shard, on its own thread.
fn run(
    fittings: Fittings,
    shared: Arc<Shared>,
    desks: &dyn Fn(usize) -> Box<dyn Desk>,
    tell: &ready::SyncSender<io::Result<()>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Nobody listens only when the start was given up.
            let _given_up = tell.send(Err(error));
            return;
        }
    };
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        match open(fittings, shared, desks) {
            Ok((shard, phase)) => {
                let _given_up = tell.send(Ok(()));
                live(shard, phase).await;
            }
            Err(error) => {
                let _given_up = tell.send(Err(error));
            }
        }
    });
    // Name lookups under way on helper threads are not waited for.
    runtime.shutdown_background();
}

/// A shard, what makes it listen, and the phase that ends it.
type Opened = (Rc<Shard>, (watch::Receiver<Phase>, Vec<tokio::task::JoinHandle<()>>));

fn open(fittings: Fittings, shared: Arc<Shared>, desks: &dyn Fn(usize) -> Box<dyn Desk>) -> io::Result<Opened> {
    let mut datagrams: Vec<Option<Rc<Datagrams>>> = shared.bound.iter().map(|_| None).collect();
    for (at, socket) in fittings.datagrams {
        datagrams[at] = Some(Rc::new(Datagrams::new(FlowId(at as u64), socket)?));
    }
    let (sound, bell) = fittings.sound.map(SoundInside::open).transpose()?.unzip();
    let (world, answers) = fittings.world.map(WorldAtShard::open).unzip();
    let (desk, beside) = (desks(fittings.index), (sound, world));
    let outlets = datagrams.iter().cloned().map(|socket| socket.map(|socket| socket as Rc<dyn Outlet>)).collect();
    let shard = Shard::open(fittings.index, shared, outlets, desk, fittings.seed, beside);
    if let Some(answers) = answers {
        errands::listen(&shard, answers);
    }
    if let Some(bell) = bell {
        sound::listen(&shard, bell);
    }
    for socket in datagrams.iter().flatten() {
        tokio::task::spawn_local(receive(shard.clone(), socket.clone()));
    }
    let mut accepting = Vec::new();
    for (transport, listener) in fittings.listeners {
        let listener = AsyncTcpListener::from_std(listener)?;
        accepting.push(tokio::task::spawn_local(accept(shard.clone(), listener, transport)));
    }
    tokio::task::spawn_local(unpack(shard.clone(), fittings.inside.parcels));
    tokio::task::spawn_local(hear_closings(shard.clone(), fittings.inside.closings));
    if fittings.index == 0 {
        for socket in datagrams.into_iter().flatten() {
            tokio::task::spawn_local(stun_client::run(shard.clone(), socket));
        }
    }
    tokio::task::spawn_local(hear_bell(shard.clone()));
    let ringing = shard.clone();
    tokio::task::spawn_local(async move { ringing.alarm.run(|| ringing.wake()).await });
    shard.wake();
    Ok((shard, (fittings.phase, accepting)))
}

async fn live(shard: Rc<Shard>, (mut phase, accepting): (watch::Receiver<Phase>, Vec<tokio::task::JoinHandle<()>>)) {
    let until = loop {
        if let Phase::Stopping { until } = *phase.borrow_and_update() {
            break until;
        }
        if phase.changed().await.is_err() {
            break clock::now();
        }
    };
    accepting.iter().for_each(tokio::task::JoinHandle::abort);
    shard.stop();
    while !shard.is_quiet() && clock::now() < until {
        tokio::time::sleep(LOOK).await;
    }
    shard.close();
    shard.shared.flows.finish_all();
    let said = clock::now();
    let patience = || if shard.shared.flows.unsaid() > 0 { LAST_WORDS } else { GOODBYES };
    while shard.shared.flows.count() > 0 && clock::now() < said + patience() {
        tokio::time::sleep(LOOK).await;
    }
}

async fn receive(shard: Rc<Shard>, socket: Rc<Datagrams>) {
    loop {
        match socket.receive_with(|| shard.receive(&socket)).await {
            // The other sockets, the connections and the timers of this shard have their turn in between.
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(local = %socket.local(), %error, "datagrams cannot be received at the moment");
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

async fn hear_bell(shard: Rc<Shard>) {
    let bell = Arc::new(Bell::default());
    shard.tell_desk(|desk, wire| desk.seated(&bell, wire));
    loop {
        bell.rings().await;
        shard.tell_desk(|desk, wire| desk.rung(wire));
        // The sockets and timers of this shard have their turn in between.
        tokio::task::yield_now().await;
    }
}

async fn unpack(shard: Rc<Shard>, mut parcels: mpsc::Receiver<Parcel>) {
    let mut batch = Vec::new();
    while parcels.recv_many(&mut batch, PARCELS).await > 0 {
        shard.unpack(batch.drain(..));
    }
}

async fn hear_closings(shard: Rc<Shard>, mut closings: mpsc::Receiver<FlowId>) {
    while let Some(flow) = closings.recv().await {
        shard.flow_closed(flow);
    }
}
