//! An RTP packet in somebody's buffer (RFC 3550 §5.1): read in place, patched in place, and its head written.
//!
//! A [`View`] borrows the bytes that came from the network, checks every length once, and then answers by place; nothing
//! is copied. A [`Patch`] overwrites fields of a packet that is passed on. A [`Head`] is what a packet of our own says
//! besides its payload. Nothing here remembers anything from one packet to the next.

use std::ops::Range;

use rtc_shared::marshal::Marshal;

/// The head of a packet without contributing sources and extensions. Ours are always like that.
pub const HEAD: usize = 12;

/// The longest packet we take or make: 20 ms of linear sound at 48 kHz (1920 bytes), its head, extensions, and the tag of
/// SRTP. Whoever reads a socket gives it one byte more room, so that a longer packet is known as one.
pub const MAX_PACKET: usize = 2048;

/// Bytes that are not an RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRtp {
    /// Shorter than the shortest head.
    #[error("{0} bytes are too few for an RTP head")]
    Short(usize),
    /// Longer than [`MAX_PACKET`].
    #[error("{0} bytes are more than an RTP packet may have")]
    Long(usize),
    /// Not version 2: STUN, DTLS, or noise.
    #[error("RTP version {0}")]
    Version(u8),
    /// The contributing sources or the extension end behind the packet.
    #[error("the head says {claimed} bytes, the packet has {length}")]
    Truncated {
        /// How long the head says that it is.
        claimed: usize,
        /// How long the packet is.
        length: usize,
    },
    /// The last byte does not say how much of the payload is padding.
    #[error("{padding} bytes of padding in a payload of {payload}")]
    Padding {
        /// What the last byte says.
        padding: usize,
        /// Bytes behind the head.
        payload: usize,
    },
}

/// What the head of a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which codec, as SDP numbered it; 7 bits.
    pub payload_type: u8,
    /// First packet after silence.
    pub marker: bool,
    /// One more for each packet.
    pub sequence: u16,
    /// When the first sample was taken, on the clock of the codec.
    pub timestamp: u32,
    /// Who speaks.
    pub ssrc: u32,
}

impl Head {
    /// Writes this head at the start of `packet` and gives back its length, [`HEAD`].
    ///
    /// # Panics
    /// When `packet` is shorter than [`HEAD`].
    pub fn write(&self, packet: &mut [u8]) -> usize {
        let head = rtp::Header {
            version: 2,
            marker: self.marker,
            payload_type: self.payload_type & PAYLOAD_TYPE,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            ..rtp::Header::default()
        };
        head.marshal_to(packet).expect("a buffer for a packet holds its head")
    }

    /// Makes a whole packet of this head and `payload` in `packet`, which is emptied first and keeps its room.
    pub fn packet(&self, payload: &[u8], packet: &mut Vec<u8>) {
        packet.clear();
        packet.resize(HEAD, 0);
        self.write(packet);
        packet.extend_from_slice(payload);
    }
}

const MARKER: u8 = 0x80;
const PAYLOAD_TYPE: u8 = 0x7f;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;

/// How long the head of a packet is, with contributing sources and extension: where the payload starts. What stands there
/// may be encrypted still.
///
/// # Errors
/// When the bytes are not an RTP packet as far as its head tells, with the reason.
pub fn head_length(bytes: &[u8]) -> Result<usize, NotRtp> {
    let length = bytes.len();
    let Some(head) = bytes.first_chunk::<HEAD>() else { return Err(NotRtp::Short(length)) };
    if length > MAX_PACKET {
        return Err(NotRtp::Long(length));
    }
    if head[0] >> 6 != 2 {
        return Err(NotRtp::Version(head[0] >> 6));
    }
    let mut start = HEAD + usize::from(head[0] & 0x0f) * 4;
    if head[0] & EXTENSION != 0 {
        let words = bytes.get(start + 2..start + 4).ok_or(NotRtp::Truncated { claimed: start + 4, length })?;
        start += 4 + usize::from(u16::from_be_bytes([words[0], words[1]])) * 4;
    }
    if start > length {
        return Err(NotRtp::Truncated { claimed: start, length });
    }
    Ok(start)
}

/// An RTP packet, read where it lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    bytes: &'a [u8],
    /// Where the payload starts, behind contributing sources and extension.
    start: usize,
    /// Where it ends, before the padding.
    end: usize,
}

impl<'a> View<'a> {
    /// Checks that `bytes` are an RTP packet.
    ///
    /// # Errors
    /// When they are not, with the reason.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotRtp> {
        let start = head_length(bytes)?;
        let length = bytes.len();
        let payload = length - start;
        let mut end = length;
        if bytes[0] & PADDING != 0 {
            let padding = usize::from(bytes[length - 1]);
            if padding == 0 || padding > payload {
                return Err(NotRtp::Padding { padding, payload });
            }
            end -= padding;
        }
        Ok(Self { bytes, start, end })
    }

    /// First packet after silence.
    #[must_use]
    pub fn marker(&self) -> bool {
        self.bytes[1] & MARKER != 0
    }

    /// Which codec; 0 to 127.
    #[must_use]
    pub fn payload_type(&self) -> u8 {
        self.bytes[1] & PAYLOAD_TYPE
    }

    /// The number of the packet.
    #[must_use]
    pub fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// When its first sample was taken, on the clock of the codec.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        self.word(4)
    }

    /// Who speaks.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.word(8)
    }

    /// All of the head at once.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            payload_type: self.payload_type(),
            marker: self.marker(),
            sequence: self.sequence(),
            timestamp: self.timestamp(),
            ssrc: self.ssrc(),
        }
    }

    /// Who spoke before a mixer put them together; at most fifteen.
    pub fn contributors(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (words, _) = self.bytes[HEAD..HEAD + usize::from(self.bytes[0] & 0x0f) * 4].as_chunks::<4>();
        words.iter().map(|word| u32::from_be_bytes(*word))
    }

    /// The extension of the head, where there is one: its profile and its bytes, a multiple of four.
    #[must_use]
    pub fn extension(&self) -> Option<(u16, &'a [u8])> {
        if self.bytes[0] & EXTENSION == 0 {
            return None;
        }
        let at = HEAD + usize::from(self.bytes[0] & 0x0f) * 4;
        Some((u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]), &self.bytes[at + 4..self.start]))
    }

    /// What the packet carries, without padding; may be empty.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.start..self.end]
    }

    /// Where in the packet the payload lies.
    #[must_use]
    pub fn payload_range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The whole packet.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], self.bytes[at + 3]])
    }
}

/// What somebody said is nobody's business: only the head is shown.
impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("head", &self.head()).field("payload", &self.payload().len()).finish()
    }
}

/// Overwrites the head of a packet that is passed on.
pub struct Patch<'a>(&'a mut [u8; HEAD]);

impl<'a> Patch<'a> {
    /// A patch for `packet`; `None` when it is too short to have a head. Only a packet that was read by [`View::parse`]
    /// is worth patching.
    pub fn of(packet: &'a mut [u8]) -> Option<Self> {
        packet.first_chunk_mut().map(Self)
    }

    /// Another codec number.
    pub fn payload_type(&mut self, payload_type: u8) -> &mut Self {
        self.0[1] = self.0[1] & MARKER | payload_type & PAYLOAD_TYPE;
        self
    }

    /// First packet after silence, or not.
    pub fn marker(&mut self, marker: bool) -> &mut Self {
        self.0[1] = self.0[1] & PAYLOAD_TYPE | if marker { MARKER } else { 0 };
        self
    }

    /// Another number.
    pub fn sequence(&mut self, sequence: u16) -> &mut Self {
        self.0[2..4].copy_from_slice(&sequence.to_be_bytes());
        self
    }

    /// Another time.
    pub fn timestamp(&mut self, timestamp: u32) -> &mut Self {
        self.0[4..8].copy_from_slice(&timestamp.to_be_bytes());
        self
    }

    /// Another speaker.
    pub fn ssrc(&mut self, ssrc: u32) -> &mut Self {
        self.0[8..12].copy_from_slice(&ssrc.to_be_bytes());
        self
    }

    /// All of the head at once; contributing sources, extension and padding stay.
    pub fn head(&mut self, head: &Head) -> &mut Self {
        self.marker(head.marker)
            .payload_type(head.payload_type)
            .sequence(head.sequence)
            .timestamp(head.timestamp)
            .ssrc(head.ssrc)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_shared::marshal::Unmarshal;

    use super::*;

    fn head() -> impl Strategy<Value = Head> {
        (0..128u8, any::<bool>(), any::<u16>(), any::<u32>(), any::<u32>()).prop_map(
            |(payload_type, marker, sequence, timestamp, ssrc)| Head {
                payload_type,
                marker,
                sequence,
                timestamp,
                ssrc,
            },
        )
    }

    /// Version 2 and the flags given, then whatever follows.
    fn packet(flags: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80 | flags, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend_from_slice(rest);
        packet
    }

    #[test]
    fn a_short_packet_is_refused() {
        assert_eq!(View::parse(&[]), Err(NotRtp::Short(0)));
        assert_eq!(View::parse(&packet(0, &[])[..11]), Err(NotRtp::Short(11)));
        assert_eq!(View::parse(&packet(0, &[])).map(|view| view.payload().len()), Ok(0));
    }

    #[test]
    fn an_endless_packet_is_refused() {
        assert_eq!(View::parse(&packet(0, &[0; MAX_PACKET])), Err(NotRtp::Long(MAX_PACKET + HEAD)));
        let longest = packet(0, &[0; MAX_PACKET - HEAD]);
        assert_eq!(View::parse(&longest).map(|view| view.payload().len()), Ok(MAX_PACKET - HEAD));
    }

    #[test]
    fn another_version_is_refused() {
        let stun = [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(View::parse(&stun), Err(NotRtp::Version(0)));
    }

    #[test]
    fn contributing_sources_that_are_not_there_are_refused() {
        assert_eq!(View::parse(&packet(2, &[0; 7])), Err(NotRtp::Truncated { claimed: 20, length: 19 }));
    }

    #[test]
    fn an_extension_longer_than_the_packet_is_refused() {
        let missing = packet(EXTENSION, &[0xbe, 0xde]);
        assert_eq!(View::parse(&missing), Err(NotRtp::Truncated { claimed: 16, length: 14 }));
        let longest = packet(EXTENSION, &[0xbe, 0xde, 0xff, 0xff, 1, 2, 3, 4]);
        assert_eq!(View::parse(&longest), Err(NotRtp::Truncated { claimed: 16 + 4 * 0xffff, length: 20 }));
    }

    #[test]
    fn padding_that_would_eat_the_head_is_refused() {
        assert_eq!(View::parse(&packet(PADDING, &[1, 2, 5])), Err(NotRtp::Padding { padding: 5, payload: 3 }));
        assert_eq!(View::parse(&packet(PADDING, &[1, 2, 0])), Err(NotRtp::Padding { padding: 0, payload: 3 }));
        // The last byte belongs to the head here.
        assert_eq!(View::parse(&packet(PADDING, &[])), Err(NotRtp::Padding { padding: 3, payload: 0 }));
        let whole = packet(PADDING, &[1, 2, 3]);
        assert_eq!(View::parse(&whole).map(|view| view.payload()), Ok(&[][..]));
    }

    #[test]
    fn the_payload_lies_behind_sources_and_extension_and_before_padding() {
        let bytes = packet(
            PADDING | EXTENSION | 2,
            &[0, 0, 0, 9, 0, 0, 0, 8, 0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0, b's', b'o', 0, 2],
        );
        let view = View::parse(&bytes).expect("a packet");
        assert_eq!(view.payload(), b"so");
        assert_eq!(&bytes[view.payload_range()], b"so");
        assert_eq!(view.contributors().collect::<Vec<_>>(), [9, 8]);
        assert_eq!(view.extension(), Some((0xbede, &[0x10, 0xff, 0, 0][..])));
    }

    #[test]
    fn a_view_shows_nobody_what_was_said() {
        let bytes = packet(0, b"secret");
        let shown = format!("{:?}", View::parse(&bytes).expect("a packet"));
        assert!(shown.contains("payload: 6") && !shown.contains("115"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), flags in 0..64u8) {
            let mut bytes = bytes;
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | flags;
            }
            if let Ok(view) = View::parse(&bytes) {
                let known = view.payload_range().end + usize::from(bytes[0] & PADDING != 0) * usize::from(bytes[bytes.len() - 1]);
                prop_assert_eq!(known, bytes.len());
                prop_assert_eq!(view.contributors().count(), usize::from(bytes[0] & 0x0f));
                prop_assert_eq!(view.extension().is_some(), bytes[0] & EXTENSION != 0);
            }
        }

        #[test]
        fn what_is_written_is_read(head in head(), payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = vec![0xff; 300];
            head.packet(&payload, &mut bytes);
            let view = View::parse(&bytes).expect("our own packet");
            prop_assert_eq!(view.head(), head);
            prop_assert_eq!(view.payload(), &payload[..]);
        }

        #[test]
        fn another_reader_sees_the_same(head in head(), sources in proptest::collection::vec(any::<u32>(), 0..16), extension in any::<Option<u8>>()) {
            let mut theirs = rtp::Packet {
                header: rtp::Header {
                    version: 2,
                    marker: head.marker,
                    payload_type: head.payload_type,
                    sequence_number: head.sequence,
                    timestamp: head.timestamp,
                    ssrc: head.ssrc,
                    csrc: sources.clone(),
                    ..rtp::Header::default()
                },
                payload: bytes::Bytes::from_static(b"sound"),
            };
            if let Some(level) = extension {
                theirs.header.set_extension(1, bytes::Bytes::copy_from_slice(&[level])).expect("room for one byte");
            }
            let bytes = theirs.marshal().expect("a packet");
            let view = View::parse(&bytes).expect("a packet");
            prop_assert_eq!(view.head(), head);
            prop_assert_eq!(view.payload(), b"sound");
            prop_assert_eq!(view.contributors().collect::<Vec<_>>(), sources);
            prop_assert_eq!(view.extension().map(|(_, bytes)| bytes[1]), extension);
        }

        #[test]
        fn a_patch_changes_the_head_and_nothing_else(before in head(), after in head(), sources in 0..16u8) {
            let mut bytes = vec![7; 12 + 4 * usize::from(sources) + 20];
            before.write(&mut bytes);
            bytes[0] |= sources;
            let rest = bytes[HEAD..].to_vec();
            Patch::of(&mut bytes).expect("long enough").head(&after);
            prop_assert_eq!(View::parse(&bytes).map(|view| view.head()), Ok(after));
            prop_assert_eq!(bytes[0], 0x80 | sources);
            prop_assert_eq!(&bytes[HEAD..], &rest[..]);
            let theirs = rtp::Packet::unmarshal(&mut &bytes[..]).expect("a packet");
            prop_assert_eq!(theirs.header.sequence_number, after.sequence);
            prop_assert_eq!(theirs.header.ssrc, after.ssrc);
        }
    }
}
