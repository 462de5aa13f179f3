//! A memory cgroup around a child: what the child takes, its sockets and all that the kernel holds for it included.

use std::io;
use std::path::{Path, PathBuf};

/// See the file. Removed with this value, once nobody is in it.
pub struct Cell {
    folder: PathBuf,
    usage: &'static str,
}

impl Cell {
    /// A new cell, by either version of cgroups.
    ///
    /// # Errors
    /// When this system has none, or does not let us.
    pub fn new(name: &str) -> io::Result<Self> {
        let versions = [("/sys/fs/cgroup/memory", "memory.usage_in_bytes"), ("/sys/fs/cgroup", "memory.current")];
        let mut last = io::ErrorKind::NotFound.into();
        for (root, usage) in versions {
            let folder = Path::new(root).join(name);
            match std::fs::create_dir(&folder) {
                Ok(()) if folder.join(usage).exists() => return Ok(Self { folder, usage }),
                Ok(()) => drop(std::fs::remove_dir(&folder)),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where a process writes its number to be in.
    #[must_use]
    pub fn door(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Bytes that everybody in it takes.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn bytes(&self) -> io::Result<u64> {
        let text = std::fs::read_to_string(self.folder.join(self.usage))?;
        text.trim().parse().map_err(|_| io::Error::other(format!("no number of bytes: {text}")))
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.folder) {
            eprintln!("{} stays: {error}", self.folder.display());
        }
    }
}
