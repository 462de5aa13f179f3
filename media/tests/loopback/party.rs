//! One party at a port: it speaks a tone of its own and keeps everything that came.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use patchcord_media::codec::{Encoder, Kind, Settings};
use patchcord_media::dtmf::{self, Key, tones};
use patchcord_media::rtp::packet::{Head, MAX_PACKET, View};
use patchcord_media::rtp::rtcp::Carried;
use patchcord_media::rtp::srtp::{GROWTH, Receiver, Sender};
use patchcord_media::shard::PortId;
use patchcord_media::tone::Tone;

use super::ears;

/// How loud everybody speaks.
pub const VOICE_DB: f64 = -15.0;

/// A packet, and when it came or went.
#[derive(Clone)]
pub struct Packet {
    pub at: Instant,
    pub head: Head,
    pub payload: Vec<u8>,
}

/// What becomes of a packet on its way to us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Goes,
    Lost,
    Twice,
    /// Behind the next.
    Late,
}

/// See the module.
pub struct Party {
    pub name: &'static str,
    pub hz: f64,
    pub kind: Kind,
    pub payload_type: u8,
    pub socket: UdpSocket,
    pub port: PortId,
    /// Where its port listens.
    pub there: SocketAddr,
    pub is_mute: bool,
    /// Sends nothing by itself.
    pub is_silent: bool,
    /// By the number of the packet.
    pub weather: fn(usize) -> Fate,
    late: Option<Vec<u8>>,
    pub sent: Vec<Packet>,
    pub heard: Vec<Packet>,
    /// What came before it was forgotten; decoders remember it.
    before: Vec<Packet>,
    /// Datagrams that were no RTP.
    pub strange: Vec<Vec<u8>>,
    guard: Option<(Sender, Receiver)>,
    keys: dtmf::Sender,
    tones: Option<Tone>,
    encoder: Box<dyn Encoder>,
    pub head: Head,
    spoken: usize,
}

impl Party {
    pub fn new(name: &'static str, kind: Kind, hz: f64, socket: UdpSocket, port: PortId, there: SocketAddr) -> Self {
        let payload_type = kind.payload_type().unwrap_or(96);
        let encoder = kind.encoder(&Settings::default()).expect("a codec that we speak");
        let ssrc = u32::from_be_bytes([name.as_bytes()[0], 1, 2, 3]);
        let head = Head { payload_type, marker: false, sequence: 65_530, timestamp: 4_294_960_000, ssrc };
        let (sent, heard, before) = (Vec::new(), Vec::new(), Vec::new());
        let (is_mute, strange, guard, tones) = (false, Vec::new(), None, None);
        let keys = dtmf::Sender::new(8000);
        Self {
            name,
            hz,
            kind,
            payload_type,
            socket,
            port,
            there,
            is_mute,
            is_silent: false,
            weather: |_| Fate::Goes,
            late: None,
            sent,
            heard,
            before,
            strange,
            guard,
            keys,
            tones,
            encoder,
            head,
            spoken: 0,
        }
    }

    /// Speaks another codec from now on, in the same stream.
    pub fn speak_by(&mut self, kind: Kind) {
        self.kind = kind;
        self.payload_type = kind.payload_type().unwrap_or(96);
        self.head.payload_type = self.payload_type;
        self.encoder = kind.encoder(&Settings::default()).expect("a codec that we speak");
    }

    /// Protects what it says, and opens what it hears.
    pub fn protect(&mut self, sender: Sender, receiver: Receiver) {
        self.guard = Some((sender, receiver));
    }

    /// Presses a key, by events beside the sound.
    pub fn press(&mut self, key: Key, held: Duration) {
        self.keys.press(key, held).expect("room for a key");
    }

    /// Presses a key, by tones in the sound.
    pub fn say_tones(&mut self, key: Key) {
        let rate = self.kind.rate();
        self.tones = Some(tones::sound(rate, &[key], Duration::from_millis(120)));
    }

    /// Sends bytes as they are.
    pub fn send_open(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.there).expect("loopback takes a packet");
    }

    /// Another stream: other numbers, another time, another name.
    pub fn start_afresh(&mut self) {
        self.head.ssrc = !self.head.ssrc;
        self.head.sequence = self.head.sequence.wrapping_sub(20_000);
        self.head.timestamp = self.head.timestamp.wrapping_mul(7);
    }

    /// Sends a payload of so many ticks under the next number.
    pub fn send_for(&mut self, payload: &[u8], ticks: u32, now: Instant) {
        self.send(payload, now);
        self.head.timestamp = self.head.timestamp.wrapping_add(ticks);
    }

    /// Says the next 20 ms.
    pub fn speak(&mut self, now: Instant) {
        if self.is_silent {
            return;
        }
        if let Some(event) = self.keys.next(self.head.timestamp) {
            let sound = self.head;
            self.head = Head { payload_type: 101, timestamp: event.timestamp, marker: event.marker, ..sound };
            self.send(&event.payload, now);
            self.head = Head { sequence: self.head.sequence, ..sound };
            self.head.timestamp = self.head.timestamp.wrapping_add(self.kind.ticks());
            return;
        }
        let rate = self.kind.rate();
        let mut sound = match self.is_mute {
            true => vec![0; rate.samples()],
            false => ears::tone(rate, self.hz, VOICE_DB, self.spoken, rate.samples()),
        };
        if let Some(tones) = &mut self.tones {
            sound.clear();
            tones.fill(rate.samples(), &mut sound);
            sound.resize(rate.samples(), 0);
        }
        self.spoken += rate.samples();
        let mut payload = Vec::new();
        self.encoder.encode(&sound, &mut payload);
        self.send(&payload, now);
        self.head.timestamp = self.head.timestamp.wrapping_add(self.kind.ticks());
    }

    /// Sends a payload under the next number.
    pub fn send(&mut self, payload: &[u8], now: Instant) {
        self.head.sequence = self.head.sequence.wrapping_add(1);
        let mut packet = Vec::new();
        self.head.packet(payload, &mut packet);
        if let Some((sender, _)) = &mut self.guard {
            let length = packet.len();
            packet.resize(length + GROWTH, 0);
            let grown = sender.protect(&mut packet, length).expect("a packet of ours");
            packet.truncate(grown);
        }
        let fate = (self.weather)(self.sent.len());
        self.sent.push(Packet { at: now, head: self.head, payload: payload.to_vec() });
        match fate {
            Fate::Lost => {}
            Fate::Goes => self.send_open(&packet),
            Fate::Twice => (0..2).for_each(|_| self.send_open(&packet)),
            Fate::Late => self.late = Some(std::mem::take(&mut packet)),
        }
        if fate != Fate::Late
            && let Some(late) = self.late.take()
        {
            self.send_open(&late);
        }
    }

    /// Keeps what waits in the socket.
    pub fn listen(&mut self, now: Instant) {
        let mut buffer = [0; MAX_PACKET];
        while let Ok((mut length, from)) = self.socket.recv_from(&mut buffer) {
            // The number of this socket was another's a moment ago, and somebody may still send to him: what comes from
            // elsewhere cannot be under our key.
            if self.guard.is_some() && from != self.there {
                continue;
            }
            // A browser is asked again for its handshake, and answered when it checks.
            if self.guard.is_some() && matches!(Carried::by(&buffer[..length]), Carried::Stun | Carried::Dtls) {
                continue;
            }
            if let Some((_, receiver)) = &mut self.guard {
                // Reports come by the same socket, the first after a second or two.
                if matches!(Carried::by(&buffer[..length]), Carried::Rtcp) {
                    receiver.unprotect_report(&mut buffer[..length]).expect("a report under our key");
                    continue;
                }
                length = receiver.unprotect(&mut buffer[..length]).expect("a packet under our key");
            }
            match View::parse(&buffer[..length]) {
                Ok(view) => {
                    self.heard.push(Packet { at: now, head: view.head(), payload: view.payload().to_vec() });
                }
                Err(_) => self.strange.push(buffer[..length].to_vec()),
            }
        }
    }

    /// Forgets what was heard and said so far.
    pub fn forget(&mut self) {
        self.sent.clear();
        self.before.append(&mut self.heard);
    }

    /// The sound that came, in the order of its numbers, with silence where a packet is missing in time.
    pub fn sound(&self) -> Vec<i16> {
        let Some(first) = self.heard.first() else { return Vec::new() };
        let mut decoder = self.kind.decoder().expect("a codec that we speak");
        let mut packets = BTreeMap::new();
        let all = self.before.iter().chain(&self.heard);
        for packet in all.filter(|packet| packet.head.payload_type == self.payload_type) {
            packets.insert(packet.head.timestamp.wrapping_sub(first.head.timestamp) as i32, &packet.payload);
        }
        let (mut sound, mut earlier) = (Vec::new(), Vec::new());
        let ticks_per_sample = f64::from(self.kind.rate().hz()) / f64::from(self.kind.clock_hz());
        for (time, payload) in packets {
            if time < 0 {
                decoder.decode(payload, &mut earlier).expect("a payload of the codec");
                continue;
            }
            let place = (f64::from(time) * ticks_per_sample) as usize;
            if place > sound.len() {
                sound.resize(place, 0);
            }
            decoder.decode(payload, &mut sound).expect("a payload of the codec");
        }
        sound
    }

    /// How loud a tone came.
    pub fn level_db(&self, hz: f64) -> f64 {
        ears::level_db(&self.sound(), self.kind.rate(), hz)
    }

    /// The longest time between two packets that came.
    pub fn longest_wait(&self) -> Duration {
        let waits = self.heard.windows(2).map(|pair| pair[1].at.saturating_duration_since(pair[0].at));
        waits.max().unwrap_or(Duration::MAX)
    }
}
