//! Whoever waits for speech, and what is left undecoded for it.

use super::tests::{FRAME, packet};
use super::*;
use crate::codec::{Decoder, Undecodable};
use crate::frame::Rate;
use crate::rtp::start;

/// A packet of zeroes says that nobody speaks; everything else is as loud as its first byte.
struct Flagged {
    decoded: usize,
}

impl Decoder for Flagged {
    fn decode(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> Result<(), Undecodable> {
        self.decoded += 1;
        samples.resize(samples.len() + payload.len(), i16::from(payload[0]) + 1);
        Ok(())
    }

    fn conceal(&mut self, missing: usize, _next: Option<&[u8]>, samples: &mut Vec<i16>) {
        samples.resize(samples.len() + missing, 99);
    }

    fn doze(&mut self, payload: &[u8], samples: &mut Vec<i16>) -> bool {
        let is_quiet = payload[0] == 0;
        samples.resize(samples.len() + if is_quiet { payload.len() } else { 0 }, 0);
        is_quiet
    }
}

/// Packets 0 to 9 are quiet, 4 is lost, 10 to 14 speak, 12 is lost, the others are quiet again.
#[test]
fn whoever_waits_for_speech_hears_silence_and_then_every_word() {
    let begin = start();
    let (mut all, mut dozing) = (Flagged { decoded: 0 }, Flagged { decoded: 0 });
    let mut playouts = [Playout::new(8000, Rate::Narrow, begin), Playout::new(8000, Rate::Narrow, begin)];
    let mut heard = Vec::new();
    for tick in 0..30u32 {
        let now = begin + FRAME * tick;
        if tick != 4 && tick != 12 && tick < 20 {
            let mut bytes = packet(1, u64::from(tick), (0, 0), 160);
            let loudness = if (10..15).contains(&tick) { tick as u8 } else { 0 };
            bytes[12..].fill(loudness);
            for playout in &mut playouts {
                playout.push(&View::parse(&bytes).expect("ours"), true, now);
            }
        }
        let mut frame = [7; 160];
        playouts[0].frame(&mut all, now + FRAME / 2, &mut [0; 160], Attention::All);
        let played = playouts[1].frame(&mut dozing, now + FRAME / 2, &mut frame, Attention::Speech);
        assert!(played != Played::Silence || frame == [0; 160]);
        heard.push((played, frame[80]));
    }
    assert_eq!((all.decoded, dozing.decoded), (18, 4), "only speech is decoded");
    let words: Vec<_> = heard.iter().filter(|(played, _)| *played != Played::Silence).copied().collect();
    assert_eq!(
        words,
        [(Played::Sound, 11), (Played::Sound, 12), (Played::Concealed, 99), (Played::Sound, 14), (Played::Sound, 15),]
    );
    let counts = playouts.map(|playout| playout.buffer().counts());
    assert_eq!(counts[0], counts[1], "what is not heard is counted all the same");
}
