//! The tree as the rules see it: text files with their paths, read once. Judges nothing itself.

use std::fs;
use std::path::{Path, PathBuf};

/// One text file of the tree.
pub struct File {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    pub text: String,
}

/// One line that breaks a rule.
pub struct Breach {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong and what to do instead.
    pub remedy: String,
}

/// A rule looks at one file and names its breaches.
pub type Rule = fn(&File) -> Vec<Breach>;

/// Every text file that people write here.
pub struct House {
    root: PathBuf,
    files: Vec<File>,
}

/// Names of text files whose ending does not tell.
const SCRIPTS: [&str; 3] = ["run", "test", ".gitignore"];
const ENDINGS: [&str; 12] = ["rs", "toml", "md", "sh", "sql", "rhai", "xml", "csv", "html", "js", "css", "yml"];

impl House {
    pub fn open() -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut files = Vec::new();
        gather(&root, &root, &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(files.len() > 10, "the tree at {} is nearly empty; is this the repository?", root.display());
        Self { root, files }
    }

    pub fn breaches(&self, rule: impl Fn(&File) -> Vec<Breach>) -> Vec<String> {
        let told = |file: &File| {
            let path = file.path.clone();
            rule(file).into_iter().map(move |breach| format!("{path}:{}: {}", breach.line, breach.remedy))
        };
        self.files.iter().flat_map(told).collect()
    }

    /// Whether a file or folder of that path is here.
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// The names of the SQL files in a folder.
    pub fn names_in(&self, folder: &str) -> Vec<String> {
        let inside = |file: &File| file.path.strip_prefix(folder)?.strip_prefix('/').map(str::to_owned);
        self.files.iter().filter_map(inside).filter(|name| name.ends_with(".sql")).collect()
    }
}

fn gather(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).expect("a folder of the tree can be listed") {
        let path = entry.expect("an entry of the tree can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if !is_foreign(root, &path, &name) {
                gather(root, &path, files);
            }
        } else if is_text(&path, &name) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let path = path.strip_prefix(root).expect("the walk began at the root").to_string_lossy().into_owned();
            files.push(File { path, text });
        }
    }
}

/// Built things, data folders and what git keeps for itself are not written by people.
fn is_foreign(root: &Path, path: &Path, name: &str) -> bool {
    let at_root = path.parent() == Some(root);
    name == ".git" || name == "target" || (at_root && name == "data")
}

fn is_text(path: &Path, name: &str) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    SCRIPTS.contains(&name) || ending.is_some_and(|ending| ENDINGS.contains(&ending))
}
