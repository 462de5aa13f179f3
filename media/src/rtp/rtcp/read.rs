//! Reads what came on a report port, in place. Checks that the pieces fill the datagram, then hands them out; a piece
//! whose inside is wrong is told as such and its neighbours still count.

use super::TRANSPORT_FEEDBACK;
use super::{Block, CNAME, DESCRIPTION, GOODBYE, Ntp, PAYLOAD_FEEDBACK, RECEIVER_REPORT, SENDER_REPORT, Sent};

/// Bytes of a [`Block`].
const BLOCK: usize = 24;
/// Bytes of what a sender says about itself.
const SENT: usize = 20;

/// A datagram that is no RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotRtcp {
    /// No room for a head, or none at all.
    #[error("{0} bytes are too few for a report")]
    Short(usize),
    /// Not version 2.
    #[error("RTCP version {0}")]
    Version(u8),
    /// A piece that ends behind the datagram.
    #[error("a piece of {claimed} bytes where {left} are left")]
    Truncated {
        /// How long the piece says that it is.
        claimed: usize,
        /// What is left of the datagram.
        left: usize,
    },
    /// Padding that is longer than its piece.
    #[error("{0} bytes of padding")]
    Padding(u8),
}

/// A datagram of reports.
#[derive(Debug, Clone, Copy)]
pub struct Compound<'a>(&'a [u8]);

/// One piece of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The far end sends, and hears these.
    Sender {
        /// Who says so.
        ssrc: u32,
        /// What it has sent.
        sent: Sent,
        /// What it hears.
        blocks: Blocks<'a>,
    },
    /// The far end only hears.
    Receiver {
        /// Who says so.
        ssrc: u32,
        /// What it hears.
        blocks: Blocks<'a>,
    },
    /// The name of a source; the first of the piece.
    Name {
        /// The source.
        ssrc: u32,
        /// Its name; any bytes.
        name: &'a [u8],
    },
    /// These sources have gone.
    Goodbye(Words<'a>),
    /// A picture got lost: the source is asked for a whole one.
    PictureLost {
        /// The source that is asked.
        ssrc: u32,
    },
    /// These sources are asked for a whole picture.
    WholePicture {
        /// A source, and a number and zeroes, in turn.
        entries: Words<'a>,
    },
    /// Packets are missing.
    Missing {
        /// The source that is asked.
        ssrc: u32,
        /// The number of a packet in the upper half, a bit for each of the sixteen after it in the lower.
        entries: Words<'a>,
    },
    /// Something else, in good order: extended reports, applications, estimates.
    Other(u8),
    /// Something of a known kind whose inside is wrong.
    Broken(u8),
}

/// What somebody hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

/// Numbers of 32 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words<'a>(&'a [u8]);

impl<'a> Compound<'a> {
    /// Checks that `datagram` is filled with pieces. A single piece that is no report is taken too (RFC 5506).
    ///
    /// # Errors
    /// When it is not, with the reason.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, NotRtcp> {
        if datagram.len() < 4 {
            return Err(NotRtcp::Short(datagram.len()));
        }
        let mut rest = datagram;
        while !rest.is_empty() {
            rest = Cut::first(rest)?.behind;
        }
        Ok(Self(datagram))
    }

    /// The pieces in their order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let cut = Cut::first(rest).ok()?;
            rest = cut.behind;
            Some(piece(cut.count, cut.kind, cut.body))
        })
    }
}

/// A piece cut off the rest.
struct Cut<'a> {
    count: u8,
    kind: u8,
    /// Without padding.
    body: &'a [u8],
    behind: &'a [u8],
}

impl<'a> Cut<'a> {
    fn first(bytes: &'a [u8]) -> Result<Self, NotRtcp> {
        let Some(head) = bytes.first_chunk::<4>() else { return Err(NotRtcp::Short(bytes.len())) };
        if head[0] >> 6 != 2 {
            return Err(NotRtcp::Version(head[0] >> 6));
        }
        let claimed = 4 + usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
        let whole = bytes.get(..claimed).ok_or(NotRtcp::Truncated { claimed, left: bytes.len() })?;
        let mut body = &whole[4..];
        if head[0] & 0x20 != 0 {
            let padding = *body.last().ok_or(NotRtcp::Padding(0))?;
            let end = body.len().checked_sub(usize::from(padding)).filter(|_| padding != 0);
            body = &body[..end.ok_or(NotRtcp::Padding(padding))?];
        }
        Ok(Self { count: head[0] & 0x1f, kind: head[1], body, behind: &bytes[claimed..] })
    }
}

fn piece(count: u8, kind: u8, body: &[u8]) -> Piece<'_> {
    let inside = match (kind, count) {
        (SENDER_REPORT, _) => sender(count, body),
        (RECEIVER_REPORT, _) => receiver(count, body),
        // A description of nobody is in order.
        (DESCRIPTION, 0) => Some(Piece::Other(kind)),
        (DESCRIPTION, _) => name(body),
        (GOODBYE, _) => body.get(..usize::from(count) * 4).map(|sources| Piece::Goodbye(Words(sources))),
        (PAYLOAD_FEEDBACK, 1) => word(body, 4).map(|ssrc| Piece::PictureLost { ssrc }),
        (PAYLOAD_FEEDBACK, 4) => body.get(8..).map(|entries| Piece::WholePicture { entries: Words(entries) }),
        (TRANSPORT_FEEDBACK, 1) => missing(body),
        _ => Some(Piece::Other(kind)),
    };
    inside.unwrap_or(Piece::Broken(kind))
}

fn sender(count: u8, body: &[u8]) -> Option<Piece<'_>> {
    let at = Ntp(u64::from(word(body, 4)?) << 32 | u64::from(word(body, 8)?));
    let sent = Sent { at, timestamp: word(body, 12)?, packets: word(body, 16)?, octets: word(body, 20)? };
    Some(Piece::Sender { ssrc: word(body, 0)?, sent, blocks: blocks(count, &body[4 + SENT..])? })
}

fn receiver(count: u8, body: &[u8]) -> Option<Piece<'_>> {
    Some(Piece::Receiver { ssrc: word(body, 0)?, blocks: blocks(count, &body[4..])? })
}

fn blocks(count: u8, body: &[u8]) -> Option<Blocks<'_>> {
    body.get(..usize::from(count) * BLOCK).map(Blocks)
}

/// The first chunk's name, or that it has none.
fn name(body: &[u8]) -> Option<Piece<'_>> {
    let ssrc = word(body, 0)?;
    let mut items = &body[4..];
    loop {
        match items {
            [CNAME, length, rest @ ..] => {
                return Some(Piece::Name { ssrc, name: rest.get(..usize::from(*length))? });
            }
            [0, ..] => return Some(Piece::Other(DESCRIPTION)),
            [_, length, rest @ ..] => items = rest.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
}

fn missing(body: &[u8]) -> Option<Piece<'_>> {
    Some(Piece::Missing { ssrc: word(body, 4)?, entries: Words(&body[8..]) })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Blocks<'_> {
    /// How many sources are heard.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len() / BLOCK
    }

    /// Whether nobody is heard.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is said about each.
    pub fn iter(&self) -> impl Iterator<Item = Block> {
        self.0.as_chunks::<BLOCK>().0.iter().map(|bytes| {
            let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
            Block {
                ssrc: word(0),
                fraction_lost: bytes[4],
                // 24 bits with a sign.
                lost: (word(4) << 8) as i32 >> 8,
                highest: word(8),
                jitter: word(12),
                last_report: word(16),
                delay: word(20),
            }
        })
    }
}

impl Words<'_> {
    /// The numbers in their order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(datagram: &[u8]) -> Piece<'_> {
        Compound::parse(datagram).expect("in order").pieces().next().expect("a piece")
    }

    #[test]
    fn pieces_that_do_not_fill_the_datagram_are_refused() {
        assert_eq!(Compound::parse(&[]).err(), Some(NotRtcp::Short(0)));
        assert_eq!(Compound::parse(&[0x80, 201, 0, 1, 0, 0, 0, 1, 0x80]).err(), Some(NotRtcp::Short(1)));
        assert_eq!(Compound::parse(&[0x40, 201, 0, 0]).err(), Some(NotRtcp::Version(1)));
        let long = [0x80, 201, 0xff, 0xff, 0, 0, 0, 1];
        assert_eq!(Compound::parse(&long).err(), Some(NotRtcp::Truncated { claimed: 0x4_0000, left: 8 }));
        assert_eq!(Compound::parse(&[0xa0, 201, 0, 0]).err(), Some(NotRtcp::Padding(0)));
        assert_eq!(Compound::parse(&[0xa0, 201, 0, 1, 0, 0, 0, 5]).err(), Some(NotRtcp::Padding(5)));
    }

    #[test]
    fn a_piece_with_a_wrong_inside_does_not_hide_its_neighbours() {
        let datagram = [0x9f, 201, 0, 1, 0, 0, 0, 7, 0x81, 203, 0, 1, 0, 0, 0, 7];
        let pieces: Vec<_> = Compound::parse(&datagram).expect("in order").pieces().collect();
        assert_eq!(pieces, [Piece::Broken(201), Piece::Goodbye(Words(&[0, 0, 0, 7]))]);
    }

    #[test]
    fn extended_reports_are_stepped_over() {
        assert_eq!(first(&[0x80, 207, 0, 3, 0, 0, 0, 1, 4, 0, 0, 1, 9, 9, 9, 9]), Piece::Other(207));
    }

    #[test]
    fn lost_may_be_negative() {
        let mut datagram = vec![0x81, 201, 0, 7, 0, 0, 0, 1];
        datagram.extend_from_slice(&[0, 0, 0, 2, 0, 0xff, 0xff, 0xfe]);
        datagram.resize(32, 0);
        let Piece::Receiver { blocks, .. } = first(&datagram) else { panic!("not a report") };
        assert_eq!(blocks.iter().map(|block| block.lost).collect::<Vec<_>>(), [-2]);
    }

    #[test]
    fn feedback_about_pictures_is_recognised() {
        assert_eq!(first(&[0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9]), Piece::PictureLost { ssrc: 9 });
        let whole = [0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0];
        let Piece::WholePicture { entries } = first(&whole) else { panic!("not asked for") };
        assert_eq!(entries.iter().next(), Some(9));
        let nack = [0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 9, 0x12, 0x34, 0, 1];
        let Piece::Missing { ssrc: 9, entries } = first(&nack) else { panic!("nothing missing") };
        assert_eq!(entries.iter().collect::<Vec<_>>(), [0x1234_0001]);
    }

    #[test]
    fn a_name_is_found_behind_other_items() {
        let datagram = [0x81, 202, 0, 4, 0, 0, 0, 5, 2, 1, b'x', 1, 4, b'u', b'@', b'h', b'o', 0, 0, 0];
        assert_eq!(first(&datagram), Piece::Name { ssrc: 5, name: b"u@ho" });
        let endless = [0x81, 202, 0, 2, 0, 0, 0, 5, 1, 200, b'x', 0];
        assert_eq!(first(&endless), Piece::Broken(202));
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(
            pieces in proptest::collection::vec((0..64u8, 198..209u8, 0..12u16, proptest::collection::vec(any::<u8>(), 48)), 1..5),
            cut in 0..8usize,
        ) {
            let mut datagram = Vec::new();
            for (flags, kind, words, body) in &pieces {
                datagram.extend_from_slice(&[0x80 | flags, *kind]);
                datagram.extend_from_slice(&words.to_be_bytes());
                datagram.extend_from_slice(&body[..usize::from(*words) * 4]);
            }
            datagram.truncate(datagram.len().saturating_sub(cut));
            if let Ok(compound) = Compound::parse(&datagram) {
                prop_assert!((1..=pieces.len()).contains(&compound.pieces().count()));
                for piece in compound.pieces() {
                    if let Piece::Sender { blocks, .. } | Piece::Receiver { blocks, .. } = piece {
                        prop_assert_eq!(blocks.iter().count(), blocks.len());
                    }
                }
            }
        }
    }
}
