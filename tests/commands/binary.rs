//! The binary in a folder of its own.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_patchcord");

/// A folder to run commands in; nothing of the machine's environment leads elsewhere.
pub struct Folder(TempDir);

/// How a command ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Folder {
    /// An empty one.
    pub fn empty() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// One with that configuration.
    pub fn with(toml: &str) -> Self {
        let folder = Self::empty();
        folder.write("patchcord.toml", toml);
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).expect("written");
    }

    /// Runs a command, written as a person types it.
    pub fn run(&self, line: &str) -> Done {
        self.run_with(line, "")
    }

    /// The same with something typed into it.
    pub fn run_with(&self, line: &str, input: &str) -> Done {
        let mut command = Command::new(BINARY);
        command.args(line.split_whitespace()).current_dir(self.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PATCHCORD_")) {
            command.env_remove(name);
        }
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.expect("the binary starts");
        // A command that reads no input may have gone already.
        let _read_or_not = child.stdin.take().expect("piped").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Done { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Done {
    /// What it said, having done what it was told.
    pub fn good(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// The same in JSON.
    pub fn json(self) -> Value {
        let said = self.good();
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// What it complained of, with that exit code and without having said anything else.
    pub fn bad(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        self.err
    }
}
