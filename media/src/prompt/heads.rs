//! What the heads of files say that the decoders do not heed: which part of an m4a is played, and a wav whose writer did not
//! know how long it would be.
//!
//! Both readers walk boxes and chunks of a stranger's file: every step is checked against the end, and what does not make
//! sense is left as it is, for the decoder to refuse.

use std::time::Duration;

/// Boxes of one level that are looked at; files have a dozen.
const MAX_BOXES: usize = 256;

/// The part of an m4a that is played: encoders put silence in front that their edit list cuts off again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// What comes before it.
    pub skip: Duration,
    /// How long it is; none for all the rest.
    pub length: Option<Duration>,
}

/// The edit list of the first track of an m4a that has one.
pub(super) fn edit_of(file: &[u8]) -> Option<Edit> {
    if file.get(4..8)? != b"ftyp" {
        return None;
    }
    let moov = inside(file, b"moov")?;
    let movie_hz = timescale(inside(moov, b"mvhd")?)?;
    boxes(moov).filter(|(kind, _)| kind == b"trak").find_map(|(_, track)| {
        let list = inside(inside(track, b"edts")?, b"elst")?;
        let media_hz = timescale(inside(inside(track, b"mdia")?, b"mdhd")?)?;
        // Version 0 has entries of 12 bytes, version 1 of 20; a start of -1 is a pause, which no sound file needs.
        let (length, start) = match list.first()? {
            0 => (u64::from(number(list, 8)?), u64::from(number(list, 12)?)),
            _ => (long(list, 8)?, long(list, 16)?),
        };
        let skip =
            Duration::from_secs_f64(u32::try_from(start).ok().filter(|&start| start < 1 << 24)? as f64 / media_hz);
        let length = u32::try_from(length).ok().filter(|&length| length > 0);
        Some(Edit { skip, length: length.map(|length| Duration::from_secs_f64(f64::from(length) / movie_hz)) })
    })
}

/// Ticks a second in a head of a movie or a medium.
fn timescale(head: &[u8]) -> Option<f64> {
    let at = if head.first()? == &0 { 12 } else { 20 };
    number(head, at).filter(|&hz| hz > 0).map(f64::from)
}

fn inside<'a>(file: &'a [u8], wanted: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(file).find(|(kind, _)| kind == wanted).map(|(_, body)| body)
}

/// The boxes of one level, as long as they lie within it.
fn boxes(file: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = file;
    std::iter::from_fn(move || {
        let size = match number(rest, 0)? {
            // To the end of the file.
            0 => rest.len() as u64,
            1 => long(rest, 8)?,
            size => u64::from(size),
        };
        let head = if number(rest, 0)? == 1 { 16 } else { 8 };
        let kind: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let size = usize::try_from(size).ok().filter(|&size| size >= head)?;
        let body = rest.get(head..size)?;
        rest = &rest[size..];
        Some((kind, body))
    })
    .take(MAX_BOXES)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// How far into a file a head is looked for, as the reader looks: behind tags and whatever else stands in front.
const SEARCHED: usize = 1 << 20;

/// Gives a wav its true length where its head says nothing or the most it can say.
///
/// Whoever writes to a pipe cannot go back to the head, and whoever was killed has not come back to it. A head that promises
/// a bit more than is there is left alone: that file was cut.
pub(super) fn mend_wav(file: &mut [u8], most: usize) {
    if !is_wav(file) {
        return;
    }
    let Some((at, size)) = chunks(file).find(|(at, _)| file[*at..].starts_with(b"data")) else { return };
    let left = file.len() - at - 8;
    let unknown = (size == 0 && left > 0) || (size > left && size > most);
    if let (true, Ok(left), Ok(whole)) = (unknown, u32::try_from(left), u32::try_from(file.len() - 8)) {
        file[at + 4..at + 8].copy_from_slice(&left.to_le_bytes());
        file[4..8].copy_from_slice(&whole.to_le_bytes());
    }
}

/// The most channels that a wav names, wherever in the file it begins.
pub(super) fn channels_of_wav(file: &[u8]) -> Option<u16> {
    let searched = &file[..file.len().min(SEARCHED)];
    let starts = searched.windows(12).enumerate().filter(|(_, head)| is_wav(head)).map(|(start, _)| start);
    let named = starts.take(MAX_BOXES).flat_map(|start| {
        let wav = &file[start..];
        let formats = chunks(wav).filter(|(at, _)| wav[*at..].starts_with(b"fmt "));
        formats.filter_map(|(at, _)| wav.get(at + 10..at + 12).map(|two| u16::from_le_bytes([two[0], two[1]])))
    });
    named.max()
}

fn is_wav(file: &[u8]) -> bool {
    file.len() >= 12 && &file[..4] == b"RIFF" && &file[8..12] == b"WAVE"
}

/// Where the chunks of a wav begin, and how long each says that it is; the sound is the last.
fn chunks(wav: &[u8]) -> impl Iterator<Item = (usize, usize)> + use<'_> {
    let mut next = Some(12);
    std::iter::from_fn(move || {
        let at = next.take()?;
        let head = wav.get(at..at + 8)?;
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if &head[..4] != b"data" {
            // Chunks are padded to even lengths.
            next = Some(at.saturating_add(8).saturating_add(size).saturating_add(size & 1));
        }
        Some((at, size))
    })
    .take(MAX_BOXES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn the_edit_list_says_what_is_skipped_and_how_long_the_rest_is() {
        let list = boxed(b"edts", &boxed(b"elst", &words(&[0, 1, 1500, 1024, 65_536])));
        let medium = boxed(b"mdia", &boxed(b"mdhd", &words(&[0, 0, 0, 44_100, 66_150])));
        let track = boxed(b"trak", &[list, medium].concat());
        let movie = boxed(b"moov", &[boxed(b"mvhd", &words(&[0, 0, 0, 1000, 1500])), track].concat());
        let file = [boxed(b"ftyp", b"M4A "), movie].concat();

        let edit = edit_of(&file).unwrap();
        assert_eq!(edit.skip.as_micros(), 1024 * 1_000_000 / 44_100);
        assert_eq!(edit.length, Some(Duration::from_millis(1500)));
        for cut in 0..file.len() {
            assert_eq!(edit_of(&file[..cut]), None, "cut at {cut}");
        }
    }

    fn wav(promised: u32, sound: usize) -> Vec<u8> {
        let mut file = b"RIFF\xff\xff\xff\xffWAVELIST\x03\0\0\0abc\0data".to_vec();
        file.extend(promised.to_le_bytes());
        file.extend(vec![1; sound]);
        file
    }

    #[test]
    fn a_wav_without_a_length_gets_its_own() {
        for promised in [0, u32::MAX, 0x7FFF_FFFF] {
            let mut file = wav(promised, 100);
            mend_wav(&mut file, 1000);
            assert_eq!(file[28..32], 100_u32.to_le_bytes());
            assert_eq!(file[4..8], (file.len() as u32 - 8).to_le_bytes());
        }
    }

    #[test]
    fn a_wav_says_how_many_channels_it_has() {
        let file = b"RIFF\x1c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x07\0";
        assert_eq!(channels_of_wav(file), Some(7));
        let behind = [b"RIFF....", b"RIFF....".as_slice(), b"RIFF\x1c\0\0\0WAVE", file].concat();
        assert_eq!(channels_of_wav(&behind), Some(7), "the reader finds it there, too");
        assert_eq!(channels_of_wav(&wav(4, 4)), None, "this one has no format");
        assert_eq!(channels_of_wav(b"RIFX"), None);
    }

    #[test]
    fn a_wav_that_was_cut_keeps_its_promise() {
        let mut file = wav(200, 100);
        mend_wav(&mut file, 1000);
        assert_eq!(file, wav(200, 100));
    }

    proptest! {
        #[test]
        fn no_bytes_lead_a_walk_astray(mut bytes in prop::collection::vec(any::<u8>(), 0..400), lengths: bool) {
            bytes.splice(0..0, *b"RIFF....WAVE");
            mend_wav(&mut bytes, 1000);
            let _ = channels_of_wav(&bytes);
            bytes.splice(0..12, *b"\0\0\0\x08ftyp\0\0\x01\x00moov");
            if lengths {
                bytes.iter_mut().skip(16).step_by(8).for_each(|byte| *byte = 0);
            }
            let _ = edit_of(&bytes);
        }
    }
}
