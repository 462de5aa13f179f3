//! Packets of others, decoded and put on the tape where their timestamps say.
//!
//! The first packet of a stream lies where it came; each later one lies as far behind it as its timestamp says. What comes
//! later than [`LATEST`] after its place would have missed any player and is counted, not kept; when the lab itself was
//! late, by that much later. A stream whose clock jumps or stands still, or that another one takes the place of, begins anew
//! where it is.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use patchcord_media::codec::resample::Resampler;
use patchcord_media::codec::{Decoder, Kind};
use patchcord_media::dtmf::{News, Press, Receiver, receiver};
use patchcord_media::frame::Rate;
use patchcord_media::rtp::packet::View;

use super::tape::Tape;

/// A player would wait for a packet for so long; the house's own jitter buffer does.
pub(crate) const LATEST: Duration = Duration::from_millis(200);
/// A stream that is further ahead of its time than this has another clock now.
const FURTHEST: Duration = Duration::from_secs(1);
/// So many late packets in a row are no accident: the stream has another clock now.
const LATE_IN_A_ROW: u32 = 10;
/// The arrivals that are remembered: ten seconds of packets.
const ARRIVALS: usize = 500;

/// What a phone has received in a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reception {
    /// Packets of sound that were heard.
    pub packets: u64,
    /// Packets that the numbers say were sent and that never came, or came too late.
    pub lost: u64,
    /// Packets that came too late to be heard.
    pub late: u64,
    /// Packets that came twice.
    pub repeated: u64,
    /// How often a stream began: once in a call that nobody disturbs.
    pub streams: u64,
    /// Packets of a payload type that was not agreed.
    pub unknown: u64,
    /// Packets that are no RTP, are not of their codec, or do not prove themselves.
    pub broken: u64,
    /// Where the last one came from.
    pub from: Option<SocketAddr>,
}

/// The stream that is heard now.
struct Stream {
    ssrc: u32,
    kind: Kind,
    /// A timestamp, and the place on the tape where it lies.
    timestamp: u32,
    place: u64,
    highest: u16,
    late: u32,
}

/// See the module.
pub(crate) struct Ear {
    tape: Tape,
    decoders: Vec<(u8, Kind, Box<dyn Decoder>)>,
    resampler: Option<(Rate, Resampler)>,
    keys: Option<(u8, Receiver)>,
    stream: Option<Stream>,
    arrivals: VecDeque<(u64, Instant)>,
    sound: Vec<i16>,
    at_rate: Vec<i16>,
    pub pressed: Vec<Press>,
    pub reception: Reception,
    /// Counts packets and hears nothing: for hundreds of phones that only make load.
    pub deaf: bool,
    /// How late the lab itself may be at the moment.
    pub grace: Duration,
}

impl Ear {
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            tape: Tape::new(rate, now),
            decoders: Vec::new(),
            resampler: None,
            keys: None,
            stream: None,
            arrivals: VecDeque::with_capacity(ARRIVALS),
            sound: Vec::new(),
            at_rate: Vec::new(),
            pressed: Vec::new(),
            reception: Reception::default(),
            deaf: false,
            grace: Duration::ZERO,
        }
    }

    /// From now on these payload types mean these codecs, and that one keys.
    pub fn agree(&mut self, codecs: &[(u8, Kind)], keys: Option<(u8, u32)>) {
        let same = self.decoders.iter().map(|(number, kind, _)| (*number, *kind)).eq(codecs.iter().copied());
        if !same {
            let decoders = codecs.iter().filter_map(|&(number, kind)| Some((number, kind, kind.decoder()?)));
            self.decoders = decoders.collect();
        }
        if self.keys.as_ref().map(|(number, _)| *number) != keys.map(|(number, _)| number) {
            self.keys = keys.map(|(number, clock_hz)| (number, Receiver::new(clock_hz)));
        }
    }

    /// Forgets the sound; what was counted stays.
    pub fn forget(&mut self) {
        self.tape = Tape::new(self.tape.rate(), self.tape.moment(0));
        (self.decoders, self.resampler, self.arrivals) = (Vec::new(), None, VecDeque::new());
    }

    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// When the packet came in which that place of the tape lies, and the place where it begins.
    pub fn arrival(&self, place: u64) -> Option<(u64, Instant)> {
        self.arrivals.iter().rev().find(|(begins, _)| *begins <= place).copied()
    }

    /// A packet, open and proved.
    pub fn hear(&mut self, packet: &[u8], from: SocketAddr, now: Instant) {
        let Ok(view) = View::parse(packet) else {
            self.reception.broken += 1;
            return;
        };
        self.reception.from = Some(from);
        if let Some((_, receiver)) = self.keys.as_mut().filter(|(number, _)| *number == view.payload_type()) {
            let head = view.head();
            let payload = view.payload();
            let packet =
                receiver::Packet { sequence: head.sequence, timestamp: head.timestamp, marker: head.marker, payload };
            let pressed = &mut self.pressed;
            let heard = receiver.hear(packet, now, |news| keep(pressed, news));
            self.reception.broken += u64::from(heard.is_err());
            self.count_number(&view);
            return;
        }
        let Some(at) = self.decoders.iter().position(|(number, ..)| *number == view.payload_type()) else {
            self.reception.unknown += 1;
            return;
        };
        self.sound(at, &view, now);
    }

    /// Lets go of a key whose end was lost.
    pub fn expire(&mut self, now: Instant) {
        let pressed = &mut self.pressed;
        if let Some((_, receiver)) = &mut self.keys {
            receiver.expire(now, |news| keep(pressed, news));
        }
    }

    fn sound(&mut self, at: usize, view: &View<'_>, now: Instant) {
        let kind = self.decoders[at].1;
        if self.deaf {
            self.reception.packets += 1;
            self.begin_or_count(view, kind, now);
            return;
        }
        // A packet that comes twice must not reach a decoder with a memory twice.
        let Some(place) = self.begin_or_count(view, kind, now) else { return };
        self.sound.clear();
        if self.decoders[at].2.decode(view.payload(), &mut self.sound).is_err() {
            self.reception.broken += 1;
            return;
        }
        self.reception.packets += 1;
        if self.arrivals.len() == ARRIVALS {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((place, now));
        if kind.rate() == self.tape.rate() {
            self.tape.put(place, &self.sound);
            return;
        }
        if self.resampler.as_ref().is_none_or(|(from, _)| *from != kind.rate()) {
            self.resampler = Some((kind.rate(), Resampler::new(kind.rate(), self.tape.rate())));
        }
        let Some((_, resampler)) = &mut self.resampler else { return };
        self.at_rate.clear();
        for piece in self.sound.chunks(kind.rate().samples()) {
            resampler.resample(piece, &mut self.at_rate);
        }
        self.tape.put(place, &self.at_rate);
    }

    /// Where the packet's sound lies; `None` when it is too late or was here before.
    fn begin_or_count(&mut self, view: &View<'_>, kind: Kind, now: Instant) -> Option<u64> {
        let here = self.tape.place(now);
        let hz = u128::from(self.tape.rate().hz());
        let samples = |time: Duration| (time.as_millis() * hz / 1000) as i64;
        if let Some(stream) = self.stream.as_ref().filter(|stream| stream.ssrc == view.ssrc() && stream.kind == kind) {
            let ticks = i64::from(view.timestamp().wrapping_sub(stream.timestamp) as i32);
            let place = stream.place as i64 + ticks * i64::from(self.tape.rate().hz()) / i64::from(kind.clock_hz());
            let ahead = place - here as i64;
            let fresh = self.count_number(view);
            let is_late = ahead < -samples(LATEST + self.grace);
            let stream = self.stream.as_mut()?;
            stream.late = if is_late { stream.late + 1 } else { 0 };
            if is_late && (!fresh || stream.late < LATE_IN_A_ROW) {
                self.reception.late += 1;
                return None;
            }
            if !is_late && ahead <= samples(FURTHEST) {
                return if fresh || self.was_missing(view) { u64::try_from(place).ok() } else { None };
            }
        }
        let (ssrc, timestamp) = (view.ssrc(), view.timestamp());
        self.stream = Some(Stream { ssrc, kind, timestamp, place: here, highest: view.sequence(), late: 0 });
        self.reception.streams += 1;
        Some(here)
    }

    /// Counts what the numbers say was lost. True for a packet that goes on from the last.
    fn count_number(&mut self, view: &View<'_>) -> bool {
        let Some(stream) = self.stream.as_mut().filter(|stream| stream.ssrc == view.ssrc()) else { return true };
        let step = view.sequence().wrapping_sub(stream.highest);
        if step == 0 || step >= 0x8000 {
            return false;
        }
        stream.highest = view.sequence();
        self.reception.lost += u64::from(step - 1);
        true
    }

    /// A packet that was counted as lost and came after all; one that came twice is none.
    fn was_missing(&mut self, view: &View<'_>) -> bool {
        let Some(stream) = &self.stream else { return false };
        let known = stream.highest == view.sequence() || self.reception.lost == 0;
        if known {
            self.reception.repeated += 1;
        } else {
            self.reception.lost -= 1;
        }
        !known
    }
}

fn keep(pressed: &mut Vec<Press>, news: News) {
    if let News::Up(press) = news {
        pressed.push(press);
    }
}
