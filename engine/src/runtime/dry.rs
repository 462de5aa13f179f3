//! A shard without threads, sockets and tokio's tasks: for tests that turn its clock and carry its messages by hand.
//!
//! Everything else is the shard as it runs: transactions, courier, desk. Names lead nowhere, because nobody is there to look
//! them up, and no connection is ever made.

use std::any::Any;
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use bytes::Bytes;
use patchcord_media::prompt::Loader;
use patchcord_media::shard::{Notice, Notices, Plane};
use patchcord_sip::hop::{FlowId, Hop, Transport};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use super::desk::{Desk, Wire};
use super::entrance::{Entrance, Inside};
use super::settings::{CertificateSource, Listen, Settings};
use super::shard::Shard;
use super::shared::Shared;
use super::sound::{Bells, Sound, SoundRules};
use super::transport::Outlet;
use super::transport::tls::Tls;

/// A datagram that was sent: to whom, and what.
type Sent = (SocketAddr, Bytes);

/// Where datagrams end: in a list.
struct Tray {
    local: SocketAddr,
    sent: RefCell<Vec<Sent>>,
}

impl Outlet for Tray {
    fn flow(&self) -> FlowId {
        FlowId(0)
    }

    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send(&self, _: SocketAddr, peer: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.sent.borrow_mut().push((peer, Bytes::copy_from_slice(bytes)));
        Ok(())
    }
}

/// Whoever is given a task wants to be inside one; it runs none.
static TOKIO: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime that nobody runs")
});

/// See the module.
pub(crate) struct Dry {
    shard: Rc<Shard>,
    tray: Rc<Tray>,
    /// Tasks may be given to it, and never run.
    set: LocalSet,
    /// What others would say to it by.
    _inside: Inside,
    _bells: Bells,
}

impl Dry {
    /// A shard that listens at one address, with a desk and a plane that is mute.
    pub fn open(
        local: SocketAddr,
        (start, seed): (Instant, u64),
        (plane, notices, loader): (Plane, Vec<Notices>, Arc<Loader>),
        desk: Box<dyn Desk>,
    ) -> Self {
        let listen = Listen { transport: Transport::Udp, addr: local };
        let settings = Settings {
            listen: vec![listen],
            dns: vec![([192, 0, 2, 53], 53).into()],
            certificate: CertificateSource::MadeOnce { folder: std::env::temp_dir(), names: Vec::new() },
            shards: 1,
            ..Settings::default()
        };
        let set = LocalSet::new();
        let (_tokio, _tasks) = (TOKIO.enter(), set.enter());
        let tls = Tls::open(&settings).expect("a certificate");
        let (entrance, inside) = Entrance::new(&settings.limits);
        let shared = Arc::new(Shared::new(settings, vec![listen], tls, (vec![entrance], Arc::default()), 1));
        shared.clock.turn(start);
        let sound = Sound { plane, notices, loader, rules: SoundRules::default(), recordings: None };
        let (sound, bells) = sound.share(1).next().expect("one share").open().expect("a bell");
        let tray = Rc::new(Tray { local, sent: RefCell::default() });
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let outlets: Vec<Option<Rc<dyn Outlet>>> = vec![Some(tray.clone())];
        let shard = Shard::open(0, shared, outlets, desk, bytes, (Some(sound), None));
        Self { shard, tray, set, _inside: inside, _bells: bells }
    }

    fn enter<T>(&self, act: impl FnOnce(&Rc<Shard>) -> T) -> T {
        let (_tokio, _tasks) = (TOKIO.enter(), self.set.enter());
        act(&self.shard)
    }

    /// Turns its clock.
    pub fn turn(&self, now: Instant) {
        self.shard.shared.clock.turn(now);
    }

    /// A datagram comes.
    pub fn receive(&self, peer: SocketAddr, bytes: Bytes) {
        let hop = Hop { transport: Transport::Udp, flow: FlowId(0), local: self.tray.local, peer };
        assert!(self.enter(|shard| shard.hear(bytes, hop)).is_ok(), "there is no other shard");
    }

    /// What it has sent since the last time.
    pub fn sent(&self) -> Vec<Sent> {
        self.tray.sent.take()
    }

    /// A port tells something.
    pub fn notice(&self, notice: Notice) {
        self.enter(|shard| shard.tell_desk(|desk, wire| desk.hear_sound(notice, wire)));
    }

    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<Instant> {
        self.shard.deadline()
    }

    /// The time has come.
    pub fn wake(&self) {
        self.enter(|shard| shard.wake());
    }

    /// The server stops.
    pub fn stop(&self) {
        self.enter(|shard| shard.stop());
    }

    /// How many transactions it has, and how often its desk broke.
    pub fn transactions_and_panics(&self) -> (u64, u64) {
        (self.shard.counters.transactions.load(Relaxed), self.shard.counters.panics.load(Relaxed))
    }

    /// Looks at its desk, which is one of these.
    pub fn with_desk<D: Desk, T>(&self, look: impl FnOnce(&mut D, &mut Wire<'_>) -> T) -> T {
        let mut seen = None;
        self.enter(|shard| {
            shard.tell_desk(|desk, wire| {
                let desk: &mut dyn Any = desk;
                seen = Some(look(desk.downcast_mut().expect("that kind of desk"), wire));
            });
        });
        seen.expect("it was looked at")
    }
}
