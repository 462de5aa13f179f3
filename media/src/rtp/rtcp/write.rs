//! Writes our reports: sender or receiver report, name, and goodbye in one datagram, in that order (RFC 3550 §6.1).
//! Counts what was sent, because that is what a sender report says. Decides nothing about when.

use std::time::Instant;

use super::{Block, CNAME, DESCRIPTION, GOODBYE, Ntp, PAYLOAD_FEEDBACK, RECEIVER_REPORT, SENDER_REPORT, Sent};

/// Sources that one report can tell about; a leg hears one, or two while it changes.
pub const MAX_BLOCKS: usize = 31;

/// Bytes of a name; its length is one byte on the wire.
pub const MAX_NAME: usize = 255;

/// A datagram of ours.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What we have sent; `None` when nothing went out since the last two reports.
    pub sent: Option<Sent>,
    /// What we hear; no more than [`MAX_BLOCKS`].
    pub heard: &'a [Block],
    /// Our name, the same for the whole call and without any address in it; no more than [`MAX_NAME`] bytes.
    pub name: &'a str,
    /// Whether this is the last one.
    pub goodbye: bool,
}

impl Report<'_> {
    /// Writes the datagram into `out`, which is emptied first and keeps its room.
    ///
    /// # Panics
    /// When there are too many blocks or the name is too long.
    pub fn write(&self, out: &mut Vec<u8>) {
        assert!(self.heard.len() <= MAX_BLOCKS, "one report tells about {MAX_BLOCKS} sources at most");
        assert!(self.name.len() <= MAX_NAME, "the name of a source has {MAX_NAME} bytes at most");
        out.clear();
        let kind = if self.sent.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
        piece(out, self.heard.len() as u8, kind, |out| {
            push(out, self.ssrc);
            if let Some(sent) = &self.sent {
                out.extend_from_slice(&sent.at.0.to_be_bytes());
                push(out, sent.timestamp);
                push(out, sent.packets);
                push(out, sent.octets);
            }
            for block in self.heard {
                block.write(out);
            }
        });
        piece(out, 1, DESCRIPTION, |out| {
            push(out, self.ssrc);
            out.extend_from_slice(&[CNAME, self.name.len() as u8]);
            out.extend_from_slice(self.name.as_bytes());
            // The items end with a zero, and with more up to the next word.
            out.resize((out.len() + 4) & !3, 0);
        });
        if self.goodbye {
            piece(out, 1, GOODBYE, |out| push(out, self.ssrc));
        }
    }
}

/// Adds that a picture of that source got lost (RFC 4585 §6.3.1).
pub fn ask_for_picture(out: &mut Vec<u8>, ours: u32, theirs: u32) {
    piece(out, 1, PAYLOAD_FEEDBACK, |out| [ours, theirs].into_iter().for_each(|word| push(out, word)));
}

/// Adds that a whole picture of that source is wanted, for the so-many-eth time (RFC 5104 §4.3.1).
pub fn ask_for_whole_picture(out: &mut Vec<u8>, ours: u32, theirs: u32, number: u8) {
    let words = [ours, 0, theirs, u32::from(number) << 24];
    piece(out, 4, PAYLOAD_FEEDBACK, |out| words.into_iter().for_each(|word| push(out, word)));
}

impl Block {
    fn write(&self, out: &mut Vec<u8>) {
        push(out, self.ssrc);
        let lost = self.lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        push(out, u32::from(self.fraction_lost) << 24 | lost);
        push(out, self.highest);
        push(out, self.jitter);
        push(out, self.last_report);
        push(out, self.delay);
    }
}

/// One piece; every body we write fills whole words.
fn piece(out: &mut Vec<u8>, count: u8, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    body(out);
    let words = ((out.len() - start) / 4 - 1) as u16;
    out[start + 2..start + 4].copy_from_slice(&words.to_be_bytes());
}

fn push(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_be_bytes());
}

/// Counts what goes out, for the sender reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending {
    packets: u32,
    octets: u32,
    /// The last packet's time, and when it went.
    last: Option<(u32, Instant)>,
    /// Packets at the last two reports: who sent nothing since the one before the last only receives.
    reported: [u32; 2],
}

impl Sending {
    /// Nothing sent yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A packet with this time and so many bytes of payload goes out.
    pub fn count(&mut self, timestamp: u32, payload: usize, now: Instant) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
        self.last = Some((timestamp, now));
    }

    /// Packets so far.
    #[must_use]
    pub fn packets(&self) -> u32 {
        self.packets
    }

    /// What a report at `now` says, with the calendar's time and the codec's clock; `None` when nothing was sent since the
    /// report before the last (RFC 3550 §6.4). Call it once for each report.
    pub fn report(&mut self, now: Instant, at: Ntp, clock_hz: u32) -> Option<Sent> {
        let [before_last, last] = self.reported;
        self.reported = [last, self.packets];
        let (timestamp, when) = self.last.filter(|_| self.packets != before_last)?;
        let elapsed = now.saturating_duration_since(when).as_micros() * u128::from(clock_hz) / 1_000_000;
        Some(Sent { at, timestamp: timestamp.wrapping_add(elapsed as u32), packets: self.packets, octets: self.octets })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use rtc_rtcp::{goodbye::Goodbye, sender_report::SenderReport, source_description::SourceDescription};

    use super::super::{Compound, Piece};
    use super::*;

    fn block() -> impl Strategy<Value = Block> {
        (any::<[u32; 5]>(), any::<u8>(), -0x80_0000..0x7f_ffff_i32).prop_map(|(words, fraction_lost, lost)| Block {
            ssrc: words[0],
            fraction_lost,
            lost,
            highest: words[1],
            jitter: words[2],
            last_report: words[3],
            delay: words[4],
        })
    }

    fn sent() -> impl Strategy<Value = Sent> {
        (any::<u64>(), any::<[u32; 3]>()).prop_map(|(at, words)| Sent {
            at: Ntp(at),
            timestamp: words[0],
            packets: words[1],
            octets: words[2],
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            ssrc in any::<u32>(), sent in proptest::option::of(sent()), heard in proptest::collection::vec(block(), 0..=MAX_BLOCKS),
            name in "[a-z]{0,255}", goodbye in any::<bool>(),
        ) {
            let mut out = vec![1, 2, 3];
            Report { ssrc, sent, heard: &heard, name: &name, goodbye }.write(&mut out);
            let pieces: Vec<_> = Compound::parse(&out).expect("our own").pieces().collect();
            prop_assert_eq!(pieces.len(), 2 + usize::from(goodbye));
            let blocks = match (pieces[0], sent) {
                (Piece::Sender { ssrc: by, sent: read, blocks }, Some(sent)) if by == ssrc && read == sent => blocks,
                (Piece::Receiver { ssrc: by, blocks }, None) if by == ssrc => blocks,
                (other, _) => panic!("{other:?}"),
            };
            prop_assert_eq!(blocks.iter().collect::<Vec<_>>(), heard);
            prop_assert_eq!(pieces[1], Piece::Name { ssrc, name: name.as_bytes() });
            if let Some(Piece::Goodbye(sources)) = pieces.get(2) {
                prop_assert_eq!(sources.iter().collect::<Vec<_>>(), [ssrc]);
            }
        }
    }

    #[test]
    fn another_reader_sees_the_same() {
        let heard =
            Block { ssrc: 7, fraction_lost: 12, lost: 34, highest: 0x1_0005, jitter: 80, last_report: 9, delay: 65536 };
        let sent = Sent { at: Ntp(0x1234_5678_9abc_def0), timestamp: 160, packets: 1, octets: 160 };
        let mut out = Vec::new();
        Report { ssrc: 5, sent: Some(sent), heard: &[heard], name: "c0ffee@x", goodbye: true }.write(&mut out);
        let theirs = rtc_rtcp::packet::unmarshal(&mut &out[..]).expect("three packets");
        let report = theirs[0].as_any().downcast_ref::<SenderReport>().expect("a sender report");
        assert_eq!((report.ssrc, report.ntp_time, report.packet_count), (5, sent.at.0, 1));
        assert_eq!((report.reports[0].total_lost, report.reports[0].last_sequence_number), (34, 0x1_0005));
        let name = theirs[1].as_any().downcast_ref::<SourceDescription>().expect("a description");
        assert_eq!(&name.chunks[0].items[0].text[..], b"c0ffee@x");
        assert_eq!(theirs[2].as_any().downcast_ref::<Goodbye>().expect("a goodbye").sources, [5]);
    }

    #[test]
    fn a_sender_report_tells_the_time_of_now_and_not_of_the_last_packet() {
        let start = crate::rtp::start();
        let mut sending = Sending::new();
        assert_eq!(sending.report(start, Ntp(1), 8000), None);
        sending.count(1000, 160, start);
        sending.count(1160, 160, start + Duration::from_millis(20));
        let sent = sending.report(start + Duration::from_millis(120), Ntp(2), 8000);
        assert_eq!(sent, Some(Sent { at: Ntp(2), timestamp: 1960, packets: 2, octets: 320 }));
    }

    #[test]
    fn who_has_been_silent_for_two_reports_only_receives() {
        let start = crate::rtp::start();
        let mut sending = Sending::new();
        sending.count(0, 160, start);
        assert!(sending.report(start, Ntp(1), 8000).is_some());
        assert!(sending.report(start, Ntp(2), 8000).is_some());
        assert!(sending.report(start, Ntp(3), 8000).is_none());
        sending.count(0, 160, start);
        assert!(sending.report(start, Ntp(4), 8000).is_some());
    }
}
