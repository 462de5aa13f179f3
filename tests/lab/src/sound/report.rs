//! What a phone tells about its sound and is told (RTCP), once a second when its model says so.

use std::time::{Duration, Instant};

use patchcord_media::rtp::packet::View;
use patchcord_media::rtp::rtcp::{Block, Compound, Piece, Report, Sending, Sent, Wall};
use patchcord_media::rtp::source::Source;

/// Far more often than RFC 3550 wants it: a test does not wait for five seconds.
const EVERY: Duration = Duration::from_secs(1);
/// The last so many reports are remembered.
const MAX_HEARD: usize = 1000;
/// The reports' calendar may be any.
const CALENDAR: Duration = Duration::from_secs(1_000_000_000);

/// A report of the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it has sent.
    pub sent: Option<Sent>,
    /// What it hears of us, and perhaps of others.
    pub heard: Vec<Block>,
    /// How long our report and this answer were on their way.
    pub round_trip: Option<Duration>,
    /// Its name for itself.
    pub name: Option<String>,
    /// Whether it says that it is gone.
    pub goodbye: bool,
}

/// See the module.
pub(crate) struct Reporter {
    ssrc: u32,
    clock_hz: u32,
    wall: Wall,
    next: Instant,
    sending: Sending,
    source: Source,
    pub told: Vec<Told>,
}

impl Reporter {
    pub fn new(ssrc: u32, now: Instant) -> Self {
        let clock_hz = 8000;
        Self {
            ssrc,
            clock_hz,
            wall: Wall::new(now, CALENDAR),
            next: now + EVERY / 4,
            sending: Sending::new(),
            source: Source::new(clock_hz),
            told: Vec::new(),
        }
    }

    /// The clock of the codec that was agreed.
    pub fn clock(&mut self, clock_hz: u32) {
        if self.clock_hz != clock_hz {
            self.clock_hz = clock_hz;
            self.source.clock(clock_hz);
        }
    }

    /// A packet of ours goes out.
    pub fn said(&mut self, packet: &[u8], now: Instant) {
        if let Ok(view) = View::parse(packet) {
            self.sending.count(view.timestamp(), view.payload().len(), now);
        }
    }

    /// A packet of theirs has come.
    pub fn heard(&mut self, packet: &[u8], now: Instant) {
        if let Ok(view) = View::parse(packet) {
            self.source.hear(&view.head(), now);
        }
    }

    /// Writes a report when it is time for one.
    pub fn due(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + EVERY;
        let sent = self.sending.report(now, self.wall.ntp(now), self.clock_hz);
        let heard: Vec<Block> = self.source.block(now).into_iter().collect();
        Report { ssrc: self.ssrc, sent, heard: &heard, name: "lab", goodbye: false }.write(out);
        true
    }

    /// A report of theirs has come. False when it is none.
    pub fn told(&mut self, datagram: &[u8], now: Instant) -> bool {
        let Ok(compound) = Compound::parse(datagram) else { return false };
        let mut told = Told { sent: None, heard: Vec::new(), round_trip: None, name: None, goodbye: false };
        for piece in compound.pieces() {
            match piece {
                Piece::Sender { sent, blocks, .. } => {
                    self.source.reported(sent.at, now);
                    told.sent = Some(sent);
                    told.heard.extend(blocks.iter());
                }
                Piece::Receiver { blocks, .. } => told.heard.extend(blocks.iter()),
                Piece::Name { name, .. } => told.name = Some(String::from_utf8_lossy(name).into_owned()),
                Piece::Goodbye(_) => told.goodbye = true,
                _ => {}
            }
        }
        let ours = told.heard.iter().find(|block| block.ssrc == self.ssrc);
        told.round_trip = ours.and_then(|block| self.wall.ntp(now).round_trip(block));
        if self.told.len() < MAX_HEARD {
            self.told.push(told);
        }
        true
    }
}
