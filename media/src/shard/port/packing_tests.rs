//! Packets of every length hold what was said, in its order, and decoders take them.

use proptest::prelude::*;

use super::*;
use crate::codec::Settings;
use crate::frame::Rate;

/// What becomes of frames: the packets with their ticks, and what left at the end.
fn packed(packing: &mut Packing, frames: &[Vec<u8>]) -> Vec<(Vec<u8>, u32)> {
    let mut packets = Vec::new();
    let mut take = |packing: &mut Packing, all| {
        while let Some((packet, ticks)) = packing.next(all) {
            packets.push((packet.to_vec(), ticks));
        }
    };
    for (round, frame) in (0..).zip(frames) {
        if !packing.takes(frame) {
            take(packing, true);
        }
        packing.push(frame, round);
        take(packing, false);
    }
    take(packing, true);
    assert!(packing.is_empty());
    packets
}

fn numbered(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| vec![number; 160]).collect()
}

#[test]
fn packets_of_g711_are_cut_to_the_length_that_was_asked_for() {
    for (ms, wanted) in [
        (10, vec![80; 10]),
        (30, vec![240, 240, 240, 80]),
        (40, vec![320, 320, 160]),
        (60, vec![480, 320]),
        (5, vec![80; 10]),
        (35, vec![240, 240, 240, 80]),
    ] {
        let mut packing = Packing::of(Kind::Pcma, ms).expect("another length");
        let packets = packed(&mut packing, &numbered(5));
        assert_eq!(packets.iter().map(|(packet, _)| packet.len()).collect::<Vec<_>>(), wanted, "{ms} ms");
        assert_eq!(packets.iter().map(|(_, ticks)| ticks).sum::<u32>(), 800, "five frames of 20 ms");
        assert_eq!(packets.concat_payload(), numbered(5).concat());
    }
}

#[test]
fn the_usual_length_and_codecs_that_cannot_be_packed_are_left_alone() {
    assert!(Packing::of(Kind::Pcmu, 20).is_none());
    assert!(Packing::of(Kind::Pcmu, 25).is_none());
    assert!(Packing::of(Kind::Opus, 10).is_none());
    assert!(Packing::of(Kind::Opus, 30).is_none());
    assert!(Packing::of(Kind::G729, 40).is_none());
    assert!(Packing::of(Kind::L16(Rate::Full), 40).is_none(), "no router would pass it whole");
}

#[test]
fn frames_of_opus_stand_side_by_side_and_are_heard_in_turn() {
    let (mut encoder, rate) = (Kind::Opus.encoder(&Settings::default()).expect("a codec that we speak"), Rate::Full);
    let mut packing = Packing::of(Kind::Opus, 60).expect("another length");
    let frames: Vec<_> = (0..7)
        .map(|number| {
            let sample = |at: usize| ((number * 960 + at) as f32 * 0.06).sin() * 9000.0;
            let sound: Vec<_> = (0..rate.samples()).map(|at| sample(at) as i16).collect();
            let mut payload = Vec::new();
            encoder.encode(&sound, &mut payload);
            payload
        })
        .collect();
    let packets = packed(&mut packing, &frames);
    let (mut apart, mut joined) = (Vec::new(), Vec::new());
    let mut decoders = [(); 2].map(|()| Kind::Opus.decoder().expect("a codec that we speak"));
    frames.iter().for_each(|frame| decoders[0].decode(frame, &mut apart).expect("a packet of Opus"));
    packets.iter().for_each(|(packet, _)| decoders[1].decode(packet, &mut joined).expect("a packet of Opus"));
    assert_eq!(joined, apart);
    assert_eq!(packets.iter().map(|(_, ticks)| ticks).sum::<u32>(), 7 * 960);
    assert!(packets.len() < frames.len(), "{} packets", packets.len());
}

#[test]
fn frames_of_two_kinds_never_share_a_packet() {
    let frames = [vec![0x78, 1, 1], vec![0x78, 2], vec![0x08, 3], vec![0x08], vec![0x09, 4, 4]];
    let mut packing = Packing::of(Kind::Opus, 60).expect("another length");
    let packets: Vec<_> = packed(&mut packing, &frames).into_iter().map(|(packet, _)| packet).collect();
    assert_eq!(packets, [vec![0x7b, 0x82, 2, 1, 1, 2], vec![0x0b, 0x82, 1, 3], vec![0x09, 4, 4]]);
}

trait Payloads {
    fn concat_payload(&self) -> Vec<u8>;
}

impl Payloads for Vec<(Vec<u8>, u32)> {
    fn concat_payload(&self) -> Vec<u8> {
        self.iter().flat_map(|(packet, _)| packet.clone()).collect()
    }
}

proptest! {
    #[test]
    fn lengths_of_frames_are_read_as_they_were_written(lengths in proptest::collection::vec(0..420_usize, 1..4)) {
        let frames: Vec<u8> = (0..lengths.iter().sum()).map(|at: usize| at as u8).collect();
        let mut packet = Vec::new();
        join(0x78, &lengths, &frames, &mut packet);
        // As RFC 6716 §3.2.5 reads it.
        let mut rest = &packet[1..];
        if packet[0] & 3 == 3 {
            prop_assert_eq!(rest[0] & 0x3f, lengths.len() as u8);
            rest = &rest[1..];
            for length in &lengths[..lengths.len() - 1] {
                let (read, bytes) = match rest[0] {
                    first @ 252.. => (usize::from(rest[1]) * 4 + usize::from(first), 2),
                    first => (usize::from(first), 1),
                };
                prop_assert_eq!(read, *length);
                rest = &rest[bytes..];
            }
        }
        prop_assert_eq!(rest, &frames[..]);
    }
}
