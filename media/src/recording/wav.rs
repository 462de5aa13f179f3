//! A wav file as bytes: its head, and sound as its format wants it. Writes to no disk.

use crate::codec::{Encoder, Kind, Settings};
use crate::frame::Rate;

use super::plan::Format;

/// Where the length of the whole stands.
const WHOLE_AT: u64 = 4;

/// A whole file of plain samples, in memory: for sound that was made and not recorded.
#[must_use]
pub fn wav_of(rate: Rate, samples: &[i16]) -> Vec<u8> {
    let mut wav = Wav { channels: 1, rate, law: None, scratch: Default::default() };
    // Longer than any sound that is made: what is behind four gigabytes is left away.
    let samples = &samples[..samples.len().min(u32::MAX as usize / 2 - 64)];
    let mut file = wav.head(samples.len() as u32 * 2);
    wav.write(&[samples], &mut file);
    file
}

/// How one file is written.
pub(super) struct Wav {
    channels: usize,
    rate: Rate,
    /// None for samples as they are.
    law: Option<(u16, Box<dyn Encoder>)>,
    scratch: [Vec<u8>; 2],
}

impl Wav {
    /// For a format; `None` when it is no wav.
    pub(super) fn new(format: Format, channels: usize, rate: Rate) -> Option<Self> {
        let law = match format {
            Format::Pcm16 => None,
            Format::Pcma => Some((6, Kind::Pcma.encoder(&Settings::default())?)),
            Format::Pcmu => Some((7, Kind::Pcmu.encoder(&Settings::default())?)),
            Format::OggOpus => return None,
        };
        Some(Self { channels, rate, law, scratch: Default::default() })
    }

    /// Bytes of one sample of all channels.
    pub(super) fn block(&self) -> usize {
        self.channels * if self.law.is_some() { 1 } else { 2 }
    }

    /// The head of a file with so many bytes of sound.
    pub(super) fn head(&self, sound: u32) -> Vec<u8> {
        let (block, rate) = (self.block() as u32, self.rate.hz());
        let tag = self.law.as_ref().map_or(1, |(tag, _)| *tag);
        let mut head = b"RIFF\0\0\0\0WAVEfmt ".to_vec();
        // What is not plain samples says that nothing follows, and how many samples there are.
        head.extend(if self.law.is_some() { 18_u32 } else { 16 }.to_le_bytes());
        head.extend(tag.to_le_bytes());
        head.extend((self.channels as u16).to_le_bytes());
        head.extend(rate.to_le_bytes());
        head.extend((rate * block).to_le_bytes());
        head.extend((block as u16).to_le_bytes());
        head.extend((block as u16 / self.channels as u16 * 8).to_le_bytes());
        if self.law.is_some() {
            head.extend([0, 0]);
            head.extend(b"fact\x04\0\0\0");
            head.extend((sound / block).to_le_bytes());
        }
        head.extend(b"data");
        head.extend(sound.to_le_bytes());
        let whole = head.len() as u32 - 8 + sound;
        head[WHOLE_AT as usize..][..4].copy_from_slice(&whole.to_le_bytes());
        head
    }

    /// Appends one frame, a slice for each channel, all equally long.
    pub(super) fn write(&mut self, channels: &[&[i16]], bytes: &mut Vec<u8>) {
        match &mut self.law {
            None => {
                let length = channels.first().map_or(0, |channel| channel.len());
                for n in 0..length {
                    channels.iter().for_each(|channel| bytes.extend(channel[n].to_le_bytes()));
                }
            }
            Some((_, encoder)) => {
                for (channel, scratch) in channels.iter().zip(&mut self.scratch) {
                    scratch.clear();
                    encoder.encode(channel, scratch);
                }
                match channels.len() {
                    1 => bytes.extend_from_slice(&self.scratch[0]),
                    _ => bytes
                        .extend(self.scratch[0].iter().zip(&self.scratch[1]).flat_map(|(&left, &right)| [left, right])),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_says_what_follows() {
        let head = Wav::new(Format::Pcm16, 2, Rate::Wide).unwrap().head(6400);
        assert_eq!(head.len(), 44);
        assert_eq!(&head[..4], b"RIFF");
        assert_eq!(head[4..8], 6436_u32.to_le_bytes());
        assert_eq!(head[20..36], [1, 0, 2, 0, 0x80, 0x3e, 0, 0, 0, 0xfa, 0, 0, 4, 0, 16, 0]);
        assert_eq!(head[40..44], 6400_u32.to_le_bytes());

        let head = Wav::new(Format::Pcma, 1, Rate::Narrow).unwrap().head(160);
        assert_eq!((head.len(), head[20]), (58, 6));
        assert_eq!(head[46..50], 160_u32.to_le_bytes());
    }

    #[test]
    fn a_file_in_memory_is_one_that_is_played_as_it_was_made() {
        let samples: Vec<_> = (0..320).map(|n| n * 50).collect();
        let limits = crate::prompt::Limits::default();
        let file = wav_of(Rate::Narrow, &samples);
        let played = crate::prompt::decode("made", file, Rate::Narrow, crate::prompt::Loudness::AsRecorded, &limits);
        assert_eq!(played.unwrap(), samples);
    }

    #[test]
    fn channels_stand_beside_each_other_sample_by_sample() {
        let mut bytes = Vec::new();
        Wav::new(Format::Pcm16, 2, Rate::Narrow).unwrap().write(&[&[1, 2], &[3, 4]], &mut bytes);
        assert_eq!(bytes, [1, 0, 3, 0, 2, 0, 4, 0]);
        bytes.clear();
        Wav::new(Format::Pcmu, 2, Rate::Narrow).unwrap().write(&[&[0; 160], &[i16::MIN; 160]], &mut bytes);
        assert_eq!((bytes.len(), &bytes[..4]), (320, &[0xff, 0x00, 0xff, 0x00][..]));
    }
}
