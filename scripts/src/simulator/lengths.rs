//! How long a prompt is: a tone by its rhythm, a file by its head, anything else as long as a usual sentence.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use patchcord_media::prompt::{Named, named};

use super::limits;

/// The country whose tones are meant where a prompt names none.
const HOME: &str = "de";

/// As much of a file as its head may take.
const HEAD: u64 = 4096;

/// The folders of prompts, and what was found there.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    folders: Vec<PathBuf>,
    /// What a test says of prompts: how long they are, and which are not there.
    pub told: BTreeMap<String, Duration>,
    pub missing: BTreeSet<String>,
    known: RefCell<BTreeMap<String, Duration>>,
}

/// How long something sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    For(Duration),
    Endless,
}

impl Lengths {
    pub fn of(folders: Vec<PathBuf>) -> Self {
        Self { folders, ..Self::default() }
    }

    /// How long a prompt sounds, or why it does not.
    pub fn of_prompt(&self, prompt: &str) -> Result<Length, String> {
        if self.missing.contains(prompt) {
            return Err(format!("there is no prompt {prompt}"));
        }
        if let Some(told) = self.told.get(prompt) {
            return Ok(Length::For(*told));
        }
        match named(prompt, HOME) {
            Ok(Named::Tone(rhythm)) => {
                Ok(rhythm.ms().map_or(Length::Endless, |ms| Length::For(Duration::from_millis(u64::from(ms)))))
            }
            Ok(Named::File(name)) => Ok(Length::For(self.of_file(&name))),
            Err(misnamed) => Err(misnamed.to_string()),
        }
    }

    fn of_file(&self, name: &str) -> Duration {
        if let Some(known) = self.known.borrow().get(name) {
            return *known;
        }
        let names = [name.to_owned(), format!("{name}.wav")];
        let files = self.folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
        let length = files.filter(|_| !name.contains("..")).find_map(|file| of_wav(&file)).unwrap_or(limits::PROMPT);
        self.known.borrow_mut().insert(name.to_owned(), length);
        length
    }
}

/// What the head of a wav file says.
fn of_wav(file: &Path) -> Option<Duration> {
    let mut head = Vec::new();
    let whole = std::fs::metadata(file).ok()?.len();
    std::fs::File::open(file).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    if head.get(..4)? != b"RIFF" || head.get(8..12)? != b"WAVE" {
        return None;
    }
    let (mut at, mut bytes_a_second) = (12, None);
    loop {
        let (kind, size) = (head.get(at..at + 4)?, number(at + 4)?);
        match kind {
            b"fmt " => bytes_a_second = number(at + 16).filter(|&rate| rate > 0),
            b"data" => {
                // A writer that did not know the size said the largest there is.
                let bytes = u64::from(size).min(whole.saturating_sub(at as u64 + 8));
                return Some(Duration::from_secs_f64(bytes as f64 / f64::from(bytes_a_second?)));
            }
            _ => {}
        }
        at = at.checked_add(8 + size as usize + (size as usize & 1))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_as_long_as_its_file_says_and_else_as_a_sentence() {
        let folder = tempfile::tempdir().expect("a folder");
        let samples = vec![0_i16; 12_000];
        let wav = patchcord_media::recording::wav_of(patchcord_media::frame::Rate::Narrow, &samples);
        std::fs::write(folder.path().join("menu.wav"), wav).expect("a file");
        let lengths = Lengths::of(vec![folder.path().to_owned()]);
        let of = |prompt| lengths.of_prompt(prompt);
        assert_eq!(of("menu"), Ok(Length::For(Duration::from_millis(1500))));
        assert_eq!(of("elsewhere"), Ok(Length::For(limits::PROMPT)));
        assert_eq!(of("tone::beep"), Ok(Length::For(Duration::from_millis(400))));
        assert_eq!(of("tone::ringback"), Ok(Length::Endless));
        assert!(of("tone::unheard-of").is_err());
    }
}
