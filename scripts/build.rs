//! Writes down what is shipped inside the binary: every sound under `sounds/` and every service beside this file.
//!
//! What comes out are three sorted tables of names and contents (`src/shipped.rs` reads them): sounds, services, and their tests.

use std::{
    env,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the crate's folder"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the folder for what is built"));
    println!("cargo::rerun-if-changed=sounds");
    println!("cargo::rerun-if-changed=.");

    let mut sounds = Vec::new();
    gather(&root.join("sounds"), "", "opus", &mut sounds)?;
    let (mut services, mut tests) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|ending| ending != "rhai") {
            continue;
        }
        match name.strip_suffix("_test") {
            Some(tested) => tests.push((tested.to_owned(), path)),
            None => services.push((name, path)),
        }
    }
    let mut written = table("SOUNDS", "[u8]", "include_bytes", sounds);
    written.push_str(&table("SERVICES", "str", "include_str", services));
    written.push_str(&table("TESTS", "str", "include_str", tests));
    fs::write(out.join("shipped.rs"), written)
}

/// All files of that ending under a folder, named by their path within it.
fn gather(folder: &Path, before: &str, ending: &str, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        let name = format!("{before}{name}");
        if path.is_dir() {
            println!("cargo::rerun-if-changed={}", path.display());
            gather(&path, &format!("{name}/"), ending, found)?;
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push((name, path));
        }
    }
    Ok(())
}

/// A sorted table of names and what their files hold.
fn table(name: &str, holds: &str, by: &str, mut files: Vec<(String, PathBuf)>) -> String {
    files.sort();
    let mut written = format!("static {name}: [(&str, &{holds}); {}] = [\n", files.len());
    for (name, path) in files {
        writeln!(written, "    ({name:?}, {by}!({path:?})),").expect("a string takes what is written");
    }
    written.push_str("];\n");
    written
}
