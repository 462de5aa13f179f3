//! Which payload type means what, for as long as a stream lives (RFC 3264 §8.3.2: a number never changes its meaning).

use crate::sdp::fmtp;
use crate::sdp::format::{Codec, Format};

/// Numbers that `rtpmap` may give a meaning, in the order in which we take them. Those from 64 to 95 look like reports
/// where reports share the port (RFC 5761 §4).
const FREE: [std::ops::RangeInclusive<u8>; 2] = [96..=127, 35..=63];

/// The numbers of one stream. Bounded by the payload types that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Numbers(Vec<Format>);

impl Numbers {
    /// The number of a codec: the one it has, else its fixed one, else the wished one where that is free, else a free one.
    /// `None` when there is none left. Those that are `taken` mean something elsewhere in the same description: streams that
    /// share a transport are told apart by them.
    pub(super) fn of(
        &mut self,
        codec: &Codec,
        parameters: Option<&str>,
        wished: Option<u8>,
        taken: &[u8],
    ) -> Option<u8> {
        let same =
            |known: &&Format| known.codec == *codec && fmtp::agree(codec, known.parameters.as_deref(), parameters);
        if let Some(known) = self.0.iter().find(same) {
            return Some(known.payload_type);
        }
        let free = |number: &u8| !taken.contains(number) && self.0.iter().all(|known| known.payload_type != *number);
        let dynamic = |number: &u8| FREE.iter().any(|range| range.contains(number));
        let favourites = [wished, favourite(codec)].into_iter().flatten().filter(dynamic);
        let number = codec
            .fixed_payload_type()
            .filter(free)
            .or_else(|| favourites.chain(FREE.into_iter().flatten()).find(free))?;
        let parameters = parameters.map(str::to_owned);
        self.0.push(Format { payload_type: number, codec: codec.clone(), parameters });
        Some(number)
    }

    /// Those that mean something.
    pub(super) fn each(&self) -> impl Iterator<Item = u8> {
        self.0.iter().map(|format| format.payload_type)
    }

    /// Keeps no room for more: they live as long as their leg.
    pub(super) fn shrink(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Takes over what the other side's offer means by its numbers.
    pub(super) fn learn(&mut self, formats: &[Format]) {
        for format in formats {
            self.0.retain(|known| known.payload_type != format.payload_type);
        }
        // The newest first: where a codec has two numbers, the one that the other side used last is used again.
        self.0.splice(0..0, formats.iter().cloned());
        self.shrink();
    }
}

/// The numbers that most phones and browsers use.
fn favourite(codec: &Codec) -> Option<u8> {
    match codec.clock_hz() {
        8000 if codec.is_keys() => Some(101),
        48_000 if codec.is_keys() => Some(110),
        48_000 if *codec == Codec::OPUS => Some(111),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_keeps_its_number_and_a_number_its_codec() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.of(&Codec::PCMA, None, Some(100), &[]), Some(8));
        assert_eq!(numbers.of(&Codec::OPUS, None, Some(96), &[]), Some(96));
        assert_eq!(numbers.of(&Codec::KEYS, None, Some(96), &[]), Some(101));
        assert_eq!(numbers.of(&Codec::OPUS, Some("stereo=1"), None, &[]), Some(96));
        assert_eq!(numbers.of(&Codec::AMR, None, Some(64), &[]), Some(97), "64 would look like a report");
        assert_eq!(numbers.of(&Codec::AMR, Some("octet-align=1"), None, &[]), Some(98));
    }

    #[test]
    fn the_other_sides_numbers_are_taken_over() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.of(&Codec::OPUS, None, None, &[]), Some(111));
        numbers.learn(&[Format::new(111, Codec::KEYS), Format::new(96, Codec::OPUS)]);
        assert_eq!(numbers.of(&Codec::OPUS, None, None, &[]), Some(96));
        assert_eq!(numbers.of(&Codec::KEYS, None, None, &[]), Some(111));
    }

    #[test]
    fn there_are_only_so_many_numbers() {
        let mut numbers = Numbers::default();
        let taken = (0..200).filter_map(|rate| numbers.of(&Codec::l16(20_000 + rate), None, None, &[])).count();
        assert_eq!(taken, 32 + 29);
    }
}
