//! The control socket's file.
//!
//! Whoever binds it holds the data folder, so a socket that lies there already belongs to a server that is gone.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use tokio::net::UnixListener;

use crate::folder::Hold;

/// The name of the socket in the data folder.
pub const SOCKET_FILE: &str = "control.sock";

/// Longest path that the system takes for a socket (`sun_path`, less the zero at its end).
const MAX_PATH: usize = 107;

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The data folder lies too deep.
    #[error("the path {path} is too long for a socket", path = path.display())]
    Long {
        /// Where it would lie.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("control socket {path} cannot be made", path = path.display())]
    Socket {
        /// Where it would lie.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    /// What the person can do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Long { .. } => "name a folder with a shorter path as data in [server]",
            Self::Socket { .. } => "see that the data folder lies on a file system that has sockets and can be written",
        }
    }
}

/// Makes the socket in the folder that is held, in place of one that was left there.
pub fn bind(hold: &Hold) -> Result<UnixListener, BindError> {
    let path = hold.folder().join(SOCKET_FILE);
    // Nobody can knock before its mode is right: it gets its name last.
    let draft = hold.folder().join(".sock");
    if path.as_os_str().len() > MAX_PATH {
        return Err(BindError::Long { path });
    }
    let bound = (|| {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&draft)?;
        fs::set_permissions(&draft, Permissions::from_mode(0o600))?;
        fs::rename(&draft, &path)?;
        Ok(listener)
    })();
    bound.map_err(|source| BindError::Socket { path, source })
}
