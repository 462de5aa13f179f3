//! What goes to the party.

use super::{Moment, Port};
use crate::codec::Kind;
use crate::rtp::packet::{Head, Patch};

impl Port {
    /// Sends another party's packet on under our own head; false when it had no place or could not leave.
    pub fn pass(&mut self, packet: &mut [u8], head: &Head, kind: Kind, moment: Moment) -> bool {
        let Some(speaking) = self.terms.as_ref().and_then(|terms| terms.speaking.as_ref()) else { return false };
        if speaking.kind != kind {
            return false;
        }
        let head = Head { payload_type: speaking.payload_type, ..*head };
        let Some(head) = self.forward.pass(&head, moment.now) else { return false };
        let Some(mut patch) = Patch::of(packet) else { return false };
        patch.head(&head);
        self.send(packet)
    }

    /// Sends a datagram as it is.
    pub fn send(&mut self, datagram: &[u8]) -> bool {
        let sent = self.rtp.send(datagram);
        self.totals.packets_out += u64::from(sent);
        sent
    }
}
