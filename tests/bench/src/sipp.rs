//! SIPp as the load: Debian's `sipp`, on a core of its own, with the scenarios of this folder, as the caller, as somebody who
//! keeps calls up, and as the callee.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::people::{self, CALLED};
use crate::process::{bound, on_core};

/// Calls that SIPp has under way at most. Reached only when the server is far behind; SIPp wants a file descriptor for
/// each, and 20 000 is all that some systems grant.
const MOST_AT_ONCE: &str = "10000";

/// How long held calls stand, in milliseconds: longer than any measurement.
const HELD: &str = "3600000";

/// As much of SIPp's complaints as a person reads.
const COMPLAINTS: usize = 600;

/// What SIPp plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// INVITE, 200, ACK, BYE, 200.
    Call,
    /// REGISTER, 401, REGISTER with digest, 200.
    Register,
    /// INVITE, 401, ACK, INVITE with digest, 200, ACK, BYE, 200.
    Proven,
    /// INVITE, 200, ACK, three keys by INFO, a second in which somebody else answers, BYE, 200.
    Reception,
}

impl Scenario {
    fn text(self) -> &'static str {
        match self {
            Self::Call => include_str!("../scenarios/call.xml"),
            Self::Register => include_str!("../scenarios/register.xml"),
            Self::Proven => include_str!("../scenarios/proven.xml"),
            Self::Reception => include_str!("../scenarios/reception.xml"),
        }
    }
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Calls begun each second.
    pub rate: u32,
    /// Calls in all.
    pub calls: u32,
}

/// What SIPp counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Calls that went as the scenario says.
    pub good: u64,
    /// Calls that did not.
    pub failed: u64,
    /// Messages that were sent again, because the server or the kernel was too slow or lost them.
    pub repeated: u64,
    /// From INVITE to 200 on the average, where the scenario times it.
    pub answered_in: Duration,
}

/// A caller with its scenarios at hand.
pub struct Sipp {
    folder: TempDir,
    core: usize,
    runs: u32,
    errors: PathBuf,
}

/// A SIPp that plays on until this value is dropped.
pub struct Playing(Child);

impl Drop for Playing {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("sipp {} cannot be ended: {error}", self.0.id());
        }
    }
}

impl Sipp {
    /// SIPp on that core, with as many users who may register.
    pub fn new(core: usize, users: usize) -> io::Result<Self> {
        let folder = TempDir::with_prefix("patchcord-bench-")?;
        let mut list = String::from("SEQUENTIAL\n");
        for number in 0..users {
            let (user, password) = (people::user(number), people::password(number));
            let _ = writeln!(list, "{user};[authentication username={user} password={password}]");
        }
        std::fs::write(folder.path().join("users.csv"), list)?;
        Ok(Self { folder, core, runs: 0, errors: PathBuf::new() })
    }

    /// Plays a scenario against a server to the end. On a busy machine SIPp itself stalls and gives calls up; a round in
    /// which that was more than one in a hundred says nothing.
    pub fn play(&mut self, scenario: Scenario, load: Load, server: SocketAddr) -> io::Result<Count> {
        self.runs += 1;
        let place = |name: &str| self.folder.path().join(format!("{name}-{}", self.runs));
        let (script, statistics, errors) = (place("scenario.xml"), place("statistics.csv"), place("errors.log"));
        std::fs::write(&script, scenario.text())?;
        self.errors.clone_from(&errors);
        // Far above the time that the load takes by itself; only a dead server lets it pass.
        let patience = load.calls / load.rate + 60;
        let mut command = on_core(self.core, Path::new("sipp"));
        command.current_dir(self.folder.path()).arg(server.to_string()).arg("-sf").arg(&script);
        if matches!(scenario, Scenario::Register | Scenario::Proven) {
            command.args(["-inf", "users.csv"]);
        }
        if scenario == Scenario::Proven {
            // Left alone, SIPp signs for the server's address, and a proof is good for the Request-URI only.
            command.arg("-auth_uri").arg(format!("{CALLED}@{server};user=phone"));
        }
        command.args(["-i", "127.0.0.1", "-nostdin", "-r", &load.rate.to_string(), "-m", &load.calls.to_string()]);
        command.args([
            "-l",
            MOST_AT_ONCE,
            "-recv_timeout",
            "10000",
            "-timeout",
            &format!("{patience}s"),
            "-timeout_error",
        ]);
        command.args(["-trace_err", "-error_file"]).arg(&errors);
        command.args(["-trace_stat", "-fd", "1", "-stf"]).arg(&statistics);
        let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        match count(&statistics) {
            Some(count) if count.failed * 100 <= u64::from(load.calls) && count.good > 0 => Ok(count),
            _ => Err(io::Error::other(format!("sipp ended with {status}: {}", complaints(&errors)))),
        }
    }

    /// What SIPp complained of in the last round, as much of it as a person reads.
    pub fn complaints(&self) -> String {
        complaints(&self.errors)
    }

    /// Begins as many calls as the load says, and keeps them up.
    pub fn hold(&mut self, load: Load, server: SocketAddr) -> io::Result<Playing> {
        let mut command = self.played(include_str!("../scenarios/held.xml"))?;
        command.arg(server.to_string()).args(["-d", HELD]);
        command.args(["-r", &load.rate.to_string(), "-m", &load.calls.to_string(), "-l", MOST_AT_ONCE]);
        Ok(Playing(command.spawn()?))
    }

    /// Answers whoever calls that address, from now on.
    pub fn answer_at(&mut self, address: SocketAddr) -> io::Result<Playing> {
        let mut command = self.played(include_str!("../scenarios/callee.xml"))?;
        command.args(["-p", &address.port().to_string()]);
        let playing = Playing(command.spawn()?);
        bound(address.port())?;
        Ok(playing)
    }

    fn played(&mut self, text: &str) -> io::Result<Command> {
        self.runs += 1;
        let script = self.folder.path().join(format!("scenario-{}.xml", self.runs));
        std::fs::write(&script, text)?;
        let mut command = on_core(self.core, Path::new("sipp"));
        command.current_dir(self.folder.path()).arg("-sf").arg(&script).args(["-i", "127.0.0.1", "-nostdin"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }
}

/// The last line of the statistics, by the names in the first.
fn count(statistics: &PathBuf) -> Option<Count> {
    let text = std::fs::read_to_string(statistics).ok()?;
    let names: Vec<_> = text.lines().next()?.split(';').collect();
    let last: Vec<_> = text.lines().last()?.split(';').collect();
    let text_of = |name: &str| last.get(names.iter().position(|one| *one == name)?).copied();
    let field = |name: &str| text_of(name)?.parse::<u64>().ok();
    Some(Count {
        good: field("SuccessfulCall(C)")?,
        failed: field("FailedCall(C)")?,
        repeated: field("Retransmissions(C)")?,
        answered_in: text_of("ResponseTime1(C)").and_then(duration).unwrap_or_default(),
    })
}

/// A time as SIPp writes it: hours, minutes, seconds, and microseconds behind a colon.
fn duration(text: &str) -> Option<Duration> {
    let mut parts = text.split(':').map(|part| part.parse::<u64>().ok());
    let mut next = || parts.next().flatten();
    let (hours, minutes, seconds, micros) = (next()?, next()?, next()?, next()?);
    Some(Duration::from_secs((hours * 60 + minutes) * 60 + seconds) + Duration::from_micros(micros))
}

fn complaints(errors: &Path) -> String {
    match std::fs::read_to_string(errors) {
        Ok(text) => text.chars().take(COMPLAINTS).collect(),
        Err(error) => format!("it said nothing ({error})"),
    }
}
