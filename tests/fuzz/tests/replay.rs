//! Every input that was ever worth keeping, on every test run.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use patchcord_fuzz::{TARGETS, Target};

fn inputs(folder: &Path) -> Vec<PathBuf> {
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")))
        .collect();
    inputs.sort();
    inputs
}

fn here(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Runs a target over files and names each that breaks it.
fn replay(target: Target, files: &[PathBuf]) {
    let broken: Vec<_> = files
        .iter()
        .filter(|file| {
            let bytes = fs::read(file).unwrap();
            catch_unwind(|| target(&bytes)).is_err()
        })
        .collect();
    assert!(broken.is_empty(), "these inputs break a promise: {broken:#?}");
}

#[test]
fn no_kept_input_breaks_its_target() {
    for (name, target) in TARGETS {
        let files = inputs(&here("corpus").join(name));
        assert!(files.len() >= 5, "the corpus of {name} has {} files", files.len());
        replay(target, &files);
    }
}

#[test]
fn every_target_survives_the_corpus_of_every_other_and_the_torture_messages() {
    let mut files: Vec<_> = TARGETS.iter().flat_map(|(name, _)| inputs(&here("corpus").join(name))).collect();
    for rfc in ["rfc4475", "rfc5118"] {
        files.extend(inputs(&here("../torture").join(rfc)));
    }
    for (_, target) in TARGETS {
        replay(target, &files);
    }
}

#[test]
fn the_corpus_stays_small() {
    let files: Vec<_> = TARGETS.iter().flat_map(|(name, _)| inputs(&here("corpus").join(name))).collect();
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(files.len() <= 600 && bytes <= 1 << 20, "{} files, {bytes} bytes", files.len());
}

#[test]
fn a_broken_promise_is_noticed() {
    let file = [here("Cargo.toml")];
    assert!(catch_unwind(|| replay(|bytes| assert!(bytes.is_empty()), &file)).is_err());
}
