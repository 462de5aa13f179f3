//! G.711 µ-law.

use super::law::{Compressor, Expander, Law};
use super::table::{Halves, Row};
use crate::frame::Rate;

pub(super) const ROW: Row = Row {
    name: "PCMU",
    clock_hz: 8000,
    rate: Rate::Narrow,
    channels: 1,
    payload_type: Some(0),
    halves: Some(Halves { encoder: |_| Compressor::<MuLaw>::boxed(), decoder: Expander::<MuLaw>::boxed }),
};

struct MuLaw;

/// Codes by the upper 14 bits of the sample, which are all the law looks at.
static COMPRESSED: [u8; 1 << 14] = {
    let mut table = [0; 1 << 14];
    let mut index = 0;
    while index < table.len() {
        table[index] = compress(((index as u16) << 2) as i16);
        index += 1;
    }
    table
};

static EXPANDED: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < table.len() {
        table[code] = expand(code as u8);
        code += 1;
    }
    table
};

impl Law for MuLaw {
    const NAME: &'static str = "PCMU";

    fn compress(sample: i16) -> u8 {
        COMPRESSED[usize::from(sample as u16 >> 2)]
    }

    fn expanded() -> &'static [i16; 256] {
        &EXPANDED
    }
}

/// What is added before the segment is found, in 14-bit steps; taken off again on the way back.
const BIAS: u16 = 33;

const fn compress(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16 >> 2;
    let biased = if magnitude + BIAS > 0x1FFF { 0x1FFF } else { magnitude + BIAS };
    // The first set bit of 13 names the segment, the four behind it the step.
    let segment = 10 - (biased.leading_zeros() as u16);
    let step = (biased >> (segment + 1)) & 0x0F;
    let code = !((segment << 4) | step) as u8 & 0x7F;
    if sample < 0 { code } else { code | 0x80 }
}

const fn expand(code: u8) -> i16 {
    let inverted = !code;
    let segment = (inverted >> 4) & 0x07;
    let step = (inverted & 0x0F) as i16;
    let magnitude = ((((step << 1) | 0x21) << segment) - BIAS as i16) << 2;
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::super::law::laws;
    use super::*;

    #[test]
    fn codes_are_those_of_the_reference() {
        // (sample, code), from the decision values of G.711 table 2 in 16 bits.
        for (sample, code) in [
            (0, 0xFF),
            (3, 0xFF),
            (4, 0xFE),
            (-1, 0x7F),
            (-5, 0x7E),
            (124, 0xEF),
            (123, 0xF0),
            (32_635, 0x80),
            (32_124, 0x80),
            (i16::MAX, 0x80),
            (i16::MIN, 0x00),
        ] {
            assert_eq!(MuLaw::compress(sample), code, "{sample}");
        }
        for (code, sample) in
            [(0xFF, 0), (0x7F, 0), (0xFE, 8), (0x80, 32_124), (0x00, -32_124), (0xEF, 132), (0xF0, 120)]
        {
            assert_eq!(EXPANDED[code], sample, "{code:#04x}");
        }
    }

    #[test]
    fn every_code_comes_back_as_its_own_sample() {
        laws::codes_come_back::<MuLaw>();
    }

    #[test]
    fn every_sample_stays_near_itself_and_in_order() {
        laws::samples_keep_their_place::<MuLaw>();
    }

    #[test]
    fn a_tone_stands_37_decibels_above_its_rounding() {
        assert!(laws::tone_ratio::<MuLaw>() > 37.0, "{}", laws::tone_ratio::<MuLaw>());
    }

    #[test]
    fn packets_of_no_length_or_too_much_are_refused() {
        laws::wild_lengths_are_refused::<MuLaw>();
    }
}
