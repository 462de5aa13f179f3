//! Prompts of this house: uploaded in any format that is read here, levelled, kept with their versions, heard.
//!
//! An upload is decoded at once, so that no caller is the first to find it damaged, and kept as wav in wide band, as loud as every
//! other prompt. What it replaces is kept beside it, the last [`VERSIONS`] of each. What is shipped within the binary can be replaced
//! and is back when the replacement goes. A name is letters, digits, `-` and `_`, with a language before it where one is wanted
//! (`de/welcome`): nothing else is ever a path.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use patchcord_media::{
    frame::Rate,
    prompt::{Limits, Loudness, Unplayable, decode},
};

/// Versions that are kept of a prompt.
pub const VERSIONS: usize = 10;

/// Bytes of an upload: a quarter of an hour of mp3.
pub const LARGEST: usize = 16 << 20;

/// Bytes of a prompt of the longest time as it is kept.
const LONGEST_WAV: usize = 32 << 20;

/// How long a prompt may play.
const LONGEST: Duration = Duration::from_secs(900);

/// Prompts in the folder: beyond it somebody keeps something else there.
const MOST: usize = 5_000;

/// The folder of versions within the folder of prompts.
const KEPT: &str = "versions";

/// No sample of a prompt that says nothing is louder: 70 dB below full scale, which no telephone lets through.
const SILENT: u16 = 10;

/// What is shipped, by name.
pub type Shipped = fn(&str) -> Option<&'static [u8]>;

/// Where prompts lie. Clones are the same one.
#[derive(Clone)]
pub struct Sounds {
    folder: Arc<Path>,
    shipped: Shipped,
    names: Arc<[String]>,
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// What scripts call it.
    pub name: String,
    /// Whether it lies in the folder; else it is shipped.
    pub own: bool,
    /// Whether one of that name is shipped.
    pub shipped: bool,
    /// Bytes of the file.
    pub bytes: u64,
    /// When it was uploaded.
    pub changed: Option<SystemTime>,
    /// Versions that it had before, the latest first, by the milliseconds since 1970 in which each was replaced.
    pub versions: Vec<u64>,
}

/// What was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How long it plays.
    pub plays: Duration,
    /// Whether nothing is to be heard in it.
    pub is_silent: bool,
}

/// Why a prompt is not there, or was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NoSound {
    /// The name is none.
    #[error("{0:?} is no name of a prompt")]
    Name(String),
    /// There is none of that name.
    #[error("there is no prompt {0}")]
    Missing(String),
    /// It cannot be played.
    #[error(transparent)]
    Unplayable(#[from] Unplayable),
    /// There are too many already.
    #[error("{MOST} prompts lie there already")]
    Full,
    /// The folder does not do what it should.
    #[error("the folder of prompts cannot be used")]
    Folder(#[from] io::Error),
}

impl Sounds {
    /// Prompts in that folder, beside those that are shipped.
    pub fn new(folder: PathBuf, shipped: Shipped, names: impl Iterator<Item = String>) -> Self {
        Self { folder: folder.into(), shipped, names: names.collect() }
    }

    /// Nowhere: none is there, and none is kept.
    pub fn nowhere() -> Self {
        Self::new(PathBuf::from("/dev/null"), |_| None, std::iter::empty())
    }

    /// All of them, by name. Blocks.
    pub fn list(&self) -> Vec<Sound> {
        let mut names: Vec<String> = self.names.to_vec();
        for (language, folder) in self.folders() {
            let Ok(entries) = fs::read_dir(&folder) else { continue };
            let files = entries.flatten().take(MOST).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
            let named = files.filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(format!("{language}{}", name.strip_suffix(".wav")?))
            });
            names.extend(named.filter(|name| is_name(name)));
        }
        names.sort();
        names.dedup();
        names.iter().filter_map(|name| self.find(name).ok()).collect()
    }

    /// One of them. Blocks.
    pub fn find(&self, name: &str) -> Result<Sound, NoSound> {
        let path = self.path(name)?;
        let (shipped, own) = ((self.shipped)(name), fs::metadata(&path).ok().filter(fs::Metadata::is_file));
        let bytes = own.as_ref().map(fs::Metadata::len).or(shipped.map(|bytes| bytes.len() as u64));
        let bytes = bytes.ok_or_else(|| NoSound::Missing(name.into()))?;
        let changed = own.as_ref().and_then(|about| about.modified().ok());
        let versions = self.versions(name);
        Ok(Sound { name: name.into(), own: own.is_some(), shipped: shipped.is_some(), bytes, changed, versions })
    }

    /// The file of one, or of a version that it had. Blocks.
    pub fn read(&self, name: &str, version: Option<u64>) -> Result<Vec<u8>, NoSound> {
        let missing = || NoSound::Missing(name.into());
        let path = match version {
            None => self.path(name)?,
            Some(version) => self.kept(name)?.join(format!("{version}.wav")),
        };
        match fs::read(&path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let shipped = (self.shipped)(name).filter(|_| version.is_none());
                shipped.map(<[u8]>::to_vec).ok_or_else(missing)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Takes an upload in place of what stood there. `file` is what the file is called where it comes from.
    /// Blocks, for as long as decoding takes.
    pub fn put(&self, name: &str, file: Option<&str>, bytes: Vec<u8>, now: SystemTime) -> Result<Taken, NoSound> {
        let path = self.path(name)?;
        let limits = Limits { bytes: LARGEST, duration: LONGEST };
        let file = file.map_or_else(|| UNNAMED.to_owned(), shown_file);
        let samples = decode(&file, bytes, Rate::Wide, Loudness::Levelled, &limits)?;
        let plays = Duration::from_secs_f64(samples.len() as f64 / f64::from(Rate::Wide.hz()));
        if !path.exists() && self.list().len() >= MOST {
            return Err(NoSound::Full);
        }
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        self.keep(name, &path, now)?;
        let mut file = tempfile_in(folder)?;
        file.1.write_all(&wav(&samples))?;
        file.1.sync_all()?;
        fs::rename(&file.0, &path)?;
        Ok(Taken { plays, is_silent: is_silent(&samples) })
    }

    /// Whether nothing is to be heard in what lies there of that name. What is shipped was listened to. Blocks.
    pub fn is_silent(&self, name: &str) -> Result<bool, NoSound> {
        let path = self.path(name)?;
        if !path.is_file() {
            return Ok(false);
        }
        // Whatever somebody has put there by hand is judged as uploads are.
        let limits = Limits { bytes: LARGEST.max(LONGEST_WAV), duration: LONGEST };
        let samples = decode(name, fs::read(path)?, Rate::Narrow, Loudness::AsRecorded, &limits)?;
        Ok(is_silent(&samples))
    }

    /// Puts a version back that it had; what stands there now becomes one. Blocks.
    pub fn restore(&self, name: &str, version: u64, now: SystemTime) -> Result<(), NoSound> {
        let bytes = self.read(name, Some(version))?;
        let path = self.path(name)?;
        self.keep(name, &path, now)?;
        let mut file = tempfile_in(path.parent().unwrap_or(&self.folder))?;
        file.1.write_all(&bytes)?;
        fs::rename(&file.0, &path)?;
        Ok(())
    }

    /// Takes one away; it becomes a version, and what is shipped under its name is back. Blocks.
    pub fn remove(&self, name: &str, now: SystemTime) -> Result<(), NoSound> {
        let path = self.path(name)?;
        if !path.is_file() {
            return Err(NoSound::Missing(name.into()));
        }
        self.keep(name, &path, now)?;
        // Where nothing was kept it lies there still.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Makes a version of what stands there, and forgets the eldest.
    fn keep(&self, name: &str, path: &Path, now: SystemTime) -> Result<(), NoSound> {
        if !path.is_file() {
            return Ok(());
        }
        let kept = self.kept(name)?;
        fs::create_dir_all(&kept)?;
        let latest = self.versions(name).first().copied().unwrap_or_default();
        let at = u64::try_from(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        fs::rename(path, kept.join(format!("{}.wav", at.max(latest + 1))))?;
        for eldest in self.versions(name).into_iter().skip(VERSIONS) {
            fs::remove_file(kept.join(format!("{eldest}.wav")))?;
        }
        Ok(())
    }

    fn versions(&self, name: &str) -> Vec<u64> {
        let entries = self.kept(name).ok().and_then(|kept| fs::read_dir(kept).ok());
        let names = entries.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut versions: Vec<u64> = names.filter_map(|name| name.strip_suffix(".wav")?.parse().ok()).collect();
        versions.sort_by(|one, other| other.cmp(one));
        versions
    }

    /// The folder itself, and those of languages within it.
    fn folders(&self) -> Vec<(String, PathBuf)> {
        let within = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let folders = within.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let named = folders.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())));
        let languages =
            named.filter(|(name, _)| name != KEPT && is_word(name)).map(|(name, path)| (format!("{name}/"), path));
        std::iter::once((String::new(), self.folder.to_path_buf())).chain(languages).collect()
    }

    fn path(&self, name: &str) -> Result<PathBuf, NoSound> {
        if !is_name(name) {
            return Err(NoSound::Name(name.chars().take(80).collect()));
        }
        let path = self.folder.join(format!("{name}.wav"));
        // A folder or a file that is a link leads out, and is none of ours.
        let language = path.parent().filter(|parent| **parent != *self.folder);
        let is_link = path.is_symlink() || language.is_some_and(Path::is_symlink);
        match is_link {
            true => Err(NoSound::Name(name.into())),
            false => Ok(path),
        }
    }

    fn kept(&self, name: &str) -> Result<PathBuf, NoSound> {
        self.path(name)?;
        Ok(self.folder.join(KEPT).join(name.replace('/', "--")))
    }
}

fn is_silent(samples: &[i16]) -> bool {
    samples.iter().all(|sample| sample.unsigned_abs() <= SILENT)
}

/// What a file is called whose name nobody said.
const UNNAMED: &str = "your-file";

/// The name of a file as it may stand in a line that somebody types: in quotes where it has blanks, and without what no file is called.
fn shown_file(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String =
        last.chars().filter(|letter| !letter.is_control() && !"\"'`$".contains(*letter)).take(80).collect();
    match plain.trim() {
        "" => UNNAMED.into(),
        name if name.contains(|letter: char| !letter.is_alphanumeric() && !"-_.".contains(letter)) => {
            format!("'{name}'")
        }
        name => name.into(),
    }
}

/// `welcome`, or `de/welcome`.
fn is_name(name: &str) -> bool {
    match name.split_once('/') {
        Some((language, name)) => language != KEPT && is_word(language) && is_word(name),
        None => is_word(name),
    }
}

fn is_word(word: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=64).contains(&word.len()) && word.bytes().all(good)
}

/// A file that nobody else has, in that folder.
fn tempfile_in(folder: &Path) -> io::Result<(PathBuf, fs::File)> {
    let mut drawn = [0; 8];
    getrandom::fill(&mut drawn).map_err(io::Error::other)?;
    let path = folder.join(format!(".{}.part", data_encoding::HEXLOWER.encode(&drawn)));
    let file = fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    Ok((path, file))
}

/// One channel of 16 bits, in wide band.
fn wav(samples: &[i16]) -> Vec<u8> {
    let rate = Rate::Wide.hz();
    let bytes = u32::try_from(samples.len() * 2).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(44 + samples.len() * 2);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests;
