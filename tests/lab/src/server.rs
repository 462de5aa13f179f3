//! The server under test: the real binary as a process, with a data folder that outlives it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

use crate::line::Carrier;
use crate::process::{Ended, Process};
use crate::wait::PATIENCE;

/// What a server is started with.
pub struct Setup {
    binary: PathBuf,
    ip: &'static str,
    toml: String,
    web: String,
    server: String,
    endpoints: String,
    with_ws: bool,
    with_wss: bool,
    with_https: bool,
    shards: usize,
    services: Vec<(String, String)>,
}

impl Setup {
    /// `binary` is `env!("CARGO_BIN_EXE_patchcord")`, which only the tests of the root package know. The variable
    /// `LAB_BINARY` puts another build in its place, such as a release.
    pub fn new(binary: &str) -> Self {
        let binary = std::env::var_os("LAB_BINARY").unwrap_or_else(|| binary.into());
        Self {
            binary: binary.into(),
            ip: "127.0.0.1",
            toml: String::new(),
            web: String::new(),
            server: String::new(),
            endpoints: String::new(),
            with_ws: false,
            with_wss: false,
            with_https: false,
            shards: 1,
            services: Vec::new(),
        }
    }

    /// Listens on IPv6 loopback instead.
    pub fn on_ipv6(mut self) -> Self {
        self.ip = "[::1]";
        self
    }

    /// Listens for WebSockets, too.
    pub fn with_ws(mut self) -> Self {
        self.with_ws = true;
        self
    }

    /// Listens for WebSockets under TLS, too.
    pub fn with_wss(mut self) -> Self {
        self.with_wss = true;
        self
    }

    /// Has its pages under TLS, too.
    pub fn with_https(mut self) -> Self {
        self.with_https = true;
        self
    }

    /// Carries its calls on so many threads.
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = shards;
        self
    }

    /// An endpoint in the configuration file.
    pub fn endpoint(self, user: &str, password: &str) -> Self {
        self.endpoint_with(user, password, "")
    }

    /// An endpoint with more keys, as they stand in the file.
    pub fn endpoint_with(mut self, user: &str, password: &str, keys: &str) -> Self {
        self.endpoints += &format!("[[endpoint]]\nuser = \"{user}\"\npassword = \"{password}\"\n{keys}\n");
        self
    }

    /// All of these accounts.
    pub fn endpoints(self, accounts: &[(String, String)], keys: &str) -> Self {
        accounts.iter().fold(self, |setup, (user, password)| setup.endpoint_with(user, password, keys))
    }

    /// More sections of the file, as they stand there; not `[server]`, `[sip]` and `[web]`.
    pub fn toml(mut self, text: &str) -> Self {
        self.toml += text;
        self.toml += "\n";
        self
    }

    /// More keys of `[web]`, as they stand there.
    pub fn web(mut self, keys: &str) -> Self {
        self.web += keys;
        self
    }

    /// More keys of `[server]`, as they stand there.
    pub fn server(mut self, keys: &str) -> Self {
        self.server += keys;
        self
    }

    /// A script in the folder of services.
    pub fn service(mut self, name: &str, text: &str) -> Self {
        self.services.push((name.into(), text.into()));
        self
    }

    /// Starts the server and waits until it listens.
    pub async fn start(self) -> Server {
        let mut server = self.made();
        server.start().await;
        server
    }

    /// The server with its folder, not started yet.
    pub fn made(self) -> Server {
        let folder = TempDir::with_prefix("patchcord-").expect("a folder for the server");
        let server = Server {
            setup: self,
            folder,
            bound: Vec::new(),
            ws: None,
            wss: None,
            web: None,
            https: None,
            process: None,
        };
        server.write_configuration();
        for (name, text) in &server.setup.services {
            server.write_service(name, text);
        }
        server
    }
}

/// The real binary, running or stopped.
pub struct Server {
    setup: Setup,
    folder: TempDir,
    bound: Vec<(Carrier, SocketAddr)>,
    ws: Option<SocketAddr>,
    wss: Option<SocketAddr>,
    web: Option<String>,
    https: Option<SocketAddr>,
    process: Option<Process>,
}

impl Server {
    /// Saves a script in the folder of services; with an ending, a file beside the scripts.
    pub fn write_service(&self, name: &str, text: &str) {
        let folder = self.folder.path().join("scripts");
        std::fs::create_dir_all(&folder).expect("a folder for services");
        let name = if name.contains('.') { name.to_owned() } else { format!("{name}.rhai") };
        std::fs::write(folder.join(name), text).expect("a service is written");
    }

    /// Deletes a script from the folder of services.
    pub fn remove_service(&self, name: &str) {
        let path = self.folder.path().join("scripts").join(format!("{name}.rhai"));
        std::fs::remove_file(path).expect("a service is deleted");
    }

    /// Where it listens for that carrier.
    pub fn address(&self, carrier: Carrier) -> SocketAddr {
        let bound = self.bound.iter().find(|(bound, _)| *bound == carrier);
        bound.unwrap_or_else(|| panic!("the server does not listen on {carrier:?}: {:?}", self.bound)).1
    }

    /// Where it listens for WebSockets.
    pub fn ws(&self) -> SocketAddr {
        self.ws.expect("the server was set up with WebSockets and says where")
    }

    /// Where it listens for WebSockets under TLS.
    pub fn wss(&self) -> SocketAddr {
        self.wss.expect("the server was set up with WebSockets under TLS and says where")
    }

    /// Where its pages are under TLS.
    pub fn https(&self) -> SocketAddr {
        self.https.expect("the server was set up with HTTPS and says where")
    }

    /// Asks its HTTP door; gives back the status and the body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let web = self.web.as_deref().expect("the server said where its HTTP door is");
        let asking = async {
            let mut stream = TcpStream::connect(web).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} is not answered"));
        let answer = answer.unwrap_or_else(|error| panic!("{path} at {web}: {error}"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{path} is answered with no HTTP: {answer}")), body.to_owned())
    }

    /// Its configuration file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("patchcord.toml")
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its process; panics when it is stopped.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server runs")
    }

    /// Starts it again where it was before, on the same ports and data.
    pub async fn start(&mut self) {
        self.begin();
        self.listens().await;
    }

    /// Begins to start it, without waiting for anything.
    pub fn begin(&mut self) {
        let mut command = self.command(&self.configuration(), &["run"]);
        self.process = Some(Process::start("patchcord", &mut command));
    }

    /// Waits until it listens.
    pub async fn listens(&mut self) {
        let process = self.process.as_mut().expect("it was begun");
        // The data folder is named after the last listener.
        process.line("where it listens", |line| line.starts_with("  data ").then_some(())).await;
        self.bound = process.said().iter().filter_map(|line| bound(line)).collect();
        self.ws = process.said().iter().find_map(|line| line.strip_prefix("  sip  ws:")?.parse().ok());
        self.wss = process.said().iter().find_map(|line| line.strip_prefix("  sip  wss:")?.parse().ok());
        self.web = process.said().iter().find_map(|line| web(line, "http"));
        self.https = process.said().iter().find_map(|line| web(line, "https")?.parse().ok());
        assert_eq!(self.bound.len(), Carrier::ALL.len(), "it listens elsewhere: {:?}", process.said());
        self.write_configuration();
    }

    /// SIGTERM, and waits until it has gone.
    pub async fn stop(&mut self) -> Ended {
        let process = self.process.take().expect("the server runs");
        process.signal("TERM").await;
        process.end().await
    }

    /// SIGKILL: it gets no chance to tidy up.
    pub async fn kill(&mut self) {
        self.process.take().expect("the server runs").kill().await;
    }

    /// Runs a command of the binary beside the server; gives back what it said and whether it exited with 0.
    pub async fn run(&self, arguments: &[&str], input: &str) -> (String, bool) {
        self.run_with(&self.configuration(), arguments, input).await
    }

    /// The same with another configuration file.
    pub async fn run_with(&self, configuration: &Path, arguments: &[&str], input: &str) -> (String, bool) {
        let mut command = self.command(configuration, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let running = async {
            // A command that reads no input may have gone already.
            let _read_or_not = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            child.wait_with_output().await
        };
        let output = timeout(PATIENCE, running).await.unwrap_or_else(|_| panic!("{arguments:?} does not end"));
        let output = output.expect("a child can be waited for");
        let said = if output.status.success() { &output.stdout } else { &output.stderr };
        (String::from_utf8_lossy(said).into_owned(), output.status.success())
    }

    /// The same for a command that must succeed, with its JSON.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let (said, good) = self.run(arguments, "").await;
        assert!(good, "{arguments:?} failed: {said}");
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{arguments:?} said no JSON ({error}): {said}"))
    }

    /// Resident memory in KiB, as the kernel counts it.
    pub fn resident_kib(&mut self) -> u64 {
        let path = format!("/proc/{}/status", self.process().id());
        let status = fs::read_to_string(path).expect("the kernel tells about the server");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
        line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
    }

    fn command(&self, configuration: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.setup.binary);
        command.current_dir(self.folder.path()).args(arguments).arg("-c").arg(configuration);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PATCHCORD_")) {
            command.env_remove(name);
        }
        command
    }

    /// Any free port at first; the same ports again after a restart, as phones expect.
    fn write_configuration(&self) {
        let port = |carrier| self.bound.iter().find(|(bound, _)| *bound == carrier).map_or(0, |(_, at)| at.port());
        let mut listen: Vec<String> = Carrier::ALL
            .map(|carrier| format!("\"{}:{}:{}\"", carrier.name().to_lowercase(), self.setup.ip, port(carrier)))
            .to_vec();
        let ws = self.ws.map_or(0, |ws| ws.port());
        listen.extend(self.setup.with_ws.then(|| format!("\"ws:{}:{ws}\"", self.setup.ip)));
        let wss = self.wss.map_or(0, |wss| wss.port());
        listen.extend(self.setup.with_wss.then(|| format!("\"wss:{}:{wss}\"", self.setup.ip)));
        let https = if self.setup.with_https { ", \"https:127.0.0.1:0\"" } else { "" };
        let text = format!(
            "[server]\ndata = \"data\"\n{}\n[sip]\nlisten = [{}]\nshards = {}\n[web]\nlisten = [\"http:127.0.0.1:0\"{https}]\n{}\n{}\n{}",
            self.setup.server,
            listen.join(", "),
            self.setup.shards,
            self.setup.web,
            self.setup.toml,
            self.setup.endpoints,
        );
        write(&self.configuration(), &text);
    }
}

/// A line like `  sip  udp:127.0.0.1:5060` of the server's greeting.
fn bound(line: &str) -> Option<(Carrier, SocketAddr)> {
    let (transport, address) = line.strip_prefix("  sip  ")?.split_once(':')?;
    let carrier = Carrier::ALL.into_iter().find(|carrier| carrier.name().eq_ignore_ascii_case(transport))?;
    Some((carrier, address.parse().ok()?))
}

/// A line like `  web  http://127.0.0.1:8080/  (…)`.
fn web(line: &str, scheme: &str) -> Option<String> {
    line.strip_prefix("  web  ")?.strip_prefix(scheme)?.strip_prefix("://")?.split('/').next().map(str::to_owned)
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
