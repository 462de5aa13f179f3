//! What both ends say about their streams (RTCP).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::effort::Losses;
use super::{Moment, Port};
use crate::frame::FRAME;
use crate::rtp::quality::{Impairment, Period};
use crate::rtp::rtcp::{Block, Compound, Piece, Report, Sent, Timing, Wall};
use crate::rtp::srtp::GROWTH;
use crate::shard::notice::{Heard, News, Notice, Quality};

/// See the file.
pub(crate) struct Reports {
    timing: Timing,
    /// Chance for the times of reports; everybody's own, from the name of its stream.
    chance: u32,
    /// What the far end said last about our stream.
    theirs: Option<Heard>,
    pub(super) losses: Losses,
    round_trip: Option<Duration>,
    /// What the source had counted at the last report: packets that came, and that did not.
    counted: (u64, u64),
}

impl Reports {
    pub fn new(now: Instant, seed: u32) -> Self {
        Self {
            timing: Timing::new(now, seed),
            chance: seed | 1,
            theirs: None,
            losses: Losses::default(),
            round_trip: None,
            counted: (0, 0),
        }
    }

    fn chance(&mut self) -> u32 {
        // xorshift32: reports of many legs must not fall together, nobody has to be surprised.
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 17;
        self.chance ^= self.chance << 5;
        self.chance
    }
}

impl Port {
    /// Takes a report; from a socket of its own it must come from the party's machine. Whether it asks for a whole picture.
    pub fn take_report(
        &mut self,
        datagram: &mut [u8],
        from: Option<SocketAddr>,
        moment: Moment,
        wall: &Wall,
        news: &mut News,
    ) -> bool {
        if let Some(from) = from
            && !self.latch.hear_report(from)
        {
            return false;
        }
        let guard = self.terms.as_mut().and_then(|terms| terms.protection.guard());
        let length = match guard.map(|guard| guard.receiver.unprotect_report(datagram)) {
            None if !self.is_protected() => datagram.len(),
            Some(Ok(opened)) => opened,
            Some(Err(_)) | None => 0,
        };
        let Ok(compound) = Compound::parse(&datagram[..length]) else {
            self.totals.refused += 1;
            return false;
        };
        self.show_life(moment, news);
        let ours = self.forward.ssrc();
        let mut has_lost = false;
        for piece in compound.pieces() {
            match piece {
                Piece::Sender { ssrc, sent, blocks } => {
                    if self.source.ssrc() == Some(ssrc) {
                        self.source.reported(sent.at, moment.now);
                    }
                    blocks
                        .iter()
                        .filter(|block| block.ssrc == ours)
                        .for_each(|block| self.believe(&block, moment, wall));
                }
                Piece::Receiver { blocks, .. } => {
                    blocks
                        .iter()
                        .filter(|block| block.ssrc == ours)
                        .for_each(|block| self.believe(&block, moment, wall));
                }
                Piece::Goodbye(sources) if sources.iter().any(|ssrc| self.source.ssrc() == Some(ssrc)) => {
                    self.tell(news, Notice::Goodbye(self.id));
                }
                Piece::PictureLost { ssrc } => has_lost |= ssrc == ours,
                Piece::WholePicture { entries } => has_lost |= entries.iter().step_by(2).any(|ssrc| ssrc == ours),
                _ => {}
            }
        }
        if let Some(rtcp) = &mut self.rtcp {
            rtcp.aim(self.latch.reports_to());
        }
        has_lost && self.agreed.has_pictures
    }

    fn believe(&mut self, block: &Block, moment: Moment, wall: &Wall) {
        let clock_hz = self.speaks().map_or(8000, |kind| kind.clock_hz());
        if let Some(round_trip) = wall.ntp(moment.now).round_trip(block) {
            self.reports.round_trip = Some(round_trip);
        }
        let heard = Heard::of(block, clock_hz);
        self.reports.losses.hear(heard.lost_permille);
        self.reports.theirs = Some(heard);
    }

    /// Reports, when it is time.
    pub fn report(&mut self, moment: Moment, wall: &Wall, packet: &mut Vec<u8>, news: &mut News) {
        if moment.now < self.reports.timing.deadline() {
            return;
        }
        let chance = self.reports.chance();
        self.reports.timing.reported(moment.now, chance);
        let Some(speaking) = self.speaks().or_else(|| self.first_heard()) else { return };
        let block = self.source.block(moment.now);
        let ours = block.as_ref().map(|block| Heard::of(block, speaking.clock_hz()));
        if let (Some(ours), None) = (&ours, &self.reports.theirs) {
            self.reports.losses.hear(ours.lost_permille);
        }
        let quality = Quality {
            heard_here: ours,
            heard_there: self.reports.theirs,
            round_trip: self.reports.round_trip,
            mos_here: self.opinion_here(),
            mos_there: self.opinion_there(),
        };
        // Nobody's opinion of pictures is known.
        if !self.agreed.has_pictures && (ours.is_some() || quality.heard_there.is_some()) {
            self.tell(news, Notice::Quality(self.id, quality));
        }
        self.send_report(block.as_slice(), false, moment, wall, packet);
    }

    /// What people would think of the party's sound since the last report.
    fn opinion_here(&mut self) -> Option<f32> {
        let codec = Impairment::of(self.first_heard()?.name());
        let totals = self.source.totals();
        let counted = (totals.received, totals.lost);
        let before = std::mem::replace(&mut self.reports.counted, counted);
        let lost = counted.1.saturating_sub(before.1);
        let period = Period {
            expected: counted.0.saturating_sub(before.0) + lost,
            lost,
            // How they lie is not counted here: one by one, as they mostly do.
            gaps: lost,
            buffered: FRAME,
            round_trip: self.reports.round_trip.unwrap_or_default(),
        };
        (period.expected > 0).then(|| period.score(&codec).mos)
    }

    /// What the party would think of our sound, by what it reported.
    fn opinion_there(&self) -> Option<f32> {
        let codec = Impairment::of(self.speaks()?.name());
        let lost = u64::from(self.reports.theirs?.lost_permille);
        let round_trip = self.reports.round_trip.unwrap_or_default();
        let period = Period { expected: 1000, lost, gaps: lost, buffered: FRAME, round_trip };
        Some(period.score(&codec).mos)
    }

    /// Says goodbye: the stream ends.
    pub fn say_goodbye(&mut self, moment: Moment, wall: &Wall, packet: &mut Vec<u8>) {
        if self.sending.packets() > 0 {
            let block = self.source.block(moment.now);
            self.send_report(block.as_slice(), true, moment, wall, packet);
        }
    }

    fn send_report(&mut self, heard: &[Block], goodbye: bool, moment: Moment, wall: &Wall, packet: &mut Vec<u8>) {
        let clock_hz = self.speaks().map_or(8000, |kind| kind.clock_hz());
        let sent = self.sending.report(moment.now, wall.ntp(moment.now), clock_hz);
        self.write_report(sent, heard, goodbye, packet);
        self.dispatch_report(packet);
    }

    pub(super) fn write_report(&self, sent: Option<Sent>, heard: &[Block], goodbye: bool, packet: &mut Vec<u8>) {
        let mut name = [b'0'; 8];
        spell(self.forward.ssrc(), &mut name);
        let name = std::str::from_utf8(&name).unwrap_or("port");
        Report { ssrc: self.forward.ssrc(), sent, heard, name, goodbye }.write(packet);
    }

    /// Sends what is written there, protected where that was agreed.
    pub(super) fn dispatch_report(&mut self, packet: &mut Vec<u8>) {
        if self.is_protected() {
            let length = packet.len();
            packet.resize(length + GROWTH, 0);
            let guard = self.terms.as_mut().and_then(|terms| terms.protection.guard());
            match guard.map(|guard| guard.sender.protect_report(packet, length)) {
                Some(Ok(grown)) => packet.truncate(grown),
                _ => return,
            }
        }
        match &self.rtcp {
            Some(rtcp) if !self.is_mux() => rtcp.send(packet),
            _ if self.is_mux() => self.rtp.send(packet),
            // The party has no place for reports.
            _ => false,
        };
    }
}

/// A name that tells nobody an address: the stream's number, in letters.
fn spell(number: u32, name: &mut [u8; 8]) {
    for (place, letter) in name.iter_mut().enumerate() {
        let digit = (number >> (28 - 4 * place)) & 0xf;
        *letter = b"0123456789abcdef"[digit as usize];
    }
}
