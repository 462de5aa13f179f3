//! The data folder: one server at a time.
//!
//! Whoever changes what lies there holds it first: the server for its life, a command without a server for its moment.
//! The lock is the system's, so it ends with its holder, however that ends.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// The name of the file that is locked.
pub const LOCK_FILE: &str = "patchcord.lock";

/// How long a server waits for a command that holds the folder, and a command for another: commands take a moment.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often it is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// Why the data folder could not be held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// Another server has it.
    #[error("a server is already running with data folder {folder}", folder = folder.display())]
    Running {
        /// The data folder.
        folder: PathBuf,
    },
    /// It cannot be made, or not be written.
    #[error("data folder {folder} cannot be used", folder = folder.display())]
    Unusable {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl HoldError {
    /// What the person can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Running { .. } => "stop that one first, or name another folder as data in [server]",
            Self::Unusable { .. } => {
                "give this user the right to write there, or name another folder as data in [server]"
            }
        }
    }
}

/// Whether somebody holds that folder now. A look disturbs nobody: it lets go at once of what it may have taken.
pub fn is_held(folder: &Path) -> bool {
    File::open(folder.join(LOCK_FILE)).is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The data folder, ours alone while this lives.
#[derive(Debug)]
pub struct Hold {
    folder: PathBuf,
    // The lock lives as long as the open file.
    _lock: File,
}

impl Hold {
    /// Makes the folder when it is not there, and holds it.
    pub async fn take(folder: &Path) -> Result<Self, HoldError> {
        let unusable = |source| HoldError::Unusable { folder: folder.into(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        let path = folder.join(LOCK_FILE);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let lock = lock.map_err(unusable)?;
        let held = tokio::time::timeout(PATIENCE, async {
            loop {
                match lock.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                    Err(TryLockError::Error(error)) => return Err(error),
                }
            }
        });
        match held.await {
            Ok(Ok(())) => Ok(Self { folder: folder.into(), _lock: lock }),
            Ok(Err(error)) => Err(unusable(error)),
            Err(_) => Err(HoldError::Running { folder: folder.into() }),
        }
    }

    /// The folder that is held.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
