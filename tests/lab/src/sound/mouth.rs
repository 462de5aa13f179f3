//! What is said, as packets: a frame each 20 ms, keys in its place while they are pressed.
//!
//! A tone through a codec without memory is encoded once, for hundreds of phones speak on one thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use patchcord_media::codec::{Encoder, Kind, Settings};
use patchcord_media::dtmf::{Key, Sender};
use patchcord_media::rtp::packet::Head;
use patchcord_media::tone::Tone;

use super::keypad;
use super::speech::{Reel, Speech};

/// See the module.
pub(crate) struct Mouth {
    speech: Speech,
    codec: Option<Spoken>,
    keys: Option<(u8, Sender)>,
    tones: Option<Tone>,
    to: Option<SocketAddr>,
    head: Head,
    sent: u64,
    /// When the first packet of this speech went out.
    began: Option<Instant>,
    frame: Vec<i16>,
    payload: Vec<u8>,
}

/// A speech under way in a codec.
struct Spoken {
    payload_type: u8,
    kind: Kind,
    encoder: Box<dyn Encoder>,
    reel: Reel,
    /// All payloads of a speech that goes round, and the next of them.
    round: Vec<Vec<u8>>,
    at: usize,
}

impl Spoken {
    fn new(payload_type: u8, kind: Kind, speech: &Speech) -> Option<Self> {
        // Libopus at full effort takes a tenth of a core in debug builds, and a tone does not need it.
        let settings = Settings { complexity: 1, ..Settings::default() };
        let mut encoder = kind.encoder(&settings)?;
        let reel = Reel::new(speech, kind.rate());
        let mut round = Vec::new();
        if let (Kind::Pcmu | Kind::Pcma | Kind::L16(_), Some(samples)) = (kind, reel.round()) {
            for frame in samples.chunks_exact(kind.rate().samples()) {
                let mut payload = Vec::new();
                encoder.encode(frame, &mut payload);
                round.push(payload);
            }
        }
        Some(Self { payload_type, kind, encoder, reel, round, at: 0 })
    }
}

impl Mouth {
    /// One that says nothing to nobody yet. `random` makes its stream unlike any other.
    pub fn new(speech: Speech, random: u64) -> Self {
        let head = Head {
            payload_type: 0,
            marker: true,
            sequence: random as u16,
            timestamp: (random >> 16) as u32,
            ssrc: (random >> 32) as u32,
        };
        Self {
            speech,
            codec: None,
            keys: None,
            tones: None,
            to: None,
            head,
            sent: 0,
            began: None,
            frame: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// Speaks in this codec from now on, under this payload type.
    pub fn agree(&mut self, codec: Option<(u8, Kind)>, keys: Option<(u8, u32)>) {
        let spoken = self.codec.as_ref().map(|spoken| (spoken.payload_type, spoken.kind));
        if spoken != codec {
            self.codec = codec.and_then(|(number, kind)| Spoken::new(number, kind, &self.speech));
        }
        if self.keys.as_ref().map(|(number, _)| *number) != keys.map(|(number, _)| number) {
            self.keys = keys.map(|(number, clock_hz)| (number, Sender::new(clock_hz)));
        }
    }

    /// Whom it speaks to; `None`: it says nothing, and time goes on.
    pub fn turn_to(&mut self, to: Option<SocketAddr>) {
        self.head.marker |= self.to.is_none();
        self.to = to;
    }

    /// Says something else from now on.
    pub fn say(&mut self, speech: Speech) {
        self.speech = speech;
        self.began = None;
        if let Some(spoken) = self.codec.take() {
            self.codec = Spoken::new(spoken.payload_type, spoken.kind, &self.speech);
        }
    }

    /// Whether a file has been said to its end.
    pub fn is_done(&self) -> bool {
        self.codec.as_ref().is_some_and(|spoken| spoken.reel.is_over())
    }

    /// Presses keys as events beside the sound; panics when that was not agreed.
    pub fn press_events(&mut self, keys: &[Key], each: Duration) {
        let (_, sender) = self.keys.as_mut().expect("telephone-event was agreed in this call");
        keys.iter().for_each(|&key| sender.press(key, each).expect("room for the keys"));
    }

    /// Presses keys as tones in the sound.
    pub fn press_tones(&mut self, keys: &[Key], each: Duration) {
        let rate = self.codec.as_ref().expect("a codec was agreed in this call").kind.rate();
        self.tones = Some(Tone::new(rate, keys.iter().flat_map(|key| keypad::sines(*key, each)).collect(), false));
    }

    /// Whether every key has been sent.
    pub fn is_idle(&self) -> bool {
        self.tones.is_none() && self.keys.as_ref().is_none_or(|(_, sender)| sender.is_idle())
    }

    /// The name of its stream.
    pub fn ssrc(&self) -> u32 {
        self.head.ssrc
    }

    /// How many packets it has sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// When the first packet of what it says now went out.
    pub fn began(&self) -> Option<Instant> {
        self.began
    }

    /// The packet of the next 20 ms, and to whom it goes.
    pub fn frame(&mut self, packet: &mut Vec<u8>, now: Instant) -> Option<SocketAddr> {
        let spoken = self.codec.as_mut()?;
        let timestamp = self.head.timestamp;
        self.head.timestamp = timestamp.wrapping_add(spoken.kind.ticks());
        let event = self.keys.as_mut().and_then(|(number, sender)| Some((*number, sender.next(timestamp)?)));
        self.payload.clear();
        let mut head = Head { timestamp, payload_type: spoken.payload_type, ..self.head };
        if let Some((number, out)) = event {
            head.payload_type = number;
            (head.timestamp, head.marker) = (out.timestamp, out.marker);
            self.payload.extend_from_slice(&out.payload);
        } else {
            spoken.say(&mut self.tones, &mut self.frame, &mut self.payload);
        }
        // A codec that says nothing while nobody speaks.
        if self.payload.is_empty() {
            return None;
        }
        let to = self.to?;
        head.packet(&self.payload, packet);
        self.head.sequence = self.head.sequence.wrapping_add(1);
        self.head.marker = false;
        self.sent += 1;
        self.began.get_or_insert(now);
        Some(to)
    }
}

impl Spoken {
    fn say(&mut self, tones: &mut Option<Tone>, frame: &mut Vec<i16>, payload: &mut Vec<u8>) {
        let count = self.kind.rate().samples();
        self.reel.frame(count, frame);
        let next = self.at;
        self.at = (next + 1) % self.round.len().max(1);
        if let Some(tone) = tones {
            frame.clear();
            let said = tone.fill(count, frame);
            frame.resize(count, 0);
            if said < count {
                *tones = None;
            }
        } else if let Some(ready) = self.round.get(next) {
            payload.extend_from_slice(ready);
            return;
        }
        self.encoder.encode(frame, payload);
    }
}
