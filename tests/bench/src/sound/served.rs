//! A child that carries legs on one core, and a round in which a farm on another one speaks to them.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{AddrParseError, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::farm::Farm;
use super::floor;
use super::legs::{Legs, NoLegs};
use super::role::{Counted, Role, converse};
use super::talkers::Talkers;
use crate::counting;
use crate::process::{Cpu, cpu_of, on_core};

/// Until everybody is latched, buffers have their size and the caches know the way.
const WARM: Duration = Duration::from_millis(1500);

/// Why there is no round.
#[derive(Debug, thiserror::Error)]
pub enum NoRound {
    /// No socket, no process.
    #[error("the system does not give what a round needs")]
    System(#[from] io::Error),
    /// The child has no legs.
    #[error(transparent)]
    Legs(#[from] NoLegs),
    /// The child says something else than where its legs are.
    #[error("the child does not say where its legs are")]
    Places(#[from] AddrParseError),
    /// The child says nothing.
    #[error("the child says nothing")]
    Silent,
}

/// What a child is started with.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// What it is.
    pub role: Role,
    /// How many legs it carries.
    pub legs: usize,
    /// On which core.
    pub core: usize,
    /// Who talks.
    pub talkers: Talkers,
}

/// What one round gave.
pub struct Round {
    /// CPU of the child.
    pub cpu: Cpu,
    /// What it counted.
    pub counted: Counted,
    /// How long the round was.
    pub lasted: Duration,
}

impl Round {
    /// Microseconds of CPU for each packet, in or out.
    #[must_use]
    pub fn packet_us(&self) -> f64 {
        let packets = (self.counted.packets_in + self.counted.packets_out).max(1);
        self.cpu.total().as_secs_f64() * 1e6 / packets as f64
    }

    /// The share of a core, in percent.
    #[must_use]
    pub fn core_percent(&self) -> f64 {
        self.cpu.total().as_secs_f64() * 100.0 / self.lasted.as_secs_f64()
    }
}

impl Served {
    /// The command that starts it: this program, which is to know `child <role> <farm>` and `--legs`.
    ///
    /// # Errors
    /// When this program cannot be found.
    pub fn command(self, farm: SocketAddr) -> Result<Command, NoRound> {
        let mut command = on_core(self.core, &std::env::current_exe()?);
        command.args(["--legs", &self.legs.to_string(), "child", &self.role.to_string(), &farm.to_string()]);
        Ok(command)
    }

    /// One round of that length. Of these legs it is kept what they hear.
    ///
    /// # Errors
    /// When the child or the farm fails.
    pub fn round(self, lasted: Duration, sampled: &[usize]) -> Result<(Round, Farm), NoRound> {
        let mut farm = Farm::new()?;
        let mut child = Running::begin(self.command(farm.place()?)?)?;
        farm.speak_to(child.legs.clone(), self.role.kind(), self.talkers);
        farm.run(WARM)?;
        sampled.iter().for_each(|leg| farm.sample(*leg));
        let (cpu, counted) = child.count()?;
        farm.run(lasted)?;
        let (cpu_after, counted_after) = child.count()?;
        Ok((Round { cpu: cpu_after.since(cpu), counted: counted_after.since(counted), lasted }, farm))
    }
}

/// A child that runs, and the way to talk with it. It ends with this value.
pub struct Running {
    child: Child,
    ask: ChildStdin,
    told: BufReader<ChildStdout>,
    /// Where its legs hear sound.
    pub legs: Vec<SocketAddr>,
}

impl Running {
    /// Starts it and waits until it has said where its legs are.
    ///
    /// # Errors
    /// When it does not.
    pub fn begin(mut command: Command) -> Result<Self, NoRound> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let ask = child.stdin.take().ok_or(NoRound::Silent)?;
        let mut told = BufReader::new(child.stdout.take().ok_or(NoRound::Silent)?);
        let mut line = String::new();
        told.read_line(&mut line)?;
        let legs = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { child, ask, told, legs })
    }

    fn count(&mut self) -> Result<(Cpu, Counted), NoRound> {
        let cpu = cpu_of(self.child.id())?;
        writeln!(self.ask)?;
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        Ok((cpu, Counted::read(&line).ok_or(NoRound::Silent)?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            eprintln!("a child cannot be ended: {error}");
        }
    }
}

/// Is such a child, until nobody asks it any more.
///
/// # Errors
/// When there are no legs, or nobody to talk with.
pub fn serve(role: Role, count: usize, farm: SocketAddr) -> Result<(), NoRound> {
    if matches!(role, Role::FloorRelay | Role::FloorPackets) {
        let (places, packets) = floor::start(count, farm, role == Role::FloorPackets)?;
        converse(&places, || Counted {
            allocations: counting::count_of_allocations(),
            packets_in: packets[0].load(Ordering::Relaxed),
            packets_out: packets[1].load(Ordering::Relaxed),
            ..Counted::default()
        })?;
        return Ok(());
    }
    let legs = Legs::open(role, count, farm)?;
    converse(&legs.places, || legs.count())?;
    Ok(())
}
