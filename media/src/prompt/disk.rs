//! Prompts in folders of this machine, and nowhere else.
//!
//! A name is looked for in each folder in turn, as it stands and with the endings of sound files, so that a script says
//! `welcome` and the author may change from wav to Opus. No name leads out of the folders: neither upwards, nor from the
//! root, nor through a link.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use super::fetch::{Bounds, Fetch, Fetched, Unfetched, Version};

/// What may be left away from a name, in the order in which it is tried.
pub const ENDINGS: [&str; 10] = ["wav", "opus", "ogg", "flac", "mp3", "m4a", "aac", "oga", "aiff", "webm"];
/// Longer names are no names.
const MAX_NAME: usize = 255;

/// The folders of prompts.
#[derive(Debug, Clone)]
pub struct Disk {
    folders: Vec<PathBuf>,
}

impl Disk {
    /// Prompts in these folders, the first before the others.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// The file of a name, as it truly lies, and its version.
    fn find(&self, name: &str) -> Result<(PathBuf, Version, u64), Unfetched> {
        let path = inner(name)?;
        for folder in &self.folders {
            // A folder that is not there holds no prompt.
            let Ok(root) = folder.canonicalize() else { continue };
            let plain = root.join(path);
            let ended = ENDINGS.iter().map(|ending| root.join(format!("{name}.{ending}")));
            for candidate in std::iter::once(plain).chain(ended) {
                match fs::metadata(&candidate) {
                    // Only files: to open a pipe would wait for somebody to write.
                    Ok(found) if found.is_file() => {
                        let real = candidate.canonicalize().map_err(|error| unreachable(name, &error))?;
                        if !real.starts_with(&root) {
                            return Err(forbidden(name, "a link leads out of its folder"));
                        }
                        return Ok((real, version_of(&found), found.len()));
                    }
                    Ok(_) => {}
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                    Err(error) => return Err(unreachable(name, &error)),
                }
            }
        }
        let places: Vec<_> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        Err(Unfetched::Missing { name: name.to_owned(), places: places.join(", ") })
    }
}

impl Fetch for Disk {
    fn fetch(&self, name: &str, known: Option<&Version>, bounds: &Bounds) -> Result<Fetched, Unfetched> {
        let (path, version, length) = self.find(name)?;
        if known == Some(&version) {
            return Ok(Fetched::Same);
        }
        let too_big = || Unfetched::TooBig { name: name.to_owned(), limit: bounds.bytes };
        if length > bounds.bytes as u64 {
            return Err(too_big());
        }
        let mut bytes = Vec::with_capacity(length as usize);
        // It may be growing while it is read.
        let file = File::open(&path).map_err(|error| unreachable(name, &error))?;
        file.take(bounds.bytes as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreachable(name, &error))?;
        if bytes.len() > bounds.bytes {
            return Err(too_big());
        }
        Ok(Fetched::Bytes { bytes, version })
    }
}

/// The name of a file as a path that goes only downwards.
///
/// # Errors
/// When it is no name, or leads out of the folder that it is looked for in.
pub fn inner(name: &str) -> Result<&Path, Unfetched> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains(['\0', '\n', '\r', '\\']) {
        return Err(forbidden(name, "it is no name of a file"));
    }
    let path = Path::new(name);
    if path.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(path)
    } else {
        Err(forbidden(name, "its path leads out of the folders of prompts"))
    }
}

fn version_of(found: &fs::Metadata) -> Version {
    let modified = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Version(format!("{}-{}", found.len(), modified.as_nanos()).into())
}

fn forbidden(name: &str, why: &str) -> Unfetched {
    Unfetched::Forbidden { name: name.to_owned(), why: why.to_owned() }
}

fn unreachable(name: &str, error: &std::io::Error) -> Unfetched {
    Unfetched::Unreachable { name: name.to_owned(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    const BOUNDS: Bounds = Bounds { bytes: 100, time: Duration::from_secs(1), redirects: 0 };

    fn bytes_of(disk: &Disk, name: &str) -> Result<Vec<u8>, Unfetched> {
        disk.fetch(name, None, &BOUNDS).map(|fetched| match fetched {
            Fetched::Bytes { bytes, .. } => bytes,
            Fetched::Same => panic!("no version was known"),
        })
    }

    #[test]
    fn the_first_folder_wins_and_the_ending_may_be_left_away() {
        let (own, shipped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(shipped.path().join("welcome.mp3"), "shipped").unwrap();
        fs::create_dir(shipped.path().join("en")).unwrap();
        fs::write(shipped.path().join("en/bye.wav"), "bye").unwrap();
        let disk = Disk::new(vec![own.path().into(), shipped.path().into()]);
        assert_eq!(bytes_of(&disk, "welcome").unwrap(), b"shipped");
        assert_eq!(bytes_of(&disk, "en/bye").unwrap(), b"bye");

        fs::write(own.path().join("welcome.wav"), "own").unwrap();
        assert_eq!(bytes_of(&disk, "welcome").unwrap(), b"own");
        assert_eq!(bytes_of(&disk, "welcome.mp3").unwrap(), b"shipped");
    }

    #[test]
    fn no_name_leads_out_of_the_folders() {
        let (outside, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = outside.path().join("secret.wav");
        fs::write(&secret, "secret").unwrap();
        symlink(&secret, folder.path().join("link.wav")).unwrap();
        symlink(outside.path(), folder.path().join("door")).unwrap();
        let disk = Disk::new(vec![folder.path().into()]);
        let up = format!("../{}/secret.wav", outside.path().file_name().unwrap().to_str().unwrap());
        let rooted = secret.to_str().unwrap();
        let long = "x".repeat(300);
        for name in [&up, rooted, "link", "link.wav", "door/secret.wav", "a/../link.wav", "", "a\0b", ".", "..", &long]
        {
            let told = bytes_of(&disk, name).unwrap_err();
            assert!(matches!(told, Unfetched::Forbidden { .. }), "{name}: {told:?}");
        }
    }

    #[test]
    fn what_is_no_file_is_missing_and_what_is_too_large_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("menu.wav")).unwrap();
        fs::write(folder.path().join("long.wav"), [0; 101]).unwrap();
        let disk = Disk::new(vec![folder.path().into()]);
        let places = folder.path().display().to_string();
        assert_eq!(bytes_of(&disk, "menu"), Err(Unfetched::Missing { name: "menu".into(), places }));
        assert_eq!(bytes_of(&disk, "long"), Err(Unfetched::TooBig { name: "long".into(), limit: 100 }));
    }

    #[test]
    fn a_file_is_the_same_until_its_time_or_size_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        fs::write(&path, "one").unwrap();
        let disk = Disk::new(vec![folder.path().into()]);
        let Fetched::Bytes { version, .. } = disk.fetch("a", None, &BOUNDS).unwrap() else {
            panic!("nothing is known")
        };
        assert!(matches!(disk.fetch("a", Some(&version), &BOUNDS), Ok(Fetched::Same)));

        File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert!(matches!(disk.fetch("a", Some(&version), &BOUNDS), Ok(Fetched::Bytes { .. })));
    }
}
