//! Packets for every decoder, whole, cut, in the wrong codec, and missing.

use patchcord_media::codec::{Decoder, Kind, MAX_PACKET};

/// As many packets as say something; more of them only take time.
const MOST_PACKETS: usize = 64;

/// The first byte chooses a codec, the others are packets: a length, how many samples were lost before, and the bytes.
pub fn decoder(data: &[u8]) {
    let Some((&choice, mut rest)) = data.split_first() else { return };
    let spoken: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.is_spoken()).collect();
    let kind = spoken[usize::from(choice) % spoken.len()];
    let mut decoder = kind.decoder().expect("a codec that is spoken has a decoder");
    for _ in 0..MOST_PACKETS {
        let Some((&[low, high, lost], behind)) = rest.split_first_chunk::<3>() else { break };
        let length = usize::from(u16::from_le_bytes([low, high]) & 0x0FFF);
        let (payload, behind) = behind.split_at(behind.len().min(length));
        rest = behind;
        hear(&mut *decoder, kind, payload, usize::from(lost) * 13);
    }
}

fn hear(decoder: &mut dyn Decoder, kind: Kind, payload: &[u8], missing: usize) {
    let mut samples = vec![7; 3];
    if missing > 0 {
        decoder.conceal(missing, missing.is_multiple_of(2).then_some(payload), &mut samples);
        assert_eq!(samples.len(), 3 + missing, "a gap is filled exactly");
    }
    let before = samples.len();
    match decoder.decode(payload, &mut samples) {
        Ok(()) => {
            let most = MAX_PACKET.as_millis() as usize * kind.rate().hz() as usize / 1000;
            assert!((before + 1..=before + most).contains(&samples.len()), "{} samples", samples.len() - before);
        }
        Err(undecodable) => {
            assert_eq!((undecodable.codec, undecodable.length), (kind.name(), payload.len()));
            assert_eq!(samples.len(), before, "what is refused leaves the buffer alone");
        }
    }
    assert_eq!(samples[..3], [7; 3]);
}
