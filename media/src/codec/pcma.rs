//! G.711 A-law.

use super::law::{Compressor, Expander, Law};
use super::table::{Halves, Row};
use crate::frame::Rate;

pub(super) const ROW: Row = Row {
    name: "PCMA",
    clock_hz: 8000,
    rate: Rate::Narrow,
    channels: 1,
    payload_type: Some(8),
    halves: Some(Halves { encoder: |_| Compressor::<ALaw>::boxed(), decoder: Expander::<ALaw>::boxed }),
};

struct ALaw;

/// Codes by the upper 12 bits of the sample, which are all the law looks at.
static COMPRESSED: [u8; 1 << 12] = {
    let mut table = [0; 1 << 12];
    let mut index = 0;
    while index < table.len() {
        table[index] = compress(((index as u16) << 4) as i16);
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

impl Law for ALaw {
    const NAME: &'static str = "PCMA";

    fn compress(sample: i16) -> u8 {
        COMPRESSED[usize::from(sample as u16 >> 4)]
    }

    fn expanded() -> &'static [i16; 256] {
        &EXPANDED
    }
}

/// Every second bit is turned over on the wire, so that silence is not a row of zeros.
const TOGGLED: u8 = 0x55;

const fn compress(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) as u16 >> 4;
    let code = if magnitude < 32 {
        // The first two segments are one straight line.
        magnitude
    } else {
        let segment = 12 - (magnitude.leading_zeros() as u16);
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0F)
    } as u8;
    (if sample < 0 { code } else { code | 0x80 }) ^ TOGGLED
}

const fn expand(code: u8) -> i16 {
    let plain = code ^ TOGGLED;
    let segment = (plain >> 4) & 0x07;
    let step = (plain & 0x0F) as i16;
    let magnitude = if segment == 0 { (step << 4) | 8 } else { (((step | 0x10) << 4) | 8) << (segment - 1) };
    if plain & 0x80 == 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::super::law::laws;
    use super::*;

    #[test]
    fn codes_are_those_of_the_reference() {
        for (sample, code) in [
            (0, 0xD5),
            (15, 0xD5),
            (16, 0xD4),
            (-1, 0x55),
            (-16, 0x55),
            (-17, 0x54),
            (511, 0xCA),
            (512, 0xF5),
            (i16::MAX, 0xAA),
            (i16::MIN, 0x2A),
        ] {
            assert_eq!(ALaw::compress(sample), code, "{sample}");
        }
        for (code, sample) in [(0xD5, 8), (0x55, -8), (0xAA, 32_256), (0x2A, -32_256), (0xF5, 528), (0xC5, 264)] {
            assert_eq!(EXPANDED[code], sample, "{code:#04x}");
        }
    }

    #[test]
    fn every_code_comes_back_as_its_own_sample() {
        laws::codes_come_back::<ALaw>();
    }

    #[test]
    fn every_sample_stays_near_itself_and_in_order() {
        laws::samples_keep_their_place::<ALaw>();
    }

    #[test]
    fn a_tone_stands_37_decibels_above_its_rounding() {
        assert!(laws::tone_ratio::<ALaw>() > 37.0, "{}", laws::tone_ratio::<ALaw>());
    }

    #[test]
    fn packets_of_no_length_or_too_much_are_refused() {
        laws::wild_lengths_are_refused::<ALaw>();
    }
}
