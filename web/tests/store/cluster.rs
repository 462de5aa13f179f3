//! A PostgreSQL server for one test: made by `initdb`, reached by a Unix socket, gone when dropped.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

const MISSING: &str = "PostgreSQL is not installed: the store is tested on it too. Run ./test, which installs it, or \
                       apt-get install postgresql";

/// A running server with one empty database. It ends with this value, or with the test that holds it.
pub struct Cluster {
    server: Child,
    folder: TempDir,
}

impl Cluster {
    /// Makes and starts a server, and waits until it takes connections.
    pub fn start() -> Self {
        let bin = newest_bin(Path::new("/usr/lib/postgresql")).expect(MISSING);
        // Not in the workspace: another user must reach it, and a socket's path may have 107 bytes.
        let folder = tempfile::Builder::new().prefix("patchcord-pg-").tempdir_in("/tmp").expect("a folder");
        let user = server_user(folder.path());
        chown(folder.path(), Some(user.0), Some(user.1)).expect("the folder is given to the server's user");
        let cluster = folder.path().join("cluster");

        let made = as_user(user, &bin.join("initdb"))
            .args(["--no-sync", "--no-locale", "--encoding=UTF8", "--auth=trust", "--username=patchcord", "-D"])
            .arg(&cluster)
            .output()
            .expect("initdb runs");
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let server = serve(folder.path());
        Self { server, folder }
    }

    /// Kills it as a machine that loses its power would.
    #[allow(dead_code, reason = "the store's own tests close it in good order")]
    pub fn kill(&mut self) {
        // Its own end, and that of all its processes, without a word to anybody: what it has acknowledged must be there again.
        end(&mut self.server);
    }

    /// Starts it again on what it had.
    #[allow(dead_code, reason = "the store's own tests need one life")]
    pub fn start_again(&mut self) {
        self.server = serve(self.folder.path());
    }

    /// The folder of its socket.
    #[allow(dead_code, reason = "the store's own tests know it by its address")]
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// Where to connect.
    pub fn url(&self) -> String {
        let socket = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://patchcord@{socket}/postgres")
    }
}

/// The server on the cluster in that folder, once it takes connections.
fn serve(folder: &Path) -> Child {
    let bin = newest_bin(Path::new("/usr/lib/postgresql")).expect(MISSING);
    let mut server = as_user(server_user(folder), &bin.join("postgres"))
        .arg("-D")
        .arg(folder.join("cluster"))
        .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=20", "-c"])
        .arg(format!("unix_socket_directories={}", folder.display()))
        .stderr(Stdio::piped())
        .spawn()
        .expect("postgres runs");
    let mut log = BufReader::new(server.stderr.take().expect("its log is piped"));
    let mut said = String::new();
    while !said.contains("ready to accept connections") {
        let read = log.read_line(&mut said).expect("its log is text");
        assert_ne!(read, 0, "PostgreSQL ended at its start: {said}");
    }
    // Somebody must read on, or the server stops when the pipe is full.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    server
}

impl Drop for Cluster {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

fn end(server: &mut Child) {
    if matches!(server.try_wait(), Ok(Some(_))) {
        return;
    }
    // QUIT is the immediate end that still gives its shared memory back.
    let quit = Command::new("kill").args(["-QUIT", &server.id().to_string()]).status();
    assert!(quit.is_ok_and(|status| status.success()), "PostgreSQL could not be told to end");
    server.wait().expect("PostgreSQL ended");
}

/// The `bin` of the newest version that is installed.
fn newest_bin(versions: &Path) -> Option<PathBuf> {
    let installed = fs::read_dir(versions).ok()?.filter_map(Result::ok);
    let numbered = installed.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())));
    let (_, newest) = numbered.max_by_key(|(version, _)| *version)?;
    Some(newest.join("bin")).filter(|bin| bin.join("postgres").exists())
}

/// Whom the server runs as: it refuses root, so root lends it the user that came with the package.
fn server_user(ours: &Path) -> (u32, u32) {
    let own = fs::metadata(ours).expect("our own folder");
    if own.uid() != 0 {
        return (own.uid(), own.gid());
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let postgres = fields.into_iter().find(|user| user[0] == "postgres").expect(MISSING);
    (postgres[2].parse().expect("a user id"), postgres[3].parse().expect("a group id"))
}

/// A command that ends when the test's thread does, however that ends.
fn as_user((user, group): (u32, u32), program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if fs::metadata("/proc/self").expect("procfs").uid() == 0 {
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]);
    }
    command.arg(program).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}
