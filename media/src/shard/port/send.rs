//! What goes to the party: packets passed on, frames encoded, payloads copied.

use super::pictures::bare;
use super::{Moment, Port, Scratch};
use crate::codec::Kind;
use crate::codec::resample::Resampler;
use crate::frame::Rate;
use crate::rtp::packet::{HEAD, Head, Patch};
use crate::rtp::srtp::GROWTH;

impl Port {
    /// Sends another party's packet on under our own head; false when it had no place or could not leave. The packet fills
    /// the first `length` bytes of the buffer; behind it is room for what protects it.
    pub fn pass(&mut self, buffer: &mut [u8], length: usize, head: &Head, kind: Kind, moment: Moment) -> bool {
        let Some((_, payload_type)) = self.agreed.speaks.filter(|(speaks, _)| *speaks == kind) else { return false };
        if self.cutting.is_some() {
            return self.pass_uncut(&buffer[..length], head, kind, moment);
        }
        let head = Head { payload_type, ..*head };
        let length = if kind.is_picture() { bare(buffer, length) } else { length };
        self.pass_under(&head, buffer, length, Some(kind), moment)
    }

    /// What another party says now is nothing that ours knows, and is missed by nobody.
    pub fn leave_out(&mut self, head: &Head, moment: Moment) {
        self.forward.leave_out(head, moment.now);
    }

    /// Sends another party's event on; its head has the number that our party knows.
    pub fn pass_event(&mut self, buffer: &mut [u8], length: usize, head: &Head, moment: Moment) -> bool {
        let head = self.pass_beside(head, moment);
        self.pass_under(&head, buffer, length, None, moment)
    }

    pub(super) fn pass_under(
        &mut self,
        head: &Head,
        buffer: &mut [u8],
        length: usize,
        kind: Option<Kind>,
        moment: Moment,
    ) -> bool {
        if self.is_busy() {
            return false;
        }
        let Some(mut ours) = self.forward.pass(head, moment.now) else { return false };
        if kind.is_some_and(Kind::is_picture) {
            // Here it marks the last packet of a picture.
            ours.marker = head.marker;
        }
        let head = ours;
        let Some(mut patch) = Patch::of(buffer) else { return false };
        patch.head(&head);
        self.sending.count(head.timestamp, length.saturating_sub(HEAD), moment.now);
        if let Some(kind) = kind {
            self.note_said(&buffer[..length], kind, moment);
        }
        self.dispatch(buffer, length)
    }

    /// Says a frame of sound at any rate, in the codec that the party wants.
    pub fn say(&mut self, sound: &[i16], rate: Rate, moment: Moment, scratch: &mut Scratch) -> bool {
        self.encode(sound, rate, scratch);
        let payload = std::mem::take(&mut scratch.payload);
        let sent = !payload.is_empty() && self.say_payload(&payload, moment, &mut scratch.packet);
        scratch.payload = payload;
        sent
    }

    /// Makes a payload of a frame; an empty one where the party is not spoken to.
    fn encode(&mut self, sound: &[i16], rate: Rate, scratch: &mut Scratch) {
        scratch.payload.clear();
        let Some(speaking) = self.terms.as_mut().and_then(|terms| terms.speaking.as_mut()) else { return };
        let Some(encoder) = &mut speaking.encoder else { return };
        encoder.adjust(&scratch.effort.of(&speaking.settings, self.reports.losses.percent()));
        let wanted = speaking.kind.rate();
        if rate == wanted {
            encoder.encode(sound, &mut scratch.payload);
            return;
        }
        let resampler = match &mut self.resampler {
            Some(resampler) if resampler.rates() == (rate, wanted) => resampler,
            other => other.insert(Box::new(Resampler::new(rate, wanted))),
        };
        scratch.said.clear();
        resampler.resample(sound, &mut scratch.said);
        encoder.encode(&scratch.said, &mut scratch.payload);
    }

    /// Lets the coder hear frames that somebody else said for it, so that it can go on in that one's place.
    pub fn prime(&mut self, frames: &[i16], rate: Rate, scratch: &mut Scratch) {
        for frame in frames.chunks_exact(rate.samples()) {
            self.encode(frame, rate, scratch);
        }
    }

    /// Says a frame that is encoded already.
    pub fn say_payload(&mut self, payload: &[u8], moment: Moment, packet: &mut Vec<u8>) -> bool {
        let Some((kind, payload_type)) = self.agreed.speaks else { return false };
        match self.packing.take() {
            Some(packing) => self.pack(packing, payload, moment, packet),
            None => self.say_packet(payload, kind, (payload_type, kind.ticks()), moment, packet),
        }
    }

    /// Says a payload of so many ticks as one packet.
    pub(super) fn say_packet(
        &mut self,
        payload: &[u8],
        kind: Kind,
        (payload_type, ticks): (u8, u32),
        moment: Moment,
        packet: &mut Vec<u8>,
    ) -> bool {
        let head = self.forward.own(payload_type, ticks, moment.now);
        head.packet(payload, packet);
        self.note_said(packet, kind, moment);
        self.dispatch_own(&head, payload.len(), moment, packet)
    }

    /// Sends a packet of our own.
    pub(super) fn dispatch_own(&mut self, head: &Head, octets: usize, moment: Moment, packet: &mut Vec<u8>) -> bool {
        self.sending.count(head.timestamp, octets, moment.now);
        let length = packet.len();
        if self.is_protected() {
            packet.resize(length + GROWTH, 0);
        }
        self.dispatch(packet, length)
    }

    /// Sends the packet in the first `length` bytes, protected where that was agreed.
    fn dispatch(&mut self, buffer: &mut [u8], length: usize) -> bool {
        if !self.agreed.is_protected {
            return self.send(&buffer[..length]);
        }
        let guard = self.terms.as_mut().and_then(|terms| terms.protection.guard());
        match guard.map(|guard| guard.sender.protect(buffer, length)) {
            Some(Ok(grown)) => self.send(&buffer[..grown]),
            // What cannot be protected, or not yet, is not sent.
            Some(Err(_)) | None => false,
        }
    }

    /// How many of a hundred packets the party is to be expected to lose.
    pub fn loses_percent(&self) -> u8 {
        self.reports.losses.percent()
    }

    /// Whether packets are protected.
    pub(super) fn is_protected(&self) -> bool {
        self.agreed.is_protected
    }

    /// Sends a datagram as it is.
    pub fn send(&mut self, datagram: &[u8]) -> bool {
        let sent = self.rtp.send(datagram);
        self.totals.packets_out += u64::from(sent);
        sent
    }

    /// Sends a datagram from the socket of reports.
    pub fn send_beside(&mut self, datagram: &[u8]) {
        if let Some(rtcp) = &self.rtcp {
            rtcp.send(datagram);
        }
    }
}
