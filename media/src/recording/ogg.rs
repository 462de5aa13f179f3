//! An Ogg Opus file as bytes (RFC 3533, RFC 7845): heads, packets, pages. Writes to no disk.
//!
//! Packets wait until a page is asked for. One packet is always held back, so that whenever the end comes there is one to
//! put on the last page, which must say that it is the last.

use crate::frame::Rate;

use super::tap::TICKS;

/// What a decoder needs to settle, on the clock of 48 kHz: the look-ahead of libopus.
pub(super) const PRE_SKIP: u64 = 312;
/// Pieces of a packet on a page.
const MAX_SEGMENTS: usize = 255;
/// 20 ms of silence in one channel and in two: the shortest packets there are for it.
const SILENCE: [[u8; 3]; 2] = [[0xf8, 0xff, 0xfe], [0xfc, 0xff, 0xfe]];
/// The longest packet of one frame that libopus makes.
const MAX_PACKET: usize = 1275;
const CONTINUES_NOT: u8 = 0;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// How long a packet of Opus plays, on the clock of 48 kHz; `None` when it is none.
pub(super) fn ticks_of(packet: &[u8]) -> Option<u64> {
    crate::codec::opus::ticks(packet).map(u64::from)
}

/// One stream of Opus in an Ogg file.
pub(super) struct Ogg {
    encoder: opus::Encoder,
    channels: usize,
    serial: u32,
    page: u32,
    /// What the finished pages and the waiting packets play.
    ticks: u64,
    /// Sizes and ticks at the end of the packets that wait, oldest first.
    waiting: Vec<(usize, u64)>,
    bytes: Vec<u8>,
    interleaved: Vec<i16>,
    /// Whether the last packet came from our encoder, which then still holds a bit of the sound.
    holds: bool,
}

impl Ogg {
    /// A stream, and the two pages of its heads.
    pub(super) fn new(channels: usize, rate: Rate, serial: u32) -> (Self, Vec<u8>) {
        let kind = if channels == 1 { opus::Channels::Mono } else { opus::Channels::Stereo };
        let mut encoder = opus::Encoder::new(rate.hz(), kind, opus::Application::Voip)
            .expect("libopus knows our rates in mono and stereo, and memory is never short of an encoder's 30 kB");
        let each = match rate {
            Rate::Narrow => 16_000,
            Rate::Wide => 24_000,
            Rate::Full => 32_000,
        };
        encoder
            .set_bitrate(opus::Bitrate::Bits(each * channels as i32))
            .and_then(|()| encoder.set_complexity(5))
            .expect("both are within libopus's range");
        let mut ogg = Self {
            encoder,
            channels,
            serial,
            page: 0,
            ticks: 0,
            waiting: Vec::new(),
            bytes: Vec::new(),
            interleaved: Vec::new(),
            holds: false,
        };
        let mut heads = Vec::new();
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels as u8);
        head.extend((PRE_SKIP as u16).to_le_bytes());
        head.extend(rate.hz().to_le_bytes());
        head.extend([0, 0, 0]);
        ogg.put_page(FIRST, 0, &[head.len()], &head, &mut heads);
        let mut tags = b"OpusTags\x09\0\0\0Patchcord".to_vec();
        tags.extend([0; 4]);
        ogg.put_page(CONTINUES_NOT, 0, &[tags.len()], &tags, &mut heads);
        (ogg, heads)
    }

    /// Adds a frame, a slice for each channel.
    pub(super) fn frame(&mut self, channels: &[&[i16]]) {
        self.interleaved.clear();
        match channels {
            [left, right] => self.interleaved.extend(left.iter().zip(*right).flat_map(|(&left, &right)| [left, right])),
            _ => channels.iter().for_each(|channel| self.interleaved.extend_from_slice(channel)),
        }
        let from = self.bytes.len();
        self.bytes.resize(from + MAX_PACKET, 0);
        match self.encoder.encode(&self.interleaved, &mut self.bytes[from..]) {
            Ok(written) => {
                self.bytes.truncate(from + written);
                self.wait(written, TICKS);
                self.holds = true;
            }
            // Only a length that is no frame is refused; its time is kept.
            Err(_) => {
                self.bytes.truncate(from);
                self.silence();
            }
        }
    }

    /// Adds 20 ms of silence.
    pub(super) fn silence(&mut self) {
        let packet = SILENCE[self.channels - 1];
        self.packet(&packet, TICKS);
    }

    /// Adds a packet as it is.
    pub(super) fn packet(&mut self, packet: &[u8], ticks: u64) {
        self.bytes.extend_from_slice(packet);
        self.wait(packet.len(), ticks);
        self.holds = false;
    }

    fn wait(&mut self, size: usize, ticks: u64) {
        self.ticks += ticks;
        self.waiting.push((size, self.ticks));
    }

    /// Puts all that waits, but the last packet, onto pages.
    pub(super) fn put_pages(&mut self, out: &mut Vec<u8>) {
        while self.waiting.len() > 1 {
            self.put_some(self.waiting.len() - 1, CONTINUES_NOT, None, out);
        }
    }

    /// Puts all the rest onto pages and closes the stream.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        // The sound ends where the frames ended, however much the encoder held back.
        let end = PRE_SKIP + self.ticks;
        let end = if self.holds {
            let samples = self.interleaved.len() / self.channels;
            let silence = vec![0; samples];
            self.frame(&vec![&silence[..]; self.channels]);
            end
        } else {
            self.ticks
        };
        if self.waiting.is_empty() {
            self.put_page(LAST, self.ticks, &[], &[], out);
        }
        self.put_pages(out);
        if !self.waiting.is_empty() {
            self.put_some(1, LAST, Some(end), out);
        }
    }

    /// One page with at most so many packets.
    fn put_some(&mut self, most: usize, kind: u8, end: Option<u64>, out: &mut Vec<u8>) {
        let (mut count, mut segments) = (0, 0);
        for (size, _) in &self.waiting[..most] {
            segments += size / 255 + 1;
            // A packet of the longest kind takes a few segments, so one always fits.
            if count > 0 && segments > MAX_SEGMENTS {
                break;
            }
            count += 1;
        }
        let packets: Vec<_> = self.waiting.drain(..count).collect();
        let sizes: Vec<_> = packets.iter().map(|(size, _)| *size).collect();
        let granule = end.unwrap_or_else(|| packets.last().map_or(self.ticks, |(_, ticks)| *ticks));
        let rest = self.bytes.split_off(sizes.iter().sum());
        let body = std::mem::replace(&mut self.bytes, rest);
        self.put_page(kind, granule, &sizes, &body, out);
    }

    fn put_page(&mut self, kind: u8, granule: u64, sizes: &[usize], body: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        out.extend(b"OggS\0");
        out.push(kind);
        out.extend(granule.to_le_bytes());
        out.extend(self.serial.to_le_bytes());
        out.extend(self.page.to_le_bytes());
        out.extend([0; 4]);
        let segments: Vec<u8> = sizes
            .iter()
            .flat_map(|size| std::iter::repeat_n(255, size / 255).chain(std::iter::once((size % 255) as u8)))
            .collect();
        out.push(segments.len() as u8);
        out.extend(segments);
        out.extend_from_slice(body);
        let sum = checksum(&out[from..]);
        out[from + 22..from + 26].copy_from_slice(&sum.to_le_bytes());
        self.page += 1;
    }
}

/// The remainders of each byte under Ogg's polynomial.
const REMAINDERS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            remainder = remainder << 1 ^ if remainder >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
};

/// The checksum of a page whose own place for it is zero: not reflected, starting at zero.
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |sum, &byte| sum << 8 ^ REMAINDERS[((sum >> 24) as u8 ^ byte) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages of a file: kind, granule, number of packets.
    fn pages(mut file: &[u8]) -> Vec<(u8, u64, usize)> {
        let mut pages = Vec::new();
        while !file.is_empty() {
            assert_eq!(&file[..5], b"OggS\0");
            assert_eq!(u32::from_le_bytes(file[18..22].try_into().unwrap()) as usize, pages.len());
            let segments = &file[27..27 + file[26] as usize];
            let body: usize = segments.iter().map(|&size| size as usize).sum();
            let end = 27 + segments.len() + body;
            let mut page = file[..end].to_vec();
            page[22..26].fill(0);
            assert_eq!(checksum(&page).to_le_bytes(), file[22..26]);
            let granule = u64::from_le_bytes(file[6..14].try_into().unwrap());
            pages.push((file[5], granule, segments.iter().filter(|&&size| size < 255).count()));
            file = &file[end..];
        }
        pages
    }

    #[test]
    fn the_checksum_is_the_one_of_ogg() {
        // The check value of CRC-32 with this polynomial, no reflection and zero before and after.
        assert_eq!(checksum(b"123456789"), 0x89a1_897f);
    }

    #[test]
    fn pages_count_time_and_the_last_says_so_and_ends_with_the_sound() {
        let (mut ogg, mut file) = Ogg::new(1, Rate::Narrow, 7);
        for _ in 0..50 {
            ogg.frame(&[&[100; 160]]);
        }
        ogg.put_pages(&mut file);
        for _ in 0..5 {
            ogg.frame(&[&[100; 160]]);
        }
        ogg.finish(&mut file);
        let pages = pages(&file);
        let heads = [(FIRST, 0, 1), (0, 0, 1)];
        assert_eq!(pages[..2], heads);
        assert_eq!(pages[2..], [(0, 49 * TICKS, 49), (0, 55 * TICKS, 6), (LAST, 55 * TICKS + PRE_SKIP, 1)]);
    }

    #[test]
    fn large_packets_share_pages_as_far_as_they_fit() {
        let (mut ogg, mut file) = Ogg::new(1, Rate::Full, 7);
        file.clear();
        ogg.page = 0;
        let mut large = vec![0xab; 1275];
        large[0] = 0xf8;
        for _ in 0..120 {
            ogg.packet(&large, TICKS);
        }
        ogg.finish(&mut file);
        let pages = pages(&file);
        assert_eq!(pages.iter().map(|(_, _, packets)| packets).sum::<usize>(), 120);
        assert_eq!(pages.last().unwrap(), &(LAST, 120 * TICKS, 1));
    }

    #[test]
    fn a_stream_without_a_packet_is_closed_all_the_same() {
        let (mut ogg, mut file) = Ogg::new(2, Rate::Wide, 7);
        ogg.finish(&mut file);
        assert_eq!(pages(&file).last().unwrap(), &(LAST, 0, 0));
    }

    #[test]
    fn packets_say_how_long_they_play() {
        assert_eq!(ticks_of(&[0xf8, 0xff, 0xfe]), Some(960));
        assert_eq!(ticks_of(&[0xfb, 0x03, 1, 2, 3]), Some(2880));
        assert_eq!(ticks_of(&[0xfb, 0x3f]), None, "63 frames of 20 ms are no packet");
        assert_eq!(ticks_of(&[]), None);
    }
}
