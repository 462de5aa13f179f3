//! Recordings of calls, as files in their folder: found, read in parts, and how loud they were.
//!
//! A path comes out of a call's record and nowhere else, and is still looked at as if a stranger had written it: it must lie
//! within the folder, also when a link stands in between. What was deleted by hand is simply not there.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
};

use axum::body::Bytes;
use futures_util::{Stream, stream};
use patchcord_engine::room::{MAX_LEDGERS, ledger_of_part};
use patchcord_media::recording::{FRONT, Head, NoHead};

use crate::uploads::{SENT, disown};

mod drawn;
pub use drawn::draw_missing;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Longest file of peaks that is read: more than a day of two channels.
const MOST_PEAKS: u64 = 4 << 20;

/// What the file of peaks begins with, behind which come channels, values a second and two zeros.
const PEAKS_MARK: &[u8; 4] = b"PKS1";

/// A recording that is there.
pub struct Recording {
    file: File,
    /// Bytes that it has.
    pub length: u64,
    /// What it is, for a browser.
    pub kind: &'static str,
    /// What is wrong with it, in words.
    pub damage: Option<String>,
    /// Whether nothing of it can be heard.
    pub is_dead: bool,
    /// How long it plays, where its head says how it is written.
    pub seconds: Option<f64>,
    /// What is given in place of its first bytes, which promise more sound than there is: so it plays to the end of what is there.
    head: Vec<u8>,
}

/// What the first bytes of a file say of it.
#[derive(Default)]
struct Said {
    damage: Option<String>,
    is_dead: bool,
    seconds: Option<f64>,
    head: Vec<u8>,
}

/// How loud a recording was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peaks {
    /// For each channel a value for each step of time, 0 to 255.
    pub channels: Vec<Vec<u8>>,
    /// How many values there are in a second.
    pub per_second: u8,
}

/// Where that recording lies, or what lies beside one, if it lies within the folder.
pub(crate) fn within(folder: &Path, path: &str) -> Option<PathBuf> {
    let named = Path::new(path);
    let plain = named.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || path.is_empty() || path.contains('\0') {
        return None;
    }
    // A link that leads out of the folder is seen only once all links are followed.
    let (folder, found) = (folder.canonicalize().ok()?, folder.join(named).canonicalize().ok()?);
    found.starts_with(&folder).then_some(found)
}

/// The recording of that path. Blocks.
pub fn open(folder: &Path, path: &str) -> Option<Recording> {
    let found = within(folder, path)?;
    let kind = match found.extension().and_then(|ending| ending.to_str()) {
        Some("wav") => "audio/wav",
        Some("opus" | "ogg") => "audio/ogg",
        _ => return None,
    };
    let mut file = File::open(found).ok()?;
    let about = file.metadata().ok().filter(|about| about.is_file())?;
    let Said { damage, is_dead, seconds, head } = said(&mut file, about.len(), kind);
    Some(Recording { file, length: about.len(), kind, damage, is_dead, seconds, head })
}

/// What its first bytes promise, and whether the file keeps it: a disk may have been full, or a machine have lost its power.
fn said(file: &mut File, length: u64, kind: &str) -> Said {
    let damaged = |why: String| Said { damage: Some(why), is_dead: length == 0, ..Said::default() };
    if length == 0 {
        return damaged("the file is empty".into());
    }
    let mut front = Vec::new();
    let read = file.take(FRONT as u64).read_to_end(&mut front).and_then(|_| file.seek(SeekFrom::Start(0)));
    if read.is_err() {
        return Said::default();
    }
    if kind != "audio/wav" {
        return if front.starts_with(b"OggS") { Said::default() } else { damaged(NoHead::NoWav.to_string()) };
    }
    let head = match Head::read(&front, length) {
        Ok(head) => head,
        Err(NoHead::TooLong) => return Said::default(),
        Err(why) => return damaged(why.to_string()),
    };
    let there = head.there(length);
    let seconds = head.seconds(there);
    match head.promised().filter(|promised| *promised > there) {
        None => Said { seconds, ..Said::default() },
        Some(promised) => {
            let missing = match seconds.zip(head.seconds(promised)) {
                Some((is, was)) => format!("only {is:.1} of {was:.1} seconds of its sound are there"),
                None => format!("only {there} of {promised} bytes of its sound are there"),
            };
            Said { damage: Some(missing), seconds, head: head.made_true(&front, length), ..Said::default() }
        }
    }
}

/// The ledgers of a room whose first one has that path, from which what was heard there is made again: one for each media thread on
/// which it had members. Blocks.
pub fn ledgers(folder: &Path, path: &str) -> Vec<File> {
    let open = |part| {
        let found = within(folder, &ledger_of_part(path, part))?;
        let is_one = found.extension().is_some_and(|ending| ending == "ledger");
        is_one.then(|| File::open(found).ok()).flatten()
    };
    // A part whose ledger could not be begun leaves a gap in the numbers. Without the first there is nothing to count rounds from.
    let Some(first) = open(0) else { return Vec::new() };
    std::iter::once(first).chain((1..MAX_LEDGERS).filter_map(open)).collect()
}

/// Deletes the recording of that path, and the peaks beside it, and has the copy that an object store keeps deleted; false where there
/// is neither. Blocks.
pub fn delete(folder: &Path, path: &str) -> io::Result<bool> {
    // Only what could be heard can be deleted: no other file, and none outside.
    let here = open(folder, path).and_then(|_| within(folder, path));
    let sent = || within(folder, &format!("{path}.{SENT}"));
    if here.is_none() && sent().is_none() {
        return Ok(false);
    }
    if let Some(found) = here {
        std::fs::remove_file(found)?;
    }
    if let Some(peaks) = within(folder, &format!("{path}.peaks")) {
        std::fs::remove_file(peaks)?;
    }
    // Only now: whoever sends it at this moment sees that it has gone.
    if let Some(sent) = sent() {
        disown(&sent)?;
    }
    Ok(true)
}

/// Whether only the copy that an object store keeps is left of it. Blocks.
pub fn is_elsewhere(folder: &Path, path: &str) -> bool {
    open(folder, path).is_none() && within(folder, &format!("{path}.{SENT}")).is_some()
}

/// How loud it was; none where nobody wrote that down. Blocks.
pub fn peaks(folder: &Path, path: &str) -> Option<Peaks> {
    let file = File::open(within(folder, &format!("{path}.peaks"))?).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_PEAKS).read_to_end(&mut bytes).ok()?;
    let (head, values) = bytes.split_at_checked(8)?;
    let (channels, per_second) = (usize::from(head[4]), head[5]);
    if &head[..4] != PEAKS_MARK || !(1..=2).contains(&channels) || per_second == 0 {
        return None;
    }
    let channel = |at: usize| values.iter().skip(at).step_by(channels).copied().collect();
    Some(Peaks { channels: (0..channels).map(channel).collect(), per_second })
}

impl Peaks {
    /// Values of the longest channel.
    pub fn length(&self) -> usize {
        self.channels.iter().map(Vec::len).max().unwrap_or_default()
    }

    /// How long that is.
    pub fn seconds(&self) -> f64 {
        self.length() as f64 / f64::from(self.per_second)
    }
}

impl Recording {
    /// The bytes from one place on, so many, in pieces. Whoever reads slowly holds one piece and the file.
    pub fn part(mut self, from: u64, length: u64) -> io::Result<impl Stream<Item = io::Result<Bytes>> + Send> {
        self.file.seek(SeekFrom::Start(from))?;
        Ok(stream::try_unfold((self.file, from, length, self.head), async |(mut file, at, left, head)| {
            if left == 0 {
                return Ok(None);
            }
            let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let read = tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; want];
                file.read(&mut bytes).map(|read| {
                    bytes.truncate(read);
                    (Bytes::from(bytes), file)
                })
            });
            let (mut bytes, file) = read.await.map_err(io::Error::other)??;
            if let Some(told) = usize::try_from(at).ok().and_then(|at| head.get(at..)).filter(|told| !told.is_empty()) {
                let shown = told.len().min(bytes.len());
                bytes = [&told[..shown], &bytes[shown..]].concat().into();
            }
            if bytes.is_empty() {
                // It was cut while somebody listened.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let read = bytes.len() as u64;
            Ok(Some((bytes, (file, at + read, left.saturating_sub(read), head))))
        }))
    }
}

/// What a `Range` header asks for: the first and the last byte. `Ok(None)` where all of it is wanted, an error where nothing
/// of it is there. Of several parts none is given alone: then all is given, as RFC 9110 allows.
pub fn range(header: Option<&str>, length: u64) -> Result<Option<(u64, u64)>, OutOfRange> {
    let Some(asked) = header.and_then(|header| header.strip_prefix("bytes=")) else { return Ok(None) };
    let Some((from, to)) = asked.split_once('-').filter(|_| !asked.contains(',')) else { return Ok(None) };
    let number = |text: &str| text.trim().parse::<u64>();
    let last = length.checked_sub(1).ok_or(OutOfRange)?;
    match (number(from), number(to)) {
        (Ok(from), _) if from > last => Err(OutOfRange),
        (Ok(from), Ok(to)) if to >= from => Ok(Some((from, to.min(last)))),
        (Ok(from), Err(_)) if to.trim().is_empty() => Ok(Some((from, last))),
        (Err(_), Ok(0)) => Err(OutOfRange),
        (Err(_), Ok(most)) if from.trim().is_empty() => Ok(Some((length.saturating_sub(most), last))),
        _ => Ok(None),
    }
}

/// Nothing of what was asked for is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn nothing_outside_the_folder_is_ever_opened() {
        let house = tempfile::tempdir().expect("a folder");
        let folder = house.path().join("recordings");
        fs::create_dir_all(folder.join("day")).expect("a folder");
        fs::write(house.path().join("secret.wav"), "secret").expect("written");
        fs::write(folder.join("day/one.wav"), "sound").expect("written");
        fs::write(folder.join("day/notes.txt"), "no sound").expect("written");
        symlink(house.path().join("secret.wav"), folder.join("day/link.wav")).expect("a link");
        assert_eq!(open(&folder, "day/one.wav").expect("it is there").length, 5);
        let secret = house.path().join("secret.wav").to_string_lossy().into_owned();
        for trick in [
            "../secret.wav",
            "day/../../secret.wav",
            "./day/one.wav",
            "day/link.wav",
            "",
            "day",
            "day/notes.txt",
            "day/one.wav\0",
            &secret,
        ] {
            assert!(open(&folder, trick).is_none(), "{trick:?}");
            assert!(!delete(&folder, trick).expect("nothing is touched"), "{trick:?}");
        }
    }

    #[test]
    fn a_recording_that_is_empty_or_not_whole_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let of = |bytes: &[u8]| {
            fs::write(folder.path().join("one.wav"), bytes).expect("written");
            open(folder.path(), "one.wav").expect("it is there").damage
        };
        let wav = |size: u32, there: usize| {
            let mut wav = b"RIFF\0\0\0\0WAVEfmt \x04\0\0\0abcddata".to_vec();
            wav.extend(size.to_le_bytes());
            wav.resize(wav.len() + there, 0);
            wav
        };
        assert_eq!(of(&wav(100, 100)), None);
        assert_eq!(of(&wav(u32::MAX, 100)), None, "it is being written");
        assert_eq!(of(&wav(100, 40)).as_deref(), Some("only 40 of 100 bytes of its sound are there"));
        let mut second = patchcord_media::recording::wav_of(patchcord_media::frame::Rate::Narrow, &[7; 8_000]);
        second.truncate(44 + 4_000);
        assert_eq!(of(&second).as_deref(), Some("only 0.2 of 1.0 seconds of its sound are there"));
        assert_eq!(of(b"").as_deref(), Some("the file is empty"));
        assert_eq!(of(b"sound").as_deref(), Some("the file is no sound"));
        assert_eq!(of(b"RIFF\0\0\0\0WAVE").as_deref(), Some("the file breaks off before its sound begins"));
    }

    #[test]
    fn a_recording_goes_with_its_peaks_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["one.wav", "one.wav.peaks", "two.wav"] {
            fs::write(folder.path().join(name), "sound").expect("written");
        }
        assert!(delete(folder.path(), "one.wav").expect("deleted"));
        assert!(!delete(folder.path(), "one.wav").expect("it is gone already"));
        let left =
            || fs::read_dir(folder.path()).expect("read").flatten().map(|file| file.file_name()).collect::<Vec<_>>();
        assert_eq!(left(), ["two.wav"]);

        // A copy lies elsewhere: whoever keeps it is told by a file, also when only the copy is left.
        fs::write(folder.path().join("two.wav.sent"), "").expect("written");
        assert!(!is_elsewhere(folder.path(), "two.wav"));
        fs::remove_file(folder.path().join("two.wav")).expect("it was there");
        assert!(is_elsewhere(folder.path(), "two.wav"));
        assert!(delete(folder.path(), "two.wav").expect("deleted"));
        assert_eq!(left(), ["two.wav.gone"]);
        assert!(!delete(folder.path(), "two.wav").expect("it is gone already"));
    }

    #[tokio::test]
    async fn a_recording_that_breaks_off_is_given_with_a_head_that_says_so() {
        use futures_util::TryStreamExt;
        let folder = tempfile::tempdir().expect("a folder");
        let whole = patchcord_media::recording::wav_of(patchcord_media::frame::Rate::Narrow, &[7; 8_000]);
        fs::write(folder.path().join("one.wav"), &whole[..44 + 4_000]).expect("written");
        let given = async |from, length| {
            let one = open(folder.path(), "one.wav").expect("it is there");
            assert_eq!(one.seconds, Some(0.25));
            let parts: Vec<Bytes> = one.part(from, length).expect("a part").try_collect().await.expect("read");
            parts.concat()
        };
        let all = given(0, 4_044).await;
        assert_eq!(
            (all.len(), &all[40..44], &all[4..8]),
            (4_044, &4_000_u32.to_le_bytes()[..], &4_036_u32.to_le_bytes()[..])
        );
        assert_eq!(all[44..], whole[44..4_044]);
        // In parts, as browsers ask.
        assert_eq!(given(0, 6).await, all[..6]);
        assert_eq!(given(6, 100).await, all[6..106]);
        assert_eq!(given(100, 50).await, all[100..150]);
    }

    #[test]
    fn a_range_is_read_as_browsers_write_it() {
        assert_eq!(range(None, 10), Ok(None));
        assert_eq!(range(Some("bytes=0-"), 10), Ok(Some((0, 9))));
        assert_eq!(range(Some("bytes=2-5"), 10), Ok(Some((2, 5))));
        assert_eq!(range(Some("bytes=2-500"), 10), Ok(Some((2, 9))));
        assert_eq!(range(Some("bytes=-3"), 10), Ok(Some((7, 9))));
        assert_eq!(range(Some("bytes=-300"), 10), Ok(Some((0, 9))));
        for nothing in ["bytes=10-", "bytes=-0", "bytes=18446744073709551615-"] {
            assert_eq!(range(Some(nothing), 10), Err(OutOfRange), "{nothing}");
        }
        for nonsense in
            ["bytes=5-2", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=99999999999999999999-"]
        {
            assert_eq!(range(Some(nonsense), 10), Ok(None), "{nonsense}");
        }
    }

    #[test]
    fn peaks_are_read_for_each_channel_and_nonsense_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |bytes: &[u8]| fs::write(folder.path().join("one.wav.peaks"), bytes).expect("written");
        write(b"PKS1\x02\x0a\0\0\x01\x02\x03\x04");
        assert_eq!(
            peaks(folder.path(), "one.wav"),
            Some(Peaks { channels: vec![vec![1, 3], vec![2, 4]], per_second: 10 })
        );
        for damaged in [&b"PKS1"[..], b"PKS2\x02\x0a\0\0\x01", b"PKS1\x00\x0a\0\0", b"PKS1\x02\x00\0\0"] {
            write(damaged);
            assert_eq!(peaks(folder.path(), "one.wav"), None);
        }
    }
}
