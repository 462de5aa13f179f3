//! A server under measurement: a child process on one core, and the CPU time it has taken.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::poll;
use rustix::io::Errno;
use rustix::time::Timespec;

/// Linux counts the CPU time it shows in /proc in hundredths of a second, whatever the kernel's own tick.
const TICKS_PER_SECOND: u64 = 100;

/// A program that starts has bound its port within seconds, also on a busy machine.
const LOOKS: usize = 500;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// CPU time, by where it was spent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// In the program.
    pub user: Duration,
    /// In the kernel on its behalf.
    pub system: Duration,
}

impl Cpu {
    /// All of it.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was taken since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

/// For a server under measurement: memory in small pages, as the product's.
pub fn small_pages() -> io::Result<()> {
    Ok(rustix::thread::disable_transparent_huge_pages(true)?)
}

/// A child process that is bound to one core and ends with this value.
pub struct Pinned {
    child: Child,
    /// Where it said that it listens.
    pub addr: SocketAddr,
}

impl Pinned {
    /// Starts a program of this bench on that core, and waits until it has printed the address where it listens.
    pub fn start(program: &str, arguments: &[String], core: usize) -> io::Result<Self> {
        let mut child = on_core(core, &beside_us(program)?)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| {
                io::Error::new(error.kind(), format!("taskset or {program} cannot be started: {error}"))
            })?;
        let mut line = String::new();
        let said = child.stdout.take().map(|stdout| BufReader::new(stdout).read_line(&mut line));
        match (said, line.trim().parse()) {
            (Some(Ok(_)), Ok(addr)) => Ok(Self { child, addr }),
            _ => {
                let status = end(&mut child)?;
                Err(io::Error::other(format!("{program} did not say where it listens ({status}): {line:?}")))
            }
        }
    }

    /// The CPU time that it has taken, all threads together.
    pub fn cpu(&self) -> io::Result<Cpu> {
        cpu_of(self.child.id())
    }

    /// The CPU time that its threads have taken whose names begin so.
    pub fn cpu_of_threads(&self, names: &str) -> io::Result<Cpu> {
        cpu_of_threads(self.child.id(), names)
    }

    /// The memory that it has resident, in bytes.
    pub fn resident(&self) -> io::Result<u64> {
        resident(self.child.id())
    }
}

/// The CPU time that the threads of a process have taken whose names begin so.
pub fn cpu_of_threads(process: u32, names: &str) -> io::Result<Cpu> {
    let mut sum = Cpu::default();
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let folder = thread?.path();
        if std::fs::read_to_string(folder.join("comm"))?.starts_with(names) {
            let Cpu { user, system } = cpu_in(&folder)?;
            sum = Cpu { user: sum.user + user, system: sum.system + system };
        }
    }
    Ok(sum)
}

/// The memory that a process has resident, in bytes.
pub fn resident(process: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kilobytes.map(|count| count * 1024).ok_or_else(|| io::Error::other("the kernel tells no VmRSS"))
}

/// The CPU time that a process has taken, all threads together.
pub fn cpu_of(process: u32) -> io::Result<Cpu> {
    cpu_in(Path::new(&format!("/proc/{process}")))
}

fn cpu_in(folder: &Path) -> io::Result<Cpu> {
    let stat = std::fs::read_to_string(folder.join("stat"))?;
    // The second field is the name in brackets, which may hold blanks; user and system time are 14th and 15th.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = |field: usize| {
        let text = after_name.split_whitespace().nth(field - 3).unwrap_or_default();
        let ticks = text.parse::<u64>().map_err(|_| io::Error::other(format!("/proc holds no CPU time: {stat}")))?;
        Ok::<_, io::Error>(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    };
    Ok(Cpu { user: ticks(14)?, system: ticks(15)? })
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Err(error) = end(&mut self.child) {
            eprintln!("process {} cannot be ended: {error}", self.child.id());
        }
    }
}

fn end(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    child.kill()?;
    child.wait()
}

/// Lets time pass: what stands or rests is measured after it, and no fact could end it sooner.
pub fn pass(time: Duration) -> io::Result<()> {
    let time = Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() };
    match poll(&mut [], Some(&time)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits until somebody has bound that UDP port.
pub fn bound(port: u16) -> io::Result<()> {
    let row = format!(":{port:04X} ");
    for _ in 0..LOOKS {
        if std::fs::read_to_string("/proc/net/udp")?.lines().any(|line| line.contains(&row)) {
            return Ok(());
        }
        pass(BETWEEN_LOOKS)?;
    }
    Err(io::Error::other(format!("nobody listens at UDP port {port}: is sipp installed?")))
}

/// A command that runs on that core only. `taskset` replaces itself by the program, so the process is the program.
pub fn on_core(core: usize, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// The other programs of this bench lie where this one does.
fn beside_us(program: &str) -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(program);
    if path.exists() {
        Ok(path)
    } else {
        Err(io::Error::other(format!(
            "{} is not built; run `cargo build --release -p patchcord-bench` first",
            path.display()
        )))
    }
}
