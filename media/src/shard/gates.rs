//! The sockets that browsers share: one for each media thread and address of ours, opened when the first browser needs it.
//!
//! Everything here happens on the thread of whoever opens a port.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

use rustix::net::sockopt;

use super::opening::{Open, OpenError, Opened, bind_pair};
use super::order::{Command, Opening, PortId};
use super::plane::{Plane, lock};
use super::porch::{Guest, Wish};
use super::port::Wire;
use crate::browser::{Credentials, Identity};
use crate::rtp::ports::Range;
use crate::sdp::Place;
use crate::sdp::description::Host;
use crate::sdp::dtls::Fingerprint;
use crate::sdp::ice::{Candidate, Ice, Origin};

/// The most gates of one thread: a machine has a few addresses.
const MOST_GATES: usize = 16;

/// RFC 8445 §5.1.2: what a host's address is worth, and one that others see; each the only one of its kind.
const HOST_WORTH: u32 = 126;
const SEEN_WORTH: u32 = 100;
const LOWER_PRIORITY: u32 = (0xffff << 8) | 255;

/// What a gate may hold back: a second of packets of a few hundred browsers, as far as the system allows.
const BACKLOG_BYTES: usize = 4 * 1024 * 1024;

/// A port that waits for a browser.
#[derive(Debug, Clone)]
pub struct OpenedBrowser {
    /// The port.
    pub opened: Opened,
    /// By which the browser finds it.
    pub credentials: Credentials,
    /// The certificate that it will be shown.
    pub fingerprint: Fingerprint,
    /// The source that it will hear.
    pub source: u32,
    /// Whether we look for it, or only wait until it comes.
    pub is_full: bool,
}

impl OpenedBrowser {
    /// What a description says of it, to whoever sees our address as `shown`.
    #[must_use]
    pub fn place(&self, shown: IpAddr) -> Place {
        let at = SocketAddr::new(shown, self.opened.rtp.port());
        let candidate = |foundation: &str, origin, worth: u32, ip| Candidate {
            foundation: foundation.to_owned(),
            component: 1,
            transport: "udp".to_owned(),
            priority: (worth << 24) | LOWER_PRIORITY,
            host: Host::Ip(ip),
            port: at.port(),
            origin,
        };
        let own = self.opened.rtp.ip();
        let candidates = if self.is_full && own != shown {
            // Whoever is on our side of the router finds us there.
            vec![
                candidate("1", Origin::Host, HOST_WORTH, own),
                candidate("2", Origin::ServerReflexive, SEEN_WORTH, shown),
            ]
        } else {
            vec![candidate("1", Origin::Host, HOST_WORTH, shown)]
        };
        let ice = Ice {
            ufrag: self.credentials.ufrag.clone(),
            pwd: self.credentials.pwd.clone(),
            lite: !self.is_full,
            trickle: false,
            complete: true,
            candidates,
        };
        Place {
            fingerprint: Some(self.fingerprint.clone()),
            ice: Some(ice),
            // By the name that its reports say, too.
            source: Some((self.source, format!("{:08x}", self.source))),
            ..Place::new(at, None)
        }
    }
}

/// One gate as its thread knows it.
#[derive(Clone)]
struct Gate {
    number: u32,
    socket: Arc<UdpSocket>,
    address: SocketAddr,
}

/// See the module.
pub(super) struct Gates {
    pub identity: Arc<Identity>,
    open: Mutex<HashMap<usize, HashMap<IpAddr, Gate>>>,
    /// Numbers of their own, where they have some.
    pub numbers: Option<Mutex<Range>>,
}

impl Gates {
    pub fn new(identity: Arc<Identity>, numbers: Option<Range>) -> Self {
        Self { identity, open: Mutex::default(), numbers: numbers.map(Mutex::new) }
    }
}

impl Plane {
    /// Opens a port for a browser. It is heard when it was tuned, has passed a check and proven its certificate. `is_full`: we
    /// look for it, as whoever offers does; otherwise it looks for us.
    ///
    /// # Errors
    /// When there is no room for it; the reason says which.
    pub fn open_browser(&self, wanted: &Open, is_full: bool) -> Result<OpenedBrowser, OpenError> {
        let (id, shard) = self.reserve(wanted)?;
        let opened = self.open_guest(wanted, id, shard, is_full);
        if opened.is_err() {
            self.release(id);
        }
        opened
    }

    fn open_guest(&self, wanted: &Open, id: PortId, shard: usize, is_full: bool) -> Result<OpenedBrowser, OpenError> {
        let gate = self.gate(shard, wanted.address)?;
        let credentials = Credentials::fresh().map_err(|_| OpenError::NoChance)?;
        let (ssrc, timestamp, sequence) = super::plane::chances().map_err(|_| OpenError::NoChance)?;
        let opened = Opened { port: id, rtp: gate.address, rtcp: None };
        let rtp = Wire::shared(Arc::clone(&gate.socket));
        let (listener, home) = (wanted.listener, Some(shard));
        let opening = Opening { id, listener, rtp, rtcp: None, home, ssrc, timestamp, sequence };
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).map_err(|_| OpenError::NoChance)?;
        // Ports are numbered one by one: two of one thread that have the same half of their number never live at once.
        let full = is_full.then_some((id.0 as u32, seed));
        let guest = Guest::new(id, (gate.number, gate.address), gate.socket, &credentials, full);
        self.send(shard, Command::Host(Box::new(opening), Box::new(guest))).map_err(|_| OpenError::Busy)?;
        let fingerprint = self.gates().identity.fingerprint().clone();
        Ok(OpenedBrowser { opened, credentials, fingerprint, source: ssrc, is_full })
    }

    /// Opens a port for the pictures of a browser whose sound has that one: they go the same way.
    ///
    /// # Errors
    /// When there is no room for it; the reason says which.
    pub fn open_pictures(&self, wanted: &Open, sound: Opened) -> Result<(Opened, u32), OpenError> {
        let (id, shard) = self.reserve(wanted)?;
        let opened = self.share_gate(wanted, id, shard, sound);
        if opened.is_err() {
            self.release(id);
        }
        opened
    }

    fn share_gate(&self, wanted: &Open, id: PortId, shard: usize, sound: Opened) -> Result<(Opened, u32), OpenError> {
        let (home, gate) = self.gate_at(sound.rtp).ok_or(OpenError::NoGate)?;
        let (ssrc, timestamp, sequence) = super::plane::chances().map_err(|_| OpenError::NoChance)?;
        let rtp = Wire::shared(gate.socket);
        let (listener, home_of) = (wanted.listener, Some(home));
        let opening = Opening { id, listener, rtp, rtcp: None, home: home_of, ssrc, timestamp, sequence };
        self.send(shard, Command::Open(Box::new(opening))).map_err(|_| OpenError::Busy)?;
        self.send(home, Command::Wish(id, Wish::Share(sound.port, shard))).map_err(|_| OpenError::Busy)?;
        Ok((Opened { port: id, rtp: gate.address, rtcp: None }, ssrc))
    }

    /// The gate with this address, and its thread.
    fn gate_at(&self, address: SocketAddr) -> Option<(usize, Gate)> {
        let open = lock(&self.gates().open);
        let all = open.iter().flat_map(|(shard, gates)| gates.values().map(move |gate| (*shard, gate)));
        all.into_iter().find(|(_, gate)| gate.address == address).map(|(shard, gate)| (shard, gate.clone()))
    }

    /// The gate of a thread at an address of ours.
    fn gate(&self, shard: usize, address: IpAddr) -> Result<Gate, OpenError> {
        let gates = self.gates();
        let mut open = lock(&gates.open);
        let own = open.entry(shard).or_default();
        if let Some(gate) = own.get(&address) {
            return Ok(gate.clone());
        }
        if own.len() >= MOST_GATES {
            return Err(OpenError::TooManyGates(MOST_GATES));
        }
        let numbers = gates.numbers.as_ref().unwrap_or(self.numbers());
        let (_, socket, _) = bind_pair(numbers, address, false)?;
        let cannot = |source| OpenError::Bind { address, source };
        sockopt::set_socket_recv_buffer_size(&socket, BACKLOG_BYTES).map_err(|error| cannot(error.into()))?;
        let (address, socket) = (socket.local_addr().map_err(cannot)?, Arc::new(socket));
        let number = u32::try_from(own.len()).expect("a few gates");
        self.send(shard, Command::Gate(Arc::clone(&socket))).map_err(|_| OpenError::Busy)?;
        let gate = Gate { number, socket, address };
        own.insert(address.ip(), gate.clone());
        Ok(gate)
    }
}
