//! Opens what comes in. A packet that was opened before is refused, and so is one that does not prove its key; only a
//! proven packet changes anything here.

use super::cipher::{Cipher, Purpose};
use super::stream::Streams;
use super::{Master, Refused, Suite};
use crate::rtp::packet::{HEAD, MAX_PACKET, head_length};

/// See the file.
pub struct Receiver {
    suite: Suite,
    sound: Cipher,
    reports: Cipher,
    streams: Streams,
}

impl Receiver {
    /// Opens under this key.
    #[must_use]
    pub fn new(master: &Master) -> Self {
        Self::with(master.suite, Cipher::new(master, Purpose::Sound), Cipher::new(master, Purpose::Reports))
    }

    pub(super) fn with(suite: Suite, sound: Cipher, reports: Cipher) -> Self {
        Self { suite, sound, reports, streams: Streams::default() }
    }

    #[cfg(test)]
    pub(super) fn known(&self) -> &Streams {
        &self.streams
    }

    /// Opens the packet; how long it is now.
    ///
    /// # Errors
    /// When it is refused. Its bytes may have changed then, and nobody may read them.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let length = packet.len().checked_sub(self.suite.tag()).filter(|length| *length >= HEAD);
        let length = length.ok_or(Refused::NotAPacket)?;
        let start = head_length(&packet[..length]).map_err(|_| Refused::NotAPacket)?;
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
        let mut stream = self.streams.get(ssrc);
        let index = stream.sound.guess(sequence).filter(|index| stream.sound.is_new(*index));
        let index = index.ok_or(Refused::Replayed)?;
        match &self.sound {
            Cipher::Counter { aes, salt, tag } => {
                let cycles = ((index >> 16) as u32).to_be_bytes();
                if !Cipher::proves(tag, &packet[..length], &cycles, &packet[length..]) {
                    return Err(Refused::Unproven);
                }
                Cipher::count(aes, salt, ssrc, index, &mut packet[start..length]);
            }
            Cipher::Gcm { key, salt } => {
                let (head, body) = packet.split_at_mut(start);
                let nonce = Cipher::nonce(salt, ssrc, index);
                key.open_in_place(nonce, Cipher::open(head), body).map_err(|_| Refused::Unproven)?;
            }
        }
        stream.sound.see(index);
        self.streams.put(stream);
        Ok(length)
    }

    /// Opens reports, as [`Receiver::unprotect`] does packets.
    ///
    /// # Errors
    /// As there.
    pub fn unprotect_report(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let tag_length = self.suite.report_tag();
        let length = packet.len().checked_sub(4 + tag_length).filter(|length| (8..=MAX_PACKET).contains(length));
        let length = length.ok_or(Refused::NotAPacket)?;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        // Counter mode has the index before the tag, GCM behind it.
        let at = if self.suite.is_gcm() { length + tag_length } else { length };
        let word = [packet[at], packet[at + 1], packet[at + 2], packet[at + 3]];
        let (is_encrypted, index) = (word[0] & 0x80 != 0, u64::from(u32::from_be_bytes(word) & !(1 << 31)));
        let mut stream = self.streams.get(ssrc);
        if !stream.reports.is_new(index) {
            return Err(Refused::Replayed);
        }
        match &self.reports {
            Cipher::Counter { aes, salt, tag } => {
                if !Cipher::proves(tag, &packet[..length + 4], &[], &packet[length + 4..]) {
                    return Err(Refused::Unproven);
                }
                if is_encrypted {
                    Cipher::count(aes, salt, ssrc, index, &mut packet[8..length]);
                }
            }
            Cipher::Gcm { key, salt } => {
                // A report that is only proven was never agreed on.
                if !is_encrypted {
                    return Err(Refused::Unproven);
                }
                let mut open = [0; 12];
                open[..8].copy_from_slice(&packet[..8]);
                open[8..].copy_from_slice(&word);
                let nonce = Cipher::nonce(salt, ssrc, index);
                key.open_in_place(nonce, Cipher::open(&open), &mut packet[8..at]).map_err(|_| Refused::Unproven)?;
            }
        }
        stream.reports.see(index);
        self.streams.put(stream);
        Ok(length)
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("suite", &self.suite).finish_non_exhaustive()
    }
}
