//! A call as files: text for people, packets for whoever reads those. The pages and the API give the same.
//!
//! Addresses in the packets are made up: the journal keeps no whole ones. Ours is 192.0.2.1, the party of leg n 198.51.100.n.

use std::{
    fmt::Write,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use patchcord_engine::journal::{Entry, Record, Story, Way, What, ladder, line, moment, sentence};

/// Columns of the ladder in a text file.
const COLUMNS: usize = 120;

/// A file that is named after its call.
pub fn file(kind: &'static str, record: &Record, ending: &str, body: impl IntoResponse) -> Response {
    // The name is made of an id of ours, which is letters and digits.
    let name = format!("attachment; filename=\"{}.{ending}\"", record.call);
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], body).into_response()
}

/// Entries in the order of their times, as people read them. The last answers of a call come behind its end, which is noted when they
/// have come.
pub fn in_time(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    let mut entries: Vec<&Entry> = entries.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    entries.into_iter()
}

/// What happened, the ladder, and the whole journal.
pub fn as_text(Story { record, entries }: &Story) -> Response {
    let mut text = format!("{}\n\ncall  {}\nbegan {} UTC\n\n", sentence(record), record.call, moment(record.began));
    text += &ladder(record, entries, COLUMNS);
    text += "\n";
    for entry in in_time(entries) {
        let _infallible = writeln!(text, "{}", line(entry));
        if let What::Message { text: message, .. } = &entry.what {
            message.shown().lines().for_each(|line| text += &format!("{:20}{line}\n", ""));
        }
    }
    file("text/plain; charset=utf-8", record, "txt", text)
}

/// Its messages, for whoever reads packets.
pub fn as_packets(Story { record, entries }: &Story) -> Response {
    let began = record.began.duration_since(UNIX_EPOCH).unwrap_or_default();
    file("application/vnd.tcpdump.pcap", record, "pcap", packets(began, entries))
}

/// The messages as UDP over IPv4, in a file of raw packets (LINKTYPE_RAW).
fn packets(began: Duration, entries: &[Entry]) -> Vec<u8> {
    const HEAD: [u32; 6] = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 101];
    const IP: usize = 20;
    const UDP: usize = 8;
    const OURS: [u8; 4] = [192, 0, 2, 1];
    let mut file: Vec<u8> = HEAD.iter().flat_map(|word| word.to_le_bytes()).collect();
    for entry in entries {
        let What::Message { leg, way, text } = &entry.what else { continue };
        let (shown, theirs) = (text.shown(), [198, 51, 100, (leg.0 % 250) as u8 + 1]);
        let (from, to) = if *way == Way::Theirs { (theirs, OURS) } else { (OURS, theirs) };
        // A journal keeps no message that is longer than a packet.
        let length = IP + UDP + shown.len();
        let at = began + entry.at;
        let words = [at.as_secs() as u32, at.subsec_micros(), length as u32, length as u32];
        file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let mut head = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        head[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        head[12..16].copy_from_slice(&from);
        head[16..20].copy_from_slice(&to);
        let sum = checksum(&head);
        head[10..12].copy_from_slice(&sum.to_be_bytes());
        file.extend(head);
        file.extend([5060_u16, 5060, (UDP + shown.len()) as u16, 0].iter().flat_map(|word| word.to_be_bytes()));
        file.extend(shown.as_bytes());
    }
    file
}

fn checksum(head: &[u8; 20]) -> u16 {
    let sum: u32 = head.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    !((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use patchcord_engine::journal::{LegNumber, SipText};

    use super::*;

    #[test]
    fn a_message_becomes_a_packet_whose_head_adds_up() {
        let text = SipText::new(&Bytes::from_static(b"OPTIONS sip:h SIP/2.0\r\n\r\n"), true);
        let what = What::Message { leg: LegNumber(0), way: Way::Theirs, text };
        let file = packets(Duration::from_secs(7), &[Entry { number: 0, at: Duration::from_micros(5), what }]);
        assert_eq!(file[24..32], [7, 0, 0, 0, 5, 0, 0, 0]);
        let packet = &file[40..];
        assert_eq!(usize::from(u16::from_be_bytes([packet[2], packet[3]])), packet.len());
        assert_eq!(checksum(packet[..20].try_into().expect("a head")), 0);
        assert_eq!(&packet[28..35], b"OPTIONS");
    }
}
