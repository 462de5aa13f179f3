//! How loud a recording was, ten times a second, for pictures of it.
//!
//! The file beside the recording has its name with `.peaks` behind it:
//!
//! ```text
//! 4 bytes   PKS1
//! 1 byte    channels
//! 1 byte    how many values a second (10)
//! 2 bytes   zero
//! then, for each tenth of a second, a byte for each channel: the loudest sample, 0 to 255 of full scale
//! ```

/// Values a second; a picture 1000 points wide shows a hundred seconds without loss.
pub const PER_SECOND: u8 = 10;
/// Frames to a value.
const FRAMES: usize = 50 / PER_SECOND as usize;

/// The peaks of one recording so far.
pub struct Peaks {
    channels: usize,
    bytes: Vec<u8>,
    frames: usize,
    loudest: [u16; 2],
}

impl Peaks {
    /// None yet, for one channel or two.
    #[must_use]
    pub fn new(channels: usize) -> Self {
        let bytes = vec![b'P', b'K', b'S', b'1', channels as u8, PER_SECOND, 0, 0];
        Self { channels: channels.clamp(1, 2), bytes, frames: 0, loudest: [0; 2] }
    }

    /// Takes a frame, a slice for each channel; none is silence.
    pub fn frame(&mut self, channels: &[&[i16]]) {
        for (loudest, channel) in self.loudest.iter_mut().zip(channels) {
            *loudest = channel.iter().fold(*loudest, |most, sample| most.max(sample.unsigned_abs()));
        }
        self.frames += 1;
        if self.frames == FRAMES {
            self.put();
        }
    }

    fn put(&mut self) {
        // A whisper is shown as a line, not as nothing.
        let shown = self.loudest.map(|loudest| loudest.div_ceil(129).min(255) as u8);
        self.bytes.extend_from_slice(&shown[..self.channels]);
        (self.frames, self.loudest) = (0, [0; 2]);
    }

    /// The whole file.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.frames > 0 {
            self.put();
        }
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_of_a_second_has_a_value_for_each_channel() {
        let mut peaks = Peaks::new(2);
        for _ in 0..5 {
            peaks.frame(&[&[0, 100, -200], &[]]);
        }
        peaks.frame(&[&[i16::MIN], &[i16::MAX, 0]]);
        assert_eq!(peaks.finish(), b"PKS1\x02\x0a\0\0\x02\0\xff\xff");
    }

    #[test]
    fn silence_is_nothing_and_a_whisper_is_something() {
        let mut peaks = Peaks::new(1);
        peaks.frame(&[&[1]]);
        assert_eq!(peaks.finish()[8..], [1]);
        let mut peaks = Peaks::new(1);
        peaks.frame(&[&[0]]);
        assert_eq!(peaks.finish()[8..], [0]);
    }
}
