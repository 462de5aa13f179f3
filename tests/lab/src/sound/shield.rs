//! SRTP on one port, under the keys that the two descriptions agreed upon.

use patchcord_media::rtp::srtp::{self, GROWTH, Master, Receiver, Sender};
use patchcord_media::sdp::crypto::MasterKey;

/// See the module.
pub(crate) struct Shield {
    keys: (MasterKey, MasterKey),
    sender: Sender,
    receiver: Receiver,
}

impl Shield {
    /// From our key and theirs.
    pub fn new(keys: &(MasterKey, MasterKey)) -> Self {
        Self { keys: keys.clone(), sender: Sender::new(&master(&keys.0)), receiver: Receiver::new(&master(&keys.1)) }
    }

    /// Whether these are its keys: a description that says the same again changes nothing.
    pub fn has(&self, keys: &(MasterKey, MasterKey)) -> bool {
        self.keys == *keys
    }

    pub fn protect(&mut self, packet: &mut Vec<u8>) {
        let length = packet.len();
        packet.resize(length + GROWTH, 0);
        let grown = self.sender.protect(packet, length).expect("a packet of ours can be protected");
        packet.truncate(grown);
    }

    pub fn protect_report(&mut self, report: &mut Vec<u8>) {
        let length = report.len();
        report.resize(length + GROWTH, 0);
        let grown = self.sender.protect_report(report, length).expect("a report of ours can be protected");
        report.truncate(grown);
    }

    /// How long the report is, opened; `None` when it does not prove itself.
    pub fn open_report(&mut self, report: &mut [u8]) -> Option<usize> {
        self.receiver.unprotect_report(report).ok()
    }

    /// How long the packet is, opened; `None` when it does not prove itself.
    pub fn open(&mut self, packet: &mut [u8]) -> Option<usize> {
        self.receiver.unprotect(packet).ok()
    }
}

fn master(key: &MasterKey) -> Master {
    let suite = srtp::Suite::named(key.suite().name()).expect("every suite of descriptions is one of packets");
    Master::new(suite, &[key.key(), key.salt()].concat()).expect("a key as long as its suite wants it")
}
