//! Files of recordings, by the names that calls give them.
//!
//! A script says a name within the folder of recordings and nothing else: no name leads out of it, not by dots, not by a
//! link. Nothing is read or removed here that is no recording.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use patchcord_engine::asked::{self, Unasked};

/// The folder of recordings.
#[derive(Clone, Debug)]
pub(super) struct Recordings(PathBuf);

/// Why a name is no recording's.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRecording {
    #[error(transparent)]
    Name(Unasked),
    #[error(transparent)]
    Gone(Unasked),
    #[error("recording {0:?} cannot be read")]
    Unreadable(String, #[source] io::Error),
    #[error("the recordings have more than {0} bytes together; send a link instead")]
    Large(u64),
}

impl Recordings {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Where the recording of that name lies. Blocks for a moment.
    pub(super) fn find(&self, name: &str) -> Result<PathBuf, NoRecording> {
        let path = Path::new(name);
        asked::recording(name).map_err(NoRecording::Name)?;
        let none = || NoRecording::Gone(Unasked::NoRecording(name.into()));
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => none(),
            _ => NoRecording::Unreadable(name.into(), error),
        };
        let folder = self.0.canonicalize().map_err(gone)?;
        let found = folder.join(path).canonicalize().map_err(gone)?;
        if !found.starts_with(&folder) {
            return Err(NoRecording::Name(Unasked::Recording(name.into())));
        }
        if !found.is_file() {
            return Err(none());
        }
        Ok(found)
    }

    /// All bytes of these recordings, if they are not more than `most` together. Blocks.
    pub(super) fn read(&self, names: &[String], most: u64) -> Result<Vec<Vec<u8>>, NoRecording> {
        let found = names.iter().map(|name| Ok((name, self.find(name)?))).collect::<Result<Vec<_>, NoRecording>>()?;
        let unreadable = |name: &str, error| NoRecording::Unreadable(name.into(), error);
        let mut bytes = 0;
        for (name, path) in &found {
            bytes += fs::metadata(path).map_err(|error| unreadable(name, error))?.len();
        }
        if bytes > most {
            return Err(NoRecording::Large(most));
        }
        found.iter().map(|(name, path)| fs::read(path).map_err(|error| unreadable(name, error))).collect()
    }

    /// Removes the recording of that name. Blocks for a moment.
    pub(super) fn remove(&self, name: &str) -> Result<(), NoRecording> {
        let path = self.find(name)?;
        fs::remove_file(path).map_err(|error| NoRecording::Unreadable(name.into(), error))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let house = tempfile::tempdir().expect("a folder");
        let folder = house.path().join("recordings");
        fs::create_dir_all(folder.join("2026-11-21")).expect("made");
        fs::write(folder.join("2026-11-21/a.wav"), "sound").expect("written");
        fs::write(house.path().join("secret.key"), "secret").expect("written");
        symlink(house.path().join("secret.key"), folder.join("link.wav")).expect("linked");
        let recordings = Recordings::new(folder.clone());

        let read = |names: &[&str], most| {
            recordings.read(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), most)
        };
        assert_eq!(read(&["2026-11-21/a.wav"], 5).expect("read"), [b"sound"]);
        assert!(matches!(read(&["2026-11-21/a.wav"], 4), Err(NoRecording::Large(4))));
        let absolute = folder.join("2026-11-21/a.wav");
        for name in [
            "../secret.key",
            "2026-11-21/../../secret.key",
            "link.wav",
            "",
            ".",
            "a\0b",
            absolute.to_str().expect("text"),
        ] {
            assert!(matches!(recordings.find(name), Err(NoRecording::Name(_))), "{name:?}");
        }
        for name in ["2026-11-21", "2026-11-21/b.wav", "2026-11-21/a.wav/b"] {
            assert!(matches!(recordings.remove(name), Err(NoRecording::Gone(_))), "{name:?}");
        }
        recordings.remove("2026-11-21/a.wav").expect("removed");
        assert!(matches!(recordings.find("2026-11-21/a.wav"), Err(NoRecording::Gone(_))));
        assert!(house.path().join("secret.key").exists());
    }
}
