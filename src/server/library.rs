//! The modules that services import, as they lie below the folder of services, and those of the house.
//!
//! What a name leads to is told by [`patchcord_scripts::imports`]: nothing that leads out. A link that does is refused here.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use patchcord_scripts::{
    Limits,
    imports::{Module, of_house},
};

/// The ending of a file of scripts.
const ENDING: &str = ".rhai";

/// Files below the folder that are looked at, and how deep.
const MOST: usize = 4_096;
const DEEPEST: usize = 8;

/// The module of that name in that folder, or of the house; of files no larger than that.
///
/// # Errors
/// When it cannot be read, or lies elsewhere.
pub fn module(
    folder: &Path,
    name: &str,
    most: usize,
    shown: impl Fn(&Path) -> String,
) -> Result<Option<Module>, String> {
    let path = folder.join(format!("{name}{ENDING}"));
    let found = match path.canonicalize() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return of_house(name),
        Err(error) => return Err(format!("{}: {error}", shown(&path))),
    };
    let unread = |error: io::Error| format!("{} cannot be read: {error}", shown(&path));
    if !found.starts_with(folder.canonicalize().map_err(unread)?) {
        return Err(format!("{} leads out of the folder of services", shown(&path)));
    }
    let text = read(&found, most).map_err(unread)?;
    Ok(Some(Module { name: name.into(), file: shown(&path), text: text.into() }))
}

/// What a script says; of one that is larger, that it is.
pub fn read(path: &Path, most: usize) -> io::Result<String> {
    let found = fs::metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let length = found.len();
    if length > most as u64 {
        return Err(io::Error::other(format!(
            "it has {length} bytes; a script has at most {most} ({} in [limits])",
            Limits::FILE
        )));
    }
    fs::read_to_string(path)
}

/// All files that may be imported from a folder, by name.
pub fn files(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((at, before, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&at) else { continue };
        for entry in entries.flatten().take(MOST) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && depth < DEEPEST {
                folders.push((path, format!("{before}{name}/"), depth + 1));
            } else if let Some(bare) = name.strip_suffix(ENDING)
                && found.len() < MOST
            {
                found.push((format!("{before}{bare}"), path));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(folder: &Path, name: &str) -> Result<Option<Module>, String> {
        module(folder, name, 100, |path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }

    #[test]
    fn a_module_is_a_file_below_the_folder_or_one_of_the_house_and_nothing_else() {
        let outside = tempfile::tempdir().expect("a folder");
        let folder = outside.path().join("scripts");
        fs::create_dir_all(folder.join("shared")).expect("a folder");
        fs::write(folder.join("shared/hours.rhai"), "fn open() { true }").expect("a file");
        fs::write(folder.join("shared/large.rhai"), " ".repeat(101)).expect("a file");
        fs::write(outside.path().join("secret.rhai"), "fn secret() { 1 }").expect("a file");
        std::os::unix::fs::symlink(outside.path().join("secret.rhai"), folder.join("link.rhai")).expect("a link");
        let found = find(&folder, "shared/hours").expect("it is read").expect("it is there");
        assert_eq!((found.name.as_str(), &*found.text), ("shared/hours", "fn open() { true }"));
        assert_eq!(find(&folder, "nowhere"), Ok(None));
        assert!(find(&folder, "voicemail").is_ok_and(|found| found.is_some()), "it comes with the house");
        assert_eq!(find(&folder, "link"), Err("link.rhai leads out of the folder of services".into()));
        assert!(find(&folder, "shared/large").is_err_and(|why| why.contains("it has 101 bytes")));
        let names: Vec<String> = files(&folder).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["link", "shared/hours", "shared/large"]);
    }
}
