//! The socket of a call, with a mouth and an ear.
//!
//! All ports of a lab are served by one thread: it reads what comes when it comes, and has the mouths of a quarter of the
//! ports speak with each tick of the [beat](crate::clock::beat).

use std::net::{IpAddr, SocketAddr, UdpSocket as Unregistered};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use patchcord_media::rtp::rtcp::Carried;
use socket2::SockRef;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::ear::Ear;
use super::mouth::Mouth;
use super::report::Reporter;
use super::shield::Shield;
use crate::clock::{self, Sloth, TICKS_A_FRAME};

/// Tries until a free port has an even number: the odd one behind it is where others send their reports.
const TRIES: usize = 64;
/// The largest datagram that is looked at.
const LARGEST: usize = 2048;

/// See the module.
pub(crate) struct Port {
    socket: UdpSocket,
    /// For reports, where the model wants them; the port behind that of the sound.
    beside: Option<UdpSocket>,
    local: SocketAddr,
    ends: Mutex<Ends>,
    closed: AtomicBool,
    readers: Mutex<Vec<AbortHandle>>,
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
    pub reporter: Option<Reporter>,
    /// Where reports go, and whether on the way of the sound.
    pub reports_to: Option<(SocketAddr, bool)>,
}

impl Ends {
    /// A datagram came, with sound or with a report.
    fn take(&mut self, datagram: &mut [u8], from: SocketAddr, now: Instant, grace: Duration) {
        if Carried::by(datagram) == Carried::Rtcp {
            self.told(datagram, now)
        } else {
            self.hear(datagram, from, now, grace)
        }
    }

    fn told(&mut self, report: &mut [u8], now: Instant) {
        let Some(reporter) = &mut self.reporter else { return };
        let open = match &mut self.shield {
            None => Some(report.len()),
            Some(shield) => shield.open_report(report),
        };
        let understood = open.is_some_and(|length| reporter.told(&report[..length], now));
        self.ear.reception.broken += u64::from(!understood);
    }

    /// The report that is due, and where it goes.
    fn report(&mut self, now: Instant, report: &mut Vec<u8>) -> Option<(SocketAddr, bool)> {
        let to = self.reports_to?;
        if !self.reporter.as_mut()?.due(now, report) {
            return None;
        }
        if let Some(shield) = &mut self.shield {
            shield.protect_report(report);
        }
        Some(to)
    }

    fn hear(&mut self, packet: &mut [u8], from: SocketAddr, now: Instant, grace: Duration) {
        let length = match &mut self.shield {
            None => packet.len(),
            Some(shield) => match shield.open(packet) {
                Some(length) => length,
                None => return self.ear.reception.broken += 1,
            },
        };
        self.ear.grace = grace;
        if let Some(reporter) = &mut self.reporter {
            reporter.heard(&packet[..length], now);
        }
        self.ear.hear(&packet[..length], from, now);
    }
}

impl Port {
    /// Opens a port and reads what comes, on the lab's thread; one behind it as well where there are reports.
    pub fn open(ip: IpAddr, mouth: Mouth, ear: Ear, reports: bool, sloth: Arc<Sloth>, lab: &Handle) -> Arc<Self> {
        let _entered = lab.enter();
        let (socket, beside) = pair(ip, reports);
        let socket = registered(socket);
        let local = socket.local_addr().expect("a bound socket has an address");
        let reporter = reports.then(|| Reporter::new(mouth.ssrc(), clock::now()));
        let ends = Mutex::new(Ends { mouth, ear, shield: None, mischief: None, reporter, reports_to: None });
        let beside = beside.map(registered);
        let (closed, readers) = (AtomicBool::new(false), Mutex::default());
        let port = Arc::new(Self { socket, beside, local, ends, closed, readers, sloth });
        let mut readers = vec![lab.spawn(listen(port.clone())).abort_handle()];
        readers.extend(reports.then(|| lab.spawn(listen_beside(port.clone())).abort_handle()));
        *port.readers.lock().expect("no reader panics") = readers;
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
        self.readers.lock().expect("no reader panics").drain(..).for_each(|reader| reader.abort());
    }

    /// Forgets what was heard, to have the room.
    pub fn forget(&self) {
        self.ends().ear.forget();
    }

    fn speak(&self, packet: &mut Vec<u8>, now: Instant) {
        let mut ends = self.ends();
        ends.ear.expire(now);
        if let Some((to, with_sound)) = ends.report(now, packet) {
            let socket = if with_sound { Some(&self.socket) } else { self.beside.as_ref() };
            let _sent_or_lost = socket.map(|socket| SockRef::from(socket).send_to(packet, &to.into()));
        }
        let Some(to) = ends.mouth.frame(packet, now) else { return };
        if let Some(reporter) = &mut ends.reporter {
            reporter.said(packet, now);
        }
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
            port.ends().take(&mut datagram[..length], from, now, port.sloth.grace(now));
        }
    }
}

async fn listen_beside(port: Arc<Port>) {
    let socket = port.beside.as_ref().expect("a port with reports has a second socket");
    let mut datagram = [0; LARGEST];
    loop {
        if let Ok(length) = socket.recv(&mut datagram).await {
            port.ends().told(&mut datagram[..length], clock::now());
        }
    }
}

fn registered(socket: Unregistered) -> UdpSocket {
    socket.set_nonblocking(true).expect("a socket may be told not to block");
    UdpSocket::from_std(socket).expect("the lab runs")
}

/// A socket with an even port, and the one behind it where that is wanted.
fn pair(ip: IpAddr, both: bool) -> (Unregistered, Option<Unregistered>) {
    let bound = || Unregistered::bind((ip, 0)).unwrap_or_else(|error| panic!("no port for sound at {ip}: {error}"));
    // Those that do not fit are held meanwhile, so that they are not drawn again.
    let mut unfit = Vec::new();
    for _ in 0..TRIES {
        let socket = bound();
        let port = socket.local_addr().map_or(1, |at| at.port());
        let beside = if both { Unregistered::bind((ip, port | 1)).ok() } else { None };
        if port % 2 == 0 && beside.is_some() == both {
            return (socket, beside);
        }
        unfit.push(socket);
    }
    panic!("of {TRIES} ports in a row none was fit for sound")
}
