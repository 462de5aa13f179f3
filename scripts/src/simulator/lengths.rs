//! How long a prompt is: a tone by its rhythm, a file by its head, anything else as long as a usual sentence.
//!
//! Where folders of prompts are named, what lies neither there nor in the house is missing, as it is on a server. Addresses and
//! recordings are taken to be there.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use patchcord_engine::asked;
use patchcord_media::prompt::{ENDINGS, Named, Unfetched, inner, named, shown};

use super::limits;
use crate::shipped;
use crate::words::ours::is_recording;

/// The country whose tones are meant where a prompt names none.
const HOME: &str = "de";

/// The language of shipped prompts whose name says none.
const LANGUAGE: &str = "en";

/// The largest Ogg file that is read for its length: an hour of music.
const LARGEST: u64 = 32 << 20;

/// As much of a file as its head may take.
const HEAD: u64 = 4096;

/// The folders of prompts, and what was found there.
#[derive(Debug, Default)]
pub(super) struct Lengths {
    folders: Vec<PathBuf>,
    /// What a test says of prompts: how long they are, and which are not there.
    pub told: BTreeMap<String, Duration>,
    pub missing: BTreeSet<String>,
    /// How long what was recorded is.
    recorded: BTreeMap<String, Duration>,
    known: RefCell<BTreeMap<String, Duration>>,
}

/// Where prompts are reached that lie in no folder.
const REACHED: [&str; 4] = ["http", "https", "store", "s3"];

/// Whether a name stays in the folder that it is looked for in.
fn is_inside(name: &str) -> bool {
    !name.contains("://") && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Why a server would not even look for a prompt of that name.
fn refusal(prompt: &str) -> Option<String> {
    let (scheme, rest) = match prompt.split_once("://") {
        Some(("http" | "https", _)) => return asked::address(prompt).err().map(|why| why.to_string()),
        Some((scheme, rest)) => (scheme, rest),
        // A tone, or a silence.
        None if prompt.contains("::") => return None,
        None => ("", prompt),
    };
    let name = match scheme {
        // The name of its bucket comes before.
        "s3" => rest.split_once('/').map_or("", |(_, name)| name),
        "" | "store" => rest,
        other => {
            let (name, scheme) = (shown(prompt), other.to_owned());
            return Some(Unfetched::NoSuchScheme { name, scheme }.to_string());
        }
    };
    inner(name).err().map(|why| why.to_string())
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
        if let Some(recorded) = self.recorded.get(prompt) {
            return Ok(Length::For(*recorded));
        }
        if let Some(why) = refusal(prompt) {
            return Err(why);
        }
        match named(prompt, HOME) {
            Ok(Named::Tone(rhythm)) => {
                Ok(rhythm.ms().map_or(Length::Endless, |ms| Length::For(Duration::from_millis(u64::from(ms)))))
            }
            Ok(Named::File(name)) if self.is_there(&name) => Ok(Length::For(self.of_file(&name))),
            Ok(Named::File(name)) => Err(format!("there is no prompt {name} in the folder of sounds")),
            Err(misnamed) => Err(misnamed.to_string()),
        }
    }

    /// Whether that was recorded.
    pub fn is_recorded(&self, file: &str) -> bool {
        self.recorded.contains_key(file)
    }

    /// Something was recorded, and can be played from now on.
    pub fn record(&mut self, file: &str, long: Duration) {
        if self.recorded.len() < limits::KEPT {
            self.recorded.insert(file.to_owned(), long);
        }
    }

    /// Whether a server would find a prompt of that name.
    fn is_there(&self, name: &str) -> bool {
        let reached = name.split_once("://").is_some_and(|(scheme, _)| REACHED.contains(&scheme));
        let elsewhere = self.folders.is_empty() || reached || is_recording(name);
        if elsewhere || self.known.borrow().contains_key(name) {
            return true;
        }
        let shipped = [name.to_owned(), format!("{LANGUAGE}/{name}")];
        let is_file = |folder: &Path| {
            let named = ENDINGS.iter().map(|ending| format!("{name}.{ending}")).chain([name.to_owned()]);
            named.into_iter().any(|file| folder.join(file).is_file())
        };
        let languages = |folder: &PathBuf| {
            let inside = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
            std::iter::once(folder.clone()).chain(inside.filter(|path| path.is_dir())).any(|folder| is_file(&folder))
        };
        shipped.iter().any(|name| shipped::sound(name).is_some())
            || is_inside(name) && self.folders.iter().any(languages)
    }

    /// On disk before those that are shipped, and in the house's language where the name says none.
    fn of_file(&self, name: &str) -> Duration {
        if let Some(known) = self.known.borrow().get(name) {
            return *known;
        }
        let names = [name.to_owned(), format!("{LANGUAGE}/{name}")];
        let endings = ["", ".wav", ".opus", ".ogg"];
        let files = names.iter().flat_map(|name| endings.map(|ending| format!("{name}{ending}")));
        let files = files.flat_map(|file| self.folders.iter().map(move |folder| folder.join(&file)));
        let on_disk = files.filter(|_| is_inside(name)).find_map(|file| of_wav(&file).or_else(|| of_ogg_file(&file)));
        let length = on_disk.or_else(|| names.iter().find_map(|name| of_ogg(shipped::sound(name)?)));
        let length = length.unwrap_or(limits::PROMPT);
        self.known.borrow_mut().insert(name.to_owned(), length);
        length
    }
}

fn of_ogg_file(file: &Path) -> Option<Duration> {
    let size = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?.len();
    (size <= LARGEST).then(|| std::fs::read(file).ok()).flatten().and_then(|bytes| of_ogg(&bytes))
}

/// What the last page of an Ogg file with Opus says: samples at 48 kHz, with those at the beginning that are not heard (RFC 7845).
fn of_ogg(file: &[u8]) -> Option<Duration> {
    const SAMPLES_A_SECOND: f64 = 48_000.0;
    let find = |what: &[u8]| file.windows(what.len()).position(|window| window == what);
    let skipped = find(b"OpusHead").and_then(|at| file.get(at + 10..at + 12))?;
    let skipped = u16::from_le_bytes(skipped.try_into().ok()?);
    let last = file.windows(4).rposition(|window| window == b"OggS")?;
    let granule = u64::from_le_bytes(file.get(last + 6..last + 14)?.try_into().ok()?);
    let samples = granule.checked_sub(u64::from(skipped)).filter(|&samples| samples < 1 << 40)?;
    Some(Duration::from_millis((samples as f64 / SAMPLES_A_SECOND * 1000.0) as u64))
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
        std::fs::create_dir(folder.path().join("fr")).expect("a folder");
        std::fs::write(folder.path().join("fr/bonjour.mp3"), "").expect("a file");
        for there in ["bonjour", "https://a.example/menu.wav", "2026-11-21/01KABC-0-1.ivr.wav"] {
            assert_eq!(of(there), Ok(Length::For(limits::PROMPT)), "{there}");
        }
        assert_eq!(of("elsewhere"), Err("there is no prompt elsewhere in the folder of sounds".into()));
        assert_eq!(
            Lengths::default().of_prompt("elsewhere"),
            Ok(Length::For(limits::PROMPT)),
            "nobody has named a folder"
        );
        let Ok(Length::For(goodbye)) = of("goodbye") else { panic!("it is shipped") };
        assert_eq!(of("en/goodbye"), Ok(Length::For(goodbye)));
        assert!(
            goodbye > Duration::from_millis(200) && goodbye < 5 * limits::PROMPT && goodbye != limits::PROMPT,
            "{goodbye:?}"
        );
        assert_eq!(of("tone::beep"), Ok(Length::For(Duration::from_millis(400))));
        assert_eq!(of("tone::ringback"), Ok(Length::Endless));
        assert!(of("tone::unheard-of").is_err());
    }
}
