//! Datagrams of reports, or of anything: what is read can be told again in a report of ours and is read the same.

use patchcord_media::rtp::rtcp::{Block, Compound, Ntp, Piece, Report};

/// Reads the bytes as one datagram.
pub fn rtcp(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else { return };
    assert!(compound.pieces().count() >= 1, "a datagram in order has a piece");
    for piece in compound.pieces() {
        match piece {
            Piece::Sender { ssrc, sent, blocks } => {
                let heard: Vec<_> = blocks.iter().collect();
                again(Report { ssrc, sent: Some(sent), heard: &heard, name: "fuzz", goodbye: true });
            }
            Piece::Receiver { ssrc, blocks } => {
                let heard: Vec<_> = blocks.iter().collect();
                again(Report { ssrc, sent: None, heard: &heard, name: "", goodbye: false });
            }
            Piece::Name { name, .. } => assert!(name.len() <= 255),
            Piece::Goodbye(sources) => assert!(sources.iter().count() <= 31),
            Piece::WholePicture { entries } | Piece::Missing { entries, .. } => {
                assert!(entries.iter().count() * 4 <= data.len());
            }
            Piece::PictureLost { .. } | Piece::Other(_) | Piece::Broken(_) => {}
        }
    }
}

/// Writes a report, and reads what it says.
fn again(report: Report<'_>) {
    let mut bytes = Vec::new();
    report.write(&mut bytes);
    let compound = Compound::parse(&bytes).expect("our own");
    let first = compound.pieces().next().expect("a report");
    let (ssrc, sent, blocks) = match first {
        Piece::Sender { ssrc, sent, blocks } => (ssrc, Some(sent), blocks),
        Piece::Receiver { ssrc, blocks } => (ssrc, None, blocks),
        other => panic!("{other:?}"),
    };
    assert_eq!((ssrc, sent), (report.ssrc, report.sent));
    assert_eq!(blocks.len(), report.heard.len());
    assert!(blocks.iter().eq(report.heard.iter().copied()));
    for block in report.heard {
        round_trip(block);
    }
}

/// Any arithmetic of theirs gives a way of no more than a minute, or none.
fn round_trip(block: &Block) {
    let way = Ntp(u64::from(block.highest) << 32 | u64::from(block.jitter)).round_trip(block);
    assert!(way.is_none_or(|way| way.as_secs() <= 60));
}
