//! WAV files of 16 bits: a channel of them read, to be spoken or looked at, and one channel written.

use std::fs;
use std::path::Path;

use patchcord_media::frame::Rate;

use super::speech::Recorded;

/// Reads a channel, counted from 0, of a file at one of the house's rates; panics with the reason when it is none.
pub(crate) fn read(path: &Path, channel: usize) -> Recorded {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read = parse(&bytes, channel);
    read.unwrap_or_else(|| {
        panic!("{} is no WAV of 16 bits at 8, 16 or 48 kHz with a channel {channel}", path.display())
    })
}

fn parse(bytes: &[u8], channel: usize) -> Option<Recorded> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut shape) = (12, None);
    loop {
        let (name, length) = (bytes.get(at..at + 4)?, word(at + 4)? as usize);
        let start = at + 8;
        match name {
            b"fmt " => {
                let channels = usize::from(*bytes.get(start + 2)?);
                let bits = *bytes.get(start + 14)?;
                let rate = [Rate::Narrow, Rate::Wide, Rate::Full].into_iter();
                let hz = word(start + 4)?;
                shape =
                    (bits == 16 && channels > 0).then_some((channels, rate.into_iter().find(|rate| rate.hz() == hz)?));
            }
            b"data" => {
                let (channels, rate) = shape.filter(|(channels, _)| channel < *channels)?;
                // A file that was cut short, or is still written, says more than it has.
                let sound = &bytes[start..start.saturating_add(length).min(bytes.len())];
                let one = sound.chunks_exact(2 * channels).map(|all| [all[2 * channel], all[2 * channel + 1]]);
                return Some(Recorded { rate, samples: one.map(i16::from_le_bytes).collect() });
            }
            _ => {}
        }
        at = start + length + length % 2;
    }
}

/// Writes a file that any player takes.
pub(crate) fn write(path: &Path, rate: Rate, samples: &[i16]) {
    let length = samples.len() as u32 * 2;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(rate.hz().to_le_bytes());
    bytes.extend((rate.hz() * 2).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::TempDir::new().expect("a folder for a file");
        let path = folder.path().join("a.wav");
        write(&path, Rate::Wide, &[1, -2, 300]);
        let read = read(&path, 0);
        assert_eq!((read.rate, read.samples), (Rate::Wide, vec![1, -2, 300]));
    }

    #[test]
    fn what_is_no_file_of_ours_is_none() {
        assert!(parse(b"RIFF", 0).is_none());
        assert!(parse(&[0; 100], 0).is_none());
    }
}
