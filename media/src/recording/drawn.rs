//! The peaks of a recording whose writer did not live to write them: how loud the file is that it left.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::head::{FRONT, Form, Head};
use super::peaks::Peaks;
use super::writer::put_beside;
use crate::codec::{Decoder, Kind};
use crate::frame::Rate;
use crate::prompt::{Limits, Loudness, decode};

/// Frames of 20 ms in a second.
const FRAMES: u32 = 50;

/// Bytes of one frame beyond which nobody records: two channels of 192 kHz in 32 bits.
const LARGEST_FRAME: usize = 32 << 10;

/// Writes the peaks of a recording beside it; false where it is no sound that is known here. Blocks.
///
/// # Errors
/// When it cannot be read, or nothing be written beside it.
pub fn draw_beside(recording: &Path) -> io::Result<bool> {
    let Some(peaks) = peaks_of(File::open(recording)?)? else { return Ok(false) };
    put_beside(recording, &peaks).map(|()| true)
}

/// The file of peaks for a recording; none for what is no sound that is known here. Wav is read frame by
/// frame, however long it is; Opus is decoded whole, half an hour at most.
fn peaks_of(mut file: File) -> io::Result<Option<Vec<u8>>> {
    let mut front = Vec::new();
    (&mut file).take(FRONT as u64).read_to_end(&mut front)?;
    let length = file.metadata()?.len();
    match Head::read(&front, length) {
        Ok(head) => {
            file.seek(SeekFrom::Start(head.begins))?;
            let sound = io::BufReader::new(file.take(head.there(length)));
            head.form.map_or(Ok(None), |form| of_wav(form, sound))
        }
        Err(_) => {
            let limits = Limits::default();
            if length > limits.bytes as u64 {
                return Ok(None);
            }
            let mut bytes = front;
            file.read_to_end(&mut bytes)?;
            let decoded = decode("recording", bytes, Rate::Narrow, Loudness::AsRecorded, &limits);
            Ok(decoded.ok().map(|samples| of_samples(&samples)))
        }
    }
}

fn of_samples(samples: &[i16]) -> Vec<u8> {
    let mut peaks = Peaks::new(1);
    samples.chunks(Rate::Narrow.samples()).for_each(|frame| peaks.frame(&[frame]));
    peaks.finish()
}

fn of_wav(form: Form, mut sound: impl Read) -> io::Result<Option<Vec<u8>>> {
    let channels = usize::from(form.channels);
    let mut law: Option<Box<dyn Decoder>> = match (form.tag, form.block / form.channels) {
        (1, 2) => None,
        (6, 1) => Kind::Pcma.decoder(),
        (7, 1) => Kind::Pcmu.decoder(),
        _ => return Ok(None),
    };
    let is_law = law.is_some();
    let bytes = (form.rate_hz / FRAMES) as usize * usize::from(form.block);
    if channels > 2 || bytes == 0 || bytes > LARGEST_FRAME || (form.tag != 1 && !is_law) {
        return Ok(None);
    }
    let mut peaks = Peaks::new(channels);
    let (mut frame, mut samples) = (vec![0; bytes], [Vec::new(), Vec::new()]);
    loop {
        let read = fill(&mut sound, &mut frame)?;
        if read == 0 {
            return Ok(Some(peaks.finish()));
        }
        for (at, samples) in samples.iter_mut().enumerate().take(channels) {
            samples.clear();
            match &mut law {
                Some(law) => {
                    let coded: Vec<u8> = frame[..read].iter().skip(at).step_by(channels).copied().collect();
                    // Any byte is a sample of these.
                    let _every_byte_is_one = law.decode(&coded, samples);
                }
                None => {
                    let pairs = frame[..read].chunks_exact(2).skip(at).step_by(channels);
                    samples.extend(pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
                }
            }
        }
        let both = [&samples[0][..], &samples[1][..]];
        peaks.frame(&both[..channels]);
    }
}

/// As much as there is, up to a whole frame.
fn fill(sound: &mut impl Read, frame: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < frame.len() {
        match sound.read(&mut frame[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::wav_of;

    fn drawn(bytes: &[u8]) -> Option<Vec<u8>> {
        let path = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(path.path(), bytes).expect("written");
        peaks_of(File::open(path.path()).expect("it is there")).expect("it is read")
    }

    #[test]
    fn a_wav_that_breaks_off_is_drawn_as_far_as_it_goes() {
        let samples: Vec<i16> = (0..8_000).map(|n| if n < 4_000 { 0 } else { 16_000 }).collect();
        let mut file = wav_of(Rate::Narrow, &samples);
        assert_eq!(drawn(&file).expect("peaks").len(), 8 + 10);
        file.truncate(44 + 2 * 6_400);
        let peaks = drawn(&file).expect("peaks");
        assert_eq!((peaks.len(), peaks[8 + 4], peaks[8 + 5]), (8 + 8, 0, 125));
    }

    #[test]
    fn each_channel_of_a_law_is_drawn_by_itself_and_nonsense_is_not() {
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x07\0\x02\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x08\0\0\0data\xff\xff\0\0"
                .to_vec();
        // Nothing and the loudest, sample by sample: a tenth of a second.
        file.extend([0xff, 0x00].repeat(800));
        assert_eq!(drawn(&file).expect("peaks"), [&b"PKS1\x02\x0a\0\0\x00"[..], &[250]].concat());
        for nonsense in [&b""[..], b"no sound", b"OggS but no more", b"RIFF\0\0\0\0WAVE"] {
            assert_eq!(drawn(nonsense), None);
        }
    }
}
