//! Protects what goes out. Never uses a count twice for two packets; what is sent again must be the same packet.

use super::cipher::{Cipher, Purpose};
use super::stream::Streams;
use super::{Master, Suite, Unprotectable};
use crate::rtp::packet::{MAX_PACKET, head_length};

/// RFC 3711 §9.2: after so many packets, or reports, a key has served.
const MOST_PACKETS: u64 = 1 << 48;
const MOST_REPORTS: u32 = 1 << 31;

/// Says that the report is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// See the file.
pub struct Sender {
    suite: Suite,
    sound: Cipher,
    reports: Cipher,
    streams: Streams,
    /// The index of the next report, over all SSRCs.
    report: u32,
}

impl Sender {
    /// Protects under this key.
    #[must_use]
    pub fn new(master: &Master) -> Self {
        Self::with(master.suite, Cipher::new(master, Purpose::Sound), Cipher::new(master, Purpose::Reports))
    }

    pub(super) fn with(suite: Suite, sound: Cipher, reports: Cipher) -> Self {
        Self { suite, sound, reports, streams: Streams::default(), report: 0 }
    }

    /// Protects the packet in the first `length` bytes of `buffer`; how long it is now. There must be room for
    /// [`super::GROWTH`] more.
    ///
    /// # Errors
    /// When it is no packet, there is no room, or the key is used up; the packet must not be sent then.
    pub fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Unprotectable> {
        let packet = buffer.get(..length).ok_or(Unprotectable::NotAPacket)?;
        let start = head_length(packet).map_err(|_| Unprotectable::NotAPacket)?;
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let ssrc = u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]);
        let grown = length + self.suite.tag();
        if grown > buffer.len() {
            return Err(Unprotectable::NoRoom);
        }
        let mut stream = self.streams.get(ssrc);
        let index = stream.sound.guess(sequence).filter(|index| *index < MOST_PACKETS);
        let index = index.ok_or(Unprotectable::KeyUsedUp)?;
        match &self.sound {
            Cipher::Counter { aes, salt, tag } => {
                Cipher::count(aes, salt, ssrc, index, &mut buffer[start..length]);
                let tag = Cipher::tag(tag, &buffer[..length], &((index >> 16) as u32).to_be_bytes());
                buffer[length..grown].copy_from_slice(&tag[..self.suite.tag()]);
            }
            Cipher::Gcm { key, salt } => {
                let (head, body) = buffer.split_at_mut(start);
                let nonce = Cipher::nonce(salt, ssrc, index);
                let (body, rest) = body.split_at_mut(length - start);
                let tag = key.seal_in_place_separate_tag(nonce, Cipher::open(head), body);
                rest[..16].copy_from_slice(tag.map_err(|_| Unprotectable::KeyUsedUp)?.as_ref());
            }
        }
        stream.sound.see(index);
        self.streams.put(stream);
        Ok(grown)
    }

    /// Protects the reports in the first `length` bytes of `buffer`, as [`Sender::protect`] does packets.
    ///
    /// # Errors
    /// As there.
    pub fn protect_report(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, Unprotectable> {
        let packet = buffer.get(..length).filter(|packet| packet.len() >= 8 && packet.len() <= MAX_PACKET);
        let packet = packet.ok_or(Unprotectable::NotAPacket)?;
        let ssrc = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let grown = length + 4 + self.suite.report_tag();
        if grown > buffer.len() {
            return Err(Unprotectable::NoRoom);
        }
        if self.report >= MOST_REPORTS {
            return Err(Unprotectable::KeyUsedUp);
        }
        let index = self.report;
        self.report += 1;
        let word = (ENCRYPTED | index).to_be_bytes();
        match &self.reports {
            Cipher::Counter { aes, salt, tag } => {
                Cipher::count(aes, salt, ssrc, u64::from(index), &mut buffer[8..length]);
                buffer[length..length + 4].copy_from_slice(&word);
                let tag = Cipher::tag(tag, &buffer[..length + 4], &[]);
                buffer[length + 4..grown].copy_from_slice(&tag[..self.suite.report_tag()]);
            }
            Cipher::Gcm { key, salt } => {
                let mut open = [0; 12];
                open[..8].copy_from_slice(&buffer[..8]);
                open[8..].copy_from_slice(&word);
                let nonce = Cipher::nonce(salt, ssrc, u64::from(index));
                let tag = key.seal_in_place_separate_tag(nonce, Cipher::open(&open), &mut buffer[8..length]);
                let tag = tag.map_err(|_| Unprotectable::KeyUsedUp)?;
                buffer[length..length + 16].copy_from_slice(tag.as_ref());
                buffer[length + 16..grown].copy_from_slice(&word);
            }
        }
        Ok(grown)
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("suite", &self.suite).finish_non_exhaustive()
    }
}
