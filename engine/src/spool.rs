//! Batches on disk while the database is away: written once to a file, read once, and gone.
//!
//! A spool is a folder of segments, each a row of frames (length, checksum, bytes). What is read again was written whole or
//! is told as damaged: a process may be killed, and a machine lose its power, in the middle of any write. It knows nothing
//! of calls or databases, keeps no order beyond that of its segments, and blocks: whoever runs on a shared thread calls it
//! from another. It has a room of its own because it is neither pure, as the journal is, nor of tokio, as the runtime is.

use std::{
    collections::VecDeque,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crc::{CRC_32_ISCSI, Crc};

/// Bytes of a segment at which the next one is begun: read as a whole, so little enough to be held in memory.
const SEGMENT: u64 = 4 << 20;

/// Bytes of one frame. A call's journal is bounded far below.
pub const MAX_FRAME: usize = 32 << 20;

/// Bytes that a spool may take unless told otherwise: ten thousand calls a minute for an hour, without messages.
pub const MOST: u64 = 1 << 30;

/// What each segment begins with; another number for another form.
const MAGIC: &[u8; 8] = b"pcspool1";

/// Length and checksum.
const HEAD: usize = 8;

/// The folder within it for what is none of ours, and for what was damaged: nobody reads it again, and somebody may want to look.
pub const ASIDE: &str = "aside";

/// Files that are kept there; of more, the eldest go.
const MOST_ASIDE: usize = 32;

/// Digits of a segment's number.
const DIGITS: usize = 12;

/// The file that says when everything was last known to lie where it is found again.
const ALIVE: &str = "alive";

const CHECK: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Why something could not be spooled, or read again.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// As much lies there as may.
    #[error("the spool {folder} is full ({most} bytes)", folder = folder.display())]
    Full {
        /// The folder.
        folder: PathBuf,
        /// What it may take.
        most: u64,
    },
    /// The disk says no.
    #[error("the spool's file {path} cannot be used", path = path.display())]
    Disk {
        /// The file, or the folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// See the module.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    most: u64,
    segments: VecDeque<Segment>,
    /// The last segment, while it is written.
    writing: Option<File>,
    /// Segments of lower numbers were left by an earlier process.
    ours_from: u64,
    /// What says that this process is alive, once it has said so.
    alive: Option<File>,
}

#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
}

/// What lay in one segment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Which segment.
    pub segment: u64,
    /// Those that are as they were written, in their order.
    pub whole: Vec<Vec<u8>>,
    /// How many places there are where something else stands.
    pub damaged: usize,
}

impl Spool {
    /// The spool in that folder, with what an earlier process left there.
    pub fn open(folder: &Path, most: u64) -> Result<Self, SpoolError> {
        let disk = |source| SpoolError::Disk { path: folder.into(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(disk)?;
        let (mut segments, mut strange) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(disk)? {
            let entry = entry.map_err(disk)?;
            let (name, about) = (entry.file_name(), entry.metadata().map_err(disk)?);
            match name.to_str().and_then(number_of).filter(|_| about.is_file()) {
                Some(number) => segments.push(Segment { number, bytes: about.len() }),
                None if name == ALIVE || name == ASIDE => {}
                None => strange.push(entry.path()),
            }
        }
        // What cannot be moved stays where it is, and hurts nobody.
        let _moved_or_not = strange.iter().try_for_each(|path| put_aside(folder, path));
        segments.sort_unstable_by_key(|segment| segment.number);
        let ours_from = segments.last().map_or(0, |last| last.number.saturating_add(1));
        Ok(Self { folder: folder.into(), most, segments: segments.into(), writing: None, ours_from, alive: None })
    }

    /// Whether nothing lies there.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether something lies there that an earlier process left.
    pub fn has_left_behind(&self) -> bool {
        self.segments.front().is_some_and(|segment| segment.number < self.ours_from)
    }

    /// Bytes that lie there.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Whether so much lies there that less should be added.
    pub fn is_nearly_full(&self) -> bool {
        self.bytes() >= self.most / 4 * 3
    }

    /// Adds these frames; when it comes back they are on the disk. After an error none may be taken to be there, and all may
    /// be given again.
    pub fn append(&mut self, frames: &[Vec<u8>]) -> Result<(), SpoolError> {
        let mut bytes = Vec::with_capacity(frames.iter().map(|frame| HEAD + frame.len()).sum());
        for frame in frames {
            let length = u32::try_from(frame.len()).expect("whoever spools keeps to MAX_FRAME");
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&CHECK.checksum(frame).to_le_bytes());
            bytes.extend_from_slice(frame);
        }
        if self.bytes() + bytes.len() as u64 > self.most {
            return Err(SpoolError::Full { folder: self.folder.clone(), most: self.most });
        }
        let number = match (&self.writing, self.segments.back()) {
            (Some(_), Some(last)) if last.bytes < SEGMENT => last.number,
            _ => self.begin_segment()?,
        };
        let path = self.path(number);
        let file = self.writing.as_mut().expect("it was just begun or stands");
        let segment = self.segments.back_mut().expect("the segment that is written");
        if let Err(source) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // Half a frame may stand at its end. Where it cannot be cut off, nothing more may follow there.
            let cut = file.set_len(segment.bytes).and_then(|()| file.seek(SeekFrom::Start(segment.bytes)));
            self.writing.take_if(|_| cut.is_err());
            return Err(SpoolError::Disk { path, source });
        }
        segment.bytes += bytes.len() as u64;
        Ok(())
    }

    /// What lies in the eldest segment; it stays until [`Spool::forget`]. Nothing when the spool is empty.
    pub fn eldest(&mut self) -> Result<Option<Frames>, SpoolError> {
        let Some(segment) = self.segments.front() else { return Ok(None) };
        let path = self.path(segment.number);
        if self.segments.len() == 1 {
            // What comes meanwhile goes into the next one.
            self.writing = None;
        }
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(Frames { segment: segment.number, ..frames(&bytes) })),
            Err(source) => Err(SpoolError::Disk { path, source }),
        }
    }

    /// Takes the eldest segment away, if it is this one: what lay in it is kept elsewhere.
    pub fn forget(&mut self, segment: u64) -> Result<(), SpoolError> {
        if self.segments.front().is_none_or(|eldest| eldest.number != segment) {
            return Ok(());
        }
        let path = self.path(segment);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(SpoolError::Disk { path, source }),
            _ => {
                self.segments.pop_front();
                Ok(())
            }
        }
    }

    /// The same for one that was damaged: what could be read of it is kept elsewhere, and the file is put aside.
    pub fn set_aside(&mut self, segment: u64) -> Result<(), SpoolError> {
        if self.segments.front().is_none_or(|eldest| eldest.number != segment) {
            return Ok(());
        }
        // Where there is no room for it, it is not worth to be read again and again.
        match put_aside(&self.folder, &self.path(segment)) {
            Ok(()) => drop(self.segments.pop_front()),
            Err(_) => return self.forget(segment),
        }
        Ok(())
    }

    /// Where lies what was put aside.
    pub fn aside(&self) -> PathBuf {
        self.folder.join(ASIDE)
    }

    /// How many files lie there.
    pub fn count_aside(&self) -> usize {
        fs::read_dir(self.aside()).map_or(0, |files| files.flatten().count())
    }

    /// The last sign of life that was given here, by whichever process.
    pub fn last_alive(&self) -> Option<SystemTime> {
        let said = fs::read_to_string(self.folder.join(ALIVE)).ok()?;
        let millis: u64 = said.trim().parse().ok()?;
        UNIX_EPOCH.checked_add(Duration::from_millis(millis))
    }

    /// Gives a sign of life. It is for whoever comes after a process that was killed, not after a machine that lost its power, so
    /// nobody waits for the disk; and it is written over the last one, so a full disk takes it too.
    pub fn say_alive(&mut self, at: SystemTime) -> Result<(), SpoolError> {
        let path = self.folder.join(ALIVE);
        let disk = |source| SpoolError::Disk { path: path.clone(), source };
        if self.alive.is_none() {
            let mut begin = OpenOptions::new();
            let begin = begin.write(true).create(true).truncate(false).mode(0o600).open(&path);
            self.alive = Some(begin.map_err(disk)?);
        }
        let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let file = self.alive.as_ref().expect("it was just opened or stands");
        // Always as long, so that nothing of the last one is left behind it.
        file.write_all_at(format!("{millis:020}\n").as_bytes(), 0).map_err(disk)
    }

    fn begin_segment(&mut self) -> Result<u64, SpoolError> {
        let number = self.segments.back().map_or(self.ours_from, |last| last.number + 1).max(self.ours_from);
        let path = self.path(number);
        let disk = |source| SpoolError::Disk { path: path.clone(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(disk)?;
        let begun = file.write_all(MAGIC).and_then(|()| File::open(&self.folder)?.sync_all());
        if let Err(source) = begun {
            // A full disk is not to be filled with files of which each holds nothing. One that stays has its number taken.
            if fs::remove_file(&path).is_err() {
                self.segments.push_back(Segment { number, bytes: MAGIC.len() as u64 });
            }
            return Err(disk(source));
        }
        self.segments.push_back(Segment { number, bytes: MAGIC.len() as u64 });
        self.writing = Some(file);
        Ok(number)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(name_of(number))
    }
}

fn name_of(number: u64) -> String {
    format!("{number:0DIGITS$}.spool")
}

/// The number of a segment by the name of its file, where it is one of ours.
fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".spool").filter(|number| number.len() == DIGITS)?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

/// Moves a file among those that nobody reads, under a name that none of them has.
fn put_aside(folder: &Path, path: &Path) -> io::Result<()> {
    let (aside, name) = (folder.join(ASIDE), path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    DirBuilder::new().recursive(true).mode(0o700).create(&aside)?;
    let age = |file: &fs::DirEntry| file.metadata().and_then(|about| about.modified()).ok();
    let mut files: Vec<fs::DirEntry> = fs::read_dir(&aside)?.flatten().collect();
    files.sort_by_key(age);
    let beyond = (files.len() + 1).saturating_sub(MOST_ASIDE);
    for eldest in &files[..beyond] {
        fs::remove_file(eldest.path())?;
    }
    let free = (0..=MOST_ASIDE).map(|nth| if nth == 0 { name.clone() } else { format!("{name}.{nth}") });
    let free = free.map(|name| aside.join(name)).find(|path| !path.exists());
    fs::rename(path, free.ok_or(io::ErrorKind::AlreadyExists)?)
}

/// The frames of a segment, as far as they are what was written.
fn frames(bytes: &[u8]) -> Frames {
    let mut found = Frames::default();
    let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
        found.damaged = usize::from(!bytes.is_empty());
        return found;
    };
    while !rest.is_empty() {
        let Some((frame, sum, more)) = next(rest) else {
            // The end of a write that was never finished, or a length that cannot be: nobody knows where the next begins.
            found.damaged += 1;
            break;
        };
        match CHECK.checksum(frame) == sum {
            true => found.whole.push(frame.into()),
            false => found.damaged += 1,
        }
        rest = more;
    }
    found
}

fn next(bytes: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (frame, rest) = rest.split_at_checked(length).filter(|_| length <= MAX_FRAME)?;
    Some((frame, u32::from_le_bytes(*sum), rest))
}

#[cfg(test)]
mod tests;
