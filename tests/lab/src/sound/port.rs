//! The socket of a call, with a mouth and an ear.
//!
//! All ports of a lab are served by one thread: it reads what comes when it comes, and has the mouths of a quarter of the
//! ports speak with each tick of the [beat](crate::clock::beat).

use std::net::{IpAddr, SocketAddr, UdpSocket as Unregistered};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::ear::Ear;
use super::mouth::Mouth;
use super::shield::Shield;
use crate::clock::{self, Sloth, TICKS_A_FRAME};

/// Tries until a free port has an even number: the odd one behind it is where others send their reports.
const TRIES: usize = 64;
/// The largest datagram that is looked at.
const LARGEST: usize = 2048;

/// See the module.
pub(crate) struct Port {
    socket: UdpSocket,
    local: SocketAddr,
    ends: Mutex<Ends>,
    closed: AtomicBool,
    reader: Mutex<Option<AbortHandle>>,
    sloth: Arc<Sloth>,
}

/// Loses, doubles, delays or spoils the packets that a phone sends: one goes in, those that are to be sent come out.
pub(crate) type Mischief = Box<dyn FnMut(Vec<u8>) -> Vec<Vec<u8>> + Send>;

/// What a port has at its two ends.
pub(crate) struct Ends {
    pub mouth: Mouth,
    pub ear: Ear,
    pub shield: Option<Shield>,
    pub mischief: Option<Mischief>,
}

impl Ends {
    fn hear(&mut self, packet: &mut [u8], from: SocketAddr, now: Instant, grace: Duration) {
        let length = match &mut self.shield {
            None => packet.len(),
            Some(shield) => match shield.open(packet) {
                Some(length) => length,
                None => return self.ear.reception.broken += 1,
            },
        };
        self.ear.grace = grace;
        self.ear.hear(&packet[..length], from, now);
    }
}

impl Port {
    /// Opens a port and reads what comes, on the lab's thread.
    pub fn open(ip: IpAddr, mouth: Mouth, ear: Ear, sloth: Arc<Sloth>, lab: &Handle) -> Arc<Self> {
        let _entered = lab.enter();
        let socket = even(ip);
        socket.set_nonblocking(true).expect("a socket may be told not to block");
        let socket = UdpSocket::from_std(socket).expect("the lab runs");
        let local = socket.local_addr().expect("a bound socket has an address");
        let ends = Mutex::new(Ends { mouth, ear, shield: None, mischief: None });
        let port =
            Arc::new(Self { socket, local, ends, closed: AtomicBool::new(false), reader: Mutex::new(None), sloth });
        let reader = lab.spawn(listen(port.clone()));
        *port.reader.lock().expect("no reader panics") = Some(reader.abort_handle());
        port
    }

    /// Where it is.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Its mouth and its ear.
    pub fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().expect("nobody panics with a port in hand")
    }

    /// Speaks and hears no more; what was heard stays.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.lock().expect("no reader panics").take() {
            reader.abort();
        }
    }

    fn speak(&self, packet: &mut Vec<u8>, now: Instant) {
        let mut ends = self.ends();
        ends.ear.expire(now);
        let Some(to) = ends.mouth.frame(packet, now) else { return };
        if let Some(shield) = &mut ends.shield {
            shield.protect(packet);
        }
        if let Some(mischief) = &mut ends.mischief {
            let packets = mischief(packet.clone());
            return packets.iter().for_each(|packet| self.send(packet, to));
        }
        drop(ends);
        self.send(packet, to);
    }

    /// Sends bytes as they are.
    pub fn send(&self, packet: &[u8], to: SocketAddr) {
        // A datagram that the kernel does not take is lost, as on any network; who listens will notice.
        let _sent_or_lost = SockRef::from(&self.socket).send_to(packet, &to.into());
    }
}

/// All ports of a lab, and whose turn it is.
pub(crate) struct Choir {
    sloth: Arc<Sloth>,
    slots: [Vec<Arc<Port>>; TICKS_A_FRAME],
    joined: usize,
    packet: Vec<u8>,
}

impl Choir {
    pub fn new(now: Instant) -> Self {
        Self { sloth: Arc::new(Sloth::new(now)), slots: Default::default(), joined: 0, packet: Vec::new() }
    }

    /// How late this lab is.
    pub fn sloth(&self) -> Arc<Sloth> {
        self.sloth.clone()
    }

    pub fn join(&mut self, port: Arc<Port>) {
        self.slots[self.joined % TICKS_A_FRAME].push(port);
        self.joined += 1;
    }

    /// Everybody whose turn it is speaks.
    pub fn tick(&mut self, number: usize, due: Instant, now: Instant) {
        self.sloth.beat(due, now);
        let slot = &mut self.slots[number % TICKS_A_FRAME];
        slot.retain(|port| !port.closed.load(Ordering::Relaxed));
        slot.iter().for_each(|port| port.speak(&mut self.packet, now));
    }
}

async fn listen(port: Arc<Port>) {
    let mut datagram = [0; LARGEST];
    loop {
        if let Ok((length, from)) = port.socket.recv_from(&mut datagram).await {
            let now = clock::now();
            port.ends().hear(&mut datagram[..length], from, now, port.sloth.grace(now));
        }
    }
}

fn even(ip: IpAddr) -> Unregistered {
    let bound = || Unregistered::bind((ip, 0)).unwrap_or_else(|error| panic!("no port for sound at {ip}: {error}"));
    let is_even = |socket: &Unregistered| socket.local_addr().is_ok_and(|at| at.port() % 2 == 0);
    // The odd ones are held meanwhile, so that they are not drawn again.
    let mut odd = Vec::new();
    for _ in 0..TRIES {
        let socket = bound();
        if is_even(&socket) {
            return socket;
        }
        odd.push(socket);
    }
    panic!("{TRIES} ports in a row were odd")
}
