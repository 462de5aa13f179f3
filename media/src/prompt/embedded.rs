//! Prompts that lie inside the program, behind those on disk.
//!
//! A name is looked for on disk and then inside; as it stands, and then within the folder of the house's language, so that a
//! script says `goodbye` and the house says it in its own tongue. Whoever puts a file of that name on disk is heard instead.
//! What lies inside is handed in as a function: this crate knows no sound by name.

use super::disk::Disk;
use super::fetch::{Bounds, Fetch, Fetched, Unfetched, Version};

/// The language of what has no other.
pub const ENGLISH: &str = "en";
/// The ending that a name of ours may have all the same.
const ENDING: &str = ".opus";

/// The file of that name, if it lies inside.
pub type Inside = fn(&str) -> Option<&'static [u8]>;

/// The folders of prompts, and behind them what is inside.
#[derive(Debug, Clone)]
pub struct Embedded {
    disk: Disk,
    language: Box<str>,
    inside: Inside,
}

impl Embedded {
    /// What lies in the folders of `disk`, else `inside`, spoken in that language where a name says none.
    #[must_use]
    pub fn new(disk: Disk, language: &str, inside: Inside) -> Self {
        Self { disk, language: language.into(), inside }
    }

    /// The name within the house's language, and within the one that is always there.
    fn spoken(&self, name: &str) -> [String; 2] {
        [format!("{}/{name}", self.language), format!("{ENGLISH}/{name}")]
    }

    fn find(&self, name: &str) -> Option<(Version, &'static [u8])> {
        let name = name.strip_suffix(ENDING).unwrap_or(name);
        let [ours, english] = self.spoken(name);
        [name, &ours, &english].into_iter().find_map(|name| {
            let bytes = (self.inside)(name)?;
            Some((Version(format!("inside {name}").into()), bytes))
        })
    }
}

impl Fetch for Embedded {
    fn fetch(&self, name: &str, known: Option<&Version>, bounds: &Bounds) -> Result<Fetched, Unfetched> {
        let missing = match self.disk.fetch(name, known, bounds) {
            Err(Unfetched::Missing { name, places }) => Unfetched::Missing { name, places },
            found => return found,
        };
        match self.disk.fetch(&self.spoken(name)[0], known, bounds) {
            // Said of the name as it was written.
            Err(Unfetched::Missing { .. }) => {}
            found => return found,
        }
        let (version, bytes) = self.find(name).ok_or(missing)?;
        if known == Some(&version) {
            return Ok(Fetched::Same);
        }
        if bytes.len() > bounds.bytes {
            return Err(Unfetched::TooBig { name: name.to_owned(), limit: bounds.bytes });
        }
        Ok(Fetched::Bytes { bytes: bytes.to_vec(), version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    const BOUNDS: Bounds = Bounds { bytes: 100, time: std::time::Duration::from_secs(1), redirects: 0 };

    fn inside(name: &str) -> Option<&'static [u8]> {
        match name {
            "music" => Some(b"music"),
            "en/goodbye" => Some(b"goodbye"),
            "de/goodbye" => Some(b"tschuess"),
            "en/english-only" => Some(b"english"),
            "en/long" => Some(&[0; 101]),
            _ => None,
        }
    }

    fn heard(folder: &Path, language: &str, name: &str) -> Vec<u8> {
        let prompts = Embedded::new(Disk::new(vec![folder.into()]), language, inside);
        match prompts.fetch(name, None, &BOUNDS) {
            Ok(Fetched::Bytes { bytes, .. }) => bytes,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn a_name_is_spoken_in_the_language_of_the_house_unless_it_says_another() {
        let nothing = tempfile::tempdir().unwrap();
        for (language, name, told) in [
            ("en", "goodbye", "goodbye"),
            ("de", "goodbye", "tschuess"),
            ("de", "en/goodbye", "goodbye"),
            ("fr", "goodbye", "goodbye"),
            ("de", "english-only", "english"),
            ("de", "music", "music"),
            ("de", "music.opus", "music"),
        ] {
            assert_eq!(heard(nothing.path(), language, name), told.as_bytes(), "{name} in {language}");
        }
    }

    #[test]
    fn a_file_on_disk_wins_by_its_plain_name_and_by_its_language() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("de")).unwrap();
        fs::write(folder.path().join("de/goodbye.wav"), "servus").unwrap();
        assert_eq!(heard(folder.path(), "de", "goodbye"), b"servus");
        assert_eq!(heard(folder.path(), "en", "goodbye"), b"goodbye");
        fs::write(folder.path().join("goodbye.wav"), "ciao").unwrap();
        assert_eq!(heard(folder.path(), "de", "goodbye"), b"ciao");
    }

    #[test]
    fn what_lies_inside_stays_the_same_until_a_file_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let prompts = Embedded::new(Disk::new(vec![folder.path().into()]), "en", inside);
        let Ok(Fetched::Bytes { version, .. }) = prompts.fetch("goodbye", None, &BOUNDS) else {
            panic!("it lies inside")
        };
        assert!(matches!(prompts.fetch("goodbye", Some(&version), &BOUNDS), Ok(Fetched::Same)));
        fs::write(folder.path().join("goodbye.wav"), "own").unwrap();
        assert!(matches!(prompts.fetch("goodbye", Some(&version), &BOUNDS), Ok(Fetched::Bytes { .. })));
    }

    #[test]
    fn what_is_nowhere_is_missing_by_the_name_that_was_written_and_bounds_hold_inside_too() {
        let folder = tempfile::tempdir().unwrap();
        let prompts = Embedded::new(Disk::new(vec![folder.path().into()]), "de", inside);
        let told = |name| prompts.fetch(name, None, &BOUNDS).map(|_| ()).unwrap_err();
        let places = folder.path().display().to_string();
        assert_eq!(told("nobody"), Unfetched::Missing { name: "nobody".into(), places });
        assert_eq!(told("long"), Unfetched::TooBig { name: "long".into(), limit: 100 });
        assert!(matches!(told("../goodbye"), Unfetched::Forbidden { .. }));
    }
}
