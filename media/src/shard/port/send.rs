//! What goes to the party: packets passed on, frames encoded, payloads copied.

use super::{Moment, Port, Scratch};
use crate::codec::Kind;
use crate::codec::resample::Resampler;
use crate::frame::Rate;
use crate::rtp::packet::{Head, Patch};

impl Port {
    /// Sends another party's packet on under our own head; false when it had no place or could not leave.
    pub fn pass(&mut self, packet: &mut [u8], head: &Head, kind: Kind, moment: Moment) -> bool {
        let Some(speaking) = self.terms.as_ref().and_then(|terms| terms.speaking.as_ref()) else { return false };
        if speaking.kind != kind || self.is_busy() {
            return false;
        }
        let head = Head { payload_type: speaking.payload_type, ..*head };
        let Some(head) = self.forward.pass(&head, moment.now) else { return false };
        let octets = packet.len().saturating_sub(crate::rtp::packet::HEAD);
        let Some(mut patch) = Patch::of(packet) else { return false };
        patch.head(&head);
        self.sending.count(head.timestamp, octets, moment.now);
        self.send(packet)
    }

    /// Says a frame of sound at any rate, in the codec that the party wants.
    pub fn say(&mut self, sound: &[i16], rate: Rate, moment: Moment, scratch: &mut Scratch) -> bool {
        let Some(speaking) = self.terms.as_mut().and_then(|terms| terms.speaking.as_mut()) else { return false };
        let Some(encoder) = &mut speaking.encoder else { return false };
        let wanted = speaking.kind.rate();
        scratch.payload.clear();
        if rate == wanted {
            encoder.encode(sound, &mut scratch.payload);
        } else {
            let resampler = match &mut self.resampler {
                Some(resampler) if resampler.rates() == (rate, wanted) => resampler,
                other => other.insert(Box::new(Resampler::new(rate, wanted))),
            };
            scratch.said.clear();
            resampler.resample(sound, &mut scratch.said);
            encoder.encode(&scratch.said, &mut scratch.payload);
        }
        let payload = std::mem::take(&mut scratch.payload);
        let sent = !payload.is_empty() && self.say_payload(&payload, moment, &mut scratch.packet);
        scratch.payload = payload;
        sent
    }

    /// Says a frame that is encoded already.
    pub fn say_payload(&mut self, payload: &[u8], moment: Moment, packet: &mut Vec<u8>) -> bool {
        let Some(speaking) = self.terms.as_ref().and_then(|terms| terms.speaking.as_ref()) else { return false };
        let head = self.forward.own(speaking.payload_type, speaking.kind.ticks(), moment.now);
        head.packet(payload, packet);
        self.sending.count(head.timestamp, payload.len(), moment.now);
        self.send(packet)
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
