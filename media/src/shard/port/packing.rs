//! Frames of 20 ms made into packets of another length, as a party asked (`ptime`, `maxptime`).
//!
//! Inside the house a frame is 20 ms. Codecs that are samples one after the other are cut anew, so 10 or 30 ms are as good as
//! 40 or 60. Packets of Opus are joined, never cut: its frames stay as they were encoded and stand side by side in one packet
//! (RFC 6716 §3.2.5). What is left when nobody goes on speaking leaves as a shorter packet. Only what we say ourselves is
//! packed; who passes packets on passes them as they are.

use super::{Moment, Port, Scratch};
use crate::codec::Kind;
use crate::frame::FRAME;

/// Sound that a codec's packets are counted in: what lies between is rounded down.
const STEP_MS: u16 = 10;

/// The longest packet: more is too late to be a conversation.
const MOST_MS: u16 = 120;

/// Bytes that one packet may have, so that no router has to cut it.
const MOST_BYTES: usize = 1400;

/// Frames of Opus in the longest packet.
const MOST_FRAMES: usize = (MOST_MS / 20) as usize;

/// See the file.
pub(crate) struct Packing {
    kind: Kind,
    how: How,
    /// What was said and has not left.
    held: Vec<u8>,
    /// The packet that leaves.
    packet: Vec<u8>,
    /// The round in which something was said last.
    round: u64,
}

enum How {
    /// So many bytes a packet, and so many a millisecond.
    Cut { bytes: usize, per_ms: usize },
    /// So many frames a packet; how long each is that is held, and what they begin with.
    Join { frames: usize, lengths: Vec<usize>, begins: u8 },
}

impl Packing {
    /// To pack what a codec makes; `None` where frames and packets are the same.
    pub fn of(kind: Kind, ms: u16) -> Option<Box<Self>> {
        let frame_ms = FRAME.as_millis() as u16;
        let ms = (ms / STEP_MS * STEP_MS).clamp(STEP_MS, MOST_MS);
        let how = match kind.bytes_per_ms() {
            Some(per_ms) if ms != frame_ms => How::Cut { bytes: per_ms * usize::from(ms), per_ms },
            None if kind == Kind::Opus && ms >= 2 * frame_ms => {
                let frames = usize::from(ms / frame_ms);
                How::Join { frames, lengths: Vec::with_capacity(MOST_FRAMES), begins: 0 }
            }
            _ => return None,
        };
        if matches!(how, How::Cut { bytes, .. } if bytes > MOST_BYTES) {
            return None;
        }
        let (held, packet) = (Vec::with_capacity(2 * MOST_BYTES), Vec::with_capacity(MOST_BYTES));
        Some(Box::new(Self { kind, how, held, packet, round: 0 }))
    }

    /// A frame is said. Ask [`Packing::next`] before and after it.
    fn push(&mut self, payload: &[u8], round: u64) {
        self.round = round;
        if let How::Join { lengths, begins, .. } = &mut self.how {
            let Some((first, rest)) = payload.split_first() else { return };
            *begins = *first;
            lengths.push(rest.len());
            self.held.extend_from_slice(rest);
        } else {
            self.held.extend_from_slice(payload);
        }
    }

    /// Whether a frame may stand behind those that are held; otherwise they leave first.
    fn takes(&self, payload: &[u8]) -> bool {
        match &self.how {
            How::Cut { .. } => true,
            // All frames of a packet are of one kind, and each was alone in its own.
            How::Join { lengths, begins, .. } => {
                let is_alone = payload.first().is_some_and(|first| first & 3 == 0);
                let fits = self.held.len() + payload.len() + 2 * MOST_FRAMES + 2 <= MOST_BYTES;
                lengths.is_empty() || is_alone && fits && *begins & 3 == 0 && payload[0] == *begins
            }
        }
    }

    /// The next packet and its ticks; what is left over with `all`, also where that is a shorter one.
    fn next(&mut self, all: bool) -> Option<(&[u8], u32)> {
        self.packet.clear();
        let ticks = match &mut self.how {
            How::Cut { bytes, per_ms } => {
                let length = if self.held.len() >= *bytes || all { self.held.len().min(*bytes) } else { 0 };
                if length == 0 {
                    return None;
                }
                self.packet.extend(self.held.drain(..length));
                self.kind.clock_hz() / 1000 * (length / *per_ms) as u32
            }
            How::Join { frames, lengths, begins } => {
                if lengths.is_empty() || lengths.len() < *frames && !all {
                    return None;
                }
                join(*begins, lengths, &self.held, &mut self.packet);
                self.held.clear();
                let count = lengths.len() as u32;
                lengths.clear();
                count * self.kind.ticks()
            }
        };
        Some((&self.packet, ticks))
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty() && matches!(&self.how, How::Cut { .. })
            || matches!(&self.how, How::Join { lengths, .. } if lengths.is_empty())
    }

    fn forget(&mut self) {
        self.held.clear();
        if let How::Join { lengths, .. } = &mut self.how {
            lengths.clear();
        }
    }
}

/// One packet of several frames, each of its own length (RFC 6716 §3.2.5, code 3 with VBR).
fn join(begins: u8, lengths: &[usize], frames: &[u8], packet: &mut Vec<u8>) {
    if lengths.len() == 1 {
        packet.push(begins);
        packet.extend_from_slice(frames);
        return;
    }
    packet.extend([begins | 3, 0x80 | lengths.len() as u8]);
    let (_, all_but_last) = lengths.split_last().unwrap_or((&0, &[]));
    for length in all_but_last {
        match u8::try_from(*length) {
            Ok(short) if short < 252 => packet.push(short),
            _ => packet.extend([252 + (length & 3) as u8, ((length - 252 - (length & 3)) / 4) as u8]),
        }
    }
    packet.extend_from_slice(frames);
}

impl Port {
    /// Says a frame in packets of the length that the party asked for.
    pub(super) fn pack(
        &mut self,
        mut packing: Box<Packing>,
        payload: &[u8],
        moment: Moment,
        out: &mut Vec<u8>,
    ) -> bool {
        let mut said = false;
        if !packing.takes(payload) {
            said |= self.say_packed(&mut packing, true, moment, out);
        }
        packing.push(payload, moment.round);
        said |= self.say_packed(&mut packing, false, moment, out);
        self.packing = Some(packing);
        said
    }

    fn say_packed(&mut self, packing: &mut Packing, all: bool, moment: Moment, out: &mut Vec<u8>) -> bool {
        let Some((kind, payload_type)) = self.agreed.speaks else { return false };
        let mut said = false;
        while let Some((packet, ticks)) = packing.next(all) {
            said |= self.say_packet(packet, kind, (payload_type, ticks), moment, out);
        }
        said
    }

    /// Says what is held of a sentence that nobody goes on with.
    pub fn say_rest(&mut self, moment: Moment, scratch: &mut Scratch) {
        let is_due = |packing: &Packing| !packing.is_empty() && moment.round > packing.round + 1;
        if !self.packing.as_deref().is_some_and(is_due) {
            return;
        }
        let Some(mut packing) = self.packing.take() else { return };
        if self.is_pressing() {
            packing.forget();
        } else {
            self.say_packed(&mut packing, true, moment, &mut scratch.packet);
        }
        self.packing = Some(packing);
    }

    /// Whether something is held.
    pub(super) fn holds_sound(&self) -> bool {
        self.packing.as_deref().is_some_and(|packing| !packing.is_empty())
    }
}

#[cfg(test)]
#[path = "packing_tests.rs"]
mod tests;
