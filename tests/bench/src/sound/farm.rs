//! One socket that is every party at once: it speaks to all legs at the pace of real time.
//!
//! A quarter of the legs each 5 ms, as phones do that started at their own times. What comes back is read and counted, and of
//! the legs that are sampled it is kept.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use patchcord_media::codec::{Kind, Settings};
use patchcord_media::rtp::packet::{HEAD, Head};
use patchcord_media::shard::clock::now;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::ears::Ear;
use super::talkers::{Choir, Talkers};

const SLOT: Duration = Duration::from_millis(5);
const SLOTS: usize = 4;
/// The longest packet that is read; one of Opus has a hundred bytes or so.
const LONGEST: usize = 1500;

/// The number under which a codec is spoken here.
#[must_use]
pub fn payload_type(kind: Kind) -> u8 {
    kind.payload_type().unwrap_or(96)
}

/// See the file.
pub struct Farm {
    socket: UdpSocket,
    legs: Vec<SocketAddr>,
    kind: Kind,
    choir: Choir,
    packet: Vec<u8>,
    sequence: u16,
    timestamp: u32,
    frame: usize,
    /// Legs of which everything that comes is kept.
    ears: HashMap<SocketAddr, Ear>,
    /// Packets that came back.
    pub came: u64,
    /// Packets that went out.
    pub went: u64,
}

impl Farm {
    /// A farm without legs.
    ///
    /// # Errors
    /// When the system gives no socket.
    pub fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 4 << 20)?;
        let choir = Choir::new(Kind::Pcmu, Talkers::Percent(100), &Settings::default());
        Ok(Self {
            socket,
            legs: Vec::new(),
            kind: Kind::Pcmu,
            choir,
            packet: Vec::with_capacity(HEAD + LONGEST),
            sequence: 0,
            timestamp: 0,
            frame: 0,
            ears: HashMap::new(),
            came: 0,
            went: 0,
        })
    }

    /// Where it is.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn place(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Speaks to these legs from now on, by that codec, these of them in a loud voice.
    pub fn speak_to(&mut self, legs: Vec<SocketAddr>, kind: Kind, talkers: Talkers) {
        self.legs = legs;
        self.kind = kind;
        self.choir = Choir::new(kind, talkers, &Settings::default());
        (self.sequence, self.timestamp, self.frame) = (0, 0, 0);
    }

    /// Keeps what comes from that leg from now on.
    pub fn sample(&mut self, leg: usize) {
        self.ears.insert(self.legs[leg], Ear::new(self.kind));
    }

    /// What that leg has heard, where it is sampled.
    #[must_use]
    pub fn sampled(&self, leg: usize) -> Option<&Ear> {
        self.ears.get(self.legs.get(leg)?)
    }

    /// Speaks and listens for so long.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn run(&mut self, duration: Duration) -> io::Result<()> {
        let start = now();
        let slots = (duration.as_millis() / SLOT.as_millis()) as u32;
        for slot in 0..slots {
            self.listen_until(start + SLOT * slot)?;
            self.speak(slot as usize % SLOTS);
        }
        Ok(())
    }

    fn speak(&mut self, slot: usize) {
        if slot == 0 {
            self.sequence = self.sequence.wrapping_add(1);
            self.timestamp = self.timestamp.wrapping_add(self.kind.ticks());
            self.frame += 1;
        }
        for number in (slot..self.legs.len()).step_by(SLOTS) {
            let head = Head {
                payload_type: payload_type(self.kind),
                marker: false,
                sequence: self.sequence,
                timestamp: self.timestamp,
                ssrc: number as u32 + 1,
            };
            head.packet(self.choir.says(number, self.frame), &mut self.packet);
            self.went += u64::from(self.socket.send_to(&self.packet, self.legs[number]).is_ok());
        }
    }

    fn listen_until(&mut self, until: Instant) -> io::Result<()> {
        let mut buffer = [0; LONGEST];
        loop {
            // Not more than a burst, so that speaking is never late.
            for _ in 0..2048 {
                if self.ears.is_empty() {
                    match self.socket.recv(&mut buffer) {
                        Ok(_) => self.came += 1,
                        Err(_) => break,
                    }
                    continue;
                }
                let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { break };
                self.came += 1;
                if let Some(ear) = self.ears.get_mut(&from) {
                    ear.hear(&buffer[..length]);
                }
            }
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                return Ok(());
            }
            let timeout = Timespec { tv_sec: 0, tv_nsec: left.subsec_nanos().into() };
            poll(&mut [PollFd::new(&self.socket, PollFlags::empty())], Some(&timeout))?;
        }
    }
}
