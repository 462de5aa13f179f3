//! One socket that is every party at once: it speaks to all legs at the pace of real time.
//!
//! A quarter of the legs each 5 ms, as phones do that started at their own times. What comes back is read and counted.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use patchcord_media::rtp::packet::{HEAD, Head};
use patchcord_media::shard::clock::now;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

const SLOT: Duration = Duration::from_millis(5);
const SLOTS: usize = 4;

/// See the file.
pub struct Farm {
    socket: UdpSocket,
    legs: Vec<SocketAddr>,
    /// The payload of talkers and of the silent.
    voices: [Vec<u8>; 2],
    packet: Vec<u8>,
    sequence: u16,
    timestamp: u32,
    /// How many of a hundred legs speak; the others are silent.
    talking_percent: usize,
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
        // µ-law: a square tone of 400 Hz at -15 dB or so, and silence.
        let tone = (0..160).map(|number| if number / 10 % 2 == 0 { 0x9f } else { 0x1f }).collect();
        let voices = [tone, vec![0xff; 160]];
        let (legs, packet) = (Vec::new(), Vec::with_capacity(HEAD + 160));
        Ok(Self { socket, legs, voices, packet, sequence: 0, timestamp: 0, talking_percent: 100, came: 0, went: 0 })
    }

    /// Where it is.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn place(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Speaks to these legs from now on, so many of a hundred in a loud voice.
    pub fn speak_to(&mut self, legs: Vec<SocketAddr>, talking_percent: usize) {
        self.legs = legs;
        self.talking_percent = talking_percent;
        self.sequence = 0;
        self.timestamp = 0;
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
            self.timestamp = self.timestamp.wrapping_add(160);
        }
        for number in (slot..self.legs.len()).step_by(SLOTS) {
            let head = Head {
                payload_type: 0,
                marker: false,
                sequence: self.sequence,
                timestamp: self.timestamp,
                ssrc: number as u32 + 1,
            };
            let voice = usize::from(number * 37 % 100 >= self.talking_percent);
            head.packet(&self.voices[voice], &mut self.packet);
            self.went += u64::from(self.socket.send_to(&self.packet, self.legs[number]).is_ok());
        }
    }

    fn listen_until(&mut self, until: Instant) -> io::Result<()> {
        let mut buffer = [0; 256];
        loop {
            // Not more than a burst, so that speaking is never late.
            for _ in 0..2048 {
                match self.socket.recv(&mut buffer) {
                    Ok(_) => self.came += 1,
                    Err(_) => break,
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
