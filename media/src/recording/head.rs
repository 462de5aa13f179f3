//! The head of a wav file as it is read again: what it promises, and what it would say of the bytes that are there.

/// Bytes at the front of a file in which its head is looked for.
pub const FRONT: usize = 4 << 10;

/// Where the length of the whole stands.
const WHOLE_AT: usize = 4;

/// What a writer says who does not know yet how long the sound will be.
const UNKNOWN: u32 = u32::MAX;

/// What the head of a wav file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// How the sound is written, where that is said.
    pub form: Option<Form>,
    /// Where the sound begins.
    pub begins: u64,
    /// How many bytes of sound are promised.
    promised: u32,
    /// Where the number of samples stands, if it is said.
    fact: Option<usize>,
}

/// How the sound is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// 1 for plain samples, 6 and 7 for the two laws of telephones.
    pub tag: u16,
    /// Samples that stand beside each other.
    pub channels: u16,
    /// Of each channel, a second.
    pub rate_hz: u32,
    /// Bytes of one sample of all channels.
    pub block: u16,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHead {
    /// It is something else.
    #[error("the file is no sound")]
    NoWav,
    /// It is the beginning of one.
    #[error("the file breaks off before its sound begins")]
    BreaksOff,
    /// What stands before the sound is longer than is looked through.
    #[error("the head of the file is too long")]
    TooLong,
}

impl Head {
    /// Out of the first [`FRONT`] bytes of a file that has so many.
    ///
    /// # Errors
    /// When that is no wav, or only a piece of a head.
    pub fn read(front: &[u8], length: u64) -> Result<Self, NoHead> {
        let number = |at: usize| Some(u32::from_le_bytes(front.get(at..at + 4)?.try_into().ok()?));
        let short = |at: usize| Some(u16::from_le_bytes(front.get(at..at + 2)?.try_into().ok()?));
        if !front.starts_with(b"RIFF") {
            return Err(NoHead::NoWav);
        }
        let (mut at, mut form, mut fact) = (12, None, None);
        while let (Some(name), Some(size)) = (front.get(at..at + 4), number(at + 4)) {
            let body = at + 8;
            match name {
                b"data" => return Ok(Self { form, begins: body as u64, promised: size, fact }),
                b"fmt " if size >= 16 => {
                    form = form_of(short(body), short(body + 2), number(body + 4), short(body + 12))
                }
                b"fact" if size >= 4 => fact = Some(body),
                _ => {}
            }
            at = body.saturating_add(size as usize + size as usize % 2);
        }
        Err(if length <= FRONT as u64 { NoHead::BreaksOff } else { NoHead::TooLong })
    }

    /// Bytes of sound in a file of that length, up to the last whole sample.
    pub fn there(&self, length: u64) -> u64 {
        let bytes = length.saturating_sub(self.begins);
        bytes - bytes % self.form.map_or(1, |form| u64::from(form.block))
    }

    /// How many bytes of sound it promises; none where its writer did not know.
    pub fn promised(&self) -> Option<u64> {
        (self.promised != UNKNOWN).then_some(self.promised.into())
    }

    /// How long so many bytes play.
    pub fn seconds(&self, bytes: u64) -> Option<f64> {
        let form = self.form?;
        Some(bytes as f64 / (f64::from(form.rate_hz) * f64::from(form.block)))
    }

    /// The bytes up to the sound, saying what is there of a file of that length. `front` is what this was read from.
    pub fn made_true(&self, front: &[u8], length: u64) -> Vec<u8> {
        let mut head = front[..front.len().min(self.begins as usize)].to_vec();
        let sound = u32::try_from(self.there(length)).unwrap_or(UNKNOWN);
        let whole = u32::try_from(length.saturating_sub(8)).unwrap_or(UNKNOWN);
        let mut say = |at: usize, number: u32| {
            if let Some(place) = head.get_mut(at..at + 4) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        };
        say(WHOLE_AT, whole);
        say(self.begins as usize - 4, sound);
        if let (Some(at), Some(form)) = (self.fact, self.form) {
            say(at, sound / u32::from(form.block));
        }
        head
    }
}

fn form_of(tag: Option<u16>, channels: Option<u16>, rate_hz: Option<u32>, block: Option<u16>) -> Option<Form> {
    let form = Form { tag: tag?, channels: channels?, rate_hz: rate_hz?, block: block? };
    (form.channels > 0 && form.rate_hz > 0 && form.block > 0).then_some(form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Rate;
    use crate::recording::wav_of;

    #[test]
    fn a_head_that_promises_more_than_is_there_is_made_true() {
        let mut file = wav_of(Rate::Narrow, &[7; 8_000]);
        file.truncate(44 + 6_001);
        let length = file.len() as u64;
        let head = Head::read(&file, length).expect("a head");
        assert_eq!((head.begins, head.promised(), head.there(length)), (44, Some(16_000), 6_000));
        assert_eq!(head.seconds(6_000), Some(0.375));
        let front = head.made_true(&file, length);
        let again = Head::read(&front, length).expect("a head");
        assert_eq!((front.len(), again.promised()), (44, Some(6_000)));
        assert_eq!(front[4..8], 6_037_u32.to_le_bytes());
    }

    #[test]
    fn a_law_counts_its_samples_and_nonsense_is_none() {
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0\x06\0\x02\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x08\0\0\0fact\x04\0\0\0"
                .to_vec();
        file.extend(b"\xff\xff\0\0data\xff\xff\0\0");
        file.resize(file.len() + 320, 0xd5);
        let length = file.len() as u64;
        let head = Head::read(&file, length).expect("a head");
        let front = head.made_true(&file, length);
        assert_eq!(front[46..50], 160_u32.to_le_bytes());
        assert_eq!(head.seconds(head.there(length)), Some(0.02));
        assert_eq!(Head::read(b"OggS", 4), Err(NoHead::NoWav));
        assert_eq!(Head::read(b"RIFF\0\0\0\0WAVE", 12), Err(NoHead::BreaksOff));
        let hostile = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0data\0\0\0\0";
        assert_eq!(Head::read(hostile, 44).map(|head| (head.form, head.there(50))), Ok((None, 6)));
        assert_eq!(Head::read(b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff", 9_000), Err(NoHead::TooLong));
    }
}
